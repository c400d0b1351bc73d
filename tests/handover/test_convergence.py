"""Whatever both sides do, and whatever fails: in the end the two servers and ours are equal, and all that happened was lawful."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.handover.play import MODES, WORDS, Operation, Play

EXAMPLES = int(os.environ.get("STAFETT_PLAYS") or 25)
operations = st.lists(
    st.tuples(st.sampled_from(WORDS), *[st.integers(0, 11)] * 3),
    min_size=5,
    max_size=30,
)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(played=operations, terse=st.booleans())
def test_both_sides_end_converged_and_lawful(mode: str, played: list[Operation], terse: bool) -> None:
    play_through(mode, played, terse)


def play_through(mode: str, played: list[Operation], terse: bool = False) -> Play:
    with TemporaryDirectory(prefix="stafett-play-") as folder, capture_logs():
        play = Play(Path(folder), mode, terse=terse)
        try:
            play.act([("asks", 0, 0, 0), *played])
            play.end()
            play.judge()
        finally:
            play.world.store.close()
    return play
