"""Writes the FHIR package and its SHA-256 to `build/`, as the service gives them at /package.tgz (make package).

    python tools/package.py [--check]

`--check` writes nothing, and exits 1 where something in the package points at a definition of ours that is not in it, or is a
StructureDefinition without a snapshot.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from adapter.console.package import Package, package
from adapter.console.published import by_url, definitions, examples, strings
from adapter.domain.identity import BASE

BUILD = Path(__file__).resolve().parent.parent / "build"
CANONICAL = re.compile(rf"{re.escape(BASE)}/(?!SubscriptionTopic/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]+")
"""Of ours. R4 has no SubscriptionTopic that a package of it could hold: subscribers know one by its canonical alone."""


def faults() -> Iterator[str]:
    """What would break in the hands of a tool that is given the package and no network."""
    for name, resource in definitions().items():
        if resource["resourceType"] == "StructureDefinition" and "snapshot" not in resource:
            yield f"{name} has no snapshot: run python tools/profiles.py"
    for name, resource in {**definitions(), **examples()}.items():
        for canonical in sorted({said for said in strings(resource) if CANONICAL.fullmatch(said)} - set(by_url())):
            yield f"{name} points at {canonical}, which is not in the package"


def write(made: Package) -> Path:
    """The file, and beside it its digest as `sha256sum -c` reads it."""
    BUILD.mkdir(exist_ok=True)
    file = BUILD / made.file
    file.write_bytes(made.content)
    file.with_name(f"{made.file}.sha256").write_text(f"{made.digest}  {made.file}\n", "utf-8")
    return file


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        print(write(package()).relative_to(BUILD.parent))
    elif found := list(faults()):
        sys.exit("\n".join(f"package: {fault}" for fault in found))
