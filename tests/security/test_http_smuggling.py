"""What a request's head may say in two ways, told to the real server over a plain socket (clients would refuse to send it).

B106 to B110 of the table of bad inputs: smuggling by two lengths (RFC 9112 6.3 and 11.2), whose host counts, what a proxy's
headers may say of our addresses, media types and methods told otherwise, and typed data sent to what operators use.
"""

from __future__ import annotations

import pickle
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapter.settings import HelseID, Settings, StoreSettings
from adapter.wiring import build
from tests.http.service import Service, service
from tests.serving import served

EVIL = "evil.example"
BODY = b'{"resourceType":"Task"}'


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("smuggling")) as running:
        yield running


def told(here: Service, request: bytes) -> tuple[list[int], bytes]:
    """The statuses of all answers that one connection gets for some bytes, and all that was said."""
    address = urlsplit(here.base)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as line:
        line.sendall(request)
        said = b""
        while part := line.recv(65536):
            said += part
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", said, re.M)], said


def head(here: Service, line: str, *fields: str) -> bytes:
    return "\r\n".join([line, f"Host: {urlsplit(here.base).netloc}", "Connection: close", *fields, "", ""]).encode()


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
TWO_LENGTHS = {
    "a length and chunks": ["Content-Length: 6", "Transfer-Encoding: chunked"],
    "chunks and a length": ["Transfer-Encoding: chunked", "Content-Length: 6"],
    "two lengths": ["Content-Length: 6", "Content-Length: 60"],
    "a list of lengths": ["Content-Length: 6, 60"],
    "a length with a sign": ["Content-Length: +6"],
    "chunks by another name": ["Transfer-Encoding: xchunked", "Content-Length: 6"],
    "chunks that are not last": ["Transfer-Encoding: chunked, identity"],
    "space before the colon": ["Transfer-Encoding : chunked", "Content-Length: 6"],
    "a folded line": ["Transfer-Encoding:", " chunked", "Content-Length: 6"],
    "a bare line feed": ["Content-Length: 6\nTransfer-Encoding: chunked"],
    "NUL in the name": ["Transfer-Encoding\0: chunked", "Content-Length: 6"],
}


@pytest.mark.parametrize("how", TWO_LENGTHS)
def test_b106_a_request_with_two_lengths_is_refused_and_hides_no_second_one(here: Service, how: str) -> None:
    request = head(here, "POST /messages HTTP/1.1", "Content-Type: application/xml", *TWO_LENGTHS[how]) + b"0\r\n\r\n" + SMUGGLED
    statuses, said = told(here, request)

    assert statuses == [400]
    assert b"stafett_messages" not in said


def test_b106_an_honest_request_in_chunks_is_taken_so_that_the_others_are_refused_for_what_they_are(here: Service) -> None:
    chunked = head(here, "POST /messages HTTP/1.1", "Content-Type: application/xml", "Transfer-Encoding: chunked")

    assert told(here, chunked + b"4\r\n<x/>\r\n0\r\n\r\n")[0] == [201]


TWO_HOSTS = {
    "ours first": ["Host: {ours}", f"Host: {EVIL}"],
    "ours last": [f"Host: {EVIL}", "Host: {ours}"],
    "ours twice": ["Host: {ours}", "Host: {ours}"],
    "none": [],
    "empty": ["Host: "],
    "a list": [f"Host: {{ours}}, {EVIL}"],
    "a person before it": [f"Host: {EVIL}@{{ours}}"],
    "a path behind it": [f"Host: {{ours}}/{EVIL}"],
    "a port that is none": ["Host: 127.0.0.1:x"],
}


@pytest.mark.parametrize("how", TWO_HOSTS)
@pytest.mark.parametrize("path", ["/fhir/metadata", "/messages", "/"])
def test_b106_a_request_has_one_host_and_it_is_ours(here: Service, how: str, path: str) -> None:
    fields = [field.format(ours=urlsplit(here.base).netloc) for field in TWO_HOSTS[how]]
    statuses, said = told(here, "\r\n".join([f"GET {path} HTTP/1.1", "Connection: close", *fields, "", ""]).encode())

    assert statuses == [400]
    assert EVIL.encode() not in said


POISON = {
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/poison",
    "X-Host": EVIL,
    "X-Original-URL": "/metrics",
    "X-Rewrite-URL": "/metrics",
}
PROXIES = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": f"host={EVIL};proto=gopher",
    "Via": f"1.1 {EVIL}",
}


@pytest.mark.parametrize("name", PROXIES)
def test_b106_where_nobody_is_asked_who_they_are_no_proxy_stands_in_front(here: Service, name: str) -> None:
    answer = here.http.get("/fhir/Patient", headers={name: PROXIES[name]})

    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    assert EVIL not in answer.text


@pytest.mark.parametrize("path", ["/fhir/Patient?_count=1", "/fhir/metadata", "/messages?limit=1", "/", "/docs", "/openapi.json"])
def test_b106_links_are_built_from_the_configured_address_whatever_a_header_says(here: Service, path: str) -> None:
    plain, poisoned = here.http.get(path), here.http.get(path, headers=POISON)

    assert (plain.status_code, poisoned.status_code) == (200, 200)
    for spoilt in (EVIL, "gopher", "666/", "/poison"):
        assert spoilt not in poisoned.text + str(poisoned.headers)
    links = {address for address in re.findall(r'"(?:fullUrl|url)":"(http[^"]*)"', poisoned.text) if "/fhir/" in address}
    assert not [link for link in links if path.startswith("/fhir/Patient") and not link.startswith(f"{here.base}/fhir/")]


def test_b106_a_location_is_ours_too(here: Service) -> None:
    made = here.http.post(
        "/fhir/Organization",
        content=b'{"resourceType":"Organization","name":"Made"}',
        headers={**POISON, "Content-Type": "application/fhir+json"},
    )

    assert made.status_code == 201
    assert made.headers["location"].startswith(f"{here.base}/fhir/Organization/")


@pytest.mark.parametrize("wanted", ["text/csv", "application/pdf", "image/*", "application/fhir+turtle"])
def test_b107_a_media_type_that_nobody_gives_is_406(here: Service, wanted: str) -> None:
    answer = here.http.get("/fhir/Task", headers={"Accept": wanted})

    assert (answer.status_code, answer.json()["resourceType"]) == (406, "OperationOutcome")


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
def test_b107_a_method_told_in_a_header_is_not_heard(here: Service, name: str, method: str) -> None:
    made = here.http.post(
        "/fhir/Organization",
        content=b'{"resourceType":"Organization","name":"Kept"}',
        headers={"Content-Type": "application/fhir+json"},
    )
    address = made.headers["location"].split("/_history")[0]
    read = here.http.get(address, params={}, headers={name: method})

    assert (read.status_code, read.json()["name"], read.headers["etag"]) == (200, "Kept", 'W/"1"')
    assert here.http.get(f"{address}?_method={method}").status_code in (200, 400)
    assert here.http.get(address).headers["etag"] == 'W/"1"'


class Planted:
    """An object whose reading back would run what it names."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("__import__('tests.security.test_http_smuggling', fromlist=['RUN']).RUN.append(1)",))


RUN: list[int] = []
TYPED = {
    "pickle": ("application/octet-stream", pickle.dumps(Planted())),
    "pickle by its name": ("application/x-python-pickle", pickle.dumps(Planted())),
    "YAML tags": (
        "application/yaml",
        b"!!python/object/apply:tests.security.test_http_smuggling.RUN.append [1]",
    ),
    "typed XML": (
        "application/xml",
        b"<sorted-set><dynamic-proxy><interface>java.lang.Comparable</interface><handler class='java.beans.EventHandler'>"
        b"<target class='java.lang.ProcessBuilder'><command><string>id</string></command></target></handler></dynamic-proxy>"
        b"</sorted-set>",
    ),
    "typed JSON": (
        "application/json",
        b'{"py/reduce":[{"py/function":"os.system"},{"py/tuple":["id"]}],"@type":"java.lang.Runtime"}',
    ),
    "a Java object": ("application/x-java-serialized-object", b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap"),
}
OPERATORS = (
    "/messages/00000000-0000-4000-8000-000000000000/retry",
    "/messages/00000000-0000-4000-8000-000000000000/dismiss",
    "/console/messages/00000000-0000-4000-8000-000000000000/retry",
    "/deliveries/00000000-0000-4000-8000-000000000000/retry",
    "/docs",
    "/metrics",
    "/",
)


@pytest.mark.parametrize("kind", TYPED)
@pytest.mark.parametrize("path", OPERATORS)
def test_b110_typed_data_for_operators_is_refused_unread(here: Service, kind: str, path: str) -> None:
    media, body = TYPED[kind]
    answer = here.http.post(path, content=body, headers={"Content-Type": media})

    assert answer.status_code in (401, 403, 404, 405, 415)
    assert RUN == []
    assert body[:20] not in answer.content


def test_b110_with_tokens_typed_data_is_answered_401_before_anything_looks_at_it(tmp_path: Path) -> None:
    helseid = HelseID(issuer="https://sts.example", audience="nhn:pakkeforlop")
    store = StoreSettings(url=f"sqlite:///{tmp_path}/stafett.db")
    services = build(Settings(auth="helseid", helseid=helseid, public_base="https://stafett.example", store=store))
    with served(lambda _: services.app) as client:
        found = {
            (path, kind): client.post(path, content=body, headers={"Content-Type": media}).status_code
            for path in OPERATORS
            if path not in ("/docs", "/metrics")  # which are open, and take nothing
            for kind, (media, body) in TYPED.items()
        }
    services.close()

    assert {asked: status for asked, status in found.items() if status != 401} == {}
    assert RUN == []


def test_b110_what_is_planted_would_run_where_it_was_read_as_what_it_is() -> None:
    pickle.loads(TYPED["pickle"][1])

    assert RUN.pop() == 1
