"""The message interface over real HTTP, as its contract says: every path, status and shape."""

from __future__ import annotations

import socket
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from tests.http.service import HOSPITAL, LARGEST, MUNICIPALITY, Service

pytestmark = pytest.mark.slow

XML = {"Content-Type": "application/xml"}
ORGANISATION = "X-Stafett-Organisation"
NEVER = "00000000-0000-4000-8000-000000000000"


def send(here: Service, body: str, status: int = 201) -> httpx.Response:
    answer = here.http.post("/messages", content=body, headers=XML)
    assert answer.status_code == status, answer.text
    return answer


def told(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["content-type"], answer.json()["resourceType"]


def test_a_message_is_kept_and_found_at_its_location(here: Service) -> None:
    answer = send(here, "m1 <x/>")
    id = answer.json()["id"]

    assert answer.headers["location"] == f"/messages/{id}"
    assert answer.json() == {
        "id": id,
        "msgId": "m1",
        "documentId": None,
        "sender": "2",
        "receiver": "1",
        "type": "HENVIS",
        "received": "2026-06-01T10:00:00Z",
        "state": "processed",
        "reason": "",
        "action": "",
        "issues": {
            "resourceType": "OperationOutcome",
            "issue": [
                {
                    "severity": "information",
                    "code": "informational",
                    "details": answer.json()["issues"]["issue"][0]["details"],
                }
            ],
        },
    }
    assert here.http.get(answer.headers["location"]).json() == {**answer.json(), "ledTo": []}


def test_a_refused_message_is_kept_too(here: Service) -> None:
    assert send(here, "m1!refused <x/>").json()["state"] == "refused"


def test_the_same_again_is_200_at_the_first(here: Service) -> None:
    first, again = send(here, "m1 <x/>"), send(here, "m1 <x/>", 200)

    assert (again.headers["location"], again.json()) == (first.headers["location"], first.json())


def test_other_content_under_the_same_key_is_409_at_the_quarantined_one(here: Service) -> None:
    first, other = send(here, "m1 <x/>"), send(here, "m1 <y/>", 409)

    assert other.headers["location"] != first.headers["location"]
    assert other.json()["state"] == here.http.get(other.headers["location"]).json()["state"] == "quarantined"


@pytest.mark.parametrize("path", ["/messages", "/translate"])
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "text/plain"}, b"<x/>", 415),
        ({}, b"<x/>", 415),
        ({**XML, "Content-Encoding": "gzip"}, b"\x1f\x8b", 415),
        (XML, b"", 400),
        (XML, b"x" * (LARGEST + 1), 413),
    ],
)
def test_what_is_no_message_is_refused(here: Service, path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    answer = here.http.post(path, content=body, headers=headers)

    assert told(answer) == (status, "application/fhir+json", "OperationOutcome")
    assert here.http.get("/messages").json()["items"] == []


def test_xml_may_be_sent_as_text_xml_with_a_charset_and_be_as_large_as_the_limit(here: Service) -> None:
    whole = "m1 ".ljust(LARGEST, "x")

    assert here.http.post("/messages", content=whole, headers={"Content-Type": "text/xml; charset=utf-8"}).status_code == 201


def test_of_a_body_without_length_no_more_than_the_limit_is_read(here: Service) -> None:
    address = urlsplit(here.base)
    head = f"POST /messages HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    with socket.create_connection((address.hostname, address.port or 80), timeout=5) as line:
        line.sendall(head.encode() + chunk * 2)  # 2048 bytes, over the limit, and no end
        answer = line.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")


def test_translate_gives_bundle_receipt_and_explanation_and_keeps_nothing(here: Service) -> None:
    answer = here.http.post("/translate?pathway=D11&received=2026-05-01T10:00:00", content=b"m <x/>", headers=XML)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "bundle": {"resourceType": "Bundle", "pathway": "D11"},
            "apprec": "<AppRec/>",
            "explanation": {"elements": [], "nodes": [], "received": "2026-05-01T08:00:00Z"},
        },
    )
    assert here.http.get("/messages").json()["items"] == []


def test_a_refused_translation_has_no_bundle(here: Service) -> None:
    answer = here.http.post("/translate", content=b"m!refused <x/>", headers=XML)

    assert (answer.status_code, answer.json()["bundle"], answer.json()["apprec"]) == (200, None, "<AppRec/>")


def test_what_cannot_be_read_is_422(here: Service) -> None:
    answer = here.http.post("/translate", content=b"<MsgHead>", headers=XML)

    assert told(answer) == (422, "application/fhir+json", "OperationOutcome")
    assert answer.json()["issue"][0]["location"] == ["Line[1]"]


@pytest.mark.parametrize("query", ["received=yesterday", "pathway=adults", "pathway=D1%00"])
def test_a_parameter_without_its_form_is_400(here: Service, query: str) -> None:
    answer = here.http.post(f"/translate?{query}", content=b"<x/>", headers=XML)

    assert told(answer) == (400, "application/fhir+json", "OperationOutcome")
    assert answer.json()["issue"][0]["location"] == [f"http.{query.partition('=')[0]}"]


def test_messages_are_listed_newest_first_in_pages(here: Service) -> None:
    for number in range(5):
        here.clock.moment += timedelta(minutes=1)
        send(here, f"m{number} <x/>")

    seen, address = [], "/messages?limit=2"
    for _ in range(4):
        page = here.http.get(address).json()
        assert set(page) == {"items", "next"}
        seen.append([item["msgId"] for item in page["items"]])
        if page["next"] is None:
            break
        address = page["next"]

    assert seen == [["m4", "m3"], ["m2", "m1"], ["m0"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("msgId=m1", ["m1"]),
        ("sender=2", ["m2", "m1", "m0"]),
        ("sender=3", []),
        ("receiver=1&state=refused", ["m2"]),
        ("type=HENVIS&state=processed", ["m1", "m0"]),
        ("since=2026-06-01T12:02:00", ["m2", "m1"]),
        ("since=2026-06-01T10:03:00Z", ["m2"]),
        ("since=2026-06-01T12:03:00%2B02:00", ["m2"]),
        ("since=2026-06-02", []),
        ("limit=1000000", ["m2", "m1", "m0"]),
        ("msgId=%27%20OR%201=1--", []),
    ],
)
def test_messages_are_found_by(here: Service, query: str, expected: list[str]) -> None:
    for number, refused in enumerate(["", "", "!refused"]):
        here.clock.moment += timedelta(minutes=1)
        send(here, f"m{number}{refused} <x/>")

    assert [item["msgId"] for item in here.http.get(f"/messages?{query}").json()["items"]] == expected


@pytest.mark.parametrize(
    "query", ["state=lost", "since=yesterday", "limit=0", "limit=x", "after=x", "after=2026-06-01~1", "msgId=a%00b"]
)
def test_a_search_that_cannot_be_understood_is_400(here: Service, query: str) -> None:
    assert told(here.http.get(f"/messages?{query}")) == (400, "application/fhir+json", "OperationOutcome")


def test_at_most_a_hundred_come_at_once(here: Service) -> None:
    for number in range(101):
        send(here, f"m{number} <x/>")

    assert len(here.http.get("/messages?limit=500").json()["items"]) == 100


def test_a_message_has_its_xml_receipt_statuses_bundle_and_explanation(here: Service) -> None:
    at = send(here, "m1 <x/>").headers["location"]

    xml = here.http.get(f"{at}/xml")
    assert (xml.content, xml.headers["content-type"]) == (b"m1 <x/>", "application/xml")
    assert xml.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert here.http.get(f"{at}/apprec").text == "<AppRec/>"
    assert here.http.get(f"{at}/statuses").json() == {"items": [{"document": "<MsgHead/>"}]}
    assert here.http.get(f"{at}/bundle").headers["content-type"] == "application/fhir+json"
    assert set(here.http.get(f"{at}/explanation").json()) == {"elements", "nodes"}


def test_what_is_not_there_yet_is_404(here: Service) -> None:
    send(here, "m1 <x/>")
    at = send(here, "m1 <y/>", 409).headers["location"]

    for what in ("apprec", "bundle", "explanation"):
        assert told(here.http.get(f"{at}/{what}")) == (404, "application/fhir+json", "OperationOutcome")
    assert here.http.get(f"{at}/statuses").json() == {"items": []}
    for path in ("", "/xml", "/apprec", "/statuses", "/bundle", "/explanation"):
        for id in (NEVER, "1", "a%00b", "..%2f"):
            assert here.http.get(f"/messages/{id}{path}").status_code == 404


@pytest.mark.parametrize("verb", ["retry", "dismiss"])
def test_a_decision_is_202_or_409_or_404(here: Service, verb: str) -> None:
    settled = send(here, "m1 <x/>").headers["location"]
    waiting = send(here, "m1 <y/>", 409).headers["location"]

    done = here.http.post(f"{waiting}/{verb}")
    assert (done.status_code, done.json()["id"]) == (202, waiting.rpartition("/")[2])
    assert told(here.http.post(f"{settled}/{verb}")) == (409, "application/fhir+json", "OperationOutcome")
    assert told(here.http.post(f"/messages/{NEVER}/{verb}")) == (404, "application/fhir+json", "OperationOutcome")


@pytest.mark.parametrize("whose", [MUNICIPALITY, "nobody"])
def test_an_organisation_sees_its_own_messages_alone(here: Service, whose: str) -> None:
    ours, theirs = send(here, "m1 <x/>"), send(here, f"m2@{whose} <x/>")
    at, us = theirs.headers["location"], {ORGANISATION: HOSPITAL}

    assert [item["msgId"] for item in here.http.get("/messages", headers=us).json()["items"]] == ["m1"]
    for path in ("", "/xml", "/apprec", "/statuses", "/bundle", "/explanation"):
        hidden, never = (here.http.get(f"/messages/{id}{path}", headers=us) for id in (at.rpartition("/")[2], NEVER))
        assert (hidden.status_code, hidden.content) == (404, never.content)
    for verb in ("retry", "dismiss"):
        assert here.http.post(f"{at}/{verb}", headers=us).status_code == 404
    assert here.http.get(ours.headers["location"], headers=us).status_code == 200
    assert here.http.post("/messages", content="m3 <x/>", headers={**XML, ORGANISATION: "123456789"}).status_code == 400
    assert here.http.get(at).status_code == 200  # without the header the operator sees all


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({}, 202),
    ],
)
def test_another_sites_page_cannot_decide_or_send(here: Service, headers: dict[str, str], status: int) -> None:
    send(here, "m1 <x/>")
    waiting = send(here, "m1 <y/>", 409).headers["location"]

    assert here.http.post(f"{waiting}/dismiss", headers=headers).status_code == status
    if status == 403:
        assert here.http.post(f"{waiting}/retry", headers=headers).status_code == 403
        assert here.http.post("/messages", content="m2 <x/>", headers={**XML, **headers}).status_code == 403
        assert len(here.http.get("/messages").json()["items"]) == 2


def test_our_own_page_can_send(here: Service) -> None:
    assert here.http.post("/messages", content="m1 <x/>", headers={**XML, "Origin": here.base}).status_code == 201


def test_a_method_that_is_not_offered_is_405_and_names_those_that_are(here: Service) -> None:
    answer = here.http.delete("/messages")

    assert told(answer) == (405, "application/fhir+json", "OperationOutcome")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert here.http.put("/translate").headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/messages", "/", "/health/live", "/docs"])
def test_head_answers_as_get_does_without_its_body(here: Service, path: str) -> None:
    whole, head = here.http.get(path), here.http.head(path)

    assert (head.status_code, head.headers["content-type"], head.content) == (200, whole.headers["content-type"], b"")
    assert here.http.head("/translate").status_code == 405


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_at_the_calendars_end_is_400(here: Service, time: str) -> None:
    assert told(here.http.get(f"/messages?since={time}")) == (400, "application/fhir+json", "OperationOutcome")
    answer = here.http.post(f"/translate?received={time}", content="m1 <x/>", headers=XML)
    assert told(answer) == (400, "application/fhir+json", "OperationOutcome")


@pytest.mark.parametrize("offset", ["%2B02:00", "+02:00"])
def test_an_offsets_plus_need_not_be_escaped(here: Service, offset: str) -> None:
    kept = send(here, "m1 <x/>").json()  # received 2026-06-01T10:00:00Z

    assert here.http.get(f"/messages?since=2026-06-01T12:00:00{offset}").json()["items"] == [kept]
    assert here.http.get(f"/messages?since=2026-06-01T12:00:01{offset}").json()["items"] == []


def test_a_pathway_that_no_rules_have_is_400(here: Service) -> None:
    answer = here.http.post("/translate?pathway=D99", content="m1 <x/>", headers=XML)

    assert told(answer) == (400, "application/fhir+json", "OperationOutcome")


def test_a_message_that_was_put_aside_says_so_and_asks_for_nothing(here: Service) -> None:
    send(here, "m1 <x/>")
    waiting = send(here, "m1 <y/>", 409)

    settled = here.http.post(f"{waiting.headers['location']}/dismiss").json()

    put_aside = f"{waiting.json()['reason']} Put aside by a person.".lstrip()
    assert settled == {**waiting.json(), "reason": put_aside, "action": ""}
    assert here.http.get(waiting.headers["location"]).json() == {**settled, "ledTo": []}
