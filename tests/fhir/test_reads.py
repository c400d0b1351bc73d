"""Read, vread and history over real HTTP: bytes, headers, and what another organisation must not learn."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from adapter.ports import Page, Store
from adapter.storage.resources import Resources
from tests.fhir.conftest import LOST
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
    assert answer.content.endswith(LOST)
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


def test_the_next_page_of_a_history_is_in_the_same_format(fhir: Service) -> None:
    first = fhir.http.get("/fhir/ServiceRequest/r1/_history", params={"_count": "2", "_format": "xml"})
    (link,) = re.findall(r'<relation value="next"/><url value="([^"]*)"/>', first.text)

    assert fhir.http.get(unescape(link)).headers["content-type"].startswith("application/fhir+xml")


def test_a_binary_is_its_content_where_its_type_is_asked_for(fhir: Service) -> None:
    as_fhir = fhir.http.get("/fhir/Binary/b1", headers={"Accept": "application/fhir+json"})
    as_itself = fhir.http.get("/fhir/Binary/b1", headers={"Accept": "text/plain"})

    assert as_fhir.json()["data"] == "aGVp"
    assert (as_itself.content, as_itself.headers["content-type"]) == (b"hei", "text/plain")
    assert as_itself.headers["content-disposition"] == 'attachment; filename="b1"'
    assert fhir.http.get("/fhir/Binary/b1", headers={"Accept": "image/png"}).status_code == 406


# Parts: http.html#read, "the search parameter _summary can be used when reading a resource", and _elements likewise


@pytest.mark.parametrize("path", ["/fhir/ServiceRequest/r1", "/fhir/ServiceRequest/r1/_history/3"])
@pytest.mark.parametrize(
    ("part", "kept"),
    [
        # search.html#summary: text, id, meta and the mandatory top-level elements, of which r1 has no intent
        ("_summary=text", {"status", "subject"}),
        ("_summary=data", {"status", "subject", "extension"}),  # all but the narrative, and r1 has none
        ("_summary=true", {"status", "subject"}),  # an extension is no summary element
        (
            "_elements=extension",
            {"status", "subject", "extension"},
        ),  # status and subject are mandatory: 1..1 in R4's table of ServiceRequest
    ],
)
def test_a_part_of_a_resource_is_given_as_a_search_gives_it_and_says_that_it_is_one(
    fhir: Service, path: str, part: str, kept: set[str]
) -> None:
    answer = fhir.http.get(f"{path}?{part}")
    (entry,) = fhir.http.get(f"/fhir/ServiceRequest?_id=r1&{part}").json()["entry"]

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"3"')
    assert set(answer.json()) == {"resourceType", "id", "meta", *kept}
    assert [tag["code"] for tag in answer.json()["meta"]["tag"]] == ["SUBSETTED"]
    assert answer.json() == entry["resource"]


@pytest.mark.parametrize("part", ["_summary=false", "_elements=", "_summary=false&_format=json"])
def test_the_whole_of_a_resource_is_what_was_stored(fhir: Service, part: str) -> None:
    assert fhir.http.get(f"/fhir/ServiceRequest/r1?{part}").content == stored(fhir.store, "ServiceRequest", "r1")


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("_summary=count", "_summary"),  # http.html#read: true, false, text and data
        ("_summary=short", "_summary"),
        ("_summary:not=true", "_summary"),
        ("_summary=true&_elements=meta", "_elements"),
    ],
)
def test_a_part_that_there_is_not_is_refused(fhir: Service, part: str, place: str) -> None:
    for path in ("/fhir/ServiceRequest/r1", "/fhir/ServiceRequest/r1/_history/1", "/fhir/Binary/b1"):
        answer = fhir.http.get(f"{path}?{part}")
        assert (answer.status_code, answer.json()["issue"][0]["location"]) == (400, [f"http.{place}"])


def test_a_part_of_a_binary_is_of_its_resource_and_never_of_its_content(fhir: Service) -> None:
    part = fhir.http.get("/fhir/Binary/b1?_elements=contentType", headers={"Accept": "application/fhir+json"})
    content = fhir.http.get("/fhir/Binary/b1?_elements=contentType", headers={"Accept": "text/plain"})

    assert (set(part.json()), content.content) == ({"resourceType", "id", "meta", "contentType"}, b"hei")


def test_an_element_that_there_is_not_is_told_of_where_that_is_asked_for(fhir: Service) -> None:
    path = "/fhir/ServiceRequest/r1?_elements=status,colour"

    assert fhir.http.get(path).status_code == 200
    assert fhir.http.get(path, headers={"Prefer": "handling=strict"}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/fhir/Patient/p1"),
        ("GET", "/fhir/"),
        ("GET", "/fhir"),
        ("PUT", "/fhir/"),
        ("POST", "/fhir/Patient/p1"),
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


# History with a time, and of a type


def versions(fhir: Service, path: str, **parameters: str) -> list[str]:
    answer = fhir.http.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return [f"{e['resource']['id']}/{e['resource']['meta']['versionId']}" for e in answer.json().get("entry", [])]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"_since": "2026-05-02T08:00:00Z"}, ["r1/3", "r1/2"]),  # http.html#history: at or after
        ({"_since": "2026-05-02T08:00:01Z"}, ["r1/3"]),
        ({"_since": "2027"}, []),
        ({"_at": "2026-05-02T12:00:00Z"}, ["r1/2"]),  # made on 1, 2 and 3 May at 08:00
        ({"_at": "2026-05-02"}, ["r1/2", "r1/1"]),  # the first stood in the morning
        ({"_at": "2026-05"}, ["r1/3", "r1/2", "r1/1"]),
        ({"_at": "2026-04"}, []),
        ({"_at": "2027"}, ["r1/3"]),
    ],
)
def test_history_can_be_of_a_time(fhir: Service, parameters: dict[str, str], expected: list[str]) -> None:
    assert versions(fhir, "/fhir/ServiceRequest/r1/_history", **parameters) == expected


@pytest.mark.parametrize("period", ["2026-05", "2026-05-02", "2027"])
def test_a_page_of_what_stood_then_reads_no_more_versions_than_it_gives(
    fhir: Service, period: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    usual = Resources.history

    def watched(*given: Any, **named: Any) -> Page:
        page = usual(*given, **named)
        read.append(len(page.found))
        return page

    whole = versions(fhir, "/fhir/ServiceRequest/r1/_history", _at=period)
    monkeypatch.setattr(Resources, "history", watched)
    seen: list[str] = []
    link = f"/fhir/ServiceRequest/r1/_history?_at={period}&_count=1"
    while link:
        page = fhir.http.get(link).json()
        seen += [f"r1/{entry['resource']['meta']['versionId']}" for entry in page["entry"]]
        link = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")

    assert (seen, read) == (whole, [1] * len(whole))


def test_history_of_a_type_has_all_versions_of_all_its_resources_in_pages(fhir: Service) -> None:
    whole = versions(fhir, "/fhir/Task/_history")
    first = fhir.http.get("/fhir/Task/_history", params={"_count": "4"}).json()
    links = {link["relation"]: link["url"] for link in first["link"]}

    assert whole == [f"t{number}/1" for number in range(6, -1, -1)]
    assert versions(fhir, "/fhir/Task/_history", _count="4") + versions(fhir, links["next"]) == whole
    assert "total" not in first
    assert versions(fhir, "/fhir/Task/_history", _since="2026-05-01T08:05:00Z") == ["t6/1", "t5/1"]


@pytest.mark.parametrize(
    "query", ["_since=yesterday", "_since=ge2026", "_at=x", "_at=2026&_since=2026", "_count=many", "_since=2026-13", "_page=x"]
)
def test_a_history_that_cannot_be_understood_is_refused(fhir: Service, query: str) -> None:
    assert fhir.http.get(f"/fhir/ServiceRequest/r1/_history?{query}").status_code in (400, 404)
    assert fhir.http.get("/fhir/Task/_history?_at=2026").status_code == 400


def test_the_shortest_way_answers_as_the_routes_do(fhir: Service) -> None:
    """A plain read takes it; the same with a parameter that changes nothing goes by the routes."""
    for path in ("/fhir/ServiceRequest/r1", "/fhir/ServiceRequest/none", "/fhir/Patient/p2", "/fhir/Basic/r1"):
        for headers in ({}, {"Accept": "application/fhir+json"}, {ORGANISATION: MUNICIPALITY}, {ORGANISATION: "1"}):
            short = fhir.http.get(path, headers=headers)
            long = fhir.http.get(f"{path}?_format=json", headers=headers)
            assert (short.status_code, short.content) == (long.status_code, long.content)
            ours = {name: short.headers.get(name) for name in ("etag", "last-modified", "content-type", "cache-control")}
            assert ours == {name: long.headers.get(name) for name in ours}
            assert short.headers.get("vary", "").startswith("Accept") == long.headers.get("vary", "").startswith("Accept")
