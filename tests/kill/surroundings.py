"""A small installation for processes that are killed at one step: a folder or the simulated hub, and what must have become of a
message. The simulated hub runs in a thread of the test.

    with surroundings(folder, url, "edi2") as around:
        around.put(made)
        live(receives, around.configuration, end="confirm")
        live(receives, around.configuration)
        around.judge(made)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import httpx

from adapter.ports import Message, Outgoing, State, Store, Unit
from adapter.sandbox.clock import MovedClock, move
from adapter.sandbox.hub import make_app
from adapter.sandbox.hub_mail import Mail
from adapter.settings import Settings, load
from adapter.wiring import build
from tests.kill.dying import CLOCK, Parts
from tests.kill.installation import ORGANISATION, RECEIVER
from tests.kill.judging import fresh, reader
from tests.kill.messages import Made
from tests.serving import served

if TYPE_CHECKING:
    from fastapi import FastAPI

Kind = Literal["folder", "edi2"]
SENDER: Final = "8000201"
LEASE: Final = 0.3
PATIENCE: Final = 20.0
CONFIGURATION: Final = f"""
environment = "test"
[[organisation]]
number = "{ORGANISATION}"
name = "Fjordheim sykehus HF"
[[receiver]]
her_id = "{RECEIVER}"
organisation = "{ORGANISATION}"
pathway = "D11"
care_level = "poliklinikk"
[messages]
lease_seconds = {{lease}}
"""


@dataclass
class Surroundings:
    """The store is the test's own; what is put in is there for whoever works with `configuration`."""

    folder: Path
    store: Store
    configuration: Path
    kind: Kind
    mail: Mail
    hub: httpx.Client | None

    def put(self, made: Made) -> None:
        """A message comes."""
        if self.hub:
            self.hub.post("/sandbox/messages", content=made.data).raise_for_status()
        else:
            (self.folder / "hub" / "in" / f"{made.msg_id}.xml").write_bytes(made.data)

    def pass_(self, **much: float) -> None:
        """Let time pass, for processes that begin after it and for those that are there."""
        move(self.folder / CLOCK, MovedClock(self.folder / CLOCK).now() + timedelta(**much))

    def is_confirmed(self, made: Made) -> bool:
        """Whether it has been taken off the hub."""
        if self.hub:
            return any(held.read for held in self.mail.held.values() if held.envelope.msg_id == made.msg_id)
        return not (self.folder / "hub" / "in" / f"{made.msg_id}.xml").exists()

    def kept(self, made: Made) -> list[Message]:
        """The messages that it has become."""
        with self.store.read() as unit:
            return unit.messages_with_key(RECEIVER, SENDER, made.msg_id)

    def answers(self, made: Made) -> list[Outgoing]:
        """The rows of the outbox that answer it."""
        with self.store.read() as unit:
            return [row for message in self.kept(made) for row in unit.outgoing_for(message.id)]

    def judge(self, made: Made, where: str = "") -> None:
        """It was received once, has its effect once and one AppRec of the right bytes, and is taken off the hub."""
        (message,), rows = self.kept(made), self.answers(made)
        with self.store.read() as unit:
            versions = [one.version for one in unit.message_resources(ORGANISATION, message.id) if one.type == "ServiceRequest"]
        assert message.state is State.PROCESSED, where
        assert versions == [1], where
        assert [row.state for row in rows] == ["sent"], where
        if self.hub:
            (held,) = (held for held in self.mail.held.values() if held.envelope.msg_id == made.msg_id)
            assert ([one.status for one in held.apprecs], held.read) == (["Ok"], [int(RECEIVER)]), where
        else:
            said = (self.folder / "hub" / "out" / f"{rows[0].id}.xml").read_bytes()
            assert said == rows[0].body == fresh(reader(), made.data, message.received), where
            assert not [*(self.folder / "hub" / "in").iterdir()], where

    def resources(self, type: str) -> int:
        """How many there are of all messages together."""

        def count(unit: Unit) -> int:
            return len([*unit.history(ORGANISATION, type, None, 10_000).found])

        with self.store.read() as unit:
            return count(unit)


@contextmanager
def surroundings(folder: Path, url: str, kind: Kind, more: str = "", lease: float = LEASE) -> Iterator[Surroundings]:
    """`more` is added to the configuration."""
    if kind == "folder":
        (folder / "hub" / "in").mkdir(parents=True)
        with _ready(folder, url, f'[[hub]]\nkind = "folder"\npath = "{folder}/hub"\n{more}', lease) as (store, configuration):
            yield Surroundings(folder, store, configuration, kind, Mail(), None)
        return
    mail = Mail()
    with served(lambda _: cast("FastAPI", make_app(mail))) as hub:  # an application like any other
        table = f'[[hub]]\nkind = "edi2"\nbase_url = "{hub.base_url}"\n{more}'
        with _ready(folder, url, table, lease) as (store, configuration):
            yield Surroundings(folder, store, configuration, kind, mail, hub)


@contextmanager
def _ready(folder: Path, url: str, hub: str, lease: float) -> Iterator[tuple[Store, Path]]:
    """The configuration, and the database as the service leaves it when it has begun."""
    file = folder / "stafett.toml"
    file.write_text(
        f'{CONFIGURATION.format(lease=lease)}[store]\nurl = "{url or f"sqlite:///{folder}/stafett.db"}"\n{hub}', "utf-8"
    )
    services = build(load(file))
    try:
        yield services.store, file
    finally:
        services.close()


def receives(parts: Parts) -> None:
    """Work of a process: rounds for the hub until nothing is left of it."""
    settings = load(Path("stafett.toml"))
    until(lambda: parts.worker.serve(parts.hubs[0]), lambda: _left(settings, parts))


def until(work: Callable[[], object], left: Callable[[], object]) -> None:
    """Rounds of work until nothing is left; what another process held comes when its lease is over."""
    deadline = time.monotonic() + PATIENCE
    while True:
        work()
        if not left():
            return
        assert time.monotonic() < deadline, "something is left"
        time.sleep(0.02)


def _left(settings: Settings, parts: Parts) -> object:
    with parts.services.store.read() as unit:
        if unit.count_outgoing()["waiting"]:
            return True
    (hub,) = settings.hub
    if hub.path:
        return [*(hub.path / "in").iterdir()]
    listed: list[dict[str, Any]] = httpx.get(f"{hub.base_url}/sandbox/messages", trust_env=False).json()["messages"]
    return [one for one in listed if one["origin"] == "loaded" and not (one["read"] and one["appRecs"])]


def database(engine: str, folder: Path, postgresql: Callable[[], str]) -> str:
    """The url of an empty database."""
    return f"sqlite:///{folder}/stafett.db" if engine == "sqlite" else postgresql()
