"""The national rules of which event may follow which (9329; invariants I1-I17), and which events count.

    taken, notes = take(rules, course)

`taken` are the events that count, in their order; what does not count is noted and left out: a code that the rule set lacks, a
second A or M, a third C, what comes after the closing. What is merely out of order counts, and is noted (M after C, E without C).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date
from typing import Final

from adapter.domain import feedback
from adapter.domain.codes import OUTCOMES
from adapter.domain.course import Course, Event
from adapter.domain.deadlines import age
from adapter.domain.feedback import fixed
from adapter.domain.ruleset import ORDER, RuleSet
from adapter.domain.state import Noted

_RANK: Final[Mapping[str, int]] = {kind: 10 * place for place, kind in enumerate(ORDER)}

BEGUN: Final = frozenset("MCDTEH")
"""Events of a pathway under way: a referral can no longer be withdrawn."""


def rank(kind: str) -> int:
    """Where an event stands among those of its date, below 200; the fold puts people's answers in between."""
    return _RANK.get(kind, 199)


def key(event: Event) -> tuple[date, int, float, str]:
    """Date, then A L P M C D T F S U E H X, then time (unknown first), then identifier: when it arrived means nothing."""
    return event.on, rank(event.kind), _time(event), event.id


def _time(event: Event) -> float:
    at = event.at
    if at is None:
        return float("-inf")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def take(rules: RuleSet, course: Course) -> tuple[list[Event], list[Noted]]:
    """The events that count, in order, and what there is to say of all of them."""
    notes: list[Noted] = []
    known = _merged(_once(_known(rules, sorted(course.events, key=key), notes), notes))
    start = next((e.on for e in known if e.kind == "A"), None)
    if start is None and any(e.kind != "P" for e in known):
        notes.append(fixed("105"))
    taken: list[Event] = []
    seen: set[str] = set()
    decisions = 0
    for event in known:
        kind, id = event.kind, event.id
        if "X" in seen or (kind != "X" and _over(course, event.on, seen)):
            notes.append(fixed("225", id))
            continue
        if start is not None and event.on < start and kind != "P":
            notes.append(fixed("106", id))
        counts: Event | None = event
        match kind:
            case "A":
                counts = _start(rules, course, event, seen, notes)
            case "M":
                counts = _attendance(event, seen, notes)
            case "C":
                counts = _decision(event, decisions, seen, notes)
                decisions += counts is not None
            case "E" if "C" not in seen:
                notes.append(fixed("221", id))
            case "F" if "C" not in seen:
                notes.append(fixed("222", id))
            case "P" if "C" in seen:
                notes.append(fixed("223", id))
        if counts is not None:
            seen.add(kind)
            taken.append(counts)
    return taken, notes


def _known(rules: RuleSet, events: list[Event], notes: list[Noted]) -> Iterable[Event]:
    """Events that the rule set has, each with the outcomes that it has there (201, I9, I13, I14)."""
    for event in events:
        allowed = rules.events.get(event.kind)
        if allowed is None:
            notes.append(feedback.no_such_code(event.id, rules.pathway, rules.version, event.kind))
        elif not allowed:
            if event.outcomes:
                notes.append(feedback.outcome_forbidden(event.id, event.kind))
                event = replace(event, outcomes=())  # noqa: PLW2901  as it counts
            yield event
        elif allowed.issuperset(event.outcomes):
            if event.outcomes:
                yield event
            else:
                notes.append(feedback.outcome_missing(event.id, event.kind, OUTCOMES.get(event.kind, "")))
        else:
            for outcome in event.outcomes:
                if outcome not in allowed:
                    notes.append(feedback.no_such_code(event.id, rules.pathway, rules.version, event.kind, outcome))
            if valid := tuple(o for o in event.outcomes if o in allowed):
                yield replace(event, outcomes=valid)


def _once(events: Iterable[Event], notes: list[Noted]) -> Iterable[Event]:
    """The same code on the same date counts once (102, I16)."""
    had: set[tuple[date, str, frozenset[str]]] = set()
    for event in events:
        code = event.on, event.kind, frozenset(event.outcomes)
        if code in had:
            notes.append(fixed("102", event.id))
        else:
            had.add(code)
            yield event


def _merged(events: Iterable[Event]) -> list[Event]:
    """Decisions of one date are one decision: 9327 has no code for several outcomes, so each comes as a code of its own."""
    merged: list[Event] = []
    for event in events:
        last = merged[-1] if merged else None
        if event.kind == "C" and last and last.kind == "C" and last.on == event.on:
            outcomes = tuple(dict.fromkeys(last.outcomes + event.outcomes))
            level = last.care_level or event.care_level
            merged[-1] = replace(last, outcomes=outcomes, care_level=level, severity=last.severity or event.severity)
        else:
            merged.append(event)
    return merged


def _over(course: Course, on: date, seen: set[str]) -> bool:
    """Whether an answer had ended the pathway before that date: right refused, or the referral withdrawn before anything began."""
    said = course.assessment
    if said and not said.granted and on > said.on:
        return True
    return course.withdrawn is not None and on > course.withdrawn and not seen & BEGUN


def _start(rules: RuleSet, course: Course, event: Event, seen: set[str], notes: list[Noted]) -> Event | None:
    if "A" in seen:
        notes.append(fixed("I2", event.id))
        return None
    if rules.pathway == "D12" and course.born and age(course.born, event.on) >= 18:
        notes.append(fixed("216", event.id))
    return event


def _attendance(event: Event, seen: set[str], notes: list[Noted]) -> Event | None:
    if "C" in seen:
        notes.append(fixed("211", event.id))
    if "M" in seen:
        notes.append(fixed("102-M", event.id))
        return None
    return event


def _decision(event: Event, before: int, seen: set[str], notes: list[Noted]) -> Event | None:
    if before >= 2:
        notes.append(fixed("I6", event.id))
        return None
    if before and "U" in event.outcomes:
        notes.append(fixed("T7", event.id))
        rest = tuple(o for o in event.outcomes if o != "U")
        if not rest:
            return None
        event = replace(event, outcomes=rest)
    if "M" not in seen:
        notes.append(fixed("208", event.id))
    return event


def parallel(rules: RuleSet, course: Course) -> list[Noted]:
    """What there is to say of the patient's other pathways while this one is open: 224, and I11 where one is of its type."""
    others = [type for type in course.parallel if type != rules.pathway]
    return ([fixed("I11")] if len(others) < len(course.parallel) else []) + ([feedback.parallel(others)] if others else [])
