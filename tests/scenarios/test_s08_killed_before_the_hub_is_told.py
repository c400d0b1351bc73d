"""S8: the process is killed between a message's effect and its confirmation to the hub, which then gives the message again.

The fault that this guards against: what was done is done once more, for nothing tells that it was. However often a process ends
just there, there is one effect, and the hub is told in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kill.dying import live
from tests.kill.messages import Letters
from tests.kill.surroundings import Kind, database, receives, surroundings

pytestmark = pytest.mark.slow
TIMES = 3


@pytest.mark.parametrize(("engine", "kind"), [("sqlite", "folder"), ("sqlite", "edi2"), ("postgresql", "folder")])
def test_s08_what_is_killed_between_effect_and_confirmation_has_its_effect_once(
    engine: str, kind: Kind, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    made = Letters(8).make(0)
    with surroundings(tmp_path, database(engine, tmp_path, postgresql), kind) as around:
        around.put(made)
        for _ in range(TIMES):
            assert live(receives, around.configuration, end="confirm").killed
            assert len(around.kept(made)) == 1
            assert not around.is_confirmed(made)

        assert not live(receives, around.configuration).killed
        around.judge(made)
        assert (around.resources("ServiceRequest"), around.resources("EpisodeOfCare")) == (1, 1)
