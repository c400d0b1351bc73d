"""What a pathway has come to: the state that its events and answers add up to, under one rule set.

    state = fold(rules, course)

The fold is total: any set of events gives a state, and what is wrong with it stands in its findings; whether an event may be
added is `adapter.domain.registration`'s. It knows no *today*: that is `adapter.domain.deadlines.standing`'s.

Events and people's answers are gone through by date. The phases are those of a referral's way: referred, waiting, assessment,
planning, treatment, closing, closed. An event that comes without the one before it takes the pathway to its own phase all the same,
since an EPJ that sends M without an answered assessment tells that assessment has begun.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from adapter.domain import feedback, ordering
from adapter.domain.clocks import Clocks
from adapter.domain.course import Course, Event
from adapter.domain.deadlines import WorkingDays
from adapter.domain.duties import owed
from adapter.domain.ruleset import Anchor, RuleSet
from adapter.domain.state import Deadline, Noted, Owed, Phase, State, Status, Step

__all__ = ["Deadline", "Noted", "Owed", "Phase", "State", "Status", "Step", "fold"]

_STATUS: Final[dict[Phase, Status]] = {
    "referred": "planned",
    "waiting": "waitlist",
    "basic-assessment": "active",
    "extended-assessment": "active",
    "planning": "active",
    "treatment": "active",
    "closing": "active",
    "refused": "cancelled",
    "municipal-follow-up": "finished",
}
"""What a phase is to an EpisodeOfCare; `closed` is finished or cancelled, by the reason."""

_TREATED_HERE: Final = frozenset("PT")
_TREATED_ELSEWHERE: Final = {"D01": "P", "D11": "T", "D12": "T"}
"""P is mental health care, T substance-use treatment. In the general pathways the other service's letter is a transfer to it. For
D06-D10 no source says so, and these patients are often both services' at once: there both letters are treatment here."""

_CONTINUED: Final = "NO"  # 9326: another pathway or another hospital goes on with it

_Answer = Literal["received", "emergency", "assessed", "plan", "refused", "withdrawn"]
_RANK: Final[dict[_Answer, int]] = {
    "emergency": -1,
    "received": 1,  # after an A of that date, which tells of the same
    "assessed": 3,  # before an L or M of that date
    "plan": ordering.rank("C") + 1,
    "refused": 200,  # after all events of its date, so that its own X/R is not one too late
    "withdrawn": 201,
}


def fold(rules: RuleSet, course: Course, week: WorkingDays = "mon-fri") -> State:
    """The state of a pathway. Never raises; the order of `course.events` means nothing."""
    if not course.events and not (course.received or course.assessment or course.emergency):
        return State("closed", "entered-in-error", None, None, "", (), (), (), ())  # opened by an event that was retracted
    taken, notes = ordering.take(rules, course)
    walk = _Walk(rules, course, week, notes, next((event.severity for event in taken if event.severity), ""))
    answers: list[tuple[date, int, int, _Answer | Event]] = [(on, _RANK[name], 0, name) for name, on in _answers(course)]
    events: list[tuple[date, int, int, _Answer | Event]] = [
        (event.on, ordering.rank(event.kind), place, event) for place, event in enumerate(taken)
    ]
    for on, _, _, what in sorted(answers + events, key=lambda item: item[:3]):
        if isinstance(what, Event):
            walk.event(what)
        else:
            walk.answer(what, on)
    return walk.state(min((event.on for event in course.events), default=None))


def _answers(course: Course) -> list[tuple[_Answer, date]]:
    said = course.assessment
    given: list[tuple[_Answer, date | None]] = [
        ("received", course.received),
        ("emergency", course.emergency),
        ("assessed", said.on if said else None),
        ("refused", said.on if said and not said.granted else None),
        ("plan", course.done.get("agree-plan-1")),
        ("withdrawn", course.withdrawn),
    ]
    return [(name, on) for name, on in given if on is not None]


class _Walk:
    """One pathway, gone through in order."""

    def __init__(self, rules: RuleSet, course: Course, week: WorkingDays, notes: list[Noted], severity: str) -> None:
        self.rules, self.course, self.week, self.notes = rules, course, week, notes
        self.clocks = Clocks(rules, course, week, notes)
        self.phase: Phase | None = None
        self.status: Status = "planned"
        self.steps: list[Step] = []
        self.came: dict[str, date] = {}  # to each phase, first
        self.level = course.care_level
        self.severity = course.severity or severity  # for the whole pathway: how severe it was at the referral changes no more
        self.seen: set[str] = set()
        self.start: date | None = None
        self.end: date | None = None
        self.reason = ""
        self.agreed = self.help_after = False
        self.judged: date | None = None
        self.dates: list[date] = []  # of the events that count

    # what people answered

    def answer(self, name: _Answer, on: date) -> None:
        said = self.course.assessment
        match name:
            case "received":
                self._begin(on)
                self._anchor("received", on)
                if self.judged:
                    self.clocks.answered("assess-referral", self.judged)
            case "emergency":
                self._begin(on)
                if "A" not in self.seen and not self.judged:  # else in a pathway already
                    self._anchor("emergency", on)
            case "assessed" if said:
                self._assess(on, granted=said.granted)
                if said.granted and self.phase in (None, "referred"):
                    self.go(on, "waiting")
            case "refused" if self.end is None:
                self._close(on, "refused", "cancelled")
            case "plan":
                self.agreed = True
                if self.phase == "planning":
                    self.go(on, "treatment")
            case "withdrawn" if self.end is None and self.seen.isdisjoint(ordering.BEGUN):
                self._close(on, "closed", "cancelled")

    def _begin(self, on: date, event: str = "") -> None:
        if self.phase is None:
            self.go(on, "referred", event=event)

    def _assess(self, on: date, *, granted: bool = True) -> None:
        """The referral has been assessed: by an answer, or by an A that says so."""
        self.clocks.answered("assess-referral", on)
        self.clocks.answered("emergency-decision", on)
        self.judged = on
        if granted:
            self._anchor("assessed", on)

    # what was registered

    def event(self, event: Event) -> None:
        kind, on, id = event.kind, event.on, event.id
        self.dates.append(on)
        self.level = event.care_level or self.level
        match kind:
            case "A":
                self._started(event)
            case "M":
                self.clocks.met("M", on)
                if self.phase in (None, "referred", "waiting"):
                    self.go(on, "basic-assessment", event=id)
                self._anchor("M", on, id)
            case "C":
                self._decided(event)
            case "E":
                self.clocks.met("E", on)
                if self.phase != "closing":
                    self.go(on, "treatment", event=id)
                    self._anchor("E", on, id)
            case "D":
                self._begin(on, id)
                self._anchor("D", on, id)
            case "T" | "H":
                self.help_after = self.help_after or (kind == "H" and not {"K", "A"}.isdisjoint(event.outcomes))
                self._closing(on, id)
            case "X":
                self._ended(event)
            case "L":
                self._begin(on, id)
                self.clocks.postponed(id)
            case "P":
                pass  # when the symptoms began is no step on the pathway
            case _:
                self._begin(on, id)
        self.seen.add(kind)

    def _started(self, event: Event) -> None:
        """Rules of 2019: A is the referral received, and says nothing of its assessment. From 2025, and after an emergency, A is
        the decision that the patient has the right to care."""
        on, said = event.on, self.course.assessment
        self.start = on
        granting = self.rules.start == "assessed" or self.course.emergency is not None
        self.clocks.answered("emergency-decision", on)
        if granting:
            if said is None:
                self._assess(on)
            if self.phase in (None, "referred"):
                self.go(on, "waiting", event=event.id)
            return
        self._begin(on, event.id)
        if self.course.received is None:
            self._anchor("received", on, event.id, opened=True)

    def _decided(self, event: Event) -> None:
        on, id = event.on, event.id
        here = (_TREATED_HERE & set(event.outcomes)) - {_TREATED_ELSEWHERE.get(self.rules.pathway)}
        self.clocks.met("C", on)
        self.clocks.over(on, "E")  # evaluations are counted from the last decision
        if here:
            if self.phase != "treatment":
                self.go(on, "planning", event=id)
                if self.agreed:
                    self.go(on, "treatment")
            self._anchor("C", on, id)
        elif "U" in event.outcomes:
            self.go(on, "extended-assessment", event=id)
            self._anchor("CU", on, id)
        else:
            self._closing(on, id)

    def _closing(self, on: date, event: str) -> None:
        self.clocks.over(on, "E")  # no further evaluation is awaited
        self.go(on, "closing", event=event)

    def _ended(self, event: Event) -> None:
        self.reason = event.outcome
        phase: Phase
        status: Status
        if self.reason == "R":
            phase, status = "refused", "cancelled"
        elif self.reason == "L":
            phase, status = "closed", "cancelled"
        elif self.reason == "G" and self.help_after:
            phase, status = "municipal-follow-up", "finished"
        else:  # also a reason that only an organisation's or a later year's rules have
            phase, status = "closed", "finished"
        if status == "finished" and self.status == "active" and self.reason not in _CONTINUED:
            self.came.setdefault("closing", event.on)  # closed without a closing phase: what closing asks for is owed all the same
        self._close(event.on, phase, status, event.id)

    # what follows

    def go(self, on: date, phase: Phase, status: Status | None = None, event: str = "") -> None:
        status = status or _STATUS[phase]
        if (phase, status) != (self.phase, self.status):
            self.phase, self.status = phase, status
            self.steps.append(Step(on, phase, status, event))
            self.came.setdefault(phase, on)

    def _close(self, on: date, phase: Phase, status: Status, event: str = "") -> None:
        self.clocks.over(on)
        self.end = on
        self.go(on, phase, status, event)

    def _anchor(self, anchor: Anchor, on: date, event: str = "", *, opened: bool = False) -> None:
        """Limits begin to run, save those whose awaited event has been, or need not come: the condition is settled (T7b).

        Nobody is asked for an answer (the assessment) where an event opened the pathway: the EPJ has it already.
        """
        if self.end is not None:
            return
        said = self.course.assessment
        without = {"M"} if "M" in self.seen else set[str]()
        if anchor == "M" and ("C" in self.seen or (said is not None and said.to_treatment)):
            without.add("C")
        if opened:
            without.add("")
        self.clocks.start(anchor, on, self.level, self.severity, event, without=without)

    def state(self, first: date | None) -> State:
        """The end of the way. `first` is the date of the first event, for a pathway that none of its events begins."""
        if self.phase is None and first:
            self._begin(first)
        if self.end is None:
            self.notes += ordering.parallel(self.rules, self.course)
        said = self.course.assessment
        start = self.start
        if start is None:
            at_receipt = self.rules.start == "received" and self.course.emergency is None
            start = self.course.received if at_receipt else said.on if said and said.granted else None
        chosen_by = self.course.received or start
        if chosen_by and chosen_by < self.rules.valid_from:
            self.notes.append(feedback.early(self.rules.version, self.rules.valid_from))
        return State(
            self.phase or "referred",
            self.status,
            start,
            self.end,
            self.reason,
            tuple(self.steps),
            self.clocks.deadlines(),
            owed(self.rules, self.course, self.came, self.dates, self.end, self.week),
            tuple(self.notes),
            self.level,
        )
