"""Assignments: Tasks by which one organisation asks another for a coordinator, and the coordinator's own follow-up Tasks.

    task = build(pathway=…, kind="assign-coordinator", …)     # as we keep it
    share_bundle(outward(task))                               # as another server gets it
    changed(view(task), view(theirs))                         # what differs: nothing, where both sides agree

The act of appointing is the Task (https://hl7.org/fhir/R4/task.html, profiles assignment-task and follow-up-task); who coordinates,
and since when, is the CareTeam (`care_team`). One Task stands at several servers: the business identifier tells that it is one, ids
differ. What travels is a list of what may, here and nowhere else: nothing clinical, and until the owner has accepted no name but
those of the two legal entities, since the name of a unit may tell why somebody is a patient. All functions are total: what a
partner has written may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec

from adapter.domain.coordination import Decision
from adapter.domain.identity import named
from mappings import terms, times
from mappings.municipal_rules import followups
from mappings.resources import normal
from mappings.resources.assignment_view import ELEMENTS, changed, laid, view
from mappings.resources.computed import COMPUTED
from mappings.resources.elements import ENH, URI
from mappings.resources.normal import Body, Holder, items, obj, text
from mappings.resources.writer import EXTENSION, SYSTEM, own

__all__ = [
    "ELEMENTS",
    "SECURITY",
    "build",
    "changed",
    "code_of",
    "decision_of",
    "is_shared",
    "key_of",
    "laid",
    "outward",
    "party",
    "pathway_of",
    "profile_of",
    "share_bundle",
    "standing",
    "view",
    "with_standing",
]

SECURITY: Final = (
    {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R", "display": "restricted"},
    {"system": f"{SYSTEM}tag", "code": "sensitive-sender", "display": "Avsenderens navn er sensitivt"},
)
"""Labels of what is shared. That a specialist in mental health asks is itself sensitive: whoever shows it, does so with care."""

_URN: Final = "urn:uuid:"
_COORDINATION: Final = f"{SYSTEM}coordination-task"
_FOLLOWUPS: Final = {f"koord{number}" for number in range(1, 9)}
_TEXTS: Final = {
    "assign-coordinator": ("Oppnevn en koordinator for pasienten.", "Appoint a coordinator for the patient."),
    "handover-coordinator": ("Overta som koordinator for pasienten.", "Take over as the patient's coordinator."),
    "release-coordinator": ("Avslutt koordineringen for pasienten.", "End the coordination for the patient."),
    "abort": ("Avslutt oppgaven det vises til.", "End the Task that this refers to."),
}
_ACCEPTED: Final = frozenset({"accepted", "in-progress", "on-hold", "completed", "failed"})  # failed: only what was accepted
_STANDING: Final = f"{EXTENSION}assignment-standing"
_DECISION: Final = f"{EXTENSION}assignment-decision"
_encoder: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")


# --- what a Task is


def code_of(task: Mapping[str, Any]) -> str:
    """Its code of coordination-task, or `koord1` to `koord8`; of any other Task nothing."""
    for coding in items(obj(task.get("code")).get("coding")):
        system, code = text(coding.get("system")), text(coding.get("code"))
        if (system == _COORDINATION and code in _TEXTS) or (system == f"{SYSTEM}pathway-task" and code in _FOLLOWUPS):
            return code
    return ""


def is_shared(task: Mapping[str, Any]) -> bool:
    """Whether it is one that stands between organisations."""
    return code_of(task) != ""


def key_of(task: Mapping[str, Any]) -> str:
    """The business identifier by which it is the same everywhere (`urn:uuid:…`); empty where it has none."""
    for one in items(task.get("identifier")):
        if one.get("system") == URI and text(one.get("value")).startswith(_URN):
            return text(one["value"])
    return ""


def party(task: Mapping[str, Any], who: str) -> str:
    """The enterprise number of its `requester` or `owner`; empty where it is not told."""
    said = normal.identifier(obj(task.get(who)).get("identifier"))
    return text(said.get("value")) if said.get("system") == ENH else ""


def pathway_of(task: Mapping[str, Any]) -> str:
    """The id of its pathway, from groupIdentifier."""
    said = normal.identifier(task.get("groupIdentifier"))
    value = text(said.get("value"))
    return value.removeprefix(_URN) if said.get("system") == URI and value.startswith(_URN) else ""


def build(
    *,
    pathway: str,
    kind: str,
    ordinal: int | str,
    patient: tuple[str, str, str],
    requester: tuple[str, str],
    owner: tuple[str, str],
    focus: str | Body,
    now: datetime,
    due: date | None,
    decision: Decision | None = None,
    previous: Mapping[str, Any] | None = None,
    own_coordinator: Body | None = None,
) -> Body:
    """A new assignment, as we keep it. Identity and time are arguments: the same ones give the same Task.

    `patient` is (our reference, identifier system, number); `requester` and `owner` are (enterprise number, the legal entity's
    name); `focus` the address of our CarePlan, or a Reference to the Task that is to be ended; `previous` the assignment before it,
    which is handed over or released; `own_coordinator` a Reference to the requester's. It has no `restriction.period.start`: it is
    no time limit of the pathway, and is not worked out anew with them.
    """
    followup = kind in _FOLLOWUPS
    link, system, number = patient
    extensions = [{"url": _DECISION, "extension": _decided(decision)}] if decision else []
    inputs: list[Body] = []
    if own_coordinator:
        inputs.append({"type": own("task-input", "own-coordinator"), "valueReference": own_coordinator})
    if previous:
        before = {"type": "Task", "identifier": {"system": URI, "value": key_of(previous)}}
        inputs.append({"type": own("task-input", "previous-assignment"), "valueReference": before})
    body: Body = {
        "resourceType": "Task",
        "id": named(pathway, kind, ordinal),
        "meta": {"profile": [profile_of(kind)], "security": [dict(label) for label in SECURITY], "tag": [COMPUTED]},
        "extension": extensions,
        "identifier": [{"system": URI, "value": _URN + named(pathway, "assignment", kind, ordinal)}],
        "groupIdentifier": {"system": URI, "value": _URN + pathway},
        "status": "requested",
        "intent": "order",
        "code": own("pathway-task" if followup else "coordination-task", kind),
        "description": _description(kind),
        "focus": {"reference": focus, "type": "CarePlan"} if isinstance(focus, str) else focus,
        "for": {"reference": link, "type": "Patient", "identifier": {"system": system, "value": number}},
        "authoredOn": times.utc(now),
        "requester": _entity(*requester),
        "performerType": [own("coordinator-assignee", decision.asks)] if decision else [],
        "owner": _entity(*owner),
        "restriction": {"period": {"end": due.isoformat()}} if due else {},
        "input": inputs,
    }
    return {key: value for key, value in body.items() if value not in ([], {})}


def profile_of(code: str) -> str:
    return EXTENSION + ("follow-up-task" if code in _FOLLOWUPS else "assignment-task")


def _entity(number: str, name: str) -> Body:
    return {"type": "Organization", "identifier": {"system": ENH, "value": number}} | ({"display": name} if name else {})


def _description(code: str) -> str:
    """The same for all of a kind: what a person wrote there may tell more than others are to know."""
    nb, en = next(((one.nb, one.en) for one in followups() if one.id == code), None) or _TEXTS.get(code, ("", ""))
    return f"{nb}. ({en}.)" if code in _FOLLOWUPS else f"{nb} ({en})" if nb else ""


# --- why somebody is asked, and how it stands: our own


def _decided(decision: Decision) -> list[Body]:
    texts = {"rule": decision.rule, "who": decision.who, "who-en": decision.who_en, "nb": decision.nb, "en": decision.en}
    parts: list[Body] = [{"url": name, "valueString": value} for name, value in texts.items() if value]
    parts += [{"url": "unknown", "valueCode": key} for key in decision.unknown]
    return [*parts, {"url": "confirm", "valueBoolean": True}] if decision.confirm else parts


def decision_of(task: Mapping[str, Any]) -> Body:
    """Why its owner was asked: `rule`, `who`, `who-en`, `nb`, `en`, `unknown` (a list), `confirm`; empty where no rule decided."""
    for one in items(task.get("extension")):
        if one.get("url") == _DECISION:
            parts = items(one.get("extension"))
            told: Body = {p["url"]: next((v for k, v in p.items() if k.startswith("value")), "") for p in parts if "url" in p}
            unknown = [text(p.get("valueCode")) for p in parts if p.get("url") == "unknown"]
            return told | ({"unknown": unknown} if unknown else {})
    return {}


def standing(task: Mapping[str, Any]) -> str:
    """How we see it: `overdue`, `delivery-failed` or nothing."""
    return next((text(one.get("valueCode")) for one in items(task.get("extension")) if one.get("url") == _STANDING), "")


def with_standing(task: Body, code: str) -> Body:
    """It stands so in our own copy; nobody else is told. Empty takes it away."""
    kept = [one for one in task.get("extension", []) if one.get("url") != _STANDING]
    made = [*kept, *([{"url": _STANDING, "valueCode": code}] if code else [])]
    if made == task.get("extension", []):
        return task
    rest = {key: value for key, value in task.items() if key != "extension"}
    return {**rest, **({"extension": made} if made else {})}


# --- what is sent


def outward(task: Mapping[str, Any]) -> Body:
    """The Task as another server gets it: the elements named here, and nothing else.

    No id, version, tag or narrative of ours; no link to our Patient, no reason, no request, no insurance; our own description
    of its kind; the owner's and requester's names only where the Task is ours (then they are the legal entities'), or accepted.
    """
    code, holder = code_of(task), Holder()
    shared = holder.place(view(task))
    body: Body = {
        "resourceType": "Task",
        "meta": {"profile": [profile_of(code)], "security": [dict(label) for label in SECURITY]},
        "identifier": [{"system": URI, "value": key}] if (key := key_of(task)) else [],
        "groupIdentifier": normal.identifier(task.get("groupIdentifier")),
        "partOf": [normal.reference(one, {}) for one in items(task.get("partOf"))],
        "intent": text(task.get("intent")),
        "code": own("pathway-task" if code in _FOLLOWUPS else "coordination-task", code) if code else {},
        "description": _description(code),
        "focus": _focus(task),
        "for": _patient(task),
        "authoredOn": text(task.get("authoredOn")),
        "performerType": _assignees(task),
        **shared,
        "requester": _shown(task, "requester"),
        "owner": _shown(task, "owner") | shared.get("owner", {}),
    }
    contained = holder.swept(body)
    return normal.tidy(body) | ({"contained": contained} if contained else {})  # type: ignore[no-any-return]


def _focus(task: Mapping[str, Any]) -> Body:
    type = normal.type_of(task.get("focus"))
    return {"type": type} | normal.reference(task.get("focus"), {}) if type in ("CarePlan", "Task") else {}


def _patient(task: Mapping[str, Any]) -> Body:
    said = normal.identifier(obj(task.get("for")).get("identifier"))
    return {"type": "Patient", "identifier": said} if said else {}


def _assignees(task: Mapping[str, Any]) -> list[Body]:
    system = f"{SYSTEM}coordinator-assignee"
    said = [c for one in items(task.get("performerType")) for c in items(one.get("coding")) if c.get("system") == system]
    codes = [text(c.get("code")) for c in said]
    return [own("coordinator-assignee", code) for code in codes if code in (terms.displays(system) or ())]


def _shown(task: Mapping[str, Any], who: str) -> Body:
    said = obj(task.get(who))
    number = normal.identifier(said.get("identifier"))
    ours = COMPUTED in items(obj(task.get("meta")).get("tag"))
    name = text(said.get("display")) if ours or text(task.get("status")) in _ACCEPTED else ""
    return ({"type": "Organization", "identifier": number} | ({"display": name} if name else {})) if number else {}


def share_bundle(resource: Mapping[str, Any]) -> bytes:
    """A transaction that creates the Task or CareTeam unless it is there, told by its business identifier. Always the same bytes.

    The entry's fullUrl is another UUID than the identifier's: a server that took them for one made the identifier a link to the
    new resource, and a repeated creation made a second. https://hl7.org/fhir/R4/http.html#ccreate
    """
    key = key_of(resource)
    entry = {
        "fullUrl": _URN + named("full-url", key),
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"], "ifNoneExist": f"identifier={URI}|{key}"},
    }
    return _encoder.encode({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
