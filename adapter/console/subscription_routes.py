"""Subscriptions over HTTP: how each stands, what came of every try to tell it, why it was or was not told of something.

For operators, as pages and as JSON. What an endpoint's address has beside its host is not shown, nor what is sent along.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.console import subscription_described as d
from adapter.console.subscription_page import list_page, one_page
from adapter.console.subscription_shown import NO_WORKER, listed, whole
from adapter.domain.coordination import Text
from adapter.domain.problem import Kind, Problem, problem
from adapter.failures import Refused
from adapter.fhir.face import matching
from adapter.fhir.negotiation import accepted
from adapter.fhir.search import names_person
from adapter.hub.described import answered
from adapter.hub.shown import as_json
from adapter.ports import Attempt, Clock, Follower, Happening, Unit
from adapter.security.visit import Visit, visit_of
from adapter.usecases import see_followers
from adapter.usecases.explain_telling import Explanation, explain
from adapter.usecases.followers import shown_of
from adapter.usecases.see_followers import Standing
from adapter.usecases.writing import Follow

TRIES: Final = 100  # on a page
EVENTS: Final = 50
LIVING: Final = timedelta(minutes=1)  # since a worker told that it lives
NAMED: Final = re.compile(r"(?:\S*/)?(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?/?")
BARE: Final = re.compile(r"(?:urn:uuid:)?([A-Za-z0-9.-]{1,64})")
HTML: Final = "text/html"
NO_NAME: Final = Text(
    "Dette er ikke navnet på en ressurs: skriv adressen, Type/id, eller id-en. Aldri et fødselsnummer.",
    "This names no resource: write its address, Type/id, or its id. Never a national identity number.",
)

Decision = Callable[[Unit, Follower, datetime, str], None]
AboutAsked = Annotated[
    str,
    Query(
        description="A resource, by address, type and id, or id alone: then `why` tells whether it was told of, and why not.",
        max_length=400,
        openapi_examples=d.ABOUTS,
    ),
]


class Found(NamedTuple):
    """One subscription with all that its page tells."""

    standing: Standing
    attempts: list[Attempt]
    events: list[Happening]
    why: Explanation | None
    working: bool


def router(clock: Clock, follow: Follow | None, *, base: str, prefix: str) -> APIRouter:
    """The routes. `follow` None: nobody is told, and nobody can subscribe. `base` is our own FHIR address."""
    routes = APIRouter(tags=["Subscriptions"])
    query_of = partial(matching, base)

    def standings(visit: Visit) -> tuple[list[Standing], bool]:
        visit.require("operate")
        with visit.store.read() as unit:
            found = see_followers.followers(unit, visit.caller.tenants, query_of, follow)
            for one in found:
                _saw(visit, unit, "R", one.follower)
            return found, _working(unit, clock.now())

    def seen(visit: Visit, id: str, about: str) -> Found:
        visit.trail.asked("Subscription", id)
        visit.require("operate")
        with visit.store.read() as unit:
            one = see_followers.seen(unit, visit.caller.tenants, id, query_of, follow)
            _saw(visit, unit, "R", one.follower)
            attempts = unit.attempts(one.follower.tenant, id, TRIES)
            events, working = _events(visit, unit, one), _working(unit, clock.now())
            type, name = _named(about, one.follower.type)
            why = explain(unit, query_of, base, one.follower, type, name) if name else Explanation("", NO_NAME) if about else None
        if why and name:
            visit.trail.asked(type, name)
            visit.trail.saw("R", why.seen, one.follower.tenant)
            there = visit.store.seen_by((), ()).newest(one.follower.tenant, type, name)
            visit.trail.withheld(there.patient if there else "", one.follower.tenant)  # who asks is seen, given or not
        return Found(one, attempts, events, why, working)

    def decided(visit: Visit, id: str, decide: Decision) -> Standing:
        visit.trail.asked("Subscription", id)
        visit.require("operate")

        def work(unit: Unit) -> Standing:
            follower = see_followers.find(unit, visit.caller.tenants, id)
            decide(unit, follower, clock.now(), base)
            _saw(visit, unit, "U", follower)
            return see_followers.seen(unit, visit.caller.tenants, id, query_of, follow)

        try:
            return visit.store.run(work)
        except Problem as refusal:
            if refusal.kind is Kind.BUSINESS_RULE:
                raise Refused(409, *refusal.findings) from refusal
            raise

    async def answer(request: Request, id: str, decide: Decision) -> Response:
        """A person comes back to the page, a program gets the subscription as it stands."""
        one = await run_in_threadpool(decided, visit_of(request), id, decide)
        if _by_a_person(request):
            return Response(status_code=303, headers={"Location": f"{prefix}/subscriptions/{id}"})
        return as_json(listed(one), 202)

    @routes.get(
        "/subscriptions",
        summary="How the subscriptions stand",
        response_class=Response,
        responses={200: {**answered("All of them, the most pressing first.", {"items": [d.LISTED], "faults": []}), "model": d.All}},
    )
    async def list_subscriptions(request: Request) -> Response:
        """Who is told of what, whether it reaches them, and why not. A page for whoever takes `text/html`."""
        found, working = await run_in_threadpool(standings, visit_of(request))
        if _by_a_person(request):
            return _varied(list_page(prefix, found, tells=follow is not None, working=working))
        faults = [] if working else [{"en": NO_WORKER[0].en, "nb": NO_WORKER[0].nb}]
        return _varied(as_json({"items": [listed(one) for one in found], "faults": faults}))

    @routes.get(
        "/subscriptions/{id}",
        summary="Look at one subscription",
        response_class=Response,
        responses={
            200: {**answered("The subscription.", d.SEEN), "model": d.SubscriptionSeen},
            400: d.NO_NAME,
            404: d.NO_SUBSCRIPTION,
        },
    )
    async def read_subscription(request: Request, id: d.AnyId, about: AboutAsked = "") -> Response:
        """Every try to tell it and its last events; with `about`, why it was or was not told of that resource."""
        found = await run_in_threadpool(seen, visit_of(request), id, about.strip())
        one, attempts, events, why, working = found
        if _by_a_person(request):
            return _varied(one_page(prefix, one, attempts, events, why, working=working))
        if why and not why.about:
            raise problem(Kind.INVALID, why.said.en, why.said.nb, where="http.about")
        return _varied(as_json(whole(one, attempts, events, why)))

    @routes.post(
        "/subscriptions/{id}/retry",
        summary="Ask an endpoint again",
        status_code=202,
        response_class=Response,
        responses={
            202: {**answered("It is asked.", d.LISTED), "model": d.SubscriptionShown},
            404: d.NO_SUBSCRIPTION,
            409: d.NOT_NOW,
        },
    )
    async def retry_subscription(request: Request, id: d.ErrorId) -> Response:
        """Asks the endpoint whether it is there, as the status *requested* does; if so, all that waits is told.

        409 where it answers, is being asked, or is off.
        """
        return await answer(request, id, see_followers.ask_again)

    @routes.post(
        "/subscriptions/{id}/off",
        summary="Turn a subscription off",
        status_code=202,
        response_class=Response,
        responses={
            202: {**answered("It is off.", {**d.LISTED, "status": "off", "stands": "off"}), "model": d.SubscriptionShown},
            404: d.NO_SUBSCRIPTION,
            409: d.OFF_ALREADY,
        },
    )
    async def end_subscription(request: Request, id: d.AliveId) -> Response:
        """Ends it: nothing more is counted or told. Its client may begin it again with the status *requested*."""
        return await answer(request, id, see_followers.turn_off)

    return routes


def _events(visit: Visit, unit: Unit, one: Standing) -> list[Happening]:
    """The last events, newest first, without what is closed to the subscriber or to whoever looks."""
    tenant, last = one.follower.tenant, one.state.events
    found = unit.follower_events(tenant, one.follower.id, last - EVENTS + 1, last, EVENTS)
    closed = unit.closed_to(tenant, visit.caller.blocked_as)
    shown = [event for event in shown_of(unit, one.follower, one.wanted, found) if event.patient not in closed]
    visit.trail.saw("R", unit.read_all(tenant, [(event.type, event.id) for event in shown]), tenant)
    return shown[::-1]


def _named(about: str, type: str) -> tuple[str, str]:
    """What is asked about, by its address, type and id, or the id of what is followed; empty where that names no resource."""
    found, bare = NAMED.fullmatch(about), BARE.fullmatch(about)
    named = (found["type"], found["id"]) if found else (type, bare[1]) if bare else ("", "")
    return ("", "") if names_person(named[1]) else named


def _saw(visit: Visit, unit: Unit, action: Any, follower: Follower) -> None:
    stored = unit.read(follower.tenant, "Subscription", follower.id)
    visit.trail.saw(action, [stored] if stored else [], follower.tenant)


def _working(unit: Unit, now: datetime) -> bool:
    return any("worker" in one.roles.split(",") and now - one.seen <= LIVING for one in unit.processes())


def _by_a_person(request: Request) -> bool:
    return HTML in accepted(request.headers)


def _varied(response: Response) -> Response:
    response.headers["Vary"] = "Accept"
    return response
