"""The national rule sets, read from `mappings/pathways/*.toml`: one file per pathway and rule set.

A new pathway, or a new year's rules, is one new file there. What all pathways have stands in `mappings/pathways/shared`, and
a file names it: `shared = "every"`. https://www.helsedirektoratet.no/nasjonale-forlop
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from adapter.domain.identity import BASE
from adapter.domain.problem import Finding, Problem
from adapter.domain.rule_data import build
from adapter.domain.rule_sheet import Path, Place
from adapter.domain.ruleset import Rulebook, RuleSet, fault
from mappings import data, terms
from mappings.terms import OID
from mappings.toml_places import places

FOLDER, SHARED = "pathways", "pathways/shared"
_LISTS = ("limit", "rule", "duty", "indicator")


@cache
def national() -> Rulebook:
    """Every rule set of ours. Raises `Problem` with each contradiction in the files, its file and line."""
    sets: list[RuleSet] = []
    faults: dict[Finding, None] = {}  # a shared file is read with each that names it
    for name in data.names(FOLDER, ".toml"):
        try:
            sets.append(read(*whole(name)))
        except Problem as problem:
            faults |= dict.fromkeys(problem.findings)
    if faults:
        raise Problem(*faults)
    return Rulebook(sets)


def read(content: Mapping[str, Any], place: Place) -> RuleSet:
    """One rule set, all of whose codes are in our code systems. Raises `Problem` with all that is wrong with it."""
    rules = build(content, place)
    if faults := list(_uncoded(rules, place)):
        raise Problem(*faults)
    return rules


def _uncoded(rules: RuleSet, place: Place) -> Iterator[Finding]:
    """Types that 9321 lacks, events that 9327 lacks of this type, kinds of duty that pathway-task lacks."""
    types, combined = terms.displays(OID + "9321") or {}, terms.displays(OID + "9327") or {}
    kinds = terms.displays(f"{BASE}/CodeSystem/pathway-task") or {}
    if rules.pathway not in types:
        yield fault(place(("pathway",)), f"9321 has no {rules.pathway}", f"9321 har ikke {rules.pathway}")
    for event, outcomes in rules.events.items():
        for code in (rules.pathway + event + outcome for outcome in sorted(outcomes) or ("",)):
            if code not in combined:
                yield fault(place(("events", event)), f"9327 has no {code}", f"9327 har ikke {code}")
    for index, duty in enumerate(rules.duties):
        if duty.kind not in kinds:
            path = ("duty", index, "kind")
            yield fault(place(path), f"pathway-task has no {duty.kind[:64]}", f"pathway-task har ikke {duty.kind[:64]}")


def whole(name: str) -> tuple[Mapping[str, Any], Place]:
    """A pathway's file, with what it shares laid before its own; and where each part of that stands."""
    own, text = data.toml_file(FOLDER, name)
    here = places(f"{FOLDER}/{name}", text)
    if "shared" not in own:
        return own, here
    shared = f"{own['shared']}.toml"
    if shared not in data.names(SHARED, ".toml"):
        raise Problem(fault(here(("shared",)), f"there is no {SHARED}/{shared}", f"det er ingen {SHARED}/{shared}"))
    common, common_text = data.toml_file(SHARED, shared)
    return joined(own, common), _either(common, here, places(f"{SHARED}/{shared}", common_text))


def joined(own: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """What is listed in both follows one after the other; sources by the same name are the file's own."""
    lists = {key: [*common.get(key, []), *own.get(key, [])] for key in _LISTS}
    return {**common, **own, **lists, "sources": {**common.get("sources", {}), **own.get("sources", {})}}


def _either(common: Mapping[str, Any], own: Place, shared: Place) -> Place:
    def place(path: Path) -> str:
        if len(path) > 1 and path[0] in _LISTS and isinstance(path[1], int):
            first = len(common.get(str(path[0]), []))
            return shared(path) if path[1] < first else own((path[0], path[1] - first, *path[2:]))
        return own(path)

    return place
