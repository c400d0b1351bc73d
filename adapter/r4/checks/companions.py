"""`_name` beside `name`: the id and the extensions of a primitive (https://hl7.org/fhir/R4/json.html#primitive)."""

from __future__ import annotations

from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import PAGES, Check, Fault, moved, wrong_json
from adapter.r4.definitions import Element

PAGE: Final = "json.html#primitive"


def companion(element: Element, value: dict[str, Any], name: str, of_element: Check, scope: Any) -> list[Fault]:
    """All that is wrong with the member `_name`; places are relative to the object."""
    place = "." + element.name
    item = value["_" + name]
    if element.choice and sum(given.lstrip("_").startswith(element.name) for given in _others(value, name)):
        return [two_choices(element.name)]
    if element.most == 1:
        found = of_element(item, scope) or []
        if not found and item.keys() == {"id"} and name not in value:
            found = [only_id()]
        return moved(found, place)
    return _several(element, value.get(name), item, of_element, scope)


def covered(element: Element, value: dict[str, Any], name: str) -> set[str]:
    """The places of the nulls that stand for a value which has extensions alone."""
    items, beside = value.get(name), value["_" + name]
    if not isinstance(items, list) or not isinstance(beside, list):
        return set()
    pairs = enumerate(zip(items, beside, strict=False))
    return {f".{element.name}[{i}]" for i, (item, other) in pairs if item is None and isinstance(other, dict)}


def _others(value: dict[str, Any], name: str) -> set[str]:
    return {given for given in value if given.lstrip("_") != name and given not in {"id", "extension", "modifierExtension"}}


def _several(element: Element, items: Any, beside: Any, of_element: Check, scope: Any) -> list[Fault]:
    place = "." + element.name
    if beside.__class__ is not list:
        return moved(wrong_json(beside, "an array", "en liste", PAGE), place)
    if items.__class__ is list and len(items) != len(beside):
        en = f"{element.name} and _{element.name} must be equally long; null fills the gaps."
        nb = f"{element.name} og _{element.name} må være like lange; null fyller hullene."
        return [Fault(Kind.MALFORMED, en, nb, PAGES + PAGE, where=place)]
    found: list[Fault] = []
    if not beside:
        en, nb = "An array must not be empty. Leave the element out.", "En liste kan ikke være tom. Utelat elementet."
        found.append(Fault(Kind.MALFORMED, en, nb, PAGES + "json.html#null", where=place))
    for index, item in enumerate(beside):
        alone = items.__class__ is not list or items[index] is None
        if item is not None:
            faults = of_element(item, scope) or []
            if not faults and alone and item.keys() == {"id"}:
                faults = [only_id()]
            found += moved(faults, f"{place}[{index}]")
        elif alone and items.__class__ is not list:
            found += moved(wrong_json(item, "an object", "et objekt", PAGE), f"{place}[{index}]")
    return found


def only_id() -> Fault:
    """ele-1: an id alone is no content."""
    en, nb = "An element must have a value or content, not an id alone.", "Et element må ha verdi eller innhold, ikke bare en id."
    return Fault(Kind.INVARIANT, en, nb, "ele-1")


def two_choices(name: str) -> Fault:
    """Two types of one choice."""
    en, nb = f"Only one {name}[x] is allowed; there are several.", f"Bare én {name}[x] er tillatt; det er flere."
    return Fault(Kind.MALFORMED, en, nb, PAGES + "formats.html#choice", where=f".{name}")
