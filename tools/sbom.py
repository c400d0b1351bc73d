"""Writes `dist/stafett.cdx.json`: all that an installation is made of, with versions, hashes and licences (CycloneDX 1.6).

    python tools/sbom.py [--check]

The set is that of `locks/run.txt` on this kind of machine; licences and who needs whom are what each package says of itself.
The same locks give the same bytes. `--check` writes nothing, and exits 1 where a package of the lock is not installed at its
version, or says nothing of its licence.

The form: https://cyclonedx.org/docs/1.6/json/ ; package URLs: https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "locks" / "run.txt"
OUT = ROOT / "dist" / "stafett.cdx.json"


class Locked(NamedTuple):
    name: str
    version: str
    hashes: tuple[str, ...]


def locked(lock: Path) -> Iterator[Locked]:
    """The packages of a lock that this kind of machine gets."""
    for entry in lock.read_text("utf-8").replace("\\\n", " ").splitlines():
        words, *hashes = entry.split("--hash=sha256:")
        wanted = Requirement(words.strip())
        if wanted.marker is None or wanted.marker.evaluate():
            (version,) = (one.version for one in wanted.specifier)
            yield Locked(canonicalize_name(wanted.name), version, tuple(one.strip() for one in hashes))


def bom() -> dict[str, Any]:
    """The bill of materials. Raises `SystemExit` where the lock and what is installed differ."""
    packages = {one.name: one for one in locked(LOCK)}
    said = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    own = {"type": "application", "bom-ref": "stafett", "name": said["name"], "version": said["version"]}
    components = [_component(one, _installed(one)) for one in packages.values()]
    needs = [{"ref": "stafett", "dependsOn": _refs((Requirement(one).name for one in said["dependencies"]), packages)}]
    needs += [{"ref": _purl(one), "dependsOn": _refs(_needed(_installed(one)), packages)} for one in packages.values()]
    found = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own | {"licenses": [{"expression": said["license"]}]}},
        "components": components,
        "dependencies": needs,
    }
    serial = uuid5(NAMESPACE_URL, json.dumps(found, sort_keys=True))
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "serialNumber": f"urn:uuid:{serial}", **found}


def _installed(one: Locked) -> Distribution:
    try:
        found = distribution(one.name)
    except PackageNotFoundError:
        sys.exit(f"{one.name} is in the lock and not installed: run `make check` anew")
    if found.version != one.version:
        sys.exit(f"{one.name} is {found.version}, and in the lock {one.version}: run `make constraints`, or install anew")
    return found


def _component(one: Locked, found: Distribution) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "purl": _purl(one),
        "licenses": _licences(one, found),
        # One package, many files: for each platform its own, and whichever is installed must be one of these.
        "externalReferences": [
            {
                "type": "distribution",
                "url": _purl(one),
                "hashes": [{"alg": "SHA-256", "content": one_hash} for one_hash in one.hashes],
            }
        ],
    }


def _licences(one: Locked, found: Distribution) -> list[dict[str, Any]]:
    """An SPDX expression (PEP 639), else the classifiers, else the first line of what a package says in its own words."""
    said = found.metadata
    if expression := said.get("License-Expression"):
        return [{"expression": expression}]
    classified = [line.split(" :: ")[-1] for line in said.get_all("Classifier", []) if line.startswith("License :: ")]
    own_words = (said.get("License") or "").strip().splitlines()
    names = classified or own_words[:1]
    if not names:
        sys.exit(f"{one.name} says nothing of its licence: find it out, and tell it here")
    return [{"license": {"name": name}} for name in names]


def _needed(found: Distribution) -> Iterator[str]:
    for line in found.requires or ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield wanted.name


def _refs(names: Iterator[str], packages: dict[str, Locked]) -> list[str]:
    known = {canonicalize_name(name) for name in names}
    return sorted(_purl(packages[name]) for name in known if name in packages)


def _purl(one: Locked) -> str:
    return f"pkg:pypi/{re.sub('_', '-', one.name)}@{one.version}"


if __name__ == "__main__":
    made = json.dumps(bom(), indent=1, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(made, "utf-8")
