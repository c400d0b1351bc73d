"""The installation that is killed: the real service as processes, and about it, never killed, a folder, the simulated hub and a
municipality's simulated FHIR server.

    with installation(folder, url) as house:
        house.start()                     # every process of ours
        house.kill(house.fleet[0])        # SIGKILL
        house.fleet[0].start()

On PostgreSQL the service is two workers and one that answers requests; on SQLite one process that does both.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.house.processes import STAFETT, clean_environment, free_ports, wait_for

RECEIVER, ORGANISATION, MUNICIPALITY = "8000101", "319900101", "319900306"
LEASE: Final = 1.0
"""Seconds that a process holds what it is about: what a killed one held is another's that much later."""
CONFIGURATION = """
environment = "test"
public_base = "{service}"
[store]
url = "{url}"
[[organisation]]
number = "{organisation}"
name = "Fjordheim sykehus HF"
[[receiver]]
her_id = "{receiver}"
organisation = "{organisation}"
pathway = "D11"
care_level = "poliklinikk"
[messages]
lease_seconds = {lease}
[[hub]]
kind = "folder"
path = "{folder}/hub"
poll_seconds = 0.1
[[hub]]
kind = "edi2"
base_url = "{hub}"
poll_seconds = 0.1
[[partner]]
name = "municipality"
base_url = "{partner}/fhir"
organisation = "{municipality}"
municipality = "3435"
mode = "push"
poll_seconds = 0.5
"""
FLEETS: Final = {"sqlite": ("api,worker",), "postgresql": ("worker", "worker", "api")}
"""The roles of each process of ours, by the engine."""


@dataclass
class Process:
    """One process of ours. `ended` tells how it did, where nobody asked it to."""

    name: str
    command: Sequence[str | Path]
    folder: Path
    running: subprocess.Popen[bytes] | None = None
    started: float = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,
            )
        self.started = time.monotonic()

    def kill(self) -> None:
        """Without warning: SIGKILL."""
        assert self.running
        self.running.kill()
        self.running.wait()
        self.running = None

    def stop(self) -> int:
        """Asked to end; the exit code."""
        assert self.running
        self.running.terminate()
        code = self.running.wait(40)
        self.running = None
        return code

    @property
    def ended(self) -> int | None:
        return self.running.poll() if self.running else None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def words(self) -> str:
        """Its last."""
        return f"{self.name}:\n{self.log.read_text('utf-8', 'replace')[-3000:]}" if self.log.exists() else self.name


@dataclass
class House:
    """All of it, by its addresses."""

    folder: Path
    url: str
    service: str
    hub: str
    partner: str
    fleet: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.into, self.done, self.out = (self.folder / "hub" / part for part in ("in", "done", "out"))
        self.into.mkdir(parents=True)
        names = {"service": self.service, "hub": self.hub, "partner": self.partner, "url": self.url, "folder": self.folder}
        said = CONFIGURATION.format(organisation=ORGANISATION, receiver=RECEIVER, municipality=MUNICIPALITY, lease=LEASE, **names)
        self.configuration.write_text(said, "utf-8")
        port = self.service.rpartition(":")[2]
        for number, roles in enumerate(FLEETS[self.engine], 1):
            command: list[str | Path] = [STAFETT, "serve", "--roles", roles, "--config", self.configuration]
            command += ["--port", port] if "api" in roles else []
            self.fleet.append(Process(f"{roles.replace(',', '-')}-{number}", command, self.folder))

    @property
    def engine(self) -> str:
        return self.url.partition(":")[0]

    @property
    def configuration(self) -> Path:
        return self.folder / "stafett.toml"

    def drop(self, name: str, data: bytes) -> None:
        """Put a file in the folder, whole."""
        partial = self.into / f".{name}.tmp"
        partial.write_bytes(data)
        partial.replace(self.into / f"{name}.xml")

    def start(self) -> None:
        for process in self.fleet:
            process.start()

    def end(self) -> None:
        """Whatever still runs."""
        for process in self.fleet:
            if process.running:
                process.kill()

    def must_live(self) -> None:
        """Fails where a process of ours has ended by itself."""
        for process in self.fleet:
            assert process.ended is None, f"ended with {process.ended} by itself: {process.words()}"

    def until(self, what: Callable[[], bool], seconds: float, why: Callable[[], str] = str) -> None:
        """Until it is true, while all processes live; fails after `seconds`, and tells why."""
        deadline = time.monotonic() + seconds
        while not what():
            self.must_live()
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {why()}\n" + "\n".join(one.words() for one in self.fleet))
            time.sleep(0.05)


@contextmanager
def installation(folder: Path, url: str) -> Iterator[House]:
    """An installation whose surroundings run; the service is not started. Everything is ended with the block."""
    first = free_ports(3)
    service, hub, partner = (f"http://127.0.0.1:{first + n}" for n in range(3))
    kept: list[str | Path] = ["--organisation", MUNICIPALITY, "--store", folder / "municipality.db"]
    house = House(folder, url, service, hub, partner)
    with ExitStack() as stack:
        stack.callback(house.end)
        surroundings: dict[str, list[str | Path]] = {
            hub: ["adapter.sandbox.hub", "--port", str(first + 1)],
            partner: ["adapter.sandbox.partner", "--port", str(first + 2), "--name", "municipality", *kept],
        }
        for address, command in surroundings.items():
            stack.enter_context(_beside(folder, address, command))
        yield house


@contextmanager
def _beside(folder: Path, address: str, command: Sequence[str | Path]) -> Iterator[None]:
    process = Process(str(command[0]), [sys.executable, "-m", *command], folder)
    process.start()
    assert process.running
    try:
        wait_for(lambda: answers(f"{address}/"), process.running, 60)
        yield
    finally:
        process.stop()


def client(base_url: str, timeout: float = 30) -> httpx.Client:
    """A client that keeps no connection: one that was idle for long may be gone, which tells nothing of the service."""
    return httpx.Client(base_url=base_url, trust_env=False, timeout=timeout, limits=httpx.Limits(max_keepalive_connections=0))


def answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False


def messages_on(hub: httpx.Client) -> list[dict[str, Any]]:
    """The messages that were put in the hub, with read marks and AppRecs."""
    messages = hub.get("/sandbox/messages").raise_for_status().json()["messages"]
    return [m for m in messages if m["origin"] == "loaded"]
