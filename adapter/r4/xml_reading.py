"""FHIR XML on its way to plain data: what it says, everything that is wrong with it, and which node is behind which value.

https://hl7.org/fhir/R4/xml.html: elements in the standard's order and its namespace, no text between them, and none empty.
What a value may be is not asked here: a boolean or number that is none stays text, for the checker to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from lxml import etree

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.r4.checks.faults import MOST, and_more, shown
from adapter.r4.definitions import resource_types, type_named
from adapter.r4.json import number
from adapter.r4.json_scan import MAX_DEPTH, Path, positions
from adapter.r4.xml_members import FHIR, RULE, XHTML_DIV, Member, members
from adapter.r4.xml_scan import spans
from mappings.messages.xml import Limits, parse

LIMITS: Final = Limits()
_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"  # tells nothing, and is sent by many
_WHOLE: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
_BOOLEANS: Final = {"true": True, "false": False}


def read(data: bytes, limits: Limits = LIMITS) -> Reading:
    """The document, read to its end. Raises `Problem` with all that is wrong with it."""
    root, warnings = parse(data, limits)
    if warnings:
        raise problem(Kind.MALFORMED, "FHIR XML is UTF-8. Send UTF-8.", "FHIR XML er UTF-8. Send UTF-8.", line=1, rule=RULE)
    reading = Reading(data.decode("utf-8-sig"), root)
    if reading.findings:
        raise Problem(*reading.located())
    return reading


def is_div(text: str) -> bool:
    """Whether the text by itself is an XHTML div that may stand in a document as it is."""
    try:
        root, _ = parse(text.encode(), LIMITS)
    except Problem:
        return False
    return root.tag == XHTML_DIV and not text.lstrip().startswith("<?xml")


def _name(node: etree._Element) -> str:
    """The name in the namespace of FHIR; what is in another has none."""
    return str(node.tag)[len(FHIR) :] if str(node.tag).startswith(FHIR) else ""


class Reading:
    """One document: its `body` as FHIR JSON has it, and `findings`, `MOST` at most."""

    def __init__(self, text: str, root: etree._Element) -> None:
        self.text = text
        self.root = root
        self.findings: list[Finding] = []
        self._begins: list[int] = []
        self._nodes: list[tuple[Path, etree._Element]] = [((), root)]
        self.body = self._resource(root, (), "/")

    def places(self) -> Iterator[tuple[Path, int]]:
        """Each value: the way to it in the body, and where its element begins in the text."""
        for path, node in self._nodes:
            yield path, self._spans[node][0]

    @cached_property
    def _spans(self) -> dict[etree._Element, tuple[int, int]]:
        return dict(zip(self.root.iter(), spans(self.text), strict=True))

    def _wrong(self, node: etree._Element, where: str, en: str, nb: str) -> None:
        self.findings.append(Finding("error", Kind.MALFORMED, en, nb, where, rule=RULE))
        self._begins.append(self._spans[node][0])
        if len(self.findings) == MOST:
            raise Problem(*self.located(), and_more())

    def located(self) -> list[Finding]:
        """The findings, each with line and column."""
        lines = positions(self.text, self._begins)
        return [
            replace(finding, line=lines[at][0], column=lines[at][1])
            for finding, at in zip(self.findings, self._begins, strict=True)
        ]

    def _resource(self, node: etree._Element, path: Path, where: str) -> dict[str, Any]:
        type = _name(node)
        if type not in resource_types():
            en = "This is no resource of R4 in the namespace http://hl7.org/fhir."
            self._wrong(node, where, en, "Dette er ingen ressurs i R4 i navnerommet http://hl7.org/fhir.")
            return {}
        body: dict[str, Any] = {"resourceType": type}
        self._content(node, type, body, path, where if path else type)
        return body

    def _content(self, node: etree._Element, type: str, body: dict[str, Any], path: Path, where: str) -> None:
        """Attributes and children of a resource, a complex type or, but for its value, a primitive."""
        if len(path) >= MAX_DEPTH:
            raise problem(
                Kind.MALFORMED, f"There are more than {MAX_DEPTH} levels.", f"Det er mer enn {MAX_DEPTH} nivåer.", rule=RULE
            )
        known = members(type)
        self._attributes(node, known, body, where, "value" if type_named(type).kind == "primitive" else "")
        url = {"url": body.pop("url")} if "url" in body and type == "Extension" else {}  # in JSON after the extensions
        last, counted = 0, dict[str, int]()
        for child in node:
            member = known.get("div" if child.tag == XHTML_DIV else _name(child))
            if member is None or member.way == "attribute" or (member.way == "xhtml") != (child.tag == XHTML_DIV):
                self._unknown(child, where)
                continue
            before = counted.get(member.element, 0)
            counted[member.element] = before + 1
            place = f"{where}.{member.element}" + (f"[{before}]" if member.many else "")
            if member.at < last:
                en = f"{member.name} stands too late: in XML the order of R4 counts."
                self._wrong(child, place, en, f"{member.name} står for sent: i XML teller rekkefølgen i R4.")
            last = max(last, member.at)
            if before and not member.many:
                self._wrong(child, place, f"{member.name} may stand here only once.", f"{member.name} kan bare stå her én gang.")
                continue
            if member.name != "extension":
                body.update(url)
                url = {}
            self._child(child, member, body, path, place)
        body.update(url)
        for name in [name for name, value in body.items() if isinstance(value, list) and all(one is None for one in value)]:
            del body[name]
        if (node.text or "").strip() or any((child.tail or "").strip() for child in node):
            self._wrong(node, where, "Text stands between the elements.", "Det står tekst mellom elementene.")

    def _attributes(self, node: etree._Element, known: dict[str, Member], body: dict[str, Any], where: str, other: str) -> None:
        for name, value in node.attrib.items():
            member = known.get(str(name))
            if member is not None and member.way == "attribute":
                body[member.name] = value
            elif name != other and not (name == _SCHEMA_LOCATION and node is self.root):
                local = shown(etree.QName(str(name)).localname)
                self._wrong(
                    node, where, f"The attribute {local} does not belong here.", f"Attributtet {local} hører ikke hjemme her."
                )

    def _unknown(self, node: etree._Element, where: str) -> None:
        name = shown(etree.QName(node).localname)
        self._wrong(
            node,
            f"{where}.{name}",
            f"R4 has no element {name} here, in the namespace {shown(etree.QName(node).namespace or 'none')}.",
            f"R4 har ikke noe element {name} her, i navnerommet {shown(etree.QName(node).namespace or 'ingen')}.",
        )

    def _child(self, node: etree._Element, member: Member, body: dict[str, Any], path: Path, where: str) -> None:
        """Adds what a child element says to the body around it."""
        name, extra_name = member.name, f"_{member.name}"
        at: Path = (len(body.get(name, ())),) if member.many else ()
        extra: dict[str, Any] = {}
        if member.way == "primitive":
            value = self._primitive(node, member.type, extra, (*path, extra_name, *at), where)
        else:
            value = self._complex(node, member, (*path, name, *at), where)
        if member.many:
            body.setdefault(name, []).append(value)
            if member.way == "primitive":
                body.setdefault(extra_name, []).append(extra or None)
        else:
            if value is not None:
                body[name] = value
            if extra:
                body[extra_name] = extra
        self._nodes.append(((*path, name, *at), node))
        if extra:
            self._nodes.append(((*path, extra_name, *at), node))

    def _primitive(self, node: etree._Element, type: str, extra: dict[str, Any], path: Path, where: str) -> Any:
        """The value, None where there is none; the element's id and extensions go to `extra`."""
        self._content(node, type, extra, path, where)
        text = node.get("value")
        if text is None:
            if not extra:
                self._wrong(node, where, "The element is empty. Leave it out.", "Elementet er tomt. Utelat det.")
            return None
        if type == "boolean":
            return _BOOLEANS.get(text, text)
        if type in _WHOLE:  # FHIR XML may have +7, JSON not
            text = text.removeprefix("+")
        found = number(text) if type in _WHOLE or type == "decimal" else None
        return text if found is None else found

    def _complex(self, node: etree._Element, member: Member, path: Path, where: str) -> Any:
        if member.way == "xhtml":
            begin, end = self._spans[node]
            if not is_div(self.text[begin:end]):
                en = "The div must declare its namespaces itself: xmlns='http://www.w3.org/1999/xhtml'."
                self._wrong(node, where, en, "Div må selv erklære navnerommene sine: xmlns='http://www.w3.org/1999/xhtml'.")
            return self.text[begin:end]
        if member.way == "resource":
            if len(node) == 1 and not node.attrib:
                return self._resource(node[0], path, where)
            self._wrong(node, where, f"{member.name} holds one resource.", f"{member.name} har én ressurs.")
            return {}
        value: dict[str, Any] = {}
        self._content(node, member.type, value, path, where)
        return value
