"""The time limits of one pathway as they begin to run, are met and fall away, while its events are gone through in order.

Which limit applies is decided at the anchor: care level and severity as known then, the patient's age then. A limit whose days no
source says, or whose care level is not known, gives no deadline but a finding that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from adapter.domain.deadlines import WorkingDays, age, due
from adapter.domain.feedback import unknown_limit
from adapter.domain.ruleset import Anchor, Limit
from adapter.domain.state import Deadline, Noted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapter.domain.course import Course
    from adapter.domain.ruleset import RuleSet


@dataclass(slots=True)
class _Clock:
    limit: Limit
    ordinal: int
    anchor: date
    due: date
    strict: date | None
    met: date | None = None
    over: date | None = None
    cause: str = ""

    @property
    def running(self) -> bool:
        return self.met is None and self.over is None


class Clocks:
    """The running time limits of one fold."""

    def __init__(self, rules: RuleSet, course: Course, week: WorkingDays, notes: list[Noted]) -> None:
        self._course, self._week, self._notes = course, week, notes
        self._limits: dict[str, dict[str, list[Limit]]] = {}  # by anchor, then id
        for limit in rules.limits:
            self._limits.setdefault(limit.anchor, {}).setdefault(limit.id, []).append(limit)
        self._ordinals: dict[str, int] = {}
        self._clocks: list[_Clock] = []
        self._noted: set[tuple[str, str, str]] = set()

    def start(self, anchor: Anchor, on: date, level: str, severity: str, event: str = "", *, without: Collection[str] = ()) -> None:
        """An anchor has come: its limits begin to run, save those that await one of `without`."""
        for id, limits in self._limits.get(anchor, {}).items():
            if limits[0].awaits in without:
                continue
            ordinal = self._ordinals[id] = self._ordinals.get(id, 0) + 1
            limit = self._applying([limit for limit in limits if self._of_age(limit, on)], level, severity, event)
            if limit:
                self._run(limit, ordinal, on, level, event)

    def _of_age(self, limit: Limit, on: date) -> bool:
        if limit.below_age is None:
            return True
        born = self._course.born
        return born is not None and age(born, on) < limit.below_age

    def _applying(self, limits: Sequence[Limit], level: str, severity: str, event: str) -> Limit | None:
        """The limit of the care level and severity; what is said for these goes before what is said for any."""
        fitting = [i for i in limits if i.care_level in ("", level) and i.severity in ("", severity)]
        if fitting:
            return max(fitting, key=lambda i: (i.care_level != "", i.severity != ""))
        if not limits:
            return None
        first, why = limits[0], "limit"
        if not level and any(i.care_level for i in limits):
            why = "care-level"
        elif not severity and any(i.severity for i in limits):
            why = "severity"
        if why != "limit" and len(limits) > 1 and len({(i.days, i.unit) for i in limits}) == 1:
            return replace(first, care_level="", severity="")  # as long for all: nothing hangs on what is not known
        self._note(first, event, why, level if why == "limit" else "")
        return None

    def _run(self, limit: Limit, ordinal: int, on: date, level: str, event: str) -> None:
        other: date | None = None
        if limit.unit == "date":
            said = self._course.assessment
            last = said.date_limit if said else None
            if last is None:  # none was given for this patient
                return
        elif limit.days is None:
            self._note(limit, event, "limit", limit.care_level and level)
            return
        else:
            last = due(limit, on, self._week)
            if limit.unit == "working" and self._week == "mon-fri":
                other = due(limit, on, "mon-sat")
        clock = _Clock(limit, ordinal, on, last, other if other != last else None)
        if limit.awaits == "" and limit.id != "assess-referral":  # that one's answer is a course's assessment, which has its date
            clock.met = self._course.done.get(f"{limit.id}-{ordinal}")
        self._clocks.append(clock)

    def _note(self, limit: Limit, event: str, why: str, value: str) -> None:
        """Once for each reason: an unknown limit between evaluations says so at the first of them."""
        if (limit.id, why, value) not in self._noted:
            self._noted.add((limit.id, why, value))
            self._notes.append(unknown_limit(limit, event, why, value))

    def met(self, awaits: str, on: date) -> None:
        """An awaited event has come."""
        for clock in self._clocks:
            if clock.limit.awaits == awaits and clock.running:
                clock.met = on

    def answered(self, id: str, on: date) -> None:
        """The limit of that kind is met by an answer rather than by an event that it awaits."""
        for clock in self._clocks:
            if clock.limit.id == id and clock.running:
                clock.met = on

    def over(self, on: date, awaits: str | None = None) -> None:
        """What still runs falls away: all of it, or what awaits that event."""
        for clock in self._clocks:
            if clock.running and awaits in (None, clock.limit.awaits):
                clock.over = on

    def postponed(self, event: str) -> None:
        """The patient has put it off (L): what awaits an event is marked so, and goes on running."""
        for clock in self._clocks:
            if clock.running and clock.limit.awaits and not clock.cause:
                clock.cause = event

    def deadlines(self) -> tuple[Deadline, ...]:
        return tuple(Deadline(c.limit, c.ordinal, c.anchor, c.due, c.strict, c.met, c.over, c.cause) for c in self._clocks)
