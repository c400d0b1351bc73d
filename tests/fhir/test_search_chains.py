"""Chained parameters, over the real store: https://hl7.org/fhir/R4/search.html#chaining."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.real import real_service
from tests.http.service import Service


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Hansen and Hansson with a Task each, one Task of nobody; the Tasks' owners lie in one organisation."""
    with real_service(tmp_path_factory.mktemp("chains")) as service:
        top = made(service, "Organization", name="Øvre helseforetak")
        unit = made(service, "Organization", name="Klinikken", partOf={"reference": f"Organization/{top}"})
        for family in ("Hansen", "Hansson"):
            identifier = [{"system": "urn:a", "value": family.lower()}]
            patient = made(service, "Patient", name=[{"family": family}], identifier=identifier)
            subject, owner = {"reference": f"Patient/{patient}"}, {"reference": f"Organization/{unit}"}
            made(service, "Task", status="requested", intent="order", description=family, owner=owner, **{"for": subject})
        made(service, "Task", status="requested", intent="order", description="nobody's")
        yield service


def made(service: Service, type: str, **body: Any) -> str:
    answer = service.http.post(f"/fhir/{type}", json={"resourceType": type, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def found(service: Service, query: str) -> set[str]:
    bundle = service.http.get(f"/fhir/Task?{query}").raise_for_status().json()
    assert bundle["total"] == len(bundle.get("entry", []))
    return {entry["resource"]["description"] for entry in bundle.get("entry", [])}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("patient.family=hansen", {"Hansen"}),
        ("patient.family=hans", {"Hansen", "Hansson"}),  # a string matches from its beginning
        ("patient.family:exact=hans", set()),
        ("subject:Patient.family=hansson", {"Hansson"}),  # *subject* may lead to other types: one is named
        ("patient.identifier=urn:a|hansen", {"Hansen"}),
        ("patient.family=hansen,hansson", {"Hansen", "Hansson"}),
        ("patient.family=hansen&patient.family=hansson", set()),  # the same Patient would have to be both
        ("owner:Organization.name=klinikken", {"Hansen", "Hansson"}),
        ("owner.name=klinikken", {"Hansen", "Hansson"}),  # whatever type of owner has a name
        ("owner:Organization.partof.name=øvre", {"Hansen", "Hansson"}),  # two steps
        ("owner:Organization.partof.name=øvre&patient.family=hansson", {"Hansson"}),
        ("owner:Organization.partof.name=nedre", set()),
        ("patient._id=nobody", set()),
    ],
)
def test_a_chain_finds_by_what_is_referred_to(own: Service, query: str, expected: set[str]) -> None:
    assert found(own, query) == expected


def test_the_link_self_says_the_chain(own: Service) -> None:
    bundle = own.http.get("/fhir/Task?patient.family=hansen").json()

    assert bundle["link"][0]["url"].endswith("/fhir/Task?patient.family=hansen")


def test_pages_of_a_chain_give_every_result_once(own: Service) -> None:
    url, seen = "/fhir/Task?patient.family=hans&_count=1", []
    while url:
        bundle = own.http.get(url).json()
        seen += [entry["resource"]["description"] for entry in bundle["entry"]]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")

    assert sorted(seen) == ["Hansen", "Hansson"]


@pytest.mark.parametrize(
    "query", ["status.name=x", "patient.owner=x", "patient:Device.name=x", "owner.partof.partof.partof.name=x"]
)
def test_what_cannot_be_followed_is_refused(own: Service, query: str) -> None:
    answer = own.http.get(f"/fhir/Task?{query}")

    assert answer.status_code == 400
    assert "chain" in answer.json()["issue"][0]["details"]["text"]


def test_a_persons_number_in_a_chain_goes_by_post_only(own: Service) -> None:
    number = "urn:oid:2.16.578.1.12.4.1.4.1|21858999992"

    assert own.http.get("/fhir/Task", params={"patient.identifier": number}).status_code == 400
    assert own.http.post("/fhir/Task/_search", data={"patient.identifier": number}).json()["total"] == 0


def test_criteria_take_no_chain(own: Service) -> None:
    headers = {"If-None-Exist": "patient.family=hansen"}
    answer = own.http.post("/fhir/Task", json={"resourceType": "Task", "status": "requested", "intent": "order"}, headers=headers)

    assert answer.status_code == 400


def test_a_reference_by_our_own_whole_address_is_one_of_ours(own: Service) -> None:
    """As a client may write it; it is found, chained and included as a relative one (references.html#literal)."""
    patient = made(own, "Patient", name=[{"family": "Adresseth"}])
    whole = {"reference": f"{own.base}/fhir/Patient/{patient}"}
    made(own, "Task", status="requested", intent="order", description="whole", **{"for": whole})

    for query in (f"patient={patient}", f"patient=Patient/{patient}", f"patient={whole['reference']}", "patient.family=adresseth"):
        assert found(own, query) == {"whole"}
    bundle = own.http.get(f"/fhir/Task?patient={patient}&_include=Task:patient").json()
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "include"]
