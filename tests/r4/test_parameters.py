"""The search parameters that we know, beside R4's registry and our own SearchParameter resources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.domain.identity import BASE
from adapter.r4 import definitions
from adapter.r4.fhirpath import selection
from adapter.r4.parameters import PARAMETERS, Parameter

# Each of https://hl7.org/fhir/R4/task.html#search, read there; R4 has no more.
OF_TASK = {
    "authored-on": "date",
    "based-on": "reference",
    "business-status": "token",
    "code": "token",
    "encounter": "reference",
    "focus": "reference",
    "group-identifier": "token",
    "identifier": "token",
    "intent": "token",
    "modified": "date",
    "owner": "reference",
    "part-of": "reference",
    "patient": "reference",
    "performer": "token",
    "period": "date",
    "priority": "token",
    "requester": "reference",
    "status": "token",
    "subject": "reference",
}
KINDS = {
    "reference": {"Reference", "canonical"},
    "string": {"string", "markdown", "HumanName", "Address"},
    "uri": {"uri", "url"},
    "token": {"CodeableConcept", "Coding", "Identifier", "ContactPoint", "code", "string", "boolean", "System.Boolean"},
    "date": {"date", "dateTime", "instant", "Period", "Timing"},
}
LATER = {("order-detail", "token", "http://hl7.org/fhir/SearchParameter/ServiceRequest-order-detail")}
"""In the collection beside the standard, and not among the definitions of 4.0.1 itself."""
ALL = [pytest.param(type, parameter, id=f"{type}-{name}") for type in PARAMETERS for name, parameter in PARAMETERS[type].items()]


def test_a_task_has_all_of_r4s_parameters_and_the_deadline() -> None:
    assert {name: parameter.type for name, parameter in PARAMETERS["Task"].items()} == OF_TASK | {"deadline": "date"}


def test_a_parameter_of_several_types_keeps_this_types_part_and_its_definition() -> None:
    assert PARAMETERS["DocumentReference"]["identifier"] == Parameter(
        "identifier",
        "token",
        "DocumentReference.masterIdentifier | DocumentReference.identifier",
        url="http://hl7.org/fhir/SearchParameter/clinical-identifier",
    )
    assert PARAMETERS["Goal"]["patient"] == Parameter(
        "patient",
        "reference",
        "Goal.subject.where(resolve() is Patient)",
        ("Patient",),
        "http://hl7.org/fhir/SearchParameter/clinical-patient",
    )


def test_a_code_has_the_system_that_its_binding_draws_on() -> None:
    assert PARAMETERS["Task"]["status"].system == "http://hl7.org/fhir/task-status"
    assert PARAMETERS["Patient"]["gender"].system == "http://hl7.org/fhir/administrative-gender"
    assert PARAMETERS["Patient"]["active"].system == "http://terminology.hl7.org/CodeSystem/special-values"
    assert PARAMETERS["EpisodeOfCare"]["phase"].system == f"{BASE}/CodeSystem/pathway-phase"
    assert PARAMETERS["Task"]["code"].system == ""
    # Task.intent is bound to a value set of two systems
    assert PARAMETERS["Task"]["intent"].systems["order"] == "http://hl7.org/fhir/request-intent"
    assert PARAMETERS["Task"]["intent"].systems["unknown"] == "http://hl7.org/fhir/task-intent"


@pytest.mark.parametrize(("type", "parameter"), ALL)
def test_every_parameter_selects_what_its_kind_can_be_made_of(type: str, parameter: Parameter) -> None:
    for part in parameter.expression.split(" | "):
        _, selected = selection(part, type)
        assert selected in KINDS[parameter.type] | {""}  # empty: a choice, of whose types each value says its own
    assert parameter.url.endswith(f"-{parameter.name}")
    assert set(parameter.targets) <= set(PARAMETERS)
    assert parameter.type == "reference" or not parameter.targets
    assert not parameter.system or parameter.type == "token"


def test_codes_without_a_system_of_their_own_are_never_left_without_one() -> None:
    lacking = {
        (type, name)
        for type, parameters in PARAMETERS.items()
        for name, parameter in parameters.items()
        if parameter.type == "token" and selection(parameter.expression, type)[1] in {"code", "boolean", "System.Boolean"}
        if not parameter.system and not parameter.systems
    }

    assert lacking == set()


def test_our_own_parameters_are_those_that_we_publish(root: Path) -> None:
    published = {}
    for file in sorted((root / "profiles").glob("SearchParameter-*.json")):
        body = json.loads(file.read_text("utf-8"))
        for type in body["base"]:
            published[type, body["code"]] = (body["type"], body["expression"], tuple(body.get("target", ())), body["url"])

    assert {
        (type, name): (p.type, p.expression, p.targets, p.url)
        for type, parameters in PARAMETERS.items()
        for name, p in parameters.items()
        if p.url.startswith(BASE)
    } == published


def test_the_table_holds_the_registry_for_the_types_that_we_serve(standards: Path) -> None:
    registry = json.loads((standards / "fhir" / "r4-search-parameters.json").read_text("utf-8"))
    kinds = {"token", "reference", "date", "string", "uri"}
    assert len(registry.keys() & PARAMETERS.keys()) > 10
    for type in registry.keys() & PARAMETERS.keys():
        offered = {
            (parameter["code"], parameter["type"], parameter["url"])
            for parameter in registry[type]
            if parameter["type"] in kinds and parameter["code"] != "phonetic" and "extension(" not in parameter["expression"]
        }
        ours = {(name, p.type, p.url) for name, p in PARAMETERS[type].items() if not p.url.startswith(BASE)}
        assert ours == offered - LATER, type


def test_every_type_that_is_served_is_a_resource_type() -> None:
    assert set(PARAMETERS) < definitions.resource_types()
    assert len(PARAMETERS) == 27
