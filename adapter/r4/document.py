"""A resource as somebody sent it: what it says, and where in his text each part of it stands.

Places are worked out by a second reading, and only when a finding asks for one: most bodies are without fault.

>>> from adapter.domain.problem import Kind
>>> sent = read(b'{"resourceType": "Task",\\n "input": [{"valueCode": "x"}]}')
>>> [(f.line, f.column) for f in sent.located([Finding("error", Kind.VALUE, "", "", "Task.input[0].value")])]
[(2, 13)]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, Final

from adapter.domain.problem import Finding
from adapter.r4 import json, json_places, xml
from adapter.r4.definitions import json_names, type_named
from adapter.r4.json_scan import Path, positions

_STEP: Final = re.compile(r"(?:^|\.)([A-Za-z_][\w-]*)(?:\[(\d+)\])?(\([^)]*\))?", re.ASCII)
_CASTS: Final = frozenset({"ofType", "as"})


def read(data: bytes, *, xml: bool = False) -> Document:
    """The resource in the bytes, FHIR JSON or FHIR XML. Raises `Problem` with line and column where they are neither."""
    return Document(data, is_xml=xml)


class Document:
    """`body` is plain data as FHIR JSON has it, whatever was sent."""

    def __init__(self, data: bytes, *, is_xml: bool = False) -> None:
        self.body: Any = xml.parse(data) if is_xml else json.parse(data)
        self._data = data
        self._is_xml = is_xml

    def located(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings, each with line and column where its `where` is a FHIRPath into this resource.

        An element that is missing has the place of the one around it.
        """
        findings = list(findings)
        paths = [self._path(finding) for finding in findings]
        begins = self._begins([path for path in paths if path is not None])
        lines = positions(self._text, begins.values()) if begins else {}
        return [
            finding if path is None else replace(finding, line=lines[begins[path]][0], column=lines[begins[path]][1])
            for finding, path in zip(findings, paths, strict=True)
        ]

    def _path(self, finding: Finding) -> Path | None:
        """The way to the finding's place; None where it has none in this resource, or a line already."""
        if finding.line is not None or finding.where.startswith(("/", "http.")):
            return None
        return way(self.body, finding.where)

    def _begins(self, paths: Sequence[Path]) -> dict[Path, int]:
        """Where each of them begins in the text; an attribute in XML stands with its element."""
        if not paths or not self._is_xml:
            return json_places.begins(self._text, paths) if paths else {}
        places = dict(xml.places(self._data))
        return {path: next(places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places) for path in paths}

    @cached_property
    def _text(self) -> str:
        return self._data.decode("utf-8-sig")


def way(body: Any, where: str) -> Path | None:
    """The way down a body to what a FHIRPath names, or to the nearest part around it that is there; None for another resource.

    A body that does not say what it is can be named `Resource`.

    >>> way({"resourceType": "Task", "status": "draft", "input": [{"_valueCode": {}}]}, "Task.input[0].value.extension[0].url")
    ('input', 0, '_valueCode')
    """
    steps = _steps(where)
    root = next(steps, ("", None))[0]
    if root == "resourceType":
        steps = _steps(where)
    elif not isinstance(body, dict) or root not in (body.get("resourceType"), "Resource"):
        return None
    here: list[tuple[Path, Any]] = [((), body)]  # a value, and for a primitive what `_name` says of it beside it
    for name, index in steps:
        found = [step for path, value in here for step in _down(path, value, name, index)]
        if not found:
            break
        here = found
    return here[0][0]


def _steps(where: str) -> Iterator[tuple[str, int | None]]:
    """Name and index of each step, up to the first that is neither an element nor a cast."""
    at = 0
    while step := _STEP.match(where, at):
        if step[3] is None:
            yield step[1], None if step[2] is None else int(step[2][:9])
        elif step[1] not in _CASTS:
            return
        at = step.end()


def _down(path: Path, value: Any, name: str, index: int | None) -> Iterator[tuple[Path, Any]]:
    for key in _keys(value, name) if isinstance(value, dict) else ():
        inner = value[key]
        if isinstance(inner, list) and index is not None and index < len(inner):
            yield (*path, key, index), inner[index]
        else:
            yield (*path, key), inner


def _keys(value: dict[str, Any], name: str) -> list[str]:
    """The names in JSON that an element has there: its own or that of a choice, and with `_`."""
    names = [name] if name in value or f"_{name}" in value else [name + suffix for suffix in _suffixes()]
    return [key for one in names for key in (one, f"_{one}") if key in value]


@cache
def _suffixes() -> list[str]:
    """What a choice adds to an element's name: an extension's value may be of any type that any choice offers."""
    return [name.removeprefix("value") for name in json_names(type_named("Extension").elements["value"])]
