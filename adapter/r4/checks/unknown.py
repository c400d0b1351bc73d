"""Members that a type does not have: what the sender may have meant."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import PAGES, Fault
from adapter.r4.definitions import Type, json_names, r5_elements, type_named

PAGE: Final = PAGES + "json.html"
_NAME: Final = re.compile(r"(?!.*[0-9]{5})_?[A-Za-z][A-Za-z0-9]{0,63}")  # five digits may be of a person's number


def unknown(name: str, type: Type) -> Fault:
    """The fault of a member that no element of the type has."""
    if name == "fhir_comments":
        en, nb = (
            "fhir_comments is of DSTU2; R4 has no comments. Remove it.",
            "fhir_comments er fra DSTU2; R4 har ikke kommentarer. Fjern det.",
        )
        return Fault(Kind.MALFORMED, en, nb, PAGE)
    if not _NAME.fullmatch(name):
        en, nb = (
            f"{type.name} has a member whose name no element of FHIR has.",
            f"{type.name} har et medlem med et navn som intet element i FHIR har.",
        )
        return Fault(Kind.MALFORMED, en, nb, PAGE)
    bare = name.removeprefix("_")
    for element in type.elements.values():
        rest = bare.removeprefix(element.name)
        if element.choice and rest != bare and (not rest or rest[0].isupper()):
            return _wrong_choice(element.name, list(json_names(element)))
    if name[0] == "_" and bare in type.elements:
        en = f"{name} has no place: {bare} is no primitive, so extensions stand within it."
        nb = f"{name} hører ikke hjemme her: {bare} er ikke en primitiv, så utvidelser står inni den."
        return Fault(Kind.MALFORMED, en, nb, PAGE + "#primitive", where=f".{bare}")
    hint_en, hint_nb = _hint(bare, type)
    en, nb = f"{type.name} has no element {bare} in R4.{hint_en}", f"{type.name} har ikke noe element {bare} i R4.{hint_nb}"
    return Fault(Kind.MALFORMED, en, nb, PAGE, where=f".{bare}")


def _wrong_choice(name: str, names: list[str]) -> Fault:
    allowed = ", ".join(names) if len(names) <= 12 else ", ".join(names[:12]) + " …"
    en, nb = f"{name}[x] is named after its type, one of {allowed}.", f"{name}[x] får navn etter typen sin, en av {allowed}."
    return Fault(Kind.MALFORMED, en, nb, PAGES + "formats.html#choice", where=f".{name}")


def _hint(name: str, type: Type) -> tuple[str, str]:
    if name in r5_elements(type.name):
        return " It is an element of R5.", " Det er et element i R5."
    near = _near(type.name)
    meant = next((near[variant] for variant in _variants(name.lower()) if variant in near), "")
    return (f" Did you mean {meant}?", f" Mente du {meant}?") if meant else ("", "")


@cache
def _near(type: str) -> dict[str, str]:
    """What a misspelt name may look like -> the name."""
    names = [json_name for element in type_named(type).elements.values() for json_name in json_names(element)]
    return {variant: name for name in reversed(names) for variant in _variants(name.lower())}


def _variants(name: str) -> list[str]:
    """The name, and all that is left when a letter is taken away: two names that share one are a letter or two apart."""
    return [name, *(name[:at] + name[at + 1 :] for at in range(len(name)))] if len(name) > 3 else [name]
