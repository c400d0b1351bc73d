"""How long the command line takes to say anything."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row


def rows() -> Iterator[Row]:
    stafett = Path(sys.executable).parent / "stafett"
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([stafett, "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    yield Row("stafett --help, whole process", statistics.median(times), "s", 0.5)
