"""Quality indicators over folded pathways (nasjonale kvalitetsindikatorer): what counts, where, and what may be shown. Pure.

- `assessment-in-time`: the clinical decision (C) within its limit after first attendance (M); of pathways with M and C, but not
  those with right to treatment at once (avklart tilstand).
- `first-evaluation-in-time`: the first evaluation (E) within its limit after C; of pathways where that was answered or ran out.
- `involved-in-plan`: user involvement in the plan (UU); of pathways that began, but those refused (X/R) or found to be none (X/L).
- `not-assessed-in-time`: referrals not assessed within the ten working days of pbrl § 2-2; of those assessed, or out of time.
- `right-refused`: right to care refused (X/R); of pathways that began (A).

The first, the third and the fifth are the Directorate of Health's formulas; the second and the fourth say which pathways they
are a share of by our reading, since *all pathways* would count those that cannot have been evaluated or assessed yet. Under the
rules of 2025 a refused referral begins no pathway: it is counted as one for `right-refused`, which would be nothing otherwise.

**Which period a pathway is in** is said by no source that we know; ours is: what measures a time limit belongs to the day that
the limit runs out, the two others to the day the pathway began. So a figure of a past period does not move with those
that are slow, and a fast pathway is not in it before a slow one.

**Postponed by the patient** (L): a limit that was missed then is missed all the same, and told in a column of its own.
**An unknown limit**: the pathway is not counted; how many there were is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple

from adapter.domain.course import Course
from adapter.domain.state import Deadline, State

Level = Literal["region", "organisation", "unit"]
LEVELS: Final[tuple[Level, ...]] = ("region", "organisation", "unit")
INDICATORS: Final = ("assessment-in-time", "first-evaluation-in-time", "involved-in-plan", "not-assessed-in-time", "right-refused")

LEAST: Final = 5
"""Small cells: a denominator below this, or a numerator of 1 to 4, is not shown (the national indicators' own rule)."""

Path = tuple[str, ...]
"""A place: () is everywhere, then the region, the organisation's number and the unit's id, as far as it goes."""


class Spot(NamedTuple):
    """Where a pathway is: key and name of its organisation and unit. Without a region: the empty string."""

    region: str
    organisation: str
    unit: str
    organisation_name: str = ""
    unit_name: str = ""

    @property
    def path(self) -> Path:
        return (self.region, self.organisation, self.unit)


class Judged(NamedTuple):
    """What one pathway is to one indicator. `hit` None: its limit is unknown. `on` places it in a period."""

    indicator: str
    on: date
    hit: bool | None
    patient_caused: bool = False


def judged(course: Course, state: State, today: date) -> Iterator[Judged]:
    """What a pathway is to each of the indicators that it is counted in, as it stands on a day."""
    if course.withdrawn is None and state.start:
        yield from _plan(course, state.start)
    yield from _refusal(course, state)
    yield from _assessed(state, today)
    if not (course.assessment and course.assessment.to_treatment):
        yield from _decided(course, state)
    yield from _evaluated(course, state, today)


def _has(course: Course, kind: str, outcome: str) -> bool:
    return any(event.kind == kind and outcome in event.outcomes for event in course.events)


def _plan(course: Course, start: date) -> Iterator[Judged]:
    if not (_refused(course) or _has(course, "X", "L")):
        yield Judged("involved-in-plan", start, _has(course, "U", "U"))


def _refusal(course: Course, state: State) -> Iterator[Judged]:
    began = state.start or (course.assessment.on if course.assessment else None)
    if began and course.withdrawn is None:
        yield Judged("right-refused", began, _refused(course))


def _refused(course: Course) -> bool:
    return _has(course, "X", "R") or bool(course.assessment and not course.assessment.granted)


def _assessed(state: State, today: date) -> Iterator[Judged]:
    for deadline in _of(state, "assess-referral")[:1]:
        if (late := _late(deadline, today)) is not None:
            yield Judged("not-assessed-in-time", deadline.due or deadline.anchor, late, late and bool(deadline.patient_caused))


def _decided(course: Course, state: State) -> Iterator[Judged]:
    """The first decision after first attendance; an extended assessment has a limit of its own, which this does not measure."""
    if not all(any(event.kind == kind for event in course.events) for kind in "MC"):
        return
    limits = _of(state, "decision")
    if not limits:
        yield from _unknown("assessment-in-time", "decision", course, state)
    for deadline in limits[:1]:
        if deadline.met and deadline.due:
            hit = deadline.met <= deadline.due
            yield Judged("assessment-in-time", deadline.due, hit, not hit and bool(deadline.patient_caused))


def _evaluated(course: Course, state: State, today: date) -> Iterator[Judged]:
    """The first evaluation that was awaited to the end: a second decision lets the limit run anew."""
    limits = _of(state, "first-evaluation")
    if not limits:
        yield from _unknown("first-evaluation-in-time", "first-evaluation", course, state)
    for deadline in ([one for one in limits if one.met] or limits[-1:])[:1]:
        if deadline.due and (late := _late(deadline, today)) is not None:
            yield Judged("first-evaluation-in-time", deadline.due, not late, late and bool(deadline.patient_caused))


def _unknown(indicator: str, limit: str, course: Course, state: State) -> Iterator[Judged]:
    """The fold makes no deadline of an unknown limit, but notes it with the event that it would run from."""
    days = {event.id: event.on for event in course.events}
    noted = [days[note.event] for note in state.notes if note.number == f"no-{limit}" and note.event in days]
    if noted:
        yield Judged(indicator, max(noted), None)


def _of(state: State, limit: str) -> list[Deadline]:
    return sorted((one for one in state.deadlines if one.limit.id == limit), key=lambda one: one.ordinal)


def _late(deadline: Deadline, today: date) -> bool | None:
    """Whether a limit was missed; None while it runs, or where it fell away before it had run out."""
    if deadline.due is None:
        return None
    if deadline.met:
        return deadline.met > deadline.due
    return True if min(deadline.over or today, today) > deadline.due else None


@dataclass(slots=True)
class Count:
    """One figure: `numerator` of `denominator`, and how many of the misses the patient had postponed."""

    numerator: int = 0
    denominator: int = 0
    patient_caused: int = 0

    @property
    def small(self) -> bool:
        return self.denominator < LEAST or 0 < self.numerator < LEAST


class Cell(NamedTuple):
    """One line of the answer. What may not be shown is None: all of a small cell, or the patients' share of another."""

    indicator: str
    path: Path
    names: tuple[str, ...]  # of the place and those around it, from the widest inward; none of everywhere
    numerator: int | None
    denominator: int | None
    patient_caused: int | None

    @property
    def percent(self) -> float | None:
        return None if self.numerator is None or not self.denominator else 100 * self.numerator / self.denominator


class Tally:
    """Adds pathways up. Its size goes with the places, not with the pathways.

    `since` and `until` (inclusive) are the period; `unknown` is how many pathways were left out of an indicator since
    their limit is unknown, and `first`, `last` are the days of the first and last that were counted.
    """

    def __init__(self, since: date | None = None, until: date | None = None) -> None:
        self.since, self.until = since, until
        self.unknown = dict.fromkeys(INDICATORS, 0)
        self.first: date | None = None
        self.last: date | None = None
        self._counts: dict[str, dict[Path, Count]] = {indicator: {} for indicator in INDICATORS}
        self._names: dict[Path, str] = {}

    def add(self, spot: Spot, found: Iterable[Judged]) -> None:
        region, organisation, unit = spot.path
        self._names[(region,)] = region
        self._names[region, organisation] = spot.organisation_name or organisation
        self._names[region, organisation, unit] = spot.unit_name or unit
        for one in found:
            if (self.since and one.on < self.since) or (self.until and one.on > self.until):
                continue
            if one.hit is None:
                self.unknown[one.indicator] += 1
                continue
            self.first, self.last = min(self.first or one.on, one.on), max(self.last or one.on, one.on)
            for depth in range(len(LEVELS) + 1):
                count = self._counts[one.indicator].setdefault(spot.path[:depth], Count())
                count.denominator += 1
                count.numerator += one.hit
                count.patient_caused += one.patient_caused

    def cells(self, level: Level) -> list[Cell]:
        """Each indicator's figure for all, then for each place of the level by name. No total where nothing was counted."""
        return [cell for indicator in INDICATORS for cell in self._cells(indicator, LEVELS.index(level) + 1)]

    def _cells(self, indicator: str, depth: int) -> Iterator[Cell]:
        counts = self._counts[indicator]
        small = hidden({path: one.denominator for path, one in counts.items()}, [path for path, one in counts.items() if one.small])
        few = hidden(
            {path: one.patient_caused for path, one in counts.items()},
            [path for path, one in counts.items() if path in small or 0 < one.patient_caused < LEAST],
        )
        for names, path in sorted((self._called(path), path) for path in counts if len(path) in (0, depth)):
            one = counts[path]
            numerator, denominator = (None, None) if path in small else (one.numerator, one.denominator)
            yield Cell(indicator, path, names, numerator, denominator, None if path in few else one.patient_caused)

    def _called(self, path: Path) -> tuple[str, ...]:
        return tuple(self._names[path[: depth + 1]] for depth in range(len(path)))


def hidden(sizes: Mapping[Path, int], small: Collection[Path]) -> set[Path]:
    """The places whose figure is not shown: the small ones, and those that one could be worked out by.

    Where a sum is shown and one alone of its parts is not, that one is the sum less the others; so the smallest of the others
    is hidden too. Where a sum is hidden for that reason, one of its parts is, or they would add up to it. From the widest
    inward, so that what is hidden above is heeded below. Single figures are so kept; that two tables with overlapping
    periods are not held against each other is for those who publish them.

    >>> sorted(hidden({(): 60, ("N",): 3, ("S",): 17, ("V",): 40}, [("N",)]))
    [('N',), ('S',)]
    """
    found = set(small)
    parts: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in sizes:
        if path:
            parts[path[:-1]].append(path)
    for whole in sorted(parts, key=len):
        lost = sum(part in found for part in parts[whole])
        if lost == (0 if whole in found else 1):
            rest = [part for part in parts[whole] if part not in found]
            found.update(sorted(rest, key=lambda part: (sizes[part], part))[:1])
    return found
