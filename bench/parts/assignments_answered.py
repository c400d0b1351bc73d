"""How long it takes from an acceptance at the municipality's FHIR server until it stands at the hospital's.

Four processes on this machine: `stafett serve`, two FHIR servers (`adapter.sandbox.partner`) that tell it of each change and are
else looked at once a minute, and this one, which accepts at the one server, steadily, and looks at the other every 50 ms.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from adapter.sandbox.partner_answers import answered
from bench.assigned import NUMBERS, ask, configuration, installation, key
from bench.load import free_port, started
from bench.row import Row
from mappings.resources.elements import URI

EACH_SECOND, SECONDS = 20, 10
PATIENCE: Final = 60.0
LOOK_EVERY: Final = 0.05
FHIR: Final = {"content-type": "application/fhir+json"}

Body = dict[str, Any]


def rows(each_second: int = EACH_SECOND, seconds: int = SECONDS) -> Iterator[Row]:
    number = each_second * seconds
    with TemporaryDirectory() as name, ExitStack() as stack:
        servers = _started(stack, Path(name), number)
        tasks = {key(n): _settled(servers["municipality"], key(n)) for n in range(number)}
        for n in range(number):
            _settled(servers["specialist"], key(n))
        taken = sorted(_accepted(servers["municipality"], servers["specialist"], tasks, each_second).values())
    median, late = taken[len(taken) // 2], taken[len(taken) * 95 // 100]
    yield Row(f"from acceptance there to the hospital's server, p95 of {each_second}/s (median {median:.2f} s)", late, "s", 1)


def _started(stack: ExitStack, folder: Path, number: int) -> Mapping[str, httpx.Client]:
    """Everything runs; what the hospital has asked for waits in the service's outbox. Clients of the two servers."""
    port, ports = free_port(), {name: free_port() for name in NUMBERS}
    addresses = {name: f"http://127.0.0.1:{ports[name]}/fhir" for name in NUMBERS}
    more = f'public_base = "http://127.0.0.1:{port}"'
    with installation(folder, addresses, more=more) as services:
        ask(services, range(number))
    for name, its in ports.items():
        command = [sys.executable, "-m", "adapter.sandbox.partner", "--port", str(its), "--name", name]
        command += ["--organisation", NUMBERS[name], "--store", str(folder / f"{name}.db")]
        command += ["--notify", f"http://127.0.0.1:{port}/partners/{name}/notifications"]
        stack.enter_context(started(command, its, "/fhir/metadata"))
    stafett = str(Path(sys.executable).parent / "stafett")
    command = [stafett, "serve", "--port", str(port), "--config", str(configuration(folder, addresses, more=more))]
    stack.enter_context(started(command, port, "/health/live"))
    return {name: stack.enter_context(httpx.Client(base_url=addresses[name], trust_env=False)) for name in NUMBERS}


def _settled(server: httpx.Client, key: str) -> Body:
    """The Task as the server has it, once it has come there."""
    found: list[Body] = []

    def has_come() -> bool:
        found[:] = _found(server, {"identifier": f"{URI}|{key}"})
        return bool(found)

    _wait(has_come)
    return found[0]


def _accepted(at: httpx.Client, seen_at: httpx.Client, tasks: Mapping[str, Body], each_second: int) -> dict[str, float]:
    """Seconds from each acceptance until it was seen, by key."""
    begun: dict[str, float] = {}
    seen: dict[str, float] = {}

    def accept() -> None:
        start = time.perf_counter()
        for n, (its, task) in enumerate(tasks.items()):
            time.sleep(max(0.0, start + n / each_second - time.perf_counter()))
            begun[its] = time.perf_counter()
            version = {"if-match": f'W/"{task["meta"]["versionId"]}"'}
            after = answered(task, "accept", datetime.now(UTC))
            at.put(f"/Task/{task['id']}", json=after, headers=FHIR | version).raise_for_status()

    def look() -> bool:
        for task in _found(seen_at, {"status": "accepted", "_sort": "-_lastUpdated", "_count": "50", "_elements": "identifier"}):
            seen.setdefault(task["identifier"][0]["value"], time.perf_counter())
        return len(seen) == len(tasks)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    _wait(look, LOOK_EVERY)
    accepting.join()
    return {key: seen[key] - begun[key] for key in tasks}


def _found(server: httpx.Client, asked: Mapping[str, str]) -> list[Body]:
    bundle: Body = server.get("/Task", params=dict(asked)).raise_for_status().json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


def _wait(until: Callable[[], bool], pause: float = 0.2) -> None:
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {PATIENCE:g} s")
        time.sleep(pause)
