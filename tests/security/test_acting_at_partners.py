"""A partner that shows each of our organisations what is its own: all of it is carried there and heard, each by its own token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapter.domain.problem import Kind, problem
from adapter.partners.hearing import Line
from adapter.ports import Remote, Shared
from adapter.r4.checker import check
from adapter.security.acting import acting
from adapter.usecases.assignments import parties
from adapter.usecases.push_assignment import Courier
from tests.usecases.handover import HOSPITAL, MUNICIPALITY, World, organisation

CLINIC = "319900209"  # another organisation of ours


class Private:
    """A server's doors, with a list of who came through which."""

    def __init__(self, world: World) -> None:
        self.within = world.municipality
        self.name, self.base_url = self.within.name, self.within.base_url
        self.came: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.within, name)

        def call(*values: Any) -> Any:
            self.came.append((name, acting()))
            return method(*values)

        return call

    def read(self, type: str, id: str) -> Remote:
        self.came.append(("read", acting()))
        there = self.within.read(type, id)
        if type == "Task" and acting() not in parties(there.body):
            raise problem(Kind.NOT_FOUND, "There is none.", "Finnes ikke.")
        return there

    def changed(self, since: datetime | None) -> Iterator[Remote]:
        self.came.append(("changed", acting()))
        for there in self.within.changed(since):
            if acting() in parties(there.body):
                self.came.append(("shown", acting()))
                yield there


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, hospital_has_server=False)
    made.sharing = replace(made.sharing, organisations=[HOSPITAL, CLINIC])
    made.rules = replace(made.rules, sharing=made.sharing)
    yield made
    made.store.close()


@pytest.fixture
def door(world: World) -> Private:
    door = Private(world)
    courier = Courier(world.sharing.partners[0], door, world.store, world.sharing, check, world.clock)
    world.lines = [Line(courier, poll_seconds=1, at_once=2, organisations=[HOSPITAL, CLINIC])]
    return door


def clinics(world: World, **more: Any) -> dict[str, Any]:
    return world.asked(**{"number": "", "requester": organisation(CLINIC, "Fjordheim klinikk"), **more})


def who(door: Private, *methods: str) -> set[str]:
    return {by for method, by in door.came if method in methods}


def test_what_is_carried_is_carried_for_the_organisation_whose_it_is(world: World, door: Private) -> None:
    world.writes(clinics(world), CLINIC)
    world.settle()

    assert door.within.has(clinics(world)["identifier"][0]["value"])
    assert who(door, "create", "change", "find") == {CLINIC}


def test_each_organisation_hears_what_only_it_is_shown(world: World, door: Private) -> None:
    task = clinics(world)
    world.writes(task, CLINIC)
    world.hospital_asks()
    world.settle()
    door.within.answers(task["identifier"][0]["value"], "received")
    door.came.clear()
    world.settle()

    assert world.mirror(task["identifier"][0]["value"], CLINIC)["status"] == "received"
    assert who(door, "changed") == who(door, "shown") == {HOSPITAL, CLINIC}


def test_what_is_compared_and_not_listed_is_read_by_its_own_organisation(world: World, door: Private) -> None:
    """The team is shared, and is in no list of Tasks."""
    task = clinics(world)
    world.writes(task, CLINIC)
    world.settle()
    with world.store.write() as unit:
        unit.keep_shared(Shared(CLINIC, "Task", "another", door.name, True, "municipality-99", 'W/"1"', b"{}"))
    door.came.clear()
    world.clock.pass_(hours=25)
    world.settle()

    assert who(door, "read") == {CLINIC}


@pytest.mark.parametrize("ours", [HOSPITAL, CLINIC])
def test_a_notification_is_followed_by_whoever_is_shown_what_it_names(world: World, door: Private, ours: str) -> None:
    """Nobody knows yet whose it is: it begins there."""
    world.settle()
    sent = world.asked(requester=organisation(MUNICIPALITY, "Vågå kommune"), owner=organisation(ours, "Ours"))
    door.within.begins(sent)
    door.came.clear()
    id = door.within.task(sent["identifier"][0]["value"])["id"]
    world.lines[0].told([id])

    assert [by for method, by in door.came if method == "read"] == [HOSPITAL, CLINIC][: 1 + (ours == CLINIC)]
    [again] = [by for method, by in door.came[-1:]]
    assert again == ours
    assert [one["status"] for one in world.tasks(ours)] == ["requested"]
    door.within.answers(sent["identifier"][0]["value"], "cancelled")
    door.came.clear()
    world.lines[0].told([id])
    assert who(door, "read") == {ours}  # now it is known


def test_a_change_between_two_organisations_looks_is_not_passed_over(world: World, door: Private) -> None:
    """The first has been asked; then something of its own changes, and later something of the second's, which is shown."""
    task, other = world.asked(), clinics(world)
    world.writes(task)
    world.writes(other, CLINIC)
    world.settle()
    key, key_of_other = task["identifier"][0]["value"], other["identifier"][0]["value"]
    real = door.within.changed

    def slowly(since: datetime | None) -> Iterator[Remote]:
        found = [*real(since)]
        if acting() == HOSPITAL:
            door.within.answers(key, "received")
            world.clock.pass_(minutes=5)
            door.within.answers(key_of_other, "received")
            door.within.changed = real  # type: ignore[method-assign]
        yield from found

    door.within.changed = slowly  # type: ignore[method-assign]
    world.settle(1)
    assert world.mirror(key_of_other, CLINIC)["status"] == "received"
    assert world.mirror(key)["status"] == "requested"
    world.settle(2)

    assert world.mirror(key)["status"] == "received"
    with world.store.read() as unit:
        heard = unit.partner_state(door.name).heard
    assert heard is not None
    assert heard <= world.clock.now().astimezone(UTC)
