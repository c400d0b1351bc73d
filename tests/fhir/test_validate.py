"""$validate over real HTTP (https://hl7.org/fhir/R4/resource-operation-validate.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fhir.made import COMPUTED, FNR, UNBORN, Body, computed, issues, patient, task
from tests.http.service import Service, service


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("validate")) as running:
        yield running


def parameters(*parts: Body) -> Body:
    return {"resourceType": "Parameters", "parameter": list(parts)}


def errors(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    wrong = [issue for issue in answer.json()["issue"] if issue["severity"] in ("error", "fatal")]
    return [(i["code"], next(iter(i.get("expression", [""])))) for i in wrong]


def test_a_valid_resource_has_nothing_to_report_and_is_not_kept(here: Service) -> None:
    answer = here.http.post("/fhir/Task/$validate", json=task())

    assert (answer.status_code, answer.json()["resourceType"]) == (200, "OperationOutcome")
    assert [issue["severity"] for issue in answer.json()["issue"]] == ["information"]
    assert here.http.get("/fhir/Task").json()["total"] == 0


@pytest.mark.parametrize("path", ["/fhir/Task/$validate", "/fhir/$validate"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_wrong_is_answered_with_200_and_all_findings(here: Service, path: str, wrapped: bool) -> None:
    body = task(status="done", priority="now")
    answer = here.http.post(path, json=parameters({"name": "resource", "resource": body}) if wrapped else body)

    assert sorted(errors(answer)) == [("code-invalid", "Task.priority"), ("code-invalid", "Task.status")]


def test_findings_have_line_and_column_of_what_was_sent(here: Service) -> None:
    sent = b'{"resourceType":"Task",\n  "status":"done","intent":"order"}'
    answer = here.http.post("/fhir/Task/$validate", content=sent, headers={"Content-Type": "application/fhir+json"})

    assert answer.json()["issue"][0]["location"] == ["Line[2] Col[3]"]


@pytest.mark.parametrize("head", [b"", b'{"name":"mode","valueCode":"create"},'])
def test_findings_on_a_resource_in_parameters_have_their_line_and_column_too(here: Service, head: bytes) -> None:
    sent = b'{"resourceType":"Parameters","parameter":[%b\n{"name":"resource",\n  "resource":{"resourceType":"Task",' % head
    sent += b'\n "status":"done","intent":"order"}}]}'
    answer = here.http.post("/fhir/Task/$validate", content=sent, headers={"Content-Type": "application/fhir+json"})

    assert errors(answer) == [("code-invalid", "Task.status")]
    assert answer.json()["issue"][0]["location"] == ["Line[4] Col[2]"]


def test_a_profile_that_is_asked_for_and_cannot_be_judged_is_an_error(here: Service) -> None:
    """resource-operation-validate.html, profile: a server that cannot validate against it says so by an error."""
    asked = here.http.post("/fhir/Task/$validate", params={"profile": "https://a.example/StructureDefinition/x"}, json=task())
    claimed = here.http.post("/fhir/Task/$validate", json=task(meta={"profile": ["https://a.example/StructureDefinition/x"]}))

    assert errors(asked) == [("not-supported", "Task.meta.profile")]
    assert errors(claimed) == []
    assert claimed.json()["issue"][0]["severity"] == "warning"


@pytest.mark.parametrize(
    ("type", "wrong"), [("Task", False), ("Task|4.0.1", False), ("DomainResource", False), ("Resource", False), ("Patient", True)]
)
def test_the_profile_of_a_core_type_is_met_by_that_type_alone(here: Service, type: str, wrong: bool) -> None:
    core = f"http://hl7.org/fhir/StructureDefinition/{type}"
    answer = here.http.post("/fhir/Task/$validate", params={"profile": core}, json=task())

    assert errors(answer) == ([("invariant", "Task.meta.profile")] if wrong else [])


def test_an_update_of_another_id_is_foretold(here: Service) -> None:
    """mode=update: what PUT would answer with 400."""
    id = here.http.post("/fhir/Task", json=task()).json()["id"]
    path = f"/fhir/Task/{id}/$validate?mode=update"

    assert errors(here.http.post(path, json=task(id="another"))) == [("invalid", "Task.id")]
    assert errors(here.http.post(path, json=task(id=id))) == []


def test_what_is_kept_can_be_validated_and_what_would_replace_it(here: Service) -> None:
    id = computed(here.store, task())
    path = f"/fhir/Task/{id}/$validate"

    assert errors(here.http.get(path)) == []
    assert errors(here.http.get(path, params={"mode": "update"})) == []
    change = task(id=id, priority="stat")
    assert errors(here.http.post(path, json=change)) == []
    assert errors(here.http.post(path, json=change, params={"mode": "update"})) == [("business-rule", "Task.priority")]
    assert here.http.get("/fhir/Task/none/$validate").status_code == 404


def test_a_mode_of_writing_tells_also_what_would_forbid_it(here: Service) -> None:
    body = patient(identifier=[{"system": FNR, "value": UNBORN}], meta={"tag": [COMPUTED]})
    as_parameter = parameters({"name": "mode", "valueCode": "create"}, {"name": "resource", "resource": body})

    assert errors(here.http.post("/fhir/Patient/$validate", json=body)) == []
    for answer in (
        here.http.post("/fhir/Patient/$validate", params={"mode": "create"}, json=body),
        here.http.post("/fhir/Patient/$validate", json=as_parameter),
    ):
        assert errors(answer) == [("business-rule", "Patient.meta.tag"), ("business-rule", "Patient.identifier[0].value")]
        assert UNBORN not in answer.text


@pytest.mark.parametrize(
    "body", [{"resourceType": ["Task"]}, task(meta=[1]), task(meta={"tag": 1}), task(identifier=7), task(code=["x"]), [1], "x", 7]
)
@pytest.mark.parametrize("mode", ["create", "update"])
def test_what_has_no_form_is_not_asked_what_it_would_change(here: Service, body: Any, mode: str) -> None:
    id = here.http.post("/fhir/Task", json=task()).json()["id"]
    answers = [here.http.post("/fhir/$validate", params={"mode": mode}, json=body)]
    if isinstance(body, dict) and body["resourceType"] == "Task":
        answers.append(here.http.post(f"/fhir/Task/{id}/$validate", params={"mode": mode}, json={**body, "id": id}))

    for answer in answers:
        assert answer.status_code == 200
        assert {code for code, _ in errors(answer)} <= {"structure", "invalid", "required", "value"}


def test_deleting_is_never_allowed(here: Service) -> None:
    id = computed(here.store, task())

    assert errors(here.http.get(f"/fhir/Task/{id}/$validate", params={"mode": "delete"})) == [("not-supported", "")]


def test_a_profile_can_be_named(here: Service) -> None:
    deadline = "https://stafett.invalid/fhir/StructureDefinition/deadline-task"
    unknown = here.http.post("/fhir/Task/$validate", params={"profile": "https://x.example/none"}, json=task())

    assert here.http.post("/fhir/Task/$validate", params={"mode": "profile"}, json=task()).status_code == 400
    assert unknown.status_code == 200
    assert "x.example" in unknown.text or errors(unknown) or unknown.json()["issue"][0]["severity"] == "warning"
    assert deadline


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/fhir/Task/$validate", patient(), 400),
        ("/fhir/Task/$validate?mode=guess", task(), 400),
        ("/fhir/Task/$validate", parameters(), 400),
        ("/fhir/Task/$validate", {"resourceType": "Parameters", "parameter": [7]}, 400),
        ("/fhir/Basic/$validate", {"resourceType": "Basic"}, 404),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(here: Service, path: str, body: Any, status: int) -> None:
    answer = here.http.post(path, json=body)

    assert answer.status_code == status, answer.text
    assert issues(answer)


def test_a_resource_of_a_type_that_is_not_kept_can_be_validated_at_the_base(here: Service) -> None:
    assert errors(here.http.post("/fhir/$validate", json={"resourceType": "Basic"})) == [("required", "Basic.code")]
