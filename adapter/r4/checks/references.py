"""References (https://hl7.org/fhir/R4/references.html): where they may lead, judged by the address itself; nothing is fetched."""

from __future__ import annotations

import re
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import PAGES, Check, Fault, shown
from adapter.r4.checks.scope import Scope
from adapter.r4.definitions import resource_types

PAGE: Final = PAGES + "references.html"
LITERAL: Final = re.compile(r"(https?://[^?#]+/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?.+")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
_FHIR_TYPE: Final = "http://hl7.org/fhir/StructureDefinition/"


def reference(base: Check, targets: tuple[str, ...]) -> Check:
    """The check of a Reference that may lead to these types; to any where there are none."""
    types = resource_types()
    allowed = frozenset(targets) or types

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        found = base(value, scope)
        if value.__class__ is not dict:
            return found
        address = value.get("reference")
        said = value.get("type")
        if address.__class__ is str:
            literal = LITERAL.fullmatch(address)
            if literal is not None and literal[2] in allowed and said is None:
                return found
            more, led = _led(address, literal, scope)
        else:
            more, led = None, None
        more = more or _judged(led, said if said.__class__ is str else None, allowed)
        return (found or []) + more if more else found

    return check


def _led(address: str, literal: re.Match[str] | None, scope: Scope) -> tuple[list[Fault] | None, str | None]:
    """What is wrong with the address, and the type of what it leads to where that can be told."""
    if address[:1] == "#":
        return _local(address, scope)
    if literal is not None and (literal[2] in resource_types() or not literal[1]):
        return (None, literal[2]) if literal[2] in resource_types() else (_no_type(literal[2]), None)
    conditional = _CONDITIONAL.fullmatch(address)
    if conditional is not None and scope.bundle is not None and scope.bundle.type == "transaction":
        return (None, conditional[1]) if conditional[1] in resource_types() else (_no_type(conditional[1]), None)
    if _ABSOLUTE.fullmatch(address):
        return None, scope.bundle.targets.get(address) if scope.bundle is not None else None
    en = "A reference is Type/id, an absolute address, or # and the id of a contained resource."
    nb = "En referanse er Type/id, en fullstendig adresse, eller # og id-en til en ressurs i contained."
    return [Fault(Kind.VALUE, en, nb, PAGE + "#literal", where=".reference")] if address else None, None


def _local(address: str, scope: Scope) -> tuple[list[Fault] | None, str | None]:
    scope.local.add(address)
    if address == "#":
        return None, scope.root.get("resourceType")
    if address[1:] in scope.contained:
        return None, scope.contained[address[1:]]
    en = "The reference leads into the resource itself, but no contained resource has that id."
    nb = "Referansen peker inn i ressursen selv, men ingen ressurs i contained har den id-en."
    return [Fault(Kind.INVARIANT, en, nb, "ref-1")], None


def _no_type(name: str) -> list[Fault]:
    en, nb = f"{shown(name)} is no resource type of R4.", f"{shown(name)} er ingen ressurstype i R4."
    return [Fault(Kind.INVARIANT, en, nb, PAGE + "#literal", where=".reference")]


def _judged(led: str | None, said: str | None, allowed: frozenset[str]) -> list[Fault] | None:
    """Is the type allowed, and what Reference.type says?"""
    if said is not None:
        said = said.removeprefix(_FHIR_TYPE)
        if led is not None and led != said:
            en = f"Reference.type says {shown(said)}, but the reference leads to {shown(led)}."
            nb = f"Reference.type sier {shown(said)}, men referansen peker til {shown(led)}."
            return [Fault(Kind.INVARIANT, en, nb, PAGE + "#Reference.type", where=".type")]
        if said not in resource_types():
            if _ABSOLUTE.fullmatch(said):
                return None  # a logical model's own
            en, nb = f"{shown(said)} is no resource type of R4.", f"{shown(said)} er ingen ressurstype i R4."
            return [Fault(Kind.UNKNOWN_CODE, en, nb, PAGE + "#Reference.type", where=".type")]
    type = led or said
    if type is None or type in allowed or type not in resource_types():
        return None
    names = ", ".join(sorted(allowed))
    en = f"This may not refer to {type}. Allowed: {names}."
    nb = f"Dette kan ikke vise til {type}. Tillatt: {names}."
    return [Fault(Kind.INVARIANT, en, nb, PAGE)]
