"""Our process is killed (SIGKILL) between any two steps of a delivery: there is one Task at the partner, and all agree in the end.

The steps are counted, not listed: every call to the store and to a partner's server is one, and a unit of the store is kept or not.
For each of them a run is made that ends before it; then another process begins, the lease runs out, and what is left is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from adapter.partners.hearing import Line
from adapter.r4.checker import check
from adapter.usecases.push_assignment import Courier
from mappings.resources import assignment
from tests.handover.play import Killed
from tests.usecases.handover import World, converged, coordinator

LEASE: Final = 120
REASON: Final = {"text": "Derfor."}


class Steps:
    """Counts steps, and ends the process at one of them."""

    def __init__(self, end: int) -> None:
        self.end, self.taken = end, 0
        self.names: list[str] = []

    def step(self, name: str) -> None:
        self.taken += 1
        self.names.append(name)
        if self.taken == self.end:
            raise Killed

    def around(self, what: Any, *names: str) -> Any:
        """The same thing, with a step before each of these calls."""
        return _Stepped(what, self, names)


class _Stepped:
    def __init__(self, what: Any, steps: Steps, names: tuple[str, ...]) -> None:
        self._what, self._steps, self._names = what, steps, names

    def __getattr__(self, name: str) -> Any:
        said = getattr(self._what, name)
        if name not in self._names:
            return said

        def called(*args: Any, **named: Any) -> Any:
            self._steps.step(name)
            return said(*args, **named)

        return called


def lines(world: World, steps: Steps) -> list[Line]:
    """A process that ends at its step."""
    store = steps.around(world.store, "run", "write", "claim")
    return [
        Line(
            Courier(
                partner,
                steps.around(server, "mode", "find", "create", "read", "change", "changed", "notify"),
                store,
                world.sharing,
                check,
                world.clock,
            ),
            poll_seconds=1,
        )
        for partner, server in zip(world.sharing.partners, world.servers, strict=True)
    ]


def asked(world: World) -> str:
    return world.hospital_asks()


def proposed(world: World) -> str:
    """A wish of the requester's goes to the home, and from there to our own Task."""
    key = world.hospital_asks()
    world.settle()
    world.specialist.answers(key, "requested", note=[{"text": "Haster."}], priority="urgent")
    return key


def called_off(world: World) -> str:
    key = world.hospital_asks()
    world.settle()
    world.specialist.answers(key, "cancelled", statusReason=REASON)
    return key


def accepted(world: World) -> str:
    """The owner's answer goes to our own Task, to the copy, and the team to both servers."""
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    return key


def completed(world: World) -> str:
    """The team, which both servers have, changes."""
    key = accepted(world)
    world.settle()
    world.municipality.answers(key, "completed", **coordinator())
    return key


def begun_there(world: World) -> str:
    return world.specialist.begins(world.asked())


def crossing(world: World) -> str:
    """Both sides have said something when the process begins."""
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted", note=[{"text": "fra kommunen"}])
    world.specialist.answers(key, "requested", note=[{"text": "fra sykehuset"}])
    return key


def refused(world: World) -> str:
    """What the requester may not is put back."""
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "in-progress")
    world.settle()
    world.specialist.answers(key, "cancelled", statusReason=REASON)
    return key


STATUSES: Final[dict[Callable[[World], str], str]] = {
    asked: "requested",
    proposed: "requested",
    called_off: "cancelled",
    accepted: "accepted",
    completed: "completed",
    begun_there: "requested",
    crossing: "accepted",
    refused: "in-progress",
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", STATUSES, ids=lambda scene: scene.__name__)
def test_wherever_a_process_ends_there_is_one_task_and_all_agree(scene: Callable[[World], str], tmp_path: Path) -> None:
    end, finished = 0, False
    while not finished:
        end += 1
        (folder := tmp_path / str(end)).mkdir()
        world = World(folder, modes={"municipality": ""})  # it is looked up first
        key = scene(world)
        steps = Steps(end)
        finished = not _killed(world, steps)

        world.restart()
        world.clock.pass_(seconds=LEASE)
        world.settle(6)

        where = f"killed before step {end} of {scene.__name__}: {steps.names[-1]}"
        tasks = Counter(assignment.key_of(one) for s in world.servers for (type, _), one in s.kept.items() if type == "Task")
        assert tasks == {key: 2}, where
        assert len([one for s in world.servers for (type, _), one in s.kept.items() if type == "CareTeam"]) in (0, 2), where
        assert world.mirror(key)["status"] == STATUSES[scene], where
        assert not world.waiting(), where
        assert not world.dead(), where
        assert [trouble.kind for trouble in world.troubles()] == (["conflict"] if scene is refused else []), where
        converged(world, key)
        world.store.close()
    assert end > 20, "the steps were counted"


def _killed(world: World, steps: Steps) -> bool:
    """Whether the process was killed before its work was done."""
    working = lines(world, steps)
    try:
        for _ in range(3):
            world.clock.pass_(seconds=2)
            for line in working:
                line.round()
    except Killed:
        return True
    return False
