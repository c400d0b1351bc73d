"""Which pathway an event is of: the one in its focus, the one open pathway that it could be of, or one that an A opens.

    entry = pathway_of(touched, sent)

Raises `Problem` where that is none, or may be several, and says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapter.domain.course import Event
from adapter.domain.identity import is_uuid, named
from adapter.usecases.pathways import Body, Gathered, episodes, patient_of, type_of
from adapter.usecases.touched import UUID, Entry, Touched, local, refused, same, tidy
from adapter.usecases.writing import Change
from mappings.resources.computed import skeleton
from mappings.resources.elements import ENH, URI
from mappings.resources.writer import reference

FOCUS: Final = "Observation.focus"


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as it came, and the patient that it is about."""

    place: int
    change: Change
    type: str
    event: Event
    patient: str


def pathway_of(touched: Touched, one: Sent) -> Entry:
    """The pathway that an event is of. Raises `Problem` where that is none, or may be several."""
    focus = first(one.change.body, "focus")
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


def _of_course(touched: Touched, one: Sent, identifier: Mapping[str, Any]) -> Entry:
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


def _started(touched: Touched, one: Sent, candidates: Sequence[str], course: str) -> Entry:
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


def _closed_with(touched: Touched, one: Sent) -> Entry | None:
    """The pathway, closed since, that has this very event: it is sent again."""
    for body in episodes(touched.unit, touched.tenant, one.patient):
        if one.type in ("", type_of(body)):
            entry = touched.entry(body["id"])
            if entry and same(one.event) in entry.events:
                return entry
    return None


def _open(touched: Touched, one: Sent, course: str) -> Entry:
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
        other = ", ".join(f'rule_set = "{has}"' for has in touched.pathways.rulebook.versions(one.type))
        raise refused(
            f"{one.type} is not in the rules of {version}, which hold on the date of A. Use a type that they have, or let a "
            f"[[receiver]] for {one.type} say which rules hold: {other}.",
            f"{one.type} finnes ikke i reglene fra {version}, som gjelder på datoen for A. Bruk en type de har, eller la en "
            f"[[receiver]] for {one.type} si hvilke regler som gjelder: {other}.",
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
    patient = touched.patient(reference("Patient", one.patient))
    parallel = tuple(sorted(type for _, type in touched.open_types(one.patient)))
    rules = touched.pathways.rulebook.get(one.type, version, tenant)
    return touched.opened(Gathered(episode, rules, patient=patient, parallel=parallel))


def _course(identifier: Mapping[str, Any]) -> str:
    """A course's id (ForlopsId) as messages write it: a UUID without its prefix."""
    value = tidy(identifier)[1]
    return value.removeprefix(UUID)


def _identifiers(one: Sent, course: str) -> list[Body]:
    if not course:
        return []
    said: Body = first(one.change.body, "focus")["identifier"]
    return [{"system": URI, "value": f"{UUID}{course}"} if is_uuid(course) else said]


def first(body: Mapping[str, Any], name: str) -> Body:
    return next(iter(body.get(name, [])), {})


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
