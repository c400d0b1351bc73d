"""Assignments for tests: as the service builds them, as parties answer them, and as foreign servers keep them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from adapter.domain.coordination import Decision
from mappings.resources import assignment
from mappings.resources.elements import ENH, HPR, NUMBERS
from mappings.resources.writer import own

Body = dict[str, Any]

PATHWAY = "b3906235-0b18-51d9-ad94-a86321c66207"
HOSPITAL, MUNICIPALITY = ("319900101", "Fjordheim sykehus HF"), ("319900209", "Dalsbygda kommune")
PATIENT = ("Patient/4", NUMBERS["FNR"], "21858999992")
DECISION = Decision(
    "under-16", "unit", "Helsestasjonen", "The health centre", "Under 16 år.", "Younger than 16.", ("coordinator",), True
)
NOW = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)


def built(kind: str = "assign-coordinator", ordinal: object = 1, **said: Any) -> Body:
    """A new assignment from the hospital to the municipality."""
    usual: Body = {
        "pathway": PATHWAY,
        "patient": PATIENT,
        "requester": HOSPITAL,
        "owner": MUNICIPALITY,
        "focus": "https://specialist.example.org/fhir/CarePlan/plan",
        "now": NOW,
        "due": date(2026, 6, 8),
    }
    return assignment.build(kind=kind, ordinal=ordinal, **(usual | said))


def coordinator(reference: Body, *contained: Body) -> Body:
    """What a completed assignment says besides: who it is."""
    output = [{"type": own("task-output", "assigned-coordinator"), "valueReference": reference}]
    return {"output": output} | ({"contained": list(contained)} if contained else {})


KARI = {"type": "PractitionerRole", "identifier": {"system": HPR, "value": "9144900"}, "display": "Kari Koordinator"}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "r",
    "practitioner": {"identifier": {"system": HPR, "value": "9144900"}, "display": "Kari Koordinator"},
    "telecom": [{"system": "phone", "value": "+47 22 22 55 55"}],
}
UNIT = {"resourceType": "Organization", "id": "unit", "name": "Helsestasjonen i Dalsbygda"}


# --- any assignment, and what a foreign server makes of it


def _maybe(name: str, *values: Any) -> st.SearchStrategy[Body]:
    return st.sampled_from([{}, *({name: value} for value in values)])


_concepts = (
    {"text": "Sendt til feil kommune"},
    {
        "coding": [
            {"system": "https://example.org/reasons", "code": "b", "display": "Flyttet"},
            own("business-status", "on-time")["coding"][0],
        ]
    },
)
_persons = (
    {"reference": "#r"},
    KARI,
    {"reference": "PractitionerRole/7", "display": "Kari Koordinator"},
    {"reference": "https://dalsbygda.example.org/fhir/PractitionerRole/7"},
)
_outputs = [{"type": own("task-output", "assigned-coordinator"), "valueReference": person} for person in _persons]
_inputs = [
    {"type": own("task-input", "own-coordinator"), "valueReference": {"identifier": {"system": HPR, "value": "9144889"}}},
    {"type": own("task-input", "further-information"), "valueString": "Utskrives 12. juli"},
    {"type": {"text": "Diagnose"}, "valueString": "F32"},
]
_statuses = ("requested", "received", "accepted", "in-progress", "on-hold", "completed", "cancelled", "rejected")
_other = [{"type": {"text": "Notat"}, "valueString": "x"}, _outputs[1]]
_note = {"text": "Ring gjerne.", "time": "2026-06-01T08:05:00+02:00", "authorString": "Psykolog Hansen"}
_owner = {"identifier": {"system": ENH, "value": MUNICIPALITY[0]}}

tasks: st.SearchStrategy[Body] = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.sampled_from([built(), built("handover-coordinator", previous=built()), built("koord3"), built("abort")]),
    st.fixed_dictionaries({"contained": st.just([ROLE, UNIT])}),
    st.fixed_dictionaries({"status": st.sampled_from(_statuses)}),
    _maybe("statusReason", *_concepts),
    _maybe("businessStatus", own("business-status", "awaiting-information"), own("business-status", "overdue")),
    _maybe("owner", _owner, _owner | {"display": "Helsestasjonen"}, _owner | {"reference": "#unit"}),
    _maybe("output", _outputs[:1], _outputs[1:2], _outputs[2:3], _outputs[3:], _other),
    _maybe("input", _inputs[:1], _inputs[1:], _inputs),
    _maybe("note", [_note], [_note, {"text": "Takk."}], [{"text": "Takk."}]),
    _maybe("priority", "urgent", "routine"),
    _maybe("executionPeriod", {"start": "2026-06-02"}, {"start": "2026-06-02", "end": "2026-06-05T10:00:00+02:00"}),
    _maybe(
        "location", {"reference": "Location/4"}, {"identifier": {"system": "https://x.example.org", "value": "4"}, "display": "A"}
    ),
    _maybe("relevantHistory", [{"reference": "Provenance/1"}], [{"reference": "https://x.example.org/fhir/Provenance/1"}]),
    _maybe("restriction", {"period": {"end": "2026-06-30"}}, {"repetitions": 1, "period": {"end": "2026-06-08"}}),
)


def as_kept_elsewhere(task: Body) -> Body:
    """The Task as a server gives it back that changes all that a server may change without meaning anything."""
    return _kept({**task, "id": "9f1", "meta": {**task.get("meta", {}), "versionId": "abc", "lastUpdated": "2026-06-02T00:00:00Z"}})


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        kept = [_kept(one) for one in value]
        return kept[::-1] if all(isinstance(one, dict) and "system" in one and "code" in one for one in value) else kept
    if not isinstance(value, dict):
        return value
    made = {key: _kept(inner) for key, inner in sorted(value.items(), reverse=True)}
    if "resourceType" not in value:
        made["id"] = "e1"
    elif "id" in value and value["resourceType"] != "Task":
        made["id"] = f"srv-{value['id']}"
    if str(value.get("reference", "")).startswith("#"):
        made["reference"] = f"#srv-{value['reference'][1:]}"
    elif "identifier" in value and "resourceType" not in value and isinstance(value["identifier"], dict):
        made |= {"reference": "https://dalsbygda.example.org/fhir/Thing/1"} | ({} if "display" in value else _display(value))
    if "coding" in value:
        made["extension"] = []
    return made


def _display(reference: Body) -> Body:
    """A server may write a name beside an organisation's number; of a person's it knows none."""
    return {"display": "Et navn"} if reference["identifier"].get("system") == ENH else {}
