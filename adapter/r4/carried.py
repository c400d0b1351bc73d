"""The definitions that this program carries (https://hl7.org/fhir/R4/conformance-module.html): by type, then by id.

    carried("ValueSet")["pathway-phase"]["url"]

Code systems and concept maps are those of `mappings/codes`, measures are made of the rule sets; all others lie in `profiles/`:
in the source tree beside the packages, in the wheel under `adapter/_data`. They are the same for everybody who asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import msgspec

from mappings import data
from mappings.resources import measure

Body = dict[str, Any]

CARRIED: Final = (
    *("CodeSystem", "ConceptMap", "Measure", "NamingSystem", "OperationDefinition", "SearchParameter", "StructureDefinition"),
    "ValueSet",
)


@cache
def carried(type: str) -> Mapping[str, Body]:
    """The definitions of one of the types, by id in its order. They are shared: never change one."""
    found = {str(body["id"]): body for body in _bodies(type)}
    return {id: found[id] for id in sorted(found)}


def laid(*below: str, beginning: str = "") -> Iterator[Body]:
    """The resources in the files of `profiles/`, or of a folder `below` it, whose names begin so."""
    for file in _folder().joinpath(*below).iterdir():
        if file.name.startswith(beginning) and file.name.endswith(".json"):
            yield msgspec.json.decode(file.read_bytes())


def _bodies(type: str) -> Iterator[Body]:
    if type in ("CodeSystem", "ConceptMap"):
        bodies = (data.json_file("codes", name) for name in data.names("codes", ".json"))
        yield from (_by_oid(body) for body in bodies if body["resourceType"] == type)
    elif type == "Measure":
        yield from measure.measures()
    else:
        yield from (_whole(body) for body in laid(beginning=f"{type}-"))


def _by_oid(body: Body) -> Body:
    """A national list has its OID as `url`, which is what `Coding.system` says: by another, tools that look it up find nothing."""
    oids = [one["value"] for one in body.get("identifier", ()) if one["value"].startswith("urn:oid:")]
    return {**body, "url": oids[0]} if oids else body


def _whole(body: Body) -> Body:
    """With its snapshot, which lies in a file of its own, where it has one."""
    snapshot = _folder() / "snapshots" / f"{body['resourceType']}-{body['id']}.json"
    return {**body, "snapshot": msgspec.json.decode(snapshot.read_bytes())} if snapshot.is_file() else body


def _folder() -> Traversable:
    installed = files("adapter") / "_data" / "profiles"
    return installed if installed.is_dir() else Path(__file__).parent.parent.parent / "profiles"
