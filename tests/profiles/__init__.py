"""What the tests of our profiles share: the published examples, and all our definitions in one folder for other validators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "profiles"
CODES = ROOT / "mappings" / "codes"
BASE = "https://stafett.invalid/fhir/StructureDefinition/"
GOOD = sorted((PROFILES / "examples" / "good").glob("*.json"))
BAD = sorted((PROFILES / "examples" / "bad").glob("*.json"))


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def definitions() -> list[Any]:
    """Every definition that is committed in profiles/."""
    return [read(path) for path in sorted(PROFILES.glob("*.json"))]


def good(name: str) -> Any:
    return read(PROFILES / "examples" / "good" / f"{name}.json")


TOPICS = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
OF_TOPICS = {
    "resourceType": "StructureDefinition",
    "id": "topics",
    "url": TOPICS,
    "name": "Topics",
    "status": "active",
    "fhirVersion": "4.0.1",
    "kind": "complex-type",
    "abstract": False,
    "context": [{"type": "element", "expression": "CapabilityStatement.rest.resource"}],
    "type": "Extension",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
    "derivation": "constraint",
    "differential": {
        "element": [
            {"id": "Extension", "path": "Extension"},
            {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
            {"id": "Extension.url", "path": "Extension.url", "fixedUri": TOPICS},
            {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": "canonical"}]},
        ]
    },
}
"""Stands in for the definition of another package, as its page says it is: a canonical at a resource of the statement."""


def lay_definitions(folder: Path) -> Path:
    """Our definitions and code lists, for a validator that looks a code system up by `Coding.system` alone.

    The national lists have a canonical of their own and stand on the wire by their OID: here they have that as canonical.
    """
    for path in (*PROFILES.glob("*.json"), *CODES.glob("*.json")):
        resource = read(path)
        for identifier in resource.get("identifier", []):
            if identifier["value"].startswith("urn:oid:"):
                resource["url"] = identifier["value"]
        (folder / path.name).write_text(json.dumps(resource), "utf-8")
    (folder / "StructureDefinition-topics.json").write_text(json.dumps(OF_TOPICS), "utf-8")
    return folder
