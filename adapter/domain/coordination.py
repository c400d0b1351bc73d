"""Who is asked to coordinate a pathway: a municipality's rules, in order, the first that applies, at last the coordinating unit.

    decide(rules, Situation(on=today, born=date(2014, 5, 1)))    # Vågå: the health station, and why

Which municipality has which rule is data (`mappings/municipalities`). Every municipality has a coordinating unit (*koordinerende
enhet*, hol § 7-3), which answers for what no rule settles. Age is that of the day the question is put. What is not known is
never guessed: a rule whose condition is not known ends the search, since whoever comes after it may be the wrong one, and the
coordinating unit is asked and told what was not known. Whoever has said no is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple

from adapter.domain.deadlines import age
from adapter.domain.ruleset import Source

Asks = Literal["unit", "person", "coordinating-unit"]
Trigger = Literal["named", "meeting", "individual-plan", "admission", "discharge", "outpatient"]
"""What makes a municipal coordinator's task arise: being named, a meeting on cooperation (event S), the need of an individual plan,
an admission, a discharge that comes near (events H and X), the start of outpatient treatment."""

DEFAULT: Final = ""
SPECIALIST: Final = "specialist"
"""Stand where a municipality's number does: for municipalities that have no rules of their own, and for the specialist service."""

LAST: Final = "coordinating-unit"
"""The id of every rule set's last rule: the coordinating unit is asked."""


class Text(NamedTuple):
    """The same in Norwegian (bokmål) and English."""

    nb: str
    en: str


NOTHING: Final = Text("", "")

UNKNOWN: Final[Mapping[str, Text]] = {
    "age": Text("pasientens alder", "the patient's age"),
    "coordinator": Text(
        "om pasienten allerede har en koordinator eller kontaktperson",
        "whether the patient already has a coordinator or contact person",
    ),
    "services": Text("hvilke tjenester pasienten har hatt kontakt med", "which services the patient has been in contact with"),
    "most-involved": Text(
        "hvilken tjeneste som er mest involvert, for flere er like mye",
        "which service is the most involved, as several are equally so",
    ),
    "needs": Text(
        "om barnet har langvarig behov for sammensatte tjenester", "whether the child has a long-lasting need for complex services"
    ),
    "guardian": Text("om foresatte ønsker barnekoordinator", "whether the guardian wishes for a children's coordinator"),
}
"""What a decision may lack, by its key."""


@dataclass(frozen=True, slots=True)
class When:
    """A rule's condition: all of what it names holds; one that names nothing always does."""

    below_age: int | None = None
    coordinator: bool = False  # has a coordinator or contact person in the municipality
    most_involved: bool = False  # one service has had more contacts with the patient than any other


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom one rule asks, on what condition, and why.

    `confirmed`: the coordinating unit is to confirm who it comes to. `conflict`: what to tell the coordinating unit where the
    patient has a coordinator already, whom this rule does not ask.
    """

    id: str
    asks: Asks
    name: Text
    reason: Text
    source: Source
    when: When = When()
    confirmed: bool = False
    conflict: Text | None = None


@dataclass(frozen=True, slots=True)
class ChildCoordinator:
    """A children's coordinator (*barnekoordinator*, hol § 7-2 a): below which age one is to be considered."""

    below_age: int
    reason: Text
    source: Source


@dataclass(frozen=True, slots=True)
class CoordinationRules:
    """A municipality's rules; the last of them is `LAST`.

    `municipality` is its number (four digits), `DEFAULT` (which has no name) or `SPECIALIST`.
    `answer_days`: working days within which an answer is asked for. `reachable`: when the coordinator can be reached, as told.
    """

    municipality: str
    name: str
    rules: tuple[Rule, ...]
    answer_days: int
    source: Source
    reachable: Text = NOTHING
    child_coordinator: ChildCoordinator | None = None

    @property
    def coordinating_unit(self) -> str:
        return self.rules[-1].name.nb


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a patient when the question is put; None is not known.

    `coordinator`: has a coordinator or contact person in the municipality. `services`: contacts per service in the last 90 days.
    `refused`: ids of the rules whose answer was no.
    """

    on: date
    born: date | None = None
    coordinator: bool | None = None
    services: Mapping[str, int] | None = None
    complex_needs: bool | None = None
    guardian_wishes: bool | None = None
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is asked, by which rule, and why. `nb` and `en` tell all of it: the reason, what was not known, and a conflict.

    `unknown` are keys of `UNKNOWN`, `unknown_nb` and `unknown_en` the same for people. `confirm`: the coordinating unit is to
    confirm it. `conflict` and `conflict_en` are what the coordinating unit is to be told besides; empty where nothing is.
    """

    rule: str
    asks: Asks
    who: str
    who_en: str
    nb: str
    en: str
    unknown: tuple[str, ...] = ()
    confirm: bool = False
    conflict: str = ""
    conflict_en: str = ""

    @property
    def unknown_nb(self) -> str:
        return "; ".join(UNKNOWN[key].nb for key in self.unknown)

    @property
    def unknown_en(self) -> str:
        return "; ".join(UNKNOWN[key].en for key in self.unknown)


@dataclass(frozen=True, slots=True)
class Followup:
    """One of the eight tasks of a municipal coordinator, and what makes it arise.

    `within`: working days from then; None where no source says. https://www.helsedirektoratet.no/nasjonale-forlop
    """

    id: str
    nb: str
    en: str
    triggers: tuple[Trigger, ...]
    within: int | None
    source: Source


@dataclass(frozen=True, slots=True)
class _Search:
    """How far a search has come: what was not known on the way."""

    situation: Situation
    unknown: list[str] = field(default_factory=list)

    def holds(self, when: When) -> bool:
        """Whether the condition is known to hold. What it hangs on and nobody knows is noted."""
        situation, lacking = self.situation, list[str]()
        if when.below_age is not None:
            if situation.born is None:
                lacking.append("age")
            elif age(situation.born, situation.on) >= when.below_age:
                return False
        if when.coordinator:
            if situation.coordinator is None:
                lacking.append("coordinator")
            elif not situation.coordinator:
                return False
        if when.most_involved:
            found = most_involved(situation.services)
            if found is None:
                lacking.append("services" if situation.services is None else "most-involved")
            elif not found:
                return False
        self.unknown.extend(lacking)
        return not lacking


def decide(rules: CoordinationRules, situation: Situation) -> Decision | None:
    """Who is asked now; None where everybody has been: a person must find out.

    A rule that was refused is passed over. One whose condition is not known ends the search at the coordinating unit.
    """
    search = _Search(situation)
    last = rules.rules[-1]
    for rule in rules.rules:
        if rule.id in situation.refused:
            continue
        if search.holds(rule.when):
            return _decision(rule, search)
        if search.unknown:
            return None if last.id in situation.refused else _decision(last, search)
    return None


def most_involved(services: Mapping[str, int] | None) -> str | None:
    """The service with the most contacts; empty where there are none, None where it is not known or several are equal.

    >>> most_involved({"hjemmetjenesten": 4, "nav": 1}), most_involved({"hjemmetjenesten": 4, "nav": 4}), most_involved({})
    ('hjemmetjenesten', None, '')
    """
    if services is None:
        return None
    most = max(services.values(), default=0)
    if most <= 0:
        return ""
    leading = [name for name, contacts in services.items() if contacts == most]
    return leading[0] if len(leading) == 1 else None


def _decision(rule: Rule, search: _Search) -> Decision:
    situation, unknown = search.situation, list(search.unknown)
    name = rule.name
    if rule.when.most_involved and (service := most_involved(situation.services)):
        name = Text(service, service)
    conflict = NOTHING
    if rule.conflict and situation.coordinator is None:
        unknown.append("coordinator")
    elif rule.conflict and situation.coordinator:
        conflict = rule.conflict
    lacking = Text("; ".join(UNKNOWN[key].nb for key in unknown), "; ".join(UNKNOWN[key].en for key in unknown))
    return Decision(
        rule=rule.id,
        asks=rule.asks,
        who=name.nb,
        who_en=name.en,
        nb=" ".join(filter(None, (rule.reason.nb, lacking.nb and f"Ikke kjent: {lacking.nb}.", conflict.nb))),
        en=" ".join(filter(None, (rule.reason.en, lacking.en and f"Not known: {lacking.en}.", conflict.en))),
        unknown=tuple(unknown),
        confirm=rule.confirmed,
        conflict=conflict.nb,
        conflict_en=conflict.en,
    )


def review_on(rules: CoordinationRules, born: date | None, on: date) -> date | None:
    """The birthday at which a decision made on a day is to be looked at again: the next that a rule hangs on (Vågå: the 16th).

    None where no rule does, where the patient is past it, or where the birth date is not known. Who was born on 29 February has it
    on 1 March of other years.
    """
    ages = [rule.when.below_age for rule in rules.rules if rule.when.below_age is not None]
    if born is None:
        return None
    return min((birthday(born, limit) for limit in ages if age(born, on) < limit), default=None)


def birthday(born: date, years: int) -> date:
    """The first day on which somebody is that old.

    >>> birthday(date(2012, 2, 29), 16), birthday(date(2012, 2, 29), 18)
    (datetime.date(2028, 2, 29), datetime.date(2030, 3, 1))
    """
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
