"""What other FHIR servers have of ours, and what waits for a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Shared:
    """A resource of ours that another FHIR server has too, or is to have.

    `home`: the partner's is the authoritative one, and ours follows it. `remote` is its id there (empty until we know it),
    `etag` and `seen` (the shared elements, as JSON) what it was when both sides last agreed.
    """

    tenant: str
    type: str
    id: str
    partner: str
    home: bool = False
    remote: str = ""
    etag: str = ""
    seen: bytes = b""


@dataclass(frozen=True, slots=True)
class PartnerState:
    """What is remembered of a partner. `mode` as its CapabilityStatement has it; no call before `open_until` (circuit breaker).

    Changes until `heard` have been taken in; all that is shared was last compared when `compared` says.
    """

    name: str
    mode: Literal["", "push", "wait"] = ""
    failures: int = 0
    open_until: datetime | None = None
    failing_since: datetime | None = None
    reached: datetime | None = None
    heard: datetime | None = None
    compared: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that waits for a person. There is one open of the same tenant, partner, `about` (`Task/id`) and kind.

    `kind`: `refused` (by the partner), `conflict`, `illegal` (a change that the life forbids), `foreign` (not what we asked for),
    `overdue`, `unreachable`, `no-one-to-ask`. `detail` is the partner's OperationOutcome.
    """

    tenant: str
    partner: str
    about: str
    kind: str
    en: str
    nb: str
    since: datetime
    detail: bytes = b""
    settled: datetime | None = None


class Sharing(Protocol):
    """What partners have too. A part of `Unit`."""

    def shared(self, tenant: str, type: str, id: str) -> list[Shared]: ...
    def shared_there(self, partner: str, type: str, remote: str) -> list[Shared]: ...  # by its id there
    def shared_with(
        self, partner: str, after: str, limit: int
    ) -> list[Shared]: ...  # a page; `after`: `tenant type id` of the last
    def keep_shared(self, shared: Shared) -> None: ...
    def drop_shared(self, shared: Shared) -> None: ...
    def partner_state(self, name: str) -> PartnerState: ...  # a new one where there is none
    def keep_partner_state(self, state: PartnerState) -> None: ...
    def raise_trouble(self, trouble: Trouble) -> bool:
        """Keep it, unless one like it is open: that one keeps its `since` and gets the words. True where it is new."""
        ...

    def settle(self, tenant: str, about: str, now: datetime, *, kinds: Collection[str] = (), partner: str = "") -> int:
        """Close the open troubles about a resource, or those of some kinds or a partner; returns how many."""
        ...

    def troubles(self, tenants: Sequence[str], about: Sequence[str] = (), limit: int = 100) -> list[Trouble]:
        """The open ones, oldest first; only those about some resources where any are named."""
        ...

    def count_troubles(self, tenants: Sequence[str]) -> dict[str, int]: ...  # open ones, by partner
