"""S12: recovery with a large backlog, within memory: what waits is taken up in batches, never all at once.

The fault that this guards against: an engine that read its whole queue at its start, and had no memory for it. Here 20,000 receipts
and 20,000 changes wait; `make bench` measures a million.
"""

from __future__ import annotations

import re
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapter.ports import Message, Outgoing, State
from adapter.settings import load
from adapter.wiring import build
from tests.house.processes import STAFETT, free_ports
from tests.kill.installation import Process

BACKLOG, BODY = 20_000, 6_000
CACHE = 64 * 2**20  # what SQLite's one writer may keep of the pages that it has touched, however many wait
SOME = 150  # so many are dealt with before the memory is looked at
HOSPITAL = "319900101"
CONFIGURATION = """
environment = "test"
[store]
url = "sqlite:///{folder}/stafett.db"
[[organisation]]
number = "319900101"
name = "Fjordheim sykehus HF"
[[receiver]]
her_id = "8000101"
organisation = "319900101"
[hub]
kind = "folder"
path = "{folder}/hub"
"""
MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"


def configured(folder: Path) -> Path:
    (file := folder / "stafett.toml").write_text(CONFIGURATION.format(folder=folder), "utf-8")
    return file


def row(now: datetime) -> Outgoing:
    return Outgoing(
        id="r0", tenant=HOSPITAL, key="r0", hub="folder", kind="apprec", message_id="m0", hub_id="h0", sender="8000101",
        receiver="8000201", body=b"x" * BODY, content_type="application/xml", created=now,
    )  # fmt: skip


def parked(now: datetime) -> Message:
    return Message(
        id="m0", tenant=HOSPITAL, hub="folder", hub_id="h0", receiver="8000101", sender="8000201", msg_id="m0", document_id=None,
        type="HENVISNING", received=now, state=State.PARKED, reason="It waits.", action="", digest="", issues=b"{}" + b" " * BODY,
        due=now + timedelta(seconds=1),
    )  # fmt: skip


def fill(database: Path, backlog: int) -> None:
    """One of each by the program, the others in the database's own words: 20,000 in a second."""
    services, now = build(load(configured(database.parent))), datetime(2026, 1, 1, tzinfo=UTC)  # it has run before
    with services.store.write() as unit:
        unit.add_message(parked(now), b"<x/>")
        unit.enqueue(row(now))
    services.close()
    with sqlite3.connect(database) as connection:
        for table, made in (("message", {"id": "'m' || i", "msg_id": "'m' || i", "hub_id": "'h' || i"}),
                            ("message_xml", {"message_id": "'m' || i"}),
                            ("outbox", {"id": "'r' || i", "key": "'r' || i", "position": "1 + i"})):  # fmt: skip
            names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(made.get(name, f"{table}.{name}") for name in names)
            connection.execute(f"INSERT INTO {table} ({', '.join(names)}) {MANY} SELECT {values} FROM {table}, n", (backlog,))


def peak(folder: Path, some: int) -> tuple[int, float]:
    """A worker's largest memory (bytes) when it has dealt with so many, and how long it took to be ready (seconds)."""
    port = free_ports(1)
    configured(folder)
    worker = Process("worker", [STAFETT, "serve", "--roles", "worker", "--port", str(port)], folder)
    started = time.monotonic()
    worker.start()
    assert worker.running
    try:
        while not _is_ready(port):
            assert worker.ended is None, worker.words()
            assert time.monotonic() - started < 30, worker.words()
            time.sleep(0.05)
        ready = time.monotonic() - started
        while _given_up(folder) < some or len([*(folder / "hub").glob("out/*.xml")]) < some:
            assert worker.ended is None, worker.words()
            assert time.monotonic() - started < 60, worker.words()
            time.sleep(0.1)
        status = Path(f"/proc/{worker.running.pid}/status").read_text("ascii")
    finally:
        worker.kill()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024, ready


def _given_up(folder: Path) -> int:
    with sqlite3.connect(f"file:{folder}/stafett.db?mode=ro", uri=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM message WHERE state = 'quarantined'").fetchone()
    return int(count)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_s12_a_large_backlog_is_taken_up_within_little_memory(tmp_path: Path) -> None:
    found = []
    for backlog in (2 * SOME, BACKLOG):
        (folder := tmp_path / f"{backlog}").mkdir()
        fill(folder / "stafett.db", backlog)
        found.append(peak(folder, SOME))
    (least, soon), (most, ready) = found

    growth, all_of_it = most - least, 2 * BACKLOG * BODY
    assert growth < CACHE + 16 * 2**20 < all_of_it / 2, f"{growth / 1e6:.0f} MB for a backlog of {all_of_it / 1e6:.0f} MB"
    assert ready < soon + 10  # whatever else the machine does
