"""The processes that share the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class Process(NamedTuple):
    """A process that shares the database: `roles` joined by a comma, and when it last told that it lives."""

    id: str
    roles: str
    started: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class InHand:
    """That a process has taken something up: how many have, the last among them, and whether that one lives."""

    process: str
    tries: int
    alive: bool


class Processes(Protocol):
    """The processes that share the work. A part of `Unit`."""

    def beat(self, process: Process) -> None: ...
    def processes(self) -> list[Process]: ...
    def bury(self, id: str) -> None: ...  # what it had in hand stays, for others to take over
    def in_hand(
        self, hub: str, names: Sequence[str], now: datetime
    ) -> dict[str, InHand]: ...  # those of the names that somebody took up
    def take_in_hand(self, hub: str, wanted: Mapping[str, InHand | None], process: str, now: datetime) -> set[str]:
        """Take these up, each as it was found (None: in nobody's hand); those that nobody was faster with."""
        ...

    def put_down(self, hub: str, names: Sequence[str], process: str) -> None: ...
    def put_down_of_the_dead(self, before: datetime) -> None:
        """What processes that are no more took up before then: it never came again."""
        ...
