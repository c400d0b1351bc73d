"""`stafett doctor` on a database that many processes share: who works on it, whether it has room."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapter import doctor_store
from adapter.doctor import examine
from adapter.settings import HubSettings, Settings, StoreSettings
from adapter.storage import open_store
from adapter.storage.tables import micros
from tests.storage.conftest import url

__all__ = ["url"]
PROCESS = "INSERT INTO process (id, roles, started, seen) VALUES (:id, :roles, 0, :seen)"
NOBODY = "no worker was seen within a minute, so nothing is fetched or sent: start one (stafett serve --roles worker)"


def told(url: str, place: str, **processes: tuple[str, int]) -> list[tuple[str, str]]:
    """What is said of a place, where processes were seen so many seconds ago."""
    store = open_store(url)
    store.migrate()
    with store.write() as unit:
        for id, (roles, ago) in processes.items():
            seen = micros(datetime.now(UTC) - timedelta(seconds=ago))
            unit.connection.execute(text(PROCESS), {"id": id, "roles": roles, "seen": seen})
    store.close()
    hub = HubSettings(kind="folder", path=Path("/nowhere"))
    found = examine(Settings(store=StoreSettings(url=url), hub=(hub,)))
    return [(one.severity, one.en) for one in found if one.where == place]


def test_a_database_that_no_worker_works_on_is_a_warning(url: str) -> None:
    assert told(url, "processes", a=("api", 5), gone=("worker", 90)) == [("warning", NOBODY)]


def test_processes_are_counted_by_what_they_do(url: str) -> None:
    seen = told(url, "processes", a=("api,worker", 5), b=("worker", 59), gone=("api", 90))
    assert seen == [("information", "seen within a minute: 1 api, 2 worker")]


def test_postgresqls_connections_are_held_against_its_processes(url: str) -> None:
    """The cluster of the tests allows 200, of which 3 are for its superuser; a process takes 22."""
    said = told(url, "postgresql", **{f"p{n}": ("worker", 1) for n in range(9)})
    if url.startswith("sqlite"):
        assert said == []
        return
    assert said == [
        ("information", "keeps what is committed: fsync on, synchronous_commit on, full_page_writes on"),
        ("warning", "197 connections; its processes take 198 at most: raise max_connections, or run fewer processes"),
    ]
    with_store = open_store(url)
    with with_store.write() as unit:
        unit.connection.execute(text("DELETE FROM process WHERE id = 'p1'"))
    with_store.close()
    assert told(url, "postgresql")[1] == ("information", "197 connections; its processes take 176 at most")


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "severity"), [(10**9, "warning"), (2 * 10**9, "information")])
def test_room_is_told_and_too_little_of_it_is_a_warning(
    free: int, severity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))

    [(said, words)] = told(f"sqlite:///{tmp_path}/stafett.db", "disk")
    assert said == severity
    assert f"{free // 2**20} MB free" in words


def test_what_is_never_written_back_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/stafett.db"
    monkeypatch.setattr(doctor_store, "LONGEST_WAL", 1024)
    store = open_store(url)
    store.migrate()
    with store.read() as reader:
        reader.setting("x")  # its moment holds up whatever is written from here on
        other = open_store(url)
        with other.write() as unit:
            unit.set_setting("x", b"y" * 10_000)
        found = examine(Settings(store=StoreSettings(url=url)))
        other.close()
    store.close()

    assert "stafett.db-wal" in " ".join(one.en for one in found if (one.severity, one.where) == ("warning", "disk"))
