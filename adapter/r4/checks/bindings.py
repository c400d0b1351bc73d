"""Codes (https://hl7.org/fhir/R4/terminologies.html): required value sets, and codes that a system of the standard's own lacks."""

from __future__ import annotations

import re
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks import primitives
from adapter.r4.checks.currencies import CURRENCY
from adapter.r4.checks.faults import PAGES, Check, Fault, shown
from adapter.r4.definitions import codes, known_codes

PAGE: Final = PAGES + "terminologies.html#required"

SHAPES: Final[dict[str, re.Pattern[str]]] = {
    "http://hl7.org/fhir/ValueSet/mimetypes": primitives.MIME,
    "http://hl7.org/fhir/ValueSet/currencies": CURRENCY,
    "http://hl7.org/fhir/ValueSet/all-languages": primitives.LANGUAGE,
}
"""Value sets that the standard does not list: codes of a shape (RFC 6838, RFC 5646), or of a list elsewhere (ISO 4217)."""


def code_of(value_set: str) -> Check:
    """The check of a code that must be in the value set."""
    systems = codes(value_set)
    if systems is None:
        shape = SHAPES.get(value_set)
        return primitives.code if shape is None else _shaped(shape, value_set)
    allowed = frozenset().union(*systems.values())

    def check(value: Any, scope: Any) -> list[Fault] | None:
        if value.__class__ is str and value in allowed:
            return None
        return primitives.code(value, scope) or [_not_in(shown(value), value_set, allowed)]

    return check


def _shaped(shape: re.Pattern[str], value_set: str) -> Check:
    def check(value: Any, scope: Any) -> list[Fault] | None:
        if value.__class__ is str and shape.fullmatch(value):
            return None
        return primitives.code(value, scope) or [_not_in(shown(value), value_set, frozenset())]

    return check


def concept_of(value_set: str, base: Check) -> Check:
    """The check of a CodeableConcept of which one coding must be in the value set."""
    systems = codes(value_set)
    if systems is None:
        return base
    allowed = frozenset().union(*systems.values())

    def check(value: Any, scope: Any) -> list[Fault] | None:
        found = base(value, scope)
        if value.__class__ is not dict or value.keys() <= {"id", "extension"}:
            return found
        codings = value.get("coding")
        for coding in codings if codings.__class__ is list else ():
            if coding.__class__ is dict and coding.get("code") in systems.get(str(coding.get("system")), ()):
                return found
        if found and any(fault.kind is Kind.UNKNOWN_CODE for fault in found):
            return found
        return [*(found or ()), _not_in("This concept", value_set, allowed, next(iter(systems), ""))]

    return check


def _not_in(what: str, value_set: str, allowed: frozenset[str], system: str = "") -> Fault:
    """The codes are named where they can be read in one breath."""
    few = 0 < len(allowed) <= 40
    listed = f"Allowed: {', '.join(sorted(allowed))}." if few else f"See {value_set}."
    tillatt = f"Tillatt: {', '.join(sorted(allowed))}." if few else f"Se {value_set}."
    from_system = f" with the system {system}" if system else ""
    fra_system = f" med systemet {system}" if system else ""
    subject = "Dette begrepet" if what == "This concept" else what
    return Fault(
        Kind.UNKNOWN_CODE,
        f"{what} is not in the value set {value_set}{from_system}. {listed}",
        f"{subject} er ikke i verdisettet {value_set}{fra_system}. {tillatt}",
        PAGE,
    )


def known_system(system: Any, code: Any) -> Fault | None:
    """A code that the system, one of the standard's own, does not have."""
    if system.__class__ is not str:
        return None
    if ":" not in system:
        en = "A code's system is an absolute address; a name of its own is understood by nobody else."
        nb = "En kodes system er en fullstendig adresse; et eget navn forstås ikke av andre."
        return Fault(Kind.VALUE, en, nb, PAGES + "datatypes.html#Coding", where=".system", severity="warning")
    if code.__class__ is not str:
        return None
    known = known_codes(system)
    if known is None or code in known:
        return None
    few = len(known) <= 40
    return Fault(
        Kind.UNKNOWN_CODE,
        f"{shown(code)} is not a code of {system}." + (f" Its codes: {', '.join(sorted(known))}." if few else ""),
        f"{shown(code)} er ikke en kode i {system}." + (f" Kodene der: {', '.join(sorted(known))}." if few else ""),
        PAGES + "datatypes.html#Coding",
        where=".code",
    )
