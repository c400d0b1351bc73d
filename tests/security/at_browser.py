"""A small service to log in at, and a browser for it: cookies are kept, forms are followed, nothing else is known.

The service has a page and a thing to change, behind what every page of ours is behind; what comes through without a session is
asked to log in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urljoin

import httpx
from fastapi import FastAPI, Request, Response
from lxml import html
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.console.frame import button, page
from adapter.console.html import tag
from adapter.console.login_routes import router, to_login
from adapter.domain.problem import Problem
from adapter.failures import handlers, outcome_response
from adapter.ports import Store
from adapter.r4.outcome import http_status
from adapter.security.caller import Caller
from adapter.security.login import Login
from adapter.security.sessions import Sessions, from_our_form, signed_in
from adapter.settings import LoginSettings, Operator

HOSPITAL, MUNICIPALITY = "999977774", "312232324"
HPR_CLAIM = "helseid://claims/hpr/hpr_number"
OPERATORS = (
    Operator(claim=HPR_CLAIM, value="9144900", organisations=(HOSPITAL,)),
    Operator(value="tester", organisations=(MUNICIPALITY, HOSPITAL)),
    Operator(claim="helseid://claims/client/claims/orgnr_parent", value=MUNICIPALITY, organisations=(MUNICIPALITY,)),
)
LOGIN_PATHS = ("/login", "/login/callback", "/logout")


class StillClock:
    """A clock that goes when it is told to; for sessions and, by `seconds`, for logins."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


class Behind:
    """What the door does with a session: admits it, asks for the token of what changes, and lets pages know who it is."""

    def __init__(self, app: ASGIApp, sessions: Sessions, prefix: str) -> None:
        self.app, self.sessions, self.prefix = app, sessions, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in LOGIN_PATHS:
            await self.app(scope, receive, send)
            return
        found = self.sessions.find(Headers(scope=scope))
        if found is None:
            await (to_login(scope, self.prefix) or outcome_response(401))(scope, receive, send)
            return
        try:
            receive = await from_our_form(found, scope, receive)
        except Problem as fault:
            await outcome_response(http_status(fault.kind), *fault.findings)(scope, receive, send)
            return
        with signed_in(found):
            scope.setdefault("state", {})["caller"] = found.caller
            await self.app(scope, receive, send)


def service(sessions: Sessions, login: Login, base: str, seen: list[Caller]) -> ASGIApp:
    """The callers of what was changed are laid in `seen`."""
    made = FastAPI(exception_handlers=handlers())
    made.include_router(router(login, sessions, public_base=base, prefix=""))

    @made.get("/{path:path}", response_class=Response)
    async def shown(path: str) -> Response:
        return page("", "A page", tag("h1", path), button("Change it", "/change"))

    @made.post("/change", response_class=Response)
    async def change(request: Request) -> Response:
        seen.append(cast(Caller, request.scope["state"]["caller"]))
        return Response((await request.body()).decode())

    return Behind(made, sessions, "")


def sessions_of(store: Store, clock: StillClock, settings: LoginSettings, *, secure: bool = False) -> Sessions:
    return Sessions(store, clock, settings, OPERATORS, (HOSPITAL, MUNICIPALITY), secure=secure)


class Browser:
    """Cookies by host, redirects by hand, forms as they stand in the page."""

    def __init__(self, transport: Callable[[str], httpx.BaseTransport | None] = lambda _: None) -> None:
        self.cookies: dict[str, dict[str, str]] = {}
        self.transport = transport
        self.seen: list[httpx.Response] = []

    def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, **sent: Any) -> httpx.Response:
        host = httpx.URL(url).netloc.decode()
        jar = self.cookies.setdefault(host, {})
        said = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        if jar:
            said["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        with httpx.Client(trust_env=False, transport=self.transport(host), timeout=20) as http:
            answer = http.request(method, url, headers={**said, **(headers or {})}, **sent)
        for line in answer.headers.get_list("set-cookie"):
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = pair.partition("=")
            gone = not value or any(
                a.lower() == "max-age=0" or a.lower().startswith("expires=thu, 01 jan 1970") for a in attributes
            )
            jar.pop(name, None) if gone else jar.update({name: value})
        self.seen.append(answer)
        return answer

    def get(self, url: str, stop_at: str = "\0") -> httpx.Response:
        """A page, after all redirects; one to an address with `stop_at` in it is answered, not followed."""
        answer = self.send("GET", url)
        while answer.is_redirect and stop_at not in answer.headers["location"]:
            answer = self.send("GET", urljoin(str(answer.url), answer.headers["location"]))
        return answer

    def submit(self, answer: httpx.Response, stop_at: str = "\0", /, to: str = "", **filled: str) -> httpx.Response:
        """The first form of a page that has all of `filled` and leads there, posted; then all redirects."""
        document = html.fromstring(answer.text)
        forms = (form for form in document.forms if (form.action or "").endswith(to))
        form = next(form for form in forms if filled.keys() <= {field.name for field in form.inputs})
        fields = {field.name: field.value or "" for field in form.inputs if field.name}
        posted = self.send("POST", urljoin(str(answer.url), form.action), data={**fields, **filled})
        if posted.is_redirect and stop_at not in posted.headers["location"]:
            return self.get(urljoin(str(posted.url), posted.headers["location"]), stop_at)
        return posted
