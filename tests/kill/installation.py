"""The installation that is killed: the real service as a process, a folder, and the simulated hub as another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.house.processes import STAFETT, clean_environment, free_ports

T = TypeVar("T")

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
poll_seconds = 0.1
[[hub]]
kind = "edi2"
base_url = "http://127.0.0.1:{port}"
poll_seconds = 0.1
"""


class Installation:
    """Files come in by `drop`, the hub's messages by `post`; `start` and `kill` are the service's life."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/stafett.db"
        self.into, self.done, self.out = (folder / "hub" / part for part in ("in", "done", "out"))
        self.into.mkdir(parents=True)
        self.hub = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        self.process: subprocess.Popen[bytes] | None = None
        configuration = CONFIGURATION.format(folder=folder, organisation=ORGANISATION, receiver=RECEIVER, port=port)
        (folder / "stafett.toml").write_text(configuration, "utf-8")

    def drop(self, name: str, data: bytes) -> None:
        """Put a file in, whole."""
        partial = self.into / f".{name}.tmp"
        partial.write_bytes(data)
        partial.replace(self.into / f"{name}.xml")

    def post(self, data: bytes) -> None:
        """Put a message in the simulated hub."""
        self.hub.post("/sandbox/messages", content=data).raise_for_status()

    def on_hub(self) -> list[dict[str, Any]]:
        """The messages that were put in the hub, with read marks and AppRecs."""
        messages = self.hub.get("/sandbox/messages").raise_for_status().json()["messages"]
        return [m for m in messages if m["origin"] == "loaded"]

    def start(self) -> None:
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                [STAFETT, "serve", "--roles", "worker", "--config", self.folder / "stafett.toml"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,
            )

    def kill(self) -> None:
        """Without warning: SIGKILL."""
        assert self.process
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Asked to end; the exit code."""
        assert self.process
        self.process.terminate()
        return self.process.wait(30)

    def files_done(self) -> int:
        return _count(self.done)

    def files_answered(self) -> int:
        return _count(self.out)

    def wait(self, what: Callable[[], T], seconds: float, every: float = 0.02) -> T:
        """Until it is true, while the service lives; fails after `seconds`. `every` so many seconds it is looked at."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert self.process
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {self.files_done()} files done\n{self.log()}"
            time.sleep(every)
        return found

    def log(self) -> str:
        """The service's last words."""
        return (self.folder / "service.log").read_text("utf-8", "replace")[-3000:]


def _count(folder: Path) -> int:
    """How many whole files; cheap, since it is asked often."""
    return sum(entry.name.endswith(".xml") for entry in os.scandir(folder)) if folder.is_dir() else 0


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """An installation whose hub runs; the service is not started. Everything is ended with the block."""
    port = free_ports(1)
    command = [sys.executable, "-m", "adapter.sandbox.hub", "--port", str(port)]
    with (folder / "hub.log").open("wb") as log:
        hub = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment())
    made = Installation(folder, port)
    try:
        deadline = time.monotonic() + 30
        while not _answers(made.hub):
            assert hub.poll() is None, "the hub ended"
            assert time.monotonic() < deadline, "the hub did not start"
            time.sleep(0.05)
        yield made
    finally:
        made.hub.close()
        for process in (made.process, hub):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/sandbox/messages").is_success
    except httpx.TransportError:
        return False
