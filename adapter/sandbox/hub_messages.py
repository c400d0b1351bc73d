"""The paths of the simulated hub that are the real one's: `/Messages…` of "MSH API v2"."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapter.sandbox.hub_document import read_envelope
from adapter.sandbox.hub_errors import APPREC_ON_APPREC, Refused, invalid
from adapter.sandbox.hub_mail import STATUS_8258, Held, Mail

LARGEST = 35 * 1024 * 1024  # "The request has a max limit of 35 MB"
ORDER = {"ascending": False, "1": False, "descending": True, "2": True}
UTF8 = re.compile(rb"""(\xef\xbb\xbf)?<\?xml[^>]*encoding=["']utf-8["']""", re.IGNORECASE)

Handler = Callable[[Request], Awaitable[Response]]


def messages(mail: Mail) -> list[Route]:
    """The routes, over this mail."""

    async def unread(request: Request) -> Response:
        query = request.query_params
        receivers = [_int32(v, "ReceiverHerIds") for v in query.getlist("ReceiverHerIds")]
        if not receivers or len(set(receivers)) < len(receivers):
            raise invalid("ReceiverHerIds must be given, each HER-id once")
        count = _int32(query.get("MessagesToFetch", "10"), "MessagesToFetch")
        if not 1 <= count <= 100:
            raise invalid("MessagesToFetch must be between 1 and 100")
        order = query.get("OrderBy", "1").lower()
        if order not in ORDER:
            raise invalid("OrderBy must be Ascending or Descending")
        metadata = query.get("IncludeMetadata", "false").lower()
        if metadata not in {"true", "false"}:
            raise invalid("IncludeMetadata must be true or false")
        msg_id = query.get("BusinessDocumentId")
        if msg_id and len(msg_id) > 100:
            raise invalid("BusinessDocumentId must be at most 100 characters")
        sender = _int32(query["SenderHerId"], "SenderHerId") if "SenderHerId" in query else None
        found = mail.unread(receivers, sender, msg_id)
        if ORDER[order]:
            found.reverse()
        return JSONResponse(
            [{"id": h.id, "receiverHerId": r} | (_metadata(h) if metadata == "true" else {}) for h, r in found[:count]]
        )

    async def send(request: Request) -> Response:
        body = await _json(request)
        absent = [
            f"The {name} field is required."
            for name in ("businessDocument", "contentType", "contentTransferEncoding")
            if not isinstance(body.get(name), str) or not body[name]
        ]
        if absent:
            raise invalid(*absent)
        data = _document(body)
        try:
            envelope = read_envelope(data)
        except ValueError as fault:
            raise invalid(f"The business document cannot be read: {fault}") from fault
        subset = body.get("receiverHerIdsSubset")
        receivers = tuple(r for r in envelope.receivers if not subset or r in subset)
        if not receivers or envelope.sender is None:
            raise invalid("The business document names no sender, or no receiver, with a HER-id")
        return _created(request, mail.send(replace(envelope, receivers=receivers), data).id)

    async def one(request: Request) -> Response:
        held = _held(mail, request)
        first = next(iter(held.envelope.receivers), None)
        return JSONResponse({"id": held.id, "contentType": "application/xml", "receiverHerId": first} | _metadata(held))

    async def document(request: Request) -> Response:
        data = base64.b64encode(_held(mail, request).data).decode()
        return JSONResponse({"businessDocument": data, "contentType": "application/xml", "contentTransferEncoding": "base64"})

    async def status(request: Request) -> Response:
        held = _held(mail, request)
        answers = {r: held.answer_of(r) for r in held.envelope.receivers}
        return JSONResponse(
            [
                {
                    "receiverHerId": receiver,
                    "transportDeliveryState": "Acknowledged" if answer or receiver in held.read else "Unconfirmed",
                    "appRecStatus": answer.status if answer else None,
                }
                for receiver, answer in answers.items()
            ]
        )

    async def apprecs(request: Request) -> Response:
        held = _held(mail, request)
        answers = {r: held.answer_of(r) for r in held.envelope.receivers}
        return JSONResponse(
            [
                {"receiverHerId": r, "appRecStatus": a.status if a else None, "appRecErrorList": a.errors if a else []}
                for r, a in answers.items()
            ]
        )

    async def answer(request: Request) -> Response:
        held = _held(mail, request)
        sender = _receiver(held, request, "appRecSenderHerId", 403)
        body = await _json(request)
        errors = _errors(body.get("appRecErrorList"))
        if held.envelope.is_apprec:
            raise Refused(400, "An application receipt cannot be sent for an application receipt", APPREC_ON_APPREC)
        if body.get("appRecStatus") not in STATUS_8258:
            raise invalid("appRecStatus must be Ok or Rejected; OkErrorInMessagePart is not supported")
        if (body["appRecStatus"] == "Rejected") != bool(errors):
            raise invalid("appRecErrorList must hold an error where the status is Rejected, and none where it is Ok")
        return _created(request, mail.answer(held, sender, body["appRecStatus"], errors).id)

    async def read(request: Request) -> Response:
        held = _held(mail, request)
        receiver = _receiver(held, request, "herId", 404)
        if receiver not in held.read:
            held.read.append(receiver)
        return Response(status_code=204)

    return [
        Route("/Messages", _checked(unread), methods=["GET"]),
        Route("/Messages", _checked(send), methods=["POST"]),
        Route("/Messages/{id}", _checked(one), methods=["GET"]),
        Route("/Messages/{id}/business-document", _checked(document), methods=["GET"]),
        Route("/Messages/{id}/status", _checked(status), methods=["GET"]),
        Route("/Messages/{id}/apprec", _checked(apprecs), methods=["GET"]),
        Route("/Messages/{id}/apprec/{appRecSenderHerId}", _checked(answer), methods=["POST"]),
        Route("/Messages/{id}/read/{herId}", _checked(read), methods=["PUT"]),
    ]


def _checked(handler: Handler) -> Handler:
    """Both headers are required everywhere."""

    async def check(request: Request) -> Response:
        faults = []
        if request.headers.get("api-version") != "2":
            faults.append("The api-version header must be 2")
        if not request.headers.get("nhn-source-system"):
            faults.append("The nhn-source-system header is required")
        if faults:
            raise invalid(*faults)
        return await handler(request)

    return check


async def _json(request: Request) -> dict[str, Any]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not re.fullmatch(r"(application|text)/json|application/\S+\+json", media):
        raise invalid("The body must be JSON")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise invalid("The request is over the limit of 35 MB")
    try:
        return msgspec.json.decode(bytes(body), type=dict[str, Any])
    except msgspec.MsgspecError as fault:
        raise invalid("The body must be a JSON object") from fault


def _document(body: dict[str, Any]) -> bytes:
    if body["contentTransferEncoding"].lower() != "base64":
        raise invalid("contentTransferEncoding must be base64")
    try:
        data = base64.b64decode(body["businessDocument"], validate=True)
    except ValueError as fault:
        raise invalid("businessDocument is not base64") from fault
    if not UTF8.match(data):
        raise invalid("The business document must declare encoding UTF-8 in its first line")
    return data


def _errors(value: Any) -> list[dict[str, Any]]:
    errors = value or []
    if not isinstance(errors, list) or not all(isinstance(e, dict) and e.keys() >= {"errorCode", "details"} for e in errors):
        raise invalid("appRecErrorList must be objects with errorCode and details")
    return [{name: e.get(name) for name in ("errorCode", "details", "description", "oid")} for e in errors]


def _held(mail: Mail, request: Request) -> Held:
    try:
        id = str(UUID(request.path_params["id"]))
    except ValueError as fault:
        raise invalid("id must be a Guid") from fault
    if id not in mail.held:
        raise Refused(404, "Could not find database document")
    return mail.held[id]


def _receiver(held: Held, request: Request, name: str, status: int) -> int:
    her_id = _int32(request.path_params[name], name)
    if her_id < 1:
        raise invalid(f"{name} must be a HER-id")
    if her_id not in held.envelope.receivers:
        raise Refused(status, f"Not authorized for HerId(s): {her_id}" if status == 403 else "Could not find database document")
    return her_id


def _int32(value: str, name: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,10}", value) or not -(2**31) <= int(value) < 2**31:
        raise invalid(f"{name} must be an integer")
    return int(value)


def _metadata(held: Held) -> dict[str, Any]:
    e = held.envelope
    return {
        "senderHerId": e.sender,
        "businessDocumentId": e.msg_id,
        "businessDocumentGenDate": e.gen_date,
        "isAppRec": e.is_apprec,
    }


def _created(request: Request, id: str) -> Response:
    return JSONResponse(id, 201, {"location": f"{request.base_url}Messages/{id}"})
