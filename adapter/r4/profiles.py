"""What our profiles ask of a resource beyond R4, and where our extensions may stand.

The rules are those of `profiles/` (source: `profiles/input/fsh`), condensed into `tables/profiles.json` by
`tools/profiles.py`: https://hl7.org/fhir/R4/profiling.html. A profile that derives from another of ours asks for all that
the other does. What R4 itself says is not looked at again.

>>> check_profile({"resourceType": "Task", "status": "requested", "intent": "order"}, PROFILE + "duty-task")[0].where
'Task.code'

A slice is known by fixed values (an extension's url, the `type` of an output), and slices are open: what belongs to none
is let be. A code list of which a value set takes all is one of `mappings/codes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from adapter.domain.identity import BASE
from adapter.domain.problem import Finding, Kind
from adapter.r4 import fhirpath, places
from adapter.r4.definitions import TABLES
from adapter.r4.norwegian import check_norwegian
from mappings import terms

__all__ = ["PROFILE", "check_extensions", "check_norwegian", "check_profile", "known", "promised"]

PROFILE: Final = f"{BASE}/StructureDefinition/"
LISTED: Final = 12  # value sets up to this many codes are told in full
_ADDRESS: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/]+)?")
_HARMLESS: Final = re.compile(r"[^\w .:/#|\-]", re.ASCII)


class Rule(msgspec.Struct, frozen=True, gc=False):
    """What is asked of an element: how often it is there, what it holds, and the same of its children and slices."""

    least: int = 0
    most: int | None = None
    types: tuple[str, ...] = ()  # of a choice
    targets: tuple[str, ...] = ()  # of a Reference
    fixed: Any = None  # a value that it must have, or have among others
    binding: str = ""
    known_by: dict[str, Any] = {}  # of a slice: path -> value
    children: dict[str, Rule] = {}
    slices: dict[str, Rule] = {}


class Invariant(msgspec.Struct, frozen=True, gc=False):
    """A rule between elements, on the resource."""

    key: str
    en: str
    nb: str
    expression: str


class Profile(msgspec.Struct, frozen=True, gc=False):
    """A profile of one resource type, and the profile of ours that it derives from."""

    type: str
    title: str
    root: Rule
    abstract: bool = False
    base: str = ""
    invariants: tuple[Invariant, ...] = ()


class Extension(msgspec.Struct, frozen=True, gc=False):
    """An extension of ours: where it may stand, and what it holds."""

    contexts: frozenset[str]
    root: Rule


class Codes(msgspec.Struct, frozen=True, gc=False):
    """What a value set takes of a code system."""

    whole: bool = False
    codes: tuple[str, ...] = ()


class Tables(msgspec.Struct, frozen=True, gc=False):
    """All of it, by canonical."""

    profiles: dict[str, Profile]
    extensions: dict[str, Extension]
    value_sets: dict[str, dict[str, Codes]]


def known(canonical: str) -> bool:
    """Whether that is a profile of ours; a version after `|` is disregarded."""
    return canonical.partition("|")[0] in _tables().profiles


def promised(type: str) -> tuple[str, ...]:
    """The canonicals of our profiles of a resource type, but for those that only others derive from."""
    return tuple(url for url, profile in _tables().profiles.items() if profile.type == type and not profile.abstract)


def check_profile(resource: Mapping[str, Any], canonical: str) -> list[Finding]:
    """All that the profile asks for and the resource has not. KeyError where the profile is not known."""
    url = canonical.partition("|")[0]
    profile = _tables().profiles[url]
    type = str(resource.get("resourceType"))
    if type != profile.type:
        en = f"The profile {_id(url)} is for {profile.type}, not for this resource."
        return [_finding(Kind.INVARIANT, en, f"Profilen {_id(url)} er for {profile.type}, ikke for denne ressursen.", type, url)]
    above = check_profile(resource, profile.base) if profile.base else []
    structure = list(_within(profile.root, resource, type, Subject(resource, url)))
    return above + structure + [_broken(rule, type, url) for rule in profile.invariants if _breaks(rule, resource, type)]


def check_extensions(resource: Mapping[str, Any]) -> list[Finding]:
    """Our extensions, wherever they stand: in a place that their definition allows, with what it asks for."""
    return [finding for place in places.objects(resource, _is_ours, []) for finding in _extension(resource, place)]


def _is_ours(key: str, node: dict[str, Any]) -> bool:
    return key in ("extension", "modifierExtension") and str(node.get("url")).startswith(PROFILE)


def _extension(resource: Mapping[str, Any], place: places.Place) -> Iterator[Finding]:
    extension = places.at(resource, place)
    url = extension["url"]
    where, _ = places.names(resource, place)
    definition = _tables().extensions.get(url)
    if definition is None:
        en, nb = f"There is no extension {_shown(_id(url))} of ours.", f"Vi har ingen utvidelse {_shown(_id(url))}."
        yield Finding("warning", Kind.NOT_UNDERSTOOD, en, nb, where, rule=_shown(url))
        return
    _, bearer = places.names(resource, place[:-2])
    if not bearer & definition.contexts:
        allowed = ", ".join(sorted(definition.contexts))
        en, nb = f"The extension {_id(url)} may stand on {allowed} only.", f"Utvidelsen {_id(url)} kan bare stå på {allowed}."
        yield _finding(Kind.INVARIANT, en, nb, where, url)
    yield from _within(definition.root, extension, where, Subject(resource, url))


# --- one rule at a time


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What is judged, and by which profile or extension."""

    resource: Mapping[str, Any]
    url: str


Value = tuple[Any, str]  # a JSON value and its FHIRPath


def _within(rule: Rule, node: Any, where: str, subject: Subject) -> Iterator[Finding]:
    """What is wrong within an element."""
    if isinstance(node, Mapping):
        for name, child in rule.children.items():
            yield from _child(name, child, node, where, subject)


def _child(name: str, rule: Rule, node: Mapping[str, Any], where: str, subject: Subject) -> Iterator[Finding]:
    stem = name.removesuffix("[x]")
    path = f"{where}.{stem}"
    if stem != name:
        keys = [key for key in node if key.startswith(stem) and key[len(stem) :][:1].isupper()]
        values: list[Value] = [(node[key], path) for key in keys]
        if rule.types and keys and keys[0] not in {stem + type[0].upper() + type[1:] for type in rule.types}:
            yield _type(rule, path, subject)
            return
    else:
        values = _values(node, stem, path)
    yield from _counted(rule, len(values), path, stem, subject)
    for value, at in values:
        yield from _judged(rule, value, at, subject)
    for slice, sliced in rule.slices.items():
        inside = [(value, at) for value, at in values if _is(sliced, value)]
        yield from _counted(sliced, len(inside), path, f"{stem} ({slice})", subject)
        for value, at in inside:
            yield from _judged(sliced, value, at, subject)


def _values(node: Mapping[str, Any], name: str, path: str) -> list[Value]:
    value = node.get(name)
    if isinstance(value, list):
        return [(each, f"{path}[{index}]") for index, each in enumerate(value)]
    return [(value, path)] if value is not None or "_" + name in node else []


def _is(slice: Rule, value: Any) -> bool:
    return isinstance(value, Mapping) and all(_covers(given, value.get(path)) for path, given in slice.known_by.items())


def _judged(rule: Rule, value: Any, where: str, subject: Subject) -> Iterator[Finding]:
    if value is None:
        return
    if rule.fixed is not None and not _covers(rule.fixed, value):
        wanted = _told(rule.fixed)
        en, nb = f"The profile {_id(subject.url)} asks for {wanted} here.", f"Profilen {_id(subject.url)} krever {wanted} her."
        yield _finding(Kind.INVARIANT, en, nb, where, subject.url)
    if rule.binding and not _bound(rule.binding, value):
        yield _unbound(rule.binding, where)
    if rule.targets:
        led = _leads_to(value, subject.resource)
        if led and led not in rule.targets:
            allowed = ", ".join(rule.targets)
            en = f"The profile {_id(subject.url)} lets this refer to {allowed} only."
            nb = f"Profilen {_id(subject.url)} lar dette bare vise til {allowed}."
            yield _finding(Kind.INVARIANT, en, nb, where, subject.url)
    yield from _within(rule, value, where, subject)


def _counted(rule: Rule, count: int, where: str, name: str, subject: Subject) -> Iterator[Finding]:
    profile = _id(subject.url)
    if count < rule.least:
        en, nb = f"The profile {profile} asks for {name}: add it.", f"Profilen {profile} krever {name}: legg det til."
        yield _finding(Kind.INCOMPLETE, en, nb, where, subject.url)
    elif rule.most == 0 and count:
        en, nb = f"The profile {profile} has no {name}: leave it out.", f"Profilen {profile} har ikke {name}: utelat det."
        yield _finding(Kind.INVARIANT, en, nb, where, subject.url)
    elif rule.most is not None and count > rule.most:
        en, nb = f"The profile {profile} allows {rule.most} {name}.", f"Profilen {profile} tillater {rule.most} {name}."
        yield _finding(Kind.INVARIANT, en, nb, where, subject.url)


def _type(rule: Rule, where: str, subject: Subject) -> Finding:
    types = " or ".join(rule.types), " eller ".join(rule.types)
    en, nb = f"{_id(subject.url)} asks for a value of type {types[0]}.", f"{_id(subject.url)} krever en verdi av typen {types[1]}."
    return _finding(Kind.INVARIANT, en, nb, where, subject.url)


def _covers(wanted: Any, value: Any) -> bool:
    """Whether the value has all that is wanted: https://hl7.org/fhir/R4/elementdefinition-definitions.html#pattern."""
    if isinstance(wanted, dict):
        return isinstance(value, Mapping) and all(_covers(part, value.get(key)) for key, part in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and all(any(_covers(part, each) for each in value) for part in wanted)
    return bool(wanted == value)


def _told(wanted: Any) -> str:
    """A fixed value of ours, in short: system|code of a coding."""
    if isinstance(wanted, dict):
        coding = (wanted.get("coding") or [wanted])[0]
        return f"{coding['system']}|{coding['code']}" if "code" in coding else str(next(iter(wanted.values())))
    return str(wanted)


def _leads_to(value: Any, resource: Mapping[str, Any]) -> str:
    """The resource type that a Reference leads to, as far as it tells; nothing is fetched."""
    if not isinstance(value, Mapping):
        return ""
    address, said = value.get("reference"), value.get("type")
    if isinstance(address, str) and address.startswith("#"):
        contained = resource.get("contained")
        inside = [c for c in contained if isinstance(c, Mapping)] if isinstance(contained, list) else []
        return next((str(c.get("resourceType")) for c in inside if c.get("id") == address[1:]), "")
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    return found[1] if found else str(said or "").rpartition("/")[2]


# --- codes


def _bound(value_set: str, value: Any) -> bool:
    """Whether a code, Coding or one coding of a CodeableConcept is in the value set."""
    if isinstance(value, str):
        return any(value in codes for codes in _codes(value_set).values())
    if not isinstance(value, Mapping):
        return True
    codings = value.get("coding", []) if "coding" in value or "code" not in value else [value]
    return any(_member(value_set, coding) for coding in codings) if isinstance(codings, Iterable) else True


def _member(value_set: str, coding: Any) -> bool:
    return isinstance(coding, Mapping) and str(coding.get("code")) in _codes(value_set).get(str(coding.get("system")), ())


@cache
def _codes(value_set: str) -> dict[str, frozenset[str]]:
    """System -> codes of a value set of ours."""
    return {
        system: frozenset(given.codes) | (frozenset(terms.displays(system) or ()) if given.whole else frozenset())
        for system, given in _tables().value_sets[value_set].items()
    }


def _unbound(value_set: str, where: str) -> Finding:
    systems = _codes(value_set)
    count = sum(map(len, systems.values()))
    listed = "; ".join(f"{system}: {', '.join(sorted(codes))}" for system, codes in systems.items())
    allowed = listed if count <= LISTED else ", ".join(systems)
    en = f"A code of the value set {_id(value_set)} is needed here. Allowed: {allowed}."
    nb = f"Her kreves en kode fra verdisettet {_id(value_set)}. Tillatt: {allowed}."
    return _finding(Kind.UNKNOWN_CODE, en, nb, where, value_set)


# --- invariants, words, tables


def _breaks(rule: Invariant, resource: Mapping[str, Any], type: str) -> bool:
    return fhirpath.rule(rule.expression, type)(resource, resource) is False


def _broken(rule: Invariant, where: str, url: str) -> Finding:
    return _finding(Kind.INVARIANT, f"{rule.en}.", f"{rule.nb}.", where, f"{rule.key} ({url})")


def _finding(kind: Kind, en: str, nb: str, where: str, rule: str) -> Finding:
    return Finding("error", kind, en, nb, where, rule=rule)


def _id(url: str) -> str:
    return url.rpartition("/")[2]


def _shown(text: str) -> str:
    return _HARMLESS.sub("?", text[:64])


_DECODER: Final = msgspec.json.Decoder(Tables)  # made by whoever imports: a struct's first use is not safe in several threads


@cache
def _tables() -> Tables:
    return _DECODER.decode((TABLES / "profiles.json").read_bytes())
