"""Both sides answer in the same moment, from two threads against one store: one wins, the other is told, and no answer is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from adapter.domain.problem import Kind, Problem
from adapter.usecases.pathways import Body
from tests.usecases.handover import HOSPITAL, MUNICIPALITY, World, converged

ROUNDS: Final = 200
REASON: Final = {"text": "Derfor."}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else request.getfixturevalue("postgresql")()


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
    won = {"in-progress": 0, "cancelled": 0}
    for number in range(ROUNDS):
        key = _asked(waiting, number)
        theirs = waiting.mirror(key, MUNICIPALITY)
        waiting.writes({**theirs, "status": "accepted"}, MUNICIPALITY)
        waiting.settle(1)
        begun = {**waiting.mirror(key, MUNICIPALITY), "status": "in-progress"}
        waiting.specialist.answers(key, "cancelled", statusReason=REASON)
        there = waiting.specialist.task(key)["id"]

        told, heard = both(_writing(waiting, begun), _hearing(waiting, there))

        assert heard is None, heard
        waiting.settle(2)
        status = waiting.mirror(key)["status"]
        won[status] += 1
        troubles = [trouble.kind for trouble in waiting.troubles(key)]
        if status == "cancelled":  # the requester was first: the owner is told at once
            assert isinstance(told, Problem)
            assert told.kind is Kind.STALE
            assert not troubles
        else:  # the owner was: the requester's server has it back, and a person is told
            assert not isinstance(told, BaseException), told
            assert troubles == ["conflict"]
        converged(waiting, key)
        assert waiting.mirror(key, MUNICIPALITY)["status"] == status
    assert sum(won.values()) == ROUNDS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_notes_of_both_at_once(waiting: World) -> None:
    """Nobody has to give way, and nothing is lost."""
    for number in range(ROUNDS // 4):
        key = _asked(waiting, number)
        theirs = waiting.mirror(key, MUNICIPALITY)
        waiting.specialist.answers(key, "requested", note=[{"text": "fra sykehuset"}])
        there = waiting.specialist.task(key)["id"]

        noted = {**theirs, "note": [{"text": "fra kommunen"}]}
        told, heard = both(_writing(waiting, noted), _hearing(waiting, there))

        assert heard is None, heard
        if isinstance(told, Problem):  # it reads again, as it is told to
            assert told.kind is Kind.STALE
            theirs = waiting.mirror(key, MUNICIPALITY)
            waiting.writes({**theirs, "note": [*theirs["note"], {"text": "fra kommunen"}]}, MUNICIPALITY)

        waiting.settle(2)
        assert sorted(note["text"] for note in waiting.mirror(key)["note"]) == ["fra kommunen", "fra sykehuset"]
        converged(waiting, key)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_both_servers_are_heard_at_once(pushed: World) -> None:
    """The owner's server and the requester's are heard by two threads; what the owner did stands in whatever order."""
    for number in range(ROUNDS // 2):
        key = _asked(pushed, number)
        pushed.municipality.answers(key, "in-progress", note=[{"text": "fra kommunen"}])
        pushed.specialist.answers(key, "cancelled", statusReason=REASON)

        assert both(*(line.round for line in pushed.lines)).count(None) == 0

        pushed.settle(3)
        mirror = pushed.mirror(key)
        assert mirror["status"] == "in-progress"
        assert mirror["note"] == [{"text": "fra kommunen"}]
        assert [trouble.kind for trouble in pushed.troubles(key)] == ["conflict"]
        converged(pushed, key)


def _writing(world: World, task: Body) -> Callable[[], Any]:
    """The municipality's write here, of the version that it has before it now."""
    with world.store.read() as unit:
        version = world.version(task, unit, MUNICIPALITY)
    return lambda: world.writes(task, MUNICIPALITY, version)


def _hearing(world: World, id: str) -> Callable[[], Any]:
    """The hospital's server tells us of a Task."""
    return lambda: world.lines[0].told([id])


def _asked(world: World, number: int) -> str:
    """A new one, as it stands at every server."""
    key = f"urn:uuid:44444444-4444-4444-8444-{number:012d}"
    world.writes({**world.asked(), "identifier": [{"system": "urn:ietf:rfc:3986", "value": key}]}, HOSPITAL)
    world.settle(1)
    return key
