"""Who coordinates a pathway, and from when to when: CareTeam (https://hl7.org/fhir/R4/careteam.html, profile pathway-team).

    team = advance(team, pathway=…, patient=task["for"], before=…, after=task, on=today, specialist="…")    # None: nothing changes

A participant comes of an assignment and bears its identifier's UUID. It begins with the *organisation* on the day that accepts;
when the assignment is completed the person it names takes the organisation's place. A role has one coordinator at a time: where the
next begins the one before ends, on the same day, the day of the handover. An end of its own (released, failed, called off) is noted
as an extension of ours with what ended it, so that taking back a mistake leaves no trace of it: neither of a coordinator, nor of
the end that it gave the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from adapter.domain.identity import named
from mappings.resources import normal
from mappings.resources.assignment import SECURITY, code_of, key_of, party
from mappings.resources.computed import COMPUTED
from mappings.resources.elements import ENH, HPR, URI
from mappings.resources.normal import Body, Holder, items, obj, text
from mappings.resources.writer import EXTENSION, SYSTEM, own

SPECIALIST: Final = "specialist-coordinator"
MUNICIPAL: Final = "municipal-coordinator"

_URN: Final = "urn:uuid:"
_END: Final = f"{EXTENSION}participation-end"
_HELD: Final = frozenset({"accepted", "in-progress", "on-hold", "completed"})
_GIVEN_UP: Final = frozenset({"failed", "cancelled"})


def id_of(pathway: str) -> str:
    return named(pathway, "care-team", 1)


def identifier_of(pathway: str) -> str:
    """The business identifier by which the team is the same everywhere; another UUID than its id."""
    return _URN + named(pathway, "team", 1)


def advance(
    team: Body | None,
    *,
    pathway: str,
    patient: Body,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    on: date,
    specialist: str,
) -> Body | None:
    """The team as it follows from a step of an assignment; None where it stays as it is.

    `before` and `after` are the Task then (None: it is new) and now, `on` the day in Norway of the step. `patient` is the team's
    subject, `specialist` the enterprise number of the specialist service. A step that was missed is no matter: a Task first seen
    completed gives the person at once.
    """
    if before is not None and _stand(before) == _stand(after):
        return None
    old = items(team.get("participant")) if team else []
    holder = Holder(items(team.get("contained")) if team else [])
    new = _closed(_moved(old, holder, after, on, SPECIALIST if specialist and party(after, "owner") == specialist else MUNICIPAL))
    if new == old:
        return None
    made = dict(team) if team else _begun(pathway, patient)
    made |= {"status": "active" if any(map(_is_open, new)) else "inactive", "participant": new}
    made |= {"contained": holder.swept({"participant": new})}
    return {key: value for key, value in made.items() if value != []}


def _stand(task: Mapping[str, Any]) -> tuple[Any, Any]:
    return task.get("status"), task.get("output")


def _begun(pathway: str, patient: Body) -> Body:
    profile = [f"{EXTENSION}pathway-team"]
    return {
        "resourceType": "CareTeam",
        "id": id_of(pathway),
        "meta": {"profile": profile, "security": [dict(label) for label in SECURITY], "tag": [COMPUTED]},
        "identifier": [{"system": URI, "value": identifier_of(pathway)}],
        "subject": patient,
    }


# --- a step of an assignment


def _moved(old: Sequence[Body], holder: Holder, task: Mapping[str, Any], on: date, role: str) -> list[Body]:
    """The participants after a step, before the periods of a role are fitted to one another."""
    code, status, key = code_of(task), text(task.get("status")), key_of(task).removeprefix(_URN)
    if not key:
        return list(old)
    if status == "entered-in-error":
        return [_reopened(one, key) for one in old if one.get("id") != key]
    if code == "release-coordinator":
        released = _released(old, task, role) if status == "completed" else ""
        return [_ended(one, on, key) if one.get("id") == released else one for one in old]
    if code not in ("assign-coordinator", "handover-coordinator"):
        return list(old)
    if status in _GIVEN_UP:
        return [_ended(one, on, key) if one.get("id") == key else one for one in old]
    if status not in _HELD:
        return list(old)
    there = list(old) if any(one.get("id") == key for one in old) else [*old, _participant(key, role, task, on)]
    named = _named(task) if status == "completed" else {}
    return [_with_member(one, named, holder) if one.get("id") == key and named else one for one in there]


def _participant(key: str, role: str, task: Mapping[str, Any], on: date) -> Body:
    """The organisation that has accepted."""
    return {"id": key, "role": [own("coordinator-role", role)], "member": _owner(task), "period": {"start": on.isoformat()}}


def _owner(task: Mapping[str, Any]) -> Body:
    name = text(obj(task.get("owner")).get("display"))
    number = {"system": ENH, "value": party(task, "owner")}
    return {"type": "Organization", "identifier": number} | ({"display": name} if name else {})


def _named(task: Mapping[str, Any]) -> Body:
    """The person that the Task names, as a role of the owner's, in normal form: it says who, where and how reached."""
    for one in items(task.get("output")):
        codings = items(obj(one.get("type")).get("coding"))
        if any(c.get("system") == f"{SYSTEM}task-output" and c.get("code") == "assigned-coordinator" for c in codings):
            return _as_role(normal.reference(one.get("valueReference"), normal.contained_in(task), named=True), _owner(task))
    return {}


def _as_role(said: Body, owner: Body) -> Body:
    """Always a contained PractitionerRole. Who is known by address alone has that as identifier: a URI that is unique is one."""
    inner, name = obj(said.get("resource")), text(said.get("display"))
    address = {"system": URI, "value": said["reference"]} if "reference" in said else {}
    number = obj(said.get("identifier")) or address
    is_role, is_person = inner.get("resourceType") == "PractitionerRole", inner.get("resourceType") == "Practitioner"
    if not (is_role or is_person or number or name):
        return {}
    of_person = number.get("system") == HPR
    made = {
        "resourceType": "PractitionerRole",
        "identifier": [number] if number and not of_person else [],
        "practitioner": {"identifier": number if of_person else {}, "display": name, "resource": inner if is_person else {}},
        "organization": owner,
        **(inner if is_role else {}),
    }
    return {"resource": normal.tidy(made)}


def _with_member(participant: Body, member: Body, holder: Holder) -> Body:
    """The participant with the person as its member; as it was where it is the same person, told alike."""
    there = normal.reference(participant["member"], normal.contained_in({"contained": holder.contained}), named=True)
    return participant if there == member else {**participant, "member": holder.place(member)}


def _released(old: Sequence[Body], task: Mapping[str, Any], role: str) -> str:
    """The id of the participant that a release ends: of the assignment that it names; where it names none, the role's open one."""
    if any(_ended_by(one) == key_of(task) for one in old):
        return ""  # it has been seen before
    told = [obj(one.get("valueReference")) for one in items(task.get("input"))] + items(task.get("partOf"))
    keys = {key.removeprefix(_URN) for one in told if (key := key_of({"identifier": [one.get("identifier")]}))}
    ends = [one for one in old if _role(one) == role and not _own_end(one) and (one.get("id") in keys if keys else _is_open(one))]
    return next((text(one.get("id")) for one in ends), "")


# --- periods


def _closed(participants: Sequence[Body]) -> list[Body]:
    """The participants in order of time, each ending at its own end or where the next of its role begins."""
    ordered = sorted(participants, key=lambda one: (_start(one), _role(one)))
    return [
        _fitted(one, next((o for o in ordered[place + 1 :] if _role(o) == _role(one)), None)) for place, one in enumerate(ordered)
    ]


def _fitted(one: Body, following: Body | None) -> Body:
    ends = [*filter(None, [_own_end(one), _start(following) if following else ""])]
    period = {"start": _start(one), **({"end": min(ends)} if ends else {})}
    return one if one["period"] == period else {**one, "period": period}


def _ended(one: Body, on: date, by: str) -> Body:
    """It has ended of itself, by the assignment `by`. What has ended so already stays."""
    if _own_end(one):
        return one
    parts = [{"url": "on", "valueDate": max(on.isoformat(), _start(one))}, {"url": "by", "valueUri": _URN + by}]
    return {"id": one.get("id"), "extension": [{"url": _END, "extension": parts}], **{k: v for k, v in one.items() if k != "id"}}


def _reopened(one: Body, by: str) -> Body:
    """Without the end that an assignment gave it which was a mistake."""
    return {key: value for key, value in one.items() if key != "extension"} if _ended_by(one) == _URN + by else one


def _own_end(one: Body) -> str:
    """The day on which it ended of itself, whatever came after it; nothing where it has not."""
    return _of_end(one, "on")


def _ended_by(one: Body) -> str:
    return _of_end(one, "by")


def _of_end(one: Body, part: str) -> str:
    parts = [p for e in items(one.get("extension")) if e.get("url") == _END for p in items(e.get("extension"))]
    return next((text(p.get("valueDate") or p.get("valueUri")) for p in parts if p.get("url") == part), "")


def _start(one: Body) -> str:
    return text(obj(one.get("period")).get("start"))


def _is_open(one: Body) -> bool:
    return "end" not in obj(one.get("period"))


def _role(one: Body) -> str:
    """Its coordinator role; of any other participant nothing."""
    codings = [c for role in items(one.get("role")) for c in items(role.get("coding"))]
    return next((text(c.get("code")) for c in codings if c.get("system") == f"{SYSTEM}coordinator-role"), "")


# --- for others


def holder(team: Mapping[str, Any], role: str) -> tuple[str, str] | None:
    """The organisation that a role lies with now: its enterprise number, and its name where it is told."""
    return next((who for its, who in holders(team) if its == role), None)


def holders(team: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The roles that are held now, each with the organisation that it lies with."""
    contained = normal.contained_in(team)
    for one in items(team.get("participant")):
        if _role(one) and _is_open(one):
            said = normal.reference(one.get("member"), contained, named=True)
            whose = obj(obj(said.get("resource")).get("organization")) or said
            yield _role(one), (text(obj(whose.get("identifier")).get("value")), text(whose.get("display")))


def view(team: Mapping[str, Any]) -> Body:
    """What is to be equal on all sides, in normal form: who has which role, from when to when."""
    contained = normal.contained_in(team)
    shown = [
        {"role": _role(one), "member": _member(one, contained), "period": normal.period(one.get("period"))}
        for one in items(team.get("participant"))
        if _role(one)
    ]
    return normal.tidy({"status": text(team.get("status")), "participant": sorted(shown, key=normal.order)})  # type: ignore[no-any-return]


def _member(one: Body, contained: normal.Contained) -> Body:
    """A person has no other name than beside the identifier; an organisation is told by its number."""
    said = normal.reference(one.get("member"), contained, named=True)
    return {key: value for key, value in said.items() if key != "display" or said.get("type") != "Organization"}


def outward(team: Mapping[str, Any]) -> Body:
    """The team as another server gets it, once the assignment is accepted: the coordinators, and whose they are by identifier."""
    holder = Holder()
    contained = normal.contained_in(team)
    subject = normal.identifier(obj(team.get("subject")).get("identifier"))
    body: Body = {
        "resourceType": "CareTeam",
        "meta": {"profile": [f"{EXTENSION}pathway-team"], "security": [dict(label) for label in SECURITY]},
        "identifier": [{"system": URI, "value": key_of(team)}],
        "status": text(team.get("status")),
        "subject": {"type": "Patient", "identifier": subject} if subject else {},
    }
    participants = [_sent(one, contained, holder) for one in items(team.get("participant")) if _role(one)]
    more = {"contained": holder.contained, "participant": participants}
    return {key: value for key, value in (body | more).items() if value not in ({}, [], "")}


def laid(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Body:
    """A partner's copy with our coordinators in it, and all that is the partner's own: its other participants, notes, and so on."""
    holder, contained = Holder(items(theirs.get("contained"))), normal.contained_in(ours)
    others = [one for one in items(theirs.get("participant")) if not _role(one)]
    coordinators = [_sent(one, contained, holder) for one in items(ours.get("participant")) if _role(one)]
    made = {**theirs, **{key: value for key, value in outward(ours).items() if key in ("identifier", "status", "subject")}}
    made |= {"participant": [*coordinators, *others]}
    made |= {"contained": holder.swept({key: value for key, value in made.items() if key != "contained"})}
    return {key: value for key, value in made.items() if value != []}


def _sent(one: Body, contained: normal.Contained, holder: Holder) -> Body:
    member = holder.place(normal.reference(one.get("member"), contained, named=True))
    role = own("coordinator-role", _role(one))
    return {"id": one.get("id"), "role": [role], "member": member, "period": normal.period(one.get("period"))}


def manager(team: Mapping[str, Any]) -> Body | None:
    """Whom EpisodeOfCare.careManager refers to: the specialist coordinator, where it is known who it is.

    Never the municipality's, and never an organisation. A person who is only contained in the team is told by identifier or name,
    since no other resource can refer to what is contained.
    """
    contained = normal.contained_in(team)
    for one in items(team.get("participant")):
        said = normal.reference(one.get("member"), contained, named=True)
        if _role(one) == SPECIALIST and _is_open(one) and "resource" in said:
            return _told(said["resource"]) or None
    return None


def _told(role: Body) -> Body:
    """A person without what is contained: the professional's own identifier and name, else the role's."""
    practitioner = obj(role.get("practitioner"))
    person = obj(practitioner.get("resource"))
    numbers = [obj(practitioner.get("identifier")), *items(person.get("identifier")), *items(role.get("identifier"))]
    name = text(practitioner.get("display")) or _name(items(person.get("name")))
    found = next(filter(None, numbers), {})
    return normal.tidy({"type": "PractitionerRole", "identifier": found, "display": name}) if found or name else {}


def _name(names: Sequence[Body]) -> str:
    for one in names:
        given = [part for part in one.get("given", []) if isinstance(part, str)] if isinstance(one.get("given"), list) else []
        if found := text(one.get("text")) or " ".join(filter(None, [*given, text(one.get("family"))])):
            return found
    return ""
