"""What holds for every request: host names, measures, and that a fault of ours tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from structlog.testing import capture_logs

from adapter.console.app import app
from adapter.fhir.limits import Limits
from adapter.security.admitting import by_header
from adapter.settings import Settings
from adapter.storage import open_store
from adapter.wiring import make_rules
from tests.http.fakes import FakeReception
from tests.http.service import HOSPITAL, Service
from tests.serving import StillClock, served, until

SECRET = "21858999992 Kari"


class BrokenStore:
    """A store whose faults carry what no one may see."""

    quick = True

    def read(self, *_: str) -> None:
        raise RuntimeError(SECRET)

    write = check = newest = read

    def seen_by(self, *_: object) -> BrokenStore:
        return self


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost.evil.example:8000"])
def test_another_hosts_name_is_refused(here: Service, host: str) -> None:
    answer = here.http.get("/messages", headers={"Host": host})

    assert answer.status_code == 400
    assert here.http.get("/health/live", headers={"Host": "10.0.0.7"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1", "[::1]:8000"])
def test_this_machines_own_names_are_known(here: Service, host: str) -> None:
    assert here.http.get("/messages", headers={"Host": host}).status_code == 200


def test_an_address_beyond_measure_is_refused(here: Service) -> None:
    answer = here.http.get("/messages?msgId=" + "x" * 9000)

    assert (answer.status_code, answer.json()["resourceType"]) == (414, "OperationOutcome")


def test_headers_beyond_measure_are_refused(here: Service) -> None:
    """RFC 6585 5."""
    answer = here.http.get("/messages", headers={"X-Odd": "x" * 33_000})

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (431, "too-long")


def test_neither_log_nor_figures_hold_what_a_caller_invents(here: Service) -> None:
    with capture_logs() as logs:
        here.http.request("MKCOL", "/messages", headers={"X-Request-Id": "21858999992"})  # as odd as the HTTP parser lets in
        here.http.get("/messages", headers={"X-Request-Id": "218589-99992"})
        until(lambda: len(logs) == 2)  # a line is written behind its answer

    assert [entry["method"] for entry in logs] == ["other", "GET"]
    assert "99992" not in str(logs) + here.http.get("/metrics").text


def over(store: Any) -> Callable[[str], FastAPI]:
    """A service over a store that does not work."""

    def make(base: str) -> FastAPI:
        return app(
            store=store,
            reception=FakeReception(store, HOSPITAL),
            admit=by_header([HOSPITAL]),
            clock=StillClock(),
            key=b"k",
            organisations=[HOSPITAL],
            public_base=base,
            max_bytes=10,
            rules=make_rules(Settings(public_base=base)),
            limits=Limits(),
        )

    return make


@pytest.mark.parametrize("path", ["/messages", "/fhir/Patient/p1", "/"])
def test_a_fault_of_ours_is_an_outcome_and_tells_nothing(path: str) -> None:
    with capture_logs() as logs, served(over(BrokenStore())) as client:
        answer = client.get(path, headers={"X-Request-Id": "r1"})

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/fhir+json")
    assert answer.json()["issue"][0]["code"] == "exception"
    assert "r1" in answer.json()["issue"][0]["details"]["text"]
    assert SECRET not in answer.text + str(logs)
    assert [entry["error"] for entry in logs if entry["event"] == "unexpected error"] == ["RuntimeError"]


def test_a_database_out_of_reach_is_503_and_says_when_to_try_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/stafett.db")
    rmtree(folder)

    with served(over(store)) as client:
        ready, answer, figures = client.get("/health/ready"), client.get("/messages"), client.get("/metrics")

    assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
    assert ready.json()["faults"]
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "transient")
    assert answer.headers["retry-after"] == "5"
    assert "stafett_database_up 0.0" in figures.text


def test_a_log_line_names_the_route_and_neither_address_nor_number(here: Service) -> None:
    structlog.reset_defaults()
    with capture_logs() as logs:
        here.http.get("/fhir/Patient/21858999992", params={"identifier": "21858999992"})
        here.http.get("/messages", params={"msgId": "secret"})
        here.http.get("/nowhere/21858999992")
        until(lambda: len(logs) == 3)

    assert [(entry["route"], entry["status"]) for entry in logs] == [("/fhir/{type}/{id}", 400), ("/messages", 200), ("none", 404)]
    assert "21858999992" not in str(logs)


def test_the_figures_count_states_and_routes_and_name_nobody(here: Service) -> None:
    here.http.post("/messages", content="m1 <x/>", headers={"Content-Type": "text/xml"})
    here.http.get("/fhir/Patient/21858999992")
    here.http.request("MKCOL", "/nowhere/21858999992")
    figures = here.http.get("/metrics")

    assert figures.headers["content-type"].startswith("text/plain")
    for line in (
        'stafett_messages{state="processed"} 1.0',
        'stafett_outbox{state="dead"} 0.0',
        "stafett_database_up 1.0",
        'stafett_http_requests_total{method="POST",route="/messages",status="201"} 1.0',
        'stafett_http_requests_total{method="GET",route="/fhir/{type}/{id}",status="404"} 1.0',
        'stafett_http_requests_total{method="other",route="none",status="404"} 1.0',
    ):
        assert line in figures.text
    assert "21858999992" not in figures.text


def test_ready_tells_what_waits_for_a_person(here: Service) -> None:
    for body in ("m1 <x/>", "m1 <y/>"):
        here.http.post("/messages", content=body, headers={"Content-Type": "text/xml"})

    assert here.http.get("/health/live").json() == {"status": "live"}
    assert here.http.get("/health/ready").json() == {
        "status": "ready",
        "faults": [],
        "messages": {"quarantined": 1, "parked": 0},
        "outbox": {"waiting": 0, "unanswered": 0, "sent": 0, "dead": 0, "dismissed": 0},
    }
