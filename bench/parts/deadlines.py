"""The deadline watch: three open Tasks to each pathway, all judged as on the next day, then some as after a stop of months.

The watch runs in a process of its own, so that its memory is its own: how much more it holds at the most than after its
first pages. On SQLite, in files of a temporary folder. The whole size: python -m bench --full deadlines
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapter.domain.deadlines import soon
from adapter.domain.identity import BASE
from adapter.ports import Draft, Stored
from adapter.r4.index import Index
from adapter.storage import open_store
from adapter.usecases.watch_deadlines import watch
from adapter.usecases.writing import draft
from bench.loading import load
from bench.row import Row
from bench.tasks import BEGAN, ORGANISATION, task

PATHWAYS, WHOLE, TASKS = 10_000, 100_000, 3
FULL: Final = {"pathways": WHOLE}
WARM: Final = 10  # pages, after which the database's caches are as large as they become
LATE: Final = 40  # pages of the Tasks that are all overdue: enough to tell how fast they are written
WRITTEN: Final = date(2026, 11, 2)  # the day on which every Task says how it stands
NEXT, MONTHS_LATER = (datetime(*day, 0, 0, 1, tzinfo=UTC) for day in ((2026, 11, 3), (2027, 6, 1)))


def rows(pathways: int = PATHWAYS) -> Iterator[Row]:
    n = None if pathways == WHOLE else pathways
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'many.db'}"
        load(url, pathways * TASKS, make=stored)
        usual, all_late = _in_a_process(url, NEXT), _in_a_process(url, MONTHS_LATER, LATE)
    scale = WHOLE / pathways
    print(f"deadlines: {usual['changed']} of {pathways * TASKS} Tasks changed overnight", file=sys.stderr)
    yield Row("deadlines of 100,000 pathways, overnight", usual["seconds"] * scale, "s", 60, n)
    yield Row("deadlines looked at", pathways * TASKS / usual["seconds"], "Tasks/s", 5_000, n)
    yield Row("deadlines all overdue at once", all_late["changed"] / all_late["seconds"], "Tasks/s", 300, n)
    yield Row("memory that the watch adds", max(usual["growth"], all_late["growth"]), "MB", 10, n)


def deadline(n: int) -> dict[str, Any]:
    """The n-th Task, with 42 days of which the first was up to 42 days ago, as it stands on the day that it was written."""
    start = WRITTEN - timedelta(days=n % 43)
    due = start + timedelta(days=42)
    stands = "due-soon" if soon(start, due) <= WRITTEN else "on-time"
    return {
        **task(n),
        "meta": {"tag": [{"system": f"{BASE}/CodeSystem/tag", "code": "computed"}]},
        "status": "requested",
        "businessStatus": {"coding": [{"system": f"{BASE}/CodeSystem/business-status", "code": stands}]},
        "restriction": {"period": {"start": start.isoformat(), "end": due.isoformat()}},
    }


def stored(n: int) -> tuple[Stored, Index]:
    body = deadline(n)
    made: Draft = draft("Task", body["id"], body)
    updated = BEGAN + timedelta(seconds=n)
    return Stored("Task", made.id, 1, updated, made.make(1, updated), made.index.patient), made.index


def _in_a_process(url: str, now: datetime, pages: int = 1_000_000) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.parts.deadlines", url, now.isoformat(), str(pages)]
    told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def _measured(url: str, now: datetime, most: int) -> dict[str, float]:
    pages, warm = 0, 0

    def going() -> bool:
        nonlocal pages, warm
        pages += 1
        if pages == WARM:
            warm = _peak()
        return pages <= most

    store = open_store(url)
    start = time.perf_counter()
    changed = watch(store, [ORGANISATION], now, going=going)
    seconds = time.perf_counter() - start
    store.close()
    return {"seconds": seconds, "changed": changed, "growth": (_peak() - warm) / 1024}


def _peak() -> int:
    """The most memory that this process has held, in kB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]))))
