"""The slow comparison of all that is shared with a partner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from adapter.ports import Remote
from tests.national_numbers import make
from tests.usecases.handover import World


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
