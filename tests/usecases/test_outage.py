"""A partner that is down for a day: left alone for the most part, found when it is back, and given what waited at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapter.ports import PartnerState
from adapter.usecases.breaker import held
from tests.usecases.handover import World, converged, unreachable

DAY = timedelta(hours=24)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


class Outage(list[object]):
    """Faults without an end, with the moments of the calls that met them."""

    def __init__(self, world: World) -> None:
        super().__init__([None])
        self.world = world
        self.calls: list[datetime] = []

    def pop(self, index: object = 0) -> object:  # type: ignore[override]
        def fault(what: str) -> None:
            self.calls.append(self.world.clock.now())
            unreachable(what)

        return fault


def down(world: World) -> Outage:
    outage = Outage(world)
    world.municipality.faults = outage  # type: ignore[assignment]
    return outage


def passes(world: World, time: timedelta, step: timedelta = timedelta(seconds=20)) -> None:
    until = world.clock.now() + time
    while world.clock.now() < until:
        for line in world.lines:
            line.round()
        world.clock.pass_(seconds=step.total_seconds())


@pytest.mark.slow
def test_a_day_without_an_answer_is_survived_and_the_assignment_is_there_within_a_quarter_of_an_hour(world: World) -> None:
    outage = down(world)
    key = world.hospital_asks()
    passes(world, DAY, timedelta(minutes=5))
    calls = len(outage.calls)
    before = [world.municipality.has(key), world.specialist.has(key)]

    world.municipality.faults = []
    passes(world, timedelta(minutes=16))

    assert before == [False, True]  # the other partner was not held up
    assert world.municipality.has(key)
    converged(world, key)
    assert 96 <= calls < 200  # four times an hour at least, and hardly more


@pytest.mark.slow
def test_a_partner_that_is_down_is_told_of_and_no_longer_when_it_is_back(world: World) -> None:
    down(world)
    passes(world, timedelta(hours=1))
    during = [(one.kind, one.partner) for one in world.troubles()]

    world.municipality.faults = []
    passes(world, timedelta(minutes=16))

    assert (during, world.troubles()) == ([("unreachable", "municipality")], [])


def test_while_another_process_tries_nobody_else_does(world: World) -> None:
    now = world.clock.now()
    open_till_now = PartnerState("municipality", "push", failures=9, failing_since=now, open_until=now)
    with world.store.write() as unit:
        unit.keep_partner_state(held(open_till_now, now))
    outage = down(world)

    passes(world, timedelta(seconds=60))
    during = len(outage.calls)
    passes(world, timedelta(seconds=20))

    assert (during, len(outage.calls) > 0) == (0, True)
