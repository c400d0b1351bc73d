"""Who is asked to coordinate, by municipality: `mappings/municipalities/*.toml`, one file each.

Another municipality is one new file there. What a file leaves out (days to answer, the children's coordinator) is as in
`default.toml`, which holds where a municipality has no file. The specialist service has its own (`specialist.toml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from adapter.domain.coordination import DEFAULT, CoordinationRules, Followup
from adapter.domain.coordination_data import build, build_followups
from adapter.domain.problem import Finding, Problem
from adapter.domain.rule_sheet import Place
from adapter.domain.ruleset import fault
from mappings import data
from mappings.toml_places import places

FOLDER, SHARED = "municipalities", "municipalities/shared"


def rules_for(number: str) -> CoordinationRules:
    """A municipality's rules by its number, or `SPECIALIST`; where no file has it, the default's.

    >>> rules_for("3435").name, rules_for("0301").municipality
    ('Vågå', '')
    """
    found = _by_number()
    return found.get(number) or found[DEFAULT]


def all_rules() -> tuple[CoordinationRules, ...]:
    """Every rule set: the default first, then by name of its file."""
    return tuple(_by_number().values())


@cache
def followups() -> tuple[Followup, ...]:
    """The eight tasks of a municipal coordinator, in order."""
    return build_followups(*_file(SHARED, "followups.toml"))


@cache
def _by_number() -> dict[str, CoordinationRules]:
    """Raises `Problem` with each contradiction in the files, its file and line."""
    default = build(*_file(FOLDER, "default.toml"))
    found, faults = {default.municipality: default}, list[Finding]()
    for name in data.names(FOLDER, ".toml"):
        if name == "default.toml":
            continue
        content, place = _file(FOLDER, name)
        try:
            rules = build(content, place, default)
        except Problem as problem:
            faults += problem.findings
            continue
        if rules.municipality in found:
            where, number = place(("municipality",)), rules.municipality
            faults.append(fault(where, f"another file has {number} too", f"en annen fil har også {number}"))
        found[rules.municipality] = rules
    if faults:
        raise Problem(*faults)
    return found


def _file(folder: str, name: str) -> tuple[Mapping[str, Any], Place]:
    content, text = data.toml_file(folder, name)
    return content, places(f"{folder}/{name}", text)
