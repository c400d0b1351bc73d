"""Other FHIR servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from adapter.domain.problem import Problem


@dataclass(frozen=True, slots=True)
class Remote:
    """A version of a resource as another FHIR server has it. `body` is empty where it gave none back."""

    type: str
    id: str
    etag: str
    body: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Problem):
    """A partner that refused, with its OperationOutcome where it gave one."""

    outcome: bytes = b""


class FhirServer(Protocol):
    """A partner's FHIR server. What servers do differently ends here.

    Every method raises `Problem(TRANSIENT)` (`retry_after`: as it asks) where a later try may succeed: no answer, 429, 5xx, an
    answer that cannot be read; `Refusal` where none will.
    """

    name: str
    base_url: str

    def mode(self) -> Literal["push", "wait"]:
        """What its CapabilityStatement allows: `push` where Tasks can be created there (conditionally) and updated."""
        ...

    def create(self, bundle: bytes) -> Remote:
        """Post a transaction whose only entry is a conditional create; what was created, or was there. Every entry's own
        status counts. Kind AMBIGUOUS: several match.
        """
        ...

    def find(self, type: str, system: str, value: str) -> list[Remote]: ...  # by identifier
    def read(self, type: str, id: str) -> Remote: ...  # kind NOT_FOUND: it is not there, or no longer
    def change(self, remote: Remote, body: Mapping[str, Any]) -> Remote:
        """Put `body` in the stead of the version that was read; kind STALE where that is no longer the newest."""
        ...

    def changed(self, since: datetime | None) -> Iterator[Remote]:
        """The assignments there that changed from a moment on (all, without one), oldest first, each once."""
        ...

    def notify(self, address: str, body: bytes) -> None: ...
    def close(self) -> None: ...
