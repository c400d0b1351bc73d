"""Moving and keeping the store by the commands of docs/operating.md, each as its own process."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapter.domain.problem import Kind, Problem
from adapter.storage import open_store
from adapter.storage.backup import back_up
from adapter.usecases.clean_up import Retention, clean_up
from tests.house.operating import commands, run
from tests.storage.rows_of_any_kind import content, fill
from tests.storage.things import a_message, a_row

CONFIGURATION = '[store]\nurl = "sqlite:///stafett.db"\n[[organisation]]\nnumber = "319900101"\nname = "Fjordheim HF"\n'
NOW = datetime(2026, 5, 11, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stafett.toml").write_text(CONFIGURATION, "utf-8")
    return tmp_path


@pytest.fixture
def url(folder: Path) -> str:
    """A database with something in every table."""
    url = f"sqlite:///{folder}/stafett.db"
    fill(url, 7)
    return url


def test_moving_by_the_shown_command_moves_all_and_doing_it_again_nothing(
    url: str, folder: Path, postgresql: Callable[[], str]
) -> None:
    target = postgresql()
    (shown,) = commands("## From SQLite to PostgreSQL")
    names = {"postgresql://stafett@db/stafett": f"'{target}'"}

    moved, again = (run(shown, folder, names) for _ in range(2))

    assert (moved.returncode, moved.stderr) == (0, "")
    rows = {line.split()[0]: int(line.split()[1]) for line in moved.stdout.splitlines()[:-1]}
    assert rows == {table: len(found) for table, found in content(url).items()}
    assert (again.returncode, again.stdout.startswith("It was moved before")) == (0, True)
    assert content(target) == content(url)


def test_what_is_refused_is_said_in_two_languages_and_ends_with_1(url: str, folder: Path) -> None:
    refused = run("stafett migrate-store --from sqlite:///stafett.db --to sqlite:///stafett.db", folder)

    assert (refused.returncode, refused.stdout, refused.stderr.splitlines()) == (
        1,
        "",
        ["--to: Source and target are one database.", "  Kilde og mål er samme database."],
    )


def test_a_backup_by_the_shown_command_is_the_database_and_for_nobody_else(url: str, folder: Path) -> None:
    (shown,) = commands("## Backup", "SQLite")

    done, again = run(shown, folder), run(shown, folder)

    copy = folder / "copy.db"
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert content(f"sqlite:///{copy}") == content(url)
    assert (again.returncode, again.stderr.splitlines()[0].startswith("copy.db: There is such a file")) == (1, True)


def write_on(url: str, ready: Callable[[], object]) -> None:
    """Pairs of rows, each pair in one transaction, until the process is ended."""
    store = open_store(url)
    for number in range(10**6):
        with store.write() as unit:
            for half in "ab":
                unit.enqueue(a_row(f"{number}-{half}", body=os.urandom(3000)))
        if number == 20:
            ready()


def test_a_backup_while_others_write_is_of_one_moment(url: str, folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    writer = context.Process(target=write_on, args=(url, begun.set))
    writer.start()
    try:
        assert begun.wait(30)
        for number in range(3):
            back_up(url, folder / f"copy-{number}.db")
    finally:
        writer.kill()
        writer.join()

    halves = [
        {name for (name,) in sqlite3.connect(folder / f"copy-{number}.db").execute("SELECT id FROM outbox WHERE id LIKE '%-_'")}
        for number in range(3)
    ]
    whole = [{name for name in found if not {f"{name[:-1]}a", f"{name[:-1]}b"} <= found} for found in halves]
    assert whole == [set()] * 3
    assert [len(found) >= 42 for found in halves] == [True] * 3


def test_a_database_that_is_not_sound_is_told_and_leaves_no_copy(url: str, folder: Path) -> None:
    file = folder / "stafett.db"
    data = bytearray(file.read_bytes())
    data[4096 * 9 : 4096 * 9 + 2000] = b"\xff" * 2000
    file.write_bytes(data)

    with pytest.raises(Problem) as unsound:
        back_up(url, folder / "copy.db")

    assert unsound.value.kind in (Kind.INTERNAL, Kind.TRANSIENT)
    assert [path.name for path in folder.glob("*copy*")] == []


@pytest.mark.parametrize(
    ("url", "kind"), [("sqlite:///nowhere.db", Kind.NOT_FOUND), ("postgresql://a@b/c", Kind.UNSUPPORTED), ("?", Kind.UNSUPPORTED)]
)
def test_what_cannot_be_copied_is_refused_and_makes_nothing(
    url: str, kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Problem) as refused:
        back_up(url, tmp_path / "copy.db")

    assert (refused.value.kind, list(tmp_path.iterdir())) == (kind, [])


def test_whoever_knows_a_key_is_told_since_when_it_is_gone_and_by_which_rule(folder: Path) -> None:
    (shown,) = commands("## How long data is kept")
    id = shown.split()[-1]
    store = open_store(f"sqlite:///{folder}/stafett.db")
    store.migrate()
    with store.write() as unit:
        for name in (id, "another"):
            unit.add_message(a_message(name, received=NOW - timedelta(days=91)), b"<MsgHead/>")
        unit.enqueue(a_row("o1", message_id=id, created=NOW - timedelta(days=91), state="sent", answer=None))
    clean_up(store, Retention(inbox=90, outbox=30), NOW)
    with store.write() as unit:
        unit.add_message(a_message("kept"), b"<MsgHead/>")
        unit.connection.execute(text("SELECT 1"))
    store.close()

    gone, sent = run(shown, folder), run("stafett audit removed outbox o1", folder)
    kept, never = (run(f"stafett audit removed inbox {name}", folder) for name in ("kept", "unknown"))

    assert (gone.returncode, gone.stdout.splitlines()[0]) == (
        0,
        "Taken away 2026-05-11T00:00:00+00:00, as what was from before 2026-02-10T00:00:00+00:00: record 1.",
    )
    assert (sent.returncode, sent.stdout.splitlines()[0]) == (
        0,
        "Taken away 2026-05-11T00:00:00+00:00, as what was from before 2026-04-11T00:00:00+00:00: record 2.",
    )
    assert [(one.returncode, one.stdout.splitlines()[0]) for one in (kept, never)] == [
        (1, "No record tells that it was taken away.")
    ] * 2
