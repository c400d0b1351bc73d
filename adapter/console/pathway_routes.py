"""GET /pathways: the pages of the pathways, and the picture of one."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date
from hashlib import sha256
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.console.batons import lanes
from adapter.console.pathway_page import LINE, pathway_page
from adapter.console.pathways import list_page
from adapter.domain.identity import named
from adapter.domain.problem import Finding, Kind
from adapter.domain.state import State
from adapter.hub import described as d
from adapter.hub.examples import example
from adapter.ports import Clock
from adapter.security.visit import Visit, visit_of
from adapter.usecases.pathways import Gathered, Pathways
from adapter.usecases.see_batons import Others, Relay
from adapter.usecases.see_pathways import Seen, closed_pathways, open_pathways, see
from adapter.usecases.see_troubles import Waiting, elsewhere
from adapter.usecases.sharing import Sharing
from mappings import times
from mappings.timeline import STYLE, svg, title_of

_DIGEST: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-store",
}
SVG: Final = "image/svg+xml"
ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
OPENED: Final = named("319900101", "6cfa3d45-7afe-4569-8682-01628450a3b6")  # the sandbox's hospital, the first example's document

NO_PATHWAY: Final = Finding("error", Kind.NOT_FOUND, "There is no such pathway.", "Forløpet finnes ikke.")

PathwayId = Annotated[
    str,
    Path(
        description="The pathway: the id of its EpisodeOfCare.",
        openapi_examples={
            "200-a-pathway": example(200, "opened by the first example of POST /messages, once it was sent", OPENED),
            "404-no-such-pathway": example(404, "no such pathway", d.NO_ID),
        },
    ),
]


def router(clock: Clock, pathways: Pathways | None, sharing: Sharing | None = None, *, prefix: str) -> APIRouter:
    """The routes under /pathways. `pathways` None: the service follows none, so that none is found."""
    routes = APIRouter(tags=["Pathways"])
    others = Others(sharing.partners, sharing.municipalities, sharing.names) if sharing else Others()

    def listed(visit: Visit, today: date) -> tuple[list[Seen], list[Waiting], list[Seen]]:
        visit.require("operate")
        if not pathways:
            return [], [], []
        tenants = visit.caller.tenants
        with visit.store.read() as unit:
            seen = open_pathways(unit, others, tenants, today)
            closed = closed_pathways(unit, others, tenants, today)
            waiting = elsewhere(unit, others, tenants, [*seen, *closed])
            ids = dict.fromkeys([*(one.id for one in (*seen, *closed)), *(one.pathway for one in waiting if one.pathway)])
            for tenant in tenants:
                visit.trail.saw("R", unit.read_all(tenant, [("EpisodeOfCare", id) for id in ids]), tenant)
            return seen, waiting, closed

    def found(visit: Visit, id: str, today: date) -> tuple[Gathered, State, Relay]:
        if ID.fullmatch(id):
            visit.trail.asked("EpisodeOfCare", id)
        visit.require("operate")
        with visit.store.read() as unit:
            gathered, state, relay = see(pathways, unit, others, visit.caller.tenants, id, today)
            for tenant in visit.caller.tenants:
                visit.trail.saw("R", filter(None, [unit.read(tenant, "EpisodeOfCare", id)]), tenant)
            return gathered, state, relay

    @routes.get("/pathways", response_class=Response, include_in_schema=False)
    async def open_ones(request: Request) -> Response:
        today = times.local_day(clock.now())
        return list_page(prefix, *await run_in_threadpool(listed, visit_of(request), today), today)

    @routes.get("/pathways/{id}", response_class=Response, include_in_schema=False)
    async def pathway(request: Request, id: str) -> Response:
        today = times.local_day(clock.now())
        return pathway_page(prefix, *await run_in_threadpool(found, visit_of(request), id, today), today)

    @routes.get(
        f"/pathways/{{id}}/{LINE}",
        summary="The timeline of a pathway",
        description="Its events, phases and time limits on a line, with today: an SVG by itself, light or dark as the reader "
        "has it, in Norwegian. It names no person.",
        response_class=Response,
        responses={
            200: d.answered("The picture.", '<svg xmlns="http://www.w3.org/2000/svg">…</svg>', SVG, {"type": "string"}),
            404: d.failed(NO_PATHWAY),
        },
    )
    async def timeline(request: Request, id: PathwayId) -> Response:
        today = times.local_day(clock.now())
        gathered, state, relay = await run_in_threadpool(found, visit_of(request), id, today)
        picture = svg(title_of(gathered.rules), gathered.course, state, today, lanes(relay))
        return Response(picture, media_type=SVG, headers=HEADERS)

    return routes
