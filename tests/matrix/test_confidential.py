"""A patient whose address is confidential: nothing that gives the place away is in any answer of any cell, to anybody at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mappings.resources.protected import LABELS
from tests.matrix.asking import Request
from tests.matrix.recipes import offers
from tests.matrix.test_matrix import TYPES, cells
from tests.matrix.test_surfaces import LISTS, requests
from tests.matrix.world import Names, World, first, guarded, keep, number_of, register
from tests.secrecy.messages import CANARIES, referral

pytestmark = pytest.mark.slow
SECRET = {"security": [{"system": LABELS, "code": "strictly-confidential"}]}
PLACES = (*(said for said in CANARIES if len(said) > 5), "Vågåmo")  # a shorter one may be a part of an id
READERS = ("own", "colleague", "saver", "other", "guest")


def address(place: str) -> dict[str, Any]:
    """Whatever of a person tells where they live."""
    return {
        "address": [{"line": ["Kanarifuglvegen 1234"], "city": place, "text": f"Kanarifuglvegen 1234, {place}"}],
        "telecom": [{"system": "phone", "value": "+4755098765"}],
    }


@dataclass
class Secret:
    world: World
    people: tuple[Names, ...]
    message: str
    pathway: str


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def secret(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secret]:
    url = ""
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        url = database()
    with guarded(tmp_path_factory.mktemp(request.param), url) as world:
        yield confided(world)


def confided(world: World) -> Secret:
    """One who was protected from the start, one who became so later, one of a message, one with a pathway."""
    plan = {"PlanDefinition": first(world, "own", "PlanDefinition")}
    where = {"Patient": address("Kanarivik"), "RelatedPerson": address("Kanarivik")}
    people = []
    for name, label in (("secre1", SECRET), ("secre2", {})):
        number = number_of(name)
        linked = keep(world, "own", f"{name}-", number_of("secre"), {})
        more = {**where, "Patient": {**where["Patient"], **({"meta": label} if label else {})}}
        ids = keep(world, "own", name, number, {**linked, **plan}, more)
        people.append(Names(name, number, {**ids, **plan}, {**linked, **plan}))
    protect(world, people[1].ids["Patient"])
    message = world.readers["own"].post("/messages", content=referral().encode(), headers={"Content-Type": "application/xml"})
    assert message.status_code == 201, message.text
    course = register(world, number_of("course"))
    protect(world, course["Patient"])
    return Secret(world, tuple(people), message.headers["location"].rpartition("/")[2], course["EpisodeOfCare"])


def protect(world: World, patient: str) -> None:
    """The label is laid on a Patient who is there."""
    person = world.ask("own", Request("GET", f"Patient/{patient}")).json()
    labelled = {**person, "meta": SECRET}
    changed = world.ask("own", Request("PUT", f"Patient/{patient}", {"If-Match": f'W/"{person["meta"]["versionId"]}"'}, labelled))
    assert changed.status_code == 200, changed.text


def told(answer: Any) -> list[str]:
    """The places that an answer gives away."""
    whole = f"{dict(answer.headers)}{answer.text}"
    return [place for place in PLACES if place in whole]


@pytest.mark.parametrize("type", TYPES)
def test_no_cell_gives_the_place_away(secret: Secret, type: str) -> None:
    world, offer = secret.world, offers(secret.world.types())[type]

    leaks = []
    for names in secret.people:
        for reader in READERS:
            whole = reader == "own" and names is secret.people[1]  # the one who had an address here once
            for cell, case in cells(type, names, offer, whole=whole):
                answer = world.ask(reader, case.request)
                if found := told(answer):
                    leaks.append(f"{reader} x {type} x {cell}, {case.request.method} {case.request.path}: {found}")

    assert not leaks, f"{len(leaks)} cells:\n" + "\n".join(leaks[:5])


@pytest.mark.parametrize("reader", READERS)
def test_no_list_and_no_history_gives_the_place_away(secret: Secret, reader: str) -> None:
    for type in TYPES:
        for query in ("?_count=200", "/_history?_count=200"):
            assert not told(secret.world.ask(reader, Request("GET", type + query))), (type, query)
    for _, request in requests(secret.world, secret.message, secret.pathway):
        assert not told(secret.world.ask(reader, request)), request
    for path in LISTS:
        assert not told(secret.world.ask(reader, Request("GET", path, fhir=False))), path


def test_what_is_left_is_there_for_who_may_see_it(secret: Secret) -> None:
    """That nothing is told would also be so where nothing was kept."""
    for names in secret.people:
        person = secret.world.ask("own", Request("GET", names.patient)).json()
        assert [one["extension"][0]["valueCode"] for one in person["address"]] == ["masked"]
        assert [one["code"] for one in person["meta"]["security"]] == ["strictly-confidential"]
    assert secret.world.ask("own", Request("GET", f"/messages/{secret.message}/bundle", fhir=False)).status_code == 200
    asked = secret.world.ask("guest", Request("GET", "Task")).json()
    assert asked["total"] == 1
