"""Create and update over real HTTP (https://hl7.org/fhir/R4/http.html#create, #update), and what a client may not write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from adapter.domain import persons
from tests.fhir.made import COMPUTED, FNR, SYNTHETIC, UNBORN, Body, computed, identifier, issues, organization, patient, task
from tests.http.service import HOSPITAL, MUNICIPALITY, Service, service

ENTERPRISE = "urn:oid:2.16.578.1.12.4.1.4.101"
ASSESS = {"coding": [{"system": "https://stafett.invalid/fhir/CodeSystem/pathway-task", "code": "assess-referral"}]}
ASSIGN = {"coding": [{"system": "https://stafett.invalid/fhir/CodeSystem/coordination-task", "code": "assign-coordinator"}]}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("writes")) as running:
        yield running


def created(here: Service, body: Body) -> Body:
    answer = here.http.post(f"/fhir/{body['resourceType']}", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_create_gives_an_id_and_says_where_the_resource_is(here: Service) -> None:
    """http.html#create: 201, Location [base]/[type]/[id]/_history/[vid], ETag, Last-Modified."""
    answer = here.http.post("/fhir/Task", json=task())
    id = answer.json()["id"]

    assert answer.status_code == 201
    assert str(UUID(id)) == id
    assert UUID(id).version == 4
    assert answer.headers["location"] == f"{here.base}/fhir/Task/{id}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["last-modified"] == "Mon, 01 Jun 2026 10:00:00 GMT"
    assert here.http.get(f"/fhir/Task/{id}").content == answer.content


def test_what_is_kept_begins_with_type_id_and_meta_and_has_the_senders_order_and_numbers(here: Service) -> None:
    sent = (
        '{"valueQuantity": {"value": 12.50, "unit": "mg"}, "status": "final", "resourceType": "Observation",\n'
        '  "code": {"text": "x"}, "meta": {"profile": [], "source": "urn:x"}, "component": [{"code": {"text": "y"},'
        ' "valueQuantity": {"value": 0.100000000000000000}}]}'
    ).replace('"profile": [], ', "")

    answer = here.http.post("/fhir/Observation", content=sent, headers={"Content-Type": "application/fhir+json"})

    assert answer.text == (
        '{"resourceType":"Observation","id":"' + answer.json()["id"] + '","meta":{"versionId":"1",'
        '"lastUpdated":"2026-06-01T10:00:00.000Z","source":"urn:x"},"valueQuantity":{"value":12.50,"unit":"mg"},'
        '"status":"final","code":{"text":"x"},"component":[{"code":{"text":"y"},"valueQuantity":{"value":0.100000000000000000}}]}'
    )


def test_an_id_and_a_version_that_the_client_chose_are_ours_to_give(here: Service) -> None:
    """http.html#create: the server shall ignore id, meta.versionId and meta.lastUpdated."""
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z"}
    made = created(here, task(id="mine", meta=meta))

    assert made["id"] != "mine"
    assert made["meta"] == {"versionId": "1", "lastUpdated": "2026-06-01T10:00:00.000Z"}


def test_an_update_makes_the_next_version_and_keeps_the_ones_before(here: Service) -> None:
    first = created(here, patient())
    answer = here.http.put(f"/fhir/Patient/{first['id']}", json={**first, "active": True})

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.json()["meta"]["versionId"] == "2"
    assert "location" not in answer.headers
    assert here.http.get(f"/fhir/Patient/{first['id']}").json()["active"] is True
    assert here.http.get(f"/fhir/Patient/{first['id']}/_history/1").json() == first


def test_an_update_that_says_the_same_makes_no_version(here: Service) -> None:
    first = created(here, patient())
    answer = here.http.put(f"/fhir/Patient/{first['id']}", json=first)

    assert (answer.status_code, answer.headers["etag"], answer.json()) == (200, 'W/"1"', first)


@pytest.mark.parametrize("id", ["00000000-0000-4000-8000-000000000000", "mine"])
def test_an_update_of_what_is_not_there_is_refused_since_ids_are_ours(here: Service, id: str) -> None:
    """http.html#upsert: a server may refuse update as create; then 405."""
    answer = here.http.put(f"/fhir/Patient/{id}", json=patient(id=id))

    assert (answer.status_code, issues(answer)) == (405, [("not-supported", "")])


@pytest.mark.parametrize("body", [patient(), patient(id="another")])
def test_an_update_whose_id_is_not_the_addresss_is_refused(here: Service, body: Body) -> None:
    first = created(here, patient())
    answer = here.http.put(f"/fhir/Patient/{first['id']}", json=body)

    assert (answer.status_code, issues(answer)) == (400, [("invalid", "Patient.id")])


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_resource_of_another_type_than_the_addresss_is_refused(here: Service, method: str) -> None:
    path = "/fhir/Patient" if method == "POST" else f"/fhir/Patient/{created(here, patient())['id']}"
    answer = here.http.request(method, path, json=task())

    assert (answer.status_code, issues(answer)) == (400, [("invalid", "Patient")])


@pytest.mark.parametrize("path", ["/fhir/Task/1", "/fhir/Task", "/fhir/Task/1/_history"])
def test_nothing_is_deleted(here: Service, path: str) -> None:
    answer = here.http.delete(path)

    assert answer.status_code == 405
    assert "DELETE" not in answer.headers["allow"]
    assert "end by status" in answer.json()["issue"][0]["details"]["text"]


def test_everything_that_is_wrong_is_told_at_once_with_line_and_column(here: Service) -> None:
    sent = b'{"resourceType": "Task",\n "status": "done",\n "intent": "order",\n "executionPeriod": {"start": "yesterday"}}'
    answer = here.http.post("/fhir/Task", content=sent, headers={"Content-Type": "application/fhir+json"})
    told = {issue["expression"][0]: issue["location"][0] for issue in answer.json()["issue"]}

    assert answer.status_code == 400  # the date's form; the code alone would be 422
    assert told == {"Task.status": "Line[2] Col[2]", "Task.executionPeriod.start": "Line[4] Col[22]"}  # where their names begin


def test_a_code_outside_its_required_binding_is_unprocessable_and_nothing_is_kept(here: Service) -> None:
    before = here.http.get("/fhir/Task", params={"_summary": "count"}).json()["total"]
    answer = here.http.post("/fhir/Task", json=task(status="done"))

    assert (answer.status_code, issues(answer)) == (422, [("code-invalid", "Task.status")])
    assert here.http.get("/fhir/Task", params={"_summary": "count"}).json()["total"] == before


def test_another_organisation_neither_sees_nor_changes_it(here: Service) -> None:
    first = created(here, patient())
    theirs = {"X-Stafett-Organisation": MUNICIPALITY}

    assert here.http.get(f"/fhir/Patient/{first['id']}", headers=theirs).status_code == 404
    assert here.http.put(f"/fhir/Patient/{first['id']}", json=first, headers=theirs).status_code == 405
    assert here.http.patch(f"/fhir/Patient/{first['id']}", json=[], headers=theirs).status_code == 404


# What a client may not write


def test_a_person_who_may_be_real_is_refused_in_a_test_environment(here: Service) -> None:
    assert persons.kind(UNBORN) == "FNR"
    answer = here.http.post("/fhir/Patient", json=patient(identifier=[{"system": FNR, "value": UNBORN}]))
    logical = here.http.post("/fhir/Task", json=task(**{"for": {"identifier": {"system": FNR, "value": UNBORN}}}))

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Patient.identifier[0].value")])
    assert (logical.status_code, issues(logical)) == (422, [("business-rule", "Task.for.identifier.value")])
    assert UNBORN not in answer.text + logical.text
    assert created(here, patient(identifier=[{"system": FNR, "value": SYNTHETIC}]))


def test_the_tag_computed_is_not_the_clients_to_set(here: Service) -> None:
    tagged = {"meta": {"tag": [COMPUTED]}}
    first = created(here, patient())

    for answer in (
        here.http.post("/fhir/Patient", json=patient(**tagged)),
        here.http.put(f"/fhir/Patient/{first['id']}", json={**first, **tagged}),
    ):
        assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Patient.meta.tag")])


def test_a_security_label_stays(here: Service) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    first = created(here, patient(meta={"security": [label]}))
    answer = here.http.put(f"/fhir/Patient/{first['id']}", json=patient(id=first["id"], active=True))

    assert answer.json()["meta"]["security"] == [label]


@pytest.mark.slow
def test_many_labels_and_identifiers_are_compared_at_once(here: Service) -> None:
    """Each with each, ten thousand of them would take half a minute."""
    many = [{"system": "urn:a:b", "code": str(number)} for number in range(10_000)]
    body = task(meta={"security": many}, identifier=[{"system": "urn:a:b", "value": one["code"]} for one in many])
    made = here.http.post("/fhir/Task", json=body).json()
    began = time.monotonic()
    answer = here.http.put(f"/fhir/Task/{made['id']}", json={**made, "priority": "urgent"}, headers={"If-Match": 'W/"1"'})

    assert (answer.status_code, len(answer.json()["meta"]["security"])) == (200, 10_000)
    assert time.monotonic() - began < 10


def test_an_identifier_that_organisations_share_is_added_to_and_never_replaced(here: Service) -> None:
    mine, other = identifier(), identifier()
    first = created(here, task(identifier=[mine]))
    path, current = f"/fhir/Task/{first['id']}", {"If-Match": 'W/"1"'}
    swapped = here.http.put(path, json={**first, "identifier": [other]}, headers=current)
    added = here.http.put(path, json={**first, "identifier": [mine, other]}, headers=current)

    assert (swapped.status_code, issues(swapped)) == (422, [("business-rule", "Task.identifier")])
    assert added.status_code == 200


def test_what_the_service_worked_out_is_not_changed_by_clients(here: Service) -> None:
    subject = {"reference": "Patient/p1"}
    for body, change in (
        ({"resourceType": "EpisodeOfCare", "status": "planned", "patient": subject}, {"status": "finished"}),
        ({"resourceType": "CarePlan", "status": "draft", "intent": "plan", "subject": subject}, {"title": "x", "status": "active"}),
        (task(code=ASSIGN), {"status": "accepted"}),
    ):
        type, id = body["resourceType"], computed(here.store, body)
        answer = here.http.put(f"/fhir/{type}/{id}", json={**body, "id": id, **change}, headers={"If-Match": '"1"'})

        assert answer.status_code == 422, answer.text
        assert issues(answer) == [("business-rule", f"{type}.{name}") for name in sorted(change)]
        assert here.http.get(f"/fhir/{type}/{id}").headers["etag"] == 'W/"1"'


def test_a_computed_task_is_answered_by_what_an_answer_is_made_of(here: Service) -> None:
    """Status, reason, owner, time, notes and output; the service's own meta stays whatever is sent."""
    unit = created(here, organization(identifier=[{"system": ENTERPRISE, "value": HOSPITAL}]))
    ward = created(here, organization(name="Post A", partOf={"reference": f"Organization/{unit['id']}"}))
    id = computed(here.store, task(code=ASSESS))
    body = task(
        id=id,
        code=ASSESS,
        status="completed",
        statusReason={"text": "ferdig"},
        owner={"reference": f"Organization/{ward['id']}"},
        executionPeriod={"end": "2026-06-01"},
        note=[{"text": "vurdert"}],
        output=[{"type": {"text": "right-to-care"}, "valueBoolean": True}],
    )

    answer = here.http.put(f"/fhir/Task/{id}", json=body, headers={"If-Match": 'W/"1"'})

    assert answer.status_code == 200, answer.text
    assert answer.json() == {**body, "meta": {**answer.json()["meta"], "tag": [COMPUTED], "versionId": "2"}}


def test_an_answer_must_say_which_version_it_answers(here: Service) -> None:
    id = computed(here.store, task(code=ASSESS))
    answer = here.http.put(f"/fhir/Task/{id}", json=task(id=id, code=ASSESS, status="accepted"))

    assert (answer.status_code, issues(answer)) == (412, [("conflict", "http.If-Match")])


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"priority": "stat"}, ["Task.priority"]),
        ({"intent": "plan", "businessStatus": {"text": "met"}}, ["Task.businessStatus", "Task.intent"]),
        ({"identifier": [{"system": "urn:x", "value": "1"}]}, ["Task.identifier"]),
        ({"restriction": {"period": {"end": "2030-01-01"}}, "status": "accepted"}, ["Task.restriction"]),
        ({"owner": {"reference": "Practitioner/1"}}, ["Task.owner"]),
        ({"owner": {"identifier": {"system": ENTERPRISE, "value": MUNICIPALITY}}}, ["Task.owner"]),
    ],
)
def test_an_answer_that_changes_more_is_refused_element_by_element(here: Service, change: Any, places: list[str]) -> None:
    id = computed(here.store, task(code=ASSESS))
    answer = here.http.put(f"/fhir/Task/{id}", json={**task(id=id, code=ASSESS), **change}, headers={"If-Match": 'W/"1"'})

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", place) for place in places])


@pytest.mark.parametrize("part", ["_elements=priority", "_summary=true"])
def test_a_part_of_a_resource_does_not_take_the_place_of_the_whole(here: Service, part: str) -> None:
    """search.html#summary: the tag SUBSETTED is there so that what was left out is not lost when it is sent back."""
    id = here.http.post("/fhir/Task", json=task(description="all of it")).json()["id"]
    (entry,) = here.http.get(f"/fhir/Task?_id={id}&{part}").json()["entry"]
    answer = here.http.put(f"/fhir/Task/{id}", json=entry["resource"], headers={"If-Match": 'W/"1"'})

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Task.meta.tag")])
    assert here.http.get(f"/fhir/Task/{id}").json()["description"] == "all of it"
