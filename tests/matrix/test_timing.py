"""How long a refusal takes tells nothing either: of what is another's, hidden, or never was.

Pairs are asked in turn, so that what else the machine does is in both alike; medians are compared, with generous bounds, since a
difference that can be measured across a network is many times as large.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from urllib.parse import quote

import pytest

from tests.matrix.asking import Request
from tests.matrix.instances import FNR
from tests.matrix.world import Names, World

pytestmark = pytest.mark.slow
PAIRS = 300
SHARE, SECONDS = 0.25, 0.005  # of the median, and at all

KINDS: dict[str, Callable[[Names], Request]] = {
    "read": lambda names: Request("GET", f"Observation/{names.ids['Observation']}"),
    "search by number": lambda names: Request("POST", "Patient/_search", form=f"identifier={quote(f'{FNR}|{names.number}')}"),
    "conditional read": lambda names: Request("GET", names.patient, {"If-None-Match": names.tag}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", ["other", "nurse"])
def test_what_is_hidden_takes_as_long_as_what_never_was(world: World, reader: str, kind: str) -> None:
    names = (world.seen[reader], world.never[reader])
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 * PAIRS):  # every other pair the other way round
        which = (turn + turn // 2) % 2
        request = KINDS[kind](names[which])
        began = perf_counter()
        world.ask(reader, request)
        taken[which].append(perf_counter() - began)

    bound = min(SECONDS, SHARE * median([*taken[0], *taken[1]]))
    there, none = median(taken[0]), median(taken[1])
    assert len(taken[0]) == len(taken[1]) == PAIRS
    assert abs(there - none) < bound, f"{reader} x {kind}: {there:.6f} s and {none:.6f} s"
