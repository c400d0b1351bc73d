"""FHIR XML to FHIR JSON as plain data, and back, by what R4 says of each type (https://hl7.org/fhir/R4/xml.html).

The two say the same: element ids and an extension's url are attributes in XML; a primitive's value is an attribute, and its
id and extensions are the property `_name` in JSON; order counts in XML; narratives are the same text in both.

>>> encode({"resourceType": "Basic", "id": "b", "created": "2026-01-01", "_created": {"id": "c"}})[38:]
b'<Basic xmlns="http://hl7.org/fhir"><id value="b"/><created id="c" value="2026-01-01"/></Basic>'
>>> parse(encode({"resourceType": "Goal", "note": [{"text": "a"}]}))
{'resourceType': 'Goal', 'note': [{'text': 'a'}]}
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final

from lxml import etree

from adapter.r4.definitions import resource_types
from adapter.r4.json import Number
from adapter.r4.json_scan import Path
from adapter.r4.xml_members import Member, members
from adapter.r4.xml_reading import LIMITS, is_div, read
from mappings.messages.xml import Limits

FHIR: Final = "http://hl7.org/fhir"

# What would end an attribute's value, and what a parser makes a blank of.
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def parse(data: bytes, limits: Limits = LIMITS) -> dict[str, Any]:
    """The resource as FHIR JSON has it. Raises `Problem` with all that is no FHIR XML; values are the checker's to judge."""
    return read(data, limits).body


def places(data: bytes) -> Iterator[tuple[Path, int]]:
    """Each value of the resource: the way to it in FHIR JSON, and where its element begins in the text."""
    return read(data).places()


def encode(resource: dict[str, Any]) -> bytes:
    """The resource as FHIR XML. ValueError for what is none of R4; what comes from outside is checked before it is kept."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>']
    try:
        _resource(out, resource, ' xmlns="http://hl7.org/fhir"')
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"no resource of R4: {type(fault).__name__}") from None
    return "".join(out).encode()


def indented(data: bytes) -> bytes:
    """FHIR XML of ours with a line for each element; the narrative keeps its blanks, which a reader may see.

    >>> indented(b'<Basic xmlns="http://hl7.org/fhir"><id value="b"/></Basic>').decode().splitlines()[1:]
    ['<Basic xmlns="http://hl7.org/fhir">', '  <id value="b"/>', '</Basic>']
    """
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    _indent(root, "\n")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _indent(element: etree._Element, line: str) -> None:
    if len(element) and etree.QName(element).namespace == FHIR:
        element.text = inner = f"{line}  "
        for child in element:
            _indent(child, inner)
            child.tail = inner
        element[-1].tail = line


def _resource(out: list[str], body: dict[str, Any], namespace: str = "") -> None:
    type = body["resourceType"]
    if type not in resource_types():
        raise KeyError(type)
    out.append(f"<{type}{namespace}>")
    _elements(out, body, type)
    out.append(f"</{type}>")


def _elements(out: list[str], body: dict[str, Any], type: str) -> None:
    """The child elements, in the order of the standard."""
    known = members(type)
    names = {
        name.removeprefix("_") for name in body if name != "resourceType" or name in known
    }  # ExampleScenario has one of its own
    for member in sorted(known[name] for name in names):
        if member.way == "attribute":
            continue
        value, extra = body.get(member.name), body.get(f"_{member.name}")
        if not member.many:
            _element(out, member, value, extra)
        else:
            for one, more in zip_longest(value or (), extra or ()):
                _element(out, member, one, more)


def _element(out: list[str], member: Member, value: Any, extra: Any) -> None:
    name = member.name
    if member.way == "primitive":
        said = "" if value is None else f' value="{_text(value)}"'
        out.append(f"<{name}{_attribute(extra, 'id')}{said}")
        if extra and "extension" in extra:
            out.append(">")
            _elements(out, extra, member.type)
            out.append(f"</{name}>")
        else:
            out.append("/>")
    elif member.way == "xhtml":
        out.append(_div(value))
    elif member.way == "resource":
        out.append(f"<{name}>")
        _resource(out, value)
        out.append(f"</{name}>")
    else:
        url = _attribute(value, "url") if member.type == "Extension" else ""
        out.append(f"<{name}{_attribute(value, 'id')}{url}>")
        _elements(out, value, member.type)
        out.append(f"</{name}>")


def _attribute(body: dict[str, Any] | None, name: str) -> str:
    return f' {name}="{_text(body[name])}"' if body and name in body else ""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return value.text if isinstance(value, Number) else str(value)
    raise TypeError(type(value).__name__)


def _div(text: str) -> str:
    if not is_div(text):
        raise TypeError("xhtml")
    return text
