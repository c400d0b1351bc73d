"""What the service answers outside /fhir, for everyone who asks: messages, pathways, deliveries, partners, pages."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.http.real import VAAGAA as GUEST
from tests.matrix.asking import Request, alike, difference
from tests.matrix.world import LISTS, REFUSED, World

pytestmark = pytest.mark.slow
OPEN = {
    *("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/console/assets/{name}"),
    *("/package.tgz", "/package.tgz.sha256", "/profiles", "/profiles/{name}"),
    *("/login", "/login/callback", "/logout", "/partners/{name}/notifications"),
}
"""What tells of nobody: who is let in there is asked elsewhere."""
SENDING = {"/messages", "/translate"}
"""What takes a message in by POST, whoever sends it; it is the receiving service that decides whose it is."""
OF_MESSAGE = {
    *("/messages/{id}", "/messages/{id}/xml", "/messages/{id}/apprec", "/messages/{id}/statuses", "/messages/{id}/bundle"),
    *("/messages/{id}/explanation", "/console/messages/{id}"),
}
OF_PATHWAY = {"/pathways/{id}", "/pathways/{id}/timeline.svg"}
DECIDING = {
    *("/messages/{id}/retry", "/messages/{id}/dismiss", "/console/messages/{id}/{verb}"),
    *("/deliveries/{id}/resend", "/deliveries/{id}/dismiss"),
}
OF_DELIVERY = {"/deliveries/{id}"}
OF_SUBSCRIPTION = {"/subscriptions", "/subscriptions/{id}", "/subscriptions/{id}/retry", "/subscriptions/{id}/off"}
"""An organisation's own, whatever a patient has closed: looked at in `test_following.py`."""


def requests(world: World, message: str, pathway: str) -> Iterator[tuple[str, Request]]:
    """A request of each route that names a message, a pathway or a delivery."""
    for path in sorted(OF_MESSAGE):
        yield path, Request("GET", path.replace("{id}", message), fhir=False)
    for path in sorted(OF_PATHWAY):
        yield path, Request("GET", path.replace("{id}", pathway), fhir=False)
    for path in sorted(OF_DELIVERY):
        yield path, Request("GET", path.replace("{id}", message), fhir=False)
    for path in sorted(DECIDING):
        for verb in ("retry", "dismiss"):
            yield path, Request("POST", path.replace("{id}", message).replace("{verb}", verb), fhir=False)


def test_every_route_has_a_row(world: World) -> None:
    apart = {path for _, path in world.routes if not path.startswith("/fhir")}
    named = {
        *OF_SUBSCRIPTION,
        *OF_MESSAGE,
        *OF_PATHWAY,
        *OF_DELIVERY,
        *DECIDING,
        *SENDING,
        *(path for path in LISTS if "?" not in path),
    }

    assert apart - OPEN == named


@pytest.mark.parametrize("reader", REFUSED)
def test_who_may_not_see_is_answered_as_if_it_never_was(world: World, reader: str) -> None:
    message, pathway = str(uuid4()), str(uuid4())
    places = {world.message: "<message>", message: "<message>", world.course["EpisodeOfCare"]: "<pathway>", pathway: "<pathway>"}
    absent = requests(world, message, pathway)

    leaks = []
    for (route, there), (_, none) in zip(requests(world, world.message, world.course["EpisodeOfCare"]), absent, strict=True):
        one, other = (alike(world.ask(reader, request), places) for request in (there, none))
        if one != other or not 400 <= one[0] < 500:
            leaks.append(f"{reader} x {route}: {difference(one, other)}")

    assert not leaks, "\n".join(leaks)


def test_who_may_see_sees_it(world: World) -> None:
    for route, request in requests(world, world.message, world.course["EpisodeOfCare"]):
        if route in OF_MESSAGE | OF_PATHWAY:
            assert world.ask("own", request).status_code == 200, route
    for path, name in (("/messages", world.message), ("/", world.message), ("/pathways", world.course["EpisodeOfCare"])):
        assert name in world.ask("own", Request("GET", path, fhir=False)).text, path


def test_the_guest_sees_what_it_was_asked_and_nothing_else(world: World) -> None:
    """HL7 Clinical Order Workflow: who fulfils reads the Task where the placer has it."""
    found = world.ask("guest", Request("GET", "Task?_count=200")).json()

    whose = [entry["resource"] for entry in found["entry"]]
    assert len(whose) == 2  # of the pathway of each who lives there
    assert {task["owner"]["identifier"]["value"] for task in whose} == {GUEST}
    for type in sorted({one["type"] for one in world.types()} - {"Task"}):
        assert world.ask("guest", Request("GET", f"{type}?_count=200")).json()["total"] == 0, type
