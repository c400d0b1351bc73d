"""A pathway as another organisation finds it in its own space here: copies of its EpisodeOfCare and CarePlan, with what is needed.

    episode(ours, patient, organisation)      # for the municipality that coordinates
    plan(ours, patient)
    status_only(ours, patient)                # for who referred
    block(pathway, patient, persons)          # beside either, where the patient has closed their record to persons

What is in a copy is a list of what may be, here and nowhere else; the ids are those of the originals. Nothing clinical, no free
text, no unit below the legal entity, no link to what the other organisation cannot read. Why each element is there:

- `identifier`: by it both sides mean the same pathway when they speak of it (its UUID, the national ForlopsId).
- `status`, the phase, `period`: when the municipality's own duties begin and end (helse- og omsorgstjenesteloven 7-2; the phases of
  the national pathways); what the whole copy is for.
- `type` (9321): which national pathway, and so which milestones it has; the code alone.
- `patient`, `subject`: by number, as in the assignment itself; no link to our Patient.
- `managingOrganization`: the legal entity that answers for the pathway, by number and name: who is to be called.
- `team`, `careTeam`: who coordinates; the CareTeam's own copy stands beside it.
- `intent`, the plan's link to its EpisodeOfCare: R4 demands the one, and the other says whose plan it is.
- `statusHistory` (for who referred): since when it has stood so; without the reasons, which are text.
- a Consent: so that a block of a person holds for them wherever they sit; who it is and that it is so, and none of the patient's
  own Consents' words, times or other parties. Those whom it names do not see it, as it is of that patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapter.domain.identity import named
from mappings.resources import normal
from mappings.resources.assignment import SECURITY
from mappings.resources.care_team import id_of as team_of
from mappings.resources.computed import COMPUTED
from mappings.resources.elements import ENH
from mappings.resources.normal import Body, items, obj, text
from mappings.resources.writer import EXTENSION, reference

_HEAD: Final = frozenset({"resourceType", "id", "meta"})
ELEMENTS: Final[Mapping[str, frozenset[str]]] = {
    "EpisodeOfCare": _HEAD | {"extension", "identifier", "status", "type", "patient", "managingOrganization", "period", "team"},
    "CarePlan": _HEAD | {"extension", "identifier", "status", "intent", "subject", "period", "careTeam"},
}
STATUS_ELEMENTS: Final = _HEAD | {"identifier", "status", "statusHistory", "patient", "period"}

_PHASE: Final = f"{EXTENSION}pathway-phase"
_EPISODE: Final = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
_TYPE: Final = "urn:oid:2.16.578.1.12.4.1.1.9321"


def episode(ours: Mapping[str, Any], patient: Body, organisation: tuple[str, str], *, with_team: bool) -> Body:
    """The EpisodeOfCare. `patient` is an Identifier, `organisation` the legal entity's number and name."""
    number, name = organisation
    entity: Body = {"type": "Organization", "identifier": {"system": ENH, "value": number}, "display": name}
    phase = [
        {"url": _PHASE, "valueCode": text(one.get("valueCode"))} for one in items(ours.get("extension")) if one.get("url") == _PHASE
    ]
    return _of(
        ours,
        {
            "extension": phase,
            "identifier": _identifiers(ours),
            "status": text(ours.get("status")),
            "type": [{"coding": coding} for one in items(ours.get("type")) if (coding := _pathway_type(one))],
            "patient": _patient(patient),
            "managingOrganization": entity,
            "period": normal.period(ours.get("period")),
            "team": [reference("CareTeam", team_of(ours["id"]))] if with_team else [],
        },
    )


def plan(ours: Mapping[str, Any], pathway: str, patient: Body, *, with_team: bool) -> Body:
    """The CarePlan of a pathway, without what is to be done: those Tasks are the specialist service's own."""
    return _of(
        ours,
        {
            "extension": [{"url": _EPISODE, "valueReference": reference("EpisodeOfCare", pathway)}],
            "identifier": _identifiers(ours),
            "status": text(ours.get("status")),
            "intent": text(ours.get("intent")),
            "subject": _patient(patient),
            "period": normal.period(ours.get("period")),
            "careTeam": [reference("CareTeam", team_of(pathway))] if with_team else [],
        },
    )


def status_only(ours: Mapping[str, Any], patient: Body) -> Body:
    """The EpisodeOfCare for who referred: that it goes on, or since when it does not."""
    history = [
        {"status": text(one.get("status")), "period": normal.period(one.get("period"))} for one in items(ours.get("statusHistory"))
    ]
    return _of(
        ours,
        {
            "identifier": _identifiers(ours),
            "status": text(ours.get("status")),
            "statusHistory": [one for one in history if one["status"] and one["period"]],
            "patient": _patient(patient),
            "period": normal.period(ours.get("period")),
        },
    )


def block_id_of(pathway: str) -> str:
    return named(pathway, "block", 1)


def block(pathway: str, patient: Body, persons: Iterable[tuple[str, str]]) -> Body:
    """The Consent that closes what is of the patient in that space to persons, by system and number (HPR, national number)."""
    actors = [{"role": _coding("v3-ParticipationType", "IRCP"), "reference": {"identifier": _number(one)}} for one in persons]
    return _of(
        {"resourceType": "Consent", "id": block_id_of(pathway)},
        {
            "status": "active",
            "scope": _coding("consentscope", "patient-privacy"),
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": _patient(patient),
            "policyRule": _coding("v3-ActCode", "OPTOUT"),
            "provision": {"type": "deny", "actor": actors},
        },
    )


def _coding(system: str, code: str) -> Body:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


def _number(person: tuple[str, str]) -> Body:
    return dict(zip(("system", "value"), person, strict=True))


def is_copy(resource: Mapping[str, Any]) -> bool:
    """Whether it is one of these, and no organisation's own: what we made, labelled as what is shared."""
    meta = obj(resource.get("meta"))
    return COMPUTED in items(meta.get("tag")) and dict(SECURITY[0]) in items(meta.get("security"))


def _of(ours: Mapping[str, Any], elements: Body) -> Body:
    meta = {"security": [dict(label) for label in SECURITY], "tag": [COMPUTED]}
    head: Body = {"resourceType": ours["resourceType"], "id": ours["id"], "meta": meta}
    return head | normal.tidy(elements)  # type: ignore[no-any-return]


def _identifiers(ours: Mapping[str, Any]) -> list[Body]:
    return [normal.identifier(one) for one in items(ours.get("identifier"))]


def _patient(number: Body) -> Body:
    return {"type": "Patient", "identifier": normal.identifier(number)}


def _pathway_type(concept: Body) -> list[Body]:
    codings = [one for one in items(concept.get("coding")) if one.get("system") == _TYPE]
    return [{key: text(one.get(key)) for key in ("system", "code", "display")} for one in codings]
