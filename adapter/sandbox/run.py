"""What `make run` starts: the service, a simulated hub with the example referrals, and a screen that says where to look.

    python -m adapter.sandbox.run --port 8000

The service listens on the port, the hub on the next one, both on loopback. Everything is kept in a temporary folder
and begins empty each time. Ctrl-C (or SIGTERM) ends all of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import httpx
from rich.console import Console

from adapter.hub.examples import folder as folder_of_examples
from adapter.sandbox.screen import show

HOST = "127.0.0.1"
CONFIGURATION = Path(str(files("adapter.sandbox") / "stafett.toml"))
SECONDS = 60.0
SETTLED = {"processed", "refused", "quarantined"}


class Ended(Exception):
    """The sandbox is to end: asked for (code 0), or because something in it did (code 1)."""

    def __init__(self, code: int, en: str = "", nb: str = "") -> None:
        super().__init__(en)
        self.code, self.en, self.nb = code, en, nb


@dataclass(frozen=True)
class Child:
    """A process of ours and the file that it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def must_live(self) -> None:
        if self.process.poll() is not None:
            last = self.log.read_text("utf-8", "replace")[-2000:]
            raise Ended(1, f"The {self.name} has ended. Its last words:\n{last}", f"{self.name} har stoppet.")

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make run", description="The sandbox.")
    parser.add_argument("--port", type=int, default=8000, help="the service; the hub takes the next one")
    port = parser.parse_args(arguments).port
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    screen = Console()
    try:
        with tempfile.TemporaryDirectory(prefix="stafett-") as folder:
            _run(port, Path(folder), screen)
    except Ended as end:
        if end.en:
            print(end.en, end.nb, sep="\n", file=sys.stderr)
        return end.code


def _run(port: int, folder: Path, screen: Console) -> NoReturn:
    for number in (port, port + 1):
        _must_be_free(number)
    service, hub = f"http://{HOST}:{port}", f"http://{HOST}:{port + 1}"
    examples = Path(str(folder_of_examples()))
    count = len(list(examples.glob("*.xml")))
    screen.print(f"Stafett's sandbox starts: {count} example referrals wait on a simulated hub …")
    with (
        _child("hub", folder, "adapter.sandbox.hub", "--port", str(port + 1), "--answer", "--load", str(examples)) as hub_process,
        _child(
            "service", folder, "adapter.cli", "serve", "--port", str(port), settings=_settings(service, hub, folder)
        ) as service_process,
        httpx.Client(base_url=service, trust_env=False, timeout=10) as client,
    ):
        children = (hub_process, service_process)
        messages = _answered(client, count, children)
        show(screen, client, messages, examples, hub, folder)
        while True:
            for child in children:
                child.must_live()
            time.sleep(0.5)


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a signal handler's signature
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # once is enough: let the children end in peace
    raise Ended(0, "Stopped.", "Stoppet.")


def _must_be_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            raise Ended(
                1,
                f"Port {port} cannot be used, perhaps by another program: choose another pair, for instance make run PORT=9000",
                f"Port {port} kan ikke brukes, kanskje er den opptatt: velg et annet par, for eksempel make run PORT=9000",
            ) from None


def _settings(service: str, hub: str, folder: Path) -> dict[str, str]:
    """What depends on the port, and who else is let in: those of the public samples, where these lie beside the project."""
    variables = {
        "PUBLIC_BASE": service,
        "STORE__URL": f"sqlite:///{folder / 'stafett.db'}",
        "HUB": json.dumps([{"kind": "edi2", "base_url": hub, "poll_seconds": 0.5}]),
        "ALLOWED_PERSONS": json.dumps(sorted(_sample_persons())),
        "CONFIG": str(CONFIGURATION),
    }
    return {f"STAFETT_{name}": value for name, value in variables.items()}


def _sample_persons() -> set[str]:
    """Every eleven-digit identifier in the public samples of STAFETT_STANDARDS; empty where that folder is absent."""
    samples = Path(os.environ.get("STAFETT_STANDARDS") or "../shared/standards") / "samples"
    texts = (path.read_text("utf-8", "replace") for path in samples.glob("henvisning-*/*.xml"))
    return {number for text in texts for number in re.findall(r"<(?:\w+:)?Id>\s*(\d{11})\s*</", text)}


@contextmanager
def _child(name: str, folder: Path, *command: str, settings: dict[str, str] | None = None) -> Iterator[Child]:
    """`python -m command`, in a session of its own so that Ctrl-C reaches it through us alone; ended with the block."""
    log = folder / f"{name}.log"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("STAFETT_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**inherited, **(settings or {})},
            start_new_session=True,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.end()


def _answered(client: httpx.Client, count: int, children: Sequence[Child]) -> list[dict[str, Any]]:
    """The messages, oldest first, once all are dealt with and their receipts are sent."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for child in children:
            child.must_live()
        try:
            messages = client.get("/messages", params={"limit": 100}).json()["items"]
            waiting = client.get("/health/ready").json()["outbox"]["waiting"]
        except (httpx.HTTPError, ValueError, KeyError):  # not up yet
            messages, waiting = [], 0
        if sum(m["state"] in SETTLED for m in messages) >= count and not waiting:
            return list(reversed(messages))
        time.sleep(0.2)
    raise Ended(1, f"The example referrals were not answered within {SECONDS:g} s.", "Eksemplene ble ikke besvart i tide.")


if __name__ == "__main__":
    sys.exit(main())
