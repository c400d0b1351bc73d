"""Why a subscriber was, or was not, told of a resource: version by version, clause by clause. Reads, and writes nothing.

    explain(unit, query_of, base, follower, "Task", "123")

What is closed to the subscriber, or to whoever asks (whose store `unit` is of), is answered exactly as what never was. Of what a
resource says only codes are repeated that tell of no person (`SHOWN`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from adapter.domain.coordination import Text
from adapter.domain.problem import Problem
from adapter.ports import Attempt, Clause, Follower, FollowerState, Outgoing, Stored, Unit
from adapter.r4 import json
from adapter.r4.index import Index, index
from adapter.usecases.follow_changes import QueryOf
from adapter.usecases.followers import Wanted, topic_named, wanted_of
from adapter.usecases.matching import holds
from adapter.usecases.see_followers import state_of
from mappings.times import OSLO
from mappings.topics import PHASE, STANDING, Topic

LAST: Final = 5  # versions that are explained
TRIES: Final = 1_000  # attempts that are looked through
Code = Literal[
    "told", "left-out", "on-its-way", "behind", "in-error", "asked", "off",  # it is counted
    "not-looked-at", "before", "off-then", "changed", "not-an-event", "filtered", "unreadable", "unknown",  # it is not
]  # fmt: skip
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "pathway-event": ("code", "status", "value-concept"),
    "pathway-change": ("phase", "status", "type"),
    "task-change": ("business-status", "code", "intent", "priority", "status"),
    "deadline-passed": ("business-status", "code", "intent", "priority", "status"),
}
"""By topic: what of a resource is said beside a filter. Of all else the status alone: any code may be a diagnosis."""
NOTHING_THERE: Final = Text(
    "Det finnes ingen slik ressurs som det kan sies noe om.", "There is no such resource that anything can be said of."
)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold for a version to be told of: whether it does, and how."""

    met: bool
    said: Text


@dataclass(frozen=True, slots=True)
class Version:
    """What became of one version. `number` is what it was counted under; None where it was not."""

    version: int
    moment: datetime
    code: Code
    said: Text
    number: int | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The last versions, newest first; without any `said` is all that there is to say."""

    about: str
    said: Text
    versions: tuple[Version, ...] = ()
    seen: tuple[Stored, ...] = ()  # for the audit


def explain(unit: Unit, query_of: QueryOf, base: str, follower: Follower, type: str, id: str) -> Explanation:
    """Why this subscriber was or was not told of the last versions of a resource."""
    about = f"{type}/{id}"
    if type != follower.type:
        en, nb = f"It follows {follower.type}, and this is {type}.", f"Det følger {follower.type}, og dette er {type}."
        return Explanation(about, Text(nb, en))
    found = unit.history(follower.tenant, type, id, LAST).found
    if not found or found[0].patient in unit.closed_to(follower.tenant, wanted_of(follower).who):
        return Explanation(about, NOTHING_THERE)
    looked = _Looked(unit, query_of, base, follower, id)
    versions = tuple(_version(looked, stored) for stored in found)
    number = f"the last {len(versions)}" if versions[-1].version > 1 else "all"
    antall = f"de siste {len(versions)}" if versions[-1].version > 1 else "alle"
    said = Text(f"Versjoner, nyeste først: {antall}.", f"Versions, newest first: {number}.")
    return Explanation(about, said, versions, tuple(found))


@dataclass
class _Looked:
    """What is looked up once for all versions."""

    unit: Unit
    query_of: QueryOf
    base: str
    follower: Follower
    id: str

    @cached_property
    def wanted(self) -> Wanted:
        return wanted_of(self.follower)

    @cached_property
    def topic(self) -> Topic | None:
        return topic_named(self.wanted.topic)

    @cached_property
    def state(self) -> FollowerState:
        return state_of(self.unit, self.follower)

    @cached_property
    def numbers(self) -> Mapping[int, int]:
        return self.unit.told_of(self.follower.tenant, self.follower.id, self.follower.type, self.id)

    @cached_property
    def unseen(self) -> frozenset[int]:
        return self.unit.unseen(self.follower.tenant, self.follower.type, self.id)

    @cached_property
    def attempts(self) -> Sequence[Attempt]:
        return self.unit.attempts(self.follower.tenant, self.follower.id, TRIES)

    @cached_property
    def waiting(self) -> Outgoing | None:
        return self.unit.notification(self.follower.tenant, self.follower.id)

    @cached_property
    def life(self) -> Sequence[tuple[datetime, Mapping[str, Any]]]:
        """The Subscription's own versions, newest first."""
        found = self.unit.history(self.follower.tenant, "Subscription", self.follower.id, TRIES).found
        return [(stored.updated, json.parse(stored.body)) for stored in found]

    def then(self, moment: datetime) -> Mapping[str, Any]:
        """The Subscription as it stood at a moment."""
        return next((body for since, body in self.life if since <= moment), {})

    def earlier(self, stored: Stored) -> Stored | None:
        if stored.version == 1:
            return None
        return self.unit.read(self.follower.tenant, stored.type, stored.id, stored.version - 1)


def _version(of: _Looked, stored: Stored) -> Version:
    checks = tuple(_checks(of, stored))
    number = of.numbers.get(stored.version)
    code, said = _counted(of, number) if number else _not_counted(of, stored, checks)
    return Version(stored.version, stored.updated, code, said, number, checks)


def _counted(of: _Looked, number: int) -> tuple[Code, Text]:
    """What became of an event under its number."""
    state, status = of.state, of.follower.status
    if number <= state.told:
        sent = next((one for one in of.attempts if one.outcome == "sent" and one.first <= number <= one.last), None)
        if sent:
            if sent.first == sent.last:
                return "told", _at(sent.moment, f"Varslet {{}} med nummer {number}.", f"Told {{}} with number {number}.")
            nb, en = f"med nummer {sent.first} til {sent.last}.", f"with numbers {sent.first} to {sent.last}."
            return "told", _at(sent.moment, f"Varslet {{}} {nb}", f"Told {{}} {en}")
        return "left-out", Text(
            "Det er varslet til og med dette nummeret, men forsøket er ikke bevart, eller nummeret ble hoppet over.",
            "It was told up to this number, but the try is no longer kept, or the number was passed over.",
        )
    if status == "off":
        return "off", Text("Ikke varslet: abonnementet er slått av.", "Not told: the subscription is off.")
    if status == "error":
        nb = "Venter: abonnementet er i feil, og endepunktet spørres igjen {}."
        return "in-error", _at(state.due, nb, "Waits: the subscription is in error, the endpoint is asked again {}. " + state.error)
    if status == "requested":
        en = "Waits: the endpoint has not answered the handshake yet."
        return "asked", Text("Venter: endepunktet har ennå ikke svart på hilsenen.", en)
    if of.waiting and number <= state.underway:
        nb, en = f"I utboksen, forsøkt {of.waiting.attempts} ganger.", f"In the outbox, tried {of.waiting.attempts} times."
        return "on-its-way", _at(of.waiting.next_attempt, nb + " Neste forsøk {}.", en + " The next try is {}.")
    en = f"Waits for its turn: it is told up to number {state.told}."
    return "behind", Text(f"Venter på tur: det er varslet til og med nummer {state.told}.", en)


def _not_counted(of: _Looked, stored: Stored, checks: Sequence[Check]) -> tuple[Code, Text]:
    """Why a version is no event: the first reason that holds."""
    then = of.then(stored.updated)
    if stored.version in of.unseen:
        en = "Nobody has looked at it yet: that is the worker's work, and it is done within a second or so while one lives."
        return "not-looked-at", Text("Ingen har sett på den ennå: det gjør arbeideren, innen et sekund eller så når en lever.", en)
    if stored.updated < of.state.begun:
        nb, en = "Skrevet før abonnementet begynte, {}.", "Written before the subscription began, {}."
        return "before", _at(of.state.begun, nb, en)
    if then.get("status") == "off":
        return "off-then", Text("Abonnementet var slått av da den ble skrevet.", "The subscription was off when it was written.")
    if then and _asks(then) != _asks(of.life[0][1]):
        return "changed", Text(
            "Abonnementet ba om noe annet da den ble skrevet enn det gjør nå.",
            "The subscription asked for something else when it was written than it does now.",
        )
    if not checks[0].met:
        return "not-an-event", Text("Ikke en hendelse i det som følges.", "No event of what it follows.")
    if any(_is_unreadable(check) for check in checks):
        return "unreadable", UNREADABLE
    if not all(check.met for check in checks):
        return "filtered", Text("Et filter slipper den ikke gjennom.", "A filter does not let it through.")
    return "unknown", Text(
        "Ikke talt med, og ingenting som er bevart her, sier hvorfor: hendelser og forsøk beholdes en tid, og det som ikke kunne "
        "vurderes, står i loggen (notification.not_judged).",
        "Not counted, and nothing that is kept here says why: events and tries are kept for a time; what could not be judged is "
        "in the log (notification.not_judged).",
    )


def _asks(subscription: Mapping[str, Any]) -> tuple[Any, Any]:
    return subscription.get("criteria"), subscription.get("_criteria")


def _at(moment: datetime | None, nb: str, en: str) -> Text:
    said = f"{moment.astimezone(OSLO):%Y-%m-%d %H:%M:%S}" if moment else None
    return Text(nb.replace("{}", said or "straks", 1), en.replace("{}", said or "at once", 1))


UNREADABLE: Final = Text(
    "Et filter kan ikke lenger leses som et søk, så ingenting passer: klienten må sende det på nytt.",
    "A filter can no longer be read as a search, so nothing passes it: the client sends it anew.",
)


def _is_unreadable(check: Check) -> bool:
    return check.said is UNREADABLE


def _checks(of: _Looked, stored: Stored) -> Iterator[Check]:
    """First the topic, then each clause of each filter."""
    after, earlier = json.parse(stored.body), of.earlier(stored)
    before = json.parse(earlier.body) if earlier else None
    yield _of_topic(of.topic, of.follower.type, before, after)
    found = index(after, base=of.base)
    for text in of.wanted.filters:
        try:
            clauses = of.query_of(of.follower.type, text).clauses
        except Problem:
            yield Check(False, UNREADABLE)
            continue
        yield from (_of_clause(of, clause, stored.id, found) for clause in clauses)


def _of_topic(topic: Topic | None, type: str, before: Any, after: Any) -> Check:
    if topic is None:
        return Check(
            True, Text(f"Uten tema: hver versjon av {type} er en hendelse.", f"No topic: every version of {type} is an event.")
        )
    met = topic.happened(before, after)
    if topic.name == "pathway-event":
        nb, en = ("Er", "It is") if met else ("Er ikke", "It is not")
        return Check(met, Text(f"{nb} en hendelse i et forløp.", f"{en} an event of a pathway."))
    if topic.name == "task-change":
        return Check(met, Text("Hver versjon av en oppgave er en hendelse.", "Every version of a Task is an event."))
    how = _phase if topic.name == "pathway-change" else _standing
    was, now = how(before) if before else "–", how(after)
    what = Text("Status og fase", "Status and phase") if how is _phase else Text("Stilling", "Business status")
    return Check(met, Text(f"{what.nb} før: {was}; nå: {now}.", f"{what.en} before: {was}; now: {now}."))


def _phase(pathway: Mapping[str, Any]) -> str:
    phase = next((one.get("valueCode") for one in pathway.get("extension", ()) if one.get("url") == PHASE), None)
    return f"{pathway.get('status')}, {phase or '–'}"


def _standing(task: Mapping[str, Any]) -> str:
    codings = task.get("businessStatus", {}).get("coding", ())
    return next((str(one.get("code")) for one in codings if one.get("system") == STANDING), "–")


def _of_clause(of: _Looked, clause: Clause, id: str, found: Index) -> Check:
    """A clause, with what it asks for and what is there, where both may be said."""
    met, name = holds(clause, id, found), clause.parameter.partition(":")[0]
    if clause.parameter not in SHOWN.get(of.wanted.topic, ("status",)):
        nb, en = ("passer", "what is there passes") if met else ("passer ikke", "what is there does not pass")
        return Check(met, Text(f"{name}: det som står der, {nb}.", f"{name}: {en}."))
    asked = ", ".join(str(match.value) if match.value is not None else "*" for match in clause.any_of)
    there = {found.status} if name == "status" else {one.value for one in found.entries if one.parameter == clause.parameter}
    has = ", ".join(sorted(value for value in there if value)) or "–"
    nb, en = ("ikke ", "not ") if clause.negated else ("", "")
    return Check(met, Text(f"{name}: ber om {nb}{asked}; der står {has}.", f"{name}: it asks for {en}{asked}; there stands {has}."))
