"""What the parts of one run share: a place for files, a PostgreSQL cluster, and databases that are filled once. Gone at the end."""

from __future__ import annotations

import atexit
import tempfile
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from bench.loading import load
from tests import postgres

TASKS: Final = 10_000
_numbers = count(1)


@cache
def _run() -> ExitStack:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack


@cache
def _place() -> Path:
    return Path(_run().enter_context(tempfile.TemporaryDirectory(prefix="stafett-bench-")))


@cache
def _cluster() -> str:
    return _run().enter_context(postgres.cluster())


def folder() -> Path:
    """A new one."""
    made = _place() / str(next(_numbers))
    made.mkdir()
    return made


def engines() -> list[str]:
    """Those that the machine has."""
    return ["SQLite", *(["PostgreSQL"] if postgres.binaries() else [])]


def database(engine: str) -> str:
    """The url of a new one, which has no tables."""
    if engine == "SQLite":
        return f"sqlite:///{folder()}/stafett.db"
    name = f"bench{next(_numbers)}"
    with psycopg.connect(_cluster(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return _cluster().replace("/postgres?", f"/{name}?")


@cache
def tasks(engine: str, number: int = TASKS) -> str:
    """The url of a database with so many Tasks (`bench.tasks`). Parts that write to it add others."""
    url = database(engine)
    load(url, number)
    return url
