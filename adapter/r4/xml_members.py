"""How each element of a FHIR type is written in XML: its place in the order, and which of five ways (https://hl7.org/fhir/R4/xml.html).

>>> members("Extension")["url"].way, members("Narrative")["div"].way, members("Bundle.entry")["resource"].way
('attribute', 'xhtml', 'resource')
>>> members("Task.input")["valueDecimal"]
Member(at=4, name='valueDecimal', element='value', type='decimal', many=False, way='primitive')
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal, NamedTuple

from adapter.r4.definitions import json_names, type_named

FHIR: Final = "{http://hl7.org/fhir}"
XHTML_DIV: Final = "{http://www.w3.org/1999/xhtml}div"
RULE: Final = "https://hl7.org/fhir/R4/xml.html"

Way = Literal["attribute", "primitive", "xhtml", "resource", "complex"]


class Member(NamedTuple):
    """An element by its name in JSON, which is its name in XML too."""

    at: int
    name: str
    element: str  # the name without the choice's type
    type: str
    many: bool
    way: Way


@cache
def members(type: str) -> dict[str, Member]:
    """The elements of a type by name; a choice has one for each of its types. KeyError for a type that R4 does not have."""
    return {
        name: Member(at, name, element.name, of, element.most != 1, _way(type, element.name, of))
        for at, element in enumerate(type_named(type).elements.values())
        for name, of in json_names(element).items()
    }


def _way(owner: str, name: str, of: str) -> Way:
    if (name == "id" and type_named(owner).kind != "resource") or (owner == "Extension" and name == "url"):
        return "attribute"
    if of == "xhtml":
        return "xhtml"
    if of == "Resource":
        return "resource"
    return "primitive" if type_named(of).kind == "primitive" else "complex"
