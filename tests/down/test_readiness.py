"""Ready is said only where the work can be done: the database is reached, has this version's tables, and keeps what is written."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx
import pytest

from adapter.console import readiness
from adapter.console.readiness import Readiness
from adapter.domain.problem import Problem
from adapter.storage import open_store
from adapter.storage.engines import begin
from tests.http.service import Service, service
from tests.postgres import server
from tests.serving import until

OUT: Final = "The database cannot be reached, is full or cannot be written. Check that it runs and has room; this is tried again."


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as made:
        yield made


def ready(here: Service) -> tuple[int, str]:
    answer = here.http.get("/health/ready")
    return answer.status_code, " ".join(answer.json()["faults"])


def test_a_database_that_others_have_locked_is_not_ready_and_does_not_hold_up_the_answer(
    here: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE", 0.3)
    assert ready(here) == (200, "")
    other = sqlite3.connect(tmp_path / "stafett.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    until(lambda: ready(here)[0] == 503)

    started = time.monotonic()
    assert ready(here) == (503, readiness.SILENT)
    assert time.monotonic() - started < 5  # and not the 30 seconds that SQLite waits for its turn
    assert here.http.get("/health/live").status_code == 200  # or the process would be ended for it

    other.execute("ROLLBACK")
    other.close()
    until(lambda: ready(here)[0] == 200)


def test_while_others_have_the_database_locked_it_is_read_and_who_writes_is_asked_to_come_again(
    here: Service, tmp_path: Path
) -> None:
    with begin(here.store._engines.writing) as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("PRAGMA busy_timeout = 200")  # the one connection that writes; else it waits half a minute

    def post() -> httpx.Response:
        return here.http.post("/messages", content=b"m1 <x/>", headers={"Content-Type": "text/xml"})

    other = sqlite3.connect(tmp_path / "stafett.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = post()
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
    assert here.http.get("/messages").json()["items"] == []

    other.execute("ROLLBACK")
    other.close()
    assert post().status_code == 201


def test_a_database_that_is_full_is_not_ready_though_it_can_be_read(here: Service) -> None:
    """`max_page_count` is SQLite's own limit of a file: what is beyond is SQLITE_FULL, as a full disk is."""

    writing = here.store._engines.writing  # type: ignore[attr-defined]
    with begin(writing) as connection:  # of the one connection that writes: no page more than there is
        connection.exec_driver_sql(f"PRAGMA max_page_count = {connection.exec_driver_sql('PRAGMA page_count').scalar()}")

    def fill(size: int) -> None:
        for number in range(1000):
            with begin(writing) as connection:
                connection.exec_driver_sql("INSERT INTO setting VALUES (?, zeroblob(?))", (f"{size} {number}", size))

    for size in (3000, 300, 0):  # until nothing fits, however small
        with pytest.raises(Problem, match="is full"):
            fill(size)

    status, why = ready(here)
    assert (status, "is full" in why) == (503, True)
    assert here.http.get("/messages").status_code == 200


def test_tables_of_another_version_are_not_ready(here: Service, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "stafett.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")

    status, why = ready(here)
    assert (status, "newer than this program's" in why) == (503, True)


@pytest.mark.slow
def test_a_postgresql_that_is_down_or_a_standby_is_not_ready_and_ready_again_when_it_takes_writes() -> None:
    """A standby keeps nothing: a service that was led to one by mistake must say so, and not fall over."""
    with server() as database:
        store = open_store(database.url)
        store.migrate()
        look = Readiness(store, [""]).look
        assert look()["status"] == "ready"

        database.stop("fast")
        assert (look()["status"], look()["faults"]) == ("not ready", [OUT])

        signal = database.folder / "data" / "standby.signal"
        signal.touch()
        database.start()
        assert (look()["status"], look()["faults"]) == ("not ready", [OUT])

        database.stop("fast")
        signal.unlink()
        database.start()
        assert look()["status"] == "ready"
        store.close()


def test_however_many_ask_one_look_is_under_way(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, go = list[float](), threading.Event()
    whole = Readiness.look

    def slow(self: Readiness) -> dict[str, object]:
        looks.append(time.monotonic())
        go.wait(10)
        return whole(self)

    monkeypatch.setattr(Readiness, "look", slow)
    with ThreadPoolExecutor(8) as asking:
        answers = [asking.submit(ready, here) for _ in range(40)]
        until(lambda: looks)
        go.set()
        assert {answer.result() for answer in answers} == {(200, "")}
    assert len(looks) < 4
