"""A partner's server over HTTP: what is sent, what is made of every kind of answer, and what is never done.

Statuses and headers are those of https://hl7.org/fhir/R4/http.html and RFC 9110; docs/partners.md tells which servers do what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import respx

from adapter.domain.problem import Kind, Problem
from adapter.partners.server import HttpFhirServer
from adapter.ports import Refusal, Remote
from tests.partners.broken import broken_server

BASE = "https://fhir.example/r4"
OWN = "https://stafett.invalid/fhir"
UUID = "urn:uuid:0b6a6b3e-6d0c-4b11-9f55-6f0f6d4f7c01"
OTHER = "urn:uuid:0b6a6b3e-6d0c-4b11-9f55-6f0f6d4f7c02"
NUMBER = "14868440083"
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "business-rule", "diagnostics": f"no such patient {NUMBER}"}],
}


def task(id: str = "7", version: str = "1", identifier: str = UUID, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": id,
        "meta": {"versionId": version, "lastUpdated": "2026-05-11T09:00:00.000Z"},
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": identifier}],
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": f"{OWN}/CodeSystem/coordination-task", "code": "assign-coordinator"}]},
    } | more


NEW = {key: value for key, value in task().items() if key not in ("id", "meta")}
BUNDLE = json.dumps(
    {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:b22d24d9-7c5c-4a12-8a5b-0d0c7b6f2c3d",
                "resource": NEW,
                "request": {"method": "POST", "url": "Task", "ifNoneExist": f"identifier=urn:ietf:rfc:3986|{UUID}"},
            }
        ],
    }
).encode()


def answered(status: str, resource: Any = None, **response: Any) -> dict[str, Any]:
    entry = {"response": {"status": status, **response}} | ({"resource": resource} if resource else {})
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": [entry]}


def found(*resources: dict[str, Any], next: str = "", **more: Any) -> dict[str, Any]:
    link = [{"relation": "next", "url": next}] if next else []
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [{"resource": r} for r in resources]} | more


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def server() -> Iterator[HttpFhirServer]:
    made = HttpFhirServer("kommune", f"{BASE}/")
    yield made
    made.close()


def refused(caught: pytest.ExceptionInfo[Problem], kind: Kind) -> Refusal:
    assert isinstance(caught.value, Refusal)
    assert caught.value.kind is kind
    assert NUMBER not in str(caught.value)
    return caught.value


# creating


@pytest.mark.parametrize("status", ["201", "201 Created", "200 OK"])
def test_what_is_created_or_was_there_is_the_body_in_the_answer(net: respx.MockRouter, server: HttpFhirServer, status: str) -> None:
    post = net.post(BASE).respond(json=answered(status, task(), etag='W/"1"', location="Task/7/_history/1"))

    assert server.create(BUNDLE) == Remote("Task", "7", 'W/"1"', task())
    assert post.calls.last.request.content == BUNDLE
    assert post.calls.last.request.headers["content-type"] == "application/fhir+json"


@pytest.mark.parametrize(
    "location", ["Task/7", "Task/7/_history/1", f"{BASE}/Task/7/_history/1", "http://inside:8080/fhir/Task/7/_history/1"]
)
def test_without_a_body_it_is_read_at_our_address_whatever_host_the_location_names(
    net: respx.MockRouter, server: HttpFhirServer, location: str
) -> None:
    net.post(BASE).respond(json=answered("201 Created", location=location))
    net.get(f"{BASE}/Task/7").respond(json=task(), headers={"etag": 'W/"a-b"'})

    assert server.create(BUNDLE) == Remote("Task", "7", 'W/"a-b"', task())


def test_with_neither_body_nor_location_it_is_found_by_its_identifier(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.post(BASE).respond(json={"resourceType": "Bundle", "type": "transaction-response"})
    search = net.get(f"{BASE}/Task", params={"identifier": f"urn:ietf:rfc:3986|{UUID}"}).respond(json=found(task(), total=1))

    assert server.create(BUNDLE).id == "7"
    assert search.called


def test_a_transaction_that_failed_inside_a_200_failed(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.post(BASE).respond(json=answered("422 Unprocessable Entity", outcome=OUTCOME))
    with pytest.raises(Problem) as caught:
        server.create(BUNDLE)

    assert json.loads(refused(caught, Kind.INVALID).outcome) == OUTCOME
    assert "(business-rule)" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, json=answered("412")), Kind.AMBIGUOUS),
        (httpx.Response(412, json=OUTCOME), Kind.AMBIGUOUS),
        (httpx.Response(403, json=OUTCOME), Kind.FORBIDDEN),
        (httpx.Response(400, text="no"), Kind.INVALID),
        (httpx.Response(413), Kind.TOO_LARGE),
        (httpx.Response(200, json=answered("201", task(identifier=OTHER))), Kind.CONFLICT),
        (httpx.Response(307, headers={"location": f"https://elsewhere.example/?p={NUMBER}"}), Kind.MISADDRESSED),
        (httpx.Response(301), Kind.MISADDRESSED),
    ],
)
def test_what_no_later_try_mends_is_a_refusal(
    net: respx.MockRouter, server: HttpFhirServer, answer: httpx.Response, kind: Kind
) -> None:
    net.post(BASE).mock(return_value=answer)
    with pytest.raises(Problem) as caught:
        server.create(BUNDLE)

    refused(caught, kind)
    assert "elsewhere" not in str(caught.value).replace("sends us elsewhere", "")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>welcome</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b'{"resourceType":"Bundle","resourceType":"Bundle"}'),
        httpx.Response(200, content=b'{"total":NaN}'),
        httpx.Response(200, content=b"[" * 200 + b"]" * 200),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, json=answered("503")),
        httpx.Response(200, json=answered("")),
        httpx.Response(200, json={"resourceType": "Bundle", "entry": 7}),
        httpx.Response(200, json=answered("201", location="Task/7")),  # and Task/7 is not there
        httpx.Response(409, json=OUTCOME),  # another call was creating it just then
        httpx.Response(401),
        httpx.Response(408),
        httpx.Response(500, json=OUTCOME),
        httpx.Response(502, text="bad gateway"),
        httpx.ConnectError("secret"),
        httpx.ReadTimeout("secret"),
        httpx.RemoteProtocolError("secret"),
    ],
)
def test_what_cannot_be_read_or_may_pass_is_tried_again(
    net: respx.MockRouter, server: HttpFhirServer, answer: httpx.Response | Exception
) -> None:
    net.post(BASE).mock(side_effect=[answer])
    net.get(f"{BASE}/Task/7").respond(404)
    net.get(url__startswith=f"{BASE}/Task?").respond(json=found())
    with pytest.raises(Problem) as caught:
        server.create(BUNDLE)

    assert caught.value.kind is Kind.TRANSIENT
    assert not isinstance(caught.value, Refusal)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("30", 30, 30),
        (None, 2990, 3000),  # a date in 3,000 seconds from then
        ("999999", 3600, 3600),
    ],
    ids=["seconds", "date", "too long"],
)
def test_a_partner_is_left_alone_as_long_as_it_asks(
    net: respx.MockRouter, server: HttpFhirServer, status: int, header: str | None, least: float, most: float
) -> None:
    asked = header or format_datetime(datetime.now(UTC) + timedelta(seconds=3000), usegmt=True)
    net.post(BASE).respond(status, headers={"retry-after": asked})
    with pytest.raises(Problem) as caught:
        server.create(BUNDLE)

    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_transactions_gets_a_conditional_create_after_a_look(
    net: respx.MockRouter, server: HttpFhirServer, status: int
) -> None:
    net.post(BASE).respond(status, json={"resourceType": "OperationOutcome", "issue": [{"code": "not-supported"}]})
    look = net.get(url__startswith=f"{BASE}/Task?").respond(json=found())
    post = net.post(f"{BASE}/Task").respond(201, headers={"location": f"{BASE}/Task/7/_history/1", "etag": "1"})
    net.get(f"{BASE}/Task/7").respond(json=task(), headers={"etag": "1"})

    assert server.create(BUNDLE) == Remote("Task", "7", 'W/"1"', task())
    assert post.calls.last.request.headers["if-none-exist"] == f"identifier=urn:ietf:rfc:3986|{UUID}"
    assert json.loads(post.calls.last.request.content) == NEW
    assert look.call_count == 1


def test_a_server_that_ignores_if_none_exist_gets_no_second(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.post(BASE).respond(404)
    net.get(url__startswith=f"{BASE}/Task?").respond(json=found(task()))
    post = net.post(f"{BASE}/Task")

    assert server.create(BUNDLE).id == "7"
    assert not post.called


def test_several_with_one_identifier_wait_for_a_person(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.post(BASE).respond(404)
    net.get(url__startswith=f"{BASE}/Task?").respond(json=found(task("7"), task("8")))
    with pytest.raises(Problem) as caught:
        server.create(BUNDLE)

    refused(caught, Kind.AMBIGUOUS)


# finding and reading


def test_a_search_by_identifier_gives_only_what_has_it(net: respx.MockRouter, server: HttpFhirServer) -> None:
    included = {"resourceType": "Patient", "id": "p"}
    outcome = {"resource": OUTCOME, "search": {"mode": "outcome"}}
    page = found(task("7"), task("8", identifier=OTHER), included)
    net.get(url__startswith=f"{BASE}/Task?").respond(json=page | {"entry": [*page["entry"], outcome, 7]})

    assert [(r.id, r.etag) for r in server.find("Task", "urn:ietf:rfc:3986", UUID)] == [("7", 'W/"1"')]


def test_a_server_that_ignores_the_identifier_is_not_read_from_end_to_end(net: respx.MockRouter, server: HttpFhirServer) -> None:
    pages = net.get(url__startswith=f"{BASE}/Task?").respond(json=found(task("8", identifier=OTHER), next=f"{BASE}/Task?page=2"))
    with pytest.raises(Problem) as caught:
        server.find("Task", "urn:ietf:rfc:3986", UUID)

    refused(caught, Kind.CONFLICT)
    assert pages.call_count == 1


@pytest.mark.parametrize(
    ("system", "value"), [("urn:oid:2.16.578.1.12.4.1.4.1", NUMBER), ("urn:ietf:rfc:3986", NUMBER), ("urn:ietf:rfc:3986", "x")]
)
def test_a_persons_number_is_in_no_address(net: respx.MockRouter, server: HttpFhirServer, system: str, value: str) -> None:
    with pytest.raises(Problem):
        server.find("Patient", system, value)

    assert not net.calls


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_not_found(net: respx.MockRouter, server: HttpFhirServer, status: int) -> None:
    net.get(f"{BASE}/Task/7").respond(status)
    with pytest.raises(Problem) as caught:
        server.read("Task", "7")

    refused(caught, Kind.NOT_FOUND)


def test_another_resource_than_was_asked_for_is_refused(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.get(f"{BASE}/Task/7").respond(json=task("8"))
    with pytest.raises(Problem) as caught:
        server.read("Task", "7")

    refused(caught, Kind.CONFLICT)


@pytest.mark.parametrize("body", [{"resourceType": "Patient", "id": "7"}, {"resourceType": "Task"}, OUTCOME, "Task", None])
def test_a_read_that_answers_with_something_else_is_tried_again(net: respx.MockRouter, server: HttpFhirServer, body: Any) -> None:
    net.get(f"{BASE}/Task/7").respond(json=body)
    with pytest.raises(Problem) as caught:
        server.read("Task", "7")

    assert caught.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize("id", ["../Patient/1", "a/b", "7?x=1", "", "a" * 65])
def test_an_id_that_is_no_id_is_put_in_no_address(net: respx.MockRouter, server: HttpFhirServer, id: str) -> None:
    with pytest.raises(Problem):
        server.read("Task", id)

    assert not net.calls


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/fhir+xml", ""])
def test_fhir_json_is_read_whatever_it_is_called(net: respx.MockRouter, server: HttpFhirServer, content_type: str) -> None:
    net.get(f"{BASE}/Task/7").respond(content=json.dumps(task()).encode(), headers={"content-type": content_type})

    assert server.read("Task", "7").body == task()


# changing


@pytest.mark.parametrize("etag", ['W/"1"', '"1"', "1", 'W/"e2b5c6f0-5d3a-4d8c-9a41-2f0d6f4d7a10"'])
def test_a_change_names_the_version_exactly_as_it_was_named_to_us(net: respx.MockRouter, server: HttpFhirServer, etag: str) -> None:
    put = net.put(f"{BASE}/Task/7").respond(json=task(version="2", status="accepted"), headers={"etag": 'W/"2"'})
    body = task(status="accepted", meta={"versionId": "1", "lastUpdated": "2026-05-11T09:00:00Z", "security": [{"code": "R"}]})

    changed = server.change(Remote("Task", "7", etag, task()), body)

    assert (changed.etag, changed.body["status"]) == ('W/"2"', "accepted")
    assert put.calls.last.request.headers["if-match"] == etag
    assert json.loads(put.calls.last.request.content)["meta"] == {"security": [{"code": "R"}]}


def test_the_body_gets_the_id_that_it_has_there(net: respx.MockRouter, server: HttpFhirServer) -> None:
    put = net.put(f"{BASE}/Task/7").respond(204, headers={"etag": 'W/"2"'})

    assert server.change(Remote("Task", "7", 'W/"1"'), task("ours")) == Remote("Task", "7", 'W/"2"')
    assert json.loads(put.calls.last.request.content)["id"] == "7"


def test_a_change_answered_without_body_and_etag_is_read(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.put(f"{BASE}/Task/7").respond(200)
    net.get(f"{BASE}/Task/7").respond(json=task(version="2"))

    assert server.change(Remote("Task", "7", 'W/"1"'), task()).etag == 'W/"2"'


@pytest.mark.parametrize("status", [409, 412])
def test_another_was_first(net: respx.MockRouter, server: HttpFhirServer, status: int) -> None:
    net.put(f"{BASE}/Task/7").respond(status, json=OUTCOME)
    with pytest.raises(Problem) as caught:
        server.change(Remote("Task", "7", 'W/"1"'), task())

    assert json.loads(refused(caught, Kind.STALE).outcome) == OUTCOME


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.INVALID),
        (422, Kind.INVALID),
        (428, Kind.INVALID),
        (403, Kind.FORBIDDEN),
        (404, Kind.NOT_FOUND),
        (410, Kind.NOT_FOUND),
    ],
)
def test_a_change_that_is_refused_has_the_partners_outcome(
    net: respx.MockRouter, server: HttpFhirServer, status: int, kind: Kind
) -> None:
    net.put(f"{BASE}/Task/7").respond(status, json=OUTCOME)
    with pytest.raises(Problem) as caught:
        server.change(Remote("Task", "7", 'W/"1"'), task())

    assert json.loads(refused(caught, kind).outcome) == OUTCOME


def test_without_a_version_nothing_is_put(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.get(f"{BASE}/Task/7").respond(json=task(meta={}))
    with pytest.raises(Problem) as caught:
        server.change(server.read("Task", "7"), task())

    refused(caught, Kind.UNSUPPORTED)


def test_an_outcome_that_is_none_or_too_long_is_not_kept(net: respx.MockRouter, server: HttpFhirServer) -> None:
    long = {"resourceType": "OperationOutcome", "issue": [{"code": "x", "diagnostics": "x" * 70_000}]}
    for body in (long, {"resourceType": "Task"}, []):
        net.put(f"{BASE}/Task/7").respond(422, json=body)
        with pytest.raises(Problem) as caught:
            server.change(Remote("Task", "7", 'W/"1"'), task())
        assert refused(caught, Kind.INVALID).outcome == b""


# what changed


def at(second: int) -> str:
    return f"2026-05-11T09:00:{second:02}.000Z"


def updated(id: str, second: int, version: str = "1") -> dict[str, Any]:
    return task(
        id, identifier=f"urn:uuid:0b6a6b3e-6d0c-4b11-9f55-{second:012}", meta={"versionId": version, "lastUpdated": at(second)}
    )


SINCE = datetime(2026, 5, 11, 9, 0, 0, 1, tzinfo=UTC)


def asked(route: respx.Route) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(str(call.request.url)).query) for call in route.calls]


def test_assignments_are_searched_for_by_code_and_moment(net: respx.MockRouter, server: HttpFhirServer) -> None:
    route = net.get(url__startswith=f"{BASE}/Task?").respond(json=found(updated("a", 1), updated("b", 2), total=2))

    assert [r.id for r in server.changed(SINCE)] == ["a", "b"]
    [query] = asked(route)
    own = f"{OWN}/CodeSystem"
    codes = [f"{own}/coordination-task|{c}" for c in ("assign-coordinator", "handover-coordinator", "release-coordinator", "abort")]
    codes += [f"{own}/pathway-task|koord{n}" for n in range(1, 9)]
    assert query == {
        "code": [",".join(codes)],
        "_lastUpdated": ["ge2026-05-11T09:00:00.000Z"],
        "_sort": ["_lastUpdated"],
        "_count": ["100"],
    }


@pytest.mark.parametrize("next", [f"{BASE}/Task?page=2", f"{BASE}?_getpages=2", "/r4/Task?page=2", "?page=2"])
def test_the_next_page_is_followed_under_the_same_base(net: respx.MockRouter, server: HttpFhirServer, next: str) -> None:
    net.get(url__startswith=f"{BASE}/Task?code").respond(json=found(updated("a", 1), next=next))
    net.get(f"{BASE}/Task", params={"page": "2"}).respond(json=found(updated("b", 2)))
    net.get(BASE, params={"_getpages": "2"}).respond(json=found(updated("b", 2)))

    assert [r.id for r in server.changed(SINCE)] == ["a", "b"]


@pytest.mark.parametrize(
    "next",
    [
        "https://elsewhere.example/r4/Task?page=2",
        "http://fhir.example/r4/Task?page=2",
        "https://fhir.example:8443/r4/Task?page=2",
        "https://fhir.example/other/Task?page=2",
        "https://fhir.example/r4/../admin",
        "https://someone@fhir.example/r4/Task",
        "//[",
    ],
)
def test_a_next_page_elsewhere_is_not_followed_and_the_search_goes_on_by_moments(
    net: respx.MockRouter, server: HttpFhirServer, next: str
) -> None:
    pages = [found(updated("a", 1), updated("b", 2), next=next), found(updated("b", 2), updated("c", 3)), found(updated("c", 3))]
    route = net.get(url__startswith=f"{BASE}/Task?").mock(side_effect=[httpx.Response(200, json=page) for page in pages])

    assert [r.id for r in server.changed(SINCE)] == ["a", "b", "c"]
    assert [query["_lastUpdated"] for query in asked(route)] == [["ge2026-05-11T09:00:00.000Z"], [f"ge{at(2)}"], [f"ge{at(3)}"]]


def test_a_page_full_of_one_moment_is_passed(net: respx.MockRouter, server: HttpFhirServer) -> None:
    full = found(*(updated(f"t{n}", 1) for n in range(100)))
    route = net.get(url__startswith=f"{BASE}/Task?").mock(
        side_effect=[httpx.Response(200, json=page) for page in (full, full, found(updated("b", 2)), found(updated("b", 2)))]
    )

    assert len(list(server.changed(SINCE))) == 101
    assert asked(route)[2]["_lastUpdated"] == ["ge2026-05-11T09:00:01.001Z"]


def test_parameters_that_a_server_refuses_are_left_out_and_that_is_remembered(
    net: respx.MockRouter, server: HttpFhirServer
) -> None:
    def particular(request: httpx.Request) -> httpx.Response:
        known = {"_count", "_lastUpdated"}
        if set(request.url.params) - known:
            return httpx.Response(400, json=OUTCOME)
        others = [task("x", code={"coding": [{"code": "assign-coordinator"}]}), task("y", code={"text": "assign-coordinator"})]
        return httpx.Response(200, json=found(updated("a", 1), *others, total=3))

    route = net.get(url__startswith=f"{BASE}/Task?").mock(side_effect=particular)

    assert [r.id for r in server.changed(SINCE)] == ["a"]
    before = route.call_count
    assert [r.id for r in server.changed(SINCE)] == ["a"]
    assert route.call_count == before + 1


def test_a_search_that_is_refused_in_its_simplest_form_is_a_refusal(net: respx.MockRouter, server: HttpFhirServer) -> None:
    net.get(url__startswith=f"{BASE}/Task?").respond(400, json=OUTCOME)
    with pytest.raises(Problem) as caught:
        list(server.changed(SINCE))

    refused(caught, Kind.INVALID)


def test_what_a_server_does_not_sort_or_filter_is_sorted_and_filtered_here(net: respx.MockRouter, server: HttpFhirServer) -> None:
    early = task("z", meta={"versionId": "1", "lastUpdated": "2026-05-10T09:00:00Z"})
    net.get(url__startswith=f"{BASE}/Task?code").respond(json=found(updated("c", 3), early, next=f"{BASE}/Task?page=2"))
    net.get(f"{BASE}/Task", params={"page": "2"}).respond(json=found(updated("b", 2), updated("a", 1)))

    assert [r.id for r in server.changed(SINCE)] == ["a", "b", "c"]


def test_without_a_moment_everything_is_told(net: respx.MockRouter, server: HttpFhirServer) -> None:
    route = net.get(url__startswith=f"{BASE}/Task?").respond(json=found(updated("a", 1), total=1))

    assert [r.id for r in server.changed(None)] == ["a"]
    assert "_lastUpdated" not in asked(route)[0]


def test_the_same_question_is_asked_conditionally(net: respx.MockRouter, server: HttpFhirServer) -> None:
    answer = httpx.Response(200, json=found(updated("a", 1), total=1), headers={"etag": 'W/"s1"'})
    route = net.get(url__startswith=f"{BASE}/Task?").mock(side_effect=[answer, httpx.Response(304)])

    assert [[r.id for r in server.changed(SINCE)] for _ in range(2)] == [["a"], ["a"]]
    assert [call.request.headers.get("if-none-match") for call in route.calls] == [None, 'W/"s1"']


@pytest.mark.parametrize("body", [{"resourceType": "Task", "id": "7"}, [], {"resourceType": "Bundle", "entry": {}}])
def test_what_is_no_searchset_is_tried_again(net: respx.MockRouter, server: HttpFhirServer, body: Any) -> None:
    net.get(url__startswith=f"{BASE}/Task?").respond(json=body)
    with pytest.raises(Problem) as caught:
        list(server.changed(SINCE))

    assert caught.value.kind is Kind.TRANSIENT


# what it can


def statement(*interactions: str, **more: Any) -> dict[str, Any]:
    resource = {"type": "Task", "interaction": [{"code": code} for code in interactions]} | more
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": [{"type": "Patient"}, resource]}]}


@pytest.mark.parametrize(
    ("body", "mode"),
    [
        (statement("create", "update", "read", conditionalCreate=True), "push"),
        (statement("create", "update"), "wait"),
        (statement("create", conditionalCreate=True), "wait"),
        (statement("read", "search-type"), "wait"),
        ({"resourceType": "CapabilityStatement"}, "wait"),
    ],
)
def test_the_mode_is_read_from_the_capability_statement(
    net: respx.MockRouter, server: HttpFhirServer, body: dict[str, Any], mode: str
) -> None:
    net.get(f"{BASE}/metadata").respond(json=body, headers={"content-type": "application/json"})

    assert server.mode() == mode


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(410), httpx.Response(200, json=OUTCOME)])
def test_without_a_capability_statement_a_person_has_to_say_the_mode(
    net: respx.MockRouter, server: HttpFhirServer, answer: httpx.Response
) -> None:
    net.get(f"{BASE}/metadata").mock(return_value=answer)
    with pytest.raises(Problem, match="set mode") as caught:
        server.mode()

    refused(caught, Kind.NOT_FOUND)


def test_a_notification_is_posted_to_its_own_address(net: respx.MockRouter, server: HttpFhirServer) -> None:
    post = net.post("https://notify.example/here").respond(204)
    server.notify("https://notify.example/here", b'{"resourceType":"Bundle"}')

    assert post.calls.last.request.content == b'{"resourceType":"Bundle"}'


# a wire that breaks


@pytest.mark.parametrize("way", ["silent", "reset", "cut", "endless", "dripping", "closed"])
def test_however_the_line_breaks_it_is_tried_again(way: str) -> None:
    with broken_server(way) as base:
        server = HttpFhirServer("kommune", base, timeout=0.5, deadline=1.0)
        with pytest.raises(Problem) as caught:
            server.create(BUNDLE)
        server.close()

    assert caught.value.kind is Kind.TRANSIENT
