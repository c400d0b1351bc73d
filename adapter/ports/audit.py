"""Who saw and did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from adapter.ports.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """That somebody saw or changed something, or was refused it: never changed once it is in the chain.

    `about` are the patients (as `Stored.patient`), `body` is JSON of what happened, by whom and on which ground, as
    `docs/audit.md` has it. Several records may have one `id`: what is told more than once was told more than once.
    """

    id: str
    moment: datetime
    tenant: str
    about: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A record in the audit's chain, at its position (from 1). `digest` seals it and all before it (`adapter.domain.chain`)."""

    position: int
    record: AuditRecord
    digest: bytes


class Appended(NamedTuple):
    """What an append came to: which of the proofs were fresh, and where the chain ends now."""

    fresh: list[bool]
    position: int
    digest: bytes


class Audit(Protocol):
    """Who saw and did what. A part of `Unit`."""

    def await_audit(self, record: AuditRecord) -> None:
        """Keep a record that is not in the chain yet, with the very change that it tells of.

        It comes to be about those too whose resources are put in the unit afterwards.
        `Store.append_audit` of a record with its id and tenant takes its place. Where that never comes, since the service
        ended before it answered, it enters the chain as it is.
        """
        ...

    def patient_of(self, row: Outgoing) -> str: ...  # whose record a row of the outbox tells of (`Stored.patient`)
    def spend(self, proof: str, until: datetime) -> bool:
        """Use up a proof of possession, which is remembered until then. False where it was used before."""
        ...

    def audit_about(self, tenant: str, patient: str, after: int = 0, limit: int = 500) -> list[Link]:
        """The chain's records about a patient, oldest first, from those behind position `after` on."""
        ...
