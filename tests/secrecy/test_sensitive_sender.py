"""Before it is accepted an assignment names the legal entities alone; of a protected patient also after that."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mappings.resources import assignment, protected
from mappings.resources.computed import COMPUTED
from tests.usecases.handover import HOSPITAL, MUNICIPALITY, organisation

BEFORE = ("draft", "requested", "received", "rejected")
AFTER = ("accepted", "in-progress", "on-hold", "completed", "failed")
CANARY = "Kanariklinikken"
UNITS = st.sampled_from(
    [
        {"resourceType": "Organization", "id": "u", "name": CANARY, "identifier": [{"system": "urn:x", "value": f"{CANARY}-77"}]},
        {"resourceType": "Location", "id": "u", "name": CANARY, "address": {"city": CANARY}},
        {"resourceType": "HealthcareService", "id": "u", "name": CANARY},
        {
            "resourceType": "PractitionerRole",
            "id": "u",
            "organization": {"display": CANARY},
            "location": [{"display": CANARY}],
            "healthcareService": [{"display": CANARY}],
        },
    ]
)
REFERENCES = st.sampled_from([{"reference": "#u"}, {"display": CANARY}, {"reference": "#u", "display": CANARY}])
TEXTS = {"description": st.just(CANARY)}
LINKS = dict.fromkeys(("location", "encounter", "reasonReference", "focus"), REFERENCES)
LISTS = dict.fromkeys(("basedOn", "insurance"), st.lists(REFERENCES, max_size=2))


@st.composite
def tasks(draw: st.DrawFn, statuses: tuple[str, ...]) -> dict[str, Any]:
    """An assignment as a client may write it: with units wherever R4 lets it name some."""
    more = draw(st.fixed_dictionaries({}, optional={**TEXTS, **LINKS, **LISTS}))
    owner = {**organisation(MUNICIPALITY), **draw(st.sampled_from([{}, {"display": CANARY}, {"reference": "#u"}]))}
    requester = {**organisation(HOSPITAL), **draw(st.sampled_from([{}, {"display": CANARY}, {"reference": "#u"}]))}
    return {
        "resourceType": "Task",
        "id": "t",
        "contained": [draw(UNITS)],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:22222222-2222-4222-8222-222222222222"}],
        "status": draw(st.sampled_from(statuses)),
        "intent": "order",
        "code": {"coding": [{"system": f"{assignment.SYSTEM}coordination-task", "code": "assign-coordinator"}]},
        "for": {"type": "Patient", "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "1"}, "display": CANARY},
        "requester": requester,
        "owner": owner,
        **more,
    }


@given(task=tasks(BEFORE))
def test_before_acceptance_no_name_or_id_of_a_unit_leaves(task: dict[str, Any]) -> None:
    sent = assignment.outward(task)

    assert CANARY not in json.dumps(sent)
    assert sent["owner"]["identifier"]["value"] == MUNICIPALITY
    assert CANARY not in assignment.share_bundle(sent).decode()
    assert CANARY not in json.dumps(assignment.view(task))


def test_the_legal_entitys_own_name_is_told_where_the_service_asks() -> None:
    task = {"status": "requested", "meta": {"tag": [COMPUTED]}, "requester": organisation(HOSPITAL, "Fjordheim sykehus HF")}

    assert assignment.outward(task)["requester"] == organisation(HOSPITAL, "Fjordheim sykehus HF")


@given(task=tasks(AFTER))
def test_of_a_protected_patient_no_unit_or_place_leaves_after_acceptance_either(task: dict[str, Any]) -> None:
    kept = protected.for_others(task)

    assert CANARY not in json.dumps(assignment.outward(kept))
    assert protected.for_others(kept) == kept


def test_of_a_protected_patients_assignment_only_entities_persons_and_codes_go_to_others() -> None:
    secret, entity = "Kanarivik bo- og behandlingssenter", {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "319900101"}
    role = {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"display": "Kari"}, "location": [{"display": secret}]}
    asked = {"type": {"text": "which"}, "valueReference": {"identifier": entity}}
    task = {
        "resourceType": "Task",
        "status": "accepted",
        "statusReason": {"text": secret},
        "businessStatus": {"coding": [{"code": "awaiting-information"}], "text": secret},
        "requester": {"identifier": entity, "display": secret},
        "owner": {"identifier": entity, "display": secret},
        "location": {"display": secret},
        "note": [{"text": secret}],
        "input": [{"type": {"text": "words"}, "valueString": secret}, asked],
        "contained": [
            {"resourceType": "Location", "id": "l", "name": secret},
            {**role, "organization": {"identifier": entity, "display": secret}, "healthcareService": [{"display": secret}]},
        ],
    }

    made = protected.for_others(task)

    assert secret not in str(made)
    assert (made["owner"], made["requester"], made["input"]) == ({"identifier": entity}, {"identifier": entity}, [asked])
    assert made["businessStatus"] == {"coding": [{"code": "awaiting-information"}]}
    assert [(one["id"], one["practitioner"], one["organization"]) for one in made["contained"]] == [
        ("r", {"display": "Kari"}, {"identifier": entity})
    ]
