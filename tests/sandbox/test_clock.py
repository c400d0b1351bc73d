"""The sandbox's clock: moved by a file, read by another process, and the machine's own when nothing moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapter.sandbox.clock import MovedClock, move

SOON = timedelta(seconds=30)


def test_without_a_file_it_is_the_machines_time(tmp_path: Path) -> None:
    assert abs(MovedClock(tmp_path / "clock").now() - datetime.now(UTC)) < SOON


def test_it_goes_on_from_where_it_is_moved_to_and_back_to_the_machines_time(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock, long_ago = MovedClock(file), datetime(2020, 2, 29, 9, tzinfo=UTC)

    move(file, long_ago)
    first, second = clock.now(), clock.now()
    move(file, None)

    assert long_ago <= first <= second < long_ago + SOON
    assert abs(clock.now() - datetime.now(UTC)) < SOON
    assert list(tmp_path.iterdir()) == [file]
