"""The table of a profile's elements: those that it, or a profile that it derives from, speaks of, and those that must be there.

What it inherits from R4 and leaves as it is stands in a second table, folded away.
"""

from __future__ import annotations

from typing import Final

from adapter.console.batons import row
from adapter.console.definition_parts import HL7, SHOWN, coded, codes, linked, value
from adapter.console.frame import table
from adapter.console.html import Child, Html, tag
from adapter.console.published import Json, by_url, definitions, snapshot

HEADS: Final = ("Element", "What it is", "Card.", "Must", "Type", "May hold")
DEEPEST: Final = 4  # steps that are drawn further in


def elements_tables(prefix: str, name: str) -> list[Child]:
    """The elements that matter, and all of them. `name` is a StructureDefinition of ours."""
    elements = snapshot(name)
    kept = _kept(elements, {element["id"] for one in lineage(name) for element in one["differential"]["element"]})
    keys = {rule["key"] for rule in rules_of(name)}
    return [
        table("What it says", HEADS, [_row(prefix, e, keys) for e in elements if e["id"] in kept], "elements"),
        tag(
            "details",
            tag("summary", f"All {len(elements)} elements, with those of R4 that are left as they are"),
            table("The snapshot", HEADS, [_row(prefix, e, keys) for e in elements], "elements"),
        ),
    ]


def lineage(name: str) -> list[Json]:
    """A StructureDefinition and those of ours that it derives from, itself first."""
    found = []
    while name:
        found.append(definitions()[name])
        name = by_url().get(found[-1]["baseDefinition"], "")
    return found


def rules_of(name: str) -> list[Json]:
    """The rules between elements that it and those above it add to R4's."""
    return [rule for one in lineage(name) for element in one["differential"]["element"] for rule in element.get("constraint", ())]


def _kept(elements: list[Json], spoken: set[str]) -> set[str]:
    """Ids: those spoken of with all above them, and what must be there below any of them."""
    kept: set[str] = set()
    for id in spoken:
        steps = id.split(".")
        kept.update(".".join(steps[:count]) for count in range(1, len(steps) + 1))
    for element in elements:  # parents stand before their children
        if element["min"] and element["id"].rpartition(".")[0] in kept:
            kept.add(element["id"])
    return kept


def _row(prefix: str, element: Json, keys: set[str]) -> Html:
    id = element["id"]
    path, _, slice = id.rpartition(".")[2].partition(":")
    label = [tag("code", path), tag("span", f" : {slice}", class_="slice") if slice else None]
    depth = min(id.count("."), DEEPEST)
    return row(
        tag("span", label, class_=f"depth-{depth}", title=id),
        [_what(element), _rules(element, keys)],
        f"{element['min']}..{element['max']}",
        _must(element),
        _types(prefix, element),
        _held(prefix, element),
    )


def _what(element: Json) -> Child:
    """An extension of ours tells itself what it is; of all else R4 or the profile says it."""
    profiles = [by_url()[url] for one in element.get("type", ()) for url in one.get("profile", ()) if url in by_url()]
    return str(definitions()[profiles[0]]["description"] if profiles else element["short"])


def _types(prefix: str, element: Json) -> Child:
    if "contentReference" in element:
        return ["as ", tag("code", element["contentReference"].rpartition("#")[2])]
    return [[_type(prefix, one), " "] for one in element.get("type", ())]


def _type(prefix: str, one: Json) -> Child:
    if targets := one.get("targetProfile"):
        return [f"{one['code']} to ", [[linked(prefix, t), " "] for t in targets]]
    if profiles := one.get("profile"):
        return [f"{one['code']} ", [[linked(prefix, p), " "] for p in profiles]]
    primitive = next((e["valueUrl"] for e in one.get("extension", ()) if "valueUrl" in e), one["code"])
    return tag("code", primitive.removeprefix(HL7[0]))


def _must(element: Json) -> Child:
    said = [
        ("mandatory", element["min"] > 0),
        ("must-support", element.get("mustSupport")),
        ("modifier", element.get("isModifier")),
        ("forbidden", element["max"] == "0"),
    ]
    return [tag("p", what) for what, so in said if so]


def _held(prefix: str, element: Json) -> Child:
    """Fixed values, and the codes that it is bound to."""
    fixed = [tag("p", value(prefix, v)) for k, v in element.items() if k.startswith(("fixed", "pattern"))]
    return [*fixed, _bound(prefix, element["binding"]) if "binding" in element else None]


def _bound(prefix: str, binding: Json) -> Child:
    canonical = binding.get("valueSet")
    if canonical is None:
        return None
    name = by_url().get(canonical.partition("|")[0])
    found = codes(definitions()[name]) if name else []
    listed = [[coded(code, display), " "] for _, code, display in found] if len(found) <= SHOWN else f"{len(found)} codes"
    return [tag("p", f"{binding['strength']}: ", linked(prefix, canonical)), tag("p", listed, class_="aside") if found else None]


def _rules(element: Json, keys: set[str]) -> Child:
    own = [rule["key"] for rule in element.get("constraint", ()) if rule["key"] in keys]
    return tag("p", "Rules: ", ", ".join(own), class_="aside") if own else None
