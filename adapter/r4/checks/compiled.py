"""Types become checks: the tables of `adapter.r4.definitions`, compiled at first use into closures that look nothing up.

A check of an object walks its members once. What costs time (texts, places, likely names) is done only where something is
wrong. Types refer to each other in circles, so a check is known before its table is filled; the lock keeps other threads
from meeting it half made.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks import bindings, primitives
from adapter.r4.checks.companions import companion, covered, only_id, two_choices
from adapter.r4.checks.extensions import known_extension_faults
from adapter.r4.checks.faults import MOST, PAGES, Check, Fault, broken_form, empty, moved, next_bound, wrong_json
from adapter.r4.checks.identifiers import identifier_faults
from adapter.r4.checks.narrative import xhtml
from adapter.r4.checks.references import reference
from adapter.r4.checks.resources import any_resource, contained
from adapter.r4.checks.rules import ELSEWHERE, Rule, fault_of, rule_of
from adapter.r4.checks.scope import Scope
from adapter.r4.checks.unknown import unknown
from adapter.r4.definitions import Element, Type, json_names, type_named

_LOCK: Final = RLock()
_READY: dict[str, Check] = {}
_MAKING: dict[str, Check] = {}

NESTED: Final = "Extension.extension"
"""Our own name for an extension within an extension, whose url may be a simple name."""
RULED: Final = frozenset({"Quantity", "Range"})
"""The types of a choice that the choice's own rules (sqty-1, ras-1) are about."""


@dataclass(slots=True)
class _Table:
    """What a check knows of its type: members by JSON name, what must be there, choices, rules."""

    type: Type
    members: dict[str, Check] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)  # by JSON name
    required: list[str] = field(default_factory=list)
    choices: list[tuple[frozenset[str], Element]] = field(default_factory=list)
    rules: tuple[tuple[Rule, str], ...] = ()


def check_of(name: str) -> Check:
    """The check of that type's objects, with all that they hold. KeyError where R4 has no such type."""
    ready = _READY.get(name)
    if ready is None:
        with _LOCK:
            ready = _READY[name] = _object(name)
    return ready


def _object(name: str) -> Check:
    if name in _MAKING:
        return _MAKING[name]
    type = type_named("Extension" if name == NESTED else name)
    table = _Table(type, rules=_rules(type.invariants, type.name))
    check = _walk(table)
    _MAKING[name] = _WRAPPERS[type.name](check) if type.name in _WRAPPERS else check
    for element in type.elements.values():
        names = json_names(element)
        for json_name, of in names.items():
            table.members[json_name] = _member(name, type, element, of)
            table.elements[json_name] = element
        if element.choice:
            table.choices.append((frozenset(names), element))
        elif element.least:
            table.required.append(element.name)
    if type.kind == "resource":
        table.members["resourceType"] = primitives.string
    return _MAKING[name]


def _rules(names: tuple[str, ...], type: str) -> tuple[tuple[Rule, str], ...]:
    return tuple((rule_of(name, type), name) for name in names if name not in ELSEWHERE)


def _walk(table: _Table) -> Check:
    handler_of, required, choices, rules, type = table.members.get, table.required, table.choices, table.rules, table.type
    is_element = type.kind != "resource" and type.name != "Element"  # beside a primitive an id is enough: see companion()

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        if value.__class__ is not dict:
            return wrong_json(value, f"an object ({type.name})", f"et objekt ({type.name})", "json.html")
        if not value:
            return empty("An object", "Et objekt")
        faults: list[Fault] = []
        bound = MOST
        odd: list[str] | None = None
        for key, item in value.items():
            handler = handler_of(key)
            if handler is None:
                odd = odd or []
                odd.append(key)
            elif found := handler(item, scope):
                faults += moved(found, "." + table.elements[key].name)
                if len(faults) > bound and not (bound := next_bound(faults)):
                    return faults
        for key in required:
            if key not in value:
                faults += _missing(key, value)
        for names, element in choices:
            given = names & value.keys()
            if len(given) != 1 and (given or element.least):
                faults += _choice(element, given, names, value)
        if odd is not None:
            faults = _odd(odd, value, table, faults, scope)
        elif is_element and len(value) == 1 and "id" in value:
            faults.append(only_id())
        for rule, name in rules:
            if faults and broken_form(faults):
                faults += _tried(rule, name, value, scope)
            elif not rule(value, scope):
                faults.append(fault_of(name))
        return faults or None

    return check


def _tried(rule: Rule, name: str, value: Any, scope: Scope) -> list[Fault]:
    """The rule, where wrong types beneath may trip it: what it cannot judge has been told already."""
    try:
        return [] if rule(value, scope) else [fault_of(name)]
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError):
        return []


def _missing(name: str, value: dict[str, Any]) -> list[Fault]:
    """An extension may stand for the value that must be there (https://hl7.org/fhir/R4/json.html#primitive)."""
    if "_" + name in value:
        return []
    en, nb = f"{name} must be there and is missing.", f"{name} må være med, men mangler."
    return [Fault(Kind.REQUIRED, en, nb, PAGES + "conformance-rules.html#cardinality", where=f".{name}")]


def _choice(element: Element, given: AbstractSet[str], names: frozenset[str], value: dict[str, Any]) -> list[Fault]:
    if len(given) > 1:
        return [two_choices(element.name)]
    if any("_" + name in value for name in names):
        return []
    return _missing(element.name, value)


def _odd(odd: list[str], value: dict[str, Any], table: _Table, faults: list[Fault], scope: Scope) -> list[Fault]:
    """The members that the table lacks: companions of primitives, and those that R4 does not know."""
    for key in odd[: MOST + 1]:
        name = key[1:]
        element = table.elements.get(name)
        if key[:1] != "_" or element is None or not _is_primitive(json_names(element)[name]):
            faults.append(unknown(key, table.type))
            continue
        nulls = covered(element, value, name)
        faults = [fault for fault in faults if fault.where not in nulls]
        faults += companion(element, value, name, check_of("Element"), scope)
    return faults


def _is_primitive(type: str) -> bool:
    return type in primitives.PRIMITIVES


# --- members


def _member(owner: str, type: Type, element: Element, of: str) -> Check:
    """The check of one member: its type, binding, targets and rules; an array where the element may repeat."""
    one = _one(owner, type, element, of)
    rules = _rules(element.invariants, of)
    if rules and (not element.choice or of in RULED):
        one = _ruled(one, rules)
    return one if element.most == 1 else _array(one, element)


def _one(owner: str, type: Type, element: Element, of: str) -> Check:
    if of == "xhtml":
        return xhtml
    if of == "Resource":
        return contained(check_of) if element.name == "contained" else any_resource(check_of)
    if of == "code":
        # its formats are "xml | json | ttl | mime type": http://hl7.org/fhir/R4/capabilitystatement.html
        loose = type.name == "CapabilityStatement" and element.name in {"format", "patchFormat"}
        return primitives.code if loose else bindings.code_of(element.binding)
    if _is_primitive(of):
        if type.name == "Extension" and element.name == "url":
            return primitives.uri if owner == NESTED else _absolute_url
        if element.name == "id" and type.kind != "resource":
            # a snapshot and a differential name the same elements: https://hl7.org/fhir/R4/elementdefinition.html#id
            return primitives.any_element_id if type.name == "ElementDefinition" else primitives.element_id
        return primitives.PRIMITIVES[of]
    if of == "Reference":
        return reference(_object(of), element.targets)
    if of == "CodeableConcept" and element.binding:
        return bindings.concept_of(element.binding, _object(of))
    return _object(NESTED if type.name == "Extension" and element.name == "extension" else of)


def _ruled(one: Check, rules: tuple[tuple[Rule, str], ...]) -> Check:
    def check(value: Any, scope: Scope) -> list[Fault] | None:
        faults = one(value, scope) or []
        for rule, name in rules:
            if faults:
                faults += _tried(rule, name, value, scope)
            elif not rule(value, scope):
                faults = [fault_of(name)]
        return faults or None

    return check


def _array(one: Check, element: Element) -> Check:
    least, most = element.least, element.most

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        if value.__class__ is not list:
            return wrong_json(value, "an array: the element may repeat", "en liste: elementet kan gjentas", "json.html")
        if not value:
            return empty("An array", "En liste")
        faults: list[Fault] = []
        bound = MOST
        for index, item in enumerate(value):
            if found := one(item, scope):
                faults += moved(found, f"[{index}]")
                if len(faults) > bound and not (bound := next_bound(faults)):
                    return faults
        if len(value) < least or 0 < most < len(value):
            en, nb = f"There must be {least} to {most or 'any number'}.", f"Det må være {least} til {most or 'mange'}."
            faults.append(Fault(Kind.MALFORMED, en, nb, PAGES + "conformance-rules.html#cardinality"))
        return faults or None

    return check


def _coding(base: Check) -> Check:
    """A Coding, whose system may be one that we know in full."""

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        found = base(value, scope)
        if found or value.__class__ is not dict:
            return found
        fault = bindings.known_system(value.get("system"), value.get("code"))
        return None if fault is None else [fault]

    return check


def _extension(base: Check) -> Check:
    """An Extension, whose definition may be one of R4's own."""

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        found = base(value, scope)
        return found if found or value.__class__ is not dict else known_extension_faults(value, scope)

    return check


def _identifier(base: Check) -> Check:
    """An Identifier, whose system tells what its value looks like."""

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        found = base(value, scope)
        return found if found or value.__class__ is not dict else identifier_faults(value.get("system"), value.get("value"))

    return check


_WRAPPERS: Final[dict[str, Callable[[Check], Check]]] = {"Coding": _coding, "Extension": _extension, "Identifier": _identifier}


def _absolute_url(value: Any, scope: Scope) -> list[Fault] | None:
    """The url of an extension of a resource or datatype (https://hl7.org/fhir/R4/extensibility.html#Extension)."""
    found = primitives.uri(value, scope)
    if found or ":" in value:
        return found
    en = "An extension's url is absolute; a simple name is allowed within another extension only."
    nb = "En utvidelses url er fullstendig; et enkelt navn er bare tillatt inni en annen utvidelse."
    return [Fault(Kind.VALUE, en, nb, PAGES + "extensibility.html#Extension")]
