"""Channels to the national message hub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, Protocol

from adapter.ports.messages import Delivery
from adapter.ports.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class Taken:
    """Of some names those that are ours now, and those that nobody has and that are to be asked for again."""

    ours: AbstractSet[str]
    left: AbstractSet[str] = frozenset()


Take = Callable[[Sequence[str]], Taken]
"""Takes messages of a hub up, so that no other process does, by names that the hub makes of what it lists."""


def take_all(names: Sequence[str]) -> Taken:
    """Where nobody else takes any."""
    return Taken(frozenset(names))


class Hub(Protocol):
    """A channel to the national message hub."""

    name: str
    apprec_format: Literal["xml", "edi2"]

    def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
        """Messages not yet confirmed, oldest first, of those that `take` gives us. May give one again that was not confirmed.

        A short list does not mean that no more wait; an empty one does. Raises `Problem` where the hub cannot be asked.
        """
        ...

    def confirm(self, hub_id: str, receiver: str) -> None:
        """Take a message off the hub, once it is safely stored. Repeating it does nothing."""
        ...

    def deliver(self, row: Outgoing) -> str:
        """Send an outbox row's bytes and return the hub's id for it; `row.attempts` > 1 means it may have been sent before.

        Raises `Problem(TRANSIENT)` (`retry_after`: as the hub asks) where a later try may succeed, any other where none will.
        """
        ...

    def status(self, hub_id: str) -> list[dict[str, object]]:
        """What the hub knows of a message that we sent: per receiver its transport state and AppRec."""
        ...

    def close(self) -> None: ...
