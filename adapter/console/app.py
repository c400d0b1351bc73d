"""The whole HTTP service: messages, FHIR, pages, health and figures behind one guard.

    uvicorn.run(app(store=store, reception=reception, admit=by_header(numbers), …), access_log=False)

Its own log names routes, never addresses; leave the server's access log off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from adapter.console import (
    definition_routes,
    delivery_routes,
    docs,
    health,
    login_routes,
    notifications,
    openapi,
    pages,
    pathway_routes,
    subscription_routes,
)
from adapter.console.compression import Compression
from adapter.console.figures import Figures
from adapter.console.middleware import Guard
from adapter.door import Door
from adapter.failures import handlers
from adapter.fhir.face import Face, Smart
from adapter.fhir.limits import Limits
from adapter.fhir.quick import QuickReads
from adapter.fhir.routes import mount
from adapter.hub import http
from adapter.hub.reception import Reception
from adapter.partners.hearing import Line
from adapter.ports import NOBODY, Clock, Store
from adapter.security.admitting import Admit
from adapter.security.journal import Journal
from adapter.security.login import Login
from adapter.security.sessions import Sessions
from adapter.usecases.writing import Rules

SMALL: Final = 4096  # bytes below which an answer is not compressed: it leaves in the first few packets as it is
NO_TELEMETRY: Final[Any] = {"tracing": False, "metrics": False, "logs": False}  # the figures are at /metrics
CORS: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "HEAD", "POST", "PUT", "PATCH"],
    "allow_headers": [
        *("Authorization", "DPoP", "X-Stafett-Organisation", "X-Stafett-Purpose", "Prefer", "X-Request-Id", "nhn-event-id"),
        *("If-Match", "If-Modified-Since", "If-None-Exist", "If-None-Match"),
    ],
    "expose_headers": [
        "Content-Location",
        "ETag",
        "Last-Modified",
        "Location",
        "Retry-After",
        "WWW-Authenticate",
        "X-Request-Id",
        "nhn-event-id",
    ],
}
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
DESCRIPTION: Final = """
Norwegian patient pathways in mental health care and substance-use treatment, handed over without dropping the baton:
referrals come in over the national message hub, become FHIR R4, and are answered with application receipts (AppRec).

**Try it**: open *POST /translate*, choose an example, and execute: you see the FHIR Bundle, the receipt, and where every
value came from. *POST /messages* keeps the message, as the hub would have it; its id is in the header `Location`.
*POST /fhir/{type}/$validate* says all that is wrong with a FHIR resource, *POST /fhir/{type}* keeps one.

The name of an example starts with the status that answers it; one that asks you to put in an id ends with it.
Every error is an OperationOutcome, in English and Norwegian.
"""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def app(
    *,
    store: Store,
    reception: Reception,
    admit: Admit,
    journal: Journal | None = None,
    smart: Smart | None = None,
    login: tuple[Login, Sessions] | None = None,
    clock: Clock,
    key: bytes,
    organisations: Sequence[str],
    public_base: str,
    max_bytes: int,
    rules: Rules,
    limits: Limits,
    lines: Mapping[str, Line] = MappingProxyType({}),
    cors_origins: Sequence[str] = (),
    hub: str = "http",
    open_access: bool = True,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Put the service together.

    `key` signs page links (any secret of the installation); `organisations` are the configured numbers; `public_base` is the
    address that others reach the service under, without /fhir; `hub` is the channel that messages sent over HTTP are said to
    come from. `admit` says who a request is from, and `journal` writes down what they were given; `login` lets people in at a
    browser. `lines` are those to partners, by name. `rules` are what clients' writes to /fhir go by, `limits` what they may
    ask; pages of `cors_origins` may call the service. With `open_access` (no tokens, loopback only) the service answers to its
    own host names alone.
    """
    public = public_base.rstrip("/")
    address = urlsplit(public)
    figures = Figures(store, (*organisations, NOBODY), clock, tuple(lines))
    hosts = frozenset({address.hostname or "", *LOOPBACK}) if open_access else None
    release = version("stafett")
    face = Face(clock, rules, key, f"{public}/fhir", release, open_access, limits, smart)
    at_a_browser: dict[str, Any] = (
        {"sessions": login[1], "welcome": partial(login_routes.to_login, prefix=address.path)} if login else {}
    )
    service = FastAPI(
        title="Stafett",
        version=release,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": address.path}] if address.path else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host header
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
        exception_handlers=handlers(),
        middleware=[
            Middleware(
                Guard,
                observe=figures.observe,
                hosts=hosts,
                origins=frozenset(cors_origins),
                secure=address.scheme == "https",
            ),
            *([Middleware(CORSMiddleware, allow_origins=cors_origins, **CORS)] if cors_origins else []),
            Middleware(Door, admit=admit, store=store, clock=clock, journal=journal, **at_a_browser),
            Middleware(QuickReads, small=SMALL),
            Middleware(Compression, small=SMALL),
        ],
    )
    messages = http.router(reception, clock, max_bytes=max_bytes, hub=hub, prefix=address.path)
    service.include_router(messages)
    pathways = rules.pathways if rules else None  # no rules where the document alone is made
    sharing = rules.sharing if rules else None
    service.include_router(pathway_routes.router(clock, pathways, sharing, prefix=address.path))
    service.include_router(delivery_routes.router(clock, sharing, prefix=address.path))
    follow = rules.follow if rules else None
    service.include_router(subscription_routes.router(clock, follow, base=f"{public}/fhir", prefix=address.path))
    service.include_router(notifications.router(lines))
    service.include_router(health.router(store, organisations, figures))
    service.include_router(definition_routes.router(address.path))
    service.include_router(docs.router(address.path, logins=login is not None))
    if login:
        service.include_router(login_routes.router(*login, public_base=public, prefix=address.path))
    service.include_router(pages.router(reception, clock, prefix=address.path, open_access=open_access, partners=tuple(lines)))
    service.router.routes[:0] = mount(face)  # looked at first: most requests are for them
    service.openapi = lambda: openapi.complete(service)  # type: ignore[method-assign]
    return service
