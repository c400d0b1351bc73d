"""A message as nodes: what each says, and where it breaks the schema or says what no table knows.

What a schema says of an element (its content model, attributes and text) comes from the tables that
`tools/message_tables.py` derives from the official XSDs; a breach is a finding, not an end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from lxml import etree
from msgspec import Struct

from adapter.domain.problem import Finding, Kind, Problem, problem
from mappings import data
from mappings.messages import content_model
from mappings.messages.xml import Limits

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ANY = "any"
_ANYWHERE = {f"{XSI}schemaLocation", f"{XSI}noNamespaceSchemaLocation"}


class Type:
    """What the schema says of an element: children by tag, order as a regular expression, attributes, text."""

    __slots__ = ("attributes", "check", "children", "fullmatch", "leaf", "model", "open", "textual", "wildcard")

    def __init__(self, entry: dict[str, Any]) -> None:
        self.children: dict[str, tuple[str, str, Type]] = {}  # tag -> letter, local name, type; filled by Schema
        self.model: str = entry.get("model", "")
        self.fullmatch = re.compile(self.model).fullmatch
        self.attributes: dict[str, Callable[[str], object] | None] = {k: _CHECKS[v] for k, v in entry.get("attributes", {}).items()}
        self.textual = entry.get("text", ANY) != ANY
        self.check: Callable[[str], object] | None = _CHECKS[entry.get("text", ANY)]
        if "fixed" in entry:
            self.check = entry["fixed"].__eq__
        self.leaf = "children" not in entry
        self.open = entry.get("text") == ANY
        self.wildcard: bool = entry.get("wildcard", False)

    @property
    def required(self) -> list[str]:
        """The letters of children that must be there, whatever else is."""
        outermost = self.model
        while (flat := re.sub(r"(?!^)\(\?:[^()]*\)[?*+]?", "", outermost)) != outermost:
            outermost = flat
        return [] if outermost.endswith("?") else re.findall(r"(\w)(?![?*\w]*\])(?![?*])", outermost.removeprefix("(?:"))


def _pattern(text: str) -> Callable[[str], object]:
    return re.compile(rf"\s*(?:{text})\s*", re.ASCII).fullmatch


_YEAR = r"(?:(?!0000)\d{4}|[1-9]\d{4,})"
_LEAP = r"(?!0000)(?:[1-9]\d*)?(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
_DATE, _TIME, _ZONE = (
    rf"-?(?:{_YEAR}-(?:{_DAY})|{_LEAP}-02-29)",
    r"(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?|24:00:00(?:\.0+)?)",
    r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?",
)
_CHECKS: dict[str, Callable[[str], object] | None] = {
    "string": None,
    "token": None,
    "any": None,
    "base64": None,  # judged where it is decoded
    "dateTime": _pattern(rf"{_DATE}T{_TIME}{_ZONE}"),
    "date": _pattern(rf"{_DATE}{_ZONE}"),
    "gYear": _pattern(rf"-?{_YEAR}{_ZONE}"),
    "timestamp": _pattern(rf"(?:{_DATE}(?:T{_TIME})?|-?{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_TIME}){_ZONE}"),
    "boolean": _pattern(r"true|false|1|0"),
    "true-false": _pattern("true|false"),
    "integer": _pattern(r"[+-]?\d+"),
    "decimal": _pattern(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|INF|-INF|NaN"),
    "oid": re.compile(r"\s*\d+(?:\.\d+)*\s*").fullmatch,  # a pattern of the schema's own, where \d is a digit of any script
}


@cache
def _opaque() -> Type:
    """What a wildcard admits and no table describes: taken whole, or not at all."""
    return Type({"text": ANY})


class Schema:
    """One message format: its root and types."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.root: str = table["root"]
        types = [Type(entry) for entry in table["types"]]
        for kind, entry in zip(types, table["types"], strict=True):
            kind.children = {
                tag: (letter, tag.rpartition("}")[2], types[n]) for tag, (letter, n) in entry.get("children", {}).items()
            }
        self.type = types[0]


@cache
def schema(name: str) -> Schema:
    """The schema of a format: `henvisning-2.0`, `henvisning-1.1` or `henvisning-1.0`."""
    return Schema(data.json_file("messages/tables", f"{name}.json"))


class Node(Struct, eq=False, gc=False):
    """An element of a message, with its children by local name.

    `value` is what it says: @V where the schema has attributes, else its text, without blanks around; `text` is to the letter.
    """

    element: etree._Element
    type: Type
    text: str
    value: str
    attributes: dict[str, str]
    children: dict[str, list[Node]]

    def one(self, name: str) -> Node | None:
        """The first child of that name."""
        found = self.children.get(name)
        return found[0] if found else None

    def said(self, name: str) -> Node | None:
        """The first child of that name, if it says anything."""
        found = self.children.get(name)
        return found[0] if found and found[0].value else None

    def every(self, name: str) -> list[Node]:
        return self.children.get(name, _NO_NODES)

    def at(self, *names: str) -> Node | None:
        """The node at a path of single children."""
        node: Node | None = self
        for name in names:
            if node is None:
                return None
            node = node.one(name)
        return node


_NONE: dict[str, str] = {}
_CHILDLESS: dict[str, list[Node]] = {}
_NO_NODES: list[Node] = []


class Tree:
    """A message as nodes, with its breaches of the schema and what no table knows."""

    def __init__(self, root: etree._Element, kind: Type, limits: Limits) -> None:
        self.findings: list[Finding] = []
        self.nodes: list[Node] = []  # all that hold others
        self.leaves: list[Node] = []  # all that say something themselves
        self.strange: list[tuple[etree._Element, str]] = []  # element, attribute name or "" for the element itself
        self._limits = limits
        self.root = self._node(root, kind, 1)  # a root is no leaf

    def _node(self, element: etree._Element, kind: Type, depth: int) -> Node:
        if depth > self._limits.max_depth:
            raise _too_deep(self._limits.max_depth)
        items: Any = element.items()
        if items:
            self._attributes(element, kind, items)
        node = Node(element, kind, "", "", _NONE, _CHILDLESS)
        self.nodes.append(node)
        letters = ""
        children: dict[str, list[Node]] = {}
        expected = kind.children
        stray = element.text
        for child in element:
            found = expected.get(child.tag)
            if (tail := child.tail) and not tail.isspace():
                stray = tail
            if found is None and kind.wildcard and isinstance(child.tag, str):
                found = ("", child.tag.rpartition("}")[2], _opaque())
            if found is None:
                self._unknown(child, depth)
                continue
            letter, name, child_kind = found
            letters += letter
            built = self._leaf(child, child_kind) if child_kind.leaf else self._node(child, child_kind, depth + 1)
            if name in children:
                children[name].append(built)
            else:
                children[name] = [built]
        node.children = children
        if stray and not stray.isspace():
            self._stray(element)
        if not kind.fullmatch(letters):
            self._disorder(node, letters)
        return node

    def _leaf(self, element: etree._Element, kind: Type) -> Node:
        items: Any = element.items()
        attributes: dict[str, str] = dict(items) if items else _NONE
        if items:
            known = kind.attributes
            for name, value in items:
                if name not in known or ((check := known[name]) and not check(value)):
                    self._attributes(element, kind, items)
                    break
        text = element.text
        if kind.textual:
            text = text or ""
            if len(element):
                text = _own_text(element)
                for child in element:
                    self._unknown(child, _depth(element))
            if len(text) > self._limits.max_text:
                raise _too_long(element, self._limits.max_text)
            if kind.check and not kind.check(text):
                self._fault(element, "the text is not of the type that the schema asks for", "teksten har feil datatype")
            node = Node(element, kind, text, text.strip(), attributes, _CHILDLESS)
        else:
            if text or len(element):
                self._inside(element, kind)
            node = Node(element, kind, "", attributes["V"].strip() if "V" in attributes else "", attributes, _CHILDLESS)
        self.leaves.append(node)
        return node

    def _inside(self, element: etree._Element, kind: Type) -> None:
        """What stands in an element that says what it says in attributes, or of which the schema says nothing."""
        if kind.open:
            self._within_depth(element, _depth(element))
            return
        for child in element:
            self._unknown(child, _depth(element))
        text = _own_text(element)
        if text.strip():
            self._stray(element)
        elif text:
            self._fault(element, "it must be empty, without blanks", "det skal være tomt, uten blanke")

    def _stray(self, element: etree._Element) -> None:
        self.strange.append((element, "text()"))
        self._fault(element, "text is not allowed in it", "det er ikke lov med tekst i det")

    def _attributes(self, element: etree._Element, kind: Type, items: Iterable[tuple[str, str]]) -> None:
        for name, value in items:
            if name not in kind.attributes:
                if not kind.open:
                    self._attribute(element, name)
            elif (check := kind.attributes[name]) and not check(value):
                self._fault(element, f"@{name} is not of the type that the schema asks for", f"@{name} har feil datatype")

    def _attribute(self, element: etree._Element, name: str) -> None:
        if name in _ANYWHERE:
            return
        self.strange.append((element, f"@{name.rpartition('}')[2]}"))
        self._fault(
            element, f"@{name.rpartition('}')[2]} is not in the schema", f"@{name.rpartition('}')[2]} finnes ikke i skjemaet"
        )

    def _unknown(self, element: etree._Element, depth: int) -> None:
        self._within_depth(element, depth + 1)
        self.strange.append((element, ""))
        self._fault(element, "the schema does not know it here", "skjemaet kjenner det ikke her")

    def _within_depth(self, element: etree._Element, depth: int) -> None:
        stack = [(element, depth)]
        while stack:
            at, level = stack.pop()
            if level > self._limits.max_depth:
                raise _too_deep(self._limits.max_depth)
            stack += ((child, level + 1) for child in at)

    def _disorder(self, node: Node, letters: str) -> None:
        """Says what is missing, or else which child cannot follow those before it."""
        kind = node.type
        names = {letter: name for letter, name, _ in kind.children.values()}
        missing = [names[letter] for letter in kind.required if letter not in letters]
        for name in missing:
            self._fault(node.element, f"<{name}> is missing", f"<{name}> mangler")
        if missing:
            return
        end = content_model.viable(kind.model, letters)
        if end < len(letters):
            at = [child for child in node.element if child.tag in kind.children][end]
            self._fault(
                at, "not allowed here: it is too many or in the wrong place", "ikke lov her: det er ett for mye eller på feil plass"
            )
            return
        completing = [f"<{names[letter]}>" for letter in content_model.lacking(kind.model, letters)]
        en, nb = " or ".join(completing) or "something required", " eller ".join(completing) or "noe påkrevd"
        self._fault(node.element, f"{en} is missing", f"{nb} mangler")

    def _fault(self, element: etree._Element, en: str, nb: str) -> None:
        name = element.tag.rpartition("}")[2]
        self.findings.append(
            Finding(
                "warning",
                Kind.INVALID,
                f"<{name}>: {en}.",
                f"<{name}>: {nb}.",
                where=path_of(element),
                line=line_of(element),
                rule="XSD",
            )
        )


def _depth(element: etree._Element) -> int:
    """How deep an element stands; the root is at 1."""
    return 1 + sum(1 for _ in element.iterancestors())


def _own_text(element: etree._Element) -> str:
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _too_long(element: etree._Element, limit: int) -> Problem:
    return problem(
        Kind.TOO_LARGE,
        f"A text in the message is longer than {limit} characters.",
        f"En tekst i meldingen er lengre enn {limit} tegn.",
        line=line_of(element),
    )


def _too_deep(limit: int) -> Problem:
    return problem(
        Kind.TOO_LARGE, f"The message is nested deeper than {limit} levels.", f"Meldingen er nøstet dypere enn {limit} nivåer."
    )


def path_of(element: etree._Element) -> str:
    """An XPath of local names with positions among siblings of the same name, for people and tools."""
    steps: list[str] = []
    at: etree._Element | None = element
    while at is not None:
        name = at.tag.rpartition("}")[2]
        parent = at.getparent()
        if parent is not None:
            same = list(parent.iterchildren(at.tag))
            if len(same) > 1:
                name += f"[{same.index(at) + 1}]"
        steps.append(name)
        at = parent
    return "/" + "/".join(reversed(steps))


def line_of(element: etree._Element) -> int:
    line: Any = element.sourceline
    return int(line or 0)
