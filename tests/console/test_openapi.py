"""The OpenAPI document: it is the committed one, it describes everything, and every example answers as its name says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from adapter.console.subscription_described import ACTIVE_ID, ERROR_ID, OFF_ID
from adapter.fhir.described_following import FOLLOWED
from adapter.fhir.describing import PATIENT
from adapter.fhir.types import TYPES
from tests.fhir.world import draft
from tests.http import waiting_deliveries, waiting_exports, waiting_subscriptions
from tests.http.real import HOSPITAL, WAITS, real_service
from tests.http.service import Service

AS_READ = 'W/"1"'
# By what a request says:
CANNOT_FAIL = {"/health/live", "/health/ready", "/metrics", "/partners", "/subscriptions", "/package.tgz"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    called = {"hosts": waiting_subscriptions.HOSTS}
    with real_service(tmp_path_factory.mktemp("real"), partners=[WAITS], subscriptions=called) as running:
        waiting_deliveries.make(running.store)
        waiting_subscriptions.make(running.store, running.clock)
        with running.store.write() as unit:
            unit.put(HOSPITAL, [draft("Patient", PATIENT, {"resourceType": "Patient"})], running.clock.now())
        with waiting_exports.made(running.store, running.http, running.clock):
            yield running


@pytest.fixture(scope="module")
def document(real: Service) -> dict[str, Any]:
    found: dict[str, Any] = real.http.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation; in the document's order, which is the order to try them in."""
    return [(path, method, operation) for path, methods in document["paths"].items() for method, operation in methods.items()]


def status(name: str) -> int:
    return int(name.partition("-")[0])


def usual(examples: dict[str, Any]) -> Any:
    """The first example that succeeds; None where the parameter is then left out."""
    return next(example.get("value") for name, example in examples.items() if status(name) < 300)


def bodies(operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The media type that has examples, and these."""
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        if "examples" in content:
            return media, content["examples"]
    return "", {}


def cases(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example with the others as usual: its name, the parameters by name, and the body."""
    parameters = {one["name"]: one["examples"] for one in operation.get("parameters", []) if "examples" in one}
    common = {name: usual(examples) for name, examples in parameters.items()}
    _, body = bodies(operation)
    usual_body = usual(body) if body else None
    for name, examples in parameters.items():
        for key, example in examples.items():
            yield key, {**common, name: example.get("value")}, usual_body
    for key, example in body.items():
        yield key, common, example["value"]


def as_read(http: httpx.Client, given: dict[str, Any]) -> dict[str, Any]:
    """Where the example is of the version that was read, it is read first, as who follows the description does."""
    read = http.get(f"/fhir/{given.get('type')}/{given.get('id') or given.get('_id')}")
    return {**given, "If-Match": read.headers["ETag"]} if given.get("If-Match") == AS_READ and read.is_success else given


def send(http: httpx.Client, path: str, method: str, operation: dict[str, Any], given: dict[str, Any], body: Any) -> httpx.Response:
    places = {one["name"]: one["in"] for one in operation.get("parameters", [])}
    for name, value in given.items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    said = {name: value for name, value in given.items() if value is not None}
    query = {name: value for name, value in said.items() if places[name] == "query"}
    headers = {name: value for name, value in said.items() if places[name] == "header"}
    media, _ = bodies(operation)
    if media == "application/x-www-form-urlencoded":
        return http.request(method, path, params=query, data=body, headers=headers)
    content = json.dumps(body) if isinstance(body, dict | list) else body
    return http.request(
        method, path, params=query, content=content, headers={**headers, **({"Content-Type": media} if media else {})}
    )


def test_the_committed_document_is_the_services_own(real: Service, root: Path) -> None:
    committed = httpx.Response(200, content=(root / "openapi" / "adapter.json").read_bytes()).json()

    assert committed == real.http.get("/openapi.json").json(), "run: make docs"


@pytest.mark.slow
def test_every_example_is_answered_as_its_name_says(real: Service, document: dict[str, Any]) -> None:
    tried = []
    for path, method, operation in operations(document):
        for name, given, body in cases(operation):
            answer = send(real.http, path, method, operation, as_read(real.http, given), body)
            assert answer.status_code == status(name), f"{method} {path} {name}: {answer.text[:500]}"
            assert str(answer.status_code) in operation["responses"], f"{method} {path}: {answer.status_code} is not described"
            if answer.status_code >= 400:
                body_of_answer = answer.json()  # a conflict answers with the message that was set aside
                assert body_of_answer.get("issues", body_of_answer)["resourceType"] == "OperationOutcome"
            tried.append(name)

    assert len(tried) > 120


def test_every_operation_is_described_with_an_example_that_succeeds_and_one_that_fails(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        statuses = {status(name) for name, _, _ in cases(operation)}
        if path not in CANNOT_FAIL:
            assert [one for one in statuses if one < 300], where
            assert [one for one in statuses if one >= 400], where
        for code, response in operation["responses"].items():
            assert response["description"], f"{where} {code}"
            if code != "304":
                assert all("example" in content for content in response["content"].values()), f"{where} {code}"


def test_an_id_that_an_installation_need_not_have_is_asked_for_rather_than_promised(document: dict[str, Any]) -> None:
    """This test's own patient and subscriptions: nobody who reads the document has them."""
    here_alone = {PATIENT, FOLLOWED, ACTIVE_ID, ERROR_ID, OFF_ID}
    shown = [
        example["summary"]
        for _, _, operation in operations(document)
        for one in operation.get("parameters", [])
        for example in one.get("examples", {}).values()
        if one["in"] == "path" and example.get("value") in here_alone
    ]

    assert len(shown) > 8
    assert [said for said in shown if not said.startswith("put in the id of ")] == []


def test_no_heading_holds_all_of_fhir_and_each_is_told_of(document: dict[str, Any]) -> None:
    """Half of the operations under one heading are what nobody reads through."""
    under = Counter(tag for path, _, operation in operations(document) for tag in operation["tags"])

    assert [tag["name"] for tag in document["tags"] if tag["description"]] == [tag["name"] for tag in document["tags"]]
    assert set(under) == {tag["name"] for tag in document["tags"]}
    assert {tag: count for tag, count in under.items() if count > sum(under.values()) / 2} == {}
    tagged = {path: one["tags"] for path, _, one in operations(document)}
    assert tagged["/fhir/Subscription/{id}/$events"] == ["FHIR: following"]
    assert tagged["/fhir/Patient/{id}/$everything"] == tagged["/fhir/$export"] == ["FHIR: whole records"]
    assert tagged["/fhir/ValueSet/$expand"] == tagged["/fhir/Measure/{id}"] == ["FHIR: codes and definitions"]
    assert tagged["/fhir/{type}/{id}"] == tagged["/fhir"] == ["FHIR"]


def test_every_type_of_fhir_is_named(document: dict[str, Any]) -> None:
    parameter = document["paths"]["/fhir/{type}"]["get"]["parameters"][0]

    assert all(type in parameter["schema"]["description"] for type in TYPES)


def test_every_reference_resolves_and_every_operation_has_its_own_id(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
            yield from references(value)
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            yield node["$ref"]

    for reference in references(document["paths"]):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
