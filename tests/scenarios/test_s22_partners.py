"""S22, between FHIR servers: after a restore from an older copy partners have what we know no more. Nothing is made there twice,
what they have answered since is taken in, and all sides end alike.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapter.storage import open_store
from adapter.storage.backup import back_up
from adapter.usecases.reconcile import compare_anew
from tests.usecases.handover import World, converged, coordinator


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def copied(world: World) -> Path:
    copy = world.path / "copy.db"
    back_up(f"sqlite:///{world.path}/world.db", copy)
    return copy


def restored(world: World, copy: Path) -> None:
    """The database is lost, the copy takes its place, and `stafett reconcile` has been there."""
    world.store.close()
    for path in world.path.glob("world.db*"):
        path.unlink()
    shutil.copy(copy, world.path / "world.db")
    world.store = open_store(f"sqlite:///{world.path}/world.db")
    with world.store.write() as unit:
        for server in world.servers:
            compare_anew(unit, server.name)
    world.restart()


def at(world: World, key: str) -> list[tuple[int, str]]:
    """Of each server how many Tasks it has of that identifier, and how the one stands."""
    return [(len(server.ids.get(("Task", key), ())), server.task(key)["status"]) for server in world.servers]


def test_s22_what_waited_in_the_copy_and_was_sent_since_is_not_made_again_and_its_answer_is_had(world: World) -> None:
    key = world.hospital_asks()
    copy = copied(world)
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()
    assert at(world, key) == [(1, "accepted"), (1, "accepted")]

    restored(world, copy)
    assert world.mirror(key)["status"] == "requested"
    world.settle()

    assert at(world, key) == [(1, "accepted"), (1, "accepted")]
    converged(world, key)
    # The hospital has the answer that we had carried there: to us, who know it no more, it is not the hospital's to give.
    assert [(trouble.kind, trouble.partner) for trouble in world.troubles()] == [("conflict", "specialist")]
    assert not world.dead()


def test_s22_what_was_answered_since_is_had_though_the_copy_had_heard_of_the_partner_before(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    copy = copied(world)
    world.municipality.answers(key, "in-progress")
    world.settle()
    world.municipality.answers(key, "completed", **coordinator())
    world.settle()
    before = world.team()

    restored(world, copy)
    world.clock.pass_(seconds=timedelta(hours=1).total_seconds())
    world.settle()

    assert at(world, key) == [(1, "completed"), (1, "completed")]
    assert before
    team = world.team()
    assert team
    assert team["participant"] == before["participant"]
    converged(world, key)


def test_s22_what_was_asked_since_is_not_made_again_when_its_client_asks_again(world: World) -> None:
    copy = copied(world)
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()

    restored(world, copy)
    world.settle()
    if not world.tasks():
        world.hospital_asks()
    world.settle()

    assert at(world, key) == [(1, "accepted"), (1, "accepted")]
    converged(world, key)
