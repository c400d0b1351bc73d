"""What a process answers that only works: whether it lives and is ready, and its figures. Nothing else, to nobody."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware

from adapter.console import health
from adapter.console.app import NO_TELEMETRY
from adapter.console.figures import Figures
from adapter.console.middleware import Guard
from adapter.failures import handlers
from adapter.ports import NOBODY, Clock, Store


def watched(store: Store, organisations: Sequence[str], clock: Clock, partners: Collection[str]) -> FastAPI:
    """The service beside a worker. `partners` are the names of those that are configured."""
    figures = Figures(store, (*organisations, NOBODY), clock, partners)
    guard = Middleware(Guard, observe=figures.observe, hosts=None, origins=frozenset[str](), secure=False)
    service = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        exception_handlers=handlers(),
        middleware=[guard],
    )
    service.include_router(health.router(store, organisations, figures))
    return service
