"""The package's form (https://confluence.hl7.org/display/FHIR/NPM+Package+Specification), and how it is given."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.console.package import package
from adapter.domain.indicators import INDICATORS
from tests.http.service import Service, service
from tests.package import BAD, GOOD, ROOT, shown

TERMS = ROOT / "mappings" / "codes"
LARGEST = 1_000_000  # bytes: it is fetched by whoever tries it, over whatever line


def members() -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(package().content)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


FILES = {name: json.loads(content) for name, content in members().items()}
RESOURCES = {name: one for name, one in FILES.items() if "resourceType" in one}


def test_the_manifest_says_what_a_tool_asks_for() -> None:
    said = FILES["package/package.json"]

    assert {key: said[key] for key in ("name", "canonical", "fhirVersions", "dependencies", "license")} == {
        "name": "stafett.pathways",
        "canonical": "https://stafett.invalid/fhir",
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
        "license": "Apache-2.0",
    }
    assert (said["version"], package().file) == (package().version, f"stafett.pathways-{package().version}.tgz")


def test_every_definition_code_list_and_good_example_is_in_it_and_no_bad_one() -> None:
    """Counted from the folders by themselves, and measures from what is counted."""
    laid = [json.loads(path.read_text("utf-8")) for folder in (ROOT / "profiles", TERMS) for path in folder.glob("*.json")]
    definitions = {f"package/{one['resourceType']}-{one['id']}.json" for one in laid} | {
        f"package/Measure-{id}.json" for id in INDICATORS
    }
    examples = {f"package/example/{one['resourceType']}-{one['id']}.json" for one in map(_read, GOOD)}

    assert len(laid) > 180
    assert set(RESOURCES) == definitions | examples
    assert [path.name for path in BAD if _read(path) in RESOURCES.values()] == []


def test_the_index_of_each_folder_names_its_files_with_what_is_in_them() -> None:
    for folder in ("package", "package/example"):
        index = FILES[f"{folder}/.index.json"]
        listed = {f"{folder}/{entry.pop('filename')}": entry for entry in index["files"]}

        assert index["index-version"] == 2
        assert set(listed) == {name for name in RESOURCES if name.rpartition("/")[0] == folder}
        assert all(RESOURCES[name][key] == value for name, entry in listed.items() for key, value in entry.items())
        assert all({"resourceType", "id"} <= set(entry) for entry in listed.values())


@pytest.mark.parametrize("name", [name for name in RESOURCES if "/StructureDefinition-" in name])
def test_a_structure_definition_has_its_snapshot_and_is_valid_r4(name: str) -> None:
    resource = RESOURCES[name]
    snapshot, differential = (resource[view]["element"] for view in ("snapshot", "differential"))

    assert {element["id"] for element in differential} <= {element["id"] for element in snapshot}
    assert all({"definition", "min", "max", "base"} <= set(element) for element in snapshot)  # sdf-3, sdf-8b
    get_fhir_model_class("StructureDefinition").model_validate(resource)


def test_a_national_list_goes_by_the_oid_that_stands_in_codings() -> None:
    numbers = {path.stem.rpartition("-")[2] for path in TERMS.glob("no-kodeverk-*.json")}
    urls = {one["url"] for name, one in RESOURCES.items() if name.startswith("package/CodeSystem-no-kodeverk")}

    assert urls == {f"urn:oid:2.16.578.1.12.4.1.1.{number}" for number in numbers}


def test_the_same_definitions_give_the_same_bytes_in_every_process() -> None:
    digest = "from adapter.console.package import package; print(package().digest)"
    others = [
        subprocess.run(
            [sys.executable, "-c", digest], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    ]

    assert others == [package().digest] * 2 == [hashlib.sha256(package().content).hexdigest()] * 2


def test_no_member_has_a_time_an_owner_or_a_place_outside_its_folder() -> None:
    with tarfile.open(fileobj=BytesIO(package().content)) as tar:
        odd = [m.name for m in tar.getmembers() if (m.mtime, m.uid, m.gid) != (0, 0, 0) or not m.isreg() or ".." in m.name]

    assert odd == []
    assert len(package().content) < LARGEST


def test_one_command_writes_it_with_its_digest_and_says_what_would_break_elsewhere(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "package.py").write_text((ROOT / "tools" / "package.py").read_text("utf-8"), "utf-8")
    done = subprocess.run([sys.executable, tools / "package.py"], capture_output=True, text=True, check=True)
    summed = subprocess.run(
        ["sha256sum", "-c", f"{package().file}.sha256"], cwd=tmp_path / "build", capture_output=True, check=False
    )

    assert (done.stdout, summed.returncode) == (f"build/{package().file}\n", 0)
    assert (tmp_path / "build" / package().file).read_bytes() == package().content


def test_a_canonical_that_leads_nowhere_and_a_missing_snapshot_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("package_tool", ROOT / "tools" / "package.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert list(tool.faults()) == []
    astray = {"resourceType": "ValueSet", "id": "x", "a": [{"b": "https://stafett.invalid/fhir/ValueSet/none"}]}
    bare = {"resourceType": "StructureDefinition", "id": "y"}
    monkeypatch.setattr(tool, "definitions", lambda: {"ValueSet-x": astray, "StructureDefinition-y": bare})
    monkeypatch.setattr(tool, "examples", dict)

    assert [fault.partition(",")[0] for fault in tool.faults()] == [
        "StructureDefinition-y has no snapshot: run python tools/profiles.py",
        "ValueSet-x points at https://stafett.invalid/fhir/ValueSet/none",
    ]


@pytest.mark.slow
def test_it_is_served_as_it_was_built_and_not_again_to_who_has_it(tmp_path: Path) -> None:
    with service(tmp_path) as here:
        _check_served(here, tmp_path)


def _check_served(here: Service, folder: Path) -> None:
    answer = here.http.get("/package.tgz")
    etag = answer.headers["etag"]

    assert answer.content == package().content
    assert "content-encoding" not in answer.headers  # it is packed already
    assert (answer.headers["content-type"], etag) == ("application/gzip", f'"{package().digest}"')
    assert b64decode(answer.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":")).hex() == package().digest
    for tags, status in ((etag, 304), (f'W/{etag}, "x"', 304), ("*", 304), ('"x"', 200)):
        again = here.http.get("/package.tgz", headers={"If-None-Match": tags})
        assert (again.status_code, len(again.content)) == (status, len(package().content) if status == 200 else 0)
    assert here.http.head("/package.tgz").headers["content-length"] == str(len(package().content))
    assert here.http.post("/package.tgz").status_code == 405
    curl = shown("sh")[0].replace("http://localhost:8000", here.base)
    told = subprocess.run(["bash", "-euc", curl], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert told == f"{package().digest}  {package().file}\n"
    assert (folder / package().file).read_bytes() == package().content


def test_the_page_names_the_package_at_its_version_and_every_type_in_it() -> None:
    page = (ROOT / "docs" / "package.md").read_text("utf-8")
    types = {one["resourceType"] for name, one in RESOURCES.items() if "/example/" not in name}

    assert package().file in page
    assert {type for type in types if f"`{type}`" not in page} == set()
    assert set(re.findall(r"stafett\.pathways(?:-|#|: )(\d+\.\d+\.\d+)", page)) == {package().version}


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
