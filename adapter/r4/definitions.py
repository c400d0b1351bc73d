"""What FHIR R4 (4.0.1) says of its types: elements in their order, cardinality, types, bindings, invariants, search parameters.

The tables beside this file are condensed from the core package's StructureDefinitions, ValueSets and CodeSystems by
`tools/r4_tables.py`: one file a resource type, `datatypes.json`, `codes.json`. They are read when first asked for.

>>> task = type_named("Task")
>>> task.elements["status"].least, task.elements["status"].most, task.elements["status"].types
(1, 1, ('code',))
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from mappings import terms

TABLES = files("adapter.r4") / "tables"


class Invariant(msgspec.Struct, frozen=True, gc=False):
    """A rule of the standard: `expression` is FHIRPath, evaluated on the element that carries the rule."""

    key: str
    severity: str  # error or warning
    human: str
    expression: str


class Element(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One element of a type, as it stands in JSON but for a choice, which is named without `[x]`.

    `types` are datatypes, `Resource`, or for a backbone the name of a type of its own (`Task.restriction`, also where the
    standard refers to another element's content). `most` 0 is "any number". `targets` are the resource types that a
    Reference (or canonical) may point to; empty: any. `binding` is the canonical of a *required* value set, without version.
    """

    name: str
    types: tuple[str, ...]
    least: int = 0
    most: int = 1
    choice: bool = False
    targets: tuple[str, ...] = ()
    binding: str = ""
    modifier: bool = False
    summary: bool = False
    invariants: tuple[str, ...] = ()  # names, beside those of the type itself


class Type(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A resource type, datatype or backbone: every element in the standard's order, inherited ones first."""

    name: str
    kind: str  # resource, datatype, backbone or primitive
    base: str = ""
    elements: dict[str, Element] = {}
    invariants: tuple[str, ...] = ()
    pattern: str = ""  # of a primitive: the regular expression of its text


class KnownExtension(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An extension that R4 itself defines: the types of its value, none where it holds extensions; a Reference's targets, and
    the canonical of a *required* value set, without version."""

    types: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    binding: str = ""


@cache
def type_named(name: str) -> Type:
    """The type of that name: `Task`, `Task.restriction`, `HumanName`, `dateTime`. KeyError where R4 has none."""
    root = name.partition(".")[0]
    own = _types(root if root in resource_types() else "datatypes")[name]
    if not own.base:
        return own
    return msgspec.structs.replace(own, elements=type_named(own.base).elements | own.elements)


@cache
def invariant(name: str) -> Invariant:
    """The rule that `Type.invariants` or `Element.invariants` names. KeyError where there is none.

    The name is the rule's key, but where R4 uses one key for two rules: those are `Task.inv-1` and its like.
    """
    return _invariants()[name]


@lru_cache(maxsize=1024)  # addresses are a caller's own words
def codes(value_set: str) -> dict[str, frozenset[str]] | None:
    """System -> codes of a value set that a required binding names (a version after `|` is disregarded).

    None where the standard's package does not list the codes (currencies, UCUM, MIME types), and for any other value set.
    """
    systems = _codes().valueSets.get(value_set.partition("|")[0])
    if systems is None:
        return None
    return {system: _systems()[system] if some is None else frozenset(some) for system, some in systems.items()}


def code_system(system: str) -> frozenset[str] | None:
    """All codes of a code system that the standard's package holds in full; None for any other."""
    return _systems().get(system)


def known_codes(system: str) -> frozenset[str] | None:
    """All codes that a code system has, where we have it in full: HL7's, with what came after R4; national ones, and our own."""
    if (found := _grown_systems().get(system)) is not None:
        return found
    return _own_codes(system)


def known_extension(url: str) -> KnownExtension | None:
    """The extension of that url, if R4 defines it.

    >>> known_extension("http://hl7.org/fhir/StructureDefinition/data-absent-reason").binding
    'http://hl7.org/fhir/ValueSet/data-absent-reason'
    """
    return _extensions().get(url)


@cache
def resource_types() -> frozenset[str]:
    """All concrete resource types of R4."""
    return frozenset(file.name[:-5] for file in TABLES.iterdir() if file.name[0].isupper())


def r5_elements(type: str) -> tuple[str, ...]:
    """The JSON names of elements that the resource type has in R5 and not in R4."""
    return _r5().get(type, ())


def json_names(element: Element) -> dict[str, str]:
    """Name in JSON -> type. A choice has one name a type.

    >>> json_names(type_named("Observation").elements["effective"])["effectivePeriod"]
    'Period'
    """
    if not element.choice:
        return {element.name: element.types[0]}
    return {element.name + type[0].upper() + type[1:]: type for type in element.types}


class _Codes(msgspec.Struct):
    systems: dict[str, list[str]]
    valueSets: dict[str, dict[str, list[str] | None] | None]


# Made once, by whoever imports: msgspec gathers what it knows of a struct at its first use, and not safely in several threads.
_EXTENSIONS: Final = msgspec.json.Decoder(dict[str, KnownExtension])
_TYPES: Final = msgspec.json.Decoder(dict[str, Type])
_INVARIANTS: Final = msgspec.json.Decoder(dict[str, Invariant])
_CODES: Final = msgspec.json.Decoder(_Codes)


@cache
def _extensions() -> dict[str, KnownExtension]:
    return _EXTENSIONS.decode((TABLES / "extensions.json").read_bytes())


@cache
def _types(file: str) -> dict[str, Type]:
    return _TYPES.decode((TABLES / f"{file}.json").read_bytes())


@cache
def _invariants() -> dict[str, Invariant]:
    return _INVARIANTS.decode((TABLES / "invariants.json").read_bytes())


@cache
def _codes() -> _Codes:
    return _CODES.decode((TABLES / "codes.json").read_bytes())


@cache
def _systems() -> dict[str, frozenset[str]]:
    return {system: frozenset(codes) for system, codes in _codes().systems.items()}


@cache
def _grown_systems() -> dict[str, frozenset[str]]:
    later = msgspec.json.decode((TABLES / "later_codes.json").read_bytes(), type=dict[str, frozenset[str]])
    return _systems() | {system: codes | _systems()[system] for system, codes in later.items()}


@lru_cache(maxsize=1024)
def _own_codes(system: str) -> frozenset[str] | None:
    known = terms.displays(system)
    return None if known is None else frozenset(known)


@cache
def _r5() -> dict[str, tuple[str, ...]]:
    return msgspec.json.decode((TABLES / "r5.json").read_bytes(), type=dict[str, tuple[str, ...]])
