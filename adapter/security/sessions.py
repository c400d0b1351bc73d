"""Who is logged in at a browser: a random id in a cookie, of which the database has the SHA-256 alone.

    id = sessions.begin(claims, headers)          # a new id at each login, whatever the browser had before
    found = sessions.find(headers)                # one quick look; None where nobody is logged in
    receive = await from_our_form(found, scope, receive)     # before anything changes: raises `Problem` (FORBIDDEN)
    with signed_in(found): …                      # pages say who it is, and lay the token in their forms

A session lasts `HOURS`, and `IDLE` without use. What a person may see is worked out anew for each request, from what the issuer
said of them then and what the configuration says now: who is taken out of it is out when the service has started again.

A browser sends cookies along with whatever other sites make it ask for; `SameSite=Lax` keeps most of these away (RFC 6265bis
8.8), the guard those that say where they come from, and every method that changes something takes a token that only our own
pages have: the HMAC of a word by the session's id, which nobody can work out without that, nor the id from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from adapter.domain.problem import Kind, problem
from adapter.ports import NOBODY, Clock, Session, Store
from adapter.security.caller import Caller, Person
from adapter.security.dpop import encoded
from adapter.security.scopes import Access
from adapter.settings import LoginSettings, Operator

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import Message, Receive, Scope

HOURS: Final = timedelta(hours=8)
IDLE: Final = timedelta(minutes=30)
NOTED: Final = timedelta(minutes=1)  # how far behind the last use may be written down: a write for each request is too much
SAFE: Final = {"GET", "HEAD", "OPTIONS"}
TOKEN: Final = "csrf"  # noqa: S105 - the name of the field
HEADER: Final = b"x-stafett-form"  # where a script of ours puts the same, since what it sends is no form
LARGEST_FORM: Final = 4096
OPERATION: Final = "HSYSADMIN"  # v3-PurposeOfUse: to keep a system running, and not to treat anybody
ACCESS: Final = Access(frozenset((("*", "r"), ("*", "s"))), frozenset(("messages", "operate")))
"""Of all who log in at the pages: to look, to operate, and to send messages; what is written to /fhir takes a program's token."""

# HelseID's names (https://utviklerportal.nhn.no), and OpenID Connect's own.
PID: Final = "helseid://claims/identity/pid"
HPR: Final = "helseid://claims/hpr/hpr_number"
NAME: Final = "name"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody at a browser. `token` is what their forms hold; `name` is for the page that they see themselves."""

    caller: Caller
    digest: str
    token: str
    name: str


class Sessions:
    """The sessions of an installation. `secure` says that it is reached over https; over http is loopback alone."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        login: LoginSettings,
        operators: Sequence[Operator],
        organisations: Sequence[str],
        *,
        secure: bool,
    ) -> None:
        self._store, self._clock = store, clock
        self._issuer, self._client = login.issuer, login.client_id
        self._operators, self._organisations = operators, organisations
        self._end = f"; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
        prefix = "__Host-" if secure else ""  # which a browser takes from this very host alone, over https (RFC 6265bis 4.1.3.2)
        self.cookie, self.login_cookie = f"{prefix}stafett", f"{prefix}stafett-login"

    def may_enter(self, claims: Mapping[str, Any]) -> bool:
        """Whether the configuration gives this person anything to see."""
        return bool(self._seen_by(claims))

    def begin(self, claims: Mapping[str, Any], headers: Headers) -> str:
        """Begin a session, and end the browser's earlier one; returns the new id, which is nowhere else."""
        now, id = self._clock.now(), encoded(secrets.token_bytes(32))
        kept = {"sub", "iss", PID, HPR, NAME, *(operator.claim for operator in self._operators)}
        said = msgspec.json.encode({name: claims[name] for name in sorted(kept) if name in claims})
        begun = Session(_digest(id), claims["sub"], now, now, said)
        earlier = self._id(headers)
        with self._store.write() as unit:
            if earlier:
                unit.end_session(_digest(earlier))
            unit.end_old_sessions(now - HOURS, now - IDLE)
            unit.begin_session(begun)
        return id

    def find(self, headers: Headers) -> SignedIn | None:
        """Whose session the request's cookie names, where it lasts and gives something to see."""
        id, now = self._id(headers), self._clock.now()
        if not id:
            return None
        with self._store.read() as unit:
            session = unit.session(_digest(id))
        if session is None or now - session.begun > HOURS or now - session.used > IDLE:
            return None
        claims = msgspec.json.decode(session.claims)
        tenants = self._seen_by(claims)
        if not tenants or claims.get("iss") != self._issuer:
            return None
        if now - session.used > NOTED:
            self._store.run(lambda unit: unit.use_session(session.digest, now))
        person = Person(pid=_text(claims, PID), hpr=_text(claims, HPR), name=_text(claims, NAME))
        caller = Caller(
            tenant=tenants[0],
            tenants=tenants,
            client=self._client,
            numbers=tenants[:1],
            person=person,
            access=ACCESS,
            purpose=OPERATION,
        )
        token = encoded(hmac.digest(id.encode(), TOKEN.encode(), "sha256"))
        return SignedIn(caller, session.digest, token, person.name or session.subject)

    def end(self, found: SignedIn, *, everywhere: bool = False) -> None:
        """End a session, or all of its person's."""
        with self._store.write() as unit:
            session = unit.session(found.digest)
            if everywhere and session:
                unit.end_sessions(session.subject)
            unit.end_session(found.digest)

    def set(self, name: str, value: str, seconds: int | None = None) -> str:
        """A Set-Cookie header's value; without `seconds` it lasts as long as the browser runs."""
        return f"{name}={value}{self._end}" + ("" if seconds is None else f"; Max-Age={seconds}")

    def _id(self, headers: Headers) -> str:
        id = cookie_of(headers, self.cookie)
        return id if _ID.fullmatch(id) else ""

    def _seen_by(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """The organisations that a person may see, as configured; and what came for nobody, for one who sees all of them."""
        given = {number for one in self._operators if _says(claims, one) for number in one.organisations}
        seen = tuple(number for number in self._organisations if number in given)
        return (*seen, NOBODY) if seen and len(seen) == len(self._organisations) else seen


_HERE: ContextVar[SignedIn | None] = ContextVar("signed_in", default=None)


@contextmanager
def signed_in(found: SignedIn | None) -> Iterator[None]:
    """While a request of theirs is answered. (A context, since every page has to know and none of them to remember it.)"""
    before = _HERE.set(found)
    try:
        yield
    finally:
        _HERE.reset(before)


def here() -> SignedIn | None:
    """Who is logged in where the request being answered comes from; None with `auth = "off"`, and for programs."""
    return _HERE.get()


async def from_our_form(found: SignedIn, scope: Scope, receive: Receive) -> Receive:
    """The body once more, when it is a form with the session's token; or the header has it. Methods that change nothing need none.

    Raises `Problem` (FORBIDDEN) otherwise: whatever asked, it was not a page of ours that this person had open.
    """
    if scope["method"] in SAFE:
        return receive
    headers, body = dict(scope["headers"]), b""
    if _same(headers.get(HEADER, b""), found.token):
        return receive
    if headers.get(b"content-type", b"").partition(b";")[0].strip() == b"application/x-www-form-urlencoded":
        while len(body) <= LARGEST_FORM:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
    given = [value for name, value in _fields(body) if name == TOKEN]
    if len(given) != 1 or not _same(given[0].encode(), found.token):
        raise problem(
            Kind.FORBIDDEN,
            "This did not come from a page of ours that you have open: load the page again, and press the button there.",
            "Dette kom ikke fra en side du har åpen her: last siden på nytt, og trykk på knappen der.",
            rule="OWASP ASVS 5.0 3.5.1",
        )
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def cookie_of(headers: Headers, name: str) -> str:
    """A cookie's value; empty where there is none, or several by that name, of which one may be somebody else's."""
    pairs = [pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";")]
    values = [value for found, _, value in pairs if found == name]
    return values[0] if len(values) == 1 else ""


def _fields(body: bytes) -> list[tuple[str, str]]:
    if len(body) > LARGEST_FORM:
        return []
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return []


def _same(given: bytes, token: str) -> bool:
    return hmac.compare_digest(given, token.encode())


def _digest(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()


def _says(claims: Mapping[str, Any], operator: Operator) -> bool:
    said = claims.get(operator.claim)
    return operator.value in (said if isinstance(said, list) else [said])


def _text(claims: Mapping[str, Any], name: str) -> str:
    said = claims.get(name)
    return said if isinstance(said, str) else ""
