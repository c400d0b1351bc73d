"""Our own FHIR core with the pathway engine off: a plain FHIR server of one organisation, over SQLite."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from adapter.console.app import app
from adapter.fhir.limits import Limits
from adapter.security.caller import by_header
from adapter.settings import Settings
from adapter.storage import open_store
from adapter.wiring import SystemClock, make_rules
from tests.http.fakes import FakeReception

ORGANISATION = "312232324"


def command(folder: Path, port: int) -> Sequence[str | Path]:
    return [sys.executable, "-m", __name__, str(port), folder / "ours.db"]


def serve() -> None:
    port, file = int(sys.argv[1]), sys.argv[2]
    store = open_store(f"sqlite:///{file}")
    store.migrate()
    settings = Settings(public_base=f"http://127.0.0.1:{port}")
    made = app(
        store=store,
        reception=FakeReception(store, ORGANISATION),
        identify=by_header([ORGANISATION]),
        clock=SystemClock(),
        key=b"a key for tests",
        organisations=[ORGANISATION],
        public_base=settings.public_base,
        max_bytes=2_000,
        rules=make_rules(settings),
        limits=Limits(),
    )
    uvicorn.run(made, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    serve()
