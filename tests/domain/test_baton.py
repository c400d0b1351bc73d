"""Who holds the baton, since when, what next and what is stuck: case by case, by hand.

The cases are those of the national pathways' roles (a coordinator in the specialist service while it assesses and treats, one in
the municipality beside it and after it) and of an assignment's life: asked, received, yes, a name; a no; silence; no contact.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.assignment import CODES, STATUSES
from adapter.domain.baton import Assignment, Fault, Next, Part, Run, asked, baton, legs, standing
from adapter.domain.baton_words import KINDS, MILESTONES, STANDINGS, TO_DO
from adapter.domain.coordination import Text

HOSPITAL = "Fjordheim sykehus HF"
MAY = [date(2026, 5, day) for day in range(1, 32)]  # MAY[0] is the first
TODAY = MAY[19]
STATION = Text("Helsestasjonen", "The health station")
ASKED = Assignment("a", "assign-coordinator", "requested", True, "Vågå", MAY[10], STATION, MAY[24])
OFFICE = replace(ASKED, id="b", who=Text("Tildelingskontoret", "The allocation office"), since=MAY[14], due=MAY[27])
OWN = Part(False, HOSPITAL, True, MAY[8])
THEIRS = Part(True, "Vågå", False, MAY[15])
DECISION = Next("Klinisk beslutning", "Clinical decision", MAY[22])
RUN = Run("basic-assessment", HOSPITAL, MAY[4], awaits=(DECISION,))
FOLLOW_UP = replace(RUN, phase="municipal-follow-up", ended=MAY[17], awaits=())


@pytest.mark.parametrize(
    ("run", "holder", "since"),
    [
        (replace(RUN, phase="referred"), HOSPITAL, MAY[4]),
        (replace(RUN, phase="waiting"), HOSPITAL, MAY[4]),
        (RUN, HOSPITAL, MAY[4]),
        # said yes, and no person yet: the organisation's, as before
        (replace(RUN, team=(replace(OWN, named=False),)), HOSPITAL, MAY[4]),
        (replace(RUN, team=(OWN,)), f"The pathway coordinator at {HOSPITAL}", MAY[8]),
        # a municipal coordinator works beside the specialist one, who still has the pathway
        (replace(RUN, team=(OWN, replace(THEIRS, named=True))), f"The pathway coordinator at {HOSPITAL}", MAY[8]),
        (replace(RUN, assignments=(ASKED,)), HOSPITAL, MAY[4]),
        (replace(RUN, phase="closing", team=(OWN, THEIRS)), f"The pathway coordinator at {HOSPITAL}", MAY[8]),
        # who took part before and no longer does
        (replace(RUN, team=(replace(OWN, until=MAY[12]),)), HOSPITAL, MAY[4]),
        (
            replace(RUN, team=(replace(OWN, until=MAY[12]), replace(OWN, since=MAY[12]))),
            f"The pathway coordinator at {HOSPITAL}",
            MAY[12],
        ),
        # closed with follow-up: the municipality has it from that day, or from the later day that it said yes
        (replace(FOLLOW_UP, team=(THEIRS,)), "Vågå", MAY[17]),
        (replace(FOLLOW_UP, team=(replace(THEIRS, since=MAY[18], named=True),)), "The coordinator in Vågå", MAY[18]),
        (replace(FOLLOW_UP, team=(OWN,)), "Nobody in the municipality, as far as we know", MAY[17]),
        (replace(FOLLOW_UP, assignments=(ASKED,)), "Nobody in the municipality, as far as we know", MAY[17]),
        (replace(RUN, phase="closed", ended=MAY[17], awaits=()), "Nobody", MAY[17]),
        (replace(RUN, phase="refused", ended=MAY[9], awaits=()), "Nobody", MAY[9]),
    ],
)
def test_the_baton_is_with_whoever_has_the_patient_now(run: Run, holder: str, since: date) -> None:
    found = baton(run, TODAY)

    assert (found.holder.en, found.since, found.held) == (holder, since, not holder.startswith("Nobody"))


@pytest.mark.parametrize(
    ("run", "awaited"),
    [
        (RUN, [("Clinical decision", MAY[22])]),
        (replace(RUN, awaits=()), [("Clinical decision", None)]),  # nobody knows by when
        (replace(RUN, phase="referred", awaits=()), [("The referral is assessed", None)]),
        # the soonest first, whosever it is
        (
            replace(RUN, assignments=(ASKED,)),
            [("Clinical decision", MAY[22]), ("The health station in Vågå answers whether it will coordinate", MAY[24])],
        ),
        (
            replace(RUN, assignments=(replace(ASKED, status="received", due=MAY[20]),)),
            [("The health station in Vågå answers whether it will coordinate", MAY[20]), ("Clinical decision", MAY[22])],
        ),
        (
            replace(RUN, assignments=(replace(ASKED, status="accepted", who=Text("", "")),)),
            [("Clinical decision", MAY[22]), ("Vågå names the coordinator", MAY[24])],
        ),
        (
            replace(RUN, assignments=(replace(ASKED, awaits_information=True, due=None),)),
            [("Clinical decision", MAY[22]), (f"{HOSPITAL} gives the information asked for", None)],
        ),
        (
            replace(RUN, awaits=(), assignments=(replace(ASKED, code="handover-coordinator"),)),
            [("The health station in Vågå answers whether it takes over", MAY[24]), ("Clinical decision", None)],
        ),
        (
            replace(RUN, assignments=(replace(ASKED, code="koord4", municipal=True, who=Text("", "")),)),
            [("Clinical decision", MAY[22])],  # daily work,
        ),
        (
            replace(
                RUN, assignments=tuple(replace(ASKED, status=s) for s in ("draft", "completed", "rejected", "failed", "cancelled"))
            ),
            [("Clinical decision", MAY[22])],
        ),
        # closed: only what the municipality is still asked; the specialist's time limits no longer count
        (replace(FOLLOW_UP, team=(THEIRS,)), [("The municipality follows up", None)]),
        (
            replace(FOLLOW_UP, assignments=(ASKED,), awaits=(DECISION,)),
            [("The health station in Vågå answers whether it will coordinate", MAY[24])],
        ),
        (replace(RUN, phase="closed", assignments=(ASKED,)), []),
        (replace(RUN, phase="refused"), []),
    ],
)
def test_what_happens_next_is_what_is_awaited_the_soonest_first(run: Run, awaited: list[tuple[str, date | None]]) -> None:
    found = baton(run, TODAY)

    assert [(one.en, one.by) for one in ((found.next, *found.then) if found.next else ())] == awaited


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (RUN, "is not asked"),
        (replace(RUN, assignments=(replace(ASKED, municipal=False),)), "is not asked"),  # the hospital's own
        (replace(RUN, assignments=(ASKED,)), "is asked"),
        (replace(RUN, assignments=(replace(ASKED, status="rejected"),)), "has said no"),
        (replace(RUN, assignments=(replace(ASKED, status="rejected"), OFFICE)), "is asked"),
        (replace(RUN, team=(THEIRS,), assignments=(replace(ASKED, status="accepted"),)), "has said yes"),
        (replace(RUN, team=(replace(THEIRS, named=True),)), "a coordinator is named"),
        (replace(RUN, team=(replace(THEIRS, until=MAY[18]),)), "is not asked"),
    ],
)
def test_it_is_told_how_it_stands_in_the_municipality(run: Run, told: str) -> None:
    assert baton(run, TODAY).municipality.en == told


def fault(kind: str) -> Fault:
    return Fault(kind, "Hvorfor.", "Why.", MAY[13])


SAID_NO = replace(ASKED, status="rejected", since=MAY[12])


@pytest.mark.parametrize(
    ("run", "stuck"),
    [
        (RUN, []),
        (replace(RUN, assignments=(ASKED,)), []),
        *(
            (replace(RUN, assignments=(ASKED,), faults=(fault(kind),)), [("Why.", to_do.en, MAY[13])])
            for kind, to_do in TO_DO.items()
        ),
        (replace(RUN, faults=(fault("new-kind"),)), [("Why.", "Look into it.", MAY[13])]),
        # the watch has not been by yet, or has: told once
        (
            replace(RUN, assignments=(replace(ASKED, due=MAY[18]),)),
            [("The health station in Vågå did not answer by 2026-05-19", "Call those who were asked.", MAY[18])],
        ),
        (  # what is put in about who it is ends with a comma too
            replace(RUN, assignments=(replace(ASKED, due=MAY[18], who=Text("Kontoret, som er K", "The office, which is C")),)),
            [("The office, which is C in Vågå, did not answer by 2026-05-19", "Call those who were asked.", MAY[18])],
        ),
        (replace(RUN, assignments=(replace(ASKED, due=TODAY),)), []),  # the last day is in time
        (
            replace(RUN, assignments=(replace(ASKED, due=MAY[18]),), faults=(fault("overdue"),)),
            [("Why.", "Call those who were asked.", MAY[13])],
        ),
        (replace(RUN, assignments=(replace(SAID_NO, due=MAY[11]), OFFICE)), []),  # a no ends the time to answer; the next is asked
        (
            replace(RUN, assignments=(SAID_NO,)),
            [
                (
                    "The health station in Vågå said no, and nobody else is asked",
                    "Call the municipality and agree on who coordinates.",
                    MAY[12],
                )
            ],
        ),
        (replace(RUN, assignments=(SAID_NO,), faults=(fault("no-one-to-ask"),)), [("Why.", TO_DO["no-one-to-ask"].en, MAY[13])]),
        (replace(RUN, assignments=(replace(SAID_NO, municipal=False),)), []),
        (
            replace(RUN, assignments=(replace(ASKED, status="on-hold"),)),
            [("The health station in Vågå has put it on hold", "Ask when it goes on.", MAY[10])],
        ),
        (
            replace(RUN, assignments=(replace(ASKED, undelivered=True),)),
            [("The health station in Vågå has not got it", TO_DO["refused"].en, MAY[10])],
        ),
        (
            replace(RUN, assignments=(replace(ASKED, undelivered=True),), faults=(fault("refused"),)),
            [("Why.", TO_DO["refused"].en, MAY[13])],
        ),
        (
            FOLLOW_UP,
            [("The municipality is to follow up, and no coordinator there is known", TO_DO["no-one-to-ask"].en, MAY[17])],
        ),
        (replace(FOLLOW_UP, team=(THEIRS,)), []),
        (replace(FOLLOW_UP, assignments=(ASKED,)), []),  # asked, and in time
        (replace(FOLLOW_UP, asks=False), []),  # an installation without partners asks nobody
        (replace(RUN, phase="closed"), []),
    ],
)
def test_what_is_stuck_says_why_and_what_to_do(run: Run, stuck: list[tuple[str, str, date]]) -> None:
    assert [(one.why.en, one.to_do.en, one.since) for one in baton(run, TODAY).stuck] == stuck


def test_what_has_been_stuck_longest_comes_first() -> None:
    late, held = replace(ASKED, due=MAY[16]), replace(OFFICE, status="on-hold", since=MAY[11])
    found = baton(replace(RUN, assignments=(late, held), faults=(fault("conflict"),)), TODAY)

    assert [one.since for one in found.stuck] == [MAY[11], MAY[13], MAY[16]]


@pytest.mark.parametrize(
    ("one", "nb", "en"),
    [
        (ASKED, "sendt", "sent"),
        (replace(ASKED, undelivered=True), "ikke kommet frem", "not delivered"),
        (replace(ASKED, status="received"), "mottatt", "received"),
        (replace(ASKED, status="completed"), "koordinator navngitt", "coordinator named"),
        (replace(ASKED, status="completed", code="release-coordinator"), "utført", "done"),
        (replace(ASKED, status="whatever"), "ukjent", "unknown"),
    ],
)
def test_an_assignment_stands_in_words(one: Assignment, nb: str, en: str) -> None:
    assert standing(one) == (nb, en)


def test_every_kind_status_and_phase_has_its_words() -> None:
    assert set(STANDINGS) == set(STATUSES)
    assert set(KINDS) == set(CODES)
    assert set(MILESTONES) == {
        *("referred", "waiting", "basic-assessment", "extended-assessment", "planning", "treatment", "closing"),
        "municipal-follow-up",
    }


DAYS = st.dates(MAY[0], MAY[-1])
TASKS = st.builds(
    Assignment,
    st.uuids().map(str),
    st.sampled_from([*CODES, "koord1"]),
    st.sampled_from(STATUSES),
    st.booleans(),
    st.just("Vågå"),
    DAYS,
    st.sampled_from([STATION, Text("", "")]),
    st.none() | DAYS,
    st.booleans(),
    st.booleans(),
)
RUNS = st.builds(
    Run,
    st.sampled_from([*MILESTONES, "closed", "refused"]),
    st.just(HOSPITAL),
    st.none() | DAYS,
    st.none() | DAYS,
    st.lists(st.builds(Next, st.just("nb"), st.just("en"), st.none() | DAYS), max_size=2).map(tuple),
    st.lists(TASKS, max_size=4).map(tuple),
    st.lists(st.builds(Part, st.booleans(), st.just("Vågå"), st.booleans(), DAYS, st.none() | DAYS), max_size=3).map(tuple),
    st.lists(st.builds(Fault, st.sampled_from(sorted(TO_DO)), st.just("nb"), st.just("en"), DAYS), max_size=2).map(tuple),
    st.booleans(),
)


@given(RUNS, DAYS)
def test_whatever_has_happened_it_is_told_in_both_languages(run: Run, today: date) -> None:
    found = baton(run, today)

    assert all(found.holder)
    assert all(found.municipality)
    assert found.held == (not found.holder.en.startswith("Nobody"))
    assert all(one.nb and one.en for one in ((found.next, *found.then) if found.next else ()))
    assert all(all(one.why) and all(one.to_do) for one in found.stuck)
    # an open pathway always has something ahead, or somebody who is to be called
    assert found.next or found.stuck or run.phase in ("closed", "refused") or not run.asks
    assert len(found.stuck) >= len(run.faults)


@given(TASKS)
def test_nobody_is_named_but_organisations_and_their_units(one: Assignment) -> None:
    assert asked(one).en in ("Vågå", "The health station in Vågå", "The health station at Vågå")


WITH_COORDINATOR = f"The pathway coordinator at {HOSPITAL}"


@pytest.mark.parametrize(
    ("run", "who"),
    [
        (replace(RUN, opened=None), []),
        (RUN, [(HOSPITAL, MAY[4], None)]),
        (replace(RUN, team=(OWN,)), [(HOSPITAL, MAY[4], MAY[8]), (WITH_COORDINATOR, MAY[8], None)]),
        # named on the first day; the next takes over where the one before ends
        (
            replace(RUN, team=(replace(OWN, since=MAY[4], until=MAY[12]), replace(OWN, since=MAY[12]))),
            [(WITH_COORDINATOR, MAY[4], MAY[12]), (WITH_COORDINATOR, MAY[12], None)],
        ),
        # nobody is coordinator for a while: the hospital has it
        (
            replace(RUN, team=(replace(OWN, until=MAY[10]), replace(OWN, since=MAY[14]))),
            [
                (HOSPITAL, MAY[4], MAY[8]),
                (WITH_COORDINATOR, MAY[8], MAY[10]),
                (HOSPITAL, MAY[10], MAY[14]),
                (WITH_COORDINATOR, MAY[14], None),
            ],
        ),
        # who works beside it in the municipality gets it when the pathway closes
        (
            replace(FOLLOW_UP, team=(OWN, replace(THEIRS, named=True))),
            [(HOSPITAL, MAY[4], MAY[8]), (WITH_COORDINATOR, MAY[8], MAY[17]), ("The coordinator in Vågå", MAY[17], None)],
        ),
        (
            replace(FOLLOW_UP, team=(replace(THEIRS, since=MAY[19]),)),
            [
                (HOSPITAL, MAY[4], MAY[17]),
                ("Nobody in the municipality, as far as we know", MAY[17], MAY[19]),
                ("Vågå", MAY[19], None),
            ],
        ),
        (replace(RUN, phase="closed", ended=MAY[17]), [(HOSPITAL, MAY[4], MAY[17])]),
        (replace(RUN, phase="closed", opened=MAY[17], ended=MAY[17]), []),  # within a day: nothing to draw
    ],
)
def test_it_is_known_who_had_it_from_when_to_when(run: Run, who: list[tuple[str, date, date | None]]) -> None:
    assert [(leg.holder.en, leg.since, leg.until) for leg in legs(run)] == who
    assert [leg.held for leg in legs(run)] == [not name.startswith("Nobody") for name, *_ in who]


@given(RUNS)
def test_there_is_no_gap_between_hands(run: Run) -> None:
    found = legs(run)

    assert all(one.until == following.since for one, following in pairwise(found))
    assert all(one.until is None or one.since < one.until for one in found)
