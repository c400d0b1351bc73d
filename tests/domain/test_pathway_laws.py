"""I1-I17: what holds of every pathway, by example and for whatever events come, in whatever order they come.

The rules are told here a second time, in the plainest way there is: over sorted tuples, without the program's own steps.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.domain.course import Assessment, Course, Event
from adapter.domain.deadlines import due, standing
from adapter.domain.pathway import State, fold
from adapter.domain.registration import refusals
from adapter.domain.ruleset import RuleSet
from mappings.rules import national
from tests.domain.courses import TYPES, course, day, errors, event, rules, running, told, warned

D11 = rules()

# by example


def test_i1_the_first_event_is_the_start() -> None:
    assert errors(fold(D11, course("M 09-07"))) == ["105"]
    assert errors(fold(D11, course("M 09-07", "A 09-08"))) == ["106"]


def test_i2_a_pathway_has_one_start() -> None:
    assert errors(fold(D11, course("A 09-01", "A 09-02"))) == ["I2"]


def test_i3_nothing_but_the_onset_of_psychosis_is_dated_before_the_start() -> None:
    assert errors(fold(rules("D06"), course("P 2024-01-01", "SM 08-31", "A 09-01"))) == ["106"]


def test_i4_first_attendance_is_not_after_a_decision() -> None:
    assert errors(fold(D11, course("A 09-01", "CP 09-20", "M 09-21"))) == ["208", "211"]
    assert errors(fold(D11, course("A 09-01", "CP 09-20", "M 09-20"))) == []  # of one date, M is before C


def test_i6_a_third_decision_is_one_too_many_and_counts_for_nothing() -> None:
    state = fold(D11, course("A 09-01", "M 09-07", "CP 10-01", "CP 10-02", "CK 10-03"))

    assert (errors(state), state.phase) == (["I6"], "planning")


@pytest.mark.parametrize(
    "code",
    ["D10U", "D06D", "D11P", "D08T", "D06CU", "D01UV", "D08UF", "D11UE", "D12UM", "D06US", "D06XM", "D11CZ", "D11Q", "D11SG"],
)
def test_i9_i14_a_combination_that_does_not_exist_is_refused_by_name(code: str) -> None:
    type, kind, outcome = code[:3], code[3], code[4:]
    outcomes = (outcome,) if outcome else ()
    state = fold(rules(type), course("A 09-01", "M 09-07", Event("it", kind, day("09-20"), outcomes)))

    wrong = next(n for n in state.notes if n.event == "it")
    if code == "D10U":  # it exists, and wants an outcome: I13
        assert (wrong.number, wrong.finding.rule) == ("I13", "Volven 9325")
    else:
        assert wrong.number == "201"
        assert code in wrong.finding.en
        assert code in wrong.finding.nb


@pytest.mark.parametrize("kind", "CHSUX")
def test_i13_an_outcome_that_is_demanded_is_missing(kind: str) -> None:
    state = fold(D11, course("A 09-01", "M 09-07", event(kind, "09-20")))

    assert errors(state) == ["I13"]
    assert (state.phase, state.status) == ("basic-assessment", "active")  # it counts for nothing


@pytest.mark.parametrize("kind", "AEFLM")
def test_i13_an_outcome_where_there_is_none(kind: str) -> None:
    given = course("A 09-01", "M 09-02", "CP 09-03") if kind in "EFL" else course(*(["A 09-01"] if kind == "M" else []))
    state = fold(D11, replace(given, events=(*given.events, event(f"{kind}G", "09-20"))))

    assert errors(state) == ["I13"]


def test_i16_the_same_code_twice_on_one_date_counts_once() -> None:
    once = course("A 09-01", "M 09-07", "CP 10-12", "E 11-20")
    twice = replace(once, events=(*once.events, event("E", "11-20", id="other"), event("CP", "10-12", id="zother")))
    state = fold(D11, twice)

    assert told(state) == ["102", "102"]
    assert replace(state, notes=()) == replace(fold(D11, once), notes=())


def test_a_second_first_attendance_is_warned_of_and_does_not_count() -> None:
    state = fold(D11, course("A 09-01", "M 09-07", "M 09-14"))

    assert (errors(state), warned(state)) == ([], ["102"])
    assert [f"{d.due}" for d in state.deadlines] == ["2026-10-19"]


def test_of_one_date_the_letters_order_decides_then_the_time_then_the_identifier() -> None:
    noon, one = (datetime(2026, 9, 1, hour, tzinfo=UTC) for hour in (12, 13))
    by_letter = [event(c, "09-01") for c in ("XG", "HK", "E", "UU", "SM", "F", "CP", "M", "L", "A")]
    assert errors(fold(D11, course(*by_letter))) == []
    by_time = [event("A", "09-01"), event("XG", "09-01", id="a", at=one), event("XP", "09-01", id="b", at=noon)]
    assert fold(D11, course(*by_time)).end_reason == "P"
    unknown_first = [event("A", "09-01"), event("XG", "09-01", id="b"), event("XP", "09-01", id="a", at=noon)]
    assert fold(D11, course(*unknown_first)).end_reason == "G"
    by_id = [event("A", "09-01"), event("XG", "09-01", id="b"), event("XP", "09-01", id="a")]
    assert fold(D11, course(*by_id)).end_reason == "P"


def test_a_time_without_a_zone_and_one_with_can_stand_beside_each_other() -> None:
    plain = datetime(2026, 9, 1, 12)  # noqa: DTZ001  as it might come
    state = fold(D11, course(event("A", "09-01", at=plain), event("A", "09-01", id="b", at=plain.replace(tzinfo=UTC))))

    assert told(state) == ["102"]


def test_no_word_of_the_sender_is_shown() -> None:
    state = fold(D11, course("A 09-01", Event("x", "<b>Ola Nordmann</b>" * 9, day("09-02"), ("<script>",))))

    assert "<" not in state.notes[0].finding.en
    assert len(state.notes[0].finding.en) < 250


# for whatever comes

START = date(2026, 1, 5)
near = st.integers(0, 40).map(lambda n: START + timedelta(days=5 * n))
anywhen = st.one_of(near, near, near, st.dates())
kinds = st.sampled_from([*"AAMMCCCEELXHSDPTUF", "Q", ""])
times = st.sampled_from([None, datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 5, 15, tzinfo=UTC)])
levels = st.sampled_from(["", "", "poliklinikk", "dognenhet", "?"])
rule_sets = st.one_of(
    st.builds(rules, st.sampled_from(TYPES), st.sampled_from(["2019", "2025"])), st.sampled_from(national().all())
)


@st.composite
def events(draw: st.DrawFn, dates: st.SearchStrategy[date] = anywhen) -> list[Event]:
    """Up to a dozen: half of them with the outcome that they should have."""
    found = []
    for place in range(draw(st.integers(0, 12))):
        kind = draw(kinds)
        fitting = {"C": "PTKU", "X": "GPRLNO", "H": "KI", "S": "MI", "U": "UB"}.get(kind, "")
        outcomes = (draw(st.sampled_from(fitting)),) if fitting else ()
        if not draw(st.integers(0, 5)):
            outcomes = tuple(draw(st.lists(st.sampled_from("PUKGZ"), max_size=2)))
        severity = draw(st.sampled_from(["", "", "severe"]))
        found.append(Event(f"e{place}", kind, draw(dates), outcomes, draw(times), draw(levels), severity))
    return found


assessments = st.builds(Assessment, st.booleans(), near, st.sampled_from(["1", "2"]), st.one_of(st.none(), near))
maybe = st.one_of(st.none(), near)
answers = st.dictionaries(st.sampled_from(["agree-plan-1", "detox-to-treatment-1", "emergency-decision-1"]), near)
courses = st.builds(
    Course,
    received=maybe,
    assessment=st.one_of(st.none(), assessments),
    withdrawn=st.one_of(st.none(), st.none(), near),
    emergency=st.one_of(st.none(), st.none(), near),
    born=st.one_of(st.none(), st.dates(date(1990, 1, 1), date(2020, 1, 1))),
    care_level=levels,
    severity=st.sampled_from(["", "severe"]),
    events=events().map(tuple),
    done=answers,
    parallel=st.lists(st.sampled_from(TYPES), max_size=2).map(tuple),
)


def of_kind(state: State, number: str) -> set[str]:
    return {n.event for n in state.notes if n.number == number}


@given(rule_sets, courses, st.randoms(use_true_random=False))
def test_the_order_in_which_events_arrive_means_nothing(rules: RuleSet, given: Course, random: object) -> None:
    mixed = list(given.events)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert fold(rules, replace(given, events=tuple(mixed))) == fold(rules, given)


@given(rule_sets, courses)
@example(rules(), Course(events=(Event("a", "A", date.max), Event("m", "M", date.max)), care_level="poliklinikk"))
@example(rules(), Course(received=date.max, emergency=date.max, assessment=Assessment(True, date.max), born=date.min))
@example(rules(), Course(received=date.min, emergency=date.min, events=(Event("a", "A", date.min),)))
def test_a_state_holds_together(rules: RuleSet, given: Course) -> None:
    state = fold(rules, given)

    if state.steps:
        assert (state.steps[-1].phase, state.steps[-1].status) == (state.phase, state.status)
        assert all(a.on <= b.on and (a.phase, a.status) != (b.phase, b.status) for a, b in pairwise(state.steps))
    else:
        assert state.status == "entered-in-error"
    assert state.open == (state.end is None and state.status != "entered-in-error")
    for key in [d.key for d in state.deadlines], [o.key for o in state.duties]:
        assert len(key) == len(set(key))
    assert not state.end_reason or any(event.kind == "X" and state.end_reason in event.outcomes for event in given.events)


@given(rule_sets, courses)
def test_a_deadline_is_its_anchor_and_its_days_and_met_in_time_or_late(rules: RuleSet, given: Course) -> None:
    state = fold(rules, given)
    dates = {event.on for event in given.events}
    answered = {*given.done.values(), given.received, given.emergency, given.assessment and given.assessment.on}

    for deadline in state.deadlines:
        assert deadline.anchor in dates | answered
        limit, last = deadline.limit, deadline.due
        assert last is not None
        if limit.unit == "calendar" and limit.days is not None:
            assert last == date.max or last - deadline.anchor == timedelta(days=limit.days)
        if limit.unit == "working":
            assert (last, deadline.strict or last) == (due(limit, deadline.anchor), due(limit, deadline.anchor, "mon-sat"))
        if deadline.met:
            assert deadline.over is None
            assert standing(deadline, date(2030, 1, 1)) == ("met" if deadline.met <= last else "met-late")
            if limit.awaits:
                assert any(e.kind == limit.awaits and e.on == deadline.met >= deadline.anchor for e in given.events)
        if deadline.patient_caused:
            assert any(event.kind == "L" and event.id == deadline.patient_caused for event in given.events)


@given(rule_sets, courses, st.sampled_from("GPMLRO"))
def test_once_it_is_closed_nothing_runs(rules: RuleSet, given: Course, reason: str) -> None:
    last = max([event.on for event in given.events], default=START)
    closed = replace(given, events=(*given.events, Event("last", "X", min(max(last, date(2027, 1, 1)), date.max), (reason,))))
    state = fold(rules, closed)

    if reason in rules.events["X"]:
        assert not state.open
        assert running(state) == []
        aftercare = {o.key for o in state.duties if o.duty.phase == "closing"}
        assert all(o.done or o.over or o.key in aftercare for o in state.duties)


@given(rule_sets, courses)
def test_the_national_rules_as_they_are_written(rules: RuleSet, given: Course) -> None:
    """Only what 9327 has, only events of different codes and dates, no closing: then each rule is one line."""
    plain: dict[tuple[str, date], Event] = {}
    for e in given.events:
        outcomes = rules.events.get(e.kind, frozenset("-"))
        if e.kind != "X" and (set(e.outcomes) <= outcomes and bool(e.outcomes) == bool(outcomes)):
            plain.setdefault((e.kind, e.on), e)
    known = tuple(plain.values())
    state = fold(rules, replace(given, events=known, withdrawn=None, assessment=None))

    def dates(kind: str) -> list[date]:
        return sorted(e.on for e in known if e.kind == kind)

    a, m, c = dates("A"), dates("M"), dates("C")
    others = [e for e in known if e.kind != "P"]
    assert bool(of_kind(state, "105")) == (bool(others) and not a)
    assert of_kind(state, "106") == {e.id for e in others if a and e.on < a[0]}
    assert of_kind(state, "I2") == {e.id for e in known if e.kind == "A" and e.on != a[0]}
    assert of_kind(state, "I6") == {e.id for e in known if e.kind == "C" and e.on in c[2:] and e.on > _second(known)}
    assert {e.id for e in known if e.kind == "E" and not (c and c[0] <= e.on)} == of_kind(state, "221")
    assert {e.id for e in known if e.kind == "F" and not (c and c[0] <= e.on)} == of_kind(state, "222")
    assert {e.id for e in known if e.kind == "P" and c and c[0] < e.on} == of_kind(state, "223")
    assert {e.id for e in known if e.kind == "M" and c and c[0] < e.on} == of_kind(state, "211")
    missing = of_kind(state, "208")
    assert missing <= {e.id for e in known if e.kind == "C" and not (m and m[0] <= e.on)}
    assert not of_kind(state, "225")
    assert not of_kind(state, "201")


def _second(known: tuple[Event, ...]) -> date:
    """The date of the second decision that counts: a later U alone does not."""
    counted = 0
    for e in sorted((e for e in known if e.kind == "C"), key=lambda e: e.on):
        counted += not (counted and set(e.outcomes) == {"U"})
        if counted == 2:
            return e.on
    return date.max


@given(rule_sets, courses, near)
def test_what_does_not_count_changes_nothing_when_it_is_retracted(rules: RuleSet, given: Course, received: date) -> None:
    """Codes registered twice, a second start, a third decision, what came after the closing."""
    given = replace(given, received=received)
    state = fold(rules, given)
    for uncounted in set().union(*(of_kind(state, number) for number in ("102", "I2", "I6", "225"))):
        rest = tuple(e for e in given.events if e.id != uncounted)
        assert replace(fold(rules, replace(given, events=rest)), notes=()) == replace(state, notes=())


# the gate


@given(rule_sets, courses, events())
def test_the_gate_refuses_for_new_errors_alone(rules: RuleSet, given: Course, more: list[Event]) -> None:
    before = fold(rules, given)
    added = tuple(replace(e, id=f"new-{e.id}") for e in more)
    after = fold(rules, replace(given, events=given.events + added))
    had = {(n.number, n.event) for n in before.notes}

    assert refusals(before, before) == ()
    for refused in refusals(before, after):
        assert refused.finding.severity == "error"
        assert (refused.number, refused.event) not in had
    assert all(n in refusals(None, after) for n in refusals(before, after))


@given(st.permutations(["A 09-01", "M 09-07", "L 09-10", "CU 10-01", "CP 11-01", "E 12-01", "HK 12-20", "XG 12-20"]))
def test_a_correct_course_sent_as_one_is_let_in_whatever_the_order(sent: list[str]) -> None:
    assert refusals(fold(D11, Course()), fold(D11, course(*sent))) == ()


def test_an_old_fault_refuses_no_later_event() -> None:
    faulty = course("A 09-01", "CP 09-20")  # no M: 208

    assert refusals(fold(D11, faulty), fold(D11, replace(faulty, events=(*faulty.events, event("E", "10-20"))))) == ()


def test_an_event_is_refused_for_what_it_does_to_those_before_it() -> None:
    before, after = (
        course("A 09-01", "M 09-07", "E 10-20", "CP 10-01"),
        course("A 09-01", "M 09-07", "E 10-20", "CP 10-01", "XG 10-10"),
    )

    assert [(n.number, n.event) for n in refusals(fold(D11, before), fold(D11, after))] == [("225", "E@10-20")]
