"""The service is killed (SIGKILL) at random while 300 assignments go out to another process: one Task of each stands there.

`STAFETT_SEED` repeats a run; the seed is printed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from adapter.settings import Settings, load
from adapter.storage import open_store
from adapter.usecases.assignments import Work, stand
from adapter.wiring import installation_key, make_sharing
from mappings.resources import assignment
from tests.handover.test_outage import made_number
from tests.house.processes import STAFETT, clean_environment
from tests.partners.servers import Peer, start
from tests.partners.servers.ours import ORGANISATION as MUNICIPALITY
from tests.usecases.handover import FNR, HOSPITAL

SEED: Final = int(os.environ.get("STAFETT_SEED") or random.SystemRandom().randrange(10**6))
ASSIGNMENTS: Final = 300
KILLS: Final = 12
CONFIGURATION: Final = """
environment = "test"
[store]
url = "sqlite:///{folder}/stafett.db"
[messages]
lease_seconds = 2
[[organisation]]
number = "{hospital}"
name = "Fjordheim sykehus HF"
kind = "hospital"
[[partner]]
name = "municipality"
base_url = "{base_url}"
organisation = "{municipality}"
municipality = "3435"
mode = "push"
poll_seconds = 1
"""


class Service:
    """The service as its operator starts it, with only a worker; and what is in its database."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.folder, self.file = folder, folder / "stafett.toml"
        said = CONFIGURATION.format(folder=folder, hospital=HOSPITAL, municipality=MUNICIPALITY, base_url=peer.base_url)
        self.file.write_text(said, "utf-8")
        self.settings: Settings = load(self.file)
        self.store = open_store(self.settings.store.url)
        self.store.migrate()
        self.sharing = make_sharing(self.settings, installation_key(self.store))
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, patient: int) -> None:
        now = datetime.now(UTC)
        task = assignment.build(
            pathway=f"55555555-5555-4555-8555-{patient:012d}",
            kind="assign-coordinator",
            ordinal=1,
            patient=("Patient/one", FNR, made_number(patient)),
            requester=(HOSPITAL, "Fjordheim sykehus HF"),
            owner=(MUNICIPALITY, "Vågå kommune"),
            focus=f"{self.sharing.base}/CarePlan/plan",
            now=now,
            due=date.today() + timedelta(days=7),  # noqa: DTZ011 - any day will do
        )
        self.store.run(lambda unit: stand(Work(unit, self.sharing, now), None, task))

    def left(self) -> int:
        with self.store.read() as unit:
            return unit.count_deliveries([HOSPITAL]).get(("municipality", "waiting"), 0)

    def start(self) -> None:
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                [STAFETT, "serve", "--roles", "worker", "--config", self.file],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,
            )

    def until(self, most: int, seconds: float = 60) -> None:
        """Until no more than so many wait, while the service lives."""
        deadline = time.monotonic() + seconds
        while self.left() > most:
            assert self.process
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def log(self) -> str:
        return (self.folder / "service.log").read_text("utf-8", "replace")[-3000:]


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    (folder := tmp_path / "peer").mkdir()
    running = start("ours", folder)
    yield running
    running.close()


@pytest.fixture
def service(tmp_path: Path, peer: Peer) -> Iterator[Service]:
    (folder := tmp_path / "service").mkdir()
    made = Service(folder, peer)
    yield made
    made.kill()
    made.store.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_worker_sends_each_assignment_once(service: Service, peer: Peer) -> None:
    print(f"STAFETT_SEED={SEED}")  # noqa: T201 - repeats this run
    chance = random.Random(SEED)
    for patient in range(ASSIGNMENTS):
        service.ask(patient)

    lives = []
    for kill in range(KILLS):
        service.start()
        service.until(ASSIGNMENTS - (kill + 1) * ASSIGNMENTS // (KILLS + 2))
        time.sleep(chance.uniform(0, 0.1))
        service.kill()
        lives.append(ASSIGNMENTS - service.left())
    assert lives[-1] < ASSIGNMENTS, f"the last kill came when the work was done: {lives}"
    service.start()
    service.until(0, seconds=120)
    print(f"{ASSIGNMENTS} assignments, {KILLS} kills, delivered at each: {lives}")  # noqa: T201

    there = _tasks(peer)
    assert Counter(map(assignment.key_of, there)) == dict.fromkeys(map(assignment.key_of, there), 1)
    assert len(there) == ASSIGNMENTS
    with service.store.read() as unit:
        assert unit.count_outgoing()["dead"] == 0
        shared = unit.shared_with("municipality", "", 1000)
        assert sorted(one.remote for one in shared) == sorted(task["id"] for task in there)
        assert not unit.troubles([HOSPITAL])


def _tasks(peer: Peer) -> list[dict[str, Any]]:
    """Every Task at the partner, page by page."""
    found, url = [], f"{peer.base_url}/Task?_count=100"
    with httpx.Client(trust_env=False, timeout=30) as client:
        while url:
            page = client.get(url).raise_for_status().json()
            found += [entry["resource"] for entry in page.get("entry", [])]
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    return found
