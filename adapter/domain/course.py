"""What is known of one pathway: the coded events and the answers of people. The fold (`adapter.domain.pathway`) adds them up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Event:
    """A registered event (9322) with its outcomes (9323-9328). `on` is its date in Norway; `id` tells it from all others."""

    id: str
    kind: str
    on: date
    outcomes: tuple[str, ...] = ()  # the first is the event's own, further ones of a C follow
    at: datetime | None = None  # where its time of day is known
    care_level: str = ""
    severity: str = ""

    @property
    def outcome(self) -> str:
        return self.outcomes[0] if self.outcomes else ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to a referral (pbrl § 2-2): right to care or not. `outcome` is 8485: 1 assessment, 2 treatment …"""

    granted: bool
    on: date
    outcome: str = ""
    date_limit: date | None = None
    reason: str = ""
    settled: bool = False  # avklart tilstand: right to treatment at once

    @property
    def to_treatment(self) -> bool:
        return self.granted and (self.settled or self.outcome == "2")


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that the state of one pathway follows from, apart from its rule set. The order of `events` means nothing.

    `done` holds what people answered by completing a Task: its key (`agree-plan-1`, `detox-to-treatment-1`) and the date.
    """

    received: date | None = None  # the referral; None where an event opened the pathway
    assessment: Assessment | None = None
    withdrawn: date | None = None  # the sender cancelled the referral before the pathway had begun
    emergency: date | None = None  # first contact as an emergency, where known
    born: date | None = None
    care_level: str = ""  # of the receiving service; an event's own wins from its date on
    severity: str = ""
    events: tuple[Event, ...] = ()
    done: Mapping[str, date] = field(default_factory=dict)
    parallel: tuple[str, ...] = ()  # types of the patient's other open pathways here
