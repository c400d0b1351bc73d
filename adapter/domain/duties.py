"""What somebody owes a pathway that no code says: the duties of the phases that it came to, done, due or fallen away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from adapter.domain.course import Course
from adapter.domain.deadlines import WorkingDays, add_days, add_working_days, age
from adapter.domain.ruleset import Duty, RuleSet
from adapter.domain.state import Owed

_AFTERCARE: Final = frozenset({"closing", "closed", "municipal-follow-up", "refused"})
"""Phases whose duties do not fall away when the pathway is closed: they are what closing it asks for."""


def owed(
    rules: RuleSet, course: Course, came: Mapping[str, date], dates: Sequence[date], end: date | None, week: WorkingDays
) -> tuple[Owed, ...]:
    """The duties that have arisen. `came` says when the pathway first came to each phase, `dates` are its events', in order.

    A duty's ordinal is its place among those of its kind in the rule set, so that no other course of events renames its Task.
    """
    found: list[Owed] = []
    ordinals: dict[str, int] = {}
    for duty in rules.duties:
        ordinal = ordinals[duty.kind] = ordinals.get(duty.kind, 0) + 1
        since = _since(duty, course.born, came.get(duty.phase), dates)
        if since is None:
            continue
        due = None
        if duty.within is not None:
            due = add_days(since, duty.within) if duty.unit == "calendar" else add_working_days(since, duty.within, week)
        done = course.done.get(f"{duty.kind}-{ordinal}")
        over = None if done or duty.phase in _AFTERCARE else end
        found.append(Owed(duty, ordinal, since, due, done, over))
    return tuple(found)


def _since(duty: Duty, born: date | None, came: date | None, dates: Sequence[date]) -> date | None:
    """When the duty arose: with its phase, or, for one of an age (turning 18), with the first event from then on at that age.

    A patient whose birth date is not known is of no age.
    """
    if came is None or (duty.from_age is None and duty.below_age is None):
        return came
    if born is None:
        return None
    days = [came] if duty.from_age is None else [came, *(on for on in dates if on > came)]
    youngest, oldest = duty.from_age or 0, duty.below_age or 999
    return next((on for on in days if youngest <= age(born, on) < oldest), None)
