"""S10: the process is killed while it schedules a retry, at every step of it. What was to be tried again is.

The fault that this guards against: an engine that took a retry out of its list before it had made what was to be tried, and so
lost it when it ended in between. Here a retry is a time on the row itself: there is nothing to take out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from adapter.ports import State
from mappings.translation import Translator
from tests.kill.dying import Parts, live
from tests.kill.messages import Letters
from tests.kill.surroundings import Surroundings, database, receives, surroundings

pytestmark = pytest.mark.slow
ENGINES = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


class Stumbling:
    """A translator with a fault of ours."""

    def __init__(self, translator: Any) -> None:
        self._translator = translator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._translator, name)

    def render(self, *_: object, **__: object) -> None:
        raise RuntimeError


def receives_and_fails(parts: Parts) -> None:
    """One round: what comes is kept, and its AppRec cannot leave."""
    parts.worker.serve(parts.hubs[0])


def stumbles(parts: Parts) -> None:
    """One round in which a fault of ours stops every message."""
    parts.reception.translator = cast("Translator", Stumbling(parts.reception.translator))
    parts.worker.serve(parts.hubs[0])


def tries_again(parts: Parts) -> None:
    parts.reception.work_due()


@ENGINES
def test_s10_an_apprec_that_could_not_leave_leaves_later_wherever_the_process_ended(
    engine: str, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    letters, end, killed = Letters(10), 0, True
    with surroundings(tmp_path, database(engine, tmp_path, postgresql), "folder") as around:
        out = tmp_path / "hub" / "out"
        while killed:
            made, end = letters.make(end), end + 1
            around.put(made)
            out.write_bytes(b"")  # not a folder: nothing can be put there
            killed = live(receives_and_fails, around.configuration, end).killed
            assert all(row.state == "waiting" for row in around.answers(made))
            assert killed or around.answers(made)[0].next_attempt
            out.unlink()
            _later(around)
            live(receives, around.configuration)
            around.judge(made, f"step {end}")
            _put_away(out)
    assert end > 5


@ENGINES
def test_s10_a_message_that_a_fault_of_ours_stopped_is_tried_again_wherever_the_process_ended(
    engine: str, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    letters, end, killed = Letters(11), 0, True
    with surroundings(tmp_path, database(engine, tmp_path, postgresql), "folder") as around:
        while killed:
            made, end = letters.make(end), end + 1
            around.put(made)
            live(stumbles, around.configuration)
            (message,) = around.kept(made)
            assert message.state is State.RECEIVED
            assert message.due
            _later(around)
            killed = live(tries_again, around.configuration, end).killed
            assert [one.state for one in around.kept(made)] in ([State.RECEIVED], [State.PROCESSED])
            _later(around)  # whoever had it in hand had it for so long
            live(tries_again, around.configuration)
            live(receives, around.configuration)
            around.judge(made, f"step {end}")
    assert end > 2


def _later(around: Surroundings) -> None:
    """After the first step of every ladder."""
    around.pass_(minutes=10)


def _put_away(out: Path) -> None:
    for file in out.iterdir():
        file.unlink()
    out.rmdir()
