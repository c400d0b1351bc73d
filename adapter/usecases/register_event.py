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
from adapter.domain.identity import is_uuid, named
from adapter.domain.problem import Finding, Kind, Problem
from adapter.domain.ruleset import ORDER
from adapter.ports import Clause, Stored
from adapter.usecases.pathways import Body, Gathered, episodes, every, patient_of, plain, type_of
from adapter.usecases.touched import UUID, Entry, Touched, local, refused, same, spellings, tidy
from adapter.usecases.writing import Change, is_event
from mappings.resources import event as events
from mappings.resources.computed import skeleton
from mappings.resources.elements import ENH, URI
from mappings.resources.writer import reference

ERROR: Final = "entered-in-error"
FOCUS: Final = "Observation.focus"
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


@dataclass(frozen=True, slots=True)
class _Sent:
    """An event as it came, and the patient that it is about."""

    place: int
    change: Change
    type: str
    event: Event
    patient: str


def register(touched: Touched, changes: Sequence[Change]) -> dict[int, Taken]:
    """What becomes of those of the changes that are events, by their place. Raises `Problem` with all that is wrong."""
    faults: list[Finding] = []
    taken: dict[int, Taken] = {}
    sent: list[_Sent] = []
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
                    sent.append(_Sent(place, change, type, event, touched.patient(change.body["subject"])["id"]))
    for one in sorted(sent, key=lambda one: _turn(touched, one, sent)):
        with _collecting(one.change, faults):
            taken[one.place] = _take(touched, one)
    if faults:
        raise Problem(*faults)
    return taken


def _turn(touched: Touched, one: _Sent, sent: Sequence[_Sent]) -> tuple[date, int]:
    """When it is its turn: by date and kind. An A comes after the X by which a pathway of its type is closed on the same date."""
    on, kind = one.event.on, one.event.kind
    if kind == "A" and any((other.event.kind, other.event.on, other.patient) == ("X", on, one.patient) for other in sent):
        return on, _OPENED_LAST if touched.open(one.patient, one.type) else 0
    return on, ORDER.find(kind)


def _take(touched: Touched, one: _Sent) -> Taken:
    """A new event in its pathway, which an A may open."""
    entry = _pathway(touched, one)
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


def _require_of(pathway: Gathered, one: _Sent) -> None:
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
    focus = _first(body, "focus")
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


def _pathway(touched: Touched, one: _Sent) -> Entry:
    """The pathway that an event is of. Raises `Problem` where that is none, or may be several."""
    focus = _first(one.change.body, "focus")
    literal = local(str(focus.get("reference", "")), touched.pathways.base)
    if literal:
        found = touched.entry(literal[1]) if literal[0] == "EpisodeOfCare" else None
        if found is None:
            raise refused(*_UNKNOWN, where=FOCUS)
        return found
    course = focus.get("identifier", {})
    if "value" in course:
        return _of_course(touched, one, course)
    candidates = touched.open(one.patient, one.type)
    if one.event.kind == "A":
        return _started(touched, one, candidates, "")
    if len(candidates) == 1 and (entry := touched.entry(candidates[0])):
        return entry
    if not candidates and (entry := _closed_with(touched, one)):
        return entry
    raise refused(*(_SEVERAL if candidates else _NONE), where=FOCUS)


def _of_course(touched: Touched, one: _Sent, identifier: Mapping[str, Any]) -> Entry:
    """The pathway that an identifier names: its own, or that of the whole course (ForlopsId), which several may have."""
    ids = touched.named(identifier)
    known = [entry for entry in map(touched.entry, ids) if entry and patient_of(entry.pathway.episode) == one.patient]
    if ids and not known:
        en = "The pathway is another patient's: correct subject or focus."
        raise refused(en, "Forløpet gjelder en annen pasient: rett subject eller focus.", where="Observation.subject")
    fitting = [entry for entry in known if one.type in ("", entry.pathway.type)] or known
    open = set(touched.open(one.patient))
    if one.event.kind == "A":
        mine = [entry for entry in fitting if same(one.event) in entry.events] or [e for e in fitting if e.pathway.id in open]
        return mine[0] if len(mine) == 1 else _started(touched, one, touched.open(one.patient, one.type), _course(identifier))
    going = [entry for entry in fitting if entry.pathway.id in open] or fitting
    if len(going) != 1:
        raise refused(*(_SEVERAL if going else _UNKNOWN), where=FOCUS)
    return going[0]


def _started(touched: Touched, one: _Sent, candidates: Sequence[str], course: str) -> Entry:
    """The pathway of an A: the open one that waits for its start or has just this one, one that is closed since, or a new one."""
    entries = [entry for entry in map(touched.entry, candidates) if entry]
    again = [entry for entry in entries if same(one.event) in entry.events]
    waiting = [entry for entry in entries if not any(kind == "A" for kind, _, _ in entry.events)]
    if found := again or waiting:
        if len(found) == 1:
            return found[0]
        raise refused(*_SEVERAL, where=FOCUS)
    if not one.type:
        raise refused(*_NO_TYPE, where="Observation.component", rule="Volven 9321")
    if entries:
        raise refused(*_ACTIVE, where="Observation.code", rule="docs/pathways.md I11")
    return _closed_with(touched, one) or _open(touched, one, course)


def _closed_with(touched: Touched, one: _Sent) -> Entry | None:
    """The pathway, closed since, that has this very event: it is sent again."""
    for body in episodes(touched.unit, touched.tenant, one.patient):
        if one.type in ("", type_of(body)):
            entry = touched.entry(body["id"])
            if entry and same(one.event) in entry.events:
                return entry
    return None


def _open(touched: Touched, one: _Sent, course: str) -> Entry:
    """A new pathway: its id is of the organisation and the course, else of the event's own key."""
    on, tenant, body = one.event.on, touched.tenant, one.change.body
    own = next((f"{system}|{value}" for system, value in map(tidy, body.get("identifier", [])) if value), "")
    key = own or f"{one.patient}|{one.type}|{on.isoformat()}"
    id = named(tenant, course or key)
    if standing := touched.entry(id):
        if not course:
            return standing  # opened by this very event, which was retracted since
        id = named(tenant, course, key)
    version = touched.pathways.version(tenant, one.type, on)
    if not touched.pathways.rulebook.has(one.type, version):
        raise refused(
            f"{one.type} is not in the rules of {version}, which hold on the date of A. Use a type that they have, or let a "
            f'[[receiver]] for {one.type} say which rules hold: rule_set = "2019".',
            f"{one.type} finnes ikke i reglene fra {version}, som gjelder på datoen for A. Bruk en type de har, eller la en "
            f'[[receiver]] for {one.type} si hvilke regler som gjelder: rule_set = "2019".',
            where="Observation.code",
            rule=f"Volven 9321; docs/pathways.md {version}",
        )
    organisation = {"system": ENH, "value": tenant}
    performer = next((p for p in body["performer"] if p.get("identifier") == organisation), {"identifier": organisation})
    care_level = touched.pathways.care_level(tenant, one.type)
    episode = skeleton(
        id,
        pathway_type=one.type,
        version=version,
        patient=reference("Patient", one.patient),
        organisation=performer,
        identifiers=_identifiers(one, course),
        care_level=care_level,
    )
    beside = [entry for entry in map(touched.entry, touched.open(one.patient)) if entry]
    patient = touched.patient(reference("Patient", one.patient))
    parallel = tuple(sorted(entry.pathway.type for entry in beside))
    rules = touched.pathways.rulebook.get(one.type, version, tenant)
    return touched.opened(Gathered(episode, rules, patient=patient, parallel=parallel))


def _course(identifier: Mapping[str, Any]) -> str:
    """A course's id (ForlopsId) as messages write it: a UUID without its prefix."""
    value = tidy(identifier)[1]
    return value.removeprefix(UUID)


def _identifiers(one: _Sent, course: str) -> list[Body]:
    if not course:
        return []
    said: Body = _first(one.change.body, "focus")["identifier"]
    return [{"system": URI, "value": f"{UUID}{course}"} if is_uuid(course) else said]


# amending and retracting


def _amend(touched: Touched, change: Change) -> Taken:
    """A stored event as it is to stand instead: it stays in its pathway, and retracting it is never refused."""
    before, body = change.before or {}, change.body
    if not is_event(body):
        en = "A registered event stays one: retract it (status entered-in-error), and create the other."
        raise refused(en, "En registrert hendelse forblir en: trekk den tilbake, og opprett den andre.", where="Observation.code")
    literal = local(str(_first(before, "focus").get("reference", "")), touched.pathways.base)
    entry = touched.entry(literal[1]) if literal and literal[0] == "EpisodeOfCare" else None
    type, event = events.read({**body, "id": change.id})
    patient = touched.patient(body["subject"])["id"]
    one = _Sent(0, change, type, event, patient)
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


def _require_same_place(touched: Touched, before: Mapping[str, Any], one: _Sent, entry: Entry) -> None:
    """Raises `Problem` where an event would be moved to another patient or pathway."""
    en = "A registered event is not moved to another patient or pathway: retract it (status entered-in-error), and create it there."
    nb = "En registrert hendelse flyttes ikke til annen pasient eller annet forløp: trekk den tilbake, og opprett den der."
    if patient_of(entry.pathway.episode) != one.patient and before["subject"] != one.change.body["subject"]:
        raise refused(en, nb, where="Observation.subject")
    focus = _first(one.change.body, "focus")
    literal = local(str(focus.get("reference", "")), touched.pathways.base)
    other = literal not in (None, ("EpisodeOfCare", entry.pathway.id))
    if not literal and "value" in focus.get("identifier", {}):
        other = entry.pathway.id not in touched.named(focus["identifier"])
    if other:
        raise refused(en, nb, where=FOCUS)


def _first(body: Mapping[str, Any], name: str) -> Body:
    return next(iter(body.get(name, [])), {})


@contextmanager
def _collecting(change: Change, faults: list[Finding]) -> Iterator[None]:
    try:
        yield
    except Problem as fault:
        if fault.kind in (Kind.CONFLICT, Kind.TRANSIENT):
            raise
        faults += map(change.place, fault.findings)


_UNKNOWN: Final = (
    "No pathway here is the one in focus: correct it, or leave it out where the patient has only one open pathway.",
    "Ingen forløp her er det i focus: rett det, eller utelat det der pasienten bare har ett åpent forløp.",
)
_NONE: Final = (
    "The patient has no open pathway here that the event could be of: register its start (A) first, or name the pathway in focus.",
    "Pasienten har ikke noe åpent forløp her som hendelsen kan høre til: registrer start (A) først, eller oppgi forløpet i focus.",
)
_SEVERAL: Final = (
    "The patient has several pathways here that it could be of: name one in focus, or say its type (component pathway-type).",
    "Pasienten har flere forløp her som den kan høre til: oppgi ett i focus, eller oppgi type (component pathway-type).",
)
_NO_TYPE: Final = (
    "An A that opens a pathway says of which type: add the component pathway-type, or use a combined code (9327).",
    "En A som åpner et forløp, sier av hvilken type: legg til component pathway-type, eller bruk en sammensatt kode (9327).",
)
_ACTIVE: Final = (
    "The patient already has an active pathway of this type here: close it (X) first, or, where its start is wrong, correct its A.",
    "Pasienten har allerede et aktivt forløp av denne typen her: avslutt det (X) først, eller, hvis starten er feil, rett A i det.",
)
