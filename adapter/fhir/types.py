"""The one description of what /fhir offers of each type: search, the CapabilityStatement and OpenAPI all read it.

Which parameters a type has, and what each is taken from, stands in `adapter.r4.parameters`: R4's own
(https://hl7.org/fhir/R4/searchparameter-registry.html) and a few of ours. Here they meet the parameters of every resource,
and what follows from them: what can be included, and which modifiers there are. The profiles that we promise of each are
`adapter.r4.profiles.promised`.

>>> "owner" in TYPES["Task"], "Task:focus" in includes("Task"), "Provenance:target" in revincludes("Task")
(True, True, True)
"""

from __future__ import annotations

from functools import cache
from typing import Final

from adapter.r4.parameters import PARAMETERS, Parameter

CORE: Final = "http://hl7.org/fhir/SearchParameter/Resource-"
BY_POST: Final = "A national identity number is taken by POST [type]/_search only, so that it stands in no address."

GENERAL: Final = {
    name: Parameter(name, kind, "", (), CORE + name.removeprefix("_"), "")
    for name, kind in {
        "_id": "token",
        "_lastUpdated": "date",
        "_profile": "uri",
        "_security": "token",
        "_source": "uri",
        "_tag": "token",
    }.items()
}
"""Parameters of every resource (https://hl7.org/fhir/R4/resource.html#search)."""

TYPES: Final[dict[str, dict[str, Parameter]]] = {type: {**GENERAL, **PARAMETERS[type]} for type in sorted(PARAMETERS)}
"""Resource type -> its search parameters by name."""

MODIFIERS: Final[dict[str, tuple[str, ...]]] = {
    "token": ("missing", "not"),
    "reference": ("missing", "identifier"),  # and the name of each type that it may point to
    "date": ("missing",),
    "string": ("missing", "exact", "contains"),
    "uri": ("missing", "below", "above"),
}
"""Kind of parameter -> its modifiers (https://hl7.org/fhir/R4/search.html#modifiers)."""

PLAIN: Final = {"_id": ("not",), "_lastUpdated": ()}
"""The same of what no resource lacks."""

RESULT: Final = ("_sort", "_count", "_total", "_summary", "_elements", "_include", "_revinclude", "_format", "_pretty")
"""Parameters that say how the result is given, not what is in it."""


def modifiers(type: str, name: str) -> tuple[str, ...]:
    """Which modifiers the parameter takes, the types of a reference among them."""
    parameter = TYPES[type][name]
    if name in PLAIN:
        return PLAIN[name]
    return MODIFIERS[parameter.type] + tuple(target for target in parameter.targets if target in TYPES)


@cache
def targets(type: str, name: str) -> tuple[str, ...]:
    """The types that we serve and the reference parameter may point to; empty where it is none, or points elsewhere."""
    parameter = TYPES.get(type, {}).get(name)
    if parameter is None or parameter.type != "reference":
        return ()
    return tuple(target for target in TYPES if target in parameter.targets)


@cache
def includes(type: str) -> tuple[str, ...]:
    """What `_include` takes of resources of this type: `Task:focus` …"""
    return tuple(f"{type}:{name}" for name in TYPES[type] if targets(type, name))


@cache
def revincludes(type: str) -> tuple[str, ...]:
    """What `_revinclude` takes where this type is searched for: `Provenance:target` …"""
    return tuple(f"{source}:{name}" for source in TYPES for name in TYPES[source] if type in targets(source, name))
