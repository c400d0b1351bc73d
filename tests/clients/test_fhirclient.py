"""fhirclient (PyPI, SMART Health IT): https://github.com/smart-on-fhir/client-py. R4 models that check what they are given."""

from __future__ import annotations

import pytest
from fhirclient import server
from fhirclient.models import bundle, codeableconcept, fhirreference, humanname, identifier, organization, patient, period, task
from fhirclient.models.fhirdate import FHIRDate
from fhirclient.models.fhirdatetime import FHIRDateTime

from tests.http.service import Service


@pytest.fixture(scope="module")
def smart(service: Service) -> server.FHIRServer:
    return server.FHIRServer(None, base_uri=f"{service.base}/fhir")


def a_patient(family: str) -> patient.Patient:
    person = patient.Patient()
    name = humanname.HumanName()
    name.family, name.given = family, ["Ola"]
    person.name = [name]
    person.birthDate = FHIRDate("1990-02-28")
    return person


def test_it_reads_the_capability_statement(smart: server.FHIRServer) -> None:
    statement = smart.capabilityStatement

    assert statement.fhirVersion == "4.0.1"
    assert {resource.type for resource in statement.rest[0].resource} >= {"Task", "CarePlan", "EpisodeOfCare"}


def test_it_creates_reads_updates(smart: server.FHIRServer) -> None:
    made = a_patient("Smartsen").create(smart)
    read = patient.Patient.read(made["id"], smart)
    read.name[0].given = ["Ola", "Nils"]
    read.update()

    again = patient.Patient.read(made["id"], smart)
    assert (again.meta.versionId, again.name[0].given, again.birthDate.as_json()) == ("2", ["Ola", "Nils"], "1990-02-28")


def test_it_searches_with_a_date_and_follows_the_pages(smart: server.FHIRServer) -> None:
    owner = organization.Organization()
    owner.name = "Kommunen"
    id = owner.create(smart)["id"]
    for day in range(1, 8):
        one = task.Task()
        one.status, one.intent = "requested", "order"
        one.owner = fhirreference.FHIRReference({"reference": f"Organization/{id}"})
        one.code = codeableconcept.CodeableConcept({"text": "Svar"})
        one.authoredOn = FHIRDateTime(f"2026-11-0{day}T08:00:00+01:00")
        one.executionPeriod = period.Period({"start": f"2026-11-0{day}T08:00:00+01:00"})
        one.create(smart)
    search = task.Task.where({"owner": f"Organization/{id}", "authored-on": "ge2026-11-03", "_count": "2"})
    days = []
    for page in search.perform_iter(smart):
        days += [entry.resource.authoredOn.as_json() for entry in page.entry]

    assert sorted(days) == [f"2026-11-0{day}T08:00:00+01:00" for day in range(3, 8)]


def test_it_includes(smart: server.FHIRServer) -> None:
    made = a_patient("Medsen").create(smart)
    one = task.Task()
    one.status, one.intent = "requested", "order"
    one.for_fhir = fhirreference.FHIRReference({"reference": f"Patient/{made['id']}"})
    one.identifier = [
        identifier.Identifier({"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1f1b2c56-7d12-4d9c-9f8e-2c8a5b1e7a01"})
    ]
    one.create(smart)
    found = task.Task.where({"patient": f"Patient/{made['id']}", "_include": "Task:patient"}).perform_resources(smart)

    assert {resource.resource_type for resource in found} == {"Task", "Patient"}


def test_its_strict_models_take_every_bundle_that_we_give(smart: server.FHIRServer) -> None:
    found = bundle.Bundle.read_from("Task?_count=5", smart)

    assert found.type == "searchset"
    assert found.as_json()["link"][0]["relation"] == "self"
