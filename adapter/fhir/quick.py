"""The plain read of one resource by the shortest way: ready bytes from the store, before any router looks at the request.

    app = QuickReads(app, small=4096)

It answers `GET /fhir/[type]/[id]` in JSON without conditions or parameters, which is most of what is asked. All else, and whatever
there is to say beside 200, is left to the routes, whose answer would be the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.domain.problem import Problem
from adapter.failures import FHIR_JSON
from adapter.fhir.face import USUAL, of_version
from adapter.fhir.negotiation import takes_gzip
from adapter.fhir.types import TYPES
from adapter.ports import Store, Stored
from adapter.security.visit import visit_of

PATH: Final = re.compile(r"/fhir/([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
READY: Final = {"", "*/*", FHIR_JSON, "application/json"}
CONDITIONS: Final = {"if-none-match", "if-modified-since"}
ROUTE: Final = SimpleNamespace(path="/fhir/{type}/{id}")  # what log and figures call it
PLAIN: Final = frozenset(TYPES) - {"Binary"}  # which may be given as its own content


@dataclass(frozen=True)
class QuickReads:
    """Answers plain reads; `small` is the number of bytes from which a body is compressed for who takes that."""

    app: ASGIApp
    small: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._ready(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if answer is None:
            await self.app(scope, receive, send)
            return
        headers, body = answer
        scope["route"] = ROUTE
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _ready(self, scope: Scope) -> tuple[dict[str, str], bytes] | None:
        named = None if scope["query_string"] else PATH.fullmatch(scope["path"])
        if not named or named[1] not in PLAIN:
            return None
        visit = visit_of(scope)
        if not visit.caller.access.allows(named[1], "r"):
            return None
        headers = Headers(scope=scope)
        if headers.get("accept", "") not in READY or any(name in headers for name in CONDITIONS):
            return None
        try:
            stored = await _newest(visit.store, visit.caller.tenant, named[1], named[2])
        except Problem:
            return None
        if stored is None or (len(stored.body) >= self.small and takes_gzip(headers)):
            return None
        visit.trail.asked(named[1], named[2])
        visit.trail.saw("R", [stored])
        length = {"Content-Type": FHIR_JSON, "Content-Length": str(len(stored.body))}
        return {**USUAL, **of_version(stored), **length}, stored.body


async def _newest(store: Store, *named: str) -> Stored | None:
    """Where the store has to be waited for, others are served meanwhile."""
    return store.newest(*named) if store.quick else await run_in_threadpool(store.newest, *named)
