"""The slow comparison of all that is shared with a partner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from adapter.ports import Remote
from tests.national_numbers import make
from tests.usecases.handover import World
from tests.usecases.house import SetClock


def test_what_is_to_be_sent_does_not_wait_for_the_end_of_a_long_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, hospital_has_server=False)
    for day in range(1, 4):
        world.hospital_asks(number=make(day, 2, 1985, "female"))
    world.settle()
    server, (line,) = world.municipality, world.lines
    whole, came = server.changed, list[str]()

    def slow(since: datetime | None) -> Iterator[Remote]:
        for place, remote in enumerate(whole(since)):
            if place == 0:
                came.append(world.hospital_asks(number=make(9, 2, 1985, "female")))
            came.append("new" if server.has(came[0]) else "old")
            world.clock.pass_(seconds=2)
            yield remote

    monkeypatch.setattr(server, "changed", slow)
    world.clock.pass_(hours=25)
    line.round()

    assert came[1:] == ["old", "new", "new"]


def test_a_clock_that_stood_years_ahead_keeps_nothing_from_being_compared(tmp_path: Path) -> None:
    world = World(tmp_path, hospital_has_server=False)
    right = world.clock.now()
    world.clock.pass_(days=3650)
    world.settle()
    world.clock.at = right
    world.restart()
    world.settle()

    with world.store.read() as unit:
        compared = unit.partner_state("municipality").compared
    assert compared
    assert right <= compared <= world.clock.now()


def test_a_clock_that_is_set_back_keeps_nothing_from_being_heard(tmp_path: Path) -> None:
    """In the very process: it remembers when it looked last."""
    world = World(tmp_path, hospital_has_server=False)
    world.municipality.clock = SetClock()  # the partner's own stands right
    key = world.hospital_asks()
    world.settle()
    world.clock.pass_(hours=-1)
    world.municipality.answers(key, "accepted")
    world.settle()

    assert world.mirror(key)["status"] == "accepted"
