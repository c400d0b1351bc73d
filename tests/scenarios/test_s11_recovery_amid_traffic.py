"""S11: a process has died amid its work, and others take over while messages come in and more is to be sent: none goes twice but
what the dead one had under way, and what is of one key leaves in the order it was made.

The fault that this guards against: an engine that began with its queues before it had recovered, so that what was recovered went
twice, and after what came later.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from adapter.ports import Outgoing, Unit
from tests.kill.dying import Parts, begin, ended, live
from tests.kill.installation import ORGANISATION
from tests.kill.messages import Letters
from tests.kill.surroundings import database, receives, surroundings

KEYS: Final = 30
BEFORE, MEANWHILE = 4, 4  # rows of each key
LIVE: Final = 40  # messages that come meanwhile
DIES_AT: Final = 17
LEASE: Final = 60.0  # longer than the test: nothing is taken from a process that lives
SENT: Final = "sent"


class Told:
    """A hub that tells, before it does it, what it is to send."""

    def __init__(self, hub: Any, most: int | None = None) -> None:
        self._hub, self._left = hub, most
        self._file = os.open(SENT, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hub, name)

    def deliver(self, row: Outgoing) -> str:
        if row.kind == "message":
            os.write(self._file, f"{row.id}\n".encode())
            if self._left is not None:
                self._left -= 1
        done: str = self._hub.deliver(row)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


def dies(parts: Parts) -> None:
    """Has sent some when it dies, and marked none of the last of them."""
    parts.hubs[0] = Told(parts.hubs[0], DIES_AT)
    receives(parts)


def takes_over(parts: Parts) -> None:
    """Works until it is told that nothing more comes."""
    parts.hubs[0] = Told(parts.hubs[0])
    while not Path("over").exists():
        parts.worker.serve(parts.hubs[0])
        time.sleep(0.01)
    receives(parts)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_s11_what_a_dead_process_left_goes_out_amid_the_traffic_once_and_in_order(
    engine: str, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    letters, numbers = Letters(11), range(BEFORE + MEANWHILE)
    with surroundings(tmp_path, database(engine, tmp_path, postgresql), "folder", lease=LEASE) as around:
        around.store.run(lambda unit: _made(unit, numbers[:BEFORE]))
        assert live(dies, around.configuration).killed
        under_way = set(_told(tmp_path))
        assert len(under_way) == DIES_AT

        around.pass_(seconds=2 * LEASE)
        others = [begin(takes_over, around.configuration) for _ in range(2)]
        for number in numbers[BEFORE:]:
            around.store.run(lambda unit, number=number: _made(unit, [number]))  # type: ignore[misc]
            for n in range(LIVE // MEANWHILE):
                around.put(letters.make(number * LIVE + n))
        (tmp_path / "over").touch()
        assert not any(ended(*other).killed for other in others)

        sent = _told(tmp_path)
        assert {id for id, times in Counter(sent).items() if times > 1} <= under_way
        assert Counter(dict.fromkeys(sent, 1)) == Counter(_id(key, n) for key in range(KEYS) for n in numbers)
        for key in range(KEYS):
            first = list(dict.fromkeys(id for id in sent if id.startswith(f"{key:02d}-")))
            assert first == [_id(key, n) for n in numbers]
        for number in numbers[BEFORE:]:
            for n in range(LIVE // MEANWHILE):
                around.judge(letters.make(number * LIVE + n))
        assert around.resources("ServiceRequest") == LIVE


def _made(unit: Unit, numbers: range | list[int]) -> None:
    """One row more of each key, for each of the numbers."""
    now = datetime.now(UTC)
    for n in numbers:
        for key in range(KEYS):
            ours = (ORGANISATION, f"key {key}", "folder", "message", "", None, "8000101", "8000201", b"<a/>", "application/xml")
            unit.enqueue(Outgoing(_id(key, n), *ours, now, msg_id=_id(key, n)))  # type: ignore[arg-type]


def _id(key: int, n: int) -> str:
    return f"{key:02d}-{n:02d}"


def _told(folder: Path) -> list[str]:
    return (folder / SENT).read_text("ascii").splitlines()
