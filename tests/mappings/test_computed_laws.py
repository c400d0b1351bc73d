"""What holds of every pathway, whatever is registered, retracted and answered, in whatever order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.pathway import fold
from adapter.r4.checker import check
from mappings.course import course_of
from mappings.resources import task
from mappings.rules import national
from tests.mappings.pathways import LIMITS, Body, Walk, profile_of

FIRST = date(2026, 1, 5)
days = st.integers(0, 250).map(lambda n: FIRST + timedelta(days=n))

Act = tuple[str, Any]


@st.composite
def walks(draw: st.DrawFn) -> tuple[Walk, list[Act]]:
    """A pathway of any rule set, opened by a referral or an event, and what is done to it."""
    rules = draw(st.sampled_from(national().all()))
    referred = draw(st.booleans())
    walk = Walk(
        rules.pathway,
        rules.version,
        FIRST if referred else None,
        draw(st.sampled_from(["", "1970-02-28", "2009-05-17"])),
        draw(st.sampled_from(["", "poliklinikk", "dognenhet"])),
        emergency=referred and draw(st.booleans()),
    )
    event = st.sampled_from([(kind, outcome) for kind in sorted(rules.events) for outcome in sorted(rules.events[kind]) or [""]])
    acts = st.one_of(
        st.tuples(st.just("register"), st.tuples(event, days, st.sampled_from(["", "dognenhet", "poliklinikk"]))),
        st.tuples(st.just("retract"), st.integers(0, 9)),
        st.tuples(st.just("assess"), st.tuples(days, st.booleans(), st.sampled_from(["1", "2"]))),
        st.tuples(
            st.just("answer"), st.tuples(st.integers(0, 20), st.sampled_from(["completed", "cancelled", "in-progress"]), days)
        ),
        st.tuples(st.just("wait"), st.none()),
    )
    return walk, draw(st.lists(acts, min_size=1, max_size=8))


def do(walk: Walk, act: Act) -> None:
    name, said = act
    match name:
        case "register":
            (kind, outcome), on, level = said
            walk.register(kind, on.isoformat(), *filter(None, [outcome]), care_level=level)
        case "retract" if walk.events:
            del walk.events[sorted(walk.events)[said % len(walk.events)]]
        case "assess" if "assess-referral" in map(task.kind_of, walk.tasks()):
            on, granted, outcome = said
            walk.assess(on.isoformat(), granted=granted, outcome=outcome, limit="2026-06-01")
        case "answer":
            number, status, on = said
            duties = sorted(t["id"] for t in walk.tasks() if task.by_person(t))
            if duties:
                body = walk.stored["Task", duties[number % len(duties)]]
                status = (
                    "completed" if status == "in-progress" and task.kind_of(body) in LIMITS else status
                )  # as its profile has it
                why = {"statusReason": {"text": "Ikke aktuelt."}} if status == "cancelled" else {}
                walk.stored["Task", body["id"]] = body | why | {"status": status, "executionPeriod": {"end": on.isoformat()}}


def faults(body: Body) -> list[str]:
    return [f"{f.where}: {f.en}" for f in check(body, profiles=profile_of(body)) if f.severity == "error"]


@settings(max_examples=150)
@given(walks(), st.lists(days, min_size=8, max_size=8).map(sorted))
def test_a_pathway_is_valid_and_says_what_it_was_made_of_at_every_turn(begun: tuple[Walk, list[Act]], when: list[date]) -> None:
    walk, acts = begun
    if walk.received is None:
        walk.register("A", FIRST.isoformat())
    now = datetime(FIRST.year, FIRST.month, FIRST.day, 9, tzinfo=UTC)
    walk.turn(now.isoformat())
    for act, on in zip(acts, when, strict=False):
        before = walk.episode["statusHistory"]
        do(walk, act)
        now = datetime(on.year, on.month, on.day, 10, 30, tzinfo=UTC)
        walk.turn(now.isoformat(), "En hendelse er trukket tilbake.")

        assert {f"{body['resourceType']}: {fault}" for body in walk.bodies() for fault in faults(body)} == set()
        assert walk.turn(now.isoformat()) == []  # idempotent
        course = course_of(walk.episode, walk.events.values(), walk.tasks(), {"birthDate": walk.born})
        assert fold(national().get(walk.pathway, walk.version), course) == walk.state  # round trip
        after = walk.episode["statusHistory"]
        kept = [entry | {"period": {"start": entry["period"]["start"]}} for entry in before]
        assert [entry | {"period": {"start": entry["period"]["start"]}} for entry in after[: len(before)]] == kept
    for body in walk.bodies():
        get_fhir_model_class(body["resourceType"]).model_validate(body)


@settings(max_examples=100)
@given(walks(), st.randoms(use_true_random=False))
def test_the_order_in_which_events_arrive_changes_nothing_but_what_is_remembered(
    begun: tuple[Walk, list[Act]], random: Any
) -> None:
    """At once or one by one in any order: the same pathway, apart from when its Tasks were written and what fell away meanwhile.

    The same event told again, at another care level, is no second event: the first to arrive stands. So each is here once.
    """
    one, acts = begun
    events = list({act[1][:2]: act for act in acts if act[0] == "register"}.values())
    if one.received is None:
        one.register("A", FIRST.isoformat())
        events = [act for act in events if act[1][:2] != (("A", ""), FIRST)]
    other = Walk(one.pathway, one.version, one.received, one.born, one.care_level, one.emergency, events=dict(one.events))
    for act in events:
        do(one, act)
    one.turn("2026-09-20T10:00:00Z")
    random.shuffle(events)
    other.turn("2026-09-20T10:00:00Z")
    for act in events:
        do(other, act)
        other.turn("2026-09-20T10:00:00Z")

    assert {key: essence(body) for key, body in one.stored.items()} == {
        key: essence(body) for key, body in other.stored.items() if key in one.stored
    }
    assert {other.stored[key]["status"] for key in other.stored.keys() - one.stored.keys()} <= {"cancelled"}


def essence(body: Body) -> Body:
    """A resource without what it remembers of its own past."""
    return {key: value for key, value in body.items() if key not in ("statusHistory", "lastModified", "activity")}
