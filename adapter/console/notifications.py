"""POST /partners/{name}/notifications: a partner tells that something of ours has changed there.

An id-only notification of the R5 subscription backport (http://hl7.org/fhir/uv/subscriptions-backport/notifications.html). It is a
hint and nothing more: what it names is read from the partner's own server with our own token, and a name that leads elsewhere is
passed over. So anybody may send one, and nothing comes of a false one but a look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from adapter.domain.problem import Finding, Kind, Problem
from adapter.failures import Refused
from adapter.hub import described as d
from adapter.hub.examples import example
from adapter.partners.hearing import Line
from adapter.r4 import json
from mappings.resources import notice

MOST: Final = 64 * 1024
EXAMPLE: Final = {
    "resourceType": "Bundle",
    "type": "history",
    "entry": [
        {
            "fullUrl": "urn:uuid:5f1cbbd1-5dd3-4cf3-b8b5-0f2a3e4ce9d9",
            "resource": {
                "resourceType": "Parameters",
                "meta": {"profile": [notice.STATUS]},
                "parameter": [
                    {"name": "subscription", "valueReference": {"reference": "Subscription/assignment"}},
                    {"name": "status", "valueCode": "active"},
                    {"name": "type", "valueCode": "event-notification"},
                ],
            },
        }
    ],
}
EXAMPLES: Final = {
    "200-a-notification": example(200, "an event; where it names no assignment there is nothing to read", EXAMPLE),
    "400-no-bundle": example(400, "another resource", {"resourceType": "Task"}),
}
NO_PARTNER: Final = Finding("error", Kind.NOT_FOUND, "There is no such partner.", "Samarbeidsparten finnes ikke.")
NOT_READ: Final = Finding(
    "error",
    Kind.INVALID,
    "This is no notification Bundle: send the subscription's event as JSON.",
    "Dette er ingen varslings-Bundle: send abonnementets hendelse som JSON.",
    rule="http://hl7.org/fhir/uv/subscriptions-backport/notifications.html",
)
TOO_LARGE: Final = Finding("error", Kind.TOO_LARGE, "A notification is at most 64 kB.", "Et varsel er på høyst 64 kB.")

Name = Annotated[
    str,
    Path(
        description="The partner's name in the configuration.",
        openapi_examples={
            "200-a-partner": example(200, "the sandbox's municipality", "municipality"),
            "404-no-such-partner": example(404, "no such partner", "nobody"),
        },
    ),
]


def router(lines: Mapping[str, Line]) -> APIRouter:
    """The route; `lines` by partner's name."""
    routes = APIRouter(tags=["Partners"])

    @routes.post(
        "/partners/{name}/notifications",
        summary="A partner tells of a change",
        response_class=Response,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/fhir+json": {"schema": {"type": "object"}, "examples": EXAMPLES}},
            }
        },
        responses={
            200: d.answered("Heard; how many assignments it names, which were read.", {"read": 0}),
            400: d.failed(NOT_READ),
            404: d.failed(NO_PARTNER),
            413: d.failed(TOO_LARGE),
        },
    )
    async def notify(request: Request, name: Name) -> Response:
        """An id-only event notification (R5 subscription backport). What it names is read at the partner's own server."""
        line = lines.get(name)
        if line is None:
            raise Problem(NO_PARTNER)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST:
                raise Problem(TOO_LARGE)
        ids = _ids(bytes(body), line.server.base_url)
        await run_in_threadpool(line.told, ids)
        return JSONResponse({"read": len(ids)}, headers={"Cache-Control": "no-store"})

    return routes


def _ids(data: bytes, base_url: str) -> list[str]:
    """Ids of the Tasks at the partner's own server that a notification names."""
    try:
        bundle: Any = json.parse(data)
    except Problem:
        raise Refused(400, NOT_READ) from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Refused(400, NOT_READ)
    here = f"{base_url.rstrip('/')}/Task/"
    named = [address.partition("/_history/")[0] for address in notice.addresses(bundle)]
    ids = [address.removeprefix(here if address.startswith(here) else "Task/") for address in named if _is_task(address, here)]
    return [id for id in ids if id and len(id) <= 64 and "/" not in id and "?" not in id]


def _is_task(address: str, here: str) -> bool:
    return address.startswith((here, "Task/"))
