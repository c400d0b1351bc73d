"""Partners and deliveries over HTTP: how each partner stands, what goes to it, what is stuck and why, and to send it again.

For operators. The bodies are not shown, since they are about a patient: what a delivery is about is read at /fhir.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.console import delivery_described as d
from adapter.domain.problem import Kind, Problem
from adapter.failures import Refused
from adapter.http_client import plain
from adapter.hub.described import answered
from adapter.hub.examples import FIRST_ID, example
from adapter.hub.shown import as_json
from adapter.ports import Clock, Outgoing, Stored, Unit
from adapter.r4 import json
from adapter.security.trail import Action
from adapter.security.visit import Visit, visit_of
from adapter.usecases.operate_deliveries import Remake, Standing, again, dismiss, find, partners, resend
from adapter.usecases.push_assignment import remake
from adapter.usecases.sharing import Sharing

MOST: Final = 100  # deliveries on a page
DELIVERY: Final = "Delivery"  # the word for one in the audit
ISSUES: Final = 20  # shown of what a partner said
WORDS: Final = ("severity", "code", "diagnostics")

Name = Annotated[
    str,
    Query(
        description="The partner's name in the configuration.",
        max_length=200,
        openapi_examples={
            "200-any-partner": example(200, "any", ""),
            "200-one-partner": example(200, "the sandbox's municipality", "municipality"),
        },
    ),
]
StateAsked = Annotated[
    d.States | None,
    Query(
        description="Its state.",
        openapi_examples={
            "200-any-state": example(200, "any", None),
            "200-dead": example(200, "those that wait for a person", "dead"),
            "400-no-state": example(400, "no such state", "lost"),
        },
    ),
]
About = Annotated[
    str,
    Query(
        description="Our resource that it is about.",
        pattern=r"^([A-Za-z]{1,64}/[A-Za-z0-9.-]{1,64})?$",
        openapi_examples={
            "200-about-any": example(200, "any", ""),
            "200-about-one": example(200, "a Task", d.ABOUT),
            "400-no-resource": example(400, "no name of a resource", "the referral"),
        },
    ),
]
Cause = Annotated[
    str,
    Query(
        description="The id of the message or request that it came of.",
        pattern=r"^[A-Za-z0-9._-]{0,64}$",
        openapi_examples={
            "200-cause-any": example(200, "any", ""),
            "200-cause-one": example(200, "a message", FIRST_ID),
            "400-no-cause": example(400, "no id", "the referral"),
        },
    ),
]
SENT: Final = ("one that was sent", d.SENT_ID)
AnyId = Annotated[str, d.delivery_id("Our id of the delivery.", {"200-a-delivery": SENT})]
ResentId = Annotated[
    str,
    d.delivery_id("A dead or dismissed delivery.", {"202-a-dead-one": ("a dead one", d.DEAD_ID), "409-a-sent-one": SENT}),
]
DismissedId = Annotated[
    str, d.delivery_id("A dead delivery.", {"202-a-dead-one": ("a dead one", d.ALSO_DEAD_ID), "409-a-sent-one": SENT})
]


def router(clock: Clock, sharing: Sharing | None, *, prefix: str) -> APIRouter:
    """The routes. `sharing` None: the service has no partners, and what was for one is sent again as it is."""
    routes = APIRouter(tags=["Partners"])
    anew: Remake = partial(remake, sharing, clock) if sharing else lambda _, row: row.body
    looking(routes, clock, sharing, prefix)
    deciding(routes, clock, anew)
    return routes


def looking(routes: APIRouter, clock: Clock, sharing: Sharing | None, prefix: str) -> None:
    """What stands in the store."""

    def standings(visit: Visit) -> list[Standing]:
        visit.require("operate")
        with visit.store.read() as unit:
            return partners(unit, sharing, visit.caller.tenants) if sharing else []

    def listed(visit: Visit, asked: Mapping[str, str], limit: int) -> list[Outgoing]:
        visit.require("operate")
        with visit.store.read() as unit:
            found = unit.deliveries(visit.caller.tenants, **asked, limit=limit)
            noted(visit, unit, "R", found[: limit - 1])
            return found

    def seen(visit: Visit, id: str) -> dict[str, Any]:
        with named(visit, id), visit.store.read() as unit:
            row = find(unit, visit.caller.tenants, id)
            noted(visit, unit, "R", [row])
            type, _, name = row.about.partition("/")
            visit.trail.saw("R", unit.read_all(row.tenant, [(type, name)]), row.tenant)
            return whole(row, again(unit, row))

    @routes.get(
        "/partners",
        summary="How the partners stand",
        response_class=Response,
        responses={200: {**answered("All of them, as configured.", {"items": [d.PARTNER]}), "model": d.PartnerList}},
    )
    async def list_partners(request: Request) -> Response:
        """Each partner's server: whether it answers, since when it does not, until when its changes are known, and what waits."""
        now = clock.now()
        return as_json({"items": [standing(one, now) for one in await run_in_threadpool(standings, visit_of(request))]})

    @routes.get(
        "/deliveries",
        summary="Look up deliveries to partners",
        response_class=Response,
        responses={
            200: {**answered("A page, newest first.", {"items": [d.LISTED], "next": None}), "model": d.DeliveryList},
            400: d.NOT_ASKED_SO,
        },
    )
    async def list_deliveries(
        request: Request,
        *,
        partner: Name = "",
        state: StateAsked = None,
        about: About = "",
        cause: Cause = "",
        limit: Annotated[int, Query(ge=1, description=f"Deliveries on a page; more than {MOST} is {MOST}.")] = 50,
        after: Annotated[str, Query(description="Where the page before ended; taken from `next`.", max_length=200)] = "",
    ) -> Response:
        """What goes to partners, newest first, with its state, the reason for it, and what to do."""
        most = min(limit, MOST)
        asked = {"hub": partner, "state": state or "", "about": about, "cause": cause, "after": after}
        found = await run_in_threadpool(listed, visit_of(request), asked, most + 1)
        following = None
        if len(found) > most:
            kept = {"partner": partner, **{name: asked[name] for name in ("state", "about", "cause")}}
            kept = {name: value for name, value in kept.items() if value}
            following = f"{prefix}/deliveries?" + urlencode({**kept, "limit": most, "after": found[most - 1].id})
        return as_json({"items": [shown(row) for row in found[:most]], "next": following})

    @routes.get(
        "/deliveries/{id}",
        summary="Look at one delivery",
        response_class=Response,
        responses={200: {**answered("The delivery.", d.shown_delivery()), "model": d.DeliverySeen}, 404: d.NO_DELIVERY},
    )
    async def read_delivery(request: Request, id: AnyId) -> Response:
        """State, the reason for it, what the partner said, and which delivery it was sent again as or for."""
        return as_json(await run_in_threadpool(seen, visit_of(request), id))


def deciding(routes: APIRouter, clock: Clock, anew: Remake) -> None:
    """What an operator decides about a delivery."""

    @routes.post(
        "/deliveries/{id}/resend",
        summary="Send a delivery again",
        status_code=202,
        response_class=Response,
        responses={
            202: {
                **answered("The new delivery; Location is where it stands.", d.shown_delivery("waiting")),
                "model": d.DeliverySeen,
            },
            404: d.NO_DELIVERY,
            409: d.NOT_NOW,
        },
    )
    async def resend_delivery(request: Request, id: ResentId) -> Response:
        """Sends a dead or dismissed delivery again, made anew of what stands here now. The first is kept; the new one names it."""
        return await decide(partial(resend, remake=anew, now=clock.now()), request, id)

    @routes.post(
        "/deliveries/{id}/dismiss",
        summary="Put a delivery aside",
        status_code=202,
        response_class=Response,
        responses={
            202: {**answered("It is put aside.", d.shown_delivery("dismissed")), "model": d.DeliverySeen},
            404: d.NO_DELIVERY,
            409: d.NOT_NOW,
        },
    )
    async def dismiss_delivery(request: Request, id: DismissedId) -> Response:
        """Says that nothing more is to be done about a dead delivery. It is kept. 409 in another state."""
        return await decide(partial(dismiss, now=clock.now()), request, id)

    async def decide(verb: Callable[..., Outgoing], request: Request, id: str) -> Response:
        try:
            row = await run_in_threadpool(decided, visit_of(request), verb, id)
        except Problem as refusal:
            if refusal.kind is Kind.BUSINESS_RULE:
                raise Refused(409, *refusal.findings) from refusal
            raise
        return as_json(whole(row, None), 202)


def decided(visit: Visit, verb: Callable[..., Outgoing], id: str) -> Outgoing:
    """What an operator makes of a delivery, which they may see."""

    def work(unit: Unit) -> Outgoing:
        row = verb(unit, visit.caller.tenants, id)
        noted(visit, unit, "U", [row])
        return row

    with named(visit, id):
        return visit.store.run(work)


@contextmanager
def named(visit: Visit, id: str) -> Iterator[None]:
    """Note which delivery is asked for; where it is not given, its patient sees that somebody tried."""
    visit.trail.asked(DELIVERY, id)
    try:
        visit.require("operate")
        yield
    except Problem:
        with visit.store.seen_by((), ()).read() as unit:
            row = unit.outgoing(id)
            if row is not None and row.tenant in visit.caller.tenants:
                visit.trail.withheld(unit.patient_of(row), row.tenant)
        raise


def noted(visit: Visit, unit: Unit, action: Action, rows: Iterable[Outgoing]) -> None:
    """Leave in the trail what was done with deliveries, and of whom they are."""
    for row in rows:
        visit.trail.saw(action, [Stored(DELIVERY, row.id, 1, row.created, b"", unit.patient_of(row))], row.tenant)


def standing(one: Standing, now: datetime) -> dict[str, Any]:
    """A partner as JSON has it."""
    state, paused = one.state, one.state.open_until if one.state.open_until and one.state.open_until > now else None
    how: Literal["unknown", "reached", "failing", "paused"] = "reached" if state.reached else "unknown"
    return {
        "name": one.partner.name,
        "organisation": one.partner.organisation,
        "mode": one.partner.mode or state.mode,
        "state": "paused" if paused else "failing" if state.failing_since else how,
        "reached": state.reached,
        "failingSince": state.failing_since,
        "pausedUntil": paused,
        "heardUntil": state.heard,
        "waiting": one.waiting,
        "dead": one.dead,
        "troubles": one.troubles,
    }


def shown(row: Outgoing) -> dict[str, Any]:
    """A delivery as JSON has it."""
    dead = row.state == "dead"
    return {
        "id": row.id,
        "partner": row.hub,
        "organisation": row.tenant,
        "kind": row.kind,
        "about": row.about,
        "state": row.state,
        "attempts": row.attempts,
        "created": row.created,
        "nextAttempt": row.next_attempt,
        "why": row.error,
        "action": "Mend what the partner objects to and send it again, or put it aside." if dead else "",
        "earlier": row.earlier or None,
        "cause": row.cause,
    }


def whole(row: Outgoing, later: Outgoing | None) -> dict[str, Any]:
    """A delivery with what it became, and what the partner said."""
    return {**shown(row), "again": later.id if later else None, "outcome": said(row.outcome)}


def said(outcome: bytes) -> dict[str, Any] | None:
    """The partner's OperationOutcome, which is not trusted: its words alone, shortened, without markup or a person's number."""
    told = json.parse(outcome) if outcome else None
    issues = told.get("issue") if isinstance(told, dict) else None
    if not isinstance(issues, list):
        return None
    return {"resourceType": "OperationOutcome", "issue": [_issue(one) for one in issues[:ISSUES] if isinstance(one, dict)]}


def _issue(issue: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: plain(word) for name in WORDS if isinstance(word := issue.get(name), str)}
    details, places = issue.get("details"), issue.get("expression")
    if isinstance(details, dict) and isinstance(details.get("text"), str):
        kept["details"] = {"text": plain(details["text"])}
    if isinstance(places, list):
        kept["expression"] = [plain(place) for place in places[:5] if isinstance(place, str)]
    return kept
