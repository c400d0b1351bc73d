"""The real service under the recorder, and clients that remember what they were told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.house.processes import STAFETT, clean_environment, free_ports
from tests.kill.messages import Made
from tests.power.recorder import Recorder

ROOT = Path(__file__).resolve().parent.parent.parent
RECEIVER, ORGANISATION = "8000101", "319900101"
CONFIGURATION = """
environment = "test"
[store]
url = "sqlite:///{folder}/stafett.db"
[[organisation]]
number = "{organisation}"
name = "Fjordheim sykehus HF"
[[receiver]]
her_id = "{receiver}"
organisation = "{organisation}"
pathway = "D11"
[messages]
lease_seconds = 2
[[hub]]
kind = "folder"
path = "{folder}/hub"
poll_seconds = 0.05
"""
WEAKENED = (sys.executable, "-m", "tests.power.weakened")


class Told(NamedTuple):
    """An answer that a client got: from `time` on (ns, monotonic) what it acknowledges is there."""

    time: int
    kind: str  # message or resource
    name: tuple[str, ...]
    body: bytes


@dataclass
class Clients:
    """What was put in from outside, and what was answered."""

    told: list[Told] = field(default_factory=list)
    dropped: list[tuple[int, str, bytes]] = field(default_factory=list)  # when, where, what
    refused: list[int] = field(default_factory=list)  # statuses of other answers

    def at(self, time: int) -> list[Told]:
        return [one for one in self.told if one.time < time]


class Process:
    """One process of the service on a folder, under the recorder where there is one."""

    def __init__(self, folder: Path, recorder: Recorder | None, command: Sequence[str | Path] = (STAFETT,)) -> None:
        self.folder, self.recorder, self.command = folder, recorder, command
        self.log_file = folder.with_suffix(".log")  # beside it: it is not what is recorded
        self.port = free_ports(1)
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ("serve", "--roles", "api,worker", "--port", str(self.port), "--config", self.folder / "stafett.toml")
        more = self.recorder.around(self.folder) if self.recorder else {}
        with self.log_file.open("ab") as log:
            self.running = subprocess.Popen(
                [*self.command, *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(**more),
            )
        with self.client() as client:
            self.wait(lambda: ready(client), 100)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=60)

    def wait(self, what: Callable[[], object], seconds: float) -> None:
        assert self.running
        deadline = time.monotonic() + seconds
        while not what():
            assert self.running.poll() is None, self.log()
            assert time.monotonic() < deadline, f"not within {seconds:g} s\n{self.log()}"
            time.sleep(0.05)

    def stop(self) -> None:
        assert self.running
        self.running.terminate()
        assert self.running.wait(30) == 0, self.log()

    def kill(self) -> None:
        if self.running and self.running.poll() is None:
            os.kill(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")[-3000:]


def lay(folder: Path) -> None:
    """A folder for an installation, certain on the disk as far as it is simulated: hub/in is there, and the configuration."""
    (folder / "hub" / "in").mkdir(parents=True)
    text = CONFIGURATION.format(folder=folder, organisation=ORGANISATION, receiver=RECEIVER)
    (folder / "stafett.toml").write_text(text, "utf-8")


def files(folder: Path, part: str) -> int:
    """How many whole files a folder of the hub has."""
    return len(list(folder.glob(f"hub/{part}/*.xml")))


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx.TransportError:
        return False


def drop(folder: Path, name: str, data: bytes, clients: Clients) -> None:
    """Put a file in for the folder hub, whole."""
    partial, into = folder.parent / f"{name}.tmp", folder / "hub" / "in" / f"{name}.xml"
    partial.write_bytes(data)
    clients.dropped.append((time.monotonic_ns(), str(into), data))
    partial.replace(into)


def tell(client: httpx.Client, path: str, data: bytes, media: str, clients: Clients, **headers: str) -> httpx.Response:
    """Send until it is answered with success; whatever else is answered is remembered, with its status."""
    method = "PUT" if "If-Match" in headers else "POST"
    deadline = time.monotonic() + 90
    while True:
        try:
            answer = client.request(method, path, content=data, headers={"Content-Type": media, **headers})
        except httpx.TransportError:  # it was ended or killed meanwhile
            assert time.monotonic() < deadline
            time.sleep(0.1)
            continue
        if answer.is_success or (method == "PUT" and answer.status_code == 412):  # the PUT before had been kept
            return answer
        clients.refused.append(answer.status_code)
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


def post(client: httpx.Client, made: Made, clients: Clients) -> None:
    """A message by HTTP."""
    answer = tell(client, "/messages", made.data, "application/xml", clients)
    clients.told.append(Told(time.monotonic_ns(), "message", (answer.headers["location"].rpartition("/")[2],), made.data))


def write(client: httpx.Client, number: int, clients: Clients) -> None:
    """An organisation by FHIR, made and then changed."""
    path, headers = "/fhir/Organization", dict[str, str]()
    body = b'{"resourceType":"Organization","name":"Avdeling %d"}' % number
    for name in ("Avdeling", "Seksjon"):
        answer = tell(client, path, body.replace(b"Avdeling", name.encode()), "application/fhir+json", clients, **headers)
        if answer.status_code == 412:
            return
        made = answer.json()
        named = ("Organization", made["id"], made["meta"]["versionId"])
        clients.told.append(Told(time.monotonic_ns(), "resource", named, answer.content))
        path, headers = f"/fhir/Organization/{made['id']}", {"If-Match": answer.headers["etag"]}
        body = b'{"resourceType":"Organization","id":"%s","name":"Avdeling %d"}' % (made["id"].encode(), number)


def at_once(process: Process, jobs: Sequence[Callable[[httpx.Client], None]], callers: int = 4) -> list[threading.Thread]:
    """Callers that share the jobs among them, each with a connection of its own; they are started."""
    waiting = list(reversed(jobs))

    def call() -> None:
        with process.client() as client:
            while waiting:
                waiting.pop()(client)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    return threads
