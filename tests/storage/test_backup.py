"""Two who make a backup of the same name at once."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.storage import backup
from tests.stores import with_tables


def test_what_has_the_name_is_whole_though_another_is_making_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins when the first has copied all, and is not done when the first gives its copy the name."""
    url, file = with_tables(tmp_path / "store.db"), tmp_path / "copies" / "copy.db"
    file.parent.mkdir()
    copy, begun, go_on, told = backup._copy, threading.Event(), threading.Event(), list[Kind]()

    def half(source: Path, partial: Path) -> None:
        partial.write_bytes(b"half")
        begun.set()
        go_on.wait(10)
        partial.write_bytes(b"")
        copy(source, partial)

    def second() -> None:
        try:
            backup.back_up(url, file)
        except Problem as fault:
            told.append(fault.kind)

    other = threading.Thread(target=second, daemon=True)

    def whole(source: Path, partial: Path) -> None:
        copy(source, partial)
        monkeypatch.setattr(backup, "_copy", half)
        other.start()
        begun.wait(10)

    monkeypatch.setattr(backup, "_copy", whole)
    backup.back_up(url, file)
    with closing(sqlite3.connect(file)) as made:
        assert made.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    go_on.set()
    other.join(10)

    assert told == [Kind.CONFLICT]
    assert [path.name for path in file.parent.iterdir()] == ["copy.db"]
