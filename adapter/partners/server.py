"""A partner's FHIR server over HTTP: `FhirServer` in the words of the R4 REST interface (https://hl7.org/fhir/R4/http.html).

    server = HttpFhirServer("kommune", "https://fhir.kommune.example/r4", auth=None)
    there = server.create(bundle)                     # once, however often it is sent
    server.change(there, {**there.body, "status": "cancelled"})

Everything goes to `base_url` or below it, or nowhere; no address holds more of a resource than its type, its id there, and a
uuid. What servers do differently is read into one form by `adapter.partners.habits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import unquote, urlencode

import httpx
import msgspec
import structlog

from adapter.domain.problem import Kind, Problem, problem
from adapter.http_client import client
from adapter.partners import habits
from adapter.partners.wire import MAX_BYTES, Answer, Wire, says
from adapter.ports import Refusal, Remote
from adapter.r4 import json
from adapter.security.acting import acting

log = structlog.get_logger(__name__)

MOST_PAGES: Final = 10_000  # of one search: a server that always has a next page is not followed for ever
NOT_THERE: Final = frozenset({Kind.NOT_FOUND, Kind.NOT_ALLOWED})
URI: Final = "urn:ietf:rfc:3986"
URN: Final = "urn:uuid:"
EARLY: Final = datetime.min.replace(tzinfo=UTC)
_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WHOLE: Final = {"prefer": "return=representation"}


class _Request(msgspec.Struct):
    url: str
    ifNoneExist: str


class _Entry(msgspec.Struct):
    resource: msgspec.Raw
    request: _Request


class _Bundle(msgspec.Struct):
    entry: tuple[_Entry]


_BUNDLE: Final = msgspec.json.Decoder(_Bundle)  # our own bytes: nothing in them needs the strict reader


class HttpFhirServer:
    """One partner. `auth` lays tokens on; `timeout` bounds each step of a call and `deadline` a whole answer, in seconds.

    Refusals are of kind NOT_FOUND, STALE and AMBIGUOUS as the port says; MISADDRESSED where the server sends us elsewhere; CONFLICT
    where it answers with another resource than was asked for; UNSUPPORTED where it has no versions; else as the status says.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 30.0,
        deadline: float = 60.0,
    ) -> None:
        self.name, self.base_url = name, base_url.rstrip("/")
        self._client = client(base_url, timeout=timeout, auth=auth, transport=transport, max_bytes=MAX_BYTES)
        self._wire = Wire(name, self._client, deadline)
        self._rung = 0  # of `habits.searches`: the first that this server takes
        self._pages_by_link = False  # whether it has ever given a next page
        self._last_page: dict[str, tuple[str, str, Any]] = {}  # by the organisation that asks: address, ETag, body

    def mode(self) -> Literal["push", "wait"]:
        """As its CapabilityStatement says; a Refusal where it has none, and the configuration has to say it."""
        try:
            statement = self._wire.call("GET", f"{self.base_url}/metadata").body
        except Refusal as fault:
            if fault.kind not in NOT_THERE:
                raise
            statement = None
        if habits.capability(statement, "Task") is None:
            raise self._wire.refusal(
                Kind.NOT_FOUND,
                f"Partner {self.name} has no CapabilityStatement at /metadata, so nobody knows whether Tasks can be created "
                f'there. Ask whoever runs it, and set mode = "push" or "wait" of the [[partner]].',
                f"Partneren {self.name} har ikke noe CapabilityStatement på /metadata, så ingen vet om oppgaver kan opprettes "
                f'der. Spør dem som driver den, og sett mode = "push" eller "wait" for [[partner]].',
            )
        return habits.mode(statement)

    def create(self, bundle: bytes) -> Remote:
        """The one entry, created or found. A server without transactions gets it as a conditional create by itself."""
        [entry] = _BUNDLE.decode(bundle).entry
        type, condition = entry.request.url, entry.request.ifNoneExist
        try:
            answer = self._wire.call("POST", self.base_url, content=bundle, headers=_WHOLE)
        except Refusal as fault:
            if fault.kind in NOT_THERE:
                return self._create_alone(type, condition, bytes(entry.resource))
            if says(fault.outcome, "not-supported"):
                return self._create_named(type, condition, json.parse(bytes(entry.resource)))
            raise self._not_created(fault) from None
        for status, response, resource in habits.answered(answer.body):
            if not 200 <= status < 300:
                outcome = response.get("outcome") or resource
                raise self._not_created(self._wire.failed(status, json.encode(outcome) if outcome else b""))
            return self._made(type, condition, resource, response.get("etag"), response.get("location"))
        return self._found(type, condition)

    def find(self, type: str, system: str, value: str) -> list[Remote]:
        """By a uuid; other identifiers may be a person's number, and are never put in an address."""
        if system != URI or not _UUID.fullmatch(value):
            raise problem(Kind.INTERNAL, "Only uuids are searched for at partners.", "Bare uuid-er søkes etter hos partnere.")
        found: list[Remote] = []
        for bundle, rows in self._pages(f"{self.base_url}/{type}?{urlencode({'identifier': f'{system}|{value}'})}", type):
            if habits.unable(bundle):
                return self._named(type, system, value)
            ours = [row for row in rows if habits.has_identifier(row, system, value)]
            found += map(habits.remote, ours)
            if len(ours) < len(rows) and habits.has_next(bundle):  # it ignores the parameter, and would give us all it has
                raise self._wire.foreign(f"other {type} resources, page after page", f"andre {type}-ressurser, side etter side")
        return found

    def read(self, type: str, id: str) -> Remote:
        """The newest version, held against what was asked for."""
        return self._version(self._wire.call("GET", self._address(type, id)), type, id)

    def change(self, remote: Remote, body: Mapping[str, Any]) -> Remote:
        """PUT with If-Match, exactly as the ETag came. Without an ETag nothing is put: somebody's change could be lost."""
        if not remote.etag:
            raise self._wire.refusal(
                Kind.UNSUPPORTED,
                f"Partner {self.name} gives its resources neither ETag nor meta.versionId, so a change could undo another's. "
                f"Ask whoever runs it to turn versions on.",
                f"Partneren {self.name} gir verken ETag eller meta.versionId, så en endring kunne ha visket ut en annens. "
                f"Be dem som driver den, slå på versjoner.",
                rule="https://hl7.org/fhir/R4/http.html#concurrency",
            )
        sent = json.encode(habits.to_put(body, remote.id))
        try:
            address = self._address(remote.type, remote.id)
            answer = self._wire.call("PUT", address, headers=_WHOLE | {"if-match": remote.etag}, content=sent)
        except Refusal as fault:
            if fault.kind not in (Kind.CONFLICT, Kind.STALE):  # two writers at once are 409 at HAPI, 412 by the standard
                raise
            raise self._wire.refusal(
                Kind.STALE,
                f"Another has changed the {remote.type} at partner {self.name} since it was read.",
                f"En annen har endret {remote.type} hos partneren {self.name} siden den ble lest.",
                outcome=fault.outcome,
                rule="https://hl7.org/fhir/R4/http.html#concurrency",
            ) from None
        etag = habits.sane(answer.headers.get("etag"))
        if habits.is_resource(answer.body, remote.type):
            return self._version(answer, remote.type, remote.id)
        return Remote(remote.type, remote.id, etag) if etag else self.read(remote.type, remote.id)

    def changed(self, since: datetime | None) -> Iterator[Remote]:
        """By search, simpler where the server does not know our parameters; by moments where it has no next page.

        Pages in order are told as they come. What a server does not sort is gathered first, and is all that it gives: the slow
        comparison of everything that is shared finds the rest.
        """
        seen: set[tuple[str, str]] = set()
        start = since
        while True:
            last: datetime | None = None
            unsorted: list[Remote] = []
            fresh, finished, full = 0, True, False
            for bundle, rows in self._search(start):
                new = [
                    r for r in map(habits.remote, (row for row in rows if habits.wanted(row, since))) if (r.id, r.etag) not in seen
                ]
                seen.update((r.id, r.etag) for r in new)
                fresh += len(new)
                moments = [habits.updated(row) for row in rows]
                if unsorted or not habits.in_order([last, *moments] if last else moments):
                    unsorted += new
                else:
                    yield from new
                last = moments[-1] if moments else last
                full = len(rows) >= habits.COUNT
                finished = self._pages_by_link or habits.complete(bundle, len(rows))
            yield from sorted(unsorted, key=lambda r: habits.updated(r.body) or EARLY)
            if finished or unsorted or last is None or not (fresh or full):
                return
            start = last if fresh else last + timedelta(milliseconds=1)  # a page full of one moment

    @property
    def left_out(self) -> list[str]:
        """The parameters of the last search for changes that this server did not take."""
        ladder = habits.searches(EARLY)
        taken = {name for name, _ in ladder[self._rung]}
        return [name for name, _ in ladder[0] if name not in taken]

    def notify(self, address: str, body: bytes) -> None:
        """Post a notification to the address of the configuration."""
        self._wire.call("POST", address, content=body)

    def close(self) -> None:
        self._client.close()

    def _address(self, type: str, id: str) -> str:
        if not habits.ID.fullmatch(id):
            raise self._wire.foreign("an id that is none", "en id som ikke er noen id")
        return f"{self.base_url}/{type}/{id}"

    def _create_alone(self, type: str, condition: str, resource: bytes) -> Remote:
        """A conditional create, after a look: a server that ignores If-None-Exist (asymmetrik) must not get a second."""
        if (there := self._there(type, condition)) is not None:
            return there
        try:
            answer = self._wire.call(
                "POST", f"{self.base_url}/{type}", headers=_WHOLE | {"if-none-exist": condition}, content=resource
            )
        except Refusal as fault:
            raise self._not_created(fault) from None
        return self._made(type, condition, answer.body, answer.headers.get("etag"), answer.headers.get("location"))

    def _create_named(self, type: str, condition: str, resource: Mapping[str, Any]) -> Remote:
        """Under the identifier's UUID as id, at a server that cannot look for the identifier (SEKMET, of a CareTeam)."""
        system, value = _identifier(condition)
        if there := self._named(type, system, value):
            return there[0]
        id = value.removeprefix(URN)
        sent = json.encode(habits.to_put(resource, id))
        answer = self._wire.call("PUT", self._address(type, id), headers=_WHOLE | {"if-none-match": "*"}, content=sent)
        return self._made(type, condition, answer.body, answer.headers.get("etag"), answer.headers.get("location"))

    def _named(self, type: str, system: str, value: str) -> list[Remote]:
        """The one that has the identifier's UUID as its id."""
        try:
            there = self.read(type, value.removeprefix(URN))
        except Refusal as fault:
            if fault.kind is not Kind.NOT_FOUND:
                raise
            return []
        return [there] if habits.has_identifier(there.body, system, value) else []

    def _made(self, type: str, condition: str, resource: Any, etag: object, location: object) -> Remote:
        """What was created or was there already, from what the answer has of it; read where it has only a location."""
        if habits.is_resource(resource, type):
            made = habits.remote(resource, etag)
        elif id := habits.place(location, type):
            try:
                made = self.read(type, id)
            except Refusal as fault:
                raise self._lost() if fault.kind is Kind.NOT_FOUND else fault from None
        else:
            return self._found(type, condition)
        if not habits.has_identifier(made.body, *_identifier(condition)):
            raise self._wire.foreign(f"another {type} than the one it was sent", f"en annen {type} enn den som ble sendt")
        return made

    def _found(self, type: str, condition: str) -> Remote:
        there = self._there(type, condition)
        if there is None:
            raise self._lost()
        return there

    def _there(self, type: str, condition: str) -> Remote | None:
        found = self.find(type, *_identifier(condition))
        if len(found) > 1:
            raise self._several()
        return found[0] if found else None

    def _search(self, since: datetime | None) -> Iterator[tuple[Any, list[Mapping[str, Any]]]]:
        ladder = habits.searches(since)
        for rung in range(min(self._rung, len(ladder) - 1), len(ladder)):
            pages = self._pages(f"{self.base_url}/Task?{urlencode(ladder[rung])}", "Task")
            try:
                first = next(pages)
            except Refusal as fault:
                if fault.kind is not Kind.INVALID or rung == len(ladder) - 1:
                    raise
                continue
            if rung != self._rung:
                log.warning("partner.simpler_search", partner=self.name, parameters=[name for name, _ in ladder[rung]])
            self._rung = rung
            yield first
            yield from pages
            return

    def _pages(self, url: str, type: str) -> Iterator[tuple[Any, list[Mapping[str, Any]]]]:
        """Each page and its matches. The first is asked for conditionally where it is the one asked for last."""
        address, etag, bundle = self._last_page.get(acting(), ("", "", None))
        known = url == address
        answer = self._wire.call("GET", url, headers={"if-none-match": etag} if known else {})
        if answer.status != httpx.codes.NOT_MODIFIED:
            bundle = answer.body
            if tag := habits.sane(answer.headers.get("etag")):
                self._last_page[acting()] = (url, tag, bundle)
        for _ in range(MOST_PAGES):
            rows = habits.entries(bundle, type)
            if rows is None:
                raise self._wire.unread("no searchset", "ikke noe søkeresultat")
            following = habits.following(bundle, self.base_url, url)
            self._pages_by_link = self._pages_by_link or bool(following)
            yield bundle, rows
            if not following:
                return
            url = following
            bundle = self._wire.call("GET", url).body

    def _version(self, answer: Answer, type: str, id: str) -> Remote:
        if not habits.is_resource(answer.body, type):
            raise self._wire.unread(f"no {type}", f"ikke noen {type}")
        if answer.body["id"] != id:
            raise self._wire.foreign(f"another {type} than was asked for", f"en annen {type} enn den det ble spurt om")
        return habits.remote(answer.body, answer.headers.get("etag"))

    def _not_created(self, fault: Problem) -> Problem:
        """What a refusal of a conditional create means: 412 that several match, 409 that another was at it, so try again."""
        if isinstance(fault, Refusal) and fault.kind is Kind.STALE:
            return self._several(fault.outcome)
        if isinstance(fault, Refusal) and fault.kind is Kind.CONFLICT:
            return self._wire.failed(httpx.codes.SERVICE_UNAVAILABLE, fault.outcome)
        return fault

    def _several(self, outcome: bytes = b"") -> Refusal:
        return self._wire.refusal(
            Kind.AMBIGUOUS,
            f"Partner {self.name} has several resources with the identifier of this one. Ask whoever runs it which counts, "
            f"and to end the others.",
            f"Partneren {self.name} har flere ressurser med identifikatoren til denne. Spør dem som driver den, hvilken som "
            f"gjelder, og be dem avslutte de andre.",
            outcome=outcome,
        )

    def _lost(self) -> Problem:
        return self._wire.unread("that all is well, and nothing is there", "at alt er vel, og ingenting er der")


def _identifier(condition: str) -> tuple[str, str]:
    """System and value of `identifier=system|value`.

    >>> _identifier("identifier=urn:ietf:rfc:3986|urn:uuid:1")
    ('urn:ietf:rfc:3986', 'urn:uuid:1')
    """
    system, _, value = unquote(condition).removeprefix("identifier=").partition("|")
    return system, value
