"""GET /profiles/{name}: one definition for people to read, and one example.

Each shows what it is, its own content by its type, where it is used, and the good examples that have to do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.responses import Response

from adapter.console.batons import row
from adapter.console.definition_parts import codes, href, linked, title_of
from adapter.console.elements import elements_tables, rules_of
from adapter.console.frame import page, table
from adapter.console.html import Child, Html, join, tag
from adapter.console.published import Json, by_url, definitions, examples, strings


def definition_page(prefix: str, name: str) -> Response:
    """One definition. `name` is one of `definitions()`."""
    resource = definitions()[name]
    body = BODIES.get(resource["resourceType"])
    return page(
        prefix,
        f"{resource['id']} · {resource['resourceType']}",
        tag("p", tag("a", "← Profiles", href=f"{prefix}/profiles")),
        tag("h1", tag("span", title_of(resource), lang="nb"), " ", tag("span", _kind(resource), class_="kind")),
        tag("p", resource["description"], class_="intro") if "description" in resource else None,
        _facts(prefix, name, resource),
        body(prefix, name, resource) if body else None,
        _names("Used by", prefix, _used(name, definitions())),
        _names("Good examples", prefix, _used(name, examples())),
    )


def example_page(prefix: str, name: str) -> Response:
    """One example as FHIR, with links to the definitions that it names."""
    resource = examples()[name]
    text = msgspec.json.format(msgspec.json.encode(resource), indent=1).decode()
    named = sorted({by_url()[said] for said in strings(resource) if said in by_url()})
    return page(
        prefix,
        f"{resource['id']} · example",
        tag("p", tag("a", "← Profiles", href=f"{prefix}/profiles")),
        tag("h1", resource["id"], " ", tag("span", f"{resource['resourceType']}, example", class_="kind")),
        tag("p", tag("a", "as JSON", href=f"{href(prefix, name)}.json")),
        tag("pre", text, class_="json", tabindex=0, role="region", aria_label="The example"),
        _names("Definitions in it", prefix, named),
    )


def _kind(resource: Json) -> str:
    if resource["resourceType"] != "StructureDefinition":
        return str(resource["resourceType"])
    return "extension" if resource["type"] == "Extension" else f"profile of {resource['type']}"


def _facts(prefix: str, name: str, resource: Json) -> Html:
    context = ", ".join(c["expression"] for c in resource.get("context", ()) if "expression" in c)
    facts: tuple[tuple[str, Child], ...] = (
        ("Id", tag("code", resource["id"])),
        ("Canonical", tag("code", resource["url"]) if "url" in resource else None),
        ("Of", tag("code", resource["type"]) if resource["resourceType"] == "StructureDefinition" else None),
        ("Derives from", linked(prefix, resource["baseDefinition"]) if "baseDefinition" in resource else None),
        ("Stands on", tag("code", context) if context else None),
        ("Abstract", "yes: resources claim a profile that derives from it" if resource.get("abstract") is True else None),
        ("Status", resource["status"]),
        ("For programs", tag("a", "JSON", href=f"{href(prefix, name)}.json")),
    )
    return tag("dl", [[tag("dt", what), tag("dd", said)] for what, said in facts if said], class_="facts")


def _structure(prefix: str, name: str, _: Json) -> Html:
    rules = rules_of(name)
    rows = [
        row(_example_of(prefix, r["key"]), r["human"], tag("span", _norwegian(r), lang="nb"), tag("code", r["expression"]))
        for r in rules
    ]
    heads = ("Rule", "What", "Hva", "As FHIRPath")
    return join(
        tag("h2", "Elements"),
        elements_tables(prefix, name),
        [tag("h2", "Rules"), table("Rules between elements; each leads to an example", heads, rows, "rules")] if rules else None,
    )


def _norwegian(rule: Json) -> str:
    parts = {part["url"]: part for extension in rule["_human"]["extension"] for part in extension["extension"]}
    return str(parts["content"]["valueString"])


def _example_of(prefix: str, key: str) -> Child:
    """A rule's key, as a link to the example that keeps it: it has the rule's own name."""
    found = next((name for name, resource in examples().items() if resource["id"] == key), None)
    return tag("a", key, href=href(prefix, found)) if found else key


def _value_set(prefix: str, _: str, resource: Json) -> Html:
    wholes = [include["system"] for include in resource["compose"]["include"] if "concept" not in include]
    rows = [row(tag("code", code), tag("span", name, lang="nb"), linked(prefix, system)) for system, code, name in codes(resource)]
    takes = tag("p", "All codes of ", [[linked(prefix, system), " "] for system in wholes]) if wholes else None
    return join(tag("h2", "Codes"), takes, table(f"{len(rows)} codes", ("Code", "Name", "Code system"), rows, "codes"))


def _code_system(_: str, __: str, resource: Json) -> Html:
    """The codes; a column in which no code says anything is left out."""
    heads = ("Code", "In Norwegian", "In English", "What it means")
    said = [
        (tag("code", c["code"]), tag("span", c["display"], lang="nb"), _english(c), c.get("definition"))
        for c in resource["concept"]
    ]
    filled = [place for place in range(len(heads)) if any(cells[place] for cells in said)]
    rows = [row(*(cells[place] for place in filled)) for cells in said]
    return join(tag("h2", "Codes"), table(f"{len(rows)} codes", tuple(heads[place] for place in filled), rows, "codes"))


def _english(concept: Json) -> str | None:
    return next((str(d["value"]) for d in concept.get("designation", ()) if d.get("language") == "en"), None)


def _concept_map(prefix: str, _: str, resource: Json) -> Html:
    parts = []
    for group in resource["group"]:
        rows = [
            row(tag("code", e["code"]), tag("code", t["code"]) if "code" in t else "none", t["equivalence"], t.get("comment"))
            for e in group["element"]
            for t in e["target"]
        ]
        ends = tag("p", "From ", linked(prefix, group["source"]), " to ", linked(prefix, group["target"]))
        parts += [ends, table("Each code and what it becomes", ("Code", "Becomes", "Equivalence", "Note"), rows, "codes")]
    return join(tag("h2", "Map"), parts)


def _search_parameter(_: str, __: str, resource: Json) -> Html:
    """https://hl7.org/fhir/R4/searchparameter.html"""
    facts: tuple[tuple[str, Child], ...] = (
        ("Search", tag("code", f"{resource['base'][0]}?{resource['code']}=…")),
        ("Type", resource["type"]),
        ("Finds", tag("code", resource.get("expression", ""))),
        ("Targets", ", ".join(resource.get("target", ())) or None),
    )
    return join(tag("h2", "How it is used"), tag("dl", [[tag("dt", n), tag("dd", v)] for n, v in facts if v], class_="facts"))


def _operation(_: str, __: str, resource: Json) -> Html:
    rows = [
        row(tag("code", p["name"]), p["use"], f"{p['min']}..{p['max']}", p.get("type"), p.get("documentation"))
        for p in resource.get("parameter", ())
    ]
    types = resource.get("resource", [""])
    where = [(f"/{type}" if resource["type"] or resource["instance"] else "") for type in types]
    calls = [f"{at}/{'{id}/' if resource['instance'] else ''}${resource['code']}" for at in where]
    heads = ("Name", "Use", "Card.", "Type", "What")
    return join(
        tag("h2", "How it is called"),
        tag("p", [[tag("code", call), " "] for call in calls]),
        table("Parameters", heads, rows, "codes") if rows else tag("p", "It takes and gives no parameters.", class_="empty"),
    )


def _capability(prefix: str, _: str, resource: Json) -> Html:
    """What may be done with each type; /fhir/metadata says it of this installation."""
    rows = [
        row(
            one["type"],
            [[linked(prefix, url), " "] for url in one.get("supportedProfile", ())],
            ", ".join(i["code"] for i in one.get("interaction", ())),
            ", ".join(p["name"] for p in one.get("searchParam", ())),
            ", ".join(f"${o['name']}" for o in one.get("operation", ())),
        )
        for one in resource["rest"][0]["resource"]
    ]
    heads = ("Type", "Profiles", "Interactions", "Search parameters", "Operations")
    here = tag("p", tag("a", "What this installation says", href=f"{prefix}/fhir/metadata"))
    return join(tag("h2", "Types"), here, table("By type", heads, rows, "offered"))


def _measure(_: str, __: str, resource: Json) -> Html:
    """https://hl7.org/fhir/R4/measure.html: what is counted, and among what."""
    rows = [
        row(tag("code", population["code"]["coding"][0]["code"]), population["description"])
        for group in resource["group"]
        for population in group["population"]
    ]
    return join(tag("h2", "What is counted"), table("Populations", ("Population", "Who is in it"), rows, "codes"))


BODIES: Final[Mapping[str, Callable[[str, str, Json], Html]]] = MappingProxyType(
    {
        "StructureDefinition": _structure,
        "ValueSet": _value_set,
        "CodeSystem": _code_system,
        "ConceptMap": _concept_map,
        "SearchParameter": _search_parameter,
        "OperationDefinition": _operation,
        "CapabilityStatement": _capability,
        "Measure": _measure,
    }
)


@cache
def _said(resources: bool) -> Mapping[str, frozenset[str]]:
    """Name -> the definitions that it names: of definitions, or of examples."""
    among = definitions() if resources else examples()
    known = by_url()
    return {name: frozenset(known[said] for said in strings(one) if said in known) for name, one in among.items()}


def _used(name: str, among: Mapping[str, Json]) -> list[str]:
    said = _said(among is definitions())
    return [other for other, named in said.items() if name in named and other != name]


def _names(heading: str, prefix: str, names: list[str]) -> Html | None:
    if not names:
        return None
    return join(tag("h2", heading), tag("ul", [tag("li", link) for link in _links(prefix, names)], class_="names"))


def _links(prefix: str, names: list[str]) -> Iterator[Html]:
    for name in names:
        resource = definitions().get(name) or examples()[name]
        title = tag("span", f" {title_of(resource)}", lang="nb", class_="aside") if name in definitions() else None
        yield join(
            tag("a", resource["id"], href=href(prefix, name)), tag("span", f" {resource['resourceType']}", class_="aside"), title
        )
