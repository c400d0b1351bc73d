"""Logging in and out: what a browser is sent to, comes back to, and posts.

Whatever goes wrong with a login is one and the same page; why is in the log, as one word or two that say nothing of the person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from starlette.types import Scope

from adapter.console.frame import page
from adapter.console.html import Html, tag
from adapter.domain.problem import Kind, problem
from adapter.security.login import SECONDS, Login, NotLoggedIn
from adapter.security.sessions import Sessions, cookie_of, from_our_form, here

AT_ONCE: Final = 4  # calls to the issuer: when it is slow, pages and messages must still find a thread
log = structlog.get_logger()


def router(login: Login, sessions: Sessions, *, public_base: str, prefix: str) -> APIRouter:
    """The routes. They need nobody to be logged in, and look at the session by themselves."""
    routes, public, limiter = APIRouter(include_in_schema=False), public_base.rstrip("/"), CapacityLimiter(AT_ONCE)

    @routes.get("/login", response_class=Response)
    async def begin(back: str = "/") -> Response:
        try:
            address, cookie = await to_thread.run_sync(login.begin, back, limiter=limiter)
        except NotLoggedIn as fault:
            return _failed(prefix, fault, 503)
        return _on(address, sessions.set(sessions.login_cookie, cookie, SECONDS))

    @routes.get("/login/callback", response_class=Response)
    async def finish(request: Request) -> Response:
        given, kept = request.query_params.multi_items(), cookie_of(request.headers, sessions.login_cookie)
        gone = sessions.set(sessions.login_cookie, "", 0)  # a login is finished once
        try:
            claims, back = await to_thread.run_sync(login.finish, kept, _once(given), limiter=limiter)
        except NotLoggedIn as fault:
            return _failed(prefix, fault, 400, gone)
        if not sessions.may_enter(claims):
            return _unknown(prefix, claims["sub"], login.end_address(), gone)
        id = await to_thread.run_sync(sessions.begin, claims, request.headers)
        log.info("logged in")
        return _on(public + back, sessions.set(sessions.cookie, id), gone)

    @routes.post("/logout", response_class=Response)
    async def end(request: Request, everywhere: bool = False) -> Response:
        found = await to_thread.run_sync(sessions.find, request.headers)
        if found:
            await from_our_form(found, request.scope, request.receive)
            await to_thread.run_sync(lambda: sessions.end(found, everywhere=everywhere))
            log.info("logged out", everywhere=everywhere)
        return _out(prefix, login.end_address(), sessions.set(sessions.cookie, "", 0))

    @routes.get("/login/token", response_class=Response)
    async def token() -> Response:
        """For the script of /docs, behind the door: what other sites' scripts ask for they are not let see."""
        found = here()
        if found is None:  # a program
            raise problem(Kind.NOT_FOUND, "Nobody is logged in at a browser.", "Ingen er logget inn i en nettleser.")
        return Response(found.token, media_type="text/plain", headers={"Cache-Control": "no-store"})

    return routes


def to_login(scope: Scope, prefix: str) -> Response | None:
    """Where a browser that shows a page to nobody in particular is sent; None for programs, which are told by status.

    What a search at /fhir asks for may be about a person: it is not carried along.
    """
    headers = dict(scope["headers"])
    if scope["method"] not in ("GET", "HEAD") or b"text/html" not in headers.get(b"accept", b""):
        return None
    path, query = scope["path"].removeprefix(prefix), scope["query_string"].decode("ascii", "replace")
    back = f"{path}?{query}" if query and not path.startswith("/fhir") else path
    return Response(status_code=303, headers={"Location": f"{prefix}/login?back={quote(back)}", "Cache-Control": "no-store"})


def _once(given: list[tuple[str, str]]) -> Mapping[str, str]:
    """The parameters; none at all where one is there twice (RFC 6749 3.1)."""
    return dict(given) if max(Counter(name for name, _ in given).values(), default=0) <= 1 else {}


def _on(address: str, *cookies: str) -> Response:
    response = Response(status_code=303, headers={"Location": address, "Cache-Control": "no-store"})
    return _with(response, *cookies)


def _with(response: Response, *cookies: str) -> Response:
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
    return response


def _failed(prefix: str, fault: NotLoggedIn, status: int, *cookies: str) -> Response:
    log.warning("login failed", why=fault.why)
    told = page(
        prefix,
        "Not logged in",
        tag("h1", "You are not logged in"),
        tag("p", "The login came to nothing. Try again; if it goes on, tell the operator of this service when it happened."),
        tag("p", "Innloggingen lyktes ikke. Prøv igjen; fortsetter det, si fra til driften når det skjedde.", lang="nb"),
        tag("p", tag("a", "Log in", href=f"{prefix}/login")),
        status=status,
    )
    return _with(told, *cookies)


def _unknown(prefix: str, subject: str, elsewhere: str, *cookies: str) -> Response:
    """Who is known to the issuer and not to us. They are shown their own subject, since whoever lets them in needs it."""
    log.warning("login failed", why="nobody we know")
    told = page(
        prefix,
        "No access",
        tag("h1", "You may not use this service"),
        tag("p", "You are logged in, but nobody has let you in here. Give your subject to the operator of this service:"),
        tag("p", "Du er innlogget, men ingen har gitt deg tilgang her. Gi din subject til driften av tjenesten:", lang="nb"),
        tag("p", tag("code", subject)),
        _end_there(elsewhere),
        status=403,
    )
    return _with(told, *cookies)


def _out(prefix: str, elsewhere: str, *cookies: str) -> Response:
    told = page(
        prefix,
        "Logged out",
        tag("h1", "You are logged out"),
        tag("p", "Du er logget ut.", lang="nb"),
        _end_there(elsewhere),
        tag("p", tag("a", "Log in again", href=f"{prefix}/login")),
    )
    told.headers["Clear-Site-Data"] = '"cache", "storage"'  # of whoever sits here next
    return _with(told, *cookies)


def _end_there(elsewhere: str) -> Html | None:
    """What lets somebody else log in at the same browser, or nobody."""
    there = tag("a", "End the login at the login service too", href=elsewhere)
    return tag("p", there, "; until then it may let in whoever sits here.") if elsewhere else None
