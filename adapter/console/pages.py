"""The routes of the pages: start, one message, the decisions of an operator, and what the pages are drawn with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.console.explained import message_page
from adapter.console.start import SHOWN, start_page
from adapter.console.waiting import STATES, on_its_way
from adapter.domain.problem import Kind, Problem, problem
from adapter.hub.reception import Reception
from adapter.hub.seen import decide_on, deliveries_of, find, one
from adapter.hub.shown import ID
from adapter.ports import Clock, Message, MessageQuery, Outgoing, Queue, State
from adapter.security.visit import Visit, visit_of

OWN: Final = {"style.css": "text/css", "favicon.svg": "image/svg+xml", "docs.js": "text/javascript"}
SWAGGER: Final = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


def router(reception: Reception, clock: Clock, *, prefix: str, open_access: bool, partners: Collection[str]) -> APIRouter:
    """The pages. `prefix` is the path that the service is reached under, usually empty; `partners` are their names."""
    routes = APIRouter(include_in_schema=False)

    def newest(visit: Visit, query: MessageQuery) -> tuple[list[Message], Mapping[State, int], list[Queue]]:
        found = find(visit, query)
        with visit.store.read() as unit:
            queues = [queue for state in STATES for queue in unit.queues(state)]
            return found, unit.count_messages(visit.caller.tenants), queues

    def whole(visit: Visit, id: str) -> tuple[Message, bytes, dict[str, Any], list[Outgoing]]:
        message, xml = one(visit, id)
        led_to = deliveries_of(visit, message)
        if not xml:
            return message, b"", {}, led_to
        try:
            return message, xml, reception.explanation(visit.caller.tenants, id), led_to
        except Problem:  # it was not translated; its state says why
            return message, xml, {}, led_to

    @routes.get("/", response_class=Response)
    async def start(request: Request, state: State | None = None, before: datetime | None = None, id: str = "") -> Response:
        after = (before, id) if before and before.tzinfo and ID.fullmatch(id) else None
        query = MessageQuery(state=state.value if state else "", after=after, limit=SHOWN + 1)
        found, counts, queues = await run_in_threadpool(newest, visit_of(request), query)
        shown, older = found[:SHOWN], ""
        if len(found) > SHOWN:
            moment = shown[-1].received.isoformat().replace("+", "%2B")
            older = f"/?before={moment}&id={shown[-1].id}" + (f"&state={state.value}" if state else "")
        late = on_its_way(prefix, queues, partners, clock.now())
        return start_page(prefix, shown, counts, state, older, late, open_access=open_access)

    @routes.get("/console/messages/{id}", response_class=Response)
    async def message(request: Request, id: str) -> Response:
        return message_page(prefix, *await run_in_threadpool(whole, visit_of(request), id))

    @routes.post("/console/messages/{id}/{verb}", response_class=Response)
    async def decide(request: Request, id: str, verb: Literal["retry", "dismiss"]) -> Response:
        decision = reception.retry if verb == "retry" else reception.dismiss
        decided = await run_in_threadpool(decide_on, decision, visit_of(request), id)
        return Response(status_code=303, headers={"Location": f"{prefix}/console/messages/{decided.id}"})

    @routes.get("/console/assets/{name}", response_class=Response)
    async def asset(name: str) -> Response:
        kind = OWN.get(name) or SWAGGER.get(name)
        if kind is None:
            raise problem(Kind.NOT_FOUND, "There is no such file.", "Filen finnes ikke.")
        return Response(_asset(name), headers={"Cache-Control": "public, max-age=3600"}, media_type=kind)

    return routes


@cache
def _asset(name: str) -> bytes:
    package = files("adapter.console") / "assets" if name in OWN else files("fastapi_offline") / "static"
    return (package / name).read_bytes()
