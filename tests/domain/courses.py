"""Rule sets and courses for the tests of the fold, written by hand from the published tables: no data file has a part in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Literal

from adapter.domain.course import Assessment, Course, Event
from adapter.domain.ruleset import Duty, Limit, RuleSet, Source
from adapter.domain.state import State

A, B, D = Source("A", "guide"), Source("B", "article"), Source("D", "")

_EVERY = {kind: frozenset[str]() for kind in "AMEFL"} | {
    "C": frozenset("PTSKAI"),
    "S": frozenset("MI"),
    "U": frozenset("BU"),
    "H": frozenset("PTSKAI"),
    "X": frozenset("GPANOLR"),
}
_MORE: dict[str, dict[str, str]] = {  # the availability matrix of 9327
    "D01": {"C": "U", "D": "", "U": "F", "X": "M"},
    "D06": {"P": "", "U": "FV"},
    "D07": {"T": "", "U": "EMFV", "X": "M"},
    "D08": {"U": "SV", "X": "M"},
    "D09": {"D": "", "U": "F", "X": "M"},
    "D10": {"D": "", "U": "F", "X": "M"},
    "D11": {"C": "U", "U": "FV", "X": "M"},
    "D12": {"C": "U", "U": "FV", "X": "M"},
}
TYPES = tuple(_MORE)

DUTIES = (
    Duty("informed-in-writing", "waiting", "Informer", "Inform", A, within=10, unit="working"),
    Duty("crisis-plan", "basic-assessment", "Kriseplan", "Crisis plan", A, within=14),
    Duty("agree-plan", "planning", "Plan", "Plan", A),
    Duty("follow-up-plan", "closing", "Oppfølging", "Follow-up", A),
)


def _limits(pathway: str) -> list[Limit]:
    """Of a few types, from the tables of the guides of 2019; D06 has none after first attendance that anybody found."""
    limits = [
        Limit("assess-referral", "received", "", 10, "working", A),
        Limit("date-limit", "assessed", "M", None, "date", A),
        Limit("guarantee-under-23", "assessed", "M", 65, "working", A, below_age=23),
        Limit("emergency-decision", "emergency", "", 14, "calendar", A),
    ]
    out, within = "poliklinikk", "dognenhet"
    match pathway:
        case "D11" | "D12":
            for id, anchor, awaits, days in (
                ("decision", "M", "C", 42),
                ("extended-decision", "CU", "C", 42),
                ("first-evaluation", "C", "E", 42),
                ("next-evaluation", "E", "E", 84),
            ):
                limits += [limit(id, anchor, awaits, days, care_level=out), limit(id, anchor, awaits, None, care_level=within)]
        case "D01":
            for id, anchor, awaits, days, inpatient in (
                ("decision", "M", "C", 21, 7),
                ("first-evaluation", "C", "E", 7, 7),
                ("next-evaluation", "E", "E", 56, 42),
                ("detox-to-treatment", "D", "", 3, 0),
            ):
                limits += [limit(id, anchor, awaits, days, care_level=out), limit(id, anchor, awaits, inpatient, care_level=within)]
            limits.append(limit("extended-decision", "CU", "C", None))
        case "D06":
            limits += [
                limit("first-attendance", "received", "M", 7),
                limit("decision", "M", "C", None),
                limit("first-evaluation", "C", "E", None),
                limit("next-evaluation", "E", "E", None),
            ]
        case "D08":
            limits += [
                limit("first-attendance", "received", "M", 7, severity="severe"),
                limit("first-attendance", "received", "M", 28, severity="less-severe"),
                limit("decision", "M", "C", 42, care_level=out),
                limit("decision", "M", "C", 14, care_level=within),
            ]
    return limits


def limit(id: str, anchor: Any, awaits: Any, days: int | None, **more: Any) -> Limit:
    return Limit(id, anchor, awaits, days, "calendar", D if days is None else A, **more)


def rules(pathway: str = "D11", version: Literal["2019", "2025"] = "2019", **more: Any) -> RuleSet:
    events = dict(_EVERY)
    for kind, outcomes in _MORE[pathway].items():
        events[kind] = events.get(kind, frozenset()) | frozenset(outcomes)
    made = RuleSet(
        pathway,
        version,
        "Forløp",
        "Pathway",
        "received" if version == "2019" else "assessed",
        date(2019, 1, 1) if version == "2019" else date(2025, 1, 1),
        None,
        A,
        events,
        A,
        tuple(_limits(pathway)),
        DUTIES,
    )
    return replace(made, **more)


def day(text: str) -> date:
    """2026-09-07, or 09-07 of that year."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def event(code: str, on: str | date, **more: Any) -> Event:
    """`CU` is event C with outcome U, `CP,K` has two; the id is the code and the date."""
    when = on if isinstance(on, date) else day(on)
    kind, outcomes = code[0], tuple(filter(None, code[1:].split(",")))
    return Event(more.pop("id", f"{code}@{when:%m-%d}"), kind, when, outcomes, **more)


def course(*events: str | Event, **more: Any) -> Course:
    """`course("A 09-01", "CU 10-19", care_level="dognenhet")`; outpatient where nothing else is said."""
    made = [e if isinstance(e, Event) else event(*e.split(" ")) for e in events]
    return Course(**{"care_level": "poliklinikk", "events": tuple(made)} | more)


def granted(on: str, outcome: str = "1", date_limit: str = "", **more: Any) -> Assessment:
    return Assessment(True, day(on), outcome, day(date_limit) if date_limit else None, **more)


def refused(on: str) -> Assessment:
    return Assessment(False, day(on), "3", reason="…")


def phases(state: State) -> list[str]:
    return [step.phase for step in state.steps]


def errors(state: State) -> list[str]:
    return [n.number for n in state.notes if n.finding.severity == "error"]


def warned(state: State) -> list[str]:
    return [n.number for n in state.notes if n.finding.severity == "warning"]


def told(state: State) -> list[str]:
    return [n.number for n in state.notes if n.finding.severity == "information"]


def dues(state: State) -> dict[str, str]:
    """Deadline key -> due date."""
    return {d.key: f"{d.due}" for d in state.deadlines}


def running(state: State) -> list[str]:
    return [d.key for d in state.deadlines if d.met is None and d.over is None]
