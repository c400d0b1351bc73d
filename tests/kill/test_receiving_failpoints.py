"""The service is killed (SIGKILL) at every step of receiving: taking in hand, commit, confirming, claiming, sending, marking.
Whoever comes after does what is left: each message was received once, has its effect once, and one AppRec of the right bytes.

Two messages come together, so that a process ends between them too. In the ordinary suite every step is tried with each engine and
each hub once; `make torture` tries all pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.kill.dying import live
from tests.kill.messages import Letters
from tests.kill.surroundings import Kind, database, receives, surroundings

TOGETHER: Final = 2
LABELLED: Final = {"fetch", "run_each", "confirm", "claim", "deliver", "run"}
"""Among the steps are at least these: `run_each` keeps messages, `run` takes in hand, puts down, and marks what was sent."""
LEAST: Final = 10  # points between steps


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("engine", "kind"),
    [
        ("sqlite", "edi2"),
        ("postgresql", "folder"),
        pytest.param("sqlite", "folder", marks=pytest.mark.torture),
        pytest.param("postgresql", "edi2", marks=pytest.mark.torture),
    ],
)
def test_wherever_a_process_ends_each_message_is_received_once_and_answered_once(
    engine: str, kind: Kind, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    letters, end, tried = Letters(1), 0, set[str]()
    killed = True
    with surroundings(tmp_path, database(engine, tmp_path, postgresql), kind) as around:
        while killed:
            made = [letters.make(n) for n in range(end * TOGETHER, (end + 1) * TOGETHER)]
            for one in made:
                around.put(one)
            end += 1
            life = live(receives, around.configuration, end)
            killed = life.killed
            tried.update(life.steps)
            if killed:
                assert len(life.steps) == end
                live(receives, around.configuration)
            for one in made:
                around.judge(one, f"killed at step {end}: {life.steps[-1]}")
        for type in ("ServiceRequest", "EpisodeOfCare"):
            assert around.resources(type) == end * TOGETHER, type
    assert tried >= LABELLED
    assert end > LEAST
