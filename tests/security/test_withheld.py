"""A patient sees in their extract also who tried and was not shown: over HTTP, with tokens, in the process as it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from adapter.ports import Link
from tests.fhir.test_blocks import HPR, block
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service
from tests.security.issuer import Client, Issuer

DOCTOR = "9144897"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with issuer.served():
        yield issuer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], scope="module")
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Service]:
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with real_service(folder, url, issuer=issuer) as service:
        yield service


@pytest.fixture
def blocked(issuer: Issuer) -> Client:
    return issuer.client(parent=HOSPITAL, hpr=DOCTOR, scopes=["system/*.cruds"])


@pytest.fixture
def person(guarded: Service, issuer: Issuer) -> str:
    """The id of a Patient who has blocked the doctor."""
    hospital = issuer.client(parent=HOSPITAL, scopes=["system/*.cruds"])
    made = guarded.http.post("/fhir/Patient", json={"resourceType": "Patient", "name": [{"family": "Sperret"}]}, auth=hospital)
    assert made.status_code == 201, made.text
    id = str(made.json()["id"])
    answer = guarded.http.post("/fhir/Consent", json=block(id, (HPR, DOCTOR)), auth=hospital)
    assert answer.status_code == 201, answer.text
    return id


def last(service: Service) -> Link:
    with service.store.read() as unit:
        return unit.audit_links(limit=10_000)[-1]


@pytest.mark.parametrize("path", ["/fhir/Patient/{}", "/fhir/Patient/{}/_history", "/fhir/Patient/{}/_history/1"])
def test_who_is_blocked_and_tries_is_told_to_the_patient(guarded: Service, blocked: Client, person: str, path: str) -> None:
    answer = guarded.http.get(path.format(person), auth=blocked)

    record = last(guarded).record
    said = msgspec.json.decode(record.body)
    assert answer.status_code == 404
    assert record.about == (person,)
    assert (said["outcome"], said["who"]["person"]["hpr"], "seen" in said) == ("4", DOCTOR, False)


def test_a_write_that_is_not_let_through_is_told_too(guarded: Service, blocked: Client, person: str) -> None:
    patch = [{"op": "replace", "path": "/active", "value": False}]
    kind = {"Content-Type": "application/json-patch+json"}
    answer = guarded.http.patch(f"/fhir/Patient/{person}", json=patch, headers=kind, auth=blocked)

    assert answer.status_code == 404
    assert last(guarded).record.about == (person,)


def test_what_is_not_there_is_told_of_nobody(guarded: Service, blocked: Client) -> None:
    assert guarded.http.get("/fhir/Patient/nobody", auth=blocked).status_code == 404
    assert last(guarded).record.about == ()
