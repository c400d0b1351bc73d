"""A throw-away PostgreSQL cluster from Debian's package, on a socket and a folder of its own.

    from tests.postgres import cluster          # a context manager: the url of its database `postgres`
    from tests.postgres import server           # the same as a `Server`, to be stopped and started
    def test_it(postgresql: Callable[[], str])  # makes a database, with nothing in it, in the cluster that a session has
    def test_it(emptied_on_postgresql: str)     # one with its tables: the same each time, and emptied; much quicker

`initdb` refuses root, so as root the cluster runs as the user postgres. It listens on no network port.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psycopg
import pytest

SECONDS = 60


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL's programs, or None where there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


@dataclass(frozen=True)
class Server:
    """A cluster of our own. `url` is of its database `postgres`."""

    folder: Path
    programs: Path

    @property
    def url(self) -> str:
        return f"postgresql://stafett@/postgres?host={self.folder}"

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c shared_buffers=64MB -c max_connections=200"
        self._control("-l", self.folder / "log", "-o", options, "start")

    def stop(self, mode: Literal["smart", "fast", "immediate"]) -> None:
        """`fast` ends its clients in good order, `immediate` is as if it crashed."""
        self._control("-m", mode, "stop")  # the process whose id is in this cluster's own postmaster.pid, and no other

    def _control(self, *words: object) -> None:
        _run(self.programs / "pg_ctl", "-D", self.folder / "data", "-w", "-t", SECONDS, *words)


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster's url; see `server`."""
    with server() as running:
        yield running.url


@contextmanager
def server() -> Iterator[Server]:
    """A running cluster, gone at the end with all its data. Skips the test where PostgreSQL is missing."""
    programs = binaries()
    if programs is None:
        pytest.skip("not run here: PostgreSQL (install the package postgresql)")
    made = Server(Path(tempfile.mkdtemp(prefix="stafett-pg-")), programs)
    data = made.folder / "data"
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(made.folder, user.pw_uid, user.pw_gid)
        how = ("-U", "stafett", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        _run(programs / "initdb", "-D", data, *how)
        made.start()
        try:
            yield made
        finally:
            if (data / "postmaster.pid").exists():
                made.stop("immediate")
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Makes an empty database in a cluster that the session shares, and returns its url."""
    with cluster() as url:

        def database() -> str:
            name = f"t{uuid4().hex}"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return url.replace("/postgres?", f"/{name}?")

        yield database


@pytest.fixture(scope="session")
def with_tables_on_postgresql(postgresql: Callable[[], str]) -> str:
    """The url of a database with its tables, which the tests of a session share."""
    from adapter.storage import open_store

    url = postgresql()
    store = open_store(url)
    store.migrate()
    store.close()
    return url


@pytest.fixture
def emptied_on_postgresql(with_tables_on_postgresql: str) -> str:
    """The same, with nothing in the tables; no other test uses it meanwhile."""
    from adapter.storage.tables import metadata

    # One round, and a hundred times as fast as TRUNCATE, which makes each table a new file.
    empty = "; ".join(f"DELETE FROM {table}" for table in reversed(metadata.sorted_tables))
    with psycopg.connect(with_tables_on_postgresql, autocommit=True) as connection:
        connection.execute(f"DO $$ BEGIN {empty}; END $$")
    return with_tables_on_postgresql


def _run(*command: object) -> None:
    """Run a program of the cluster's, as the user postgres where we are root; its words are in the error if it fails."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * SECONDS,
        **user,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}")
