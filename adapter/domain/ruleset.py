"""Rule sets: what the national guides say of one pathway type from one date on, as plain data with its sources.

A rule set is chosen once, by the date the referral was received, and kept for the pathway's life. What no source says is
written as unknown (`days` None, confidence D) and never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Confidence = Literal["A", "B", "C", "D"]
"""A: official text or list; B: secondary source; C: inferred by us; D: not found, so unknown."""

Anchor = Literal["received", "assessed", "emergency", "M", "C", "CU", "E", "D"]
"""Where a time limit runs from: the referral received or assessed, the emergency contact, first attendance, the last clinical
decision that leads to treatment here, the decision on extended assessment, an evaluation, the end of detoxification."""

ORDER: Final = "ALPMCDTFSUEHX"
"""Events of the same date, in the order they are taken."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule or figure comes from. `local`: an organisation's own, laid over the national one."""

    confidence: Confidence
    reference: str = ""
    note: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit, from its anchor to the event it awaits (9322), or to what a person answers where `awaits` is empty.

    `days` None is unknown: no deadline comes of it. `unit` *date* is a date given for the patient (frist for helsehjelp).
    `care_level` and `severity` empty apply to any; `below_age` only to patients younger than that at the anchor.
    """

    id: str  # kind of the Task: assess-referral, date-limit, decision, first-evaluation …
    anchor: Anchor
    awaits: Literal["", "M", "C", "E"]
    days: int | None
    unit: Literal["calendar", "working", "date"]
    source: Source
    care_level: str = ""
    severity: str = ""
    earliest: int | None = None  # 3 of "3-7 days"; due at the last
    below_age: int | None = None
    target: int | None = None  # percent of pathways within it


@dataclass(frozen=True, slots=True)
class Duty:
    """What somebody must do that has no code of its own; it becomes a Task. It arises when the pathway first comes to `phase`.

    `within` limits its time, counted from then; `below_age` restricts it to patients younger than that.
    """

    kind: str  # of pathway-task
    phase: str  # of pathway-phase
    nb: str
    en: str
    source: Source
    within: int | None = None  # days
    unit: Literal["calendar", "working"] = "calendar"
    below_age: int | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """A national quality indicator, or a management target that is no patient's deadline (`of` is then the mean of a figure)."""

    id: str
    nb: str
    en: str
    source: Source
    target: int | None = None
    unit: Literal["percent", "days"] = "percent"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one pathway type (9321), version *2019* or *2025*.

    `events` holds each event (9322) that the type has, with its outcomes: none for A, D, E, F, L, M, P and T.
    """

    pathway: str
    version: str
    nb: str
    en: str
    start: Literal["received", "assessed"]
    valid_from: date
    valid_to: date | None
    source: Source
    events: Mapping[str, frozenset[str]]
    events_source: Source
    limits: tuple[Limit, ...]
    duties: tuple[Duty, ...] = ()
    indicators: tuple[Indicator, ...] = ()
