"""Parts of resources: `_summary` and `_elements` (https://hl7.org/fhir/R4/search.html#summary, #elements). Pure.

What is given is a copy, tagged SUBSETTED so that nobody stores it in place of the whole. Mandatory elements stay, and those
that change the meaning of others (https://hl7.org/fhir/R4/conformance-rules.html#isModifier).

>>> part = shape(b'{"resourceType":"Binary","id":"1","contentType":"text/plain","data":"aGVp"}', "Binary", summary="true")
>>> [name for name in json.parse(part)]
['resourceType', 'id', 'contentType', 'meta']
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from adapter.r4 import json
from adapter.r4.definitions import Element, json_names, type_named

ALWAYS: Final = ("resourceType", "id", "meta")
SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
WHOLE: Final = ("Extension", "Meta")  # an extension's value is no summary element, but the extension is nothing without it


def shape(body: bytes, type: str, *, summary: str = "", elements: Sequence[str] = ()) -> bytes:
    """The part of a resource's JSON that is asked for: `summary` is true, text or data, or there are `elements`."""
    resource = json.parse(body)
    if summary == "true":
        part = _summary(resource, type)
    elif summary == "data":
        part = {name: value for name, value in resource.items() if name != "text"}
    else:
        part = _top(resource, type, ("text",) if summary else elements, modifiers=not summary)
    meta = part.get("meta", {})
    part["meta"] = {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}
    return json.encode(part)


def _top(resource: dict[str, Any], type: str, wanted: Sequence[str], *, modifiers: bool) -> dict[str, Any]:
    """The elements wanted, and the mandatory ones; not a level deeper."""

    def keep(name: str) -> bool:
        found = _elements(type).get(name.removeprefix("_"))
        if found is None:
            return name in ALWAYS
        element, _ = found
        return name in ALWAYS or element.name in wanted or element.least > 0 or (modifiers and element.modifier)

    return {name: value for name, value in resource.items() if keep(name)}


def _summary(value: Any, type: str) -> Any:
    """The summary elements of a resource, datatype or backbone, and of what is in them."""
    if isinstance(value, list):
        parts = [_summary(item, type) for item in value]
        return [part for part in parts if part != {}]
    if not isinstance(value, dict) or type in WHOLE:
        return value
    kept = {}
    for name, inner in value.items():
        element, of = _elements(type).get(name.removeprefix("_"), (None, ""))
        if name in ALWAYS and "resourceType" in value:
            kept[name] = inner
        elif element is not None and (element.summary or element.least or element.modifier):
            part = inner if name.startswith("_") else _summary(inner, of)
            if part not in ({}, []):
                kept[name] = part
    return kept


@cache
def _elements(type: str) -> dict[str, tuple[Element, str]]:
    """Name in JSON -> the element and the type of its value."""
    return {name: (element, of) for element in type_named(type).elements.values() for name, of in json_names(element).items()}
