"""Both sides answer in the same moment, from two threads against one store: one wins, the other is told, and no answer is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from adapter.domain.problem import Kind, Problem
from adapter.partners.hearing import AT_ONCE
from adapter.usecases.pathways import Body
from mappings.resources import assignment
from tests.handover.test_outage import made_number
from tests.usecases.handover import HOSPITAL, MUNICIPALITY, World

ROUNDS: Final = 200
REASON: Final = {"text": "Derfor."}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    # Whoever writes the same Task from the other end is a deadlock, which PostgreSQL looks for after a second: here they all do.
    return f"{request.getfixturevalue('emptied_on_postgresql')}&options=-c%20deadlock_timeout%3D20ms"


@pytest.fixture
def waiting(tmp_path: Path, url: str) -> Iterator[World]:
    """The municipality answers here, the hospital at its own server."""
    made = World(tmp_path, url, modes={"municipality": "wait"})
    with capture_logs():
        yield made
    made.store.close()


@pytest.fixture
def pushed(tmp_path: Path, url: str) -> Iterator[World]:
    """Both have servers of their own."""
    made = World(tmp_path, url)
    with capture_logs():
        yield made
    made.store.close()


def both(*jobs: Callable[[], Any]) -> list[Any]:
    """What the jobs give, begun in the same moment."""
    gate, answers = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(place: int, job: Callable[[], Any]) -> None:
        gate.wait()
        try:
            answers[place] = job()
        except BaseException as error:
            answers[place] = error

    threads = [threading.Thread(target=run, args=(place, job)) for place, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_owner_here_and_the_requester_at_its_server_at_once(waiting: World) -> None:
    """The owner begins; the requester calls off, which holds only of what has not begun."""
    answers = {}
    keys = _asked(waiting, ROUNDS)
    for key in keys:
        waiting.writes({**waiting.mirror(key, MUNICIPALITY), "status": "accepted"}, MUNICIPALITY)
    waiting.settle(ROUNDS // AT_ONCE + 4)
    for key in keys:
        waiting.specialist.answers(key, "cancelled", statusReason=REASON)
        begun = {**waiting.mirror(key, MUNICIPALITY), "status": "in-progress"}
        answers[key], heard = both(_writing(waiting, begun), _hearing(waiting, key))
        assert heard is None, heard

    waiting.settle(ROUNDS // AT_ONCE + 4)

    for key, told in answers.items():
        status = waiting.mirror(key)["status"]
        troubles = [trouble.kind for trouble in waiting.troubles(key)]
        if isinstance(told, BaseException):  # the requester was first: the owner is told at once
            assert isinstance(told, Problem)
            assert told.kind is Kind.STALE
            assert (status, troubles) == ("cancelled", [])
        else:  # the owner was: the requester's server has it back, and a person is told
            assert (status, troubles) == ("in-progress", ["conflict"])
        _alike(waiting, key)
        assert waiting.mirror(key, MUNICIPALITY)["status"] == status


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_notes_of_both_at_once(waiting: World) -> None:
    """Nobody has to give way, and nothing is lost."""
    keys = _asked(waiting, ROUNDS)
    for key in keys:
        waiting.specialist.answers(key, "requested", note=[{"text": "fra sykehuset"}])
        noted = {**waiting.mirror(key, MUNICIPALITY), "note": [{"text": "fra kommunen"}]}
        told, heard = both(_writing(waiting, noted), _hearing(waiting, key))

        assert heard is None, heard
        if isinstance(told, Problem):  # it reads again, as it is told to
            assert told.kind is Kind.STALE
            theirs = waiting.mirror(key, MUNICIPALITY)
            waiting.writes({**theirs, "note": [*theirs["note"], {"text": "fra kommunen"}]}, MUNICIPALITY)

    waiting.settle(ROUNDS // AT_ONCE + 4)

    assert not waiting.troubles()
    for key in keys:
        assert sorted(note["text"] for note in waiting.mirror(key)["note"]) == ["fra kommunen", "fra sykehuset"]
        _alike(waiting, key)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_both_servers_are_heard_at_once(pushed: World) -> None:
    """The owner's server and the requester's are heard by two threads; what the owner did stands in whatever order."""
    keys = _asked(pushed, ROUNDS)
    for key in keys:
        pushed.municipality.answers(key, "in-progress", note=[{"text": "fra kommunen"}])
        pushed.specialist.answers(key, "cancelled", statusReason=REASON)
        pushed.clock.pass_(seconds=2)
        for answer in both(*(line.round for line in pushed.lines)):
            assert not isinstance(answer, BaseException), answer

    pushed.settle(ROUNDS // AT_ONCE + 4)

    for key in keys:
        mirror = pushed.mirror(key)
        assert (mirror["status"], mirror["note"]) == ("in-progress", [{"text": "fra kommunen"}])
        assert [trouble.kind for trouble in pushed.troubles(key)] == ["conflict"]
        _alike(pushed, key)


def _writing(world: World, task: Body) -> Callable[[], Any]:
    """The municipality's write here, of the version that it has before it now."""
    with world.store.read() as unit:
        version = world.version(task, unit, MUNICIPALITY)
    return lambda: world.writes(task, MUNICIPALITY, version)


def _hearing(world: World, key: str) -> Callable[[], Any]:
    """The hospital's server tells us of a Task."""
    id = world.specialist.task(key)["id"]
    return lambda: world.lines[0].told([id])


def _asked(world: World, number: int) -> list[str]:
    """So many new ones, each of another patient, as they stand at every server."""
    keys = [f"urn:uuid:44444444-4444-4444-8444-{n:012d}" for n in range(number)]
    for n, key in enumerate(keys):
        pathway = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:55555555-5555-4555-8555-{n:012d}"}
        identifier = [{"system": "urn:ietf:rfc:3986", "value": key}]
        world.writes(world.asked(number=made_number(n), identifier=identifier, groupIdentifier=pathway), HOSPITAL)
    world.settle(number // AT_ONCE + 2)
    return keys


def _alike(world: World, key: str) -> None:
    for server in world.servers:
        if server.has(key):
            assert assignment.view(server.task(key)) == assignment.view(world.mirror(key)), server.name
