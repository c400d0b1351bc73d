"""The one way in: who asks is found out before anything else is looked at; what they were given is written down before they get it.

    app = Door(app, admit, store, clock, journal)

Closed unless said otherwise: an address is open to all only where `OPEN` names it. To all others a request comes in with its
`Visit`, and its answer leaves when the record of it, and the proof that let it in, are safely stored. A proof that was spent before
turns the answer into a refusal (RFC 9449 11.1); a write never happens with one, since it spends the proof in its own unit.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.domain.problem import Problem
from adapter.failures import refusal_response
from adapter.ports import NOBODY, Clock, Store, Unit
from adapter.security.admission import KeysNeeded, Proof
from adapter.security.admitting import Admit, Admitted, Denied
from adapter.security.journal import Journal
from adapter.security.sessions import SAFE, Sessions, SignedIn, from_our_form, signed_in
from adapter.security.trail import Trail
from adapter.security.visit import Visit, let_in

OPEN: Final = re.compile(
    r"/health/(live|ready)|/metrics|/fhir/metadata|/fhir/\.well-known/smart-configuration|/openapi\.json|/docs"
    r"|/package\.tgz(?:\.sha256)?|/profiles(?:/[\w.-]+)?"
    r"|/console/assets/[\w.-]+|/login|/login/callback|/logout|/partners/[^/]+/notifications"
)
"""What tells nothing of any patient: figures, what is offered, our definitions, the console's own files, the way to a login, and
the hint that something is to be read elsewhere (`adapter.console.notifications` says why anybody may give it). A logout looks for
itself."""

IN_UNITS: Final = "/fhir"  # where writes go through the visit's own store, which spends the proof with them
STRANGERS: Final = 60  # refused requests of nobody known that are written down in a minute: more would fill the disk for them
T = TypeVar("T")


@dataclass(slots=True)
class Witnessed:
    """The store as a visitor sees it. What is written by it says in the same unit who did it, and spends the proof of that."""

    store: Store
    trail: Trail
    admitted: Admitted
    audited: bool = True
    proof: Proof | None = field(init=False)  # until it is spent
    quick: bool = field(init=False)

    def __post_init__(self) -> None:
        self.proof, self.quick = self.admitted.proof, self.store.quick

    def run(self, job: Callable[[Unit], T]) -> T:
        def witnessed(unit: Unit) -> T:
            self._begin(unit)
            return job(unit)

        done = self.store.run(witnessed)
        self.proof = None
        return done

    @contextmanager
    def _write(self) -> Any:
        with self.store.write() as unit:
            self._begin(unit)
            yield unit
        self.proof = None

    def write(self) -> AbstractContextManager[Unit]:
        return self._write()

    def _begin(self, unit: Unit) -> None:
        if self.proof and not unit.spend(self.proof.jti, self.proof.until):
            raise self.spent()
        if self.audited:
            for record in self.trail.records():
                unit.await_audit(record)

    def spent(self) -> Problem:
        """What is said of a proof that was used before."""
        assert self.admitted.spent  # noqa: S101 - tells the type checker: there is no proof without it
        return self.admitted.spent()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@dataclass
class Door:
    """`journal` None: nothing is written down, which only an installation without authentication may choose.

    `sessions` are of people at a browser; `welcome` says where one of them who is not logged in is sent.
    """

    app: ASGIApp
    admit: Admit
    store: Store
    clock: Clock
    journal: Journal | None = None
    sessions: Sessions | None = None
    welcome: Callable[[Scope], Response | None] = lambda _: None
    _strangers: deque[float] = field(default_factory=lambda: deque(maxlen=STRANGERS))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or OPEN.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        trail = Trail(str(uuid4()), scope["method"], self.clock.now(), state.get("request_id", ""))
        try:
            headers = Headers(scope=scope)
            person = await self._logged_in(headers)
            if person:
                trail.caller = person.caller
                receive = await from_our_form(person, scope, receive)
            admitted = Admitted(person.caller) if person else await self._admitted(scope, headers)
        except (Problem, Denied) as refused:
            refusal = refused.refusal if isinstance(refused, Denied) else refused
            trail.caller = refused.caller if isinstance(refused, Denied) else trail.caller
            response = refusal_response(refusal)
            trail.at(scope["path"])
            await self._turned_away(response.status_code, trail)
            await (self.welcome(scope) or response)(scope, receive, send)
            return
        caller = trail.caller = admitted.caller
        seen = self.store.seen_by(caller.tenants, caller.blocked_as) if caller.blocked_as else self.store
        witnessed = Witnessed(seen, trail, admitted, audited=self.journal is not None)
        let_in(scope, Visit(caller, witnessed, trail))
        with signed_in(person):
            await self._attend(scope, receive, send, witnessed)

    async def _logged_in(self, headers: Headers) -> SignedIn | None:
        """Who sits at the browser that this is from. A token goes before a cookie, which browsers send unasked."""
        if self.sessions is None or "cookie" not in headers or "authorization" in headers:
            return None
        return await run_in_threadpool(self.sessions.find, headers)

    async def _admitted(self, scope: Scope, headers: Headers) -> Admitted:
        """Who it is: worked out at once, but where the issuer must be asked for its keys, which nobody else waits for."""
        path = scope.get("raw_path", b"").decode("ascii", "replace")
        method = scope["state"].get("method", scope["method"])  # HEAD is answered as GET, and its proof says HEAD
        try:
            return self.admit(method, path, headers, wait=False)
        except KeysNeeded:
            return await run_in_threadpool(partial(self.admit, method, path, headers))

    async def _attend(self, scope: Scope, receive: Receive, send: Send, witnessed: Witnessed) -> None:
        """Let the request be answered, and the answer go once it is written down."""
        gone = replaced = False

        async def send_on(message: Message) -> None:
            nonlocal gone, replaced
            if message["type"] == "http.response.start":
                instead = await self._written_down(scope, witnessed, message["status"])
                gone = True
                if instead is not None:
                    replaced = True
                    await refusal_response(instead)(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            if witnessed.proof and scope["method"] not in SAFE and not scope["path"].startswith(IN_UNITS):
                await self._spend(witnessed)
            await self.app(scope, receive, send_on)
        except Problem as refusal:
            if gone:
                raise
            response = refusal_response(refusal)
            await self._written_down(scope, witnessed, response.status_code)
            await response(scope, receive, send)
        except Exception:
            if not gone:
                await self._written_down(scope, witnessed, 500)
            raise

    async def _written_down(self, scope: Scope, witnessed: Witnessed, status: int) -> Problem | None:
        """Keep the record of an answer with this status. What is to be answered instead, where it may not leave."""
        proof, trail = witnessed.proof, witnessed.trail
        trail.route = template(scope)
        try:
            if self.journal is None:
                return None
            if missing := trail.missing():
                await run_in_threadpool(self._tell_withheld, trail, missing)
            records, spent = trail.records(status), [(proof.jti, proof.until)] if proof else []
            instead = trail.refused(401) if proof else []
            fresh = await asyncio.wrap_future(self.journal.keep(records, spent, instead))
        except Problem as fault:
            return fault
        return None if all(fresh) else witnessed.spent()

    def _tell_withheld(self, trail: Trail, missing: Sequence[tuple[str, str]]) -> None:
        """What was asked for and not given may be there: then its patient is to see that somebody tried. Looked for in any case,
        so that the two take as long.
        """
        tenant = trail.caller.tenant if trail.caller else NOBODY
        for type, id in missing:
            found = self.store.newest(tenant, type, id)
            trail.withheld(found.patient if found else "")

    async def _spend(self, witnessed: Witnessed) -> None:
        """Use up the proof before anything is done: what follows does not go through the visit's own store."""
        proof = witnessed.proof
        if proof and self.journal:
            (fresh,) = await asyncio.wrap_future(self.journal.keep([], [(proof.jti, proof.until)]))
            if not fresh:
                raise witnessed.spent()
            witnessed.proof = None

    async def _turned_away(self, status: int, trail: Trail) -> None:
        """Write down that somebody was refused; strangers so many times a minute, as the request log has all of them."""
        now = time.monotonic()
        many = len(self._strangers) == STRANGERS and now - self._strangers[0] < 60
        if self.journal is None or (many and trail.caller is None):
            return
        if trail.caller is None:
            self._strangers.append(now)
        with suppress(Problem):  # nothing was given away
            await asyncio.wrap_future(self.journal.keep(trail.records(status)))


def template(scope: Scope) -> str:
    """The route's template, which holds no id; what matches no route is one thing."""
    route: Any = scope.get("route")
    path = getattr(route, "path", None)
    inside = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
    return f"{inside}{path}" if path is not None else "none"
