"""A simulated FHIR server of a hospital or municipality: plain FHIR, an address that is told of changes, and faults on order."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from lxml import html

from adapter.r4.checker import check
from adapter.sandbox.partner import make_app
from adapter.storage import open_store
from mappings.resources import notice
from tests.house.processes import free_ports, get, running, wait_for
from tests.serving import StillClock, served, until
from tests.stores import with_tables

pytestmark = pytest.mark.slow  # a whole installation for each

JSON = {"Content-Type": "application/fhir+json"}
OWNER = "319900209"  # of the example, whose requester is 319900101
EXAMPLE = Path(__file__).parents[2] / "profiles" / "examples" / "good" / "assignment-task.json"
KEY = "urn:ietf:rfc:3986|urn:uuid:5f3f7a35-22e1-4a0f-8d0e-6b0e8c4a9d11"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"


@dataclass
class Ear:
    """Somebody who is told."""

    address: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Server:
    http: httpx.Client
    ear: Ear
    clock: StillClock

    def push(self, **changes: Any) -> str:
        """The example as an assignment that is asked for; its id here."""
        task = {key: value for key, value in json.loads(EXAMPLE.read_bytes()).items() if key != "id"} | changes
        request = {"method": "POST", "url": "Task", "ifNoneExist": f"identifier={KEY}"}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": task, "request": request}]}
        (entry,) = self.http.post("/fhir", json=bundle, headers=JSON).raise_for_status().json()["entry"]
        return str(entry["response"]["location"].split("/")[1])

    def task(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/fhir/Task/{id}").raise_for_status().json()
        return found

    def put(self, id: str, **changes: Any) -> httpx.Response:
        body = self.task(id) | changes
        return self.http.put(f"/fhir/Task/{id}", json=body, headers=JSON | {"If-Match": f'W/"{body["meta"]["versionId"]}"'})

    def order(self, **fault: Any) -> None:
        assert self.http.post("/sandbox/faults", json=fault).json()["mode"] == fault["mode"]


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ear.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ear.address = f"http://127.0.0.1:{server.server_port}/told"
        yield ear
        server.shutdown()


@contextmanager
def partner(folder: Path, organisation: str = OWNER) -> Iterator[Server]:
    store, clock = open_store(with_tables(folder / "partner.db")), StillClock()
    with listening() as ear:

        def make(base: str) -> FastAPI:
            return cast(
                "FastAPI",
                make_app(store, clock, name="municipality", organisation=organisation, base=base, notify=ear.address),
            )

        with served(make) as client:
            yield Server(client, ear, clock)
    store.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Server]:
    with partner(tmp_path) as server:
        yield server


def test_a_task_may_live_any_life_there(here: Server) -> None:
    id = here.push()
    for status in ("completed", "requested", "rejected", "in-progress"):
        reason = {"statusReason": {"text": "Nei"}} if status == "rejected" else {}
        output = {"output": [coordinator()]} if status == "completed" else {}
        assert here.put(id, status=status, **reason, **output).status_code == 200
    assert here.push() == id  # the condition finds it, whatever has become of it


def coordinator() -> dict[str, Any]:
    type = {"coding": [{"system": "https://stafett.invalid/fhir/CodeSystem/task-output", "code": "assigned-coordinator"}]}
    return {"type": type, "valueReference": {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "9144900"}}}


def test_it_declares_what_an_assignment_is_pushed_by(here: Server) -> None:
    statement = here.http.get("/fhir/metadata").json()
    (task,) = (one for one in statement["rest"][0]["resource"] if one["type"] == "Task")

    assert {"create", "update", "search-type"} <= {one["code"] for one in task["interaction"]}
    assert task["conditionalCreate"]
    assert {one["code"] for one in statement["rest"][0]["interaction"]} >= {"transaction"}


def test_each_change_of_an_assignment_is_told_by_its_address_alone(here: Server) -> None:
    id = here.push()
    until(lambda: len(here.ear.heard) == 1)
    assert here.put(id, status="received").status_code == 200
    until(lambda: len(here.ear.heard) == 2)

    for number, told in enumerate(here.ear.heard, 1):
        status = told["entry"][0]["resource"]
        said = {one["name"]: one.get("valueString") or one.get("valueCode") for one in status["parameter"]}
        # R5 Backport 1.1 for R4: the two counts are strings, and a status stands first in a Bundle of type history
        assert (told["type"], status["meta"]["profile"]) == ("history", [BACKPORT])
        assert said["events-since-subscription-start"] == f"{number}"
        assert (said["status"], said["type"]) == ("active", "event-notification")
        assert set(notice.addresses(told)) == {f"{here.http.base_url}/fhir/Task/{id}".replace("//fhir", "/fhir")}
        assert [finding for finding in check(told) if finding.severity == "error"] == []
        assert "21858999992" not in json.dumps(told)


def test_nothing_is_told_of_what_is_no_assignment_nor_of_what_stays_as_it_is(here: Server) -> None:
    other = {"resourceType": "Task", "status": "requested", "intent": "order"}
    assert here.http.post("/fhir/Task", json=other, headers=JSON).status_code == 201
    id = here.push()
    until(lambda: here.ear.heard)
    assert here.put(id).status_code == 200  # the same again
    assert here.put(id, status="received").status_code == 200
    until(lambda: len(here.ear.heard) == 2)

    assert here.task(id)["meta"]["versionId"] == "2"


def test_down_hangs_up_and_does_nothing(here: Server) -> None:
    here.order(mode="down", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        here.push()

    assert here.http.get("/fhir/Task").json()["total"] == 0


@pytest.mark.parametrize("mode", ["garbage", "fails", "cut"])
def test_a_forgetful_server_has_done_what_it_does_not_say(here: Server, mode: str) -> None:
    here.order(mode=mode, count=1)
    with pytest.raises((httpx.HTTPError, ValueError)):  # ValueError: no JSON
        here.push()

    assert here.http.get("/fhir/Task").json()["total"] == 1


def test_garbage_is_said_to_be_well_and_cannot_be_read(here: Server) -> None:
    here.order(mode="garbage", count=1)
    answer = here.http.get("/fhir/Task")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    with pytest.raises(ValueError, match=r"utf-8|Unterminated|Expecting"):
        json.loads(answer.content)


def test_an_answer_that_is_cut_ends_before_the_length_that_it_told(here: Server) -> None:
    here.order(mode="cut", count=1)
    received = b""
    with socket.create_connection((here.http.base_url.host, here.http.base_url.port or 0), timeout=10) as line:
        line.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while part := line.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = (int(one.split(b":")[1]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length"))

    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) == length // 2


def test_a_stubborn_server_refuses_changes_and_lets_all_else_be(here: Server) -> None:
    id = here.push()
    here.order(mode="stubborn", count=2)

    assert here.put(id, status="received").status_code == 412  # the read before it was not befallen
    assert here.http.patch(f"/fhir/Task/{id}", json=[]).status_code == 412
    assert here.put(id, status="received").status_code == 200


def test_a_redirecting_server_names_a_host_that_nobody_has(here: Server) -> None:
    here.order(mode="redirecting")
    for _ in range(3):
        answer = here.http.get("/fhir/Task")
        assert (answer.status_code, answer.headers["location"]) == (307, "http://elsewhere.invalid/fhir/Task")
    here.order(mode="well")

    assert here.http.get("/fhir/Task").status_code == 200


def test_a_slow_server_answers_in_its_own_time(here: Server) -> None:
    here.order(mode="slow", seconds=0.3, count=1)

    assert here.http.get("/fhir/Task").elapsed.total_seconds() >= 0.3
    assert here.http.get("/sandbox/faults").json() == {"mode": "well", "count": None, "seconds": 5.0}


@pytest.mark.parametrize(
    "wrong", [{"mode": "sleepy"}, {"mode": "slow", "seconds": 61}, {"mode": "down", "count": 0}, {"mood": "down"}, [1], "down"]
)
def test_a_fault_that_is_none_is_refused_and_changes_nothing(here: Server, wrong: Any) -> None:
    assert here.http.post("/sandbox/faults", json=wrong).status_code == 400
    assert here.http.get("/sandbox/faults").json()["mode"] == "well"


def test_another_sites_page_cannot_order_faults(here: Server) -> None:
    answer = here.http.post("/sandbox/faults", data={"mode": "down"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, here.http.get("/sandbox/faults").json()["mode"]) == (400, "well")


def click(here: Server, text: str) -> None:
    """Press the first button of that name on the page."""
    page = html.fromstring(here.http.get("/").text)
    form = next(form for form in page.iter("form") if form.xpath("string(button)") == text)
    answer = here.http.post(form.get("action"), data={field.get("name"): field.get("value") for field in form.iter("input")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def buttons(here: Server) -> list[str]:
    page = html.fromstring(here.http.get("/").text)
    return [form.xpath("string(button)") for form in page.iter("form") if form.get("action") == "/sandbox/answers"]


def test_the_page_lets_a_tester_answer_as_the_municipality_would(here: Server) -> None:
    id = here.push()
    assert buttons(here) == ["mark as received", "accept", "say no"]
    click(here, "accept")
    click(here, "name the coordinator")
    task = here.task(id)

    assert (task["status"], buttons(here)) == ("completed", [])
    assert task["executionPeriod"] == {"start": "2026-06-01T10:00:00Z", "end": "2026-06-01T10:00:00Z"}
    assert task["output"][0]["valueReference"] == {"reference": "#coordinator"}
    assert task["contained"][0]["telecom"][0]["system"] == "phone"
    until(lambda: len(here.ear.heard) == 3)


def test_a_no_has_a_reason(here: Server) -> None:
    id = here.push()
    click(here, "say no")

    assert here.task(id)["status"] == "rejected"
    assert here.task(id)["statusReason"]["text"]


def test_only_the_organisation_that_is_asked_answers(tmp_path: Path) -> None:
    with partner(tmp_path, "319900101") as hospital:
        hospital.push()

        assert buttons(hospital) == []


def test_a_fault_is_ordered_at_a_click_and_the_page_says_how_it_is(here: Server) -> None:
    click(here, "the next request")  # the first mode after well: slow
    assert here.http.get("/sandbox/faults").json() == {"mode": "slow", "count": 1, "seconds": 5.0}
    assert (
        "waits some seconds before it does anything, requests that this still befalls: 1"
        in html.fromstring(here.http.get("/").text).text_content()
    )
    click(here, "from now on")  # the first row

    assert here.http.get("/sandbox/faults").json()["mode"] == "well"


def test_what_a_task_says_is_drawn_as_text(here: Server) -> None:
    here.push(status="rejected", statusReason={"text": "<b>nei</b>"})
    answer = here.http.get("/")

    assert "&lt;b&gt;nei" in answer.text
    assert "<b>" not in answer.text
    assert "script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_it_keeps_its_data_when_it_is_started_again(tmp_path: Path) -> None:
    port = free_ports(1)
    base = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "adapter.sandbox.partner", "--port", str(port), "--name", "municipality"),
        *("--organisation", OWNER, "--store", str(tmp_path / "partner.db")),
    ]
    ids = []
    for _ in range(2):
        with running(command, tmp_path, tmp_path / "log") as process:
            wait_for(lambda: get(f"{base}/sandbox/faults"), process, 30)
            with httpx.Client(base_url=base, trust_env=False) as client:
                ids.append(Server(client, Ear(), StillClock()).push())

    assert ids[0] == ids[1]
