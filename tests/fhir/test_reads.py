"""Read, vread and history over real HTTP: bytes, headers, and what another organisation must not learn."""

from __future__ import annotations

import pytest

from adapter.ports import Store
from tests.http.service import HOSPITAL, MUNICIPALITY, Service

ORGANISATION = "X-Stafett-Organisation"


def stored(store: Store, type: str, id: str, version: int | None = None) -> bytes:
    with store.read() as unit:
        found = unit.read(HOSPITAL, type, id, version)
    assert found is not None
    return found.body


def test_a_read_gives_the_stored_bytes_with_version_and_time(fhir: Service) -> None:
    answer = fhir.http.get("/fhir/ServiceRequest/r1")

    assert (answer.status_code, answer.content) == (200, stored(fhir.store, "ServiceRequest", "r1"))
    assert b',  "test":12.50}' in answer.content
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["etag"] == 'W/"3"'
    assert answer.headers["last-modified"] == "Sun, 03 May 2026 08:00:00 GMT"


def test_a_head_gives_the_headers_of_the_read_and_no_body(fhir: Service) -> None:
    read, head = fhir.http.get("/fhir/ServiceRequest/r1"), fhir.http.head("/fhir/ServiceRequest/r1")

    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "last-modified", "content-type", "content-length"):
        assert head.headers[name] == read.headers[name]


def test_every_version_can_be_read(fhir: Service) -> None:
    for version in (1, 2, 3):
        answer = fhir.http.get(f"/fhir/ServiceRequest/r1/_history/{version}")
        assert answer.content == stored(fhir.store, "ServiceRequest", "r1", version)
        assert answer.headers["etag"] == f'W/"{version}"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": 'W/"3"'}, 304),
        ({"If-None-Match": '"1", "3"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": 'W/"2"'}, 200),
        ({"If-Modified-Since": "Sun, 03 May 2026 08:00:00 GMT"}, 304),
        ({"If-Modified-Since": "Sun, 03 May 2026 07:59:59 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": 'W/"2"', "If-Modified-Since": "Sun, 03 May 2026 08:00:00 GMT"}, 200),
    ],
)
def test_what_the_caller_has_already_is_not_sent_again(fhir: Service, headers: dict[str, str], status: int) -> None:
    answer = fhir.http.get("/fhir/ServiceRequest/r1", headers=headers)

    assert answer.status_code == status
    assert bool(answer.content) == (status == 200)
    assert answer.headers["etag"] == 'W/"3"'


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/ServiceRequest/none",
        "/fhir/ServiceRequest/r1/_history/4",
        "/fhir/ServiceRequest/r1/_history/0",
        "/fhir/ServiceRequest/r1/_history/99999999999999999999",
        "/fhir/ServiceRequest/none/_history",
        "/fhir/Basic/r1",
        "/fhir/Basic",
        "/fhir/ServiceRequest/a%00b",
        "/fhir/ServiceRequest/%2e%2e%2fPatient",
        "/fhir/",
        "/fhir/Patient/p1/extra",
    ],
)
def test_what_does_not_exist_is_404_with_an_outcome(fhir: Service, path: str) -> None:
    answer = fhir.http.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["issue"][0]["code"] == "not-found"


def test_another_organisations_resource_is_as_if_it_never_was(fhir: Service) -> None:
    paths = ["/fhir/Patient/{}", "/fhir/Patient/{}/_history", "/fhir/Patient/{}/_history/1"]
    for path in paths:
        theirs, never = fhir.http.get(path.format("p2")), fhir.http.get(path.format("none"))
        assert (theirs.status_code, theirs.content) == (never.status_code, never.content) == (404, never.content)
        assert fhir.http.get(path.format("p2"), headers={ORGANISATION: MUNICIPALITY}).status_code == 200


def test_an_organisation_that_is_not_configured_is_refused(fhir: Service) -> None:
    answer = fhir.http.get("/fhir/Patient/p1", headers={ORGANISATION: "123456789"})

    assert answer.status_code == 400
    assert answer.json()["issue"][0]["location"] == ["http.X-Stafett-Organisation"]


def test_history_is_newest_first_and_splices_the_stored_bytes(fhir: Service) -> None:
    answer = fhir.http.get("/fhir/ServiceRequest/r1/_history")
    bundle = answer.json()

    assert (bundle["type"], bundle["total"]) == ("history", 3)
    assert [entry["response"]["etag"] for entry in bundle["entry"]] == ['W/"3"', 'W/"2"', 'W/"1"']
    assert bundle["entry"][2]["request"] == {"method": "PUT", "url": "ServiceRequest/r1"}
    assert bundle["entry"][2]["response"] == {"status": "201", "etag": 'W/"1"', "lastModified": "2026-05-01T08:00:00.000Z"}
    assert {entry["fullUrl"] for entry in bundle["entry"]} == {f"{fhir.base}/fhir/ServiceRequest/r1"}
    for version in (1, 2, 3):
        assert stored(fhir.store, "ServiceRequest", "r1", version) in answer.content


def test_history_comes_in_pages(fhir: Service) -> None:
    first = fhir.http.get("/fhir/ServiceRequest/r1/_history", params={"_count": "2"}).json()
    links = {link["relation"]: link["url"] for link in first["link"]}
    second = fhir.http.get(links["next"]).json()

    assert links["self"] == f"{fhir.base}/fhir/ServiceRequest/r1/_history?_count=2"
    assert [entry["resource"]["meta"]["versionId"] for entry in first["entry"] + second["entry"]] == ["3", "2", "1"]
    assert [link["relation"] for link in second["link"]] == ["self"]
    assert "entry" not in fhir.http.get("/fhir/ServiceRequest/r1/_history", params={"_count": "0"}).json()


def test_a_binary_is_its_content_where_its_type_is_asked_for(fhir: Service) -> None:
    as_fhir = fhir.http.get("/fhir/Binary/b1", headers={"Accept": "application/fhir+json"})
    as_itself = fhir.http.get("/fhir/Binary/b1", headers={"Accept": "text/plain"})

    assert as_fhir.json()["data"] == "aGVp"
    assert (as_itself.content, as_itself.headers["content-type"]) == (b"hei", "text/plain")
    assert as_itself.headers["content-disposition"] == "attachment"
    assert fhir.http.get("/fhir/Binary/b1", headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json", 200),
        ("application/json;q=0.5, text/html", 200),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/fhir+json; fhirVersion=5.0", 406),
        ("application/fhir+xml", 406),
        ("text/csv", 406),
        ("application/json;q=0", 406),
    ],
)
def test_only_json_is_offered(fhir: Service, accept: str, status: int) -> None:
    for path in ("/fhir/Patient/p1", "/fhir/Patient", "/fhir/metadata", "/fhir/Patient/p1/_history"):
        answer = fhir.http.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["resourceType"] == "OperationOutcome") == (status, status == 406)


def test_the_format_parameter_wins_over_accept(fhir: Service) -> None:
    assert fhir.http.get("/fhir/Patient/p1?_format=json", headers={"Accept": "text/csv"}).status_code == 200
    assert fhir.http.get("/fhir/Patient/p1?_format=application/fhir%2Bjson").status_code == 200
    assert fhir.http.get("/fhir/Patient/p1?_format=xml").status_code == 406


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/fhir/Patient"),
        ("PUT", "/fhir/Patient/p1"),
        ("PATCH", "/fhir/Patient/p1"),
        ("DELETE", "/fhir/Patient/p1"),
        ("DELETE", "/fhir/Patient/p1/_history"),
        ("POST", "/fhir/metadata"),
        ("GET", "/fhir/Patient/_search"),
    ],
)
def test_an_interaction_that_is_not_offered_is_refused(fhir: Service, method: str, path: str) -> None:
    answer = fhir.http.request(method, path, headers={"X-HTTP-Method-Override": "GET"})

    assert answer.status_code in (404, 405)
    assert answer.json()["resourceType"] == "OperationOutcome"
    if answer.status_code == 405:
        assert answer.headers["allow"]


def test_the_request_id_comes_back_where_it_is_harmless(fhir: Service) -> None:
    given = {"X-Request-Id": "abc-1.2_3", "nhn-event-id": "event-7"}
    echoed = fhir.http.get("/fhir/metadata", headers=given).headers
    other = fhir.http.get("/fhir/metadata", headers={"X-Request-Id": "<b>" + "x" * 70}).headers

    assert (echoed["x-request-id"], echoed["nhn-event-id"]) == ("abc-1.2_3", "event-7")
    assert "<" not in other["x-request-id"]
    assert len(other["x-request-id"]) == 36
