"""JSON Patch over real HTTP (https://hl7.org/fhir/R4/http.html#patch; RFC 6902)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fhir.made import COMPUTED, Body, computed, identifier, issues, patient, task
from tests.http.service import Service, service

PATCH = "application/json-patch+json"
LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("patch")) as running:
        yield running


def made(here: Service, body: Body) -> str:
    answer = here.http.post(f"/fhir/{body['resourceType']}", json=body)
    assert answer.status_code == 201, answer.text
    return f"/fhir/{body['resourceType']}/{answer.json()['id']}"


def patched(here: Service, path: str, *operations: dict[str, Any], **headers: str) -> httpx.Response:
    said = {"Content-Type": PATCH, "If-Match": 'W/"1"', **{name.replace("_", "-"): value for name, value in headers.items()}}
    return here.http.patch(path, json=list(operations), headers=said)


def test_a_patch_is_an_update_of_what_comes_of_it(here: Service) -> None:
    path = made(here, task(note=[{"text": "a"}]))
    answer = patched(
        here,
        path,
        {"op": "test", "path": "/status", "value": "requested"},
        {"op": "replace", "path": "/status", "value": "accepted"},
        {"op": "add", "path": "/note/-", "value": {"text": "b"}},
    )

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert (answer.json()["status"], answer.json()["note"]) == ("accepted", [{"text": "a"}, {"text": "b"}])
    assert here.http.get(path).content == answer.content


def test_a_patch_that_cannot_be_carried_out_changes_nothing(here: Service) -> None:
    path = made(here, patient())
    answer = patched(
        here, path, {"op": "add", "path": "/active", "value": True}, {"op": "test", "path": "/gender", "value": "male"}
    )

    assert answer.status_code == 422
    assert here.http.get(path).headers["etag"] == 'W/"1"'


def test_what_comes_of_a_patch_is_checked(here: Service) -> None:
    path = made(here, patient())
    answer = patched(here, path, {"op": "add", "path": "/gender", "value": "mann"})

    assert (answer.status_code, issues(answer)) == (422, [("code-invalid", "Patient.gender")])


def test_a_patch_says_which_version_it_is_of_where_organisations_share(here: Service) -> None:
    """http.html#patch: servers shall support conditional patch as for update."""
    operation = {"op": "replace", "path": "/status", "value": "accepted"}
    path = made(here, task())
    missing = here.http.patch(path, json=[operation], headers={"Content-Type": PATCH})

    assert (missing.status_code, issues(missing)) == (412, [("conflict", "http.If-Match")])
    assert patched(here, path, operation, If_Match='W/"7"').status_code == 412
    assert patched(here, path, operation, If_Match='W/"1"').status_code == 200


@pytest.mark.parametrize(
    ("media", "status"),
    [
        (PATCH, 200),
        (PATCH + "; charset=utf-8", 200),
        ("application/json", 200),
        ("application/fhir+json", 415),
        ("application/xml-patch+xml", 415),
        ("application/merge-patch+json", 415),
    ],
)
def test_only_json_patch_is_offered(here: Service, media: str, status: int) -> None:
    path = made(here, patient())
    answer = here.http.patch(path, content=b'[{"op":"add","path":"/active","value":true}]', headers={"Content-Type": media})

    assert answer.status_code == status


@pytest.mark.parametrize("body", [b"{}", b"[{}]", b'[{"op":"add"}]', b"[", b'{"status":"accepted"}', b'[{"op":"hop","path":"/a"}]'])
def test_what_is_no_json_patch_is_refused(here: Service, body: bytes) -> None:
    answer = here.http.patch(made(here, patient()), content=body, headers={"Content-Type": PATCH})

    assert answer.status_code == 400
    assert issues(answer)


def test_a_patch_of_what_is_not_there_is_not_found(here: Service) -> None:
    assert patched(here, "/fhir/Task/none").status_code == 404


def test_the_one_resource_that_matches_can_be_patched(here: Service) -> None:
    own = identifier()
    path = made(here, task(identifier=[own]))
    criteria = {"identifier": f"{own['system']}|{own['value']}"}
    operation = [{"op": "replace", "path": "/status", "value": "accepted"}]
    answer = here.http.patch("/fhir/Task", params=criteria, json=operation, headers={"Content-Type": PATCH, "If-Match": 'W/"1"'})
    nothing = here.http.patch("/fhir/Task", params={"identifier": "urn:x|none"}, json=operation, headers={"Content-Type": PATCH})

    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert here.http.get(path).json()["status"] == "accepted"
    assert nothing.status_code == 404


@pytest.mark.parametrize(
    ("operation", "place"),
    [
        ({"op": "remove", "path": "/meta/security/0"}, "Task.meta.security"),
        ({"op": "remove", "path": "/meta"}, "Task.meta.security"),
        (
            {"op": "replace", "path": "/identifier/0/value", "value": "urn:uuid:1e0f0b5e-6f0f-4c59-9bd3-6a1c3a1c9d11"},
            "Task.identifier",
        ),
        ({"op": "replace", "path": "/id", "value": "other"}, "Task.id"),
        ({"op": "replace", "path": "/resourceType", "value": "Patient"}, "Task.id"),
        ({"op": "add", "path": "/meta/tag", "value": [COMPUTED]}, "Task.meta.tag"),
    ],
)
def test_a_patch_does_not_reach_what_is_not_the_clients(here: Service, operation: dict[str, Any], place: str) -> None:
    path = made(here, task(identifier=[identifier()], meta={"security": [LABEL]}))
    answer = patched(here, path, operation)

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", place)])


def test_a_computed_task_is_answered_by_a_patch_and_by_no_more_than_an_answer(here: Service) -> None:
    path = f"/fhir/Task/{computed(here.store, task())}"
    answered = patched(here, path, {"op": "replace", "path": "/status", "value": "accepted"}, If_Match='"1"')
    beyond = patched(here, path, {"op": "add", "path": "/priority", "value": "stat"}, If_Match='"2"')

    assert (answered.status_code, answered.json()["meta"]["tag"]) == (200, [COMPUTED])
    assert (beyond.status_code, issues(beyond)) == (422, [("business-rule", "Task.priority")])
