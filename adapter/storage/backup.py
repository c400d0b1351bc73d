"""A copy of SQLite's database while the service works on it: whole, of one moment, and safe on the disk when it has its name.

SQLite: https://www.sqlite.org/backup.html. All pages are read in one step, within one read transaction: with WAL nobody waits
for it, and what others write meanwhile is not in it.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from adapter.domain.problem import Kind, Problem, problem


def back_up(url: str, file: Path) -> int:
    """Copy the database at `sqlite:///PATH` to a new file, for the service's user alone; how many bytes it has.

    Raises `Problem`: CONFLICT where there is such a file, NOT_FOUND where there is no database, UNSUPPORTED for PostgreSQL,
    INTERNAL where the copy is not sound, TRANSIENT where it cannot be read or written. Then there is no file of that name.
    """
    source = _database(url)
    if file.exists():
        raise _taken(file)
    partial: Path | None = None
    try:
        # Of its own: another backup to the same name at once must not give the name to one that is not finished.
        handle, made = tempfile.mkstemp(".part", f".{file.name}.", file.absolute().parent)
        os.close(handle)
        partial = Path(made)
        _copy(source, partial)
        os.link(partial, file)  # unlike a rename it never takes the place of another
        _to_disk(file.parent)
    except FileExistsError:
        raise _taken(file) from None
    except (OSError, sqlite3.Error) as fault:
        why = getattr(fault, "strerror", None) or str(fault)
        raise problem(
            Kind.TRANSIENT,
            f"The copy was not made: {why}. See to room and rights, and try again.",
            f"Kopien ble ikke laget: {why}. Sørg for plass og rettigheter, og prøv igjen.",
            where=str(file),
        ) from None
    finally:
        if partial:
            partial.unlink(missing_ok=True)
    return file.stat().st_size


def _copy(source: Path, partial: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=30)) as connection,
        closing(sqlite3.connect(partial)) as copy,
    ):
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = delete")  # one file is all of it; the service turns the log on again
        found = list(islice(_faults(copy), 5))
    if found:
        raise problem(
            Kind.INTERNAL,
            f"The database is not sound, and so its copy is not kept: {'; '.join(found)}. Keep your older copies.",
            f"Databasen er skadet, og kopien er derfor ikke beholdt: {'; '.join(found)}. Ta vare på eldre kopier.",
            where=str(source),
        )
    _to_disk(partial)


def _faults(copy: sqlite3.Connection) -> Iterator[str]:
    """What is wrong with a copy. SQLite 3.40 sees NULL where there is none, in tables WITHOUT ROWID whose key has its columns in
    another order than the table: what the tables themselves forbid is not asked for.
    """
    for (found,) in copy.execute(f"PRAGMA integrity_check({2**31 - 1})"):
        if found != "ok" and not found.startswith("NULL value in "):
            yield found


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _database(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = make_url("unknown://")
    if parsed.get_backend_name() != "sqlite":
        raise problem(
            Kind.UNSUPPORTED,
            "This copies SQLite alone. PostgreSQL has its own: pg_dump --format=custom --file=FILE, as docs/operating.md shows.",
            "Dette kopierer bare SQLite. PostgreSQL har sitt eget: pg_dump --format=custom --file=FIL, se docs/operating.md.",
            where="store.url",
        )
    path = Path(str(parsed.database))
    if not path.is_file():
        raise problem(
            Kind.NOT_FOUND,
            f"There is no database at {path}: name the configuration that the service runs with (--config).",
            f"Det er ingen database på {path}: oppgi konfigurasjonen som tjenesten kjører med (--config).",
            where="store.url",
        )
    return path


def _taken(file: Path) -> Problem:
    return problem(
        Kind.CONFLICT,
        "There is such a file, and a backup never takes the place of another: choose a new name.",
        "Filen finnes, og en sikkerhetskopi skriver aldri over en annen: velg et nytt navn.",
        where=str(file),
    )
