"""The simulated hub's own controls, under `/sandbox`: put messages in, look at all, order faults, begin anew.

| Request | What it does |
|---|---|
| `POST /sandbox/messages` | the body is a message's XML, broken ones too; `receiver` (repeatable), `sender`, `msgId`, `genDate`, `isAppRec` in the query replace what the hub says of it, empty for nothing |
| `GET /sandbox/messages` | `{"messages": […]}`, oldest first, with read marks and every AppRec |
| `GET /sandbox/messages/{id}/document` | the XML as it came |
| `POST /sandbox/faults` | one fault or a list of them (`adapter.sandbox.hub_faults.Fault`); `GET` says what is still to come |
| `POST /sandbox/reset` | no messages, no faults |
"""  # noqa: E501 - a table

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapter.sandbox.hub_document import Envelope, read_envelope
from adapter.sandbox.hub_errors import Refused, invalid
from adapter.sandbox.hub_faults import Faults, read_fault
from adapter.sandbox.hub_mail import Mail

LARGEST = 100 * 1024 * 1024  # more than the hub takes, so that too large messages can be tried


def controls(mail: Mail, faults: Faults) -> list[Route]:
    """The routes, over this mail and these faults."""

    async def add(request: Request) -> Response:
        data = await _body(request)
        try:
            envelope = _overridden(_envelope(data), request.query_params)
        except ValueError as fault:
            raise invalid(str(fault)) from fault
        if not envelope.receivers:
            raise invalid("no receiver with a HER-id can be read: give receiver in the query")
        return JSONResponse(mail.add(envelope, data, "loaded").json(), 201)

    async def show(_: Request) -> Response:
        return JSONResponse({"messages": [held.json() for held in mail.held.values()]})

    async def document(request: Request) -> Response:
        held = mail.held.get(request.path_params["id"])
        if held is None:
            raise Refused(404, "no such message")
        headers = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
        return Response(held.data, headers=headers, media_type="text/plain; charset=utf-8")

    async def order(request: Request) -> Response:
        try:
            value = msgspec.json.decode(await _body(request))
            faults.ordered += [read_fault(v) for v in (value if isinstance(value, list) else [value])]
        except (msgspec.MsgspecError, ValueError) as fault:
            raise invalid(str(fault)) from fault
        return _ordered(faults)

    async def ordered(_: Request) -> Response:
        return _ordered(faults)

    async def reset(_: Request) -> Response:
        mail.held.clear()
        faults.ordered.clear()
        return Response(status_code=204)

    return [
        Route("/sandbox/messages", add, methods=["POST"]),
        Route("/sandbox/messages", show, methods=["GET"]),
        Route("/sandbox/messages/{id}/document", document, methods=["GET"]),
        Route("/sandbox/faults", order, methods=["POST"]),
        Route("/sandbox/faults", ordered, methods=["GET"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
    ]


def _ordered(faults: Faults) -> Response:
    return JSONResponse({"faults": [asdict(f) for f in faults.ordered]})


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Refused(413, "over the sandbox's limit of 100 MB")
    return bytes(body)


def _envelope(data: bytes) -> Envelope:
    try:
        return read_envelope(data)
    except ValueError:
        return Envelope()


def _overridden(envelope: Envelope, query: QueryParams) -> Envelope:
    """What the hub says of a message, where a test wants it to say something else than the message does."""
    changes: dict[str, Any] = {}
    if "receiver" in query:
        changes["receivers"] = tuple(int(v) for v in query.getlist("receiver") if v)
    if "sender" in query:
        changes["sender"] = int(query["sender"]) if query["sender"] else None
    if "msgId" in query:
        changes["msg_id"] = query["msgId"] or None
    if "genDate" in query:
        changes["gen_date"] = datetime.fromisoformat(query["genDate"]).isoformat() if query["genDate"] else None
    if "isAppRec" in query:
        changes["is_apprec"] = query["isAppRec"] == "true"
    return replace(envelope, **changes)
