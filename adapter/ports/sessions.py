"""Who is logged in at a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapter.ports.audit import Link


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in at a browser. `digest` is the SHA-256 of the session's id, which only the browser has.

    `subject` is who the issuer says it is, `claims` JSON of what it said of them.
    """

    digest: str
    subject: str
    begun: datetime
    used: datetime
    claims: bytes


class Sessions(Protocol):
    """Who is logged in. A part of `Unit`."""

    def session(self, digest: str) -> Session | None: ...
    def begin_session(self, begun: Session) -> None: ...
    def use_session(self, digest: str, now: datetime) -> None: ...
    def end_session(self, digest: str) -> None: ...
    def end_sessions(self, subject: str) -> int: ...  # all of one person's; how many
    def end_old_sessions(self, begun: datetime, used: datetime) -> int: ...  # those begun, or last used, before

    def audit_links(self, after: int | None = None, limit: int = 1000) -> list[Link]:
        """The chain as it is stored, in order, from behind a position on, for whoever verifies it; what is no record is given
        as one with an empty seal.
        """
        ...

    def audit_end(self) -> tuple[int, bytes]: ...  # position and seal of the last record
    def audit_mark(self) -> tuple[int, bytes]: ...  # the same of the last that was dropped; 0 and zeros where none was
