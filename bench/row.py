"""One measured figure, and how figures are taken so that two runs agree."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside its goal. `n` is what it was cut down to, where a part could not measure its full size."""

    name: str
    value: float
    unit: str
    goal: float
    n: int | None = None

    @property
    def reached(self) -> bool:
        """Smaller is better, except for rates (`…/s`)."""
        return self.value >= self.goal if self.unit.endswith("/s") else self.value <= self.goal

    def as_json(self) -> dict[str, object]:
        row = {"name": self.name, "value": self.value, "unit": self.unit, "goal": self.goal, "reached": self.reached}
        return row if self.n is None else {**row, "n": self.n}


def ratio(thing: Callable[[], object], floor: Callable[[], object], *, seconds: float = 5) -> float:
    """Time of `thing` in units of `floor`, both measured in turns in this process, the best of each.

    The floor is run in small loops, since a single call of it is near the clock's grain.
    """
    loops = max(1, round(0.002 / max(_seconds(floor, 1), 1e-7)))
    best_thing = best_floor = float("inf")
    thing()
    gc.collect()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        best_floor = min(best_floor, _seconds(floor, loops) / loops)
        best_thing = min(best_thing, _seconds(thing, 1))
    return best_thing / best_floor


def _seconds(action: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        action()
    return time.perf_counter() - start
