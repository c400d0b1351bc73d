"""Conditional create and update, and versions named by the caller (https://hl7.org/fhir/R4/http.html#ccreate, #cond-update)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fhir.made import FNR, SYNTHETIC, Body, computed, identifier, issues, patient, task
from tests.http.service import Service, service


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("conditional")) as running:
        yield running


def criteria(one: Body) -> str:
    return f"identifier={one['system']}|{one['value']}"


def post(here: Service, body: Body, unless: str) -> httpx.Response:
    return here.http.post(f"/fhir/{body['resourceType']}", json=body, headers={"If-None-Exist": unless})


@pytest.mark.parametrize("form", ["{}", "?{}", "Task?{}", "/Task?{}", "{base}/fhir/Task?{}", "https://known.as/fhir/Task?{}"])
def test_a_create_happens_once_however_the_criteria_are_written(here: Service, form: str) -> None:
    """http.html#ccreate: no match 201, one match 200 and nothing written. HAPI's client sends a whole address."""
    own = identifier()
    unless = form.format(criteria(own), base=here.base)
    first, second = post(here, task(identifier=[own]), unless), post(here, task(identifier=[own], status="accepted"), unless)

    assert (first.status_code, second.status_code) == (201, 200), second.text
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["etag"] == 'W/"1"'


def test_several_matches_are_a_failed_precondition(here: Service) -> None:
    """http.html#ccreate: 412, the client's criteria were not selective enough."""
    own = identifier()
    for _ in range(2):
        here.http.post("/fhir/Task", json=task(identifier=[own]))
    answer = post(here, task(identifier=[own]), criteria(own))

    assert (answer.status_code, issues(answer)[0][0]) == (412, "multiple-matches")


@pytest.mark.parametrize(
    "unless", ["", "nonsense=1", "identifier=", "_count=1", "Patient?identifier=urn:x|1", "status=requested&colour=red"]
)
def test_criteria_that_say_less_than_they_seem_to_are_refused(here: Service, unless: str) -> None:
    """What is left out of criteria would match, or create, another resource than was meant."""
    assert post(here, task(), unless).status_code == 400


def test_criteria_in_the_address_of_a_create_are_refused_by_the_headers_name(here: Service) -> None:
    answer = here.http.post("/fhir/Task", params={"identifier": "urn:x|1"}, json=task())

    assert (answer.status_code, issues(answer)) == (400, [("invalid", "http.If-None-Exist")])
    assert "If-None-Exist" in answer.json()["issue"][0]["details"]["text"]


def test_a_national_number_stands_neither_in_the_header_nor_in_the_address(here: Service) -> None:
    """HL7 Norway: FNR and DNR, GET versus POST. Both end up in logs on the way; a transaction's body does not."""
    person = f"identifier={FNR}|{SYNTHETIC}"
    header = post(here, patient(), person)
    address = here.http.put(f"/fhir/Patient?{person}", json=patient())

    assert (header.status_code, address.status_code) == (400, 400)
    assert SYNTHETIC not in header.text + address.text
    assert "transaction" in header.json()["issue"][0]["details"]["text"]


def test_a_resource_is_found_by_its_criteria_and_updated(here: Service) -> None:
    """http.html#cond-update: no match creates (201), one match updates (200), several fail (412)."""
    own = identifier()
    path, body = f"/fhir/Patient?{criteria(own)}", patient(identifier=[own])
    made = here.http.put(path, json=body)
    changed = here.http.put(path, json={**body, "active": True})
    with_id = here.http.put(path, json={**body, "id": made.json()["id"]})

    assert (made.status_code, changed.status_code, with_id.status_code) == (201, 200, 200)
    assert made.headers["location"].endswith("/_history/1")
    assert (changed.json()["id"], changed.headers["etag"]) == (made.json()["id"], 'W/"2"')


def test_a_conditional_update_with_another_id_is_refused(here: Service) -> None:
    own = identifier()
    path, body = f"/fhir/Patient?{criteria(own)}", patient(identifier=[own])
    nowhere = here.http.put(path, json={**body, "id": "mine"})
    here.http.post("/fhir/Patient", json=body)
    other = here.http.put(path, json={**body, "id": "mine"})
    here.http.post("/fhir/Patient", json=body)
    several = here.http.put(path, json=body)

    assert (nowhere.status_code, other.status_code, several.status_code) == (405, 400, 412)
    assert issues(other) == [("invalid", "Patient.id")]


@pytest.mark.parametrize("tag", ['W/"1"', "*"])
def test_a_conditional_update_of_a_version_creates_nothing(here: Service, tag: str) -> None:
    """RFC 9110 13.1.1: If-Match is false where nothing matches, `*` too."""
    own = identifier()
    answer = here.http.put(f"/fhir/Task?{criteria(own)}", json=task(identifier=[own]), headers={"If-Match": tag})

    assert (answer.status_code, issues(answer)) == (412, [("conflict", "http.If-Match")])
    assert here.http.get(f"/fhir/Task?{criteria(own)}").json()["total"] == 0


def test_an_update_without_id_or_criteria_is_refused(here: Service) -> None:
    assert here.http.put("/fhir/Patient", json=patient()).status_code == 400


# Versions


@pytest.mark.parametrize(
    ("tag", "status"), [('W/"1"', 200), ('"1"', 200), ('"7", W/"1"', 200), ("*", 200), ('W/"2"', 412), ("1", 412)]
)
def test_an_update_of_another_version_than_the_one_that_stands_is_refused(here: Service, tag: str, status: int) -> None:
    first = here.http.post("/fhir/Patient", json=patient()).json()
    answer = here.http.put(f"/fhir/Patient/{first['id']}", json={**first, "active": True}, headers={"If-Match": tag})

    assert answer.status_code == status
    assert here.http.get(f"/fhir/Patient/{first['id']}").headers["etag"] == ('W/"2"' if status == 200 else 'W/"1"')


@pytest.mark.parametrize(
    "body",
    [
        task(),
        {"resourceType": "CarePlan", "status": "draft", "intent": "plan", "subject": {"reference": "Patient/1"}},
        {"resourceType": "EpisodeOfCare", "status": "planned", "patient": {"reference": "Patient/1"}},
        {"resourceType": "CareTeam", "name": "x"},
    ],
    ids=lambda body: body["resourceType"],
)
def test_what_organisations_share_is_never_overwritten_unseen(here: Service, body: Body) -> None:
    """Versioned-update in the CapabilityStatement: who sends no If-Match is told to."""
    type = body["resourceType"]
    first = here.http.post(f"/fhir/{type}", json=body).json()
    path, changed = f"/fhir/{type}/{first['id']}", {**first, "language": "nb"}
    answer = here.http.put(path, json=changed)
    statement = here.http.get("/fhir/metadata").json()
    versioning = {one["type"]: one["versioning"] for one in statement["rest"][0]["resource"]}

    assert (answer.status_code, issues(answer)) == (412, [("conflict", "http.If-Match")])
    assert (versioning[type], versioning["Patient"]) == ("versioned-update", "versioned")

    # RFC 9110 13.1.1: `*` holds of whatever version stands, so it would let the last writer win unseen.
    patch = [{"op": "add", "path": "/language", "value": "nb"}]
    any_version = [
        here.http.put(path, json=changed, headers={"If-Match": "*"}),
        here.http.put(f"/fhir/{type}?_id={first['id']}", json=changed, headers={"If-Match": "*"}),
        here.http.patch(path, json=patch, headers={"If-Match": "*", "Content-Type": "application/json-patch+json"}),
    ]
    within = {"resource": changed, "request": {"method": "PUT", "url": f"{type}/{first['id']}", "ifMatch": "*"}}
    whole = here.http.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": [within]})
    for refused in any_version:
        assert (refused.status_code, issues(refused)) == (412, [("conflict", "http.If-Match")])
        assert "send its ETag" in refused.json()["issue"][0]["details"]["text"]
    assert whole.status_code == 412
    assert here.http.put(path, json=changed, headers={"If-Match": standing(here, path)}).headers["etag"] == 'W/"2"'


def standing(here: Service, path: str) -> str:
    """The ETag of the version that stands."""
    return str(here.http.get(path).headers["etag"])


def test_what_the_service_worked_out_is_answered_by_version_whatever_its_type(here: Service) -> None:
    body = {"resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/1"}}
    id = computed(here.store, body)
    answer = here.http.put(f"/fhir/Flag/{id}", json={**body, "id": id}, headers={"If-Match": "*"})

    assert (answer.status_code, issues(answer)) == (412, [("conflict", "http.If-Match")])


@pytest.mark.parametrize(("tags", "status"), [("*", 412), ('W/"1"', 412), ('"7", "1"', 412), ('W/"2"', 200), ('"x"', 200)])
def test_what_is_there_is_not_changed_by_who_asks_that_it_is_not(here: Service, tags: str, status: int) -> None:
    """RFC 9110 13.1.2: with `*` false where there is a current representation, else where a tag matches it; then 412."""
    own = identifier()
    first = here.http.post("/fhir/Patient", json=patient(identifier=[own])).json()
    path, condition = f"/fhir/Patient/{first['id']}", {"If-None-Match": tags}
    patch = [{"op": "add", "path": "/active", "value": True}]
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": b64encode(json.dumps(patch).encode()).decode(),
    }
    puts = {"method": "PUT", "url": f"Patient/{first['id']}", "ifNoneMatch": tags}
    answers = [
        here.http.put(path, json=first, headers=condition),
        here.http.put(f"/fhir/Patient?{criteria(own)}", json=first, headers=condition),
        here.http.post("/fhir", json=transaction({"resource": first, "request": puts})),
        here.http.post("/fhir", json=transaction({"resource": binary, "request": {**puts, "method": "PATCH"}})),
    ]
    if status == 412:  # the last has made a second version elsewhere
        answers.append(here.http.patch(path, json=patch, headers={**condition, "Content-Type": "application/json-patch+json"}))
        assert issues(answers[0]) == [("conflict", "http.If-None-Match")]
        assert standing(here, path) == 'W/"1"'

    assert {answer.status_code for answer in answers} == {status}


def transaction(*entries: Body) -> Body:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def test_a_conditional_update_that_is_to_create_only_creates_once(here: Service) -> None:
    own = identifier()
    path = f"/fhir/Patient?{criteria(own)}"
    answers = [here.http.put(path, json=patient(identifier=[own]), headers={"If-None-Match": "*"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 412]


def test_of_two_updates_of_one_version_one_is_refused(here: Service) -> None:
    first = here.http.post("/fhir/Task", json=task()).json()
    path, headers = f"/fhir/Task/{first['id']}", {"If-Match": 'W/"1"'}

    def accept(number: int) -> int:
        return here.http.put(path, json={**first, "description": str(number)}, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(accept, range(8)))

    assert answers == [200] + [412] * 7
    assert here.http.get(path).headers["etag"] == 'W/"2"'


def test_of_many_conditional_creates_at_once_one_creates(here: Service) -> None:
    own = identifier()
    with ThreadPoolExecutor(16) as pool:
        answers = [a.status_code for a in pool.map(lambda _: post(here, task(identifier=[own]), criteria(own)), range(16))]

    assert sorted(answers) == [200] * 15 + [201]
