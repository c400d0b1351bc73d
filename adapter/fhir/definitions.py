"""The definitions that the program carries, read and searched as any resource (https://hl7.org/fhir/R4/http.html#read, #search).

    GET /fhir/ValueSet/pathway-phase    GET /fhir/CodeSystem?url=urn:oid:2.16.578.1.12.4.1.1.9322

They are the same for every organisation, tell of nobody, and change with the program alone: so they are in no store, have no
versions, and whoever is let in may read them. A code system is found by any of its names (`adapter.r4.systems`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from adapter.domain.problem import Finding, Problem
from adapter.fhir import results
from adapter.fhir.bundles import searchset
from adapter.fhir.clauses import ALTERNATIVES, alternatives, fault, parts, plain, shown, too_many, warning
from adapter.fhir.face import Answer, Asked, Face, not_found
from adapter.fhir.reading import PART, READ
from adapter.fhir.search import Pairs, names_person
from adapter.fhir.shaping import shape
from adapter.fhir.types import RESULT
from adapter.ports import Stored
from adapter.r4 import json
from adapter.r4.carried import CARRIED, Body, carried
from adapter.r4.parameters import Parameter
from adapter.r4.systems import canonical_system
from adapter.r4.words import fold

SEARCH: Final = "http://hl7.org/fhir/SearchParameter/"
KINDS: Final = {"name": "string", "status": "token", "title": "string", "url": "uri", "version": "token"}
LACKING: Final = {
    "NamingSystem": ("title", "url", "version"),
    "OperationDefinition": ("title",),
    "SearchParameter": ("title",),
}
"""Of these, what R4 has not for a type."""
SHAPED: Final = ("_summary", "_count", "_total", "_elements", "_format", "_pretty")
"""Of the parameters of a result those that mean something here; pages go by `_page`, the number of those before."""
PAGE: Final = "_page"
ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)  # of what has no time: it is never told


def _parameters(type: str) -> dict[str, Parameter]:
    """R4 has one definition of these for most of the types, and a Measure has its own; not every type has all of them."""
    of = type if type == "Measure" else "conformance"
    names = [name for name in KINDS if name not in LACKING.get(type, ())]
    found = {name: Parameter(name, KINDS[name], "", url=f"{SEARCH}{of}-{name}") for name in names}
    found["_id"] = Parameter("_id", "token", "", url=f"{SEARCH}Resource-id")
    if type in ("CodeSystem", "ConceptMap", "ValueSet", "Measure"):
        found["identifier"] = Parameter("identifier", "token", "", url=f"{SEARCH}{of}-identifier")
    if type == "CodeSystem":
        found["system"] = Parameter("system", "uri", "", url=f"{SEARCH}CodeSystem-system")
    return dict(sorted(found.items()))


DEFINED: Final[Mapping[str, Mapping[str, Parameter]]] = {type: _parameters(type) for type in CARRIED}
"""Type -> its search parameters by name: what the routes and the CapabilityStatement offer of definitions."""


def read(_: Face, asked: Asked, __: bytes) -> Answer:
    """A definition, or a part of it (`_summary`, `_elements`). NOT_FOUND where there is none of that id."""
    body = carried(asked.type).get(asked.id)
    if body is None:
        raise not_found()
    if ("_summary", "count") in asked.pairs:
        en, nb = "has nothing to count in one resource: leave it out", "har ingenting å telle i én ressurs: utelat den"
        raise fault("_summary", en, nb, rule=READ)
    wanted = results.read(asked.type, [(name, value) for name, value in asked.pairs if name.partition(":")[0] in PART])
    if wanted.faults:
        raise Problem(*wanted.faults)
    return Answer(200, _shaped(body, asked.type, wanted))


def search(face: Face, asked: Asked, _: bytes) -> Answer:
    """A searchset, by id; what is not known is told of, or with `handling=strict` refused."""
    asked.trail.query(asked.pairs)
    known, faults, ignored, kept = DEFINED[asked.type], list[Finding](), list[Finding](), list[tuple[str, str]]()
    tests: list[Callable[[Body], bool]] = []
    for name, value in asked.pairs:
        bare = name.partition(":")[0]
        try:
            if bare in SHAPED or name == PAGE:
                continue
            if bare in RESULT or bare not in known:
                ignored.append(warning(shown(bare), *_unknown(asked.type)))
            elif test := _test(known[bare], name, value):
                tests.append(test)
                kept.append((name, value))
        except Problem as wrong:
            faults += wrong.findings
    wanted = results.read(asked.type, [(name, value) for name, value in asked.pairs if name.partition(":")[0] in SHAPED])
    ignored += wanted.ignored
    faults += wanted.faults + [replace(one, severity="error") for one in ignored if asked.wish.strict]
    if faults:
        raise Problem(*faults)
    start = _start(asked.pairs)
    found = [(id, body) for id, body in carried(asked.type).items() if all(test(body) for test in tests)]
    page = found[start : start + wanted.count]
    links = [("self", _address(face, asked, [*kept, *wanted.kept], start))]
    if wanted.count and start + wanted.count < len(found):
        links.append(("next", _address(face, asked, [*kept, *wanted.kept], start + wanted.count)))
    total = None if wanted.count and wanted.total == "none" else len(found)
    given = [Stored(asked.type, id, 1, ALWAYS, _shaped(body, asked.type, wanted)) for id, body in page]
    return Answer(200, searchset(face.base, given, total, links, told=ignored))


def _unknown(type: str) -> tuple[str, str]:
    known = ", ".join(DEFINED[type])
    en = f"is no search parameter of {type} and does not count. There are {known}"
    return en, f"er ingen søkeparameter for {type} og teller ikke. Det finnes {known}"


def _test(parameter: Parameter, name: str, value: str) -> Callable[[Body], bool] | None:
    """What the parameter asks of a definition; None where it asks nothing."""
    bare, _, modifier = name.partition(":")
    allowed = ("", "exact", "contains") if parameter.type == "string" else ("",)
    if modifier not in allowed:
        en, nb = "takes no such modifier: leave it out", "tar ingen slik modifikator: utelat den"
        raise fault(bare, en, nb, rule="https://hl7.org/fhir/R4/search.html#modifiers")
    if names_person(value):  # also by POST: it would be repeated in the links
        raise fault(bare, "names a person, and no definition is of one", "gjelder en person, og det gjør ingen definisjon")
    wanted = alternatives(bare, value)
    if len(wanted) > ALTERNATIVES:
        raise too_many(bare)
    if not wanted:
        return None
    if parameter.type == "string":
        texts = [plain(one) for one in wanted]
        return lambda body: any(_says(str(body.get(bare, "")), text, modifier) for text in texts)
    if parameter.type == "uri":
        names = {canonical_system(plain(one)) for one in wanted}
        return lambda body: not names.isdisjoint(_names(body))
    tokens = [parts(one) for one in wanted]
    return lambda body: any(_is(body, bare, system, code) for system, code in tokens)


def _says(text: str, wanted: str, modifier: str) -> bool:
    if modifier == "exact":
        return text == wanted
    return fold(wanted) in fold(text) if modifier else fold(text).startswith(fold(wanted))


def _names(body: Body) -> set[str]:
    """What a definition goes by, in the form that `canonical_system` gives it."""
    return {canonical_system(str(body["url"]))}


def _is(body: Body, name: str, system: str | None, code: str) -> bool:
    if name == "identifier":
        said = [(one["system"], one["value"]) for one in body.get("identifier", ())]
        return any(system in (None, one[0]) and code in ("", one[1]) for one in said)
    if name == "status":
        return body["status"] == code and system in (None, "http://hl7.org/fhir/publication-status")
    return bool(code) and body.get(name.removeprefix("_")) == code and not system


def _start(pairs: Pairs) -> int:
    said = next((value for name, value in pairs if name == PAGE), "0")
    if not (said.isascii() and said.isdigit() and len(said) < 7):
        raise fault(PAGE, "is of a link that was given: follow it", "hører til en lenke som ble gitt: følg den")
    return int(said)


def _address(face: Face, asked: Asked, kept: Pairs, start: int) -> str:
    pairs = [*kept, (PAGE, str(start))] if start else kept
    return f"{face.base}/{asked.type}" + (f"?{urlencode(pairs)}" if pairs else "")


def _shaped(body: Body, type: str, wanted: results.Result) -> bytes:
    encoded = json.encode(body)
    if wanted.summary or wanted.elements:
        return shape(encoded, type, summary=wanted.summary, elements=wanted.elements)
    return encoded
