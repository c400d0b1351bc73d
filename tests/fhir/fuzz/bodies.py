"""Bodies of writes, from right to hopeless: resources of every type, patches, Bundles and Parameters, in JSON and XML."""

from __future__ import annotations

import json
from base64 import b64encode
from copy import deepcopy
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

from adapter.domain.identity import BASE, named
from adapter.fhir.types import TYPES
from adapter.r4.bundle import PATCH
from adapter.r4.definitions import Element, codes, json_names, type_named
from adapter.usecases.subscribing import CONTENT
from adapter.usecases.writing import FOR_READING
from corpus import bases, cases
from tests.fhir.fuzz.values import DATES, REFERENCES, encoded, junk, mostly, names, texts, values
from tests.http.real import HOSPITAL

Json = dict[str, Any]

PRIMITIVES: dict[str, list[Any]] = {
    "boolean": [True, False, "true"],
    "integer": [0, -1, 2**31 - 1, 2**31, 1.5],
    "positiveInt": [1, 0, 2**31 - 1, 10**30],
    "unsignedInt": [0, 1, -1],
    "decimal": [0, 1.50, -1e-7, 10**17, float("inf")],
    "instant": ["2026-05-01T08:00:00Z", "2026-05-01", "9999-12-31T23:59:59.999999+14:00"],
    "time": ["12:00:00", "24:00:00", "12:00"],
    "base64Binary": ["aGVp", "aGVp\n", "a", "=" * 4],
    "xhtml": [
        '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>',
        "<div" + " a" * 900,
        "<b>" * 900,
        "x",
    ],
}


def known(type: str) -> Json:
    """The corpus's valid resource of the type; all that it refers to is the known resource of the type it names."""
    if type in FOR_READING:  # the corpus has what clients write
        return {"resourceType": type, "id": "known", "status": "active", "url": "https://example.org/known", "title": "Known"}
    made: Json = _pointing(json.loads(bases()[f"{type}-base"]))
    return {**made, "id": "known"}


def _pointing(node: Any) -> Any:
    if isinstance(node, list):
        return [_pointing(item) for item in node]
    if not isinstance(node, dict):
        return node
    said = {key: _pointing(value) for key, value in node.items()}
    type, slash, _ = str(said.get("reference", "")).partition("/")
    return {**said, "reference": f"{type}/known"} if slash and type in TYPES else said


KNOWN = {type: known(type) for type in TYPES}
PATIENT, START = "known", "2024-03-01"
EVENTS = [
    {
        "resourceType": "Observation",
        "status": status,
        "code": {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9327", "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": on,
        "performer": [{"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": HOSPITAL}}],
    }
    for code, on, status in [
        ("D11A", START, "final"),
        ("D11M", "2024-03-20", "final"),
        ("D11CP", "2024-04-20", "final"),
        ("D11E", "2024-06-01T10:00:00+02:00", "final"),
        ("D11XG", "2024-09-01", "final"),
        ("D11M", "2024-03-20", "entered-in-error"),
        ("D12A", "2026-03-01", "final"),
    ]
]
"""Events of pathways of the known patient: the first opens one."""

PATHWAY = named(HOSPITAL, f"{PATIENT}|D11|{START}")
FOLLOWING = [
    {
        **KNOWN["Subscription"],
        "criteria": f"{BASE}/SubscriptionTopic/task-change",
        "channel": {**KNOWN["Subscription"]["channel"], **more},
    }
    for more in (
        {"_payload": {"extension": [{"url": CONTENT, "valueCode": "empty"}]}},
        {"_payload": {"extension": [{"url": CONTENT, "valueCode": "id-only"}]}, "header": ["Authorization: Bearer x"]},
    )
]
"""Subscriptions of the R5 backport. Their endpoint is nobody's; the worker is not running, and no other may be called."""
FORMS: dict[str, list[Any]] = {type: [body] for type, body in KNOWN.items()} | {
    "Observation": [KNOWN["Observation"], *EVENTS],
    "Subscription": [KNOWN["Subscription"], *FOLLOWING],
}
WRONG = [b"\0", b"\xff", b'"', b"<!DOCTYPE a [<!ENTITY x 'x'>]>", b"&x;", b"]]>", b"[" * 70, b'{"a":' * 999, b"<a>" * 99]
CASES = [case.data for case in cases()]


@cache
@st.composite
def resources(draw: st.DrawFn, type: str = "") -> Any:
    """A resource of the type, or of any: half of them valid, the others spoilt in up to three places."""
    type = type or draw(st.sampled_from(sorted(TYPES)))
    if draw(st.booleans()):
        return draw(st.sampled_from(FORMS[type]))
    body = draw(st.one_of(st.sampled_from(FORMS[type]), made(type)))
    for _ in range(draw(st.integers(1, 3))):
        body = deepcopy(body)  # what was drawn is another's too
        _spoil(draw, body, type)
    return body


@cache
@st.composite
def made(draw: st.DrawFn, name: str, depth: int = 0) -> Any:
    """A value of a type as its table has it: what is required, and some more. Values are mostly of the right form."""
    type = type_named(name)
    if type.kind == "primitive":
        return draw(primitive(name))
    if name in ("Resource", "DomainResource"):
        return draw(st.sampled_from(list(KNOWN.values())))
    needed = [one for one in type.elements.values() if one.least]
    chosen = [] if depth > 4 else draw(st.lists(st.sampled_from(list(type.elements.values())), max_size=3, unique_by=id))
    body: Json = {"resourceType": name} if type.kind == "resource" else {}
    for element in [*needed, *chosen]:
        key, kind = draw(st.sampled_from(sorted(json_names(element).items())))
        body[key] = draw(element_value(element, kind, depth))
    return body


@st.composite
def element_value(draw: st.DrawFn, element: Element, kind: str, depth: int) -> Any:
    known_codes = codes(element.binding) if element.binding else None
    if kind == "code" and known_codes:
        one: st.SearchStrategy[Any] = mostly(st.sampled_from(sorted(set().union(*known_codes.values()))))
    else:
        one = made(kind, depth + 1)
    return draw(one) if element.most == 1 else draw(st.lists(one, min_size=1, max_size=2))


@cache
def primitive(name: str) -> st.SearchStrategy[Any]:
    if name in ("date", "dateTime"):
        return st.sampled_from([one for one in DATES if one[0] == "2"])
    if name in ("uri", "url", "canonical", "oid", "uuid"):
        return mostly(st.sampled_from(REFERENCES))
    return mostly(st.sampled_from(PRIMITIVES.get(name, ["x", "Prøve", "a b"])), leaf())


@cache
def leaf() -> st.SearchStrategy[Any]:
    return st.one_of(values, junk)


def _spoil(draw: st.DrawFn, body: Any, type: str) -> None:
    """Changes one place of the body, wherever it is."""
    holder, key = draw(st.sampled_from(list(places(body)) or [(body, "status")]))
    match draw(st.sampled_from(["replace", "drop", "wrap", "double", "add", "known"])):
        case "replace":
            holder[key] = draw(leaf())
        case "drop":
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        case "wrap":
            holder[key] = draw(st.sampled_from([[holder.get(key)], {"value": 1}])) if isinstance(holder, dict) else [holder[key]]
        case "double" if isinstance(holder, list):
            holder.extend(holder * draw(st.sampled_from([1, 50])))
        case "known":
            element = draw(st.sampled_from(list(type_named(type).elements.values())))
            name, kind = draw(st.sampled_from(sorted(json_names(element).items())))
            body[draw(st.sampled_from([name, f"_{name}"]))] = draw(st.one_of(element_value(element, kind, 1), junk))
        case _ if isinstance(holder, dict):
            holder[draw(names)] = draw(junk)
        case _:
            holder.append(draw(junk))


def places(node: Any) -> Any:
    """Every place of a body: what holds it, and its name or number there."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


@cache
@st.composite
def patches(draw: st.DrawFn, type: str = "Task") -> Any:
    """A JSON Patch of the known resource, more or less."""
    parts = st.one_of(st.sampled_from(sorted(KNOWN[type])), st.sampled_from(["0", "-", "~", "~2", "~1", "9" * 11, "01"]), texts)
    within = st.sampled_from(["/status", "/meta", "/note", "/note/-", "/identifier/0/value", "/contained"])
    path = st.one_of(within, st.lists(parts, max_size=4).map(lambda some: "".join("/" + part for part in some)), texts)
    right = st.fixed_dictionaries({"op": st.just("add"), "path": st.just("/language"), "value": st.sampled_from(["nb", "en"])})
    doubling = st.just({"op": "copy", "from": "", "path": "/contained"})
    any_one = st.fixed_dictionaries(
        {"op": mostly(st.sampled_from(["add", "remove", "replace", "move", "copy", "test"])), "path": path},
        optional={"value": leaf(), "from": path},
    )
    return draw(mostly(st.lists(st.one_of(right, right, doubling, any_one), min_size=1, max_size=4), junk))


@cache
@st.composite
def entries(draw: st.DrawFn) -> Any:
    """An entry of a batch or transaction: half of them as they should be."""
    type = draw(st.sampled_from(sorted(TYPES)))
    method = draw(st.sampled_from(["GET", "POST", "PUT", "PATCH"]))
    body: Any = {**KNOWN[type], "id": "known"} if draw(st.booleans()) else draw(resources(type))
    if method == "PATCH":
        operations = b64encode(encoded(draw(patches(type)))).decode()
        body = {"resourceType": "Binary", "contentType": PATCH, "data": draw(mostly(st.just(operations)))}
    beneath = [type, f"{type}/known", f"{type}?_id=known", f"{type}/_history", f"{type}/known/_history/1", f"{type}?_count=1"]
    usual = {"GET": beneath, "POST": [type], "PUT": beneath[1:3], "PATCH": beneath[1:3]}
    other = st.one_of(st.sampled_from(beneath), values, texts.map(lambda one: f"{type}?{one}"))
    url = draw(mostly(st.sampled_from(usual[method]), other))
    more = {"ifNoneExist": values, "ifMatch": values, "ifNoneMatch": values, "ifModifiedSince": values}
    request = draw(mostly(st.fixed_dictionaries({"method": mostly(st.just(method)), "url": st.just(url)}, optional=more)))
    urls = st.sampled_from([one for one in REFERENCES if one.startswith(("urn:", "http"))])
    entry = {"request": request, **({} if method == "GET" else {"resource": body})}
    return {**entry, **draw(st.fixed_dictionaries({}, optional={"fullUrl": urls, draw(names): junk}))}


@cache
@st.composite
def bundles(draw: st.DrawFn, type: str) -> Any:
    some = st.lists(mostly(entries(), junk, of=20), max_size=4)
    return {"resourceType": "Bundle", "type": draw(mostly(st.just(type), of=20)), "entry": draw(mostly(some, junk, of=20))}


@st.composite
def parameters(draw: st.DrawFn, type: str) -> Any:
    """What $validate takes: a resource, or Parameters with one."""
    body = draw(resources(type))
    name = mostly(st.sampled_from(["resource", "mode", "profile"]))
    one = st.fixed_dictionaries({"name": name}, optional={"resource": st.just(body), "valueCode": values, "valueUri": leaf()})
    given = mostly(st.lists(one, max_size=3), junk).map(lambda some: {"resourceType": "Parameters", "parameter": some})
    return draw(st.one_of(st.just(body), given))


@st.composite
def bytes_of(draw: st.DrawFn, content: Any, *, xml: bool) -> bytes:
    """The content as JSON or XML; once in a while something of the corpus, or with a few bytes changed."""
    if draw(st.integers(0, 19)) == 0 and not xml:
        return draw(st.sampled_from(CASES))
    data = as_xml(content) if xml else encoded(content)
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(data)))
        return data[:cut] + draw(st.one_of(st.binary(max_size=4), st.sampled_from(WRONG))) + data[cut + draw(st.integers(0, 3)) :]
    return data


def as_xml(content: Any) -> bytes:
    """FHIR XML of a resource, as far as it is one: by the names alone, so that what is wrong stays wrong."""
    name = content.get("resourceType", "x") if isinstance(content, dict) else "x"
    return _element(str(name), content, ' xmlns="http://hl7.org/fhir"').encode("utf-8", "surrogatepass")


def _element(name: str, value: Any, more: str = "") -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if name == "div":
        return str(value)
    if not isinstance(value, dict):
        text = json.dumps(value) if isinstance(value, bool | None) else str(value)
        return f"<{name}{more} value={quoteattr(text)}/>"
    if more == "" and isinstance(value.get("resourceType"), str):
        return f"<{name}>{_element(value['resourceType'], {k: v for k, v in value.items() if k != 'resourceType'})}</{name}>"
    attributes = f" url={quoteattr(str(value['url']))}" if name == "extension" and "url" in value else ""
    inside = "".join(_element(key, one) for key, one in value.items() if key != "resourceType" and (not attributes or key != "url"))
    return f"<{name}{more}{attributes}>{inside}</{name}>"
