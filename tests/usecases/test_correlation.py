"""What came of what: the id of a message or a request goes with all that it leads to, here and on to others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import httpx
import pytest
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from adapter.correlation import because_of, cause, caused_by
from adapter.figures import APPREC_SECONDS, DELIVERIES
from adapter.http_client import client
from adapter.hub.edi2 import Edi2Hub
from adapter.ports import Outgoing
from adapter.usecases.deliver import deliver
from tests.usecases.handover import HOSPITAL, World
from tests.usecases.house import NOW, House, PaperHub, SetClock, message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def sent(world: World) -> list[Outgoing]:
    with world.store.read() as unit:
        return unit.deliveries([HOSPITAL], limit=100)


def test_a_cause_holds_within_and_no_longer() -> None:
    with caused_by("one"):
        with caused_by("two"):
            assert (cause(), get_contextvars()) == ("two", {"correlation": "two"})
        with caused_by(""):
            assert (cause(), get_contextvars()) == ("one", {"correlation": "one"})
        told = because_of("three", lambda what: (what, cause()))
        with ThreadPoolExecutor(1) as elsewhere:  # as a turn's leader runs the jobs of others
            assert elsewhere.submit(copy_context().run, told, "x").result() == ("x", "three")
            assert elsewhere.submit(cause).result() == ""
    assert (cause(), get_contextvars()) == ("", {})


def test_a_call_names_what_it_came_of_and_one_of_nothing_names_nothing() -> None:
    heard = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request.headers.get("x-request-id"))
        return httpx.Response(200)

    with client("http://127.0.0.1", transport=httpx.MockTransport(answer)) as calling:
        calling.get("/one")
        with caused_by("m1"):
            calling.get("/two")

    assert heard == [None, "m1"]


def test_the_hub_is_told_what_a_receipt_came_of() -> None:
    heard = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append((request.method, request.headers.get("x-request-id")))
        return httpx.Response(201, json="there")

    row = Outgoing(
        *("r", "t", "k", "edi2", "apprec", "m1", "h1", "8000101", "8000201", b"{}", "application/json", NOW),
        attempts=1,
        cause="m1",
    )
    hub = Edi2Hub("https://hub.example", ["8000101"], "Stafett", clock=SetClock(), transport=httpx.MockTransport(answer))
    hub.deliver(row)
    hub.close()

    assert heard == [("POST", "m1")]


def test_what_a_request_shares_came_of_it_and_what_is_heard_has_an_id_of_its_own(world: World) -> None:
    with caused_by("r1", "request_id"):
        key = world.hospital_asks()
    world.settle(3)
    asked = {row.id for row in sent(world)}
    assert {row.cause for row in sent(world)} == {"r1"}

    with capture_logs() as logs:
        world.municipality.answers(key, "accepted")
        with caused_by("another's"):  # whatever the thread was at
            world.settle(3)
    heard = [line for line in logs if line["event"] == "assignment.heard"]

    followed = [row for row in sent(world) if row.id not in asked]
    assert [line["about"] for line in heard] == [f"Task/{world.mirror(key)['id']}"]
    assert {row.hub for row in followed} >= {"specialist"}
    assert len({row.cause for row in followed}) == 1
    assert {row.cause for row in followed}.isdisjoint({"", "r1", "another's"})
    carried = {(line["id"], line["correlation"]) for line in logs if line["event"] == "delivery.sent"}
    assert carried == {(row.id, row.cause) for row in followed if row.state == "sent"}


def test_an_apprec_came_of_its_message_and_is_counted_by_how_long_that_had_waited(house: House) -> None:
    received = house.receive_file(message()).message
    seconds, tries = _seconds(), _tries()
    house.clock.pass_(minutes=2)

    (row,) = deliver(house.store, PaperHub(), house.clock)

    assert row.cause == received.id
    assert (_seconds() - seconds, _tries() - tries) == (120.0, 1.0)


def _tries() -> float:
    return float(DELIVERIES.labels("folder", "apprec", "sent")._value.get())


def _seconds() -> float:
    return float(APPREC_SECONDS.labels("folder")._sum.get())
