"""Rule sets: what the national guides say of one pathway type from one date on, as plain data with its sources.

A rule set is chosen once, by the date the referral was received, and kept for the pathway's life. What no source says is
written as unknown (`days` None, confidence D) and never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from adapter.domain.problem import Finding, Kind, Problem, problem

Confidence = Literal["A", "B", "C", "D"]
"""A: official text or list; B: secondary source; C: inferred by us; D: not found, so unknown."""

Anchor = Literal["received", "assessed", "emergency", "M", "C", "CU", "E", "D"]
"""Where a time limit runs from: the referral received or assessed, the emergency contact, first attendance, the last clinical
decision that leads to treatment here, the decision on extended assessment, an evaluation, the end of detoxification."""

ORDER: Final = "ALPMCDTFSUEHX"
"""Events of the same date, in the order they are taken."""

CARE_LEVELS: Final = ("poliklinikk", "dognenhet")
SEVERITIES: Final = ("severe", "less-severe")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule or figure comes from. `local`: an organisation's own, laid over the national one."""

    confidence: Confidence
    reference: str = ""
    note: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit, from its anchor to the event it awaits (9322), or to what a person answers where `awaits` is empty.

    `days` None is unknown: no deadline comes of it. `unit` *date* is a date given for the patient (frist for helsehjelp).
    `care_level` and `severity` empty apply to any; `below_age` only to patients younger than that at the anchor.
    """

    id: str  # kind of the Task: assess-referral, date-limit, decision, first-evaluation …
    anchor: Anchor
    awaits: Literal["", "M", "C", "E"]
    days: int | None
    unit: Literal["calendar", "working", "date"]
    source: Source
    care_level: str = ""
    severity: str = ""
    earliest: int | None = None  # 3 of "3-7 days"; due at the last
    below_age: int | None = None
    target: int | None = None  # percent of pathways within it


@dataclass(frozen=True, slots=True)
class Duty:
    """What somebody must do that has no code of its own; it becomes a Task. It arises when the pathway first comes to `phase`.

    `within` limits its time, counted from then; `from_age` and `below_age` restrict it to patients of that age or older, and
    younger.
    """

    kind: str  # of pathway-task
    phase: str  # of pathway-phase
    nb: str
    en: str
    source: Source
    within: int | None = None  # days
    unit: Literal["calendar", "working"] = "calendar"
    below_age: int | None = None
    from_age: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What the order of events must be, told to people: the fold (`adapter.domain.pathway`) is what judges.

    `number` is of 9329, or ours (I2, I6 …) where that has none. `days` is the rule's figure, where it has one.
    """

    number: str
    severity: Literal["error", "warning", "information"]
    nb: str
    en: str
    source: Source
    days: int | None = None
    unit: Literal["calendar", "working"] = "calendar"


@dataclass(frozen=True, slots=True)
class Indicator:
    """A national quality indicator, or a management target that is no patient's deadline (`of` is then the mean of a figure)."""

    id: str
    nb: str
    en: str
    source: Source
    target: int | None = None
    unit: Literal["percent", "days"] = "percent"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one pathway type (9321), version *2019* or *2025*.

    `events` holds each event (9322) that the type has, with its outcomes: none for A, D, E, F, L, M, P and T.
    """

    pathway: str
    version: str
    nb: str
    en: str
    start: Literal["received", "assessed"]
    valid_from: date
    valid_to: date | None
    source: Source
    events: Mapping[str, frozenset[str]]
    events_source: Source
    limits: tuple[Limit, ...]
    duties: tuple[Duty, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    rules: tuple[Rule, ...] = ()
    place: str = ""  # the file that it came from

    @property
    def id(self) -> str:
        """Of its PlanDefinition, and in the name of each rule: D11-2019."""
        return f"{self.pathway}-{self.version}"


@dataclass(frozen=True, slots=True)
class Local:
    """An organisation's own limits, laid over a national rule set; without `organisation` those of the whole installation."""

    pathway: str
    version: str
    limits: tuple[Limit, ...]
    organisation: str = ""
    place: str = ""  # file and line
    places: tuple[str, ...] = ()  # of each limit


class Rulebook:
    """All rule sets, and the limits that organisations lay over them.

    Raises `Problem` where they contradict each other: one rule set twice, two of a pathway that hold on the same day, local
    limits for a rule set that is not there or of which two hold for the same.
    """

    def __init__(self, sets: Sequence[RuleSet], local: Sequence[Local] = ()) -> None:
        self._sets = {(rules.pathway, rules.version): rules for rules in sets}
        self._local = tuple(local)
        self._made: dict[tuple[str, str, str], RuleSet] = {}
        if faults := [*_contradictions(sets), *_misplaced(self._sets, self._local)]:
            raise Problem(*faults)

    def version(self, received: date, pathway: str = "") -> str:
        """The rule set of a pathway whose referral was received on that date: the latest then begun, else the first.

        Of a pathway type that none holds for on that date it is the one that holds for the others, which lacks the type.
        """
        ours = [rules for rules in self._sets.values() if rules.pathway == pathway and _holds(rules, received)]
        begun = ours or [rules for rules in self._sets.values() if rules.valid_from <= received]
        return max(begun, key=_begins).version if begun else min(self._sets.values(), key=_begins).version

    @property
    def local(self) -> tuple[Local, ...]:
        """What is laid over the national rule sets here."""
        return self._local

    @property
    def first(self) -> date:
        """When the first rule set began to hold."""
        return min(rules.valid_from for rules in self._sets.values())

    @property
    def types(self) -> tuple[str, ...]:
        """Every pathway type (9321) that some rule set has."""
        return tuple(sorted({p for p, _ in self._sets}))

    def versions(self, pathway: str = "") -> tuple[str, ...]:
        """Every version that there is, or that a pathway type has."""
        return tuple(sorted({v for p, v in self._sets if pathway in ("", p)}))

    def has(self, pathway: str, version: str) -> bool:
        return (pathway, version) in self._sets

    def get(self, pathway: str, version: str, organisation: str = "") -> RuleSet:
        """A rule set, with the organisation's own limits. Raises `Problem(BUSINESS_RULE)` where it has no such pathway type."""
        key = (pathway, version, organisation)
        if key not in self._made:
            if key[:2] not in self._sets:
                have = ", ".join(sorted({p for p, v in self._sets if v == version})) or "-"
                raise problem(
                    Kind.BUSINESS_RULE,
                    f"{pathway} is not in the rules of {version}, which have {have}. Choose another pathway, or other rules.",
                    f"{pathway} finnes ikke i reglene fra {version}, som har {have}. Velg et annet forløp, eller andre regler.",
                )
            self._made[key] = self._laid_over(self._sets[key[:2]], organisation)
        return self._made[key]

    def all(self) -> Sequence[RuleSet]:
        """The national rule sets, by pathway and version."""
        return [self._sets[key] for key in sorted(self._sets)]

    def _laid_over(self, rules: RuleSet, organisation: str) -> RuleSet:
        """The installation's limits first, then the organisation's own, which win."""
        for local in sorted(self._local, key=lambda each: each.organisation):
            if (local.pathway, local.version) == (rules.pathway, rules.version) and local.organisation in ("", organisation):
                kept = list(rules.limits)
                for own in local.limits:
                    kept = [part for limit in kept for part in _beside(own, limit)]
                rules = replace(rules, limits=(*kept, *local.limits))
        return rules


def _begins(rules: RuleSet) -> date:
    return rules.valid_from


def _holds(rules: RuleSet, on: date) -> bool:
    return rules.valid_from <= on and (rules.valid_to is None or on <= rules.valid_to)


def _beside(own: Limit, limit: Limit) -> list[Limit]:
    """What is left of a national limit where a local one stands in its stead: one for all is then for the other levels."""
    if not clash(own, limit):
        return [limit]
    levels = CARE_LEVELS if own.care_level and not limit.care_level else (limit.care_level,)
    severities = SEVERITIES if own.severity and not limit.severity else (limit.severity,)
    parts = (replace(limit, care_level=level, severity=severity) for level in levels for severity in severities)
    return [part for part in parts if not clash(own, part)]


def _contradictions(sets: Sequence[RuleSet]) -> list[Finding]:
    found = []
    for i, later in enumerate(sets):
        for earlier in sets[:i]:
            if later.pathway != earlier.pathway:
                continue
            if later.version == earlier.version:
                found.append(fault(later.place, f"{later.id} is there twice", f"{later.id} finnes to ganger", earlier.place))
                continue
            first, second = sorted((earlier, later), key=_begins)
            if first.valid_from == second.valid_from or (first.valid_to and second.valid_from <= first.valid_to):
                en, nb = (
                    f"{second.id} holds from a day on which {first.id} holds",
                    f"{second.id} gjelder fra en dag da {first.id} gjelder",
                )
                found.append(fault(second.place, en, nb, first.place))
    return found


def _misplaced(sets: Mapping[tuple[str, str], RuleSet], local: Sequence[Local]) -> list[Finding]:
    found = []
    for i, own in enumerate(local):
        name = f"{own.pathway}-{own.version}"
        national = sets.get((own.pathway, own.version))
        if not national:
            en, nb = f"there is no rule set {name} to lay limits over", f"det finnes ikke noe regelsett {name} å legge frister over"
            found.append(fault(own.place, en, nb))
            continue
        for other in local[:i]:
            if (other.pathway, other.version, other.organisation) == (own.pathway, own.version, own.organisation):
                en, nb = f"the limits laid over {name} are there twice", f"fristene over {name} finnes to ganger"
                found.append(fault(own.place, en, nb, other.place))
        for limit, place in zip(own.limits, own.places, strict=True):
            found += unanchored(limit, national.events, place)
            if any(clash(limit, there) and limit.below_age != there.below_age for there in national.limits):
                en, nb = "the national limit has another below_age", "den nasjonale fristen har en annen below_age"
                found.append(fault(place, f"{limit.id}: {en}", f"{limit.id}: {nb}"))
    return found


def clash(one: Limit, other: Limit) -> bool:
    """Whether both limits could hold for the same patient and event."""
    if one.id != other.id:
        return False
    levels, severities = {one.care_level, other.care_level}, {one.severity, other.severity}
    return (len(levels) == 1 or "" in levels) and (len(severities) == 1 or "" in severities)


def unanchored(limit: Limit, events: Mapping[str, frozenset[str]], place: str) -> list[Finding]:
    """A limit whose anchor, or awaited event, the pathway does not have."""
    needed = [limit.anchor[:1]] if limit.anchor in ("M", "C", "CU", "E", "D") else []
    lacking = [event for event in (*needed, limit.awaits) if event and event not in events]
    if limit.anchor == "CU" and "U" not in events.get("C", frozenset()):
        lacking.append("CU")
    en, nb = "needs an event that the pathway lacks", "trenger en hendelse som forløpet ikke har"
    return [fault(place, f"{limit.id} {en}: {each}", f"{limit.id} {nb}: {each}") for each in dict.fromkeys(lacking)]


def fault(where: str, en: str, nb: str, other: str = "") -> Finding:
    """A contradiction in a rule file, with its file and line; `other` is where the other half of it stands."""
    beside = (f" (see {other})", f" (se {other})") if other else ("", "")
    return Finding("fatal", Kind.INVALID, f"{en}{beside[0]}: correct it", f"{nb}{beside[1]}: rett det", where)
