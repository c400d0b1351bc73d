"""FHIR R4 resources with exactly one defect each, and valid ones that look wrong, to try validators on.

One TOML file per resource type holds a valid base and the cases as edits of it (`README.md` says how). Needs nothing but
Python. `python -m corpus FOLDER` writes every case as a plain JSON file, with a `manifest.json`.

>>> case = next(case for case in cases() if case.name == "Task-status-missing")
>>> case.expected, case.at, case.kind
('defect', ('Task.status',), 'cardinality')
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).resolve().parent
KINDS = {
    "json": "the JSON form: syntax, duplicate keys, empties, nulls, number text",
    "cardinality": "a required element is absent, or one that may not repeat does, or the array is missing",
    "type": "a value of another JSON or FHIR type than the element's",
    "value": "a value outside its primitive type's form: dates, numbers, codes, ids, base64",
    "choice": "none, two, or a wrong one of an element's alternative types",
    "unknown": "an element that the type does not have",
    "later": "an element, type or code that came after R4",
    "binding": "a code outside a required value set",
    "target": "a reference to a type of resource that the element does not allow",
    "invariant": "a rule between elements of a resource or a data type",
    "contained": "the rules of contained resources",
    "extension": "extensions, also on primitive values",
    "narrative": "the XHTML in text.div",
    "bundle": "the rules of Bundle",
    "norway": "Norwegian identifiers (HL7 Norway's no-basis and the numbers' own rules); outside the R4 standard",
}
"""What may be wrong, in a few words."""


@dataclass(frozen=True, slots=True)
class Case:
    """A resource to judge: `at` are the FHIRPath expressions of which a finding must name one (any, if there are none)."""

    name: str
    type: str
    expected: Literal["defect", "valid"]
    data: bytes
    about: str
    rule: str
    kind: str = ""
    at: tuple[str, ...] = ()
    note: str = ""


@cache
def cases() -> tuple[Case, ...]:
    """All cases, by type and then as they stand in the files."""
    return tuple(case for path in sorted(HERE.glob("*.toml")) for case in _read(path))


@cache
def bases() -> dict[str, bytes]:
    """The resources that the cases are edits of, by type and name: all valid."""
    tables = {path.stem: tomllib.loads(path.read_text("utf-8"))["base"] for path in sorted(HERE.glob("*.toml"))}
    return {f"{type_}-{name}": text.encode() for type_, table in tables.items() for name, text in table.items()}


def _read(path: Path) -> Iterator[Case]:
    table = tomllib.loads(path.read_text("utf-8"))
    bases = table.pop("base")
    expected: Literal["defect", "valid"]
    for expected in ("defect", "valid"):
        for row in table.pop(expected, []):
            at = row.pop("at", [])
            known = {key: row.pop(key) for key in ("about", "rule", "kind", "note") if key in row}
            name = f"{path.stem}-{row.pop('name')}"
            yield Case(name, path.stem, expected, _data(row, bases), at=(at,) if isinstance(at, str) else tuple(at), **known)
            if row:
                raise ValueError(f"{name}: unknown keys {sorted(row)}")
    if table:
        raise ValueError(f"{path.name}: unknown keys {sorted(table)}")


def _data(row: dict[str, Any], bases: dict[str, str]) -> bytes:
    """The bytes that a case describes, by taking its form keys out of `row`."""
    encoding = row.pop("encoding", "utf-8")
    if "text" in row:
        return str(row.pop("text")).encode(encoding)
    resource = json.loads(bases[row.pop("of", "base")])
    for line in row.pop("edit", "").strip().splitlines():
        resource = _edited(resource, line.strip())
    text = json.dumps(resource, ensure_ascii=False, indent=2)
    if "replace" in row:
        old, new = row.pop("replace")
        if text.count(old) != 1:
            raise ValueError(f"{old!r} is {text.count(old)} times in {text}")
        text = text.replace(old, new)
    return text.encode(encoding)


def _edited(resource: Any, line: str) -> Any:
    """The resource after one edit: `/a/0/b = JSON` sets (`-` adds to a list), `- /a/0/b` removes, `= JSON` is a new one."""
    if line.startswith("= "):
        return json.loads(line[2:])
    removes = line.startswith("- ")
    pointer, _, value = (line[2:], "", "") if removes else line.partition(" = ")
    *parents, last = pointer.split("/")[1:]
    holder = resource
    for step in parents:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if removes:
        del holder[int(last) if isinstance(holder, list) else last]
    elif isinstance(holder, list):
        position = len(holder) if last == "-" else int(last)
        holder[position : position + 1] = [json.loads(value)]
    else:
        holder[last] = json.loads(value)
    return resource
