"""Tools of others load the package without a network and go by it: every good example is good, each bad one breaks its rule.

What they are given is what docs/package.md shows.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.official import OPTIONS, Validate, official, version
from tests.package import BAD, GOOD, ROOT, at_home, lay, lay_core, need, shown, unpack

__all__ = ["official"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
HERE = Path(__file__).parent
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
WRONG = """
Instance: nobody-says-who
InstanceOf: OurEvent
* status = #preliminary
* code = urn:oid:2.16.578.1.12.4.1.1.9322#M
* subject.identifier.value = "1"
* effectiveDateTime = "2026-08-24"
* note.text = "By telephone."
"""


def rules_broken(said: Mapping[Path, list[str]]) -> dict[str, list[bool]]:
    """Of each bad example whether all that is said of it, which is something, is of the rule that it has the name of."""
    return {path.stem: [path.stem in text for text in texts] for path, texts in said.items()}


BREAK_THEIR_OWN = {path.stem: [True] for path in BAD}


def unknown_code(folder: Path) -> Path:
    """An event with a code that 9322 has not: whether a tool has found the list under the OID in the Coding."""
    event = json.loads((ROOT / "profiles" / "examples" / "good" / "pathway-event.json").read_text("utf-8"))
    event["code"]["coding"][0]["code"] = "NO-SUCH"
    (folder / "unknown-code.json").write_text(json.dumps(event), "utf-8")
    return folder / "unknown-code.json"


def test_sushi_derives_from_our_profiles_and_misses_what_they_ask_for(tmp_path: Path) -> None:
    need("SUSHI", "node", "npm")
    from profiles import sushi

    program, core = sushi(), lay_core(tmp_path)
    lay(tmp_path)
    subprocess.run(["bash", "-euc", shown("sh")[1]], cwd=tmp_path, env=at_home(tmp_path), check=True)
    fsh = tmp_path / "input" / "fsh"
    fsh.mkdir(parents=True)
    (tmp_path / "sushi-config.yaml").write_text(shown("yaml")[0], "utf-8")
    (fsh / "ours.fsh").write_text(shown("fsh")[0], "utf-8")
    (fsh / "wrong.fsh").write_text(WRONG, "utf-8")
    command = shown("sh")[2].split()
    assert (command[0], core.is_dir()) == ("sushi", True)

    done = subprocess.run(
        ["node", program, *command[1:]], cwd=tmp_path, env=at_home(tmp_path), capture_output=True, text=True, check=False
    )

    assert re.search(r"Loaded stafett\.pathways#\S+ with 1\d\d resources", done.stdout), done.stdout + done.stderr
    errors = re.findall(r"^error (.*)\n  File: .*/(\S+\.fsh)", done.stdout, re.MULTILINE)
    assert {file for _, file in errors} == {"wrong.fsh"}, done.stdout
    assert len(errors) == 1
    assert "Observation.performer" in errors[0][0]
    made = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "fsh-generated" / "resources").glob("*.json")}
    bases = {made[f"StructureDefinition-our-{of}"]["baseDefinition"].rpartition("/")[2] for of in ("event", "assignment")}
    assert bases == {"pathway-event", "assignment-task"}
    assert made["Observation-first-meeting"]["code"]["coding"][0]["code"] == "M"


def test_the_official_validator_judges_by_the_package(official: Validate, tmp_path: Path) -> None:
    made, strange = lay(tmp_path), unknown_code(tmp_path)
    options = shown("sh")[3].split()[4:]
    assert set(options) - {"-ig", made.file} <= set(OPTIONS)

    found = official([*GOOD, *BAD, strange], tmp_path / made.file)

    said = {path: [issue.text + issue.id for issue in issues if issue.is_error] for path, issues in found.items()}
    assert {path.stem: said[path] for path in GOOD if said[path]} == {}
    assert rules_broken({path: said[path] for path in BAD}) == BREAK_THEIR_OWN
    assert any("NO-SUCH" in text for text in said[strange])


@pytest.fixture(scope="module")
def medplum(root: Path) -> Path:
    """A folder with @medplum/core, fetched once by npm, at the version of its lock."""
    need("Medplum", "node", "npm")
    folder, lock = root / "build" / "medplum", (HERE / "medplum" / "package-lock.json").read_bytes()
    if not (folder / "done").exists() or (folder / "done").read_bytes() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "medplum" / name, folder)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=200
        )
        (folder / "done").write_bytes(lock)
    return folder


def test_medplum_judges_by_the_package(medplum: Path, tmp_path: Path) -> None:
    (medplum / "check.mjs").write_text(shown("js")[0], "utf-8")
    assert shown("sh")[4].split()[:2] == ["node", "check.mjs"]

    command = ["node", "check.mjs", lay_core(tmp_path), unpack(tmp_path), *GOOD, *BAD]
    done = subprocess.run(command, cwd=medplum, env=at_home(tmp_path), capture_output=True, text=True, check=False)

    said: dict[Path, Any] = dict(zip([*GOOD, *BAD], map(json.loads, done.stdout.splitlines()), strict=True))
    assert {path.stem: said[path] for path in GOOD if said[path]} == {}, done.stderr
    assert {path.stem for path in BAD if not any(f"Constraint {path.stem} " in text for text in said[path])} == set()


@pytest.fixture(scope="module")
def hapi(root: Path) -> Path:
    """HAPI's jars, fetched once by Maven."""
    need("HAPI", "javac", "mvn")
    folder, pom = root / "build" / "hapi-validator", HERE / "hapi" / "pom.xml"
    if not (folder / "done").exists() or (folder / "done").read_bytes() != pom.read_bytes():
        command = ["mvn", "-q", "-B", "-f", str(pom), COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
        subprocess.run(command, check=True, timeout=400, stdout=subprocess.DEVNULL)
        (folder / "done").write_bytes(pom.read_bytes())
    return folder


def test_hapi_judges_by_the_package(hapi: Path, tmp_path: Path) -> None:
    lay(tmp_path)
    strange = unknown_code(tmp_path)
    (tmp_path / "Check.java").write_text(shown("java")[0], "utf-8")
    subprocess.run(["javac", "-cp", f"{hapi}/*", "Check.java"], cwd=tmp_path, check=True)

    def judge(*files: Path) -> list[tuple[str, str]]:
        quick = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f".:{hapi}/*", "Check"]
        done = subprocess.run([*quick, *files], cwd=tmp_path, env=at_home(tmp_path), capture_output=True, text=True, check=True)
        lines = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
        assert [name for name, text in lines if text == "done"] == [file.name for file in files]
        return [(name.removesuffix(".json"), text) for name, text in lines if text != "done"]

    # Good and bad have the same names, so each bad one goes by a name of its own.
    apart = [shutil.copy(path, tmp_path / f"bad-{path.name}") for path in BAD]
    said = judge(*GOOD, *apart, strange)

    assert {name for name, _ in said if not name.startswith("bad-")} == {"unknown-code"}
    assert any("NO-SUCH" in text for name, text in said if name == "unknown-code")
    found = {path.stem: [path.stem in text for name, text in said if name == f"bad-{path.stem}"] for path in BAD}
    assert found == BREAK_THEIR_OWN


def test_the_page_names_the_versions_that_were_tried() -> None:
    sushi = json.loads((ROOT / "tools" / "sushi" / "package.json").read_text())["devDependencies"]["fsh-sushi"]
    medplum = json.loads((HERE / "medplum" / "package.json").read_text())["dependencies"]["@medplum/core"]
    pom = (HERE / "hapi" / "pom.xml").read_text()
    told = re.findall(r"^\| (\S.*?) \| (\d\S*) \|", (ROOT / "docs" / "package.md").read_text("utf-8"), re.MULTILINE)

    assert dict(told) == {
        "SUSHI": sushi,
        "official validator": version(),
        "`@medplum/core`": medplum,
        "HAPI": re.findall(r"hapi-fhir-validation</artifactId>\s*<version>([^<]*)", pom)[0],
    }
