"""Requests to every interaction of /fhir: what each is, nearly right, and headers and parameters that spoil it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from adapter.domain.identity import BASE
from adapter.fhir.types import TYPES
from adapter.r4.bundle import PATCH
from tests.fhir.fuzz import bodies, codes
from tests.fhir.fuzz.queries import moments_of, queries
from tests.fhir.fuzz.values import NUMBERS, mostly, texts, values

JSON, XML, FORM = "application/fhir+json", "application/fhir+xml", "application/x-www-form-urlencoded"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """A request below /fhir; `what` names the interaction that it is meant for."""

    what: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


HEADERS: dict[str, list[str]] = {
    "If-Match": ['W/"1"', "1", '"x"', "*", "W/", 'W/"1", W/"2"', f'W/"{"9" * 30}"'],
    "If-None-Match": ['W/"1"', "*", "x", ","],
    "If-Modified-Since": ["Sat, 01 Jan 2028 00:00:00 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "1", "Mon, 1 Jan 99999 0:0:0 +9999"],
    "Prefer": ["return=minimal", "return=OperationOutcome", "return=representation", "handling=strict", "return=x;;", "="],
    "Accept": [XML, XML, "text/csv", "*/*;q=0", f"{JSON};fhirVersion=4.0", f"{JSON};fhirVersion=5.0", ";;,", "text/plain"],
    "Accept-Encoding": ["gzip", "gzip;q=0", "x", "identity;q=0, *;q=0"],
    "Accept-Language": ["nb", "*;q=x"],
    "Content-Encoding": ["gzip", "identity"],
    "Range": ["bytes=0-1"],
    "Origin": ["https://evil.example", "null"],
    "Sec-Fetch-Site": ["cross-site", "same-origin"],
    "X-HTTP-Method-Override": ["DELETE"],
    "X-Forwarded-Host": ["evil.example"],
    "X-Request-Id": ["abc", "<b>", "21858999992", "a" * 99],
    "nhn-event-id": ["event", "21858999992"],
    "X-Stafett-Organisation": ["999977774", "1", "", "٣"],
    "Authorization": ["Bearer x", "Basic", "DPoP " + "a" * 3_000],
    "Host": ["evil.example", "", "a:b:c", "[::1"],
}
"""Headers and values of theirs: few requests have more than one of them."""

said = values.map(lambda value: re.sub(r"[\0-\x1f\x7f-\x9f]", "", value).strip())
"""Of a header, without control characters: a server of HTTP refuses these before anyone is asked."""


@cache
def headers() -> st.SearchStrategy[dict[str, str]]:
    one = st.sampled_from(sorted(HEADERS)).flatmap(
        lambda name: st.tuples(st.just(name), mostly(st.sampled_from(HEADERS[name]), said))
    )
    return st.sampled_from([0, 0, 0, 1, 3]).flatmap(lambda number: st.lists(one, max_size=number)).map(dict)


types = st.sampled_from([*sorted(TYPES), "Task", "Task", "Task"])
ids = mostly(st.just("known"), st.one_of(texts, st.sampled_from(["nothing", "_search", "_history", "$validate", "$x", "known "])))
versions = mostly(st.sampled_from(["1", "2"]), st.one_of(texts, st.sampled_from(NUMBERS)))


@st.composite
def written(draw: st.DrawFn, what: str, method: str, path: str, content: Any, query: str = "", kind: str = "") -> Asked:
    """A request with a body, in JSON or XML, mostly said to be what it is."""
    xml = not kind and draw(st.integers(0, 3)) == 0
    usual = kind or (
        XML if xml else draw(st.sampled_from([JSON, JSON, "application/json", f"{JSON}; charset=UTF-8;fhirVersion=4.0"]))
    )
    other = st.sampled_from([JSON, XML, PATCH, FORM, "text/plain", f"{JSON}; charset=latin-1", "", "multipart/form-data"])
    sent = {"Content-Type": draw(mostly(st.just(usual), other, of=15))}
    body = draw(bodies.bytes_of(content, xml=xml))
    return Asked(what, method, path + (f"?{query}" if query else ""), {**sent, **draw(headers())}, body)


@st.composite
def got(draw: st.DrawFn, what: str, path: str, query: str = "") -> Asked:
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD"]))
    return Asked(what, method, path + (f"?{query}" if query else ""), draw(headers()))


@st.composite
def read(draw: st.DrawFn) -> Asked:
    query = draw(st.sampled_from(["", "", "_format=xml", "_pretty=true", "_summary=true", "_elements=id"]))
    return draw(got("read", f"/{draw(types)}/{quote(draw(ids))}", query))


@st.composite
def vread(draw: st.DrawFn) -> Asked:
    return draw(got("vread", f"/{draw(types)}/{quote(draw(ids))}/_history/{quote(draw(versions))}"))


@st.composite
def history_instance(draw: st.DrawFn) -> Asked:
    type = draw(types)
    return draw(got("history-instance", f"/{type}/{quote(draw(ids))}/_history", draw(moments_of(type))))


@st.composite
def history_type(draw: st.DrawFn) -> Asked:
    type = draw(types)
    return draw(got("history-type", f"/{type}/_history", draw(moments_of(type))))


@st.composite
def search_type(draw: st.DrawFn) -> Asked:
    type = draw(types)
    return draw(got("search-type", f"/{type}", draw(queries(type))))


@st.composite
def search_by_form(draw: st.DrawFn) -> Asked:
    type = draw(types)
    query, form = draw(st.one_of(st.just(""), queries(type))), draw(queries(type))
    sent = {
        "Content-Type": draw(mostly(st.just(FORM), st.sampled_from([JSON, f"{FORM}; charset=x", ""]), of=15)),
        **draw(headers()),
    }
    body = form.encode() if draw(st.integers(0, 9)) else draw(st.binary(max_size=40))
    return Asked("search by form", "POST", f"/{type}/_search" + (f"?{query}" if query else ""), sent, body)


@st.composite
def create(draw: st.DrawFn) -> Asked:
    type = draw(types)
    query = draw(mostly(st.just(""), queries(type), of=15))
    return draw(written("create", "POST", f"/{type}", draw(mostly(bodies.resources(type), bodies.resources(), of=15)), query))


@st.composite
def conditional_create(draw: st.DrawFn) -> Asked:
    asked = draw(create())
    type = asked.path[1:].partition("?")[0]
    usual = ["_id=known", "identifier=urn:a|b", f"{type}?_id=known", f"http://127.0.0.1/fhir/{type}?_id=known", "?_id=x"]
    return Asked(
        "conditionalCreate", *_rest(asked, {"If-None-Exist": draw(st.one_of(st.sampled_from(usual), queries(type), said))})
    )


@st.composite
def update(draw: st.DrawFn) -> Asked:
    type = draw(types)
    body = draw(bodies.resources(type))
    named = {**body, "id": "known"} if isinstance(body, dict) and draw(st.integers(0, 9)) else body
    asked = draw(written("update", "PUT", f"/{type}/{quote(draw(ids))}", named))
    return Asked("update", *_rest(asked, {"If-Match": "*"} if draw(st.integers(0, 4)) else {}))


@st.composite
def conditional_update(draw: st.DrawFn) -> Asked:
    type = draw(types)
    query = draw(mostly(st.sampled_from(["_id=known", "_id=known,x", "_id=x"]), queries(type), of=3))
    method = draw(st.sampled_from(["PUT", "PUT", "PATCH"]))
    content, kind = (draw(bodies.patches(type)), PATCH) if method == "PATCH" else (draw(bodies.resources(type)), "")
    asked = draw(written("conditionalUpdate", method, f"/{type}", content, query, kind))
    return Asked("conditionalUpdate", *_rest(asked, {"If-Match": "*"} if draw(st.integers(0, 4)) else {}))


@st.composite
def conditional_read(draw: st.DrawFn) -> Asked:
    asked = draw(read())
    name = draw(st.sampled_from(["If-None-Match", "If-Modified-Since"]))
    return Asked("conditionalRead", *_rest(asked, {name: draw(mostly(st.sampled_from(HEADERS[name]), said))}))


@st.composite
def patch(draw: st.DrawFn) -> Asked:
    type = draw(types)
    asked = draw(written("patch", "PATCH", f"/{type}/{quote(draw(ids))}", draw(bodies.patches(type)), kind=PATCH))
    return Asked("patch", *_rest(asked, {"If-Match": "*"} if draw(st.integers(0, 4)) else {}))


@st.composite
def bundle(draw: st.DrawFn, type: str) -> Asked:
    return draw(written(type, "POST", draw(st.sampled_from(["", "/"])), draw(bodies.bundles(type))))


PROFILE = f"{BASE}/StructureDefinition/pathway-task"


@st.composite
def validate(draw: st.DrawFn) -> Asked:
    type = draw(types)
    usual = st.sampled_from([f"/{type}/$validate", "/$validate", f"/{type}/known/$validate"])
    path = draw(mostly(usual, texts.map(lambda one: f"/{type}/{quote(one)}/$validate")))
    mode = draw(st.sampled_from(["", "mode=create", "mode=update", "mode=delete", "mode=profile", "mode=%3Cb%3E"]))
    query = mode + draw(st.sampled_from(["", "&profile=http://127.0.0.1:1/x", f"&profile={PROFILE}", f"&profile={PROFILE}|9"]))
    if "known" in path and draw(st.booleans()):
        return draw(got("validate", path, query))
    return draw(written("validate", "POST", path, draw(bodies.parameters(type)), query))


@st.composite
def findings(draw: st.DrawFn) -> Asked:
    type = draw(mostly(st.just("EpisodeOfCare"), types))
    id = draw(mostly(st.just(bodies.PATHWAY), ids))
    return draw(got("findings", f"/{type}/{quote(id)}/$findings", draw(queries("EpisodeOfCare"))))


@st.composite
def everything(draw: st.DrawFn) -> Asked:
    type = draw(mostly(st.sampled_from(["Patient", "EpisodeOfCare"]), types))
    path = f"/{type}/{quote(draw(ids))}/$everything"
    name = draw(mostly(st.sampled_from(["start", "end", "_since", "_type", "_count"]), st.sampled_from(["_sort", "_page"])))
    usual = {"_type": "Task,Patient", "_count": "2", "start": "2026-01", "end": "2026-12-31", "_since": "2026-01-01T00:00:00Z"}
    value = draw(mostly(st.just(usual.get(name, "x")), values))
    if draw(st.booleans()):
        return draw(got("everything", path, f"{name}={quote(value)}"))
    said = {"name": name, draw(st.sampled_from(["valueCode", "valueDate", "valueInstant", "valueInteger"])): value}
    return draw(written("everything", "POST", path, {"resourceType": "Parameters", "parameter": [said]}))


@st.composite
def compartment(draw: st.DrawFn) -> Asked:
    type = draw(mostly(st.one_of(st.just("Task"), types), st.just("*"), of=3))
    path = f"/Patient/{quote(draw(ids))}/{type}"
    query = draw(queries(type if type in TYPES else "Task"))
    if draw(st.booleans()):
        return draw(got("compartment", path, query))
    return Asked("compartment", "POST", f"{path}/_search", {"Content-Type": FORM}, query.encode())


@st.composite
def export(draw: st.DrawFn) -> Asked:
    """The request, and the addresses that its answers name."""
    name = draw(
        mostly(st.sampled_from(["_type", "_since", "_outputFormat"]), st.sampled_from(["_typeFilter", "patient", "_elements"]))
    )
    usual = {"_type": "Task,Patient", "_since": "2026-01-01T00:00:00Z", "_outputFormat": "ndjson"}
    value = draw(mostly(st.just(usual.get(name, "x")), values))
    parts = ["/$export", "/$export", "/Patient/$export", "/$export-status/known", "/$export-file/known/1"]
    path = draw(mostly(st.sampled_from(parts), texts.map(lambda one: f"/$export-status/{quote(one)}")))
    if path.endswith("/$export") and draw(st.booleans()):
        body = {"resourceType": "Parameters", "parameter": [{"name": name, "valueString": value}]}
        found = draw(written("export", "POST", path, body))
    else:
        found = draw(got("export", path, f"{name}={quote(value)}"))
    method = draw(mostly(st.just(found.method), st.sampled_from(["DELETE", "POST", "PUT"])))
    prefer = draw(mostly(st.just("respond-async"), said))
    return replace(found, method=method, headers={"Prefer": prefer, **found.headers})


@st.composite
def about_codes(draw: st.DrawFn, what: str) -> Asked:
    """An operation of terminology, or of a Measure."""
    path, given = draw(codes.called(what))
    if draw(st.booleans()):
        return draw(got(what, path, codes.query(given)))
    return draw(written(what, "POST", path, draw(codes.body(given))))


@st.composite
def definitions(draw: st.DrawFn) -> Asked:
    path, query = draw(codes.defined())
    if draw(st.integers(0, 4)) == 0:
        sent = {"Content-Type": FORM, **draw(headers())}
        return Asked("definitions", "POST", f"/{path.split('/')[1]}/_search", sent, query.encode())
    return draw(got("definitions", path, query))


@st.composite
def status(draw: st.DrawFn) -> Asked:
    path = draw(mostly(st.just("/Subscription/known/$status"), st.sampled_from(["/Subscription/$status", "/Task/known/$status"])))
    usual = {"id": "known", "status": "active"} if path == "/Subscription/$status" else {}
    return draw(_named("status", path, usual))


@st.composite
def events(draw: st.DrawFn) -> Asked:
    id = draw(mostly(st.just("known"), ids))
    usual = {"eventsSinceNumber": "1", "eventsUntilNumber": "2", "content": "id-only"}
    return draw(_named("events", f"/Subscription/{quote(id)}/$events", usual))


@st.composite
def _named(draw: st.DrawFn, what: str, path: str, usual: dict[str, str]) -> Asked:
    """An operation with some of its parameters, or with another, in the address or the body."""
    names = draw(st.lists(mostly(st.sampled_from(sorted(usual) or ["x"]), texts), max_size=3))
    given = [(name, draw(mostly(st.just(usual.get(name, "x")), values))) for name in names if usual or draw(st.booleans())]
    if draw(st.booleans()):
        return draw(got(what, path, "&".join(f"{quote(name)}={quote(value)}" for name, value in given)))
    kind = draw(st.sampled_from(["valueString", "valueString", "valueCode", "valueId", "valueInteger"]))
    return draw(written(what, "POST", path, {"resourceType": "Parameters", "parameter": [{"name": n, kind: v} for n, v in given]}))


@st.composite
def capabilities(draw: st.DrawFn) -> Asked:
    query = st.one_of(st.sampled_from(["", "mode=full", "mode=terminology", "mode=x", "_format=xml"]), queries("Task"))
    return draw(got("capabilities", "/metadata", draw(query)))


@st.composite
def elsewhere(draw: st.DrawFn) -> Asked:
    """Addresses and methods that are not offered, or barely."""
    words = [*TYPES, "known", "_history", "_search", "$validate", "metadata", "1", "%ff"]
    parts = draw(st.lists(st.one_of(texts, st.sampled_from(words)), max_size=6))
    method = draw(st.sampled_from(["GET", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "HEAD", "TRACE", "PROPFIND", "get"]))
    path = "".join("/" + quote(part, safe="%$") for part in parts)
    return Asked("elsewhere", method, path + draw(st.sampled_from(["", "", "/", "//", "?", "?%", ";a"])), draw(headers()))


@st.composite
def page(draw: st.DrawFn, links: Sequence[str]) -> Asked:
    """The link of a further page: as it was given, of another type, or with some letters changed."""
    path = draw(st.sampled_from(links))
    if draw(st.booleans()):
        mark = path.index("_page=") + len("_page=")
        cut = draw(st.integers(mark, len(path)))
        wrong = draw(st.one_of(st.sampled_from(["", "A", "-", "_", "=", "%00", "%ff", "A" * 9_000]), values.map(quote)))
        path = path[:cut] + wrong + path[cut + draw(st.integers(0, 3)) :]
    if draw(st.integers(0, 9)) == 0:
        path = f"/{draw(types)}" + path[path.index("?") :]
    return draw(got("page", path + draw(st.sampled_from(["", "", "", "&_count=0", "&_page=x", "&_format=xml", "&status=x"]))))


def _rest(asked: Asked, more: dict[str, str]) -> tuple[str, str, dict[str, str], bytes]:
    return asked.method, asked.path, {**asked.headers, **more}, asked.body


INTERACTIONS: dict[str, Callable[[], st.SearchStrategy[Asked]]] = {
    "read": read,
    "vread": vread,
    "update": update,
    "patch": patch,
    "history-instance": history_instance,
    "history-type": history_type,
    "create": create,
    "search-type": search_type,
    "search by form": search_by_form,
    "conditionalCreate": conditional_create,
    "conditionalRead": conditional_read,
    "conditionalUpdate": conditional_update,
    "batch": lambda: bundle("batch"),
    "transaction": lambda: bundle("transaction"),
    "validate": validate,
    "findings": findings,
    "status": status,
    "events": events,
    "everything": everything,
    "compartment": compartment,
    "export": export,
    "definitions": definitions,
    **{what: partial(about_codes, what) for what in ("lookup", "validate-code", "expand", "translate", "evaluate-measure")},
    "capabilities": capabilities,
    "elsewhere": elsewhere,
}
"""What the CapabilityStatement calls an interaction, a condition or an operation, and what is beside them -> its requests."""


def requests(links: Sequence[str]) -> st.SearchStrategy[Asked]:
    """Requests of all interactions alike; `links` are paths of further pages."""
    return st.one_of(*(make() for make in INTERACTIONS.values()), page(links))
