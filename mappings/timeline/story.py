"""What there is to tell of a pathway, before it is drawn: phases, events and deadlines with their words and days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from adapter.domain.course import Course
from adapter.domain.deadlines import standing
from adapter.domain.rule_data import LIMITS
from adapter.domain.ruleset import ORDER, RuleSet
from adapter.domain.state import Deadline, State
from mappings.timeline import words

BEFORE: Final = timedelta(days=3653)
AFTER: Final = timedelta(days=366)
"""What lies further off, as a mistyped year does, is told of but not drawn to scale."""


@dataclass(frozen=True, slots=True)
class Band:
    """A phase: until the next one, or None where it lasts."""

    code: str
    name: str
    since: date
    until: date | None


HELD: Final = "held"
ASKED: Final = "asked"
DROPPED: Final = "dropped"


@dataclass(frozen=True, slots=True)
class Lane:
    """What went from hand to hand, as bands one after another: somebody held it, or nobody did (`DROPPED`).

    Bands of those who were only `ASKED` may lie on one another.
    """

    name: str
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """An event, or (`letters` empty) an answer that has no code."""

    on: date
    letters: str
    name: str
    outcome: str
    full: str

    @property
    def whole(self) -> str:
        return f"{self.name}: {self.outcome}" if self.outcome else self.name


@dataclass(frozen=True, slots=True)
class Bar:
    """A deadline: from its anchor until it is due, and how it stands. `end`: since when it no longer runs."""

    key: str
    name: str
    start: date
    due: date | None
    end: date | None
    standing: str
    note: str
    patient_caused: bool

    @property
    def sign(self) -> str:
        return words.STANDINGS[self.standing][0]

    @property
    def word(self) -> str:
        return words.STANDINGS[self.standing][1]


@dataclass(frozen=True, slots=True)
class Story:
    """A pathway to draw; `first` to `last` is the time that is shown."""

    title: str
    heading: str
    today: date
    open: bool
    first: date
    last: date
    bands: tuple[Band, ...]
    marks: tuple[Mark, ...]
    bars: tuple[Bar, ...]
    lanes: tuple[Lane, ...] = ()


def title_of(rules: RuleSet) -> str:
    """What a pathway is: its type and rule set."""
    return f"{rules.pathway} {rules.nb} · regelsett {rules.version}"


def tell(title: str, course: Course, state: State, today: date, lanes: Sequence[Lane] = ()) -> Story:
    """The story of a pathway; what it says of time is as of `today`."""
    bands, marks = tuple(_bands(state)), tuple(_marks(course))
    said = [*(_bar(d, today) for d in state.deadlines), *_unknown(course, state)]
    bars = tuple(sorted(said, key=lambda bar: (bar.start, bar.due or date.max, bar.key)))
    handed = [day for lane in lanes for band in lane.bands for day in (band.since, band.until) if day]
    first, last = _time([*(b.since for b in bands), *handed], marks, bars, today, running=state.open)
    return Story(title, _heading(state), today, state.open, first, last, bands, marks, bars, tuple(lanes))


def _time(days: list[date], marks: Sequence[Mark], bars: Sequence[Bar], today: date, *, running: bool) -> tuple[date, date]:
    """The time to show: of all that there is, with a margin; up to today where the pathway is open."""
    days += [mark.on for mark in marks if mark.letters != "P"]  # symptoms may have begun years before the referral
    days += [day for bar in bars for day in (bar.start, bar.due, bar.end) if day]
    now = today if running else max((day for day in days if day <= today), default=today)
    near = [now, *(day for day in days if -BEFORE < day - now < AFTER)]
    first, last = min(near), max(*near, min(near) + timedelta(days=14))
    margin = max((last - first) // 50, timedelta(days=1))
    return first - margin, last + margin


def _heading(state: State) -> str:
    said = f"{words.phase(state.phase)} ({words.STATUSES.get(state.status, state.status)})"
    if state.end:
        return f"{said}, {state.start} – {state.end}" if state.start else f"{said}, til {state.end}"
    return f"{said}, siden {state.steps[-1].on}" if state.steps else said


def _bands(state: State) -> Iterator[Band]:
    """The phases, each once for as long as it lasts; a step that changes the status alone begins none."""
    begun = [step for last, step in pairwise((None, *state.steps)) if step and (last is None or last.phase != step.phase)]
    for step, following in pairwise((*begun, None)):
        if step:
            yield Band(step.phase, words.phase(step.phase), step.on, following.on if following else None)


def _marks(course: Course) -> Iterator[Mark]:
    answers = []
    if course.emergency:
        answers.append((course.emergency, "Øyeblikkelig hjelp"))
    if course.received:
        answers.append((course.received, "Henvisning mottatt"))
    if course.assessment:
        answers.append((course.assessment.on, "Rett til helsehjelp" if course.assessment.granted else "Ikke rett til helsehjelp"))
    if course.withdrawn:
        answers.append((course.withdrawn, "Henvisning trukket"))
    found = [(on, -1, "", Mark(on, "", name, "", name)) for on, name in answers]
    for event in course.events:
        name = words.EVENTS.get(event.kind, event.kind)
        mark = Mark(event.on, event.kind + "".join(event.outcomes), name, words.outcome(event), words.official(event))
        found.append((event.on, ORDER.find(event.kind), event.id, mark))
    yield from (mark for *_, mark in sorted(found, key=lambda f: f[:3]))


def _bar(deadline: Deadline, today: date) -> Bar:
    due, met, over = deadline.due, deadline.met, deadline.over
    how: str = standing(deadline, today) if due else "unknown"
    if over and not met and how != "overdue":
        how = "fell-away"
    return Bar(
        deadline.key,
        words.limit(deadline.limit.id, deadline.ordinal),
        deadline.anchor,
        due,
        met or over,
        how,
        _note(how, due, met or over, today),
        bool(deadline.patient_caused),
    )


def _unknown(course: Course, state: State) -> Iterator[Bar]:
    """Time limits of which the state only notes that nobody knows how long they are: until what they await, or lasting."""
    events = {event.id: event for event in course.events}
    for noted in state.notes:
        id = noted.number.removeprefix("no-")
        anchor = events.get(noted.event)
        start = anchor.on if anchor else course.received
        if id == noted.number or start is None:
            continue
        awaited = LIMITS[id][1] if id in LIMITS else ""
        from_then = (e.on for e in course.events if e.kind == awaited and e.on >= start)
        met = min((on for on in from_then if on > start or not anchor or anchor.kind != awaited), default=None)
        note = _note("unknown", None, met, start)
        yield Bar(f"no-{id}", words.limit(id, 1), start, None, met, "unknown", note, patient_caused=False)


def _note(how: str, due: date | None, end: date | None, today: date) -> str:
    """The days that matter: what is left, or by how much it was missed."""
    if how == "fell-away":
        return f"{end}"
    if due is None:
        return f"utført {end}" if end else "ingen frist kjent"
    if end:
        late = (end - due).days
        return f"{end}, {words.days(late)} over" if late > 0 else f"{end}"
    left = (due - today).days
    if left == 0:
        return "i dag"
    return f"{words.days(left)} igjen" if left > 0 else f"{words.days(-left)} over"
