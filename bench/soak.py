"""A long time at a steady rate: whether memory, open files or answering times grow: python -m bench.soak [MINUTES] [ENGINE]

Files come 20 a second (an open loop, as in `bench/parts/messages.py`) to one worker with the audit on. Each five seconds its memory
(VmRSS of proc(5)) and open files are looked at. Told at the end: the slope of a line through the memory of the last two thirds
(least squares), open files then and at the beginning of these, and the 99th percentile of file to AppRec in their first and last
parts.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Final

from rich.progress import Progress

from bench.parts.messages import EACH_SECOND, come, p99
from bench.receiving import Receiving, receiving
from bench.row import Row
from bench.shared import database, folder
from tests.kill.messages import Made, make_messages

MINUTES: Final = 30.0
EVERY: Final = 5.0
PARTS: Final = 4  # of the time that counts, of which the first and the last are held against each other

Look = tuple[float, float, int]
"""Seconds since the beginning, MB of memory, open files."""


def main(minutes: float = MINUTES, engine: str = "SQLite") -> int:
    made = make_messages(8, round(minutes * 60 * EACH_SECOND))
    with receiving(folder(), store=database(engine)) as one:
        looks, late = _watched(one, made, minutes * 60)
    rows = _told(looks, late, f"{engine}, {minutes:g} minutes at {EACH_SECOND}/s")
    for row in rows:
        print(f"{row.name}: {row.value:.3g} {row.unit} (goal {row.goal:g}) {'reached' if row.reached else 'MISSED'}")
    return 0 if all(row.reached for row in rows) else 1


def _watched(one: Receiving, made: Sequence[Made], seconds: float) -> tuple[list[Look], list[tuple[float, float]]]:
    """What was seen of the worker, and of each message when it came and how long it took."""
    came: dict[str, float] = {}
    coming = threading.Thread(target=lambda: came.update(come(one, made, EACH_SECOND)), daemon=True)
    began, looks = time.time(), []
    coming.start()
    with Progress() as progress:
        bar = progress.add_task("Soak", total=seconds)
        while coming.is_alive():
            time.sleep(EVERY)
            looks.append((time.time() - began, *_look(one.processes[0].pid)))
            progress.update(bar, completed=min(time.time() - began, seconds))
    one.answered(len(made), time.time(), 30)
    told, now = one.told(), time.time()
    return looks, [(moment - began, told.get(id, now) - moment) for id, moment in came.items()]


def _look(process: int) -> tuple[float, int]:
    status = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return kilobytes / 1000, sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def _told(looks: Sequence[Look], late: Sequence[tuple[float, float]], what: str) -> list[Row]:
    end = looks[-1][0]
    counted = [look for look in looks if look[0] >= end / 3]
    slope = linear_regression([at / 3600 for at, _, _ in counted], [megabytes for _, megabytes, _ in counted]).slope
    files = counted[-1][2] - counted[0][2]
    part = (end - end / 3) / PARTS
    first = p99(sorted(took for at, took in late if end / 3 <= at < end / 3 + part))
    last = p99(sorted(took for at, took in late if at >= end - part))
    return [
        Row(f"memory's slope ({counted[-1][1]:.0f} MB at the end), {what}", slope, "MB/h", 1),
        Row(f"open files gained ({counted[-1][2]} at the end), {what}", files, "files", 0),
        Row(f"p99 at the end, by that at the beginning ({first:.2f} s then {last:.2f} s), {what}", last / first, "x", 1.5),
    ]


if __name__ == "__main__":
    sys.exit(main(*(cast(one) for cast, one in zip((float, str), sys.argv[1:], strict=False))))
