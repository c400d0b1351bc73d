"""The FHIR REST interface as routes: https://hl7.org/fhir/R4/http.html.

    app.router.routes.append(mount(store, identify, key, base="https://a.example/fhir", version="0.1.0"))

Plain Starlette routes that return stored bytes. The store is synchronous and is called in the thread pool.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from adapter.domain.problem import Kind, problem
from adapter.failures import FHIR_JSON
from adapter.fhir import bundles
from adapter.fhir.capability import capability_statement
from adapter.fhir.links import seal, unseal
from adapter.fhir.negotiation import accepted, require_json, strict, unchanged
from adapter.fhir.search import ID, MOST, USUAL, Pairs, Search, names_person, parse
from adapter.fhir.types import TYPES
from adapter.ports import Store, Stored
from adapter.security.caller import Caller, Identify

PARAMETERS: Final = 100  # in one search
FORM_BYTES: Final = 64 * 1024
PRIVATE: Final = 100  # resources that a search by a person's number gives at most
PAGE: Final = "_page"


def mount(store: Store, identify: Identify, key: bytes, *, base: str, version: str, open_access: bool = True) -> Mount:
    """The routes under /fhir. `key` signs page links; `base` is the FHIR base that others see, without a slash at its end."""
    face = _Face(store, identify, key, base, version, open_access)
    routes = [
        Route("/metadata", face.metadata),
        Route("/{type}", face.search),
        Route("/{type}/_search", face.search_by_form, methods=["POST"]),
        Route("/{type}/{id}", face.read),
        Route("/{type}/{id}/_history", face.history),
        Route("/{type}/{id}/_history/{version}", face.vread),
    ]
    return Mount("/fhir", Router(routes, redirect_slashes=False))  # a redirect would repeat the Host header


@dataclass(frozen=True)
class _Face:
    """The interactions. Each method is one page of R4's http.html."""

    store: Store
    identify: Identify
    key: bytes
    base: str
    version: str
    open_access: bool

    async def metadata(self, request: Request) -> Response:
        """The CapabilityStatement; open to all."""
        require_json(request.headers, request.query_params.getlist("_format"))
        if request.query_params.get("mode", "full") not in ("full", "normative"):
            raise _invalid("mode", "Only mode=full is offered: leave it out.", "Bare mode=full tilbys: utelat den.")
        statement = capability_statement(self.base, self.version, open_access=self.open_access)
        return _answer(request, msgspec.json.encode(statement), {"Cache-Control": "no-cache"})

    async def read(self, request: Request) -> Response:
        """The newest version of a resource; 304 where the caller has it."""
        return await self._one(request, None)

    async def vread(self, request: Request) -> Response:
        """One version of a resource."""
        version = request.path_params["version"]
        if not re.fullmatch(r"[1-9][0-9]{0,8}", version):
            raise _not_found()
        return await self._one(request, int(version))

    async def search(self, request: Request) -> Response:
        """Search by the parameters of the address; none may hold a person's number."""
        type, pairs = _type(request), _pairs(request.url.query)
        _refuse_person(pairs)
        require_json(request.headers, [value for name, value in pairs if name == "_format"])
        caller = self.identify(request.headers)
        pages = [value for name, value in pairs if name == PAGE]
        if not pages:
            search = parse(type, pairs, base=self.base, strict=strict(request.headers))
            return await self._found(request, caller, search, type)
        page = self._page(caller, pages[0], "search", type)
        search = parse(type, [(name, value) for name, value in page["kept"]], base=self.base)
        after = (datetime.fromisoformat(page["after"][0]), page["after"][1])
        query = search.query and replace(search.query, after=after)
        return await self._found(request, caller, replace(search, query=query), type, pages[0])

    async def search_by_form(self, request: Request) -> Response:
        """POST _search: as search, and the only way for a person's number."""
        type, address = _type(request), _pairs(request.url.query)
        _refuse_person(address)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            en = "A search is posted as application/x-www-form-urlencoded: set Content-Type."
            nb = "Et søk sendes som application/x-www-form-urlencoded: sett Content-Type."
            raise problem(Kind.UNSUPPORTED, en, nb, where="http.Content-Type")
        pairs = [*address, *_pairs(await _form(request))]
        require_json(request.headers, [value for name, value in pairs if name == "_format"])
        caller = self.identify(request.headers)
        search = parse(type, pairs, base=self.base, strict=strict(request.headers))
        return await self._found(request, caller, search, type)

    async def history(self, request: Request) -> Response:
        """All versions of a resource, newest first, in pages."""
        type, id, pairs = _type(request), _id(request), _pairs(request.url.query)
        _refuse_person(pairs)
        given = dict(pairs)
        require_json(request.headers, [given["_format"]] if "_format" in given else [])
        caller = self.identify(request.headers)
        if strict(request.headers) and (unknown := set(given) - {"_count", "_format", "_pretty", PAGE}):
            name = re.sub(r"[^A-Za-z0-9_]", "?", min(unknown))[:64]
            raise _invalid(name, "History takes _count only: leave it out.", "Historikk tar bare _count: utelat den.")
        kept = {name: value for name, value in given.items() if name in ("_count", PAGE)}
        if not re.fullmatch(r"[0-9]{1,18}", kept.get("_count", "0")):
            raise _invalid("_count", f"_count is a number from 0 to {MOST}.", f"_count er et tall fra 0 til {MOST}.")
        return _answer(request, await run_in_threadpool(self._history, caller, type, id, kept), {})

    async def _one(self, request: Request, version: int | None) -> Response:
        type, id = _type(request), _id(request)
        _refuse_person(_pairs(request.url.query))
        caller = self.identify(request.headers)
        stored = await run_in_threadpool(self._read, caller, type, id, version)
        if stored is None:
            raise _not_found()
        headers = {"ETag": bundles.etag(stored), "Last-Modified": format_datetime(stored.updated, usegmt=True)}
        if type == "Binary" and (raw := _raw(request, stored)) is not None:
            return raw
        require_json(request.headers, request.query_params.getlist("_format"))
        if unchanged(request.headers, stored):
            return Response(b"", 304, headers)
        return _answer(request, stored.body, headers)

    def _read(self, caller: Caller, type: str, id: str, version: int | None) -> Stored | None:
        with self.store.read() as unit:
            return unit.read(caller.tenant, type, id, version)

    def _history(self, caller: Caller, type: str, id: str, kept: dict[str, str]) -> bytes:
        count = min(int(kept.get("_count", USUAL)), MOST)
        before = self._page(caller, kept[PAGE], f"history/{id}", type)["before"] if PAGE in kept else None
        with self.store.read() as unit:
            newest = unit.read(caller.tenant, type, id)
            if newest is None:
                raise _not_found()
            versions = unit.history(caller.tenant, type, id, before, count + 1) if count else []
        here = f"{self.base}/{type}/{id}/_history"
        links = [("self", _address(here, kept))]
        if len(versions) > count > 0:
            versions = versions[:count]
            content = {"of": f"history/{id}", "type": type, "before": versions[-1].version}
            token = seal(self.key, caller.tenant, content)
            links.append(("next", _address(here, {PAGE: token, "_count": count})))
        return bundles.history(self.base, versions, newest.version, links)

    async def _found(self, request: Request, caller: Caller, search: Search, type: str, page: str = "") -> Response:
        body = await run_in_threadpool(self._search, caller, search, type, page)
        return _answer(request, body, {})

    def _search(self, caller: Caller, search: Search, type: str, page: str) -> bytes:
        """One page; a search by a person's number goes on by the ids that it found, since a link holds no such number."""
        count, query = search.count, search.query
        found: list[Stored] = []
        total: int | None = 0
        if query is not None:
            with self.store.read() as unit:
                if count:
                    found = unit.search(caller.tenant, replace(query, limit=PRIVATE if search.private else count + 1))
                whole = count and len(found) <= count and query.after is None
                total = len(found) if whole else None if page else unit.count(caller.tenant, query)
        here = f"{self.base}/{type}"
        shown = [(name, value) for name, value in search.kept if not names_person(value)]
        links = [("self", _address(here, {PAGE: page} if page else shown))]
        if len(found) > count > 0:
            kept = [("_id", ",".join(one.id for one in found)), ("_count", str(count))] if search.private else search.kept
            found = found[:count]
            after = [found[-1].updated.isoformat(), found[-1].id]
            token = seal(self.key, caller.tenant, {"of": "search", "type": type, "kept": kept, "after": after})
            links.append(("next", _address(here, {PAGE: token})))
        return bundles.searchset(self.base, found, total, links)

    def _page(self, caller: Caller, token: str, of: str, type: str) -> dict[str, Any]:
        content = unseal(self.key, caller.tenant, token)
        if (content["of"], content["type"]) != (of, type):
            raise _invalid(PAGE, "This page link is of another search.", "Denne sidelenken hører til et annet søk.")
        return content


def _type(request: Request) -> str:
    type: str = request.path_params["type"]
    if type not in TYPES:
        raise problem(
            Kind.NOT_FOUND,
            "No such resource type is offered: see /fhir/metadata for those that are.",
            "Denne ressurstypen tilbys ikke: se /fhir/metadata for dem som gjør det.",
        )
    return type


def _id(request: Request) -> str:
    id: str = request.path_params["id"]
    if not ID.fullmatch(id):
        raise _not_found()
    return id


def _address(path: str, parameters: Mapping[str, object] | Pairs) -> str:
    encoded = urlencode(parameters)
    return f"{path}?{encoded}" if encoded else path


def _pairs(encoded: str) -> Pairs:
    try:
        return parse_qsl(encoded, max_num_fields=PARAMETERS)
    except ValueError:
        raise _invalid(
            "", f"More than {PARAMETERS} parameters: send fewer.", f"Flere enn {PARAMETERS} parametere: send færre."
        ) from None


async def _form(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise problem(Kind.TOO_LARGE, "The search is too long: send less.", "Søket er for langt: send mindre.")
    return body.decode("utf-8", "replace")


def _refuse_person(pairs: Pairs) -> None:
    """A national number in an address ends up in logs and histories on the way: HL7 Norway has it posted."""
    for name, value in pairs:
        if names_person(value):
            raise problem(
                Kind.INVALID,
                "A national identity number may not stand in an address: send the search by POST [type]/_search.",
                "Et fødselsnummer eller annet personnummer kan ikke stå i en adresse: send søket med POST [type]/_search.",
                where=f"http.{name}" if name in TYPES["Task"] else "http.identifier",
                rule="HL7 Norway best practice: FNR and DNR, GET versus POST",
            )


def _raw(request: Request, stored: Stored) -> Response | None:
    """The content of a Binary itself, where Accept names its very type (https://hl7.org/fhir/R4/binary.html#rest)."""
    kinds = [kind for kind in accepted(request.headers) if kind]
    binary = msgspec.json.decode(stored.body)
    kind = str(binary.get("contentType", ""))
    if kind.partition(";")[0].strip().lower() not in kinds or not re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?[\w.=-]+)*", kind, re.ASCII):
        return None
    headers = {"Content-Disposition": "attachment", "Content-Security-Policy": "sandbox; default-src 'none'"}
    return _answer(request, b64decode(binary.get("data", "")), {"ETag": bundles.etag(stored), **headers}, kind)


def _answer(request: Request, body: bytes, headers: dict[str, str], kind: str = FHIR_JSON) -> Response:
    """Bytes as they are; a HEAD gets their length alone. Kept by no shared cache."""
    said = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, X-Stafett-Organisation", **headers}
    said |= {"Content-Type": kind, "Content-Length": str(len(body))}
    return Response(b"" if request.method == "HEAD" else body, headers=said)


def _not_found() -> Exception:
    """The same for what never was and what is another organisation's."""
    return problem(
        Kind.NOT_FOUND,
        "There is no such resource, or no such version of it: check type and id.",
        "Ressursen eller versjonen finnes ikke: kontroller type og id.",
    )


def _invalid(name: str, en: str, nb: str) -> Exception:
    return problem(Kind.INVALID, en, nb, where=f"http.{name}" if name else "")
