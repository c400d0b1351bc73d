"""S22: the database is lost, and restored from an older copy. What was received since is found and taken in again; nothing has its
effect in the world twice; and each is told of.

A drill with the real commands of docs/operating.md, the real service and the simulated hub as processes, on both engines.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import make_url, text

from adapter.ports import NOBODY, Message, MessageQuery, State
from adapter.storage import open_store
from tests.house.operating import commands, run
from tests.house.processes import STAFETT, free_ports, running
from tests.national_numbers import make

HOSPITAL, RECEIVER = "319900101", "8000101"
CONFIGURATION = """
environment = "test"
[store]
url = "{url}"
[[organisation]]
number = "319900101"
name = "Fjordheim sykehus HF"
[[receiver]]
her_id = "8000101"
organisation = "319900101"
pathway = "D11"
[[hub]]
kind = "folder"
path = "{folder}/hub"
poll_seconds = 0.1
[[hub]]
kind = "edi2"
base_url = "http://127.0.0.1:{port}"
poll_seconds = 0.1
"""
EXAMPLE = Path(__file__).resolve().parent.parent.parent / "openapi" / "examples" / "series-1-new.xml"
SWAPPED = ("133dffe3-5f25-4928-8201-ac997016abbf", "25064625-6b5b-41a3-9d4c-4a66907b9a63")
PERSON, BORN = "21889240366", "1992-08-21"


def referral(number: int) -> tuple[str, bytes]:
    """A new referral of a patient of its own, and its MsgId."""
    msg_id, said = str(uuid4()), EXAMPLE.read_text("utf-8")
    swaps = {SWAPPED[0]: msg_id, SWAPPED[1]: str(uuid4()), PERSON: make(number, 3, 1990, "male"), BORN: f"1990-03-{number:02}"}
    for old, new in swaps.items():
        assert old in said
        said = said.replace(old, new)
    return msg_id, said.encode()


class Drill:
    """One installation: its files, its hub, and what has been sent to it."""

    def __init__(self, folder: Path, url: str, port: int) -> None:
        self.folder, self.port, self.restored = folder, port, f"restored{uuid4().hex}"
        self.into, self.out = folder / "hub" / "in", folder / "hub" / "out"
        self.into.mkdir(parents=True)
        self.hub = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        self.configure(url)
        self.sent: list[str] = []
        self.posted: list[str] = []

    def configure(self, url: str) -> None:
        self.url = url
        (self.folder / "stafett.toml").write_text(CONFIGURATION.format(url=url, folder=self.folder, port=self.port), "utf-8")

    def send(self, files: int, posts: int) -> None:
        for place in range(files + posts):
            msg_id, data = referral(len(self.sent) + 1)
            self.sent.append(msg_id)
            if place < files:
                part = self.into / f".{len(self.sent)}.tmp"
                part.write_bytes(data)
                part.rename(self.into / f"{len(self.sent)}.xml")
            else:
                self.posted.append(msg_id)
                self.hub.post("/sandbox/messages", content=data).raise_for_status()

    @contextmanager
    def service(self, log: str) -> Iterator[subprocess.Popen[bytes]]:
        with running([STAFETT, "serve", "--roles", "worker"], self.folder, self.folder / log) as process:
            yield process

    def appreces(self) -> dict[str, list[str]]:
        """What the hub has of answers to each message that was put in it."""
        held = self.hub.get("/sandbox/messages").raise_for_status().json()["messages"]
        return {m["businessDocumentId"]: [a["appRecStatus"] for a in m["appRecs"]] for m in held if m["origin"] == "loaded"}

    def answered(self, files: int) -> bool:
        there = len([path for path in self.out.glob("*.xml") if not path.name.startswith(".")]) if self.out.is_dir() else 0
        return there == files and all(self.appreces().values())

    def wait(self, what: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def messages(self) -> dict[str, Message]:
        store = open_store(self.url)
        with store.read() as unit:
            found = unit.messages([HOSPITAL, NOBODY], MessageQuery(limit=500))
        store.close()
        assert len({one.msg_id for one in found}) == len(found)
        return {one.msg_id: one for one in found}

    def shown(self, heading: str) -> list[str]:
        """The commands that docs/operating.md shows for this engine."""
        return commands(heading, "SQLite" if self.url.startswith("sqlite") else "PostgreSQL")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """One of them, with the names of this drill."""
        there = {"stafett": self.url, "postgres restored": self._database("postgres"), "restored": self._database(self.restored)}
        names = {f"postgresql://stafett@db/{name}": f"'{url}'" for name, url in there.items()}
        names["postgresql://stafett@db/postgres restored"] += f" {self.restored}"
        return run(command, self.folder, {**names, "service.log": "one.log"})

    def lose_and_restore(self) -> None:
        """The database is lost; the copy takes its place, an hour old by what it says of processes."""
        for command in self.shown("### Restoring")[:2]:
            done = self.run(command)
            assert done.returncode == 0, done.stderr
        if not self.url.startswith("sqlite"):
            self.configure(self._database(self.restored))
        store = open_store(self.url)
        with store.write() as unit:
            unit.connection.execute(text("UPDATE process SET seen = seen - 3600000000"))
        store.close()

    def _database(self, name: str) -> str:
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    url = f"sqlite:///{tmp_path}/stafett.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")()
    port = free_ports(1)
    with running([sys.executable, "-m", "adapter.sandbox.hub", "--port", str(port)], tmp_path, tmp_path / "hub.log"):
        made = Drill(tmp_path, url, port)
        made.wait(lambda: _answers(made.hub), 30)
        yield made
        made.hub.close()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/sandbox/messages").is_success
    except httpx.TransportError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_s22_a_restore_from_an_older_copy_loses_nothing_and_doubles_nothing(drill: Drill) -> None:
    with drill.service("one.log") as process:
        drill.send(files=2, posts=2)
        drill.wait(lambda: drill.answered(2))
        (backup,) = drill.shown("## Backup")
        assert drill.run(backup).returncode == 0
        drill.send(files=2, posts=2)
        drill.wait(lambda: drill.answered(4))
        time.sleep(1)  # the marks and the log are behind the answers
        before = drill.messages()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    written = {path.name: path.read_bytes() for path in drill.out.iterdir()}
    fetched_away = sorted(drill.out.iterdir(), key=lambda path: path.stat().st_mtime)[-1]
    fetched_away.unlink()  # the neighbouring system has taken this answer

    drill.lose_and_restore()
    drill.send(files=0, posts=1)  # comes while we are down: the hub gives it by itself

    assert len(drill.messages()) == 4
    verify, look, fetch = drill.shown("### Restoring")[2:]
    assert drill.run(verify).returncode == 0
    looked = drill.run(look)
    assert (looked.returncode, looked.stdout.count("missing / mangler")) == (1, 4), looked.stderr
    assert len(drill.messages()) == 4
    fetched = drill.run(fetch)
    assert (fetched.returncode, fetched.stdout.count("taken in / hentet")) == (0, 4), fetched.stdout + fetched.stderr
    again = drill.run(fetch)
    assert (again.returncode, again.stdout) == (0, "")

    with drill.service("two.log") as process:
        drill.wait(lambda: all(drill.appreces().values()) and len(drill.messages()) == 9)
        time.sleep(1)  # for what must not be sent to be sent
        process.terminate()
        assert process.wait(60) == 0

    after = drill.messages()
    assert {one.msg_id: one.state for one in after.values()} == dict.fromkeys(drill.sent, State.PROCESSED)
    assert {id: one.id for id, one in before.items()} == {id: after[id].id for id in before}
    assert all(abs(after[id].received - before[id].received) < timedelta(seconds=5) for id in before)  # time limits count from it
    assert drill.appreces() == {id: ["Ok"] for id in drill.posted}
    assert {path.name: path.read_bytes() for path in drill.out.iterdir()} == {
        name: data for name, data in written.items() if name != fetched_away.name
    }


@pytest.mark.slow
def test_s22_while_a_process_uses_the_database_nothing_is_reconciled(drill: Drill) -> None:
    store = open_store(drill.url)
    store.migrate()
    with store.write() as unit:
        unit.connection.execute(text(f"INSERT INTO process VALUES ('p', 'worker', 0, {int(time.time() * 1_000_000)})"))
    store.close()

    refused = drill.run("stafett reconcile")

    assert (refused.returncode, refused.stderr.startswith("store: Processes use this database")) == (1, True), refused.stderr
