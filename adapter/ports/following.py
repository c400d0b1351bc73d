"""Who follows what, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from adapter.ports.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class Follower:
    """A Subscription that has been begun: whose, of resources of which type, its status, and JSON of how it is to be told
    (`adapter.usecases.subscribing.Wanted`).
    """

    tenant: str
    id: str
    type: str
    status: str
    asked: bytes


@dataclass(frozen=True, slots=True)
class FollowerState:
    """How far a follower is: `events` counted and `told` of, by their numbers. `underway` is the number that it is told of once
    what is in the outbox has come there, `NO_EVENTS` where that has none, 0 where nothing is. `failures` are the tries in vain
    since it was `reached`, `error` why the last one was; `due` is when something is to be done without an event.
    """

    tenant: str
    id: str
    begun: datetime
    events: int = 0
    told: int = 0
    underway: int = 0
    failures: int = 0
    reached: datetime | None = None
    due: datetime | None = None
    error: str = ""


NO_EVENTS = -1


@dataclass(frozen=True, slots=True)
class Happening:
    """What a follower is told of: a version of a resource, under a number of its own (from 1). `patient` as `Stored.patient`, of
    the resource as it stands now.
    """

    number: int
    moment: datetime
    type: str
    id: str
    version: int
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """That a follower was told, or was not and why. `first` and `last` are the numbers of the events in it (0: none); `outcome` is
    `sent`, `failed` (it will be tried again), `given-up` (it will not) or `withheld` (nothing was tried).
    """

    tenant: str
    subscription: str
    moment: datetime
    kind: str
    first: int
    last: int
    outcome: str
    why: str = ""
    milliseconds: int = 0


class Seen(NamedTuple):
    """A version that somebody may follow, in the order of the writing; `cause` as `Outgoing.cause`."""

    position: int
    tenant: str
    type: str
    id: str
    version: int
    moment: datetime
    cause: str


class Following(Protocol):
    """Who follows what. A part of `Unit`."""

    def follower(self, tenant: str, id: str) -> Follower | None: ...
    def followers(self, tenants: Sequence[str], type: str = "") -> list[Follower]:
        """All, by id; with a type those of it that events are counted for: all that are not off."""
        ...

    def keep_follower(self, follower: Follower) -> None: ...
    def follower_state(self, tenant: str, id: str) -> FollowerState | None: ...
    def keep_follower_state(self, standing: FollowerState) -> None: ...
    def follower_states_due(self, now: datetime, limit: int) -> list[FollowerState]: ...
    def follower_states_left(self, limit: int) -> list[FollowerState]:
        """Those with something underway of which nothing waits in the outbox: it was given up."""
        ...

    def changes_seen(self, limit: int) -> list[Seen]: ...  # what is followed and nobody has looked at, in order
    def forget_changes(self, seen: Sequence[Seen]) -> None: ...
    def add_events(self, tenant: str, subscription: str, events: Sequence[Happening]) -> None: ...
    def follower_events(self, tenant: str, subscription: str, first: int, last: int, limit: int) -> list[Happening]: ...
    def count_untold(self, tenants: Sequence[str]) -> dict[str, int]: ...  # events after the number up to which each was told
    def told_of(self, tenant: str, subscription: str, type: str, id: str) -> dict[int, int]: ...  # numbers, by version
    def unseen(self, tenant: str, type: str, id: str) -> frozenset[int]: ...  # versions that nobody has looked at
    def notification(self, tenant: str, subscription: str) -> Outgoing | None: ...  # what waits for it in the outbox
    def closed_to(self, tenant: str, who: Sequence[str]) -> frozenset[str]: ...  # patients (`Stored.patient`) who block one of them
    def add_attempt(self, attempt: Attempt) -> None: ...
    def attempts(self, tenant: str, subscription: str, limit: int) -> list[Attempt]: ...  # newest first
    def give_up_attempt(self, tenant: str, subscription: str) -> None: ...  # the newest: no other follows it
    def drop_outgoing(self, key: str) -> None: ...  # what waits for a follower, and what was given up
    def skip_numbers(self, by: int) -> None: ...  # of every follower's events
    def put_off_follower(self, tenant: str, id: str, until: datetime) -> None: ...  # and nothing of it is underway
    def forget_events(self, before: datetime, limit: int) -> int: ...  # and attempts, that are older; how many
