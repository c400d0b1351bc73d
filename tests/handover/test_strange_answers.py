"""What a partner should not answer is refused, told to a person, and in the log; and the line goes on with the others.

The Task of another patient in its place, a status that there is not, garbage in its elements, a redirect elsewhere, a page of HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from structlog.testing import capture_logs

from adapter.partners.hearing import Line
from adapter.partners.server import HttpFhirServer
from adapter.r4.checker import check
from adapter.usecases.pathways import Body
from adapter.usecases.push_assignment import Courier
from mappings.resources import assignment
from tests.national_numbers import make
from tests.usecases.handover import FNR, World, converged, organisation

Logs = list[MutableMapping[str, Any]]
OTHER: Final = {"type": "Patient", "identifier": {"system": FNR, "value": make(3, 4, 1990, "male")}}


@pytest.fixture
def logs() -> Iterator[Logs]:
    with capture_logs() as taken:
        yield taken


@pytest.fixture
def world(tmp_path: Path, logs: Logs) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def events(logs: Logs, level: str) -> set[str]:
    return {str(one["event"]) for one in logs if one["log_level"] == level}


STRANGE: Final[dict[str, Body]] = {
    "another patient": {"status": "accepted", "for": OTHER},
    "another owner": {"status": "accepted", "owner": organisation("319900999")},
    "an unknown status": {"status": "done"},
    "a status that is a list": {"status": ["accepted"]},
    "a patient that is a list": {"for": ["somebody"]},
    "notes that are a number": {"note": 7},
    "an output that is a text": {"status": "completed", "output": "Kari"},
    "contained that refers to itself": {
        "contained": [{"resourceType": "PractitionerRole", "id": "a", "practitioner": {"reference": "#a"}}],
        "output": [{"type": {"text": "x"}, "valueReference": {"reference": "#a"}}],
    },
    "another Task altogether": {"code": {"text": "something else"}},
}
UNREAD: Final = {"contained that refers to itself"}
"""Strange, but no reason not to take what else is said."""


@pytest.mark.parametrize("what", STRANGE)
def test_what_stands_strangely_in_its_place_is_told_and_holds_up_no_other(world: World, logs: Logs, what: str) -> None:
    first, second = world.hospital_asks(), world.hospital_asks(number=make(5, 6, 1991, "female"))
    world.settle()
    before = world.mirror(first)

    world.municipality.answers(first, **{"status": "requested"} | STRANGE[what])
    world.municipality.answers(second, "accepted")
    world.settle()

    assert world.mirror(second)["status"] == world.specialist.task(second)["status"] == "accepted"
    assert world.mirror(first)["status"] == before["status"] == world.specialist.task(first)["status"]
    troubles = {(trouble.kind, trouble.partner) for trouble in world.troubles(first)}
    assert troubles == (set() if what in UNREAD else {("foreign", "municipality")})
    if what not in UNREAD:
        assert "assignment.foreign" in events(logs, "warning")


@pytest.mark.parametrize("what", sorted(set(STRANGE) - UNREAD))
def test_once_it_stands_as_it_should_the_trouble_is_over(world: World, what: str) -> None:
    key = world.hospital_asks()
    world.settle()
    there = world.municipality.task(key)
    world.municipality.answers(key, **{"status": "requested"} | STRANGE[what])
    world.settle()

    whole = {name: value for name, value in there.items() if name not in ("id", "meta", "status")}
    world.municipality.answers(key, "accepted", **{"note": [], "output": [], **whole})
    world.settle()

    assert not world.troubles()
    assert world.mirror(key)["status"] == "accepted"
    converged(world, key)


# over HTTP


class Odd:
    """A partner over HTTP that answers as it likes: `create` and `search` are what it says to them."""

    def __init__(self, world: World, create: Callable[[], httpx.Response], search: Callable[[], httpx.Response]) -> None:
        self.asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            self.asked.append(str(request.url))
            return create() if request.method == "POST" else search()

        partner = next(one for one in world.sharing.partners if one.name == "municipality")
        server = HttpFhirServer("municipality", partner.base_url, transport=httpx.MockTransport(answer))
        self.line = Line(Courier(partner, server, world.store, world.sharing, check, world.clock), poll_seconds=1)
        world.lines[1] = self.line


def elsewhere() -> httpx.Response:
    return httpx.Response(307, headers={"location": "https://elsewhere.example/fhir/Task"})


def page() -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/html"}, text="<html>Velkommen</html>")


def nothing() -> httpx.Response:
    return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "total": 0})


def anothers() -> httpx.Response:
    """A transaction's answer about the Task of another."""
    task = {
        "resourceType": "Task",
        "id": "1",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:other"}],
        "for": OTHER,
    }
    return httpx.Response(
        200,
        json={
            "resourceType": "Bundle",
            "type": "transaction-response",
            "entry": [{"response": {"status": "201 Created", "etag": 'W/"1"'}, "resource": task}],
        },
    )


@pytest.mark.parametrize(("create", "kind"), [(elsewhere, "foreign"), (anothers, "foreign")])
def test_a_creation_that_is_answered_so_is_given_up_and_told(
    world: World, logs: Logs, create: Callable[[], httpx.Response], kind: str
) -> None:
    odd = Odd(world, create, nothing)
    key = world.hospital_asks()
    world.settle()

    assert {(trouble.kind, trouble.partner) for trouble in world.troubles()} == {(kind, "municipality")}
    assert assignment.standing(world.mirror(key)) == "delivery-failed"
    assert [row.state for row in world.dead()] == ["dead"]
    assert {"delivery.dead", "assignment.foreign"} <= events(logs, "warning")
    assert all(url.startswith("https://municipality.example/fhir") for url in odd.asked)
    assert world.specialist.has(key)  # the other line has gone on


def test_a_page_of_html_is_no_answer_and_is_told_when_it_lasts(world: World, logs: Logs) -> None:
    Odd(world, page, page)
    world.hospital_asks()
    for _ in range(40):
        world.clock.pass_(seconds=28)
        world.settle(1)

    assert ("unreachable", "municipality", "Partner/municipality") in {(t.kind, t.partner, t.about) for t in world.troubles()}
    assert len(world.waiting()) == 1  # nothing is lost
    assert {"delivery.waiting", "partner.unreachable"} <= events(logs, "warning")


def test_a_search_that_sends_us_elsewhere_is_told(world: World, logs: Logs) -> None:
    odd = Odd(world, nothing, elsewhere)
    world.settle(3)

    assert [(t.kind, t.about) for t in world.troubles()] == [("refused", "Partner/municipality")]
    assert {"partner.not_heard", "partner.refused"} <= events(logs, "warning")
    assert all(url.startswith("https://municipality.example/fhir") for url in odd.asked)
