"""What the service publishes as FHIR: all definitions of `profiles/`, the code lists of `mappings/codes`, the good examples.

    definitions()["ValueSet-care-level"]["url"]          # https://stafett.invalid/fhir/ValueSet/care-level
    snapshot("StructureDefinition-pathway-event")        # its elements with all that is inherited, by tools/profiles.py

A name is `Type-id`: that of the file in `profiles/` and in the package. Whatever is laid there is published, of any type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

Json = dict[str, Any]
OID: Final = "urn:oid:"


@cache
def definitions() -> Mapping[str, Json]:
    """Name -> definition, in the order of the names.

    A national list has its OID as `url`, which is what `Coding.system` says of it: by another nobody would find it.
    """
    resources = [*_resources(_profiles()), *map(_by_oid, _resources(files("mappings") / "codes"))]
    return MappingProxyType(dict(sorted((name(resource), resource) for resource in resources)))


@cache
def examples() -> Mapping[str, Json]:
    """Name -> a good example of some profile."""
    resources = _resources(_profiles() / "examples" / "good")
    return MappingProxyType(dict(sorted((name(resource), resource) for resource in resources)))


def snapshot(of: str) -> list[Json]:
    """The elements of a StructureDefinition, inherited ones too; none of what has no snapshot."""
    file = _profiles() / "snapshots" / f"{of}.json"
    return list(msgspec.json.decode(file.read_bytes())["element"]) if of in definitions() and file.is_file() else []


def whole(of: str) -> Json:
    """A definition as it stands in the package: a StructureDefinition with its snapshot."""
    found, elements = definitions()[of], snapshot(of)
    return found | {"snapshot": {"element": elements}} if elements else found


@cache
def by_url() -> Mapping[str, str]:
    """Canonical -> name: by `url`, and of a NamingSystem by what it explains."""
    named = {url: name for name, resource in definitions().items() for url in _urls(resource)}
    return MappingProxyType(named)


def strings(value: Any) -> Iterator[str]:
    """All that a resource says in text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def name(resource: Json) -> str:
    """`Type-id`."""
    return f"{resource['resourceType']}-{resource['id']}"


def _profiles() -> Traversable:
    installed = files("adapter") / "_data" / "profiles"
    return installed if installed.is_dir() else Path(__file__).parent.parent.parent / "profiles"


def _resources(folder: Traversable) -> Iterator[Json]:
    for file in folder.iterdir():
        if file.name.endswith(".json"):
            yield msgspec.json.decode(file.read_bytes())


def _urls(resource: Json) -> Iterator[str]:
    if "url" in resource:
        yield resource["url"]
    if resource["resourceType"] == "NamingSystem":
        yield from (unique["value"] for unique in resource["uniqueId"])


def _by_oid(resource: Json) -> Json:
    oids = [i["value"] for i in resource.get("identifier", ()) if i["value"].startswith(OID)]
    return resource | {"url": oids[0]} if oids else resource
