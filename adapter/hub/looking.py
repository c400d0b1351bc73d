"""GET: messages are found, looked at, and explained."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.domain.problem import Kind, problem
from adapter.hub import described as d
from adapter.hub.examples import FIRST_ID, example
from adapter.hub.reception import Reception
from adapter.hub.seen import deliveries_of, explained, find, of_seen, one
from adapter.hub.shown import ID, Time, as_json, known, none, shown, zoned
from adapter.ports import MessageQuery, State
from adapter.security.visit import visit_of
from adapter.usecases.clean_up import gone

MOST: Final = 100  # messages on a page
# A message may hold markup that a browser would run, and a stylesheet that it would fetch.
INERT: Final = {"Content-Security-Policy": "sandbox; default-src 'none'"}

MessageId = Annotated[
    str,
    Path(
        description="Our id of the message, from the header Location or from GET /messages.",
        openapi_examples={
            "200-a-message": example(200, "the first example of POST /messages, once it was sent", FIRST_ID),
            "404-no-such-message": example(404, "no such message", d.NO_ID),
        },
    ),
]
StateAsked = Annotated[
    State | None,
    Query(
        description="Its state.",
        openapi_examples={
            "200-any": example(200, "any", None),
            "200-quarantined": example(200, "those that wait for a person", "quarantined"),
            "400-no-state": example(400, "no such state", "lost"),
        },
    ),
]


def looking(routes: APIRouter, prefix: str) -> None:
    """What stands in the store: messages and their bytes."""

    @routes.get(
        "/messages",
        summary="Look up messages",
        response_class=Response,
        responses={
            200: {**d.answered("A page, newest first.", {"items": [d.shown_message()], "next": None}), "model": d.MessageList},
            400: d.NOT_A_STATE,
        },
    )
    async def list_messages(
        request: Request,
        *,
        msg_id: Annotated[str, Query(alias="msgId", description="MsgId as the sender gave it.", max_length=200)] = "",
        sender: Annotated[str, Query(description="HER-id of the sending service.", max_length=200)] = "",
        receiver: Annotated[str, Query(description="HER-id of the receiving service.", max_length=200)] = "",
        type: Annotated[str, Query(description="Message type, a code of 8279.", max_length=200)] = "",
        state: StateAsked = None,
        since: Annotated[Time | None, Query(description="Received at this time or later; without a zone, Norwegian.")] = None,
        limit: Annotated[int, Query(ge=1, description=f"Messages on a page; more than {MOST} is {MOST}.")] = 50,
        after: Annotated[str, Query(description="Where the page before ended; taken from `next`.", max_length=200)] = "",
    ) -> Response:
        """Received messages, newest first, with their state, the reason for it, and what to do."""
        most = min(limit, MOST)
        asked = {"msgId": msg_id, "sender": sender, "receiver": receiver, "type": type, "state": state.value if state else ""}
        for name, value in asked.items():
            if any(ord(character) < 32 for character in value):
                raise problem(Kind.INVALID, "Holds a control character.", "Inneholder et kontrolltegn.", where=f"http.{name}")
        query = MessageQuery(msg_id, sender, receiver, type, asked["state"], zoned(since), _cursor(after), most + 1)
        found = await run_in_threadpool(find, visit_of(request), query)
        following = None
        if len(found) > most:
            last = found[most - 1]
            kept = {name: value for name, value in asked.items() if value}
            kept |= {"since": query.since.isoformat()} if query.since else {}
            following = f"{prefix}/messages?" + urlencode(
                {**kept, "limit": most, "after": f"{last.received.isoformat()}~{last.id}"}
            )
        return as_json({"items": [shown(message) for message in found[:most]], "next": following})

    @routes.get(
        "/messages/{id}",
        summary="Look at one message",
        response_class=Response,
        responses={
            200: {**d.answered("The message.", {**d.shown_message(), "ledTo": [d.LED_TO]}), "model": d.MessageSeen},
            404: d.NO_MESSAGE,
        },
    )
    async def read_message(request: Request, id: MessageId) -> Response:
        """State, the reason for it, what to do, everything found in the message, and what it led to at partners."""
        visit = visit_of(request)
        message, _ = await run_in_threadpool(one, visit, id)
        led_to = await run_in_threadpool(deliveries_of, visit, message)
        told = [{"id": row.id, "partner": row.hub, "about": row.about, "state": row.state} for row in led_to]
        return as_json({**shown(message), "ledTo": told})

    @routes.get(
        "/messages/{id}/xml",
        summary="The message as it came",
        response_class=Response,
        responses={200: d.answered("The bytes that were received.", "<MsgHead>…</MsgHead>", "application/xml"), 404: d.NO_MESSAGE},
    )
    async def read_xml(request: Request, id: MessageId) -> Response:
        """The very bytes that were received. 404 where they were too dangerous or too large to keep, or are kept no longer."""
        _, xml = await run_in_threadpool(one, visit_of(request), id)
        if xml is None:
            gone()
        if not xml:
            none("No document is kept of this message.", "Det er ikke tatt vare på noe dokument for meldingen.")
        return Response(xml, headers=INERT, media_type="application/xml")


def following(routes: APIRouter, reception: Reception) -> None:
    """What followed from a message: receipt, statuses, Bundle and explanation."""

    @routes.get(
        "/messages/{id}/apprec",
        summary="The receipt (AppRec) for a message",
        response_class=Response,
        responses={
            200: d.answered("The receipt, in its channel's format.", "<AppRec>…</AppRec>", "application/xml"),
            404: d.NO_RECEIPT,
        },
    )
    async def read_apprec(request: Request, id: MessageId) -> Response:
        """The bytes that were sent, or wait to be sent. 404 while there are none."""
        found = await run_in_threadpool(of_seen, reception.apprec, visit_of(request), known(id))
        if found is None:
            none("No receipt has been made for this message.", "Det er ikke laget kvittering for meldingen.")
        body, media = found
        return Response(body, headers=INERT, media_type=media)

    @routes.get(
        "/messages/{id}/statuses",
        summary="What the referrer was told of a referral",
        response_class=Response,
        responses={
            200: {**d.answered("Newest first; none before it is assessed.", d.TOLD), "model": d.StatusList},
            404: d.NO_MESSAGE,
        },
    )
    async def read_statuses(request: Request, id: MessageId) -> Response:
        """Each *Status på henvisning* (Dialogmelding 1.1) that answers the message, and whether its receiver took it."""
        return as_json({"items": await run_in_threadpool(of_seen, reception.statuses, visit_of(request), known(id))})

    @routes.get(
        "/messages/{id}/bundle",
        summary="The FHIR Bundle of a message",
        response_class=Response,
        responses={
            200: d.answered("The transaction Bundle.", {"resourceType": "Bundle", "type": "transaction"}, d.FHIR_JSON),
            404: d.NO_BUNDLE,
        },
    )
    async def read_bundle(request: Request, id: MessageId) -> Response:
        """What the message became. 404 while it has become nothing."""
        body = await run_in_threadpool(of_seen, reception.bundle, visit_of(request), known(id))
        if body is None:
            none("This message was not translated: its state says why.", "Meldingen er ikke oversatt: tilstanden sier hvorfor.")
        return Response(body, media_type=d.FHIR_JSON)

    @routes.get(
        "/messages/{id}/explanation",
        summary="Where every value came from",
        response_class=Response,
        responses={200: {**d.answered("The explanation.", d.EXPLAINED), "model": d.Explanation}, 404: d.NO_MESSAGE},
    )
    async def read_explanation(request: Request, id: MessageId) -> Response:
        """For every element its nodes in the message, with line; for every node what became of it, and why."""
        return as_json(await run_in_threadpool(explained, reception.explanation, visit_of(request), known(id)))


def _cursor(after: str) -> tuple[datetime, str] | None:
    if not after:
        return None
    moment, _, id = after.partition("~")
    try:
        received = datetime.fromisoformat(moment.replace(" ", "+"))
        if not ID.fullmatch(id) or received.tzinfo is None:
            raise ValueError
    except ValueError:
        raise problem(Kind.INVALID, "Not from `next` of a page.", "Ikke fra `next` på en side.", where="http.after") from None
    return received, id
