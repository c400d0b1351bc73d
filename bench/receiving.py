"""An installation that receives, as in production: worker processes, a folder hub or the simulated EDI hub, the audit on.

    with receiving(folder, store=url, workers=2) as one:
        began = one.drop(make_messages(1, 3_000))
        moments = one.answered(3_000, began, seconds=30)     # when each AppRec stood in `out`

    with from_hub(folder, messages, store=url) as hub: …    # the simulated hub, filled before it starts

When an AppRec stands in `out` is told by the file system (the change time of its name), and by the simulated hub of those that
it was sent: nobody looks often, so that looking costs nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx

from adapter.ports import State
from adapter.storage import open_store
from bench.load import free_port, started
from tests.kill.messages import Made, make_messages

RECEIVER, ORGANISATION = "8000101", "319900101"
HUB: Final = 'kind = "folder"\npath = "{folder}/hub"\npoll_seconds = 0.1'
EDI: Final = 'kind = "edi2"\nbase_url = "{base}"\npoll_seconds = 0.1'
CONFIGURATION: Final = """
environment = "test"
auth = "off"
[store]
url = "{store}"
[[organisation]]
number = "{organisation}"
name = "Målesykehuset"
[[receiver]]
her_id = "{receiver}"
organisation = "{organisation}"
pathway = "D11"
[[hub]]
{hub}
"""
UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WARM: Final = 20  # messages of each worker before anything is measured
CALM: Final = 1.0  # seconds after them
PATIENCE: Final = 90.0


def configured(folder: Path, store: str, hub: str) -> Path:
    """`stafett.toml` of an installation with this `[[hub]]`."""
    file = folder / "stafett.toml"
    file.write_text(CONFIGURATION.format(store=store, organisation=ORGANISATION, receiver=RECEIVER, hub=hub), "utf-8")
    return file


@contextmanager
def worker(configuration: Path, *, timed: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """One `stafett serve --roles worker`; with `timed` it writes what its calls to the hub took, when it ends."""
    command = [sys.executable, "-m", "bench.timed_worker", str(timed)] if timed else [str(Path(sys.executable).parent / "stafett")]
    command += ["serve", "--roles", "worker", "--config", str(configuration)]
    with (configuration.parent / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Receiving:
    """Workers that take files from `hub/in` and put AppRecs into `hub/out`."""

    folder: Path
    store: str
    processes: Sequence[subprocess.Popen[bytes]] = ()
    began: set[str] = field(default_factory=set)

    def drop(self, made: Sequence[Made]) -> float:
        """Put all in at once, each whole; the moment before the first."""
        beside = self.folder / "beside"
        beside.mkdir(exist_ok=True)
        for one in made:
            (beside / f"{one.msg_id}.xml").write_bytes(one.data)
        now = time.time()
        for one in made:
            self.put(beside / f"{one.msg_id}.xml")
        return now

    def put(self, file: Path) -> None:
        file.rename(self.folder / "hub" / "in" / file.name)

    def begin(self) -> None:
        """What has not been received is taken out again, and what was answered does not count from now on."""
        for file in (self.folder / "hub" / "in").iterdir():
            file.unlink(missing_ok=True)
        time.sleep(CALM)
        self.began = {entry.name for entry in os.scandir(self.folder / "hub" / "out")}

    def answered(self, number: int, since: float, seconds: float) -> list[float]:
        """When each AppRec came after `since`, in order, once there are `number`, or `seconds` are over."""
        until = since + seconds
        while self.count() < number + len(self.began) and time.time() < until:
            assert all(process.poll() is None for process in self.processes), "a worker ended"
            time.sleep(0.25)
        return sorted(moment for moment, _ in self.apprecs() if since <= moment < until)

    def count(self) -> int:
        out = self.folder / "hub" / "out"
        return sum(entry.name.endswith(".xml") for entry in os.scandir(out)) if out.is_dir() else 0

    def apprecs(self) -> Iterator[tuple[float, Path]]:
        """Those that are new since `begin`, with the moment that each stood there."""
        for entry in os.scandir(self.folder / "hub" / "out"):
            if entry.name.endswith(".xml") and entry.name not in self.began:
                yield entry.stat().st_ctime, Path(entry.path)

    def told(self) -> dict[str, float]:
        """When each message's AppRec stood there, by MsgId: what an AppRec names."""
        return {id.decode(): moment for moment, file in self.apprecs() for id in UUID.findall(file.read_bytes())}

    def spent(self) -> float:
        """Seconds of a processor that the workers have used, and PostgreSQL for them (Linux: proc(5), stat)."""
        name = self.store.rpartition("/")[2].partition("?")[0]
        theirs = [folder for folder in Path("/proc").glob("[0-9]*") if f" {name} ".encode() in _words(folder, b"postgres:")]
        return sum(map(_processor, [*theirs, *(Path(f"/proc/{process.pid}") for process in self.processes)]))

    def states(self) -> dict[State, int]:
        """What became of all messages."""
        return states(self.store)


def _words(process: Path, beginning: bytes) -> bytes:
    """The command line of a process that begins so, else nothing."""
    try:
        words = (process / "cmdline").read_bytes()
    except OSError:  # it has ended
        return b""
    return words if words.startswith(beginning) else b""


def _processor(process: Path) -> float:
    try:
        user, system = (process / "stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def receiving(folder: Path, *, store: str, workers: int = 1) -> Iterator[Receiving]:
    """The workers are warm: each has taken messages, and nothing is left to do."""
    (folder / "hub" / "in").mkdir(parents=True)
    one = Receiving(folder, store)
    configuration = configured(folder, store, HUB.format(folder=folder))
    with ExitStack() as stack:
        one.processes = [stack.enter_context(worker(configuration)) for _ in range(workers)]
        for turn in range(workers + 1):  # the first worker that is up takes the first turn alone
            one.answered(WARM, one.drop(make_messages(10**6 + turn, WARM)), PATIENCE)
            one.begin()
        yield one


@dataclass
class Hub:
    """The simulated hub with what was put in it, and one worker or more that fetch from it."""

    client: httpx.Client
    timed: Sequence[Path]

    def answered(self, number: int, seconds: float) -> list[float]:
        """When each AppRec reached the hub, in order, once there are `number`, or `seconds` are over since the first."""
        began, moments = time.time(), self._moments()
        while len(moments) < number and time.time() < (moments[0] + seconds if moments else began + PATIENCE):
            time.sleep(1.0)
            moments = sorted(self._moments())
        return moments

    def _moments(self) -> list[float]:
        messages = self.client.get("/sandbox/messages").raise_for_status().json()["messages"]
        return [datetime.fromisoformat(a["at"]).timestamp() for m in messages for a in m["appRecs"]]


@contextmanager
def from_hub(folder: Path, made: Sequence[Made], *, store: str, workers: int = 1) -> Iterator[Hub]:
    """The hub is filled and runs; the workers are starting. What their calls took stands in the files of `timed` afterwards."""
    full = folder / "full"
    full.mkdir(parents=True)
    for one in made:
        (full / f"{one.msg_id}.xml").write_bytes(one.data)
    port, timed = free_port(), [folder / f"calls-{n}.json" for n in range(workers)]
    command = [sys.executable, "-m", "adapter.sandbox.hub", "--port", str(port), "--load", str(full)]
    with ExitStack() as stack:
        base = stack.enter_context(started(command, port, "/sandbox/faults"))
        client = stack.enter_context(httpx.Client(base_url=base, trust_env=False, timeout=30))
        configuration = configured(folder, store, EDI.format(base=base))
        for one_ in timed:
            stack.enter_context(worker(configuration, timed=one_))
        yield Hub(client, timed)


def states(store: str) -> dict[State, int]:
    """What became of all messages of an installation."""
    opened = open_store(store)
    try:
        with opened.read() as unit:
            return {state: number for state, number in unit.count_messages([ORGANISATION]).items() if number}
    finally:
        opened.close()


def steady(moments: Sequence[float], began: float, ended: float, parts: int = 8) -> float:
    """AppRecs a second: the median of as many windows of the same length, since they leave in batches."""
    each = (min(ended, moments[-1]) - began) / parts
    counts = Counter(min(int((moment - began) / each), parts - 1) for moment in moments if began <= moment <= ended)
    return median(counts[part] for part in range(parts)) / each


def calls(timed: Sequence[Path]) -> list[tuple[float, float, str]]:
    """Beginning, end and address of every call that the workers made."""
    found: list[Any] = [call for file in timed for call in json.loads(file.read_text("utf-8"))]
    return sorted((begun, ended, path) for begun, ended, path in found)
