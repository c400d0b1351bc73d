"""What is counted for whoever watches over the service: of all organisations, and nobody's name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from adapter.ports.sharing import PartnerState


class Queue(NamedTuple):
    """What waits in one state at one hub or partner, by the oldest there. `hub` names either, or the channel of a message."""

    hub: str
    state: str
    oldest: datetime


class Figures(Protocol):
    """How much there is, and since when. A part of `Unit`."""

    # of hubs and partners: what does not reach a subscriber is the subscriber's own trouble
    def queues(self, state: str) -> list[Queue]: ...  # waiting, unanswered, dead; received, parked, quarantined not put aside
    def lengths(self, state: str) -> dict[str, int]: ...  # how many there are in each of these queues, by hub
    def standing_tasks(self, tenants: Sequence[str], standing: str) -> dict[str, int]: ...  # open Tasks so, by kind
    def count_followers(self) -> dict[str, int]: ...  # by status
    def untold_since(self) -> dict[str, datetime]:
        """The oldest event that is not told, by the status of who is to be told; by "" the oldest that nobody has looked at."""
        ...

    def received_at(self, ids: Sequence[str]) -> dict[str, datetime]: ...  # of messages that there are
    def open_troubles(self) -> dict[tuple[str, str], int]: ...  # by partner and kind
    def partner_states(self) -> list[PartnerState]: ...
    def audit_waits(self) -> tuple[int, datetime | None]: ...  # records that wait to be chained, and since when the first does
    def size(self) -> int: ...  # of the database, in bytes
    def schema(self) -> str: ...  # the tables' version; empty where there are none
