"""The timeline: everything is told once, nothing is told on top of something else, and nobody can put markup into it.

The widths of letters are those of the font DejaVu Sans itself (its table hmtx, thousandths of an em), the widest of the usual ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations, zip_longest
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapter.domain.course import Assessment, Course, Event
from adapter.domain.pathway import fold
from adapter.domain.ruleset import ORDER, Duty, Limit, Source
from adapter.domain.state import Deadline, Owed, State, Step
from mappings.rules import national
from mappings.timeline import ASKED, DROPPED, HELD, Band, Lane, lines, svg
from mappings.timeline.places import lanes, text_width

SVG: Final = "{http://www.w3.org/2000/svg}"
TITLE: Final = "D11 Psykisk helsevern, voksne · regelsett 2019"
REGULAR: Final = (
    r" 318!401'275(390)390,318-361.318/337:337;337?531A684B686C698D770E632F575G775H752I295J295K656L557M863N748O787P603Q787R695"
    r"S635T611U732V684W989X685Y611Z685a613b635c550d635e615f352g635h634i278j278k579l278m974n634o612p635q635r411s521t392u634v592"
    r"w818x592y592z525Æ974Ø787Å684æ982ø612å613é615–500…1000·318✓838○873◐873▲769△769&780<838>838"
)
BOLD: Final = (
    r" 348!456'306(457)457,380-415.380/365:400;400?580A774B762C734D830E683F683G821H837I372J372K775L637M995N837O850P733Q850R770"
    r"S720T682U812V774W1103X771Y724Z725a675b716c593d716e678f435g716h712i343j343k665l343m1042n712o687p716q716r493s595t478u712v652"
    r"w924x645y652z582Æ1085Ø850Å774æ1048ø687å675é678–500…1000·380✓838○873◐873▲769△769&872<838>838"
)
SOURCE: Final = Source("B")
LIMITS: Final = ("assess-referral", "date-limit", "guarantee-under-23", "decision", "extended-decision", "next-evaluation", "local")
PHASES: Final = ("referred", "waiting", "basic-assessment", "extended-assessment", "planning", "treatment", "closing", "closed")


def widths(table: str) -> Mapping[str, int]:
    return {letter: int(width) for letter, width in re.findall(r"(\D)(\d+)", table)} | dict.fromkeys("0123456789", 700)


class Label(NamedTuple):
    text: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Label) -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


def labels(picture: etree._Element) -> Iterator[Label]:
    """Where each text stands, in the widest font."""
    for text in picture.iter(f"{SVG}text"):
        bold = (text.get("class") or "") in ("bold", "word", "now")
        size, x, y = float(text.get("font-size", 0)), float(text.get("x", 0)), float(text.get("y", 0))
        table = widths(BOLD if bold else REGULAR)
        said = text.text or ""
        wide = sum(table.get(letter, 1113) for letter in said) * size / 1000
        yield Label(said, x, y - 0.76 * size, x + wide, y + 0.24 * size)


def deadline(id: str, start: date, days: int | None = 42, **more: object) -> Deadline:
    limit = Limit(id, "M", "C", days, "calendar", SOURCE)
    due = None if days is None else start + timedelta(days=days)
    return Deadline(limit, **{"ordinal": 1, "anchor": start, "due": due} | more)  # type: ignore[arg-type]


def state(*, steps: tuple[Step, ...] = (), deadlines: tuple[Deadline, ...] = (), duties: tuple[Owed, ...] = ()) -> State:
    last = steps[-1] if steps else Step(date(2026, 9, 1), "treatment", "active")
    return State(last.phase, last.status, None, None, "", steps, deadlines, duties, ())


def titles(picture: etree._Element, kind: str) -> list[str]:
    """What groups of a kind say of themselves."""
    return [g[0].text or "" for g in picture.iter(f"{SVG}g") if (g.get("class") or "").split()[0] == kind]


days = st.dates(date(2026, 1, 1), date(2027, 6, 30))
texts = st.text(st.characters(codec="utf-8"), max_size=40)
events = st.builds(
    Event,
    id=st.uuids().map(str),
    kind=st.sampled_from(ORDER),
    on=days | st.dates(),
    outcomes=st.lists(st.sampled_from("UPTSKAIMGRX"), max_size=2).map(tuple),
)
deadlines = st.builds(
    lambda id, number, start, length, end, way, caused: deadline(
        id, start, length, ordinal=number, **{way: end}, patient_caused=caused
    ),
    st.sampled_from(LIMITS),
    st.integers(1, 9),
    days,
    st.none() | st.integers(0, 90),
    st.none() | days,
    st.sampled_from(("met", "over")),
    st.sampled_from(("", "an-event")),
)
steps = st.builds(Step, on=days, phase=st.sampled_from(PHASES), status=st.sampled_from(("planned", "active", "finished")))
courses = st.builds(
    Course,
    received=st.none() | days,
    assessment=st.none() | st.builds(Assessment, st.booleans(), days),
    events=st.lists(events, max_size=14).map(tuple),
)
states = st.builds(
    lambda steps, deadlines: state(steps=tuple(sorted(steps, key=lambda s: s.on)), deadlines=tuple(deadlines)),
    st.lists(steps, max_size=8),
    st.lists(deadlines, max_size=8, unique_by=lambda d: d.key),
)


NAMES: Final = ("Fjordheim sykehus HF", "Vågå", "Tildelingskontoret (koordinerende enhet) i Vågå er spurt", "M" * 80)
held = st.lists(st.tuples(days, st.sampled_from(NAMES), st.sampled_from((HELD, DROPPED))), min_size=1, max_size=4).map(
    lambda found: tuple(
        Band(code, name, since, following[0] if following else None)
        for (since, name, code), following in zip_longest(sorted(found), sorted(found)[1:])
    )
)
asked = st.lists(st.builds(Band, st.just(ASKED), st.sampled_from(NAMES), days, st.none() | days), min_size=1, max_size=4).map(tuple)
relays = st.lists(st.builds(Lane, st.sampled_from(("Har pinnen", "I kommunen", "Spurt")), held | asked), max_size=3)


@settings(max_examples=150)
@given(courses, states, days, relays)
def test_each_event_phase_and_deadline_is_there_once_and_no_text_stands_on_another(
    course: Course, state: State, today: date, relay: list[Lane]
) -> None:
    picture = etree.fromstring(svg(TITLE, course, state, today, relay))

    shown = [re.match(r"([A-Z]+) (\S+)", said) for said in titles(picture, "event")]
    assert sorted(m.groups() for m in shown if m) == sorted((e.kind + "".join(e.outcomes), f"{e.on}") for e in course.events)
    assert len(titles(picture, "deadline")) == len(state.deadlines)
    changes = [a.phase for a, b in zip(state.steps, (None, *state.steps), strict=False) if b is None or a.phase != b.phase]
    assert len(titles(picture, "phase")) == len(changes)
    assert len(titles(picture, "hand")) == sum(len(lane.bands) for lane in relay)
    all_labels = list(labels(picture))
    assert [(a.text, b.text) for a, b in combinations(all_labels, 2) if a.meets(b)] == []
    high = float(picture.get("height", 0))
    assert [x.text for x in all_labels if x.left < 0 or x.right > 1000 or x.top < 0 or x.bottom > high] == []


@given(courses, states, days)
def test_each_event_phase_and_deadline_has_its_line(course: Course, state: State, today: date) -> None:
    said = lines(TITLE, course, state, today)
    kinds = [line for line in said if line[:4].strip().isupper() and re.search(r"\d{4}-\d\d-\d\d", line)]

    assert len(kinds) == len(course.events)
    assert sum(bool(re.match(r" {4}\d{4}-\d\d-\d\d – ", line)) for line in said) == len(state.deadlines)
    assert all(line.isprintable() for line in said)


@given(texts, texts)
def test_text_from_outside_stays_text(title: str, kind: str) -> None:
    course = Course(events=(Event("1", kind, date(2026, 9, 1), (title,)),))
    duty = Duty(kind, "planning", title, "", SOURCE)
    given_state = state(duties=(Owed(duty, 1, date(2026, 9, 1)),), deadlines=(deadline(title, date(2026, 9, 1)),))
    picture = etree.fromstring(svg(title, course, given_state, date(2026, 10, 1)))
    names = {element.tag for element in picture.iter()}

    assert names <= {
        SVG + name for name in ("svg", "title", "desc", "style", "defs", "pattern", "rect", "text", "g", "path", "circle")
    }
    assert all(line.isprintable() for line in lines(title, course, given_state, date(2026, 10, 1)))


@given(st.lists(st.tuples(st.floats(0, 800), st.floats(1, 300)), max_size=12))
def test_no_flag_meets_another_or_stands_in_the_way_of_its_pole(items: list[tuple[float, float]]) -> None:
    rows = lanes(items)

    for (x, wide), row in zip(items, rows, strict=True):
        for (other, _), other_row in zip(items, rows, strict=True):
            if x < other < x + wide:
                assert other_row < row
    assert len({(x, row) for (x, _), row in zip(items, rows, strict=True)}) == len(items)


@pytest.mark.parametrize("letter", [letter for letter in widths(REGULAR) if not letter.isdigit()])
def test_a_letter_is_not_wider_than_reckoned_with(letter: str) -> None:
    assert text_width(letter, 1000) >= widths(REGULAR)[letter]
    assert text_width(letter, 1000) * 1.2 >= widths(BOLD)[letter]


START: Final = date(2026, 9, 7)
COURSE: Final = Course(
    received=date(2026, 8, 20),
    assessment=Assessment(True, date(2026, 9, 1), "1"),
    events=(Event("m", "M", START), Event("c", "C", date(2026, 10, 12), ("U",)), Event("l", "L", date(2026, 9, 20))),
)
STATE: Final = state(
    steps=(Step(date(2026, 8, 20), "referred", "planned"), Step(START, "basic-assessment", "active")),
    deadlines=(
        deadline("decision", START, met=date(2026, 10, 12), patient_caused="l"),
        deadline("assess-referral", date(2026, 8, 20), 14, met=date(2026, 9, 5)),
        deadline("first-evaluation", date(2026, 10, 12), 7),
        deadline("next-evaluation", date(2026, 10, 12), 50),
        deadline("extended-decision", date(2026, 10, 12), 9),
        deadline("guarantee-under-23", START, 90, over=date(2026, 9, 20)),
        deadline("detox-to-treatment", date(2026, 10, 14), None),
    ),
)
TODAY: Final = date(2026, 10, 20)


def test_each_deadline_says_in_words_how_it_stands() -> None:
    told = titles(etree.fromstring(svg(TITLE, COURSE, STATE, TODAY)), "deadline")

    assert told == [  # by anchor, then by last day
        "Vurdere henvisningen, 2026-08-20 – 2026-09-03: Utført etter frist (2026-09-05, 2 dager over)",
        "Klinisk beslutning, 2026-09-07 – 2026-10-19: Frist holdt (2026-10-12), pasientutsatt",
        "Garanti under 23 år, 2026-09-07 – 2026-12-06: Falt bort (2026-09-20)",
        "Første evaluering, 2026-10-12 – 2026-10-19: Frist brutt (1 dag over)",
        "Utvidet utredning, 2026-10-12 – 2026-10-21: Frist nærmer seg (1 dag igjen)",
        "Neste evaluering, 2026-10-12 – 2026-12-01: I rute (42 dager igjen)",
        "Avrusning til behandling, 2026-10-14 – ?: Ukjent frist (ingen frist kjent)",
    ]


def test_events_have_their_letters_and_the_words_of_the_code_lists() -> None:
    picture = etree.fromstring(svg(TITLE, COURSE, STATE, TODAY))

    assert titles(picture, "event") == [
        "M 2026-09-07 Første fremmøte i pakkeforløpet",
        "L 2026-09-20 Pasientutsatt pakkeforløp",
        "CU 2026-10-12 Klinisk beslutning. Behov for utvidet utredning",
    ]
    assert titles(picture, "answer") == ["2026-08-20 Henvisning mottatt", "2026-09-01 Rett til helsehjelp"]
    assert titles(picture, "phase") == ["Henvist: 2026-08-20 – 2026-09-07", "Basisutredning: 2026-09-07"]


def test_the_picture_can_be_heard_and_fetches_nothing() -> None:
    document = svg(TITLE, COURSE, STATE, TODAY)
    picture = etree.fromstring(document)

    assert (picture.get("role"), picture.get("aria-labelledby")) == ("img", "title desc")
    assert picture[0].text == TITLE
    heard = picture[1].text or ""
    assert "2026-10-12 CU Klinisk beslutning: utvidet utredning." in heard
    assert "Første evaluering, 2026-10-12 – 2026-10-19: Frist brutt (1 dag over)." in heard
    assert b"prefers-color-scheme:dark" in document
    assert not re.search(rb"<script|href=|\son\w+=|https?://(?!www\.w3\.org/2000/svg)|@import", document)


def test_today_is_shown_where_it_lies_in_the_time_of_the_pathway() -> None:
    shown = etree.fromstring(svg(TITLE, COURSE, STATE, TODAY))
    closed = State("closed", "finished", START, date(2026, 10, 12), "G", (Step(START, "closed", "finished"),), (), (), ())

    assert [t.text for t in shown.iter(f"{SVG}text") if t.get("class") == "now"] == ["I dag 2026-10-20"]
    assert b"I dag" not in svg(TITLE, Course(), closed, date(2029, 1, 1))
    assert not any("I dag" in line for line in lines(TITLE, Course(), closed, date(2029, 1, 1)))


def test_the_lines_are_a_hundred_columns_and_say_what_is_to_be_done() -> None:
    duty = Owed(Duty("crisis-plan", "planning", "Avklar behov for kriseplan", "", SOURCE), 1, START, date(2026, 10, 7))
    said = lines(TITLE, COURSE, state(steps=STATE.steps, deadlines=STATE.deadlines, duties=(duty,)), TODAY)

    assert max(map(len, said)) <= 102
    assert said[0] == TITLE
    assert said[1] == "Basisutredning (aktivt), siden 2026-09-07"
    assert said[-2:] == ["Gjøremål", "  Avklar behov for kriseplan (fra 2026-09-07, innen 2026-10-07)"]
    assert any(line.startswith("CU  Klinisk beslutning") and line.endswith("2026-10-12 utvidet utredning") for line in said)


def test_a_limit_that_nobody_knows_is_shown_as_unknown_from_its_anchor_to_what_it_awaits() -> None:
    """D11 by the rules of 2025, of which no length is known: M to C, C to E, and no second E yet."""
    events = (
        ("A", date(2026, 3, 2), ()),
        ("M", date(2026, 3, 16), ()),
        ("C", date(2026, 4, 13), ("P",)),
        ("E", date(2026, 5, 18), ()),
    )
    course = Course(events=tuple(Event(kind, kind, on, outcomes) for kind, on, outcomes in events))
    folded = fold(national().get("D11", "2025"), course, "mon-fri")
    picture = etree.fromstring(svg(TITLE, course, folded, date(2026, 6, 1)))

    assert [told for told in titles(picture, "deadline") if "Ukjent frist" in told] == [
        "Klinisk beslutning, 2026-03-16 – ?: Ukjent frist (utført 2026-04-13)",
        "Første evaluering, 2026-04-13 – ?: Ukjent frist (utført 2026-05-18)",
        "Neste evaluering, 2026-05-18 – ?: Ukjent frist (ingen frist kjent)",
    ]
    assert sum("? Ukjent frist" in line for line in lines(TITLE, course, folded, date(2026, 6, 1))) == 3
