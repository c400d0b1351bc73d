"""Small parts of the pages of definitions: their addresses, links from canonicals, and codes with their names."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from adapter.console.html import Child, Html, tag
from adapter.console.published import Json, by_url, definitions

HL7: Final = ("http://hl7.org/fhir/StructureDefinition/", "http://hl7.org/fhir/ValueSet/", "http://hl7.org/fhir/")
SHOWN: Final = 12  # a value set with more codes is counted in a table of elements, not listed


def href(prefix: str, name: str) -> str:
    """The address of a definition or example: a StructureDefinition's by its id alone."""
    return f"{prefix}/profiles/{name.removeprefix('StructureDefinition-')}"


def title_of(resource: Json) -> str:
    """What people call a definition."""
    return str(resource.get("title") or resource.get("name") or resource["id"])


def linked(prefix: str, canonical: str) -> Html:
    """A canonical: of ours a link with its id, of the standard its last word, of others as it is."""
    plain = canonical.partition("|")[0]
    if name := by_url().get(plain):
        return tag("a", definitions()[name]["id"], href=href(prefix, name))
    return tag("code", next((plain.removeprefix(start) for start in HL7 if plain.startswith(start)), plain))


@cache
def displays(system: str) -> dict[str, str]:
    """Code -> name, of a code system of ours; nothing of others."""
    name = by_url().get(system, "")
    return {c["code"]: c.get("display", "") for c in definitions()[name]["concept"]} if name.startswith("CodeSystem-") else {}


def codes(value_set: Json) -> list[tuple[str, str, str]]:
    """(system, code, name) of all that a value set takes; a system of others that is taken whole is left to itself."""
    found = []
    for include in value_set["compose"]["include"]:
        names = displays(include["system"])
        listed = {c["code"]: c.get("display") or names.get(c["code"], "") for c in include.get("concept", ())} or names
        found += [(include["system"], code, name) for code, name in listed.items()]
    return found


def coded(code: str, name: str) -> Html:
    return tag("span", tag("code", code), tag("span", f" {name}", lang="nb") if name else None, class_="code")


def value(prefix: str, what: Any) -> Child:
    """A fixed value or pattern, as one reads it."""
    if isinstance(what, dict) and "coding" in what:
        return [value(prefix, coding) for coding in what["coding"]]
    if isinstance(what, dict) and {"system", "code"} <= set(what):
        return [coded(what["code"], displays(what["system"]).get(what["code"], "")), " in ", linked(prefix, what["system"])]
    return linked(prefix, what) if isinstance(what, str) else tag("code", msgspec.json.encode(what).decode())
