"""SEKMET (PyPI sekmet-fhir), a FHIR R4 test server in Python, holding the same Tasks: what others' servers take for the same.

python -m bench.peers.sekmet load FOLDER NUMBER     # in bulk, through its own store
python -m bench.peers.sekmet serve FOLDER PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.tasks import task


def settings(folder: Path, port: int) -> object:
    from sekmet.config import Settings  # noqa: PLC0415

    # Its log of every request's body is off: that is a tester's wish, and ours has none.
    return Settings(base_url=f"http://127.0.0.1:{port}/fhir", host="127.0.0.1", port=port, data_dir=str(folder), log_inbound=False)


def load(folder: Path, number: int) -> None:
    from sekmet.fhir.store import Store  # noqa: PLC0415

    store = Store(str(folder / "sekmet.db"))
    with store.transaction():
        for n in range(number):
            store.create(task(n), keep_id=True)


def serve(folder: Path, port: int) -> None:
    import uvicorn  # noqa: PLC0415
    from sekmet.main import create_app  # noqa: PLC0415

    uvicorn.run(create_app(settings(folder, port)), host="127.0.0.1", port=port, log_level="warning", access_log=False)  # type: ignore[arg-type]


if __name__ == "__main__":
    {"load": load, "serve": serve}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
