"""POST: a message is sent, translated, tried again, or put aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.domain.problem import Kind, Problem
from adapter.failures import Refused
from adapter.hub import described as d
from adapter.hub.examples import FIRST_ID, OTHER_ID, example
from adapter.hub.reception import Reception
from adapter.hub.seen import decide_on, noted
from adapter.hub.shown import Time, as_json, known, shown, zoned
from adapter.ports import Clock, Delivery, Message, State
from adapter.security.visit import visit_of
from adapter.usecases.receive_message import NOT_YOURS
from mappings.rules import national

WaitingId = Annotated[
    str,
    Path(
        description="Our id of a message that waits for a person.",
        openapi_examples={
            "202-a-quarantined-one": example(202, "the example of POST /messages with other content, once it was sent", OTHER_ID),
            "409-a-processed-one": example(409, "the first example of POST /messages, once it was sent", FIRST_ID),
            "404-no-such-message": example(404, "no such message", d.NO_ID),
        },
    ),
]
Pathway = Annotated[
    str | None,
    Query(
        description="Pathway type (9321) to open, whatever the receiving service is configured for.",
        pattern=f"^({'|'.join(national().types)})$",
        openapi_examples={
            "200-none": example(200, "as the receiving service has it", None),
            "200-adults": example(200, "D11, mental health care for adults", "D11"),
            "400-no-type": example(400, "not a pathway type", "adults"),
        },
    ),
]
ReceivedAt = Annotated[Time | None, Query(description="When it is taken to be received; default the message's GenDate.")]


def sending(routes: APIRouter, reception: Reception, clock: Clock, *, max_bytes: int, hub: str, prefix: str) -> None:
    """Messages come in, to be kept or to be translated only."""

    @routes.post(
        "/messages",
        summary="Send a message as if from the hub",
        status_code=201,
        response_class=Response,
        openapi_extra={"requestBody": d.message_body()},
        responses={
            201: {
                **d.answered("Kept, whatever its state; Location is where it stands.", d.shown_message()),
                "model": d.MessageShown,
            },
            200: {
                **d.answered("A duplicate, with the same content; Location is the first.", d.shown_message()),
                "model": d.MessageShown,
            },
            400: d.EMPTY,
            409: {
                **d.answered(
                    "Other content under the same MsgId; Location is the quarantined one.", d.shown_message(State.QUARANTINED)
                ),
                "model": d.MessageShown,
            },
            413: d.TOO_LARGE,
            415: d.NOT_XML,
            422: d.failed(NOT_YOURS),
        },
    )
    async def send_message(request: Request) -> Response:
        """Receives a referral (MsgHead 1.2 with Henvisning 2.0, or Henvisning 1.0 or 1.1) by the same rules as the hub's.

        201 says that it is kept, not that it is good: `state` tells. Sending the same bytes again has no further effect and
        answers 200; the sandbox has received the example messages already. For a new one, change `MsgId`.
        With a token a message is taken for the services of its own organisation alone; of any other nothing is kept (422).
        """
        visit = visit_of(request)
        visit.require("messages")
        delivery = Delivery(await _xml(request, max_bytes), clock.now(), hub)
        try:
            received = await run_in_threadpool(reception.receive, delivery, visit.caller.tenants)
        except Problem as refusal:
            if refusal.kind is Kind.MISADDRESSED:
                raise Refused(422, *refusal.findings) from refusal
            raise
        noted(visit, "R" if received.outcome == "duplicate" else "C", [received.message])
        status = {"new": 201, "duplicate": 200, "conflict": 409}[received.outcome]
        return as_json(shown(received.message), status, {"Location": f"{prefix}/messages/{received.message.id}"})

    @routes.post(
        "/translate",
        summary="Translate a message and keep nothing",
        response_class=Response,
        openapi_extra={"requestBody": d.translate_body()},
        responses={
            200: {
                **d.answered("The translation; bundle is null where the message is refused.", d.TRANSLATED),
                "model": d.TranslationShown,
            },
            400: d.EMPTY,
            413: d.TOO_LARGE,
            415: d.NOT_XML,
            422: d.UNREAD,
        },
    )
    async def translate_message(request: Request, pathway: Pathway = None, received: ReceivedAt = None) -> Response:
        """Gives the FHIR transaction Bundle, the AppRec that would be sent, and where every value came from.

        The same message with the same `received` gives the same bytes.
        """
        visit_of(request).require("messages")
        moment = zoned(received)
        data = await _xml(request, max_bytes)
        try:
            done = await run_in_threadpool(reception.translate, data, pathway, moment)
        except Problem as unreadable:
            if unreadable.kind in (Kind.INTERNAL, Kind.TRANSIENT):
                raise
            raise Refused(422, *unreadable.findings) from unreadable
        bundle = msgspec.Raw(done.bundle) if done.bundle is not None else None
        return as_json({"bundle": bundle, "apprec": done.apprec.decode("utf-8"), "explanation": done.explanation})


def deciding(routes: APIRouter, reception: Reception) -> None:
    """What an operator decides about a message."""

    @routes.post(
        "/messages/{id}/retry",
        summary="Try a message again",
        status_code=202,
        response_class=Response,
        responses={
            202: d.message("It will be tried again.", State.RECEIVED),
            404: d.NO_MESSAGE,
            409: d.NOT_NOW,
        },
    )
    async def retry_message(request: Request, id: WaitingId) -> Response:
        """Receives a quarantined message again, or one that waits for its next try, once the cause is removed. Else 409."""
        return await decide(reception.retry, request, id)

    @routes.post(
        "/messages/{id}/dismiss",
        summary="Put a message aside",
        status_code=202,
        response_class=Response,
        responses={
            202: d.message("It is put aside.", State.QUARANTINED),
            404: d.NO_MESSAGE,
            409: d.NOT_NOW,
        },
    )
    async def dismiss_message(request: Request, id: WaitingId) -> Response:
        """Says that nothing more is to be done about a quarantined or refused message. It is kept. 409 in another state."""
        return await decide(reception.dismiss, request, id)

    async def decide(verb: Callable[[Sequence[str], str], Message], request: Request, id: str) -> Response:
        try:
            message = await run_in_threadpool(decide_on, verb, visit_of(request), known(id))
        except Problem as refusal:
            if refusal.kind is Kind.BUSINESS_RULE:
                raise Refused(409, *refusal.findings) from refusal
            raise
        return as_json(shown(message), 202)


async def _xml(request: Request, most: int) -> bytes:
    """The body, never more of it than `most` bytes. Raises `Problem` for another type, too much, or nothing."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in d.XML_TYPES or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(d.NOT_XML_FOUND)
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > most:
        raise Problem(d.TOO_LARGE_FOUND)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem(d.TOO_LARGE_FOUND)
    if not body:
        raise Refused(400, d.EMPTY_FOUND)
    return bytes(body)
