"""Whether the service lives and is ready, and its figures for Prometheus. No label ever names a message or a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool

from adapter.console.figures import Figures
from adapter.console.readiness import Readiness
from adapter.ports import NOBODY, Store


def router(store: Store, organisations: Sequence[str], figures: Figures) -> APIRouter:
    """The routes that something else watches the service by."""
    routes = APIRouter(tags=["Operation"])
    readiness = Readiness(store, (*organisations, NOBODY))

    @routes.get("/health/live", summary="Whether the process lives", responses={200: _example({"status": "live"})})
    async def live() -> dict[str, str]:
        """Answers as long as the process does."""
        return {"status": "live"}

    @routes.get(
        "/health/ready",
        summary="Whether the service can do its work",
        response_class=Response,
        responses={
            200: {"description": "The database answers, and keeps. What waits for a person is told beside it.", **_example(READY)},
            503: {"description": "It cannot; the faults say why.", **_example({"status": "not ready", "faults": ["…"]})},
        },
    )
    async def ready() -> Response:
        """Reads and writes in the database; tells how many messages wait for a person, and how many things were given up (dead)."""
        found = await readiness.told()
        status = 200 if found["status"] == "ready" else 503
        return Response(msgspec.json.encode(found), status, {"Cache-Control": "no-store"}, "application/json")

    @routes.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={
            200: {
                "description": "Prometheus text.",
                "content": {"text/plain": {"example": 'stafett_messages{state="processed"} 12.0'}},
            }
        },
    )
    async def metrics() -> Response:
        """What waits, since when and where; partners, processes, deadlines; and what this process has done."""
        body = await run_in_threadpool(generate_latest, figures.registry)
        return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return routes


READY: Final = {
    "status": "ready",
    "faults": [],
    "messages": {"quarantined": 0, "parked": 0},
    "outbox": {"waiting": 0, "unanswered": 1, "sent": 12, "dead": 0, "dismissed": 0},
}


def _example(value: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"example": value}}}
