"""For the process that others are forked from (`tests.kill.dying`): imported, it has received a message, so that whoever comes of
it has loaded and read all tables, and waits for nothing but what it is tried for. The one module that works when it is imported.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401 - loaded where it is used first

import adapter.r4.checker  # noqa: F401 - as above
from adapter.settings import load
from adapter.wiring import build
from tests.kill.messages import Letters
from tests.kill.surroundings import surroundings


def warm() -> None:
    with tempfile.TemporaryDirectory(prefix="stafett-warm-") as name, surroundings(Path(name), "", "folder") as around:
        around.put(Letters(0).make(0))
        services = build(load(around.configuration))
        try:
            services.worker.serve(services.hubs[0])
        finally:
            services.close()


warm()
