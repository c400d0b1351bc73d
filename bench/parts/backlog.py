"""Starting with a great deal that waits (`bench/waiting.py`): until it is ready, and the memory that it takes to begin on it.

`stafett serve`, all of it in one process, as a process of its own; the hub that the AppRecs are for is down all the while. Ready is
200 from /health/ready. The whole size: python -m bench --full backlog
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adapter.ports import State
from bench.load import free_port
from bench.receiving import EDI, configured, states
from bench.row import Row
from bench.shared import database, engines, folder
from bench.waiting import fill

WAITING, WHOLE = 100_000, 1_000_000
FULL: Final = {"waiting": WHOLE}
SPELL: Final = 30.0
PATIENCE: Final = 120.0


def rows(waiting: int = WAITING) -> Iterator[Row]:
    n = None if waiting == WHOLE else waiting
    for engine in engines():
        store, its = database(engine), folder()
        fill(store, waiting)
        before = states(store)[State.PROCESSED]
        seconds, megabytes = _started(configured(its, store, EDI.format(base=f"http://127.0.0.1:{free_port()}")))
        done = states(store)[State.PROCESSED] - before
        yield Row(f"ready with 1,000,000 waiting, {engine}", seconds, "s", 10, n)
        yield Row(f"memory, while they are worked off, {engine}", megabytes, "MB", 512, n)
        yield Row(f"worked off in the first {SPELL:.0f} s, {engine}", done / SPELL, "messages/s", 20, n)


def _started(configuration: Path) -> tuple[float, float]:
    """Seconds until it was ready, and the most memory that it had held half a minute later."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "stafett"), "serve", "--config", str(configuration), "--port", str(port)]
    with (configuration.parent / "service.log").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while not _ready(port):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < began + PATIENCE, f"not ready within {PATIENCE:.0f} s"
            time.sleep(0.05)
        seconds = time.monotonic() - began
        time.sleep(SPELL)
        return seconds, _peak(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:  # nobody listens yet, or it is 503
        return False


def _peak(process: int) -> float:
    """The most memory that a process has held, in MB (Linux: VmHWM of proc(5))."""
    told = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in told if line.startswith("VmHWM")) / 1000
