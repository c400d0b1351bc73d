"""S9: the process is killed after it has read what is to be sent to a partner, and before it hears that it was created there.

Whoever comes after does not know whether it was. The partner may get it twice; it has it once, by the identifier that the creation
is conditional on (FHIR R4 3.1.0.8.1, ifNoneExist).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.sandbox.partner import make_app
from adapter.settings import load
from adapter.storage import open_store
from adapter.usecases.assignments import Work, stand
from adapter.wiring import SystemClock, installation_key, make_sharing
from mappings.resources import assignment
from tests.kill.dying import Parts, begin, live
from tests.kill.installation import MUNICIPALITY, ORGANISATION
from tests.kill.messages import Letters
from tests.kill.surroundings import Surroundings, database, surroundings, until
from tests.serving import served
from tests.usecases.handover import FNR

if TYPE_CHECKING:
    from fastapi import FastAPI

pytestmark = pytest.mark.slow
ENGINES = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
PATIENCE: Final = 60.0
PARTNER: Final = """
[[partner]]
name = "municipality"
base_url = "{base_url}/fhir"
organisation = "{number}"
municipality = "3435"
mode = "push"
poll_seconds = 3600
"""


class Gate:
    """A FHIR server where the first creation is held up: before it is done, or before it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.holds, self.creations = "", 0
        self.came, self.go_on, self.answered = threading.Event(), threading.Event(), threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        self.creations += 1
        holds, self.holds = self.holds, ""
        body = await _body(receive)
        if holds == "before":
            await self._held()
        said: list[Message] = []

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            said.append(message)

        await self.app(scope, again, keep)
        if holds == "after":
            await self._held()
        if holds:
            self.answered.set()
        for message in said:
            await send(message)

    async def _held(self) -> None:
        self.came.set()
        await asyncio.get_running_loop().run_in_executor(None, self.go_on.wait, PATIENCE)


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return body


def carries(parts: Parts) -> None:
    """Everything that waits for the partner."""
    with_store = parts.services.store

    def left() -> int:
        with with_store.read() as unit:
            return unit.count_outgoing()["waiting"]

    until(parts.lines[0].round, left)


@contextmanager
def municipality(folder: Path) -> Iterator[tuple[Gate, str]]:
    """The partner's server, and its address."""
    store = open_store(f"sqlite:///{folder}/municipality.db")
    gates: list[Gate] = []

    def make(base: str) -> FastAPI:
        store.migrate(f"{base}/fhir")
        gates.append(Gate(make_app(store, SystemClock(), name="municipality", organisation=MUNICIPALITY, base=base)))
        return cast("FastAPI", gates[0])  # an application like any other

    with served(make) as client:
        yield gates[0], str(client.base_url).rstrip("/")
    store.close()


def ask(around: Surroundings) -> str:
    """The hospital asks the municipality for a coordinator; returns the assignment's identifier."""
    sharing = make_sharing(load(around.configuration), installation_key(around.store))
    now, number = datetime.now(UTC), Letters(9).make(0)
    task = assignment.build(
        pathway="55555555-5555-4555-8555-000000000009",
        kind="assign-coordinator",
        ordinal=1,
        patient=("Patient/one", FNR, _number_of(number.data)),
        requester=(ORGANISATION, "Fjordheim sykehus HF"),
        owner=(MUNICIPALITY, "Vågå kommune"),
        focus=f"{sharing.base}/CarePlan/plan",
        now=now,
        due=date.today() + timedelta(days=7),  # noqa: DTZ011 - any day will do
    )
    around.store.run(lambda unit: stand(Work(unit, sharing, now), None, task))
    return assignment.key_of(task)


def _number_of(data: bytes) -> str:
    return data.decode().partition("<Patient>")[2].partition("<Id>")[2].partition("<")[0]


def tasks(address: str) -> list[str]:
    """Identifiers of the Tasks at the partner."""
    bundle = httpx.get(f"{address}/fhir/Task", trust_env=False).raise_for_status().json()
    return [assignment.key_of(entry["resource"]) for entry in bundle.get("entry", [])]


@ENGINES
@pytest.mark.parametrize(("killed", "creations"), [("before", 2), ("after", 1)])
def test_s09_what_is_killed_before_the_partner_answers_stands_there_once(
    engine: str, killed: str, creations: int, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    with municipality(tmp_path) as (gate, address):
        more, url = PARTNER.format(base_url=address, number=MUNICIPALITY), database(engine, tmp_path, postgresql)
        with surroundings(tmp_path, url, "folder", more) as around:
            key = ask(around)
            gate.holds = killed
            process, _ = begin(carries, around.configuration)
            assert gate.came.wait(PATIENCE)
            process.kill()
            process.join()
            assert tasks(address) == ([key] if killed == "after" else [])
            with around.store.read() as unit:
                assert unit.count_outgoing()["waiting"] == 1

            around.pass_(seconds=2)
            assert not live(carries, around.configuration).killed
            gate.go_on.set()  # now the first comes through, after the second
            assert gate.answered.wait(PATIENCE)
            assert tasks(address) == [key]
            assert gate.creations == creations
            with around.store.read() as unit:
                assert unit.count_outgoing() == {"waiting": 0, "unanswered": 0, "sent": 1, "dead": 0, "dismissed": 0}
                assert len(unit.shared_with("municipality", "", 10)) == 1
                assert not unit.troubles([ORGANISATION])
