"""The search parameters of the types that we serve (https://hl7.org/fhir/R4/searchparameter-registry.html), and our own.

R4's stand in `tables/search.json`, condensed from the core package by `tools/search_tables.py`. Ours stand here; each is
also a SearchParameter resource in `profiles/`.

>>> PARAMETERS["Task"]["owner"].expression, PARAMETERS["Task"]["deadline"].type
('Task.owner', 'date')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

import msgspec

from adapter.domain.identity import BASE

EPISODE: Final = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
PHASE: Final = f"{BASE}/StructureDefinition/pathway-phase"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one type: its name in the address, its kind, the FHIRPath that it is taken by, its definition.

    `targets` are the types that a reference may lead to, of those that we serve. `system` is of a token whose element does
    not say one, a code or a boolean; `systems` code by code, where one value set draws on several.
    """

    name: str
    type: str  # token, reference, date, string or uri
    expression: str
    targets: tuple[str, ...] = ()
    url: str = ""
    system: str = ""
    systems: Mapping[str, str] = field(default_factory=dict)


_OWN: Final = (
    ("CarePlan", "episode", "reference", f"CarePlan.extension.where(url = '{EPISODE}').value", ("EpisodeOfCare",), ""),
    (
        "EpisodeOfCare",
        "phase",
        "token",
        f"EpisodeOfCare.extension.where(url = '{PHASE}').value",
        (),
        f"{BASE}/CodeSystem/pathway-phase",
    ),
    ("EpisodeOfCare", "team", "reference", "EpisodeOfCare.team", ("CareTeam",), ""),
    ("Flag", "status", "token", "Flag.status", (), "http://hl7.org/fhir/flag-status"),
    ("Task", "deadline", "date", "Task.restriction.period.end", (), ""),
)


def _parameters() -> dict[str, dict[str, Parameter]]:
    table = files("adapter.r4") / "tables" / "search.json"
    found = msgspec.json.decode(table.read_bytes(), type=dict[str, dict[str, dict[str, Any]]])
    own: dict[str, dict[str, Parameter]] = {type: {} for type in found}
    for type, name, kind, expression, targets, system in _OWN:
        own[type][name] = Parameter(name, kind, expression, targets, f"{BASE}/SearchParameter/{type}-{name}", system)
    return {
        type: {name: Parameter(name, **{**said, "targets": tuple(said["targets"])}) for name, said in parameters.items()}
        | own[type]
        for type, parameters in found.items()
    }


PARAMETERS: Final[Mapping[str, Mapping[str, Parameter]]] = _parameters()
"""Type -> name -> parameter; beside those of every resource (`_id`, `_tag` and the like)."""
