"""S17: a newer version is installed while the queues are full, it is killed on the way, and others work on the same database.

Integration engines have crashed in upgrades with messages queued (Mirth Connect 995), and migrations have reported success with a
column missing (HAPI FHIR 8027). The database of an earlier version is `tests/upgrade/versions`' with many receipts that wait.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, inspect, select, text

from adapter.domain.problem import Problem
from adapter.storage import open_store, schema
from adapter.storage.engines import connect
from adapter.storage.presence import Presence, alone
from tests.house.processes import STAFETT, clean_environment, free_ports, get, running, wait_for
from tests.serving import until
from tests.storage.conftest import url
from tests.upgrade.old import make, put, rows

__all__ = ["url"]
pytestmark = pytest.mark.slow
OLD = "0006"
CONFIGURATION = """
environment = "test"
[store]
url = "{url}"
[retention]
inbox = 0
explanation = 0
outbox = 0
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
"""
DIES = """
import os, signal
from adapter.storage import schema
schema.{at} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from adapter.cli import main
main(["serve", "--roles", "worker"])
"""


def fill(url: str, count: int) -> None:
    """A database of the earlier version in which so many receipts wait, each of its own message and with its own bytes."""
    make(url, OLD)
    receipt = rows(OLD)["outbox"][0]
    more = [
        receipt | {"position": n, "body": b"<AppRec>%d</AppRec>" % n, "hub_id": f"{n}.xml~{n:016x}"}
        | {name: f"{name}-{n}" for name in ("id", "key", "message_id")}
        for n in range(3, count + 2)
    ]  # fmt: skip
    engine = connect(url).claiming
    with engine.begin() as connection:
        put(connection, {"outbox": more})
    engine.dispose()


def fingerprint(url: str) -> str:
    """Of every row of every table."""
    engine = connect(url).claiming
    seen = hashlib.sha256()
    with engine.begin() as connection:
        for name in sorted(inspect(connection).get_table_names()):
            table = Table(name, MetaData(), autoload_with=connection, resolve_fks=False)
            seen.update(repr(sorted(map(repr, connection.execute(select(table))))).encode())
    engine.dispose()
    return seen.hexdigest()


def version(url: str) -> str | None:
    engine = connect(url).claiming
    with engine.begin() as connection:
        found = schema.version(connection)
    engine.dispose()
    return found


def configure(folder: Path, url: str) -> None:
    (folder / "stafett.toml").write_text(CONFIGURATION.format(url=url, folder=folder), "utf-8")


def run(folder: Path, *command: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        env=clean_environment(),
    )


def serve(folder: Path, port: int) -> list[str | Path]:
    return [STAFETT, "serve", "--roles", "worker", "--port", str(port), "--config", folder / "stafett.toml"]


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=[pytest.mark.torture, pytest.mark.timeout(1800)])])
def test_what_waited_leaves_once_after_an_upgrade_that_was_killed_twice(count: int, url: str, tmp_path: Path) -> None:
    fill(url, count)
    configure(tmp_path, url)
    before = fingerprint(url)

    for at in ("unlike", "state_statistics"):  # after the last step of the tables, and after all the rest
        killed = run(tmp_path, sys.executable, "-c", DIES.format(at=at))
        assert killed.returncode == -9, killed.stderr
        assert (version(url), fingerprint(url)) == (OLD, before)

    port = free_ports(1)
    with running(serve(tmp_path, port), tmp_path, tmp_path / "log") as process:
        wait_for(lambda: sent(tmp_path) == count, process, count / 50 + 20)
        process.terminate()
        assert process.wait(40) == 0
    assert waiting(url) == 0
    found = [file.read_bytes() for file in (tmp_path / "hub" / "out").iterdir()]
    wanted = [rows(OLD)["outbox"][0]["body"], *(b"<AppRec>%d</AppRec>" % n for n in range(3, count + 2))]
    assert sorted(found) == sorted(wanted)


def sent(folder: Path) -> int:
    out = folder / "hub" / "out"
    return sum(entry.name.endswith(".xml") for entry in os.scandir(out)) if out.is_dir() else 0


def waiting(url: str) -> int:
    """How many receipts have not left."""
    engine = connect(url).claiming
    with engine.begin() as connection:
        found: int = connection.scalar(text("SELECT count(*) FROM outbox WHERE state = 'waiting' AND kind = 'apprec'")) or 0
    engine.dispose()
    return found


def test_two_processes_that_start_at_once_both_work_and_one_of_them_migrates(url: str, tmp_path: Path) -> None:
    fill(url, 50)
    configure(tmp_path, url)
    first = free_ports(2)

    with ExitStack() as stack:
        ports = (first, first + 1)
        both = [stack.enter_context(running(serve(tmp_path, port), tmp_path, tmp_path / f"log{port}")) for port in ports]
        for process, port in zip(both, ports, strict=True):
            wait_for(lambda port=port: get(f"http://127.0.0.1:{port}/health/ready"), process, 60)
            assert b'"status":"ready"' in (get(f"http://127.0.0.1:{port}/health/ready") or b"")
            assert b"stafett_database_up 1.0" in (get(f"http://127.0.0.1:{port}/metrics") or b"")
            assert get(f"http://127.0.0.1:{port}/fhir/metadata") is None  # a worker tells of itself, and nothing else
        wait_for(lambda: sent(tmp_path) == 50, both[0], 30)
        for process in both:
            process.terminate()
            assert process.wait(40) == 0
    assert (sent(tmp_path), waiting(url)) == (50, 0)


def test_an_older_process_ends_when_a_newer_program_waits_and_none_starts_until_it_has_done(url: str, tmp_path: Path) -> None:
    """As in a rolling upgrade: the newer one comes first, and must not find the older one writing."""
    configure(tmp_path, url)
    port = free_ports(1)
    there: list[int | None] = []

    with running(serve(tmp_path, port), tmp_path, tmp_path / "log") as old:
        wait_for(lambda: get(f"http://127.0.0.1:{port}/health/ready"), old, 60)
        with alone(url, lambda: True, patience=30):
            there.append(old.poll())
            late = run(tmp_path, *serve(tmp_path, port))
        assert there[0] is not None or old.wait(5) == 1
    told = "A newer program takes over the database: this one ends, or may not start. Install the newer program."
    assert old.returncode == 1
    assert told in (tmp_path / "log").read_text("utf-8")
    assert late.returncode == 1
    assert told in late.stderr


def test_a_newer_program_does_nothing_while_an_older_one_will_not_end(url: str) -> None:
    store = open_store(url)
    store.migrate()
    store.close()
    present = Presence(url)
    present.enter()
    assert not present.asked_to_go()
    asked: list[bool] = []
    noticing = threading.Thread(target=lambda: (until(present.asked_to_go), asked.append(True)))
    noticing.start()

    with pytest.raises(Problem, match="still works on the database"), alone(url, lambda: True, patience=1):
        pytest.fail("nobody may change the tables now")
    noticing.join(5)
    present.leave()

    assert asked == [True]
    with alone(url, lambda: True, patience=1):
        pass  # whoever has left is not waited for


def test_a_program_does_not_start_on_the_tables_of_a_newer_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/stafett.db"
    store = open_store(url)
    store.migrate()
    with store.write() as unit:
        unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    configure(tmp_path, url)
    before = fingerprint(url)

    done = run(tmp_path, STAFETT, "serve", "--roles", "worker")

    assert done.returncode == 1
    assert "(9999) are newer than this program's" in done.stderr
    assert fingerprint(url) == before


def test_going_back_is_the_backup_from_before_the_upgrade(tmp_path: Path) -> None:
    """No migration is undone: what the newer program wrote, the older one could not read."""
    file, backup = tmp_path / "stafett.db", tmp_path / "backup.db"
    url = f"sqlite:///{file}"
    fill(url, 20)
    with sqlite3.connect(file) as source, sqlite3.connect(backup) as copy:
        source.backup(copy)
    before = fingerprint(url)
    store = open_store(url)
    store.migrate()
    store.close()
    assert version(url) != OLD

    for left in tmp_path.glob("stafett.db*"):
        left.unlink()
    shutil.copy(backup, file)

    assert (version(url), fingerprint(url)) == (OLD, before)


DAMAGE: dict[str, tuple[str, str]] = {
    "column": ("ALTER TABLE outbox DROP COLUMN answer", "the column outbox.answer is missing"),
    "index": ("DROP INDEX outbox_of_message", "the index outbox_of_message of outbox is missing"),
    "table": ("DROP TABLE in_hand", "the table in_hand is missing"),
    "unique": ("CREATE UNIQUE INDEX mine ON trouble (kind)", "the unique index mine of trouble is not ours"),
    "other": ("ALTER TABLE message ADD COLUMN mine TEXT", "the column message.mine is not ours"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_tables_that_are_not_as_they_should_be_stop_the_start_and_are_told_by_name(what: str, url: str, tmp_path: Path) -> None:
    """Also where the number of the version is right."""
    spoil, told = DAMAGE[what]
    store = open_store(url)
    store.migrate()
    with store.write() as unit:
        unit.connection.execute(text(spoil))
    faults = store.check()
    with pytest.raises(Problem) as refused:
        store.migrate()
    store.close()

    assert [told in fault.en and told in fault.nb for fault in faults] == [True]
    assert told in refused.value.findings[0].en
    if what == "column" and url.startswith("sqlite"):
        configure(tmp_path, url)
        for command in (["serve", "--roles", "worker"], ["doctor"]):
            done = run(tmp_path, STAFETT, *command)
            assert done.returncode == 1
            assert told in done.stdout + done.stderr


def test_a_changed_type_is_told_by_name(url: str) -> None:
    """SQLite has no ALTER for it: there it is another table by the same name."""
    store = open_store(url)
    store.migrate()
    with store.write() as unit:
        unit.connection.execute(text("DROP TABLE proof"))
        unit.connection.execute(text("CREATE TABLE proof (hash TEXT NOT NULL PRIMARY KEY, until TEXT NOT NULL)"))
        unit.connection.execute(text("CREATE INDEX proof_until ON proof (until)"))
    faults = store.check()
    store.close()

    assert "the column proof.until is TEXT, not BIGINT" in faults[0].en


def test_readiness_tells_of_damage_done_meanwhile(url: str, tmp_path: Path) -> None:
    configure(tmp_path, url)
    port = free_ports(1)
    ready = f"http://127.0.0.1:{port}/health/ready"

    with running(serve(tmp_path, port), tmp_path, tmp_path / "log") as process:
        wait_for(lambda: get(ready), process, 60)
        engine = connect(url).claiming
        with engine.begin() as connection:
            connection.execute(text("DROP INDEX outbox_of_message"))
        engine.dispose()
        wait_for(lambda: get(ready) is None, process, 10)  # 503 is no answer there
        process.terminate()
        process.wait(40)
