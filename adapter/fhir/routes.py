"""The FHIR REST interface as routes: https://hl7.org/fhir/R4/http.html.

    app.router.routes[:0] = mount(Face(clock, rules, key, base="https://a.example/fhir", …))

A route turns a request into `Asked`, lets the interaction answer, and gives the answer in the format that was asked for. The
interactions are synchronous, as the store is, and run in the thread pool.

It is long because all routes of /fhir stand in one order, which decides who answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import Scope

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import Refused
from adapter.fhir import compartments, definitions, exporting, history, reading, writing
from adapter.fhir.bundling import carry_out_bundle
from adapter.fhir.capability import capability_statement
from adapter.fhir.compartments import Within
from adapter.fhir.definitions import DEFINED
from adapter.fhir.face import Answer, Asked, Face, invalid, not_found, refusal, respond
from adapter.fhir.limits import bounded
from adapter.fhir.negotiation import PLAIN, require_form, wish
from adapter.fhir.operations import OPERATIONS, Operation
from adapter.fhir.rights import require
from adapter.fhir.search import ID
from adapter.fhir.searching import pairs_of, refuse_person, search
from adapter.fhir.terminology_capability import terminology_capabilities
from adapter.fhir.types import TYPES
from adapter.r4.bundle import NO_DELETE
from adapter.security.visit import visit_of

FORM_BYTES: Final = 64 * 1024
METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")

Interaction = Callable[[Asked, bytes], Answer]


def mount(face: Face) -> list[BaseRoute]:
    """The routes of /fhir."""
    routes = _Routes(face)
    inside = Router(routes.inside(), redirect_slashes=False)  # a redirect would repeat the Host header
    return [Route("/fhir", routes.bundle, methods=["POST"]), Mount("/fhir", inside)]


class _Named(Route):
    """A route whose address names a type or an id; what begins with $ is neither, but an operation's address."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found, inner = super().matches(scope)
        names = inner.get("path_params", {}).values()
        return (Match.NONE, {}) if any(str(name).startswith("$") for name in names) else (found, inner)


class _Routes:
    """Each method is one route: what it takes from the request, and which interaction answers."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.routes: list[Route] = []

    def inside(self) -> list[BaseRoute]:
        """The routes below /fhir; the last answers what none of the others does."""
        self.routes = [
            Route("/", self.bundle, methods=["POST"]),
            Route("/metadata", self.metadata),
            Route("/.well-known/smart-configuration", self.smart),
            *(self.called(operation, type, path, methods) for operation in OPERATIONS for type, path, methods in operation.paths()),
            Route(f"/{exporting.STATUS}/{{id}}", self.export_status, methods=["GET"]),
            Route(f"/{exporting.STATUS}/{{id}}", self.export_cancel, methods=["DELETE"]),
            Route(f"/{exporting.FILE}/{{id}}/{{number}}", self.export_file, methods=["GET"]),
            *(
                route
                for type in DEFINED
                for route in (
                    Route(f"/{type}", self.defined(definitions.search, type), methods=["GET"]),
                    Route(f"/{type}/_search", self.defined(definitions.search, type), methods=["POST"]),
                    Route(f"/{type}/{{id}}", self.defined(definitions.read, type), methods=["GET"]),
                )
            ),
            _Named("/{type}", self.search, methods=["GET"]),
            _Named("/{type}", self.create, methods=["POST"]),
            _Named("/{type}", self.update, methods=["PUT"]),
            _Named("/{type}", self.patch, methods=["PATCH"]),
            _Named("/{type}/_search", self.search_by_form, methods=["POST"]),
            _Named("/{type}/_history", self.history, methods=["GET"]),
            _Named("/{type}/{id}", self.read, methods=["GET"]),
            _Named("/{type}/{id}", self.update, methods=["PUT"]),
            _Named("/{type}/{id}", self.patch, methods=["PATCH"]),
            _Named("/{type}/{id}/_history", self.history, methods=["GET"]),
            _Named("/{type}/{id}/_history/{version}", self.read, methods=["GET"]),
            _Named("/Patient/{patient}/*", self.compartment, methods=["GET"]),
            _Named("/Patient/{patient}/{within}", self.search_within, methods=["GET"]),
            _Named("/Patient/{patient}/{within}/_search", self.search_within, methods=["POST"]),
        ]
        return [*self.routes, Route("/{rest:path}", self.nowhere, methods=list(METHODS))]

    async def metadata(self, request: Request) -> Response:
        """The CapabilityStatement, or the TerminologyCapabilities; open to all."""
        wanted = PLAIN
        try:
            wanted = wish(request.headers, pairs_of(request.url.query))
            face, mode = self.face, request.query_params.get("mode", "full")
            if mode not in ("full", "normative", "terminology"):
                raise invalid("mode", "mode is full or terminology.", "mode er full eller terminology.")
            if mode == "terminology":
                statement = terminology_capabilities(face.base, face.version)
            else:
                statement = capability_statement(face.base, face.version, open_access=face.open_access)
            return respond(Answer(200, msgspec.json.encode(statement), {"Cache-Control": "no-cache"}), wanted)
        except Problem as fault:
            return refusal(fault, wanted)

    async def smart(self, _: Request) -> Response:
        """How a token is had; open to all."""
        if self.face.smart is None:
            return refusal(not_found(), PLAIN)
        document = await run_in_threadpool(self.face.smart)
        return Response(msgspec.json.encode(document), 200, {"Cache-Control": "no-cache"}, "application/json")

    async def read(self, request: Request) -> Response:
        version = request.path_params.get("version", "")
        answer = reading.read_binary if request.path_params["type"] == "Binary" else reading.read

        def interaction(asked: Asked, _: bytes) -> Answer:
            refuse_person(asked.pairs)
            with asked.store.read() as unit:
                return answer(self.face, asked, unit, version)

        return await self._answered(request, "r", interaction, any_format=request.path_params["type"] == "Binary")

    async def history(self, request: Request) -> Response:
        def interaction(asked: Asked, _: bytes) -> Answer:
            refuse_person(asked.pairs)
            with asked.store.read() as unit:
                return history.history(self.face, asked, unit)

        return await self._answered(request, "r" if request.path_params.get("id") else "s", interaction)

    async def search(self, request: Request) -> Response:
        return await self._answered(request, "s", self._found)

    async def search_by_form(self, request: Request) -> Response:
        """POST _search: as search, and the only way for a person's number."""
        return await self._answered(request, "s", self._found_by_form, self._form)

    async def compartment(self, request: Request) -> Response:
        patient = request.path_params["patient"]
        return await self._answered(request, "", lambda asked, _: compartments.whole(self.face, asked, patient))

    async def search_within(self, request: Request) -> Response:
        """A search in a patient's compartment, by GET or by a form."""
        try:
            part = compartments.within(request.path_params["within"], request.path_params["patient"])
        except Problem as fault:
            return refusal(fault, PLAIN)
        find, take = (self._found_by_form, self._form) if request.method == "POST" else (self._found, None)
        return await self._answered(
            request, "s", lambda asked, data: find(asked, data, part), take, of=request.path_params["within"]
        )

    async def create(self, request: Request) -> Response:
        return await self._answered(request, "c", lambda asked, data: writing.create(self.face, asked, data), self._body)

    async def update(self, request: Request) -> Response:
        return await self._answered(request, "u", lambda asked, data: writing.update(self.face, asked, data), self._body)

    async def patch(self, request: Request) -> Response:
        return await self._answered(request, "u", lambda asked, data: writing.patch(self.face, asked, data), self._body)

    async def bundle(self, request: Request) -> Response:
        return await self._answered(request, "", lambda asked, data: carry_out_bundle(self.face, asked, data), self._body)

    def called(self, operation: Operation, type: str, path: str, methods: Sequence[str]) -> Route:
        route = Route(path, self.operation(operation, type), methods=[*methods])
        if operation.begins and route.methods:
            route.methods.discard("HEAD")
        return route

    def operation(self, operation: Operation, type: str) -> Callable[[Request], Awaitable[Response]]:
        """The route of an operation; `type` where its path names one."""

        async def called(request: Request) -> Response:
            if operation.begins and request.state.method == "HEAD":  # is safe (RFC 9110 9.2.1): it asks for nothing to be done
                return refusal(Refused(405, Finding("error", Kind.NOT_ALLOWED, *OTHERWISE), headers={"Allow": "GET, POST"}), PLAIN)
            take = self._body if request.method == "POST" else None
            return await self._answered(
                request, operation.needs, lambda asked, data: operation.run(self.face, asked, data), take, of=type
            )

        return called

    async def export_status(self, request: Request) -> Response:
        return await self._answered(request, "", lambda asked, _: exporting.status(self.face, asked))

    async def export_cancel(self, request: Request) -> Response:
        return await self._answered(request, "", lambda asked, _: exporting.cancel(self.face, asked))

    async def export_file(self, request: Request) -> Response:
        number = request.path_params["number"]
        return await self._answered(request, "", lambda asked, _: exporting.file(self.face, asked, number), any_format=True)

    def defined(self, interaction: Callable[[Face, Asked, bytes], Answer], type: str) -> Callable[[Request], Awaitable[Response]]:
        """The route of an interaction with the definitions of a type; a search by POST has its parameters in a form."""

        async def called(request: Request) -> Response:
            def answer(asked: Asked, data: bytes) -> Answer:
                refuse_person(asked.pairs)
                if request.method != "POST":
                    return interaction(self.face, asked, data)
                pairs = [*asked.pairs, *pairs_of(data.decode("utf-8", "replace"))]
                wanted = wish(request.headers, pairs)
                found = interaction(self.face, replace(asked, pairs=pairs, wish=wanted, private=True), b"")
                return replace(found, wish=wanted)

            return await self._answered(request, "", answer, self._form if request.method == "POST" else None, of=type)

        return called

    async def nowhere(self, request: Request) -> Response:
        """What no route answers: another method than the address has, or no address of ours."""
        wanted = PLAIN
        try:
            wanted = wish(request.headers, pairs_of(request.url.query))
            scopes = {method: {**request.scope, "method": method} for method in (*METHODS, "HEAD")}
            allowed = {m for m, scope in scopes.items() if any(r.matches(scope)[0] is Match.FULL for r in self.routes)}
            if not allowed:
                raise not_found()
            texts = NO_DELETE if request.method == "DELETE" else OTHERWISE
            raise Refused(405, Finding("error", Kind.NOT_ALLOWED, *texts), headers={"Allow": ", ".join(sorted(allowed))})
        except Problem as fault:
            return refusal(fault, wanted)

    def _found_by_form(self, asked: Asked, data: bytes, within: Within | None = None) -> Answer:
        refuse_person(asked.pairs)
        pairs = [*asked.pairs, *pairs_of(data.decode("utf-8", "replace"))]
        wanted = wish(asked.headers, pairs)
        return replace(self._found(replace(asked, pairs=pairs, wish=wanted, private=True), b"", within), wish=wanted)

    def _found(self, asked: Asked, _: bytes, within: Within | None = None) -> Answer:
        face, private = self.face, asked.private
        with asked.store.read() as unit:
            body = search(
                unit,
                asked.visit,
                asked.type,
                asked.pairs,
                base=face.base,
                key=face.key,
                strict=asked.wish.strict,
                private=private,
                now=face.clock.now(),
                within=within,
            )
        return Answer(200, body)

    async def _answered(
        self,
        request: Request,
        needs: str,
        interaction: Interaction,
        take: Callable[[Request], Awaitable[bytes]] | None = None,
        *,
        any_format: bool = False,
        of: str = "",
    ) -> Response:
        """What the interaction answers to the request, or why it does not.

        `needs` are the letters of the scopes that it takes; `take` reads the body, where one is looked at; `of` is the type, where
        the route itself says it.
        """
        wanted = PLAIN
        try:
            pairs = pairs_of(request.url.query)
            wanted = PLAIN if any_format else wish(request.headers, pairs)
            type, id = _named(request, of)
            visit = visit_of(request)
            if type:
                visit.trail.asked(type, id)
            require(visit.caller, type, needs)
            asked = Asked(visit, type, id, pairs, request.headers, wanted)
            with self.face.turns.taken(visit.caller.tenant):
                data = await take(request) if take else b""
                return await run_in_threadpool(_response, interaction, asked, data)
        except Problem as fault:
            return refusal(fault, wanted)

    async def _body(self, request: Request) -> bytes:
        return await bounded(request, self.face.limits)

    async def _form(self, request: Request) -> bytes:
        require_form(request.headers)
        return await bounded(request, self.face.limits, FORM_BYTES)


def _response(interaction: Interaction, asked: Asked, data: bytes) -> Response:
    """The interaction and its answer's format together, out of the way of others: a page of XML takes a while to write."""
    answer = interaction(asked, data)
    return respond(answer, answer.wish or asked.wish)


OTHERWISE: Final = (
    "This method is not offered here: the header Allow names those that are.",
    "Metoden tilbys ikke her: headeren Allow sier hvilke som gjør det.",
)


DEFINITION: Final = Finding(
    "error",
    Kind.NOT_ALLOWED,
    "Definitions come with the program and are not changed here.",
    "Definisjoner følger med programmet og endres ikke her.",
)


def _named(request: Request, of: str) -> tuple[str, str]:
    """Type and id of the address, where it has them. NOT_FOUND for what cannot be one of ours."""
    type, id = of or request.path_params.get("type", ""), request.path_params.get("id", "")
    if type in DEFINED and not of:
        raise not_found() if request.method in ("GET", "HEAD") else Refused(405, DEFINITION, headers={"Allow": "GET, HEAD"})
    if type == "_history" and not of:
        raise problem(
            Kind.NOT_FOUND,
            "The history of the whole service is not offered: ask for that of a type or of a resource, as in /fhir/Task/_history.",
            "Historikken til hele tjenesten tilbys ikke: spør om den til en type eller en ressurs, som i /fhir/Task/_history.",
        )
    if type and not of and type not in TYPES:
        raise problem(
            Kind.NOT_FOUND,
            "No such resource type is offered: see /fhir/metadata for those that are.",
            "Denne ressurstypen tilbys ikke: se /fhir/metadata for dem som gjør det.",
        )
    if id and not ID.fullmatch(id):
        raise not_found()
    return type, id
