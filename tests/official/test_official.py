"""The official validator answers for each file that it is given, with the definitions of a folder too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.official import Validate, official

__all__ = ["official"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROFILE = {
    "resourceType": "StructureDefinition",
    "url": "http://example.org/StructureDefinition/named-patient",
    "name": "NamedPatient",
    "status": "active",
    "fhirVersion": "4.0.1",
    "kind": "resource",
    "abstract": False,
    "type": "Patient",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "derivation": "constraint",
    "differential": {"element": [{"id": "Patient.name", "path": "Patient.name", "min": 1}]},
}


def test_each_file_is_judged_by_the_standard_and_by_the_profiles_it_names(official: Validate, tmp_path: Path) -> None:
    (tmp_path / "ig").mkdir()
    (tmp_path / "ig" / "named.json").write_text(json.dumps(PROFILE))
    patient = {"resourceType": "Patient", "meta": {"profile": [PROFILE["url"]]}}
    files = {
        "good.json": json.dumps(patient | {"name": [{"family": "Dæmon"}]}),
        "nameless.json": json.dumps(patient),
        "date.json": json.dumps({"resourceType": "Patient", "birthDate": "2020-13-01"}),
        "cut.json": '{"resourceType": "Patient",',
        "boolean.xml": '<Patient xmlns="http://hl7.org/fhir"><active value="tru"/></Patient>',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    found = official([tmp_path / name for name in files], tmp_path / "ig")

    errors = {
        path.name: [(issue.severity, issue.expression) for issue in issues if issue.is_error] for path, issues in found.items()
    }
    assert errors == {
        "good.json": [],
        "nameless.json": [("error", "Patient")],
        "date.json": [("error", "Patient.birthDate")],
        "cut.json": [("fatal", "")],
        "boolean.xml": [("error", "Patient.active")],
    }
