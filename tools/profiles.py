"""Writes `profiles/StructureDefinition-*.json` from `profiles/extensions.toml`.

python tools/profiles.py [--check]
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "profiles"
BASE = "https://stafett.invalid/fhir/StructureDefinition/"


def definition(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """The StructureDefinition of an extension, as a differential."""
    elements = [{"id": "Extension", "path": "Extension", "short": table["title"], "definition": table["about"]}]
    if "parts" in table:
        for part, kind in table["parts"].items():
            elements += _slice(part, kind, "Extension")
        elements += [_url(f"{BASE}{name}", "Extension"), {"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}]
    else:
        elements += [_url(f"{BASE}{name}", "Extension"), *_value(table["type"], "Extension")]
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": BASE + name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "title": table["title"],
        "status": "draft",
        "description": table["about"],
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": place} for place in table["on"]],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": elements},
    }


def _slice(name: str, kind: str | dict[str, str], above: str) -> list[dict[str, Any]]:
    id = f"{above}.extension:{name}"
    found: list[dict[str, Any]] = [{"id": id, "path": _path(id), "sliceName": name}]
    if isinstance(kind, dict):
        for part, below in kind.items():
            found += _slice(part, below, id)
        return [*found, _url(name, id)]
    return [*found, _url(name, id), *_value(kind, id)]


def _url(url: str, id: str) -> dict[str, Any]:
    return {"id": f"{id}.url", "path": _path(id) + ".url", "fixedUri": url}


def _value(kind: str, id: str) -> list[dict[str, Any]]:
    return [{"id": f"{id}.value[x]", "path": _path(id) + ".value[x]", "min": 1, "type": [{"code": kind}]}]


def _path(id: str) -> str:
    return ".".join(step.partition(":")[0] for step in id.split("."))


def main() -> int:
    tables = tomllib.loads((OUT / "extensions.toml").read_text(encoding="utf-8"))
    stale = 0
    for name, table in tables.items():
        text = json.dumps(definition(name, table), ensure_ascii=False, indent=1) + "\n"
        target = OUT / f"StructureDefinition-{name}.json"
        if "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            print(f"profiles: {target.name} is stale; run python tools/profiles.py")
            stale = 1
    for file in OUT.glob("StructureDefinition-*.json"):
        if file.stem.removeprefix("StructureDefinition-") not in tables:
            print(f"profiles: {file.name} is not in extensions.toml")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
