"""`stafett migrate-store`: all that is stored, moved from SQLite to PostgreSQL or back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapter.domain.problem import Problem

if TYPE_CHECKING:
    from adapter.storage.moving import Counted, Moving, Told

FAILED: Final = 1


def migrate_store(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database to move: sqlite:///PATH or postgresql://….")],
    target: Annotated[
        str, typer.Option("--to", metavar="URL", help="Where to: a database that is empty, or begun by this command.")
    ],
) -> None:
    """Move all that is stored to another database, and compare the two. The service is stopped meanwhile.

    Stopped at any moment, it goes on where it was when it is run again. Nothing is changed in the database that is moved.
    """
    from adapter.storage.moving import Moving

    try:
        with Moving(source, target) as moving:
            counted = _run(moving)
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    for one in counted:
        print(f"{one.table:18} {one.rows:>12}  {one.digest}")
    if counted:
        print("All of it is there. Set [store] url to the new database. / Alt er der. Sett [store] url til den nye databasen.")
    else:
        print("It was moved before: nothing is done. / Den er flyttet før: ingenting er gjort.")


def _run(moving: Moving) -> list[Counted]:
    total = moving.begin(datetime.now(UTC))
    with _bar("Copy / kopier", total) as told:
        moving.copy(told)
    with _bar("Compare / sammenlign", total) as told:
        return moving.compare(told)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda table, more: progress.update(bar, advance=more, description=f"{what} {table}")
