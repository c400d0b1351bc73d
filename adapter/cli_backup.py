"""`stafett backup`: a copy of SQLite's database, also while the service runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from adapter.domain.problem import Problem

FAILED: Final = 1


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy: a new file.")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
) -> None:
    """Copy the database to a new file. The service may run meanwhile; the copy is whole, checked, and of one moment."""
    from adapter.settings import load
    from adapter.storage.backup import back_up

    try:
        size = back_up(load(config).store.url, file)
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    print(f"{file}: {size} bytes, checked / kontrollert")
