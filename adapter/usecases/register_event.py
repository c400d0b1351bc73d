"""An event is registered in its pathway: an Observation that a client creates, amends or retracts.

    taken = register(touched, changes)       # what each change is to keep, or which stored event it says again

Events that come together are taken in the order of their dates (A L P M C D T F S U E H X within one), so that an A opens the
pathway that an M beside it means. Nothing is written here, and whether it may be is decided when all of them are known.
Who says so: the profile pathway-event, and the national ordering rules (Volven 9329).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from adapter.domain.course import Event
from adapter.domain.problem import Finding, Kind, Problem
from adapter.domain.ruleset import ORDER
from adapter.ports import Clause, Stored
from adapter.usecases.find_pathway import FOCUS, Sent, first, pathway_of
from adapter.usecases.pathways import Body, Gathered, every, patient_of, plain
from adapter.usecases.touched import Entry, Touched, local, refused, same, spellings, tidy
from adapter.usecases.writing import Change, is_event
from mappings.resources import event as events
from mappings.resources.writer import reference

ERROR: Final = "entered-in-error"
_OPENED_LAST: Final = len(ORDER) + 1


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that a client sent: what is to be kept of it, in which pathway; or the one that it says again.

    `again` is the id of an Observation that is stored, or that another change of the same unit keeps.
    """

    change: Change
    pathway: str = ""
    event: str = ""  # id of the Observation
    again: str = ""


def register(touched: Touched, changes: Sequence[Change]) -> dict[int, Taken]:
    """What becomes of those of the changes that are events, by their place. Raises `Problem` with all that is wrong."""
    faults: list[Finding] = []
    taken: dict[int, Taken] = {}
    sent: list[Sent] = []
    for place, change in enumerate(changes):
        with _collecting(change, faults):
            if is_event(change.before):
                taken[place] = _amend(touched, change)
            elif is_event(change.body):
                if again := _same_identifier(touched, change):
                    taken[place] = again
                else:
                    type, event = events.read({**change.body, "id": change.id})
                    _require_past(touched, event, change.body)
                    sent.append(Sent(place, change, type, event, touched.patient(change.body["subject"])["id"]))
    for one in sorted(sent, key=lambda one: _turn(touched, one, sent)):
        with _collecting(one.change, faults):
            taken[one.place] = _take(touched, one)
    if faults:
        raise Problem(*faults)
    return taken


def _turn(touched: Touched, one: Sent, sent: Sequence[Sent]) -> tuple[date, int]:
    """When it is its turn: by date and kind. An A comes after the X by which a pathway of its type is closed on the same date."""
    on, kind = one.event.on, one.event.kind
    if kind == "A" and any((other.event.kind, other.event.on, other.patient) == ("X", on, one.patient) for other in sent):
        return on, _OPENED_LAST if touched.open(one.patient, one.type) else 0
    return on, ORDER.find(kind)


def _take(touched: Touched, one: Sent) -> Taken:
    """A new event in its pathway, which an A may open."""
    entry = pathway_of(touched, one)
    pathway, event, body = entry.pathway, one.event, one.change.body
    _require_of(pathway, one)
    final = body["status"] != ERROR
    if final and (known := entry.events.get(same(event))):
        return Taken(one.change, pathway.id, known, again=known)
    body = _linked(body, pathway.id, one.patient)
    if final:
        entry.events[same(event)] = event.id
        entry.judged = True
        entry.closes = entry.closes or event.kind == "X"
    pathway.observations[event.id] = {**body, "id": event.id}
    return Taken(replace(one.change, body=body), pathway.id, event.id)


def _require_past(touched: Touched, event: Event, body: Mapping[str, Any]) -> None:
    if event.on > touched.today and body["status"] != ERROR:
        en = "The event is dated in the future: register it when it has happened."
        raise refused(en, "Hendelsen er datert i framtiden: registrer den når den har skjedd.", where="Observation.effective")


def _require_of(pathway: Gathered, one: Sent) -> None:
    """Raises `Problem` where the event says another patient or type than the pathway's."""
    if patient_of(pathway.episode) != one.patient:
        en = "The pathway is another patient's: correct subject or focus."
        raise refused(en, "Forløpet gjelder en annen pasient: rett subject eller focus.", where="Observation.subject")
    if one.type and one.type != pathway.type:
        raise refused(
            f"The event is of {one.type}, and the pathway is {pathway.type}: correct the code or the focus.",
            f"Hendelsen er av {one.type}, og forløpet er {pathway.type}: rett koden eller focus.",
            where="Observation.code",
            rule="Volven 9321, 9329:201",
        )


def _linked(body: Body, pathway: str, patient: str) -> Body:
    """The event with the addresses of its pathway and patient, however the sender named them."""
    focus = first(body, "focus")
    subject = {**body["subject"], **({} if body["subject"].get("reference") else reference("Patient", patient))}
    return {**body, "subject": subject, "focus": [{**focus, **reference("EpisodeOfCare", pathway)}]}


# which event, which pathway


def _same_identifier(touched: Touched, change: Change) -> Taken | None:
    """The event that has one of the identifiers already: the same, sent again."""
    own = [one for one in change.body.get("identifier", []) if one.get("value")]
    if not own:
        return None
    mine = [tidy(one) for one in own]
    clause = Clause("identifier", [match for one in own for match in spellings(one)])
    stored = [one for one in every(touched.unit, touched.tenant, "Observation", clause) if is_event(plain(one))]
    if stored:
        _require_same_patient(touched, change, plain(stored[0]))
        return Taken(replace(change, told=(*change.told, *_differs(change, stored[0]))), event=stored[0].id, again=stored[0].id)
    for (kind, id), body in touched.sent.items():  # an earlier entry of the same transaction
        if id == change.id:
            return None
        if kind == "Observation" and is_event(body) and any(tidy(one) in mine for one in body.get("identifier", [])):
            return Taken(change, event=id, again=id)
    return None


def _require_same_patient(touched: Touched, change: Change, stored: Body) -> None:
    """Raises `Problem` where the identifier is that of another patient's event: who sent this would take that for stored."""
    whose = local(str(stored["subject"].get("reference", "")), touched.pathways.base)
    if whose != ("Patient", touched.patient(change.body["subject"])["id"]):
        raise refused(
            "The identifier is that of another patient's event: give each event its own.",
            "Identifikatoren er brukt på en annen pasients hendelse: gi hver hendelse sin egen.",
            where="Observation.identifier",
        )


def _differs(change: Change, stored: Stored) -> Iterator[Finding]:
    """What the sender is told who says something else under an identifier that is taken."""
    body = plain(stored)
    if body["status"] != change.body["status"] or same(events.read(body)[1]) != same(events.read(change.body)[1]):
        yield change.place(
            Finding(
                "warning",
                Kind.DUPLICATE,
                "An event with this identifier is stored already, and says something else: nothing was changed. Update that one.",
                "En hendelse med denne identifikatoren finnes alt, og sier noe annet: ingenting er endret. Oppdater den.",
                "Observation.identifier",
            )
        )


# amending and retracting


def _amend(touched: Touched, change: Change) -> Taken:
    """A stored event as it is to stand instead: it stays in its pathway, and retracting it is never refused."""
    before, body = change.before or {}, change.body
    if not is_event(body):
        en = "A registered event stays one: retract it (status entered-in-error), and create the other."
        raise refused(en, "En registrert hendelse forblir en: trekk den tilbake, og opprett den andre.", where="Observation.code")
    literal = local(str(first(before, "focus").get("reference", "")), touched.pathways.base)
    entry = touched.entry(literal[1]) if literal and literal[0] == "EpisodeOfCare" else None
    type, event = events.read({**body, "id": change.id})
    patient = touched.patient(body["subject"])["id"]
    one = Sent(0, change, type, event, patient)
    if entry is None:  # kept while no pathway was followed here
        _require_past(touched, event, body)
        return _take(touched, one)
    _require_same_place(touched, before, one, entry)
    body = _linked(body, entry.pathway.id, patient)
    retracted = body["status"] == ERROR
    if not retracted:
        _require_of(entry.pathway, one)
        _require_past(touched, event, body)
        entry.judged = True
        entry.closes = entry.closes or event.kind == "X"
    elif before.get("status") != ERROR:
        entry.retracted[change.id] = {**body, "id": change.id}
        code = "".join(c for c in event.kind if c.isalnum())[:8]
        entry.reason = f"Hendelsen {code} er trukket tilbake. (The event {code} was retracted.)"
    if same(event) not in entry.events or retracted:
        entry.events = {key: id for key, id in entry.events.items() if id != change.id}
        if not retracted:
            entry.events[same(event)] = change.id
    entry.pathway.observations[change.id] = {**body, "id": change.id}
    return Taken(replace(change, body=body), entry.pathway.id, change.id)


def _require_same_place(touched: Touched, before: Mapping[str, Any], one: Sent, entry: Entry) -> None:
    """Raises `Problem` where an event would be moved to another patient or pathway."""
    en = "A registered event is not moved to another patient or pathway: retract it (status entered-in-error), and create it there."
    nb = "En registrert hendelse flyttes ikke til annen pasient eller annet forløp: trekk den tilbake, og opprett den der."
    if patient_of(entry.pathway.episode) != one.patient and before["subject"] != one.change.body["subject"]:
        raise refused(en, nb, where="Observation.subject")
    focus = first(one.change.body, "focus")
    literal = local(str(focus.get("reference", "")), touched.pathways.base)
    other = literal not in (None, ("EpisodeOfCare", entry.pathway.id))
    if not literal and "value" in focus.get("identifier", {}):
        other = entry.pathway.id not in touched.named(focus["identifier"])
    if other:
        raise refused(en, nb, where=FOCUS)


@contextmanager
def _collecting(change: Change, faults: list[Finding]) -> Iterator[None]:
    try:
        yield
    except Problem as fault:
        if fault.kind in (Kind.CONFLICT, Kind.TRANSIENT):
            raise
        faults += map(change.place, fault.findings)
