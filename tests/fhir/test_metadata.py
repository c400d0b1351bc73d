"""The CapabilityStatement: valid, in agreement with R4's own parameters, and with what the routes do."""

from __future__ import annotations

import json
from pathlib import Path

from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from adapter.fhir.types import TYPES
from tests.http.service import Service


def test_the_statement_is_valid_and_names_the_configured_base(fhir: Service) -> None:
    answer = fhir.http.get("/fhir/metadata", headers={"X-Stafett-Organisation": "unknown", "X-Forwarded-Host": "evil.example"})
    statement = CapabilityStatement.model_validate(answer.json())

    assert (statement.fhirVersion, statement.kind, statement.status) == ("4.0.1", "instance", "active")
    assert answer.json()["implementation"]["url"] == f"{fhir.base}/fhir"
    assert fhir.http.get("/fhir/metadata?mode=terminology").status_code == 400
    assert fhir.http.get("/fhir/metadata?mode=full").content == answer.content


def test_every_type_and_parameter_of_the_statement_is_answered(fhir: Service) -> None:
    values = {"token": "x", "reference": "Patient/x", "date": "ge2026"}
    strict = {"Prefer": "handling=strict"}
    statement = fhir.http.get("/fhir/metadata").json()

    assert [one["type"] for one in statement["rest"][0]["resource"]] == sorted(TYPES)
    for resource in statement["rest"][0]["resource"]:
        query = {one["name"]: values[one["type"]] for one in resource["searchParam"]}
        answer = fhir.http.get(f"/fhir/{resource['type']}", params=query, headers=strict)
        assert (answer.status_code, answer.json().get("total")) == (200, 0), resource["type"]
        assert [one["code"] for one in resource["interaction"]] == ["read", "vread", "history-instance", "search-type"]


def test_the_statement_tells_of_the_rule_for_national_numbers(fhir: Service) -> None:
    text = fhir.http.get("/fhir/metadata").json()["rest"][0]["documentation"]

    assert "POST [type]/_search" in text


def test_every_parameter_is_r4s_own(standards: Path) -> None:
    official = json.loads((standards / "fhir" / "r4-search-parameters.json").read_text("utf-8"))
    general = {one["code"]: one for base in ("Resource", "DomainResource") for one in official[base]}
    ours = {("Flag", "status")}  # said in its documentation

    for type, parameters in TYPES.items():
        if type not in official:  # the reference material holds some types only
            continue
        known = general | {one["code"]: one for one in official[type]}
        for name, parameter in parameters.items():
            if (type, name) not in ours:
                assert (known[name]["url"], known[name]["type"]) == (parameter.definition, parameter.type)
