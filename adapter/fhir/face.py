"""What every interaction of /fhir works with, and what it answers: https://hl7.org/fhir/R4/http.html#summary.

An interaction is a function (face, asked, …) -> Answer, in a file named for it. Routes give it a request, a Bundle an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from functools import cached_property
from typing import Any, Final

import msgspec
from starlette.responses import Response

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import FHIR_JSON, Refused, log_refusal
from adapter.fhir.bundles import etag
from adapter.fhir.limits import Limits, Turns
from adapter.fhir.negotiation import FHIR_XML, PLAIN, Wish
from adapter.fhir.search import criteria, query_of
from adapter.ports import Clock, Query, Store, Stored
from adapter.r4 import json, xml
from adapter.r4.outcome import operation_outcome, status
from adapter.security.caller import Caller
from adapter.security.trail import Trail
from adapter.security.visit import Visit
from adapter.usecases.writing import Rules

USUAL: Final = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Accept-Encoding, Authorization, DPoP, X-Stafett-Organisation",
}


Smart = Callable[[], dict[str, Any]]
"""The document that says how a token is had (https://hl7.org/fhir/smart-app-launch/conformance.html)."""


@dataclass(frozen=True)
class Face:
    """An installation's FHIR interface. `base` is what others see, without a slash at its end; `key` is for page links."""

    clock: Clock
    rules: Rules
    key: bytes
    base: str
    version: str
    open_access: bool
    limits: Limits
    smart: Smart | None = None

    @cached_property
    def turns(self) -> Turns:
        return Turns(self.limits.requests_at_once)

    @cached_property
    def counting(self) -> Turns:
        """Of what reads all of an organisation's pathways: one at once."""
        return Turns(1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, or an entry of a Bundle: who asks for what, and how it is to be answered.

    `pairs` are of the address, or of a form (`private`), which alone may hold a person's number. Header names are lower case.
    """

    visit: Visit
    type: str = ""
    id: str = ""
    pairs: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    wish: Wish = PLAIN
    private: bool = False

    @property
    def caller(self) -> Caller:
        return self.visit.caller

    @property
    def store(self) -> Store:
        """The store as the caller sees it."""
        return self.visit.store

    @property
    def trail(self) -> Trail:
        return self.visit.trail


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interaction answers: a body in JSON, or in `kind`; headers beside the usual ones; `wish` where it found another.

    `stored` is the version that was read, where it was one.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = FHIR_JSON
    wish: Wish | None = None
    stored: Stored | None = None


def of_version(stored: Stored) -> dict[str, str]:
    """The headers that tell of a version (https://hl7.org/fhir/R4/http.html#versions)."""
    return {"ETag": etag(stored), "Last-Modified": format_datetime(stored.updated, usegmt=True)}


def outcome(findings: Sequence[Finding]) -> bytes:
    """An OperationOutcome in JSON."""
    return msgspec.json.encode(operation_outcome(findings))


def respond(answer: Answer, wish: Wish) -> Response:
    """The answer in the format that was asked for; a 204 or 304 has no body. Kept by no shared cache."""
    body, kind = answer.body, answer.kind
    if kind == FHIR_JSON and body:
        if wish.xml:
            body, kind = xml.encode(json.parse(body)), f"{FHIR_XML}; charset=utf-8"
            body = xml.indented(body) if wish.pretty else body
        elif wish.pretty:
            body = msgspec.json.format(body, indent=2)
    said = {"Content-Type": kind} if body else {}
    return Response(body, answer.status, {**USUAL, **said, **answer.headers})


def refusal(error: Problem, wish: Wish) -> Response:
    """An OperationOutcome in the format that was asked for; never cached."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, Refused):
        log_refusal(error.status, error)
        return respond(Answer(error.status, outcome(error.findings), headers | error.headers), wish)
    code = status(error.findings)
    retry = {"Retry-After": str(round(error.retry_after or 5))} if code in (429, 503) else {}
    return respond(Answer(code, outcome(error.findings), headers | retry), wish)


def matching(base: str, type: str, text: str) -> Query:
    """The criteria of a conditional interaction, as they were sent, in the store's words."""
    return query_of(type, criteria(text, type, base=base), base=base)


def not_found() -> Problem:
    """The same for what never was and what is another organisation's."""
    return problem(
        Kind.NOT_FOUND,
        "There is no such resource, or no such version of it: check type and id.",
        "Ressursen eller versjonen finnes ikke: kontroller type og id.",
    )


def invalid(name: str, en: str, nb: str, rule: str = "") -> Problem:
    """A request that cannot be understood, by its parameter or header."""
    return problem(Kind.INVALID, en, nb, where=f"http.{name}" if name else "", rule=rule)


Json = dict[str, Any]
