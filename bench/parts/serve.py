"""Requests a second over HTTP, as ratios to what is beside us in the same run: one worker, 8 connections.

Nothing is written in the audit here, as nobody else writes one; what that and tokens cost is measured by `guarded`. The others: an
application that does nothing, a FastAPI route that returns a dict, SEKMET and fhirstarter (`bench/peers`), Medplum's router with
all in its memory (`tests/partners/servers`); and ourselves on PostgreSQL, in turns with SQLite, the best of each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from bench.load import free_port, rate, started
from bench.row import Row
from bench.shared import TASKS, engines, tasks
from bench.shared import folder as new_folder
from bench.tasks import ORGANISATION, OWNERS, id, task
from tests.partners.servers import medplum

Served = AbstractContextManager[str]

MANY, MORE, WHOLE = TASKS, 100_000, 1_000_000
FULL: Final = {"more": WHOLE}
SECONDS, TURN = 4.0, 3.0
WHAT: Final = ("read a Task", "search owner and status", "create a Task", "a transaction of 20")
FHIR = "application/fhir+json"
CONFIGURATION = f"""
audit = false
[store]
url = "{{database}}"
[[organisation]]
number = "{ORGANISATION}"
name = "Målesykehuset"
kind = "hospital"
"""
READ = f"""
local n = 0
request = function() n = (n * 7 + 13) % 1000; return wrk.format("GET", "/fhir/Task/" .. ids[n + 1]) end
ids = {{{", ".join(f'"{id(n)}"' for n in range(1000))}}}
"""
SEARCH = f"""
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/fhir/Task?owner=Organization/owner-" .. (n % {OWNERS}) .. "&status=requested&_count=20")
end
"""


def rows(more: int = MORE) -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        both = _in_turns({engine: _ours(tasks(engine)) for engine in engines()})
        ours = both["SQLite"]
        bare = _rate(_floor("bare"), "")
        ordinary = _rate(_floor("ordinary"), READ)
        theirs = _all_rates(_sekmet(folder))
        starter = _rate(_fhirstarter(folder), READ.replace("/fhir/Task", "/Task"))
        yield Row(f"read a Task ({ours.read:.0f}/s)", ours.read / ordinary, "x a FastAPI route/s", 2.5)
        yield Row("read a Task", 100 * ours.read / bare, "% of an empty application/s", 15)
        yield Row("read a Task", ours.read / theirs.read, "x SEKMET/s", 4)
        yield Row("read a Task", ours.read / starter, "x fhirstarter/s", 4)
        yield Row(f"search owner and status, 20 of many ({ours.search:.0f}/s)", ours.search / theirs.search, "x SEKMET/s", 10)
        yield Row(f"create a Task ({ours.create:.0f}/s)", ours.create / theirs.create, "x SEKMET/s", 3)
        yield Row(f"a transaction of 20 ({ours.transaction:.0f}/s)", ours.transaction / theirs.transaction, "x SEKMET/s", 3)
        yield from _beside_medplum(folder, ours)
        for engine, slow in both.items():
            if engine != "SQLite":
                for what, fast, its in zip(WHAT, ours, slow, strict=True):
                    yield Row(f"{what}, {engine} ({its:.0f}/s of {fast:.0f}/s)", fast / its, "x SQLite's time", 2.5)
        much = _rate(_ours(tasks("SQLite", more)), SEARCH)
        n = None if more == WHOLE else more
        yield Row(f"the same search among {WHOLE:,} Tasks ({much:.0f}/s)", ours.search / much, f"x among {MANY:,}", 1.5, n)


class Rates(NamedTuple):
    """Answers a second."""

    read: float
    search: float
    create: float
    transaction: float


def _asked() -> list[tuple[str, int]]:
    """The scripts of `Rates`, and the status that each is answered with."""
    return [(READ, 200), (SEARCH, 200), *_writing("/fhir")]


def _all_rates(server: Served) -> Rates:
    with server as base:
        return Rates(*(rate(base, script=script, seconds=SECONDS, status=status) for script, status in _asked()))


def _in_turns(servers: dict[str, Served]) -> dict[str, Rates]:
    """The rates of several that run at once and are asked one after the other."""
    best: dict[str, list[float]] = {name: [] for name in servers}
    with ExitStack() as stack:
        bases = {name: stack.enter_context(server) for name, server in servers.items()}
        for script, status in _asked():
            turns = [
                {name: rate(base, script=script, seconds=TURN, status=status, looked=bool(turn)) for name, base in bases.items()}
                for turn in range(2)
            ]
            for name, found in best.items():
                found.append(max(turn[name] for turn in turns))
    return {name: Rates(*found) for name, found in best.items()}


def _rate(server: Served, script: str) -> float:
    with server as base:
        return rate(base, script=script, seconds=SECONDS)


def _ours(database: str) -> Served:
    configuration = new_folder() / "stafett.toml"
    configuration.write_text(CONFIGURATION.format(database=database), "utf-8")
    port = free_port()
    command = [str(Path(sys.executable).parent / "stafett"), "serve", "--roles", "api", "--port", str(port)]
    return started([*command, "--config", str(configuration)], port, "/health/live")


def _beside_medplum(folder: Path, ours: Rates) -> Iterator[Row]:
    """Its transactions are off, so they are not compared; it keeps nothing on a disk."""
    if shutil.which("npm") is None:
        return
    (folder / "medplum.json").write_text(json.dumps([task(n) for n in range(MANY)]), "utf-8")
    port = free_port()
    command = [str(word) for word in medplum.command(folder, port)]
    with started(command, port, f"/fhir/Task/{id(0)}") as base:
        read, search, create = (rate(base, script=script, seconds=SECONDS, status=s) for script, s in _asked()[:3])
    yield Row(f"read a Task (Medplum's router {read:.0f}/s)", ours.read / read, "x Medplum's router/s", 1)
    yield Row(f"search owner and status (Medplum's router {search:.0f}/s)", ours.search / search, "x Medplum's router/s", 10)
    yield Row(f"create a Task (Medplum's router {create:.0f}/s)", ours.create / create, "x Medplum's router/s", 0.5)


def _floor(app: str) -> Served:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"bench.peers.floor:{app}", "--port", str(port), "--no-access-log"]
    ready = "/" if app == "bare" else f"/fhir/Task/{id(0)}"
    return started([*command, "--log-level", "warning"], port, ready, STAFETT_FLOOR=tasks("SQLite"))


def _sekmet(folder: Path) -> Served:
    data = folder / "sekmet"
    data.mkdir()
    command = [sys.executable, "-m", "bench.peers.sekmet"]
    subprocess.run([*command, "load", str(data), str(MANY)], check=True, timeout=120)
    port = free_port()
    return started([*command, "serve", str(data), str(port)], port, "/fhir/metadata")


def _fhirstarter(folder: Path) -> Served:
    """Its environment is made once, beside ours."""
    home = Path(sys.prefix) / "fhirstarter"
    if not (home / "bin" / "uvicorn").exists():
        venv.create(home, with_pip=True)
        subprocess.run(
            [home / "bin" / "pip", "-q", "install", "fhirstarter==4.2.0", "uvicorn==0.54.0", "uvloop==0.23.0"], check=True
        )
    tasks = folder / "tasks.jsonl"
    tasks.write_text("\n".join(json.dumps(task(n)) for n in range(1000)), "utf-8")
    port = free_port()
    peers = str(Path(__file__).parent.parent / "peers")
    command = [str(home / "bin" / "uvicorn"), "--app-dir", peers, "fhirstarter_app:app", "--port", str(port), "--no-access-log"]
    return started([*command, "--log-level", "warning"], port, f"/Task/{id(0)}", TASKS=str(tasks), FHIR_SEQUENCE="R4B")


def _writing(base: str) -> Iterator[tuple[str, int]]:
    """Scripts that create Tasks, none the same as another, one by one and twenty at a time; and the status to expect."""
    body = _fresh(task(1))
    yield _posting(f"{base}/Task", body), 201
    entries = [{"resource": "@", "request": {"method": "POST", "url": "Task"}}] * 20
    bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).replace('"@"', body)
    yield _posting(base, bundle), 200


def _fresh(body: dict[str, Any]) -> str:
    body = {key: value for key, value in body.items() if key != "id"}
    number = f"urn:uuid:{str(uuid5(NAMESPACE_OID, 'fresh'))[:-8]}@NUMBER@"
    return json.dumps(body | {"identifier": [{"system": "urn:ietf:rfc:3986", "value": number}]})


def _posting(path: str, body: str) -> str:
    return f"""
local n = os.time() % 1000 * 1000000
local body = [==[{body}]==]
request = function()
  local made = body:gsub("@NUMBER@", function() n = n + 1; return string.format("%08x", n % 4294967296) end)
  return wrk.format("POST", "{path}", {{["Content-Type"] = "{FHIR}"}}, made)
end
"""
