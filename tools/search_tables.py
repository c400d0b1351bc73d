"""Derives `adapter/r4/tables/search.json`: R4's own search parameters of the types that we serve.

    python tools/search_tables.py [--check]

Type -> name -> what `adapter.r4.parameters.Parameter` holds. Of an expression over several types only the type's own part is
kept. A parameter of a `code` has the system that its binding draws on, since a code does not say its system itself.
Left out are the kinds that search does not offer (number, quantity, composite, special), *phonetic*, since no algorithm for
the sound of Norwegian names is agreed, and what definitions have to do with each other, since ours have nothing. `--check`
compares instead of writing.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from r4_tables import DEFINITIONS, package

from adapter.r4 import definitions
from adapter.r4.fhirpath import selection

OUT: Final = Path(__file__).resolve().parent.parent / "adapter" / "r4" / "tables" / "search.json"
TYPES: Final = """AllergyIntolerance Binary CarePlan CareTeam Communication Condition Consent DocumentReference Encounter Endpoint
EpisodeOfCare Flag Goal HealthcareService Location MedicationStatement Observation Organization Patient PlanDefinition Practitioner
PractitionerRole Provenance RelatedPerson ServiceRequest Subscription Task""".split()  # noqa: SIM905 - easier to read
KINDS: Final = {"token", "reference", "date", "string", "uri"}
LEFT_OUT: Final = {"phonetic"}
OF_DEFINITIONS: Final = {"composed-of", "definition", "depends-on", "derived-from", "predecessor", "successor"}
SPECIAL_VALUES: Final = "http://terminology.hl7.org/CodeSystem/special-values"  # true and false, as tokens
LANGUAGES: Final = "urn:ietf:bcp:47"
TO_PATIENT: Final = ".where(resolve() is Patient)"

Json = dict[str, Any]


def resources(kind: str) -> Iterator[Json]:
    """The package's resources of a type, in the order of their names."""
    with zipfile.ZipFile(package()) as wheel, tarfile.open(fileobj=io.BytesIO(wheel.read(DEFINITIONS))) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if member.name.startswith(f"package/{kind}-"):
                file = tar.extractfile(member)
                assert file is not None
                yield json.load(file)


def of_type(type: str, expression: str) -> str:
    """The part of a union that is about the type."""
    parts = [part.strip() for part in expression.split("|")]
    assert all(part.count("(") == part.count(")") for part in parts), expression
    return " | ".join(part for part in parts if re.match(rf"\(?{type}\.", part))


def systems(type: str, path: str, value_sets: dict[str, set[str]]) -> Json:
    """The system that the codes of a `code` element, or true and false, belong to; none for what says its own system.

    Where a value set draws on several (that of Task.intent does), each code has its own.
    """
    selected = selection(path, type)[1]
    if selected in {"boolean", "System.Boolean"}:
        return {"system": SPECIAL_VALUES}
    if selected != "code":
        return {}
    element = last(type, path)
    if element.name == "language":  # bound, but not required
        return {"system": LANGUAGES}
    drawn = value_sets[element.binding.partition("|")[0]]
    if len(drawn) == 1:
        return {"system": next(iter(drawn))}
    by_system = definitions.codes(element.binding) or {}
    return {"systems": {code: system for system, codes in by_system.items() for code in sorted(codes)}}


def last(type: str, path: str) -> definitions.Element:
    """The element at the end of a plain path, or of one cut to a type: `(MedicationStatement.medication as Reference)`."""
    *steps, name = path.strip("()").split(" as ")[0].split(".")[1:]
    for step in steps:
        type = definitions.type_named(type).elements[step].types[0]
    return definitions.type_named(type).elements[name]


def targets(type: str, parameter: Json, expression: str) -> list[str]:
    """The types that a reference parameter leads to: what the parameter allows and the element does, and we serve."""
    allowed = ["Patient"] if expression.endswith(TO_PATIENT) else parameter.get("target", [])
    by_element = {target for part in expression.split(" | ") for target in last(type, part.split(".where(")[0]).targets or allowed}
    return sorted(set(allowed) & by_element & set(TYPES))


def table() -> dict[str, dict[str, Json]]:
    """Type -> name -> parameter."""
    value_sets = {
        v["url"]: {include["system"] for include in v.get("compose", {}).get("include", []) if "system" in include}
        for v in resources("ValueSet")
    }
    found: dict[str, dict[str, Json]] = {type: {} for type in TYPES}
    for parameter in resources("SearchParameter"):
        if parameter["type"] not in KINDS or parameter["code"] in LEFT_OUT or "expression" not in parameter:
            continue
        if parameter["url"].rpartition("/")[2].startswith("example"):  # one takes the place of Condition-subject
            continue
        for type in set(parameter["base"]) & set(TYPES):
            if type == "PlanDefinition" and parameter["code"] in OF_DEFINITIONS:
                continue
            expression = of_type(type, parameter["expression"])
            if not expression or "extension(" in expression:  # the package holds some of extensions, and an example
                continue
            found[type][parameter["code"]] = {
                "type": parameter["type"],
                "expression": expression,
                "targets": targets(type, parameter, expression) if parameter["type"] == "reference" else [],
                "url": parameter["url"],
            } | (systems(type, expression, value_sets) if parameter["type"] == "token" else {})
    return {type: dict(sorted(parameters.items())) for type, parameters in found.items()}


def main() -> int:
    try:
        made = (json.dumps(table(), indent=1) + "\n").encode()
    except OSError as error:
        print(f"Search parameters: not checked, the definitions are not to be had: {error}")
        return 1 if os.environ.get("CI") == "true" else 0
    if "--check" not in sys.argv:
        OUT.write_bytes(made)
        return 0
    if not OUT.is_file() or OUT.read_bytes() != made:
        print(f"{OUT.name} is stale; run python tools/search_tables.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
