"""fhirpy (PyPI, beda.software): https://github.com/beda-software/fhir-py. Its habits are not all of FHIR; each is named here."""

from __future__ import annotations

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

from tests.http.service import Service

SYSTEM = "urn:ietf:rfc:3986"


@pytest.fixture(scope="module")
def client(service: Service) -> SyncFHIRClient:
    return SyncFHIRClient(f"{service.base}/fhir")


def a_task(client: SyncFHIRClient, number: int, **more: object) -> object:
    identifier = [{"system": SYSTEM, "value": f"urn:uuid:00000000-0000-4000-8000-{number:012}"}]
    return client.resource("Task", status="requested", intent="order", identifier=identifier, **more)


def test_it_creates_reads_and_sees_the_version(client: SyncFHIRClient) -> None:
    task = a_task(client, 1)
    task.save()
    again = client.reference("Task", task.id).to_resource()

    assert (again.status, again.meta.versionId) == ("requested", "1")


def test_it_updates_a_patient(client: SyncFHIRClient) -> None:
    patient = client.resource("Patient", name=[{"family": "Øvrebø", "given": ["Kari"]}])
    patient.save()
    patient["name"][0]["given"] = ["Kari", "Anne"]
    patient.save()

    assert patient.meta.versionId == "2"
    assert client.resources("Patient").search(family="øvre").first().id == patient.id


def test_an_update_of_a_task_needs_the_version_that_was_read(client: SyncFHIRClient, service: Service) -> None:
    """It sends no If-Match of itself: 412, which it calls by the name of another cause. With the header it is updated."""
    task = a_task(client, 2)
    task.save()
    task["status"] = "accepted"
    with pytest.raises(MultipleResourcesFound, match="If-Match"):
        task.save()

    careful = SyncFHIRClient(f"{service.base}/fhir", extra_headers={"If-Match": 'W/"1"'})
    again = careful.resource("Task", **task)
    again.save()
    assert (again.status, again.meta.versionId) == ("accepted", "2")


def test_a_refresh_asks_with_a_bare_version_and_gets_304(client: SyncFHIRClient) -> None:
    task = a_task(client, 3)
    task.save()

    assert task.refresh().meta.versionId == "1"


def test_it_searches_counts_sorts_and_pages(client: SyncFHIRClient) -> None:
    owner = client.resource("Organization", name="Granfjelldal kommune")
    owner.save()
    for number in range(10, 15):
        end = f"2026-12-{number}"
        a_task(client, number, owner=owner.to_reference(), restriction={"period": {"end": end}}).save()
    mine = client.resources("Task").search(owner=f"Organization/{owner.id}", status="requested")

    assert mine.count() == 5
    assert len(mine.limit(2).fetch()) == 2
    assert len(mine.limit(2).fetch_all()) == 5
    assert [t.restriction.period.end for t in mine.sort("-deadline").fetch()] == [f"2026-12-{n}" for n in (14, 13, 12, 11, 10)]
    assert mine.search(deadline__lt="2026-12-12").count() == 2


def test_it_includes(client: SyncFHIRClient) -> None:
    patient = client.resource("Patient", name=[{"family": "Includesen"}])
    patient.save()
    task = a_task(client, 20, **{"for": patient.to_reference()})
    task.save()
    found = client.resources("Task").search(_id=task.id).include("Task", "patient").fetch_raw()

    assert {entry.resource.resourceType: entry.search.mode for entry in found.entry} == {"Task": "match", "Patient": "include"}


def test_a_chained_search_by_name(client: SyncFHIRClient) -> None:
    patient = client.resource("Patient", name=[{"family": "Kjedesen"}])
    patient.save()
    task = a_task(client, 21, **{"for": patient.to_reference()})
    task.save()

    assert [t.id for t in client.resources("Task").search(patient__Patient__family="kjedesen").fetch()] == [task.id]


def test_its_conditional_create_is_told_how_fhir_does_it(client: SyncFHIRClient) -> None:
    """It posts to /Task?identifier=…; R4 has the condition in If-None-Exist (http.html#ccreate)."""
    with pytest.raises(OperationOutcome, match="If-None-Exist"):
        a_task(client, 30).create(identifier=f"{SYSTEM}|urn:uuid:00000000-0000-4000-8000-000000000030")

    assert client.resources("Task").search(identifier=f"{SYSTEM}|urn:uuid:00000000-0000-4000-8000-000000000030").count() == 0


def test_a_conditional_create_by_header_makes_one(client: SyncFHIRClient, service: Service) -> None:
    condition = f"identifier={SYSTEM}|urn:uuid:00000000-0000-4000-8000-000000000031"
    once = SyncFHIRClient(f"{service.base}/fhir", extra_headers={"If-None-Exist": condition})
    ids = set()
    for _ in range(3):
        task = a_task(once, 31)
        task.save()
        ids.add(task.id)

    assert len(ids) == 1


def test_its_patch_is_no_json_patch_and_is_told_so(client: SyncFHIRClient) -> None:
    patient = client.resource("Patient", name=[{"family": "Lappesen"}])
    patient.save()
    with pytest.raises(OperationOutcome, match="JSON Patch"):
        patient.patch(active=True)


def test_it_validates(client: SyncFHIRClient) -> None:
    assert a_task(client, 40).is_valid()
    with pytest.raises(OperationOutcome, match=r"Task\.status"):
        client.resource("Task", status="done", intent="order").is_valid(raise_exception=True)


def test_a_transaction_carries_urns_over(client: SyncFHIRClient) -> None:
    urn = "urn:uuid:6a9ec8b6-1ab6-4d4b-9f6a-0d8b3d0b3c11"
    bundle = client.resource(
        "Bundle",
        type="transaction",
        entry=[
            {
                "fullUrl": urn,
                "request": {"method": "POST", "url": "Patient"},
                "resource": {"resourceType": "Patient", "name": [{"family": "Urnesen"}]},
            },
            {
                "request": {"method": "POST", "url": "Task"},
                "resource": {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": urn}},
            },
        ],
    )
    answer = client.execute("", method="post", data=bundle)

    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "201"]
    (task,) = client.resources("Task").search(patient__Patient__family="Urnesen").fetch()
    assert task["for"].reference.startswith("Patient/")


def test_what_is_not_there_is_not_found(client: SyncFHIRClient) -> None:
    with pytest.raises(ResourceNotFound):
        client.reference("Task", "00000000-0000-4000-8000-000000000000").to_resource()
