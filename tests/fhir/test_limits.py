"""What one request and one caller may ask: bytes, seconds, entries, requests at once (RFC 9110, RFC 6585)."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from adapter.failures import Refused
from adapter.fhir.limits import Limits, Turns
from tests.fhir.made import issues, task
from tests.http.service import MUNICIPALITY, Service, service

LIMITS = Limits(max_bytes=20_000, max_entries=5, body_seconds=1.0, requests_at_once=2)
JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("limits"), limits=LIMITS) as running:
        yield running


@contextmanager
def begun(here: Service, path: str, *headers: str) -> Iterator[socket.socket]:
    """A POST whose headers are sent and whose body is still to come."""
    address = urlsplit(here.base)
    lines = [f"POST {path} HTTP/1.1", f"Host: {address.netloc}", "Content-Type: application/fhir+json", *headers, "", ""]
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        yield connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(4096).split(b" ", 2)[1])


@pytest.mark.parametrize("path", ["/fhir/Task", "/fhir", "/fhir/Task/$validate"])
def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(here: Service, path: str) -> None:
    with begun(here, path, "Content-Length: 50000000") as connection:
        assert status(connection) == 413


def test_a_body_that_does_not_say_how_large_it_is_is_read_no_further_than_its_measure(here: Service) -> None:
    """A gigabyte in chunks: the connection is closed long before."""
    sent, chunk = 0, b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with begun(here, "/fhir/Task", "Transfer-Encoding: chunked") as connection:
        try:
            while sent < 2**30:
                connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass

    assert sent < 16 * 1024 * 1024  # what two sockets' buffers hold


def test_a_body_of_the_very_measure_is_read(here: Service) -> None:
    sent = json.dumps(task()).encode()
    for length, expected in ((LIMITS.max_bytes, 201), (LIMITS.max_bytes + 1, 413)):
        assert here.http.post("/fhir/Task", content=sent.ljust(length), headers=JSON).status_code == expected


def test_a_body_that_comes_too_slowly_is_given_up(here: Service) -> None:
    began = time.monotonic()
    with begun(here, "/fhir/Task", "Content-Length: 1000") as connection:
        try:
            for _ in range(60):
                connection.sendall(b" ")
                connection.settimeout(0.05)
                try:
                    answer = connection.recv(4096)
                    break
                except TimeoutError:
                    continue
        except ConnectionError:
            pytest.fail("closed without an answer")

    assert answer.startswith(b"HTTP/1.1 408")
    assert LIMITS.body_seconds <= time.monotonic() - began < LIMITS.body_seconds + 2


def test_a_compressed_body_is_refused_whatever_it_would_become(here: Service) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    for coding in ("gzip", "deflate", "br", "gzip, gzip"):
        answer = here.http.post("/fhir/Task", content=bomb[:15_000], headers={**JSON, "Content-Encoding": coding})
        assert (answer.status_code, issues(answer)) == (415, [("not-supported", "http.Content-Encoding")])
        assert answer.headers["accept-encoding"] == "identity"
    plain = here.http.post("/fhir/Task", json=task(), headers={"Content-Encoding": "identity"})
    assert plain.status_code == 201


def test_a_bundle_of_too_many_entries_is_refused_and_nothing_is_kept(here: Service) -> None:
    entry = {"resource": task(description="many"), "request": {"method": "POST", "url": "Task"}}
    for type in ("batch", "transaction"):
        answer = here.http.post("/fhir", json={"resourceType": "Bundle", "type": type, "entry": [entry] * 6})
        assert (answer.status_code, issues(answer)) == (413, [("too-costly", "Bundle.entry")])
    assert here.http.post("/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": [entry] * 5}).status_code == 200


def test_a_form_has_its_own_smaller_measure(here: Service) -> None:
    answer = here.http.post("/fhir/Task/_search", data={"_id": "x" * 70_000})

    assert answer.status_code == 413


def test_an_address_beyond_measure_is_refused(here: Service) -> None:
    assert here.http.put(f"/fhir/Task?identifier={'x' * 9000}", json=task()).status_code == 414


def test_a_caller_with_too_much_under_way_is_asked_to_wait_and_others_are_not(here: Service) -> None:
    with begun(here, "/fhir/Task", "Content-Length: 100"), begun(here, "/fhir/Task", "Content-Length: 100"):
        time.sleep(0.3)  # until both have been taken in
        answer = here.http.get("/fhir/Task")
        other = here.http.get("/fhir/Task", headers={"X-Stafett-Organisation": MUNICIPALITY})

        assert (answer.status_code, answer.headers["retry-after"], issues(answer)) == (429, "1", [("throttled", "")])
        assert other.status_code == 200
    deadline = time.monotonic() + 5
    while here.http.get("/fhir/Task").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_identifies_a_request_comes_back_with_every_answer(here: Service) -> None:
    given = {"X-Request-Id": "abc-1", "nhn-event-id": "event-7"}
    answers = [
        here.http.post("/fhir/Task", json=task(), headers=given),
        here.http.post("/fhir/Task", json={}, headers=given),
        here.http.delete("/fhir/Task/1", headers=given),
        here.http.post("/fhir", json={}, headers=given),
        here.http.get("/fhir/Task", headers={**given, "Accept": "text/csv"}),
    ]

    assert [answer.status_code for answer in answers] == [201, 400, 405, 400, 406]
    for answer in answers:
        assert (answer.headers["x-request-id"], answer.headers["nhn-event-id"]) == ("abc-1", "event-7")


@pytest.mark.parametrize("given", ["21858999992", "218589-99992", "case-21858999992", "a.218589_99992-b", "a" * 65])
def test_what_may_be_a_persons_number_or_is_long_identifies_no_request(here: Service, given: str) -> None:
    """It would stand in the log and in the audit."""
    answer = here.http.get("/fhir/metadata", headers={"X-Request-Id": given, "nhn-event-id": given})

    assert str(UUID(answer.headers["x-request-id"])) == answer.headers["x-request-id"]
    assert "nhn-event-id" not in answer.headers


@pytest.mark.parametrize(
    "given", ["4bf92f3577b34da6a3ce929d0e0e4736", "00-12838540056af651-01", "5b0c3b3e-6a57-5d5c-8d0e-128385400560"]
)
def test_an_id_that_has_so_many_digits_among_others_is_no_number(here: Service, given: str) -> None:
    """A trace's and a span's id (W3C Trace Context), and a UUID."""
    assert here.http.get("/fhir/metadata", headers={"X-Request-Id": given}).headers["x-request-id"] == given


def test_a_client_that_goes_away_leaves_nothing_behind(here: Service) -> None:
    with begun(here, "/fhir/Task", "Content-Length: 100") as connection:
        connection.sendall(b'{"resourceType":')
    with httpx.Client(base_url=here.base, trust_env=False) as client:
        assert client.get("/fhir/Task").status_code in (200, 429)


def test_turns_are_kept_among_threads() -> None:
    """Two that count at once: the second is refused, whatever the threads' turns are, and nothing is left behind."""
    turns, inside, seen = Turns(1), list[int](), list[int]()
    before = sys.getswitchinterval()

    def ask(number: int) -> None:
        for _ in range(2_000):
            with suppress(Refused), turns.taken("a"):
                inside.append(number)
                seen.append(len(inside))
                inside.pop()

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, range(4)))
    finally:
        sys.setswitchinterval(before)
    assert (max(seen), dict(turns.under_way)) == (1, {})
