"""What `make run` starts: the service, a simulated hub, two other FHIR servers, and a screen that says where to look.

First some invented patients walk their ways, from referral to follow-up in the municipality, while the service's clock is moved
through ten months; then it shows the time that it is, and the example referrals come in.

    python -m adapter.sandbox.run --port 8000

The service listens on the port, the hub on the next one, the hospital's and the municipality's FHIR servers on the two after
that, all on loopback. Everything is kept in a temporary folder and begins empty each time. Ctrl-C (or SIGTERM) ends all of it.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from adapter.hub.examples import folder as folder_of_examples
from adapter.sandbox.clock import move
from adapter.sandbox.handing_over import NUMBERS
from adapter.sandbox.screen import show
from adapter.sandbox.walking import Stumbled, Walked, play
from adapter.sandbox.walks import MUNICIPALITY, SPECIALIST, WALKS
from mappings.times import OSLO

HOST = "127.0.0.1"
CONFIGURATION = Path(str(files("adapter.sandbox") / "stafett.toml"))
SECONDS = 60.0
SETTLED = {"processed", "refused", "quarantined"}
OTHERS = tuple(NUMBERS)
"""The other FHIR servers; they take the ports after the hub's, in this order."""

VAAGAA = "3435"  # the municipality whose server and coordinator rules the sandbox has


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
    parser.add_argument(
        "--port", type=int, default=8000, help="the service; the hub and two other FHIR servers take the next three"
    )
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
    for number in range(port, port + 2 + len(OTHERS)):
        _must_be_free(number)
    at = Addresses(f"http://{HOST}:{port}", f"http://{HOST}:{port + 1}", _others(port))
    examples, clock = Path(str(folder_of_examples())), folder / "clock"
    letters = [file.read_bytes() for file in sorted(examples.glob("*.xml"))]
    move(clock, datetime.now(OSLO) - timedelta(days=max(walk.ago for walk in WALKS) + 1))
    screen.print(f"Stafett's sandbox starts: {len(WALKS)} patients walk through their pathways, {len(letters)} referrals come in …")
    with ExitStack() as stack:
        children = [stack.enter_context(child) for child in _children(port, at, folder, clock)]
        client = stack.enter_context(httpx.Client(base_url=at.service, trust_env=False, timeout=10))
        mail = stack.enter_context(httpx.Client(base_url=at.hub, trust_env=False, timeout=10))

        def alive() -> None:
            for child in children:
                child.must_live()

        _up([f"{at.service}/health/live", f"{at.hub}/", *(f"{other}/" for other in at.others.values())], alive)
        servers = {
            name: stack.enter_context(httpx.Client(base_url=address, trust_env=False, timeout=10))
            for name, address in at.others.items()
        }
        walked = _walked(client, mail, servers, clock, screen, alive)
        for letter in letters:
            mail.post("/sandbox/messages", content=letter).raise_for_status()
        messages = _answered(client, len(letters) + len(WALKS), alive)
        show(screen, client, messages, walked, examples, {"The simulated hub": at.hub, **_named(at.others)}, folder)
        while True:
            alive()
            time.sleep(0.5)


@dataclass(frozen=True)
class Addresses:
    """Where everything listens: the service, the hub, and the other FHIR servers by name."""

    service: str
    hub: str
    others: Mapping[str, str]


def _others(port: int) -> dict[str, str]:
    return {name: f"http://{HOST}:{port + 2 + place}" for place, name in enumerate(OTHERS)}


def _named(others: Mapping[str, str]) -> dict[str, str]:
    return {
        "The hospital's own FHIR server": others[SPECIALIST],
        "The municipality's FHIR server": others[MUNICIPALITY],
    }


def _children(port: int, at: Addresses, folder: Path, clock: Path) -> Iterator[AbstractContextManager[Child]]:
    """The processes, in the order that they are to start."""
    yield _child("hub", folder, "adapter.sandbox.hub", "--port", str(port + 1), "--answer")
    for place, name in enumerate(OTHERS):
        command = ["--port", str(port + 2 + place), "--name", name, "--organisation", NUMBERS[name]]
        kept = ["--store", str(folder / f"{name}.db"), "--clock", str(clock)]
        told = ["--notify", f"{at.service}/partners/{name}/notifications"]
        yield _child(name, folder, "adapter.sandbox.partner", *command, *kept, *told)
    yield _child(
        "service",
        folder,
        *("adapter.sandboxed", "--port", str(port), "--clock", str(clock)),
        settings={"STAFETT_CONFIG": str(_configuration(at, folder))},
    )


def _up(addresses: Sequence[str], alive: Callable[[], None]) -> None:
    """Wait until all of them answer."""
    waiting, deadline = list(addresses), time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        alive()
        try:
            while waiting:
                httpx.get(waiting[0], trust_env=False).raise_for_status()
                waiting.pop(0)
            return
        except httpx.HTTPError:  # not up yet
            time.sleep(0.1)
    raise Ended(1, f"{waiting[0]} did not answer within {SECONDS:g} s.", f"{waiting[0]} svarte ikke i tide.")


def _walked(
    client: httpx.Client,
    mail: httpx.Client,
    servers: Mapping[str, httpx.Client],
    clock: Path,
    screen: Console,
    alive: Callable[[], None],
) -> Sequence[Walked]:
    """The walks, each at its end. Where one stumbles, the others stand still too, and it is told why."""
    found: dict[str, Walked] = {}
    today = datetime.now(OSLO).date()
    with Progress(TextColumn("{task.description}"), BarColumn(), console=screen, transient=True) as progress:
        bar = progress.add_task("Ten months pass", total=sum(len(walk.steps) + 1 for walk in WALKS))
        try:
            for walked in play(WALKS, client, mail, clock, today, servers, alive):
                found[walked.walk.name] = walked
                progress.advance(bar)
        except Stumbled as fault:
            screen.print(f"A walk has stumbled: {fault}", markup=False, highlight=False, soft_wrap=True)
            move(clock, None)
    return list(found.values())


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
                f"Port {port} cannot be used, perhaps by another program: choose others, for instance make run PORT=9000",
                f"Port {port} kan ikke brukes, kanskje er den opptatt: velg andre, for eksempel make run PORT=9000",
            ) from None


def _configuration(at: Addresses, folder: Path) -> Path:
    """The sandbox's `stafett.toml`, with what depends on the port; the command line can be given it too (`--config`).

    Who else is let in: those of the public samples, where these lie beside the project.
    """
    file = folder / "stafett.toml"
    quoted = partial(json.dumps, ensure_ascii=False)  # a JSON text is a TOML text
    above = f"public_base = {quoted(at.service)}\nallowed_persons = {quoted(sorted(_sample_persons()))}\n"
    store, mail = quoted(f"sqlite:///{folder / 'stafett.db'}"), quoted(at.hub)
    below = f'\n[store]\nurl = {store}\n\n[[hub]]\nkind = "edi2"\nbase_url = {mail}\npoll_seconds = 0.5\n'
    for name in OTHERS:
        below += f'\n[[partner]]\nname = "{name}"\norganisation = "{NUMBERS[name]}"\n'
        below += f'municipality = "{VAAGAA}"\n' if name == MUNICIPALITY else ""
        below += f"base_url = {quoted(at.others[name] + '/fhir')}\npoll_seconds = 0.5\n"
    file.write_text(above + CONFIGURATION.read_text("utf-8") + below, "utf-8")
    return file


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


def _answered(client: httpx.Client, count: int, alive: Callable[[], None]) -> list[dict[str, Any]]:
    """The messages, oldest first, once all are dealt with and their receipts are sent."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        alive()
        try:
            messages = client.get("/messages", params={"limit": 100}).json()["items"]
            waiting = client.get("/health/ready").json()["outbox"]["waiting"]
        except (httpx.HTTPError, ValueError, KeyError):  # busy
            messages, waiting = [], 0
        if sum(m["state"] in SETTLED for m in messages) >= count and not waiting:
            return list(reversed(messages))
        time.sleep(0.2)
    raise Ended(1, f"The example referrals were not answered within {SECONDS:g} s.", "Eksemplene ble ikke besvart i tide.")


if __name__ == "__main__":
    sys.exit(main())
