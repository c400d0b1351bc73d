"""What follows tells, for everyone who asks: who may not see is neither told nor lets it be counted, and finds out by no number.

How telling goes is in `tests/following`.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.following.here import events, said
from tests.matrix.asking import Request, alike, difference
from tests.matrix.instances import bodies
from tests.matrix.world import BLOCKED, World

pytestmark = pytest.mark.slow
STRANGERS = ("other", "guest")


def follow(world: World, reader: str, status: int = 201) -> str:
    """The id of a Subscription of flags."""
    body = {**bodies("", "", "", {})["Subscription"], "criteria": "Flag?status=active"}
    made = world.ask(reader, Request("POST", "Subscription", body=body))
    assert made.status_code == status, made.text
    return str(made.json().get("id"))


def flag(world: World, patient: str) -> str:
    made = world.ask("own", Request("POST", "Flag", body=bodies(f"{uuid4()}", "", f"Patient/{patient}", {})["Flag"]))
    assert made.status_code == 201, made.text
    return f"Flag/{made.json()['id']}"


def told(world: World, reader: str, id: str) -> set[str]:
    """What the events are about that a reader is told of a Subscription."""
    answer = world.ask(reader, Request("GET", f"Subscription/{id}/$events"))
    assert answer.status_code == 200, answer.text
    return {event["focus"]["reference"].partition("/fhir/")[2] for event in events(answer.json())}


def counted(world: World, reader: str, id: str) -> str:
    (entry,) = world.ask(reader, Request("GET", f"Subscription/{id}/$status")).json()["entry"]
    found: Any = said({"entry": [entry]}, "events-since-subscription-start")
    return str(found)


def test_what_a_patient_has_closed_is_neither_counted_nor_told(world: World) -> None:
    """Patient and user rights act § 5-3: whom the patient has blocked gets nothing of it."""
    ids = {reader: follow(world, reader) for reader in ("own", "other", *BLOCKED)}
    nobodys = world.ask("own", Request("POST", "Patient", body={"resourceType": "Patient"})).json()["id"]  # blocks nobody
    hidden, seen = flag(world, world.hidden.ids["Patient"]), flag(world, nobodys)
    world.tell()

    assert {reader: counted(world, reader, id) for reader, id in ids.items()} == {
        "own": "2",
        "other": "0",
        "unit": "1",
        "nurse": "1",
    }
    assert {reader: told(world, reader, id) for reader, id in ids.items()} == {
        "own": {hidden, seen},
        "other": set(),
        "unit": {seen},
        "nurse": {seen},
    }
    for reader in BLOCKED:  # of what another of the hospital follows no more is told
        assert told(world, reader, ids["own"]) == {seen}
    assert told(world, "saver", ids["own"]) == {hidden, seen}
    assert told(world, "own", ids["nurse"]) == {seen}  # whoever asks: what was never counted is not there


def test_nobody_follows_by_emergency_access_or_as_a_guest(world: World) -> None:
    for reader in ("saver", "guest", "narrow"):
        follow(world, reader, status=403)


@pytest.mark.parametrize("reader", STRANGERS)
def test_another_organisation_s_subscription_is_as_one_that_never_was(world: World, reader: str) -> None:
    id, never = world.hidden.ids["Subscription"], str(uuid4())
    for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/off")):
        there, none = (
            alike(world.ask(reader, Request(method, f"/subscriptions/{one}{path}", fhir=False)), {one: "<id>"})
            for one in (id, never)
        )
        assert there == none, difference(there, none)
        assert 400 <= there[0] < 500
    listed = world.ask(reader, Request("GET", "/subscriptions", fhir=False))
    assert world.home not in {one["organisation"] for one in listed.json()["items"]}
    assert world.ask("own", Request("GET", f"/subscriptions/{id}", fhir=False)).json()["status"] == "requested"


@pytest.mark.parametrize("reader", BLOCKED)
def test_why_it_was_told_says_nothing_of_what_is_closed(world: World, reader: str) -> None:
    """`about` of a hidden resource is answered as of what never was."""
    names = world.hidden
    for type in ("Task", "Patient", "Flag"):
        here = f"/subscriptions/{names.ids['Subscription']}?about={type}/"
        there, none = (
            alike(world.ask(reader, Request("GET", here + one, fhir=False)), {one: "<id>"})
            for one in (names.ids[type], str(uuid4()))
        )
        assert there == none, difference(there, none)
        assert there[0] == 200
