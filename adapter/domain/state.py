"""What a pathway has come to, as plain values: phase, status, time limits, duties and findings.

Made by `adapter.domain.pathway.fold`; nothing here decides anything. A state knows no *today*: how a deadline stands on a
day is `adapter.domain.deadlines.standing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from adapter.domain.problem import Finding
from adapter.domain.ruleset import Duty, Limit

Phase = Literal[
    "referred",
    "waiting",
    "basic-assessment",
    "extended-assessment",
    "planning",
    "treatment",
    "closing",
    "closed",
    "municipal-follow-up",
    "refused",
]
Status = Literal["planned", "waitlist", "active", "finished", "cancelled", "entered-in-error"]
"""Of an EpisodeOfCare (https://hl7.org/fhir/R4/valueset-episode-of-care-status.html)."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding on a pathway, with what it is about: the event (empty: the whole pathway) and the rule's number in 9329."""

    number: str  # of 9329, or of our own list where that has none (I2, I6 …)
    event: str  # Event.id
    finding: Finding


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time limit that has begun to run. `due` None: the limit is unknown. `over`: since when it no longer applies."""

    limit: Limit
    ordinal: int  # of its limit's id in this pathway, from 1
    anchor: date
    due: date | None
    strict: date | None = None  # where Saturday counted as a working day, if that differs
    met: date | None = None
    over: date | None = None
    patient_caused: str = ""  # id of the L event

    @property
    def key(self) -> str:
        return f"{self.limit.id}-{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty that has arisen: since when, until when, and when it was done or fell away."""

    duty: Duty
    ordinal: int
    since: date
    due: date | None = None
    done: date | None = None
    over: date | None = None

    @property
    def key(self) -> str:
        return f"{self.duty.kind}-{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Step:
    """From a date on: the phase and status. What brought it about is an event's id, or nothing where it was an answer."""

    on: date
    phase: Phase
    status: Status
    event: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What a pathway has come to."""

    phase: Phase
    status: Status
    start: date | None
    end: date | None
    end_reason: str  # 9326
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    duties: tuple[Owed, ...]
    notes: tuple[Noted, ...]
    care_level: str = ""

    @property
    def open(self) -> bool:
        return self.status in ("planned", "waitlist", "active")
