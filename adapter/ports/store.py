"""The database: units of work on it, and what it does outside of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Event
from types import MappingProxyType
from typing import Protocol, TypeVar

from adapter.domain.problem import Finding
from adapter.ports.audit import Appended, Audit, AuditRecord
from adapter.ports.exports import Exports
from adapter.ports.figures import Figures
from adapter.ports.following import Following
from adapter.ports.keeping import Keeping
from adapter.ports.messages import Messages
from adapter.ports.outbox import Outbox, Outgoing
from adapter.ports.processes import Processes
from adapter.ports.resources import Resources, Stored
from adapter.ports.sessions import Sessions
from adapter.ports.sharing import Sharing

T = TypeVar("T")


class Unit(Messages, Resources, Exports, Keeping, Outbox, Sharing, Figures, Following, Audit, Sessions, Processes, Protocol):
    """One transaction: all of it is kept, or nothing. Reads see the unit's own writes.

    Units that write are serialisable on every engine: what a unit has read cannot have been changed by another when it
    commits. So read, decide and write within one unit needs no version check of its own; where two units meet, one of
    them is ended with `Problem(CONFLICT)` and is to be run again from its start.
    """

    def savepoint(self) -> AbstractContextManager[None]: ...

    def setting(self, name: str) -> bytes | None: ...  # what the installation keeps about itself (its key)
    def set_setting(self, name: str, value: bytes) -> None: ...


class Store(Protocol):
    """The database. `write` serialises writers (SQLite) or detects conflicts and raises `Problem(CONFLICT)` (PostgreSQL).

    A database that cannot be reached, is busy or full is `Problem(TRANSIENT)`. `read` gives one snapshot of everything
    committed, and refuses to write. Do not open a `write` inside another in the same thread.
    """

    quick: bool
    """Whether `newest` answers within microseconds, so that it may be asked where nothing may wait (an event loop)."""

    def seen_by(self, tenants: Sequence[str], who: Sequence[str]) -> Store:
        """The same database without the record of any patient who blocks one of `who` in one of these spaces.

        `who` are organisation, HPR and national numbers; a block is an active Consent (profile *patient-block*). What is in that
        patient's record does not exist for `newest` and for the units (the Consent neither): not for counts, pages or figures.
        Left whole is what only the service's own work asks for: what it receives, sends and shares.
        """
        ...

    def write(self) -> AbstractContextManager[Unit]: ...
    def read(self) -> AbstractContextManager[Unit]: ...
    def run(self, job: Callable[[Unit], T]) -> T:
        """Do a job in a unit that writes, and return what it returns once that is safely stored.

        The way for many small jobs from many threads: SQLite commits those that meet as one, PostgreSQL runs a job again
        that another one overtook. So a job may run several times, and in another thread; what it raises undoes it alone.
        Do not call it within a unit of the same thread.
        """
        ...

    def run_each(self, jobs: Sequence[Callable[[Unit], T]]) -> list[T | Exception]:
        """Do several jobs, each as `run` would, with as few commits as may be. What one raises stands in its place and undoes it
        alone. A job may run again after it was committed, where the database went away before it could say so.
        """
        ...

    def newest(self, tenant: str, type: str, id: str) -> Stored | None:
        """The newest version of one resource that is committed, by the shortest way."""
        ...

    def claim(
        self, now: datetime, lease: float, limit: int, hubs: Sequence[str], passed_over: Sequence[str] = ()
    ) -> list[Outgoing]:
        """Head rows of their keys that are due, marked as attempted (`attempts` + 1) and held for `lease` seconds; none to the
        receivers that are `passed_over`.

        Committed before it returns, so that after a crash the next attempt knows that there was one.
        """
        ...

    def bell(self, name: str) -> Event:
        """Set whenever something is put in the outbox for a hub or partner, here or in another process; whoever waits clears it."""
        ...

    def listen(self, stopped: Event) -> None:
        """Hear of what other processes put there, until `stopped`: for a thread of its own."""
        ...

    def append_audit(
        self,
        records: Sequence[AuditRecord],
        proofs: Sequence[tuple[str, datetime]],
        now: datetime,
        instead: Mapping[str, Sequence[AuditRecord]] = MappingProxyType({}),
    ) -> Appended:
        """Chain the records and spend the proofs (each with the time until which it is remembered) in one commit.

        Where a proof was spent before, the records that it has in `instead` go in place of those with their ids. What units have
        kept waiting for a minute is chained as well.
        """
        ...

    def drop_audit(self, before: datetime, now: datetime) -> int:
        """Remove the oldest records, up to the first that is not older; how many. The chain itself tells where it begins now."""
        ...

    def migrate(self, base: str = "") -> None: ...  # `base`: our own FHIR address
    def check(self) -> list[Finding]:
        """What is wrong with the database; nothing where it is well. Kind INCOMPLETE: it is new, and has no tables yet."""
        ...

    def close(self) -> None: ...
