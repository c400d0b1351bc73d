"""The FHIR package: all that is published, as one file that SUSHI, the official validator and Medplum load without a network.

    tgz = package()
    tgz.digest                # SHA-256 of the file, in hexadecimal

Form: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification. The same definitions give the same bytes: names are sorted,
times are none. It needs R4 core and nothing else, and is read by tools that look for nothing they were not given.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import msgspec

from adapter.console.published import Json, definitions, examples
from adapter.domain.identity import BASE

ID: Final = "stafett.pathways"
"""A name of our own: neither a registry's (hl7., fhir.) nor anybody's domain read backwards."""

CORE: Final = {"hl7.fhir.r4.core": "4.0.1"}
INDEXED: Final = ("id", "url", "version", "kind", "type", "supplements", "content", "derivation")
PLAIN: Final = 0o644


class Package(NamedTuple):
    """The package as a file."""

    name: str
    version: str
    content: bytes
    digest: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.tgz"


@cache
def package() -> Package:
    """Made once, at the first call: half a second."""
    released = version("stafett")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(_contents(released).items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), PLAIN
            tar.addfile(entry, io.BytesIO(content))
    content = gzip.compress(packed.getvalue(), mtime=0)
    return Package(ID, released, content, sha256(content).hexdigest())


def manifest(released: str) -> Json:
    """`package/package.json`."""
    return {
        "name": ID,
        "version": released,
        "tools-version": 3,
        "type": "Conformance",
        "license": "Apache-2.0",
        "canonical": BASE,
        "title": "Stafett: Norwegian patient pathways",
        "description": "Profiles, extensions, code lists, search parameters and operations of the national patient pathways in "
        "mental health care and substance-use treatment, with snapshots and examples.",
        "fhirVersions": ["4.0.1"],
        "dependencies": CORE,
        "author": "Stafett",
        "jurisdiction": "urn:iso:std:iso:3166#NO",
        "directories": {"lib": "package", "example": "package/example"},
    }


def _contents(released: str) -> dict[str, bytes]:
    return {
        "package/package.json": _written(manifest(released)),
        **_folder("package", definitions()),
        **_folder("package/example", examples()),
    }


def _folder(path: str, resources: Mapping[str, Json]) -> dict[str, bytes]:
    """A folder of resources, and the index that spares a tool from opening each."""
    listed = {f"{name}.json": resource for name, resource in resources.items()}
    return {f"{path}/.index.json": _written(index(listed))} | {f"{path}/{n}": _written(r) for n, r in listed.items()}


def index(files: Mapping[str, Json]) -> Json:
    """`.index.json` of a folder. `valueSet` is what a code system's codes are all in, where it says so."""
    return {"index-version": 2, "files": [{"filename": name, **_indexed(resource)} for name, resource in files.items()]}


def _indexed(resource: Json) -> Json:
    said = {"resourceType": resource["resourceType"]}
    return said | {key: resource[key] for key in _stated(resource)}


def _stated(resource: Json) -> Iterable[str]:
    return (key for key in INDEXED if isinstance(resource.get(key), str))


def _written(what: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(what), indent=1) + b"\n"
