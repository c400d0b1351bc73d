"""What the service publishes as FHIR: all definitions that it carries, and the good examples.

    definitions()["ValueSet-care-level"]["url"]          # https://stafett.invalid/fhir/ValueSet/care-level
    snapshot("StructureDefinition-pathway-event")        # its elements with all that is inherited

A name is `Type-id`: that of the file in `profiles/` and in the package. Whatever is carried or laid there is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from adapter.r4.carried import CARRIED, carried, laid

Json = dict[str, Any]


@cache
def definitions() -> Mapping[str, Json]:
    """Name -> definition, in the order of the names: those that /fhir gives too (adapter.r4.carried), and what else is laid."""
    resources = [resource for type in CARRIED for resource in carried(type).values()]
    resources += [resource for resource in laid() if resource["resourceType"] not in CARRIED]
    return MappingProxyType(dict(sorted((name(resource), resource) for resource in resources)))


@cache
def examples() -> Mapping[str, Json]:
    """Name -> a good example of some profile."""
    return MappingProxyType(dict(sorted((name(resource), resource) for resource in laid("examples", "good"))))


def snapshot(of: str) -> list[Json]:
    """The elements of a StructureDefinition, inherited ones too."""
    return list(definitions()[of]["snapshot"]["element"])


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


def _urls(resource: Json) -> Iterator[str]:
    if "url" in resource:
        yield resource["url"]
    if resource["resourceType"] == "NamingSystem":
        yield from (unique["value"] for unique in resource["uniqueId"])
