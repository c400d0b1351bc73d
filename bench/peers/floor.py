"""Two applications that do as little as can be done, to hold ours against: uvicorn bench.peers.floor:bare, :ordinary

`bare` answers every request with the same bytes and looks nothing up. `ordinary` is how a FastAPI service is usually
written: a route that looks the resource up in our own store and returns it as a dict. STAFETT_FLOOR is the database.
"""

from __future__ import annotations

import json
import os
from typing import Any

from fastapi import FastAPI

from adapter.storage import open_store
from bench.tasks import ORGANISATION, task

BODY = json.dumps(task(0)).encode()
HEADERS = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(BODY)).encode())]


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001 the protocol's own arguments
    """Not even a route."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


ordinary = FastAPI()
store = open_store(os.environ["STAFETT_FLOOR"])


@ordinary.get("/fhir/Task/{id}")
def read(id: str) -> dict[str, Any]:
    """The same look-up as ours, through the same store."""
    stored = store.newest(ORGANISATION, "Task", id)
    assert stored
    found: dict[str, Any] = json.loads(stored.body)
    return found
