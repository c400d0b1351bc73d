"""Code systems and concept maps of `mappings/codes`, as look-ups. A new table is a new file there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from mappings import data

OID = "urn:oid:2.16.578.1.12.4.1.1."
_NATIONAL = re.compile(
    r"(?:(?:urn:oid:)?2\.16\.578\.1\.12\.4\.1\.1\.|http://helsedir\.no/fhir/CodeSystem/no-kodeverk-"
    r"|https://finnkode\.helsedirektoratet\.no/adm/collections/)([0-9]+)"
)


@lru_cache(maxsize=1024)
def national(system: str) -> str:
    """The number of a national code system by any of its names (see `adapter.r4.systems`); of another system nothing.

    >>> national("urn:oid:2.16.578.1.12.4.1.1.9322"), national("http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322")
    ('9322', '9322')
    """
    found = _NATIONAL.fullmatch(system)
    return found[1] if found else ""


def displays(system: str) -> Mapping[str, str] | None:
    """The codes of a system with their names, by any of its URIs; None where we do not have it, or only a part."""
    return _systems().get(system)


@cache
def _systems() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name in data.names("codes", ".json"):
        resource = data.json_file("codes", name)
        if resource["resourceType"] != "CodeSystem" or resource["content"] != "complete":
            continue
        concepts = {concept["code"]: concept["display"] for concept in resource["concept"]}
        for uri in (resource["url"], *(i["value"] for i in resource.get("identifier", []))):
            found[uri] = concepts
    return found


@cache
def concept_map(name: str) -> Mapping[str, str]:
    """A concept map's codes with the target code of each that has one."""
    resource = data.json_file("codes", f"map-{name}.json")
    return {
        element["code"]: element["target"][0]["code"]
        for group in resource["group"]
        for element in group["element"]
        if "code" in element["target"][0]
    }
