"""What it costs to fold a pathway of 30 events: two years of treatment with evaluations, meetings and feedback, then closed.

Also beside reading the same events' JSON, which nobody who folds a stored pathway can do without.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from adapter.domain.course import Assessment, Course, Event
from adapter.domain.pathway import fold
from adapter.domain.ruleset import RuleSet
from bench.row import Row, ratio
from mappings.rules import national

_START = date(2024, 1, 8)
_TREATMENT = ["SM", "UB", "F", "E"]


def rows() -> Iterator[Row]:
    rules, course = national().get("D11", "2019"), pathway()
    assert len(course.events) == 30
    state = fold(rules, course)
    assert state.phase == "municipal-follow-up"
    assert not [n for n in state.notes if n.finding.severity == "error"]
    yield Row("fold a pathway of 30 events", min(_microseconds(rules, course) for _ in range(100)), "µs", 300)
    stored = [msgspec.json.encode(observation(event)) for event in course.events]
    decoder = msgspec.json.Decoder()
    share = ratio(lambda: fold(rules, course), lambda: [decoder.decode(body) for body in stored], seconds=2)
    yield Row("fold a pathway of 30 events", share, "x reading them", 5)


def pathway() -> Course:
    codes = [("A", 0), ("M", 21), ("L", 30), ("CU", 60), ("CP", 100)]
    codes += [(_TREATMENT[n % 4], 110 + 20 * n) for n in range(23)]
    codes += [("HK", 600), ("XG", 610)]
    events = [
        Event(f"{place}", code[0], _START + timedelta(days=days), tuple(code[1:])) for place, (code, days) in enumerate(codes)
    ]
    granted = Assessment(True, _START + timedelta(days=7), "1", _START + timedelta(days=60))
    answers = {"agree-plan-1": _START + timedelta(days=105)}
    return Course(_START, granted, born=date(1990, 5, 1), care_level="poliklinikk", events=tuple(events), done=answers)


def observation(event: Event) -> dict[str, object]:
    oid = "urn:oid:2.16.578.1.12.4.1.1."
    body: dict[str, object] = {
        "resourceType": "Observation",
        "id": f"6f2a1c3e-0000-4000-8000-0000000000{event.id:0>2}",
        "status": "final",
        "code": {"coding": [{"system": f"{oid}9322", "code": event.kind}]},
        "subject": {"reference": "Patient/6f2a1c3e-0000-4000-8000-000000000100"},
        "focus": [{"reference": "EpisodeOfCare/6f2a1c3e-0000-4000-8000-000000000200"}],
        "effectiveDateTime": event.on.isoformat(),
        "performer": [{"reference": "Organization/6f2a1c3e-0000-4000-8000-000000000300"}],
    }
    if event.outcomes:
        body["valueCodeableConcept"] = {"coding": [{"system": f"{oid}9323", "code": event.outcome}]}
    return body


def _microseconds(rules: RuleSet, course: Course, times: int = 50) -> float:
    start = time.perf_counter()
    for _ in range(times):
        fold(rules, course)
    return (time.perf_counter() - start) / times * 1e6
