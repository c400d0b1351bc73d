"""GET /profiles: all that is published, by kind, and the package that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from starlette.responses import Response

from adapter.console.batons import row
from adapter.console.definition_parts import href, title_of
from adapter.console.frame import page, table
from adapter.console.html import Child, Html, tag
from adapter.console.package import Package
from adapter.console.published import Json, definitions, examples

KINDS: Final = {
    "profiles": "Profiles",
    "extensions": "Extensions",
    "ValueSet": "Value sets",
    "CodeSystem": "Code systems",
    "ConceptMap": "Maps between codes",
    "SearchParameter": "Search parameters",
    "OperationDefinition": "Operations",
    "Measure": "Measures",
    "NamingSystem": "Identifier series",
    "CapabilityStatement": "What is offered",
}


def list_page(prefix: str, made: Package) -> Response:
    """Every definition with a link to its page, and every example."""
    kinds = dict(_by_kind())
    intro = (
        "What a pathway's resources hold beyond FHIR R4, for people to read. Each page shows the elements that matter, what they "
        "may hold, and examples. Programs load all of it as one package."
    )
    return page(
        prefix,
        "Profiles",
        tag("h1", "Profiles, code lists and what belongs to them"),
        tag("p", intro, class_="intro"),
        _download(prefix, made),
        tag("ul", [tag("li", tag("a", f"{k} {len(of)}", href=f"#{_anchor(k)}")) for k, of in kinds.items()], class_="filters"),
        [[tag("h2", kind, id=_anchor(kind)), _table(prefix, kind, names)] for kind, names in kinds.items()],
        tag("h2", "Examples", id="examples"),
        _examples(prefix),
    )


def _by_kind() -> Iterator[tuple[str, list[str]]]:
    """Heading -> names. A type that has no heading of ours has its own name."""
    found: dict[str, list[str]] = {heading: [] for heading in KINDS.values()}
    for name, resource in definitions().items():
        type = resource["resourceType"]
        kind = type if type != "StructureDefinition" else "extensions" if resource["type"] == "Extension" else "profiles"
        found.setdefault(KINDS.get(kind, kind), []).append(name)
    return ((heading, names) for heading, names in found.items() if names)


def _download(prefix: str, made: Package) -> Html:
    link = tag("a", made.file, href=f"{prefix}/package.tgz")
    size = f"{len(made.content) // 1000} kB"
    facts: tuple[tuple[str, Child], ...] = (
        ("Package", [link, f", {size}"]),
        ("Version", made.version),
        ("Needs", tag("code", "hl7.fhir.r4.core 4.0.1")),
        ("SHA-256", tag("code", made.digest)),
    )
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts], class_="facts")


def _table(prefix: str, kind: str, names: list[str]) -> Html:
    rows = [_row(prefix, name, definitions()[name]) for name in names]
    return table(kind, ("Id", "Title", "Of", "What it is"), rows, "definitions")


def _row(prefix: str, name: str, resource: Json) -> Html:
    of = resource.get("base") or resource.get("resource") or []
    if resource["resourceType"] == "StructureDefinition":
        of = [c["expression"] for c in resource["context"]] if resource["type"] == "Extension" else [resource["type"]]
    title = tag("span", title_of(resource), lang="nb")
    return row(
        tag("a", resource["id"], href=href(prefix, name)),
        title,
        [[tag("code", one), " "] for one in of],
        resource.get("description"),
    )


def _examples(prefix: str) -> Html:
    rows = [
        row(tag("a", resource["id"], href=href(prefix, name)), resource["resourceType"], _claimed(prefix, resource))
        for name, resource in examples().items()
    ]
    return table("Good examples: each keeps its profile", ("Id", "Type", "Profile"), rows, "definitions")


def _claimed(prefix: str, resource: Json) -> list[Html]:
    ids = [profile.rpartition("/")[2] for profile in resource["meta"]["profile"]]
    return [tag("a", id, href=f"{prefix}/profiles/{id}") for id in ids]


def _anchor(kind: str) -> str:
    return kind.lower().replace(" ", "-")
