"""An export by processes as an operator starts them: one is killed while it makes it, another goes on; and by SEKMET's client.

The small forms are in `tests/usecases/test_export_resources.py` and `tests/clients/test_sekmet_bulk.py`.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from adapter.storage import open_store
from adapter.wiring import SystemClock
from tests.fhir.world import draft, task
from tests.house.processes import STAFETT, clean_environment, free_ports, get, running, wait_for
from tests.serving import until
from tests.stores import with_tables

HOSPITAL, TASKS = "319900101", 25
CONFIGURATION: Final = """
environment = "test"
public_base = "http://127.0.0.1:{port}"
[store]
url = "{url}"
[messages]
lease_seconds = 3
[[organisation]]
number = "{hospital}"
name = "Fjordheim sykehus HF"
"""
# A worker with files of ten that is killed, as by kill -9, when it has made one and is at the next.
DYING: Final = """
import os, signal, sys
from adapter.storage import exports, open_store
from adapter.usecases import export_resources
from adapter.usecases.at_work import Hand, Pulse
from adapter.wiring import SystemClock
export_resources.FILE_RESOURCES, export_resources.PAGE = 10, 10
store, clock = open_store(sys.argv[1]), SystemClock()
pulse = Pulse(store, clock, "worker", 3)
pulse.beat()
hand = Hand(store, clock, export_resources.HAND, pulse.id)
while not export_resources.make_some(store, clock, hand):
    pass
exports.Exports.stood = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
export_resources.make_some(store, clock, hand)
"""


@contextmanager
def served(folder: Path, roles: str, port: int) -> Iterator[Path]:
    """The service's process with some roles; its log."""
    log = folder / f"{roles}.log"
    command = [STAFETT, "serve", "--roles", roles, "--port", str(port), "--config", folder / "stafett.toml"]
    with running(command, folder, log) as process:
        if "api" in roles:
            wait_for(lambda: get(f"http://127.0.0.1:{port}/health/ready"), process, 60)
        yield log
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.torture
@pytest.mark.timeout(200)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_a_killed_worker_left_is_finished_by_another_and_a_foreign_client_fetches_all(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Callable[[], str] = request.getfixturevalue("postgresql")
    url, port = database() if engine == "postgresql" else with_tables(tmp_path / "stafett.db"), free_ports(2)
    (tmp_path / "stafett.toml").write_text(CONFIGURATION.format(port=port, url=url, hospital=HOSPITAL), "utf-8")
    with served(tmp_path, "api", port) as first:
        fill(url)
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        place = http.get("/fhir/$export?_type=Task", headers={"Prefer": "respond-async"}).headers["Content-Location"]
        died = subprocess.run(
            [sys.executable, "-c", DYING, url], cwd=tmp_path, env=clean_environment(), timeout=60, check=False, capture_output=True
        )
        left = http.get(place)
        with served(tmp_path, "worker", port + 1) as log:
            until(lambda: http.get(place).status_code != 202, 40)
            lines = [http.get(one["url"]).text.splitlines() for one in http.get(place).json()["output"]]
            sekmet(tmp_path, f"http://127.0.0.1:{port}/fhir")
        http.close()

    assert (died.returncode, left.headers["X-Progress"]) == (-signal.SIGKILL, "10 resources in 1 files"), died.stderr
    assert [len(some) for some in lines] == [10, TASKS - 10]  # the second worker's files are larger
    assert sorted(json.loads(one)["id"] for some in lines for one in some) == sorted(f"t{number}" for number in range(TASKS))
    said = first.read_text("utf-8") + log.read_text("utf-8")  # whichever notices first buries the dead
    assert [len(re.findall(event, said)) for event in ("worker.buried", "export.made")] == [1, 3]


def fill(url: str) -> None:
    store = open_store(url)
    with store.write() as unit:
        tasks = [draft("Task", f"t{number}", task(number)) for number in range(TASKS)]
        patient = draft("Patient", "p1", {"name": [{"family": "Ødegård"}]})
        unit.put(HOSPITAL, [patient, *tasks], SystemClock().now())
    store.close()


def sekmet(folder: Path, base: str) -> None:
    """Both kinds of export, of all types; it ends with 1 where anything is wrong by its own judgement."""
    settings = folder / "settings.yaml"
    settings.write_text(f"data_dir: {folder}\npeers:\n  ours:\n    base_url: {base}\n", "utf-8")
    command = [str(Path(sys.executable).parent / "sekmet"), "bulk", "export", "--peer", "ours", "--config", str(settings)]
    for level in ("system", "patient"):
        done = subprocess.run([*command, "--level", level], check=False, cwd=folder, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(rf"Task +{TASKS} lines  declared={TASKS}  invalid=0", done.stdout), done.stdout
        assert "VALID" in done.stdout
