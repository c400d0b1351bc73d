"""Messages over HTTP: sent as if from the hub, looked up, explained, tried again. For testers and operators.

    app.include_router(router(reception, store, identify, clock, max_bytes=settings.messages.max_bytes))

The contract is the project's own (README, /docs). Errors are raised as `Problem` and answered as OperationOutcomes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NoReturn, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.domain.problem import Kind, Problem, problem
from adapter.failures import Refused
from adapter.hub import described as d
from adapter.hub.examples import FIRST_ID, OTHER_ID, example
from adapter.ports import Clock, Delivery, Message, MessageQuery, State, Store
from adapter.r4.outcome import operation_outcome
from adapter.security.caller import Caller, Identify

MOST: Final = 100  # messages on a page
OSLO: Final = ZoneInfo("Europe/Oslo")
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A message may hold markup that a browser would run, and a stylesheet that it would fetch.
INERT: Final = {"Content-Security-Policy": "sandbox; default-src 'none'"}


class Received(Protocol):
    """What became of a delivery: the message that now stands for it, and whether it was new."""

    @property
    def message(self) -> Message: ...
    @property
    def outcome(self) -> Literal["new", "duplicate", "conflict"]: ...


class Translated(Protocol):
    """A translation that nothing was kept of; `bundle` is None where the message was refused."""

    @property
    def bundle(self) -> bytes | None: ...
    @property
    def apprec(self) -> bytes: ...
    @property
    def explanation(self) -> dict[str, Any]: ...


class Reception(Protocol):
    """The use cases behind this face (`adapter.usecases.receive_message`). Tenants are those whose messages the caller may see."""

    def receive(self, delivery: Delivery) -> Received: ...
    def translate(self, data: bytes, pathway: str | None, received: datetime | None) -> Translated: ...
    def retry(self, tenants: Sequence[str], id: str) -> Message: ...
    def dismiss(self, tenants: Sequence[str], id: str) -> Message: ...
    def bundle(self, tenants: Sequence[str], id: str) -> bytes | None: ...
    def apprec(self, tenants: Sequence[str], id: str) -> tuple[bytes, str] | None: ...
    def explanation(self, tenants: Sequence[str], id: str) -> dict[str, Any]: ...


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
        pattern=r"^D\d\d$",
        openapi_examples={
            "200-none": example(200, "as the receiving service has it", None),
            "200-adults": example(200, "D11, mental health care for adults", "D11"),
            "400-no-type": example(400, "not a pathway type", "adults"),
        },
    ),
]
ReceivedAt = Annotated[datetime | None, Query(description="When it is taken to be received; default the message's GenDate.")]
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


def router(reception: Reception, store: Store, identify: Identify, clock: Clock, *, max_bytes: int, hub: str = "http") -> APIRouter:
    """The routes /messages and /translate. `hub` is the channel that messages sent here are said to come from."""
    routes = APIRouter(tags=["Messages"])
    _sending(routes, reception, clock, max_bytes, hub)
    _looking(routes, store, identify)
    _following(routes, reception, identify)
    _deciding(routes, reception, identify)
    return routes


def _sending(routes: APIRouter, reception: Reception, clock: Clock, max_bytes: int, hub: str) -> None:
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
        },
    )
    async def send_message(request: Request) -> Response:
        """Receives a referral (MsgHead 1.2 with Henvisning 2.0, or Henvisning 1.0 or 1.1) by the same rules as the hub's.

        201 says that it is kept, not that it is good: `state` tells. Sending the same bytes again has no further effect and
        answers 200; the sandbox has received the example messages already. For a new one, change `MsgId`.
        """
        delivery = Delivery(await _xml(request, max_bytes), clock.now(), hub)
        received = await run_in_threadpool(reception.receive, delivery)
        status = {"new": 201, "duplicate": 200, "conflict": 409}[received.outcome]
        return _json(shown(received.message), status, {"Location": f"/messages/{received.message.id}"})

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
        data = await _xml(request, max_bytes)
        try:
            done = await run_in_threadpool(reception.translate, data, pathway, _zoned(received))
        except Problem as unreadable:
            if unreadable.kind in (Kind.INTERNAL, Kind.TRANSIENT):
                raise
            raise Refused(422, *unreadable.findings) from unreadable
        bundle = msgspec.Raw(done.bundle) if done.bundle is not None else None
        return _json({"bundle": bundle, "apprec": done.apprec.decode("utf-8"), "explanation": done.explanation})


def _looking(routes: APIRouter, store: Store, identify: Identify) -> None:
    def find(caller: Caller, query: MessageQuery) -> list[Message]:
        with store.read() as unit:
            return unit.messages(caller.tenants, query)

    def one(caller: Caller, id: str) -> tuple[Message, bytes | None]:
        with store.read() as unit:
            message = unit.message(id) if ID.fullmatch(id) else None
            if message is None or message.tenant not in caller.tenants:
                _no_message()
            return message, unit.message_xml(id)

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
        since: Annotated[datetime | None, Query(description="Received at this time or later; without a zone, Norwegian.")] = None,
        limit: Annotated[int, Query(ge=1, description=f"Messages on a page; more than {MOST} is {MOST}.")] = 50,
        after: Annotated[str, Query(description="Where the page before ended; taken from `next`.", max_length=200)] = "",
    ) -> Response:
        """Received messages, newest first, with their state, the reason for it, and what to do."""
        most = min(limit, MOST)
        asked = {"msgId": msg_id, "sender": sender, "receiver": receiver, "type": type, "state": state.value if state else ""}
        for name, value in asked.items():
            if any(ord(character) < 32 for character in value):
                raise problem(Kind.INVALID, "Holds a control character.", "Inneholder et kontrolltegn.", where=f"http.{name}")
        query = MessageQuery(msg_id, sender, receiver, type, asked["state"], _zoned(since), _cursor(after), most + 1)
        found = await run_in_threadpool(find, identify(request.headers), query)
        following = None
        if len(found) > most:
            last = found[most - 1]
            kept = {name: value for name, value in asked.items() if value}
            kept |= {"since": query.since.isoformat()} if query.since else {}
            following = "/messages?" + urlencode({**kept, "limit": most, "after": f"{last.received.isoformat()}~{last.id}"})
        return _json({"items": [shown(message) for message in found[:most]], "next": following})

    @routes.get(
        "/messages/{id}",
        summary="Look at one message",
        response_class=Response,
        responses={200: d.message("The message."), 404: d.NO_MESSAGE},
    )
    async def read_message(request: Request, id: MessageId) -> Response:
        """State, the reason for it, what to do, and everything found in the message."""
        message, _ = await run_in_threadpool(one, identify(request.headers), id)
        return _json(shown(message))

    @routes.get(
        "/messages/{id}/xml",
        summary="The message as it came",
        response_class=Response,
        responses={200: d.answered("The bytes that were received.", "<MsgHead>…</MsgHead>", "application/xml"), 404: d.NO_MESSAGE},
    )
    async def read_xml(request: Request, id: MessageId) -> Response:
        """The very bytes that were received. 404 where they were too dangerous or too large to keep."""
        _, xml = await run_in_threadpool(one, identify(request.headers), id)
        if not xml:
            _none("No document is kept of this message.", "Det er ikke tatt vare på noe dokument for meldingen.")
        return Response(xml, headers=INERT, media_type="application/xml")


def _following(routes: APIRouter, reception: Reception, identify: Identify) -> None:
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
        found = await run_in_threadpool(reception.apprec, identify(request.headers).tenants, _known(id))
        if found is None:
            _none("No receipt has been made for this message.", "Det er ikke laget kvittering for meldingen.")
        body, media = found
        return Response(body, headers=INERT, media_type=media)

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
        body = await run_in_threadpool(reception.bundle, identify(request.headers).tenants, _known(id))
        if body is None:
            _none("This message was not translated: its state says why.", "Meldingen er ikke oversatt: tilstanden sier hvorfor.")
        return Response(body, media_type=d.FHIR_JSON)

    @routes.get(
        "/messages/{id}/explanation",
        summary="Where every value came from",
        response_class=Response,
        responses={200: {**d.answered("The explanation.", d.EXPLAINED), "model": d.Explanation}, 404: d.NO_MESSAGE},
    )
    async def read_explanation(request: Request, id: MessageId) -> Response:
        """For every element its nodes in the message, with line; for every node what became of it, and why."""
        return _json(await run_in_threadpool(reception.explanation, identify(request.headers).tenants, _known(id)))


def _deciding(routes: APIRouter, reception: Reception, identify: Identify) -> None:
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
            message = await run_in_threadpool(verb, identify(request.headers).tenants, _known(id))
        except Problem as refusal:
            if refusal.kind is Kind.BUSINESS_RULE:
                raise Refused(409, *refusal.findings) from refusal
            raise
        return _json(shown(message), 202)


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


def shown(message: Message) -> dict[str, Any]:
    """A message as JSON has it: the names of the contract, times in UTC."""
    return {
        "id": message.id,
        "msgId": message.msg_id,
        "documentId": message.document_id,
        "sender": message.sender,
        "receiver": message.receiver,
        "type": message.type,
        "received": message.received,
        "state": message.state.value,
        "reason": message.reason,
        "action": message.action,
        "issues": msgspec.Raw(message.issues) if message.issues else operation_outcome([]),
    }


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def _known(id: str) -> str:
    if not ID.fullmatch(id):
        _no_message()
    return id


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


def _zoned(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=OSLO)).astimezone(UTC)


def _no_message() -> NoReturn:
    raise Problem(d.NO_MESSAGE_FOUND)


def _none(en: str, nb: str) -> NoReturn:
    raise problem(Kind.NOT_FOUND, en, nb)
