"""What holds for every request: its id, its headers, whom it may come from, and that nothing of the inside leaks out.

Refused before anything else looks at it: a request for another host's name (a web page that has its own name point here,
where there is no token to ask for), one that a page of another site makes the browser send, and an address beyond measure.
An exception that nobody expected is answered and logged here, so that no server prints it with what it carries.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.correlation import caused_by
from adapter.domain.problem import Finding, Kind
from adapter.door import template
from adapter.failures import outcome_response, unexpected
from adapter.security.sessions import SAFE

REQUEST_ID: Final = re.compile(r"(?!(.*[._-])?\d{6}[._-]?\d{5}([._-]|$))[A-Za-z0-9._-]{1,64}")
"""No national number by itself or as a part: it is logged, kept with what comes of the request, and told to others."""
METHODS: Final = SAFE | {"POST", "PUT", "PATCH", "DELETE"}  # a caller may invent others, and logs and figures would hold them
HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")  # RFC 9110 7.2
LONGEST: Final = 8 * 1024  # of an address's query
HEADER_BYTES: Final = 32 * 1024  # of all headers: a token and a proof of 8 kB each, and as much again
PROXIED: Final = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip")
"""What a proxy adds: where nobody is asked who they are, one in front would let in whomever it lets in."""
UNGUARDED: Final = ("/health/", "/metrics")  # asked for by address, by what watches over the service
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # of old browsers, which know no frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",  # what says nothing else of itself: on a shared machine nothing stays behind
}
"""What every answer has, unless it says otherwise of itself (OWASP Secure Headers; ASVS 5.0 chapter 3.4)."""
HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")  # RFC 6797
IDS: Final = (b"x-request-id", b"nhn-event-id")
RAW: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
log = structlog.get_logger()

Observe = Callable[[str, str, int, float], None]
"""Told of every request: method, route template, status, seconds."""


class Guard:
    """The outermost layer of the service. `hosts` are the names that it answers to; None for any.

    `origins` are other sites whose pages may call it. `secure` says that it is reached over https, and never otherwise.
    """

    def __init__(
        self,
        app: ASGIApp,
        observe: Observe,
        hosts: frozenset[str] | None,
        origins: frozenset[str] = frozenset(),
        secure: bool = False,
    ) -> None:
        self.app = app
        self.observe = observe
        self.hosts = hosts
        self.origins = origins
        self.always = [*RAW, HSTS] if secure else RAW

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, headers = time.perf_counter(), {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
        given = {name: value for name in IDS if name in headers and REQUEST_ID.fullmatch(value := headers[name])}
        request_id = given.get(IDS[0]) or given.get(IDS[1]) or str(uuid4())
        scope.setdefault("state", {}).update(request_id=request_id, method=scope["method"])
        own = [*self.always, *((name, value.encode()) for name, value in {IDS[0]: request_id, **given}.items())]
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = {name for name, _ in message["headers"]}
                message = {**message, "headers": [*message["headers"], *(pair for pair in own if pair[0] not in said)]}
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        refusal = self._refusal(scope, headers)
        method = scope["method"] if scope["method"] in METHODS else "other"
        asked = {**scope, "method": "GET"} if method == "HEAD" else scope  # wherever GET is offered, so is HEAD (RFC 9110 9.1)
        with caused_by(request_id, "request_id"):
            try:
                await (refusal or self.app)(asked, receive, send_on)
            except Exception as error:
                if status:  # it has begun to answer; all that can be done is to break off
                    log.error("answer broken off", error=type(error).__name__)
                    raise BrokenOff from None
                await unexpected(Request(scope), error)(scope, receive, send_on)
            finally:
                route, seconds = template(asked), time.perf_counter() - began
                self.observe(method, route, status, seconds)
                log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))

    def _refusal(self, scope: Scope, headers: Mapping[bytes, str]) -> Callable[[Scope, Receive, Send], Awaitable[None]] | None:
        if len(scope["query_string"]) > LONGEST:
            en, nb = "The address is too long: use POST _search.", "Adressen er for lang: bruk POST _search."
            return outcome_response(414, Finding("error", Kind.TOO_LARGE, en, nb))
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            en = f"The headers are longer than {HEADER_BYTES >> 10} kB together: send less."
            nb = f"Headerne er til sammen lengre enn {HEADER_BYTES >> 10} kB: send mindre."
            return outcome_response(431, Finding("error", Kind.TOO_LARGE, en, nb, rule="RFC 6585 5"))
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:  # whose word would count (RFC 9112 3.2)
            en, nb = "The request names two hosts: send one Host header.", "Forespørselen har to verter: send ett Host-felt."
            return outcome_response(400, Finding("error", Kind.INVALID, en, nb, "http.Host"))
        if scope["path"].startswith(UNGUARDED):
            return None
        if self.hosts is not None and _name(headers.get(b"host", "")) not in self.hosts:
            en = "This service does not go by that name: use the address in public_base."
            nb = "Tjenesten har ikke dette navnet: bruk adressen i public_base."
            return outcome_response(400, Finding("error", Kind.INVALID, en, nb, "http.Host"))
        if self.hosts is not None and any(name in headers for name in PROXIED):
            en = 'There is a proxy in front, and nobody is asked who they are: set auth = "helseid", or ask the service itself.'
            nb = 'Det er en proxy foran, og ingen blir spurt hvem de er: sett auth = "helseid", eller spør tjenesten direkte.'
            return outcome_response(400, Finding("error", Kind.INVALID, en, nb, "http.Forwarded"))
        if scope["method"] not in SAFE and headers.get(b"origin") not in self.origins and _from_another_site(headers):
            en = "A page of another site asked for this: send it from here, or from a program."
            nb = "En side på et annet nettsted ba om dette: send det herfra, eller fra et program."
            return outcome_response(403, Finding("error", Kind.BUSINESS_RULE, en, nb, "http.Origin"))
        return None


class BrokenOff(Exception):
    """An answer that could not be completed."""


def _from_another_site(headers: Mapping[bytes, str]) -> bool:
    """Browsers say where a request comes from; programs say nothing."""
    if site := headers.get(b"sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc != headers.get(b"host")


@lru_cache(100)
def _name(host: str) -> str:
    """The host of a Host header, without its port; empty where it is none (`a:80, b`, `b@a`)."""
    found = HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""
