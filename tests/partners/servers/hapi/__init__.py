"""HAPI FHIR's JPA server (Maven Central, hapi-fhir-jpaserver-base) over a database file: `Server.java`, compiled here once."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDER = HERE.parents[3] / "build" / "hapi-server"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
JAVA = ("java", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""It starts in half the time when it is not compiled for speed."""


def command(folder: Path, port: int) -> Sequence[str | Path]:
    jars, classes = installed()
    return [*JAVA, "-cp", f"{classes}:{jars}/*", "Server", str(port), folder]


def installed() -> tuple[Path, Path]:
    """The folders of the jars and of the program."""
    missing = [program for program in ("javac", "mvn") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: HAPI's server lacks {' and '.join(missing)} (default-jdk-headless, maven)")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        pom, source = HERE / "pom.xml", HERE / "Server.java"
        jars = _made(pom, lambda to: ["mvn", "-q", "-B", "-f", pom, COPY, f"-DoutputDirectory={to}", "-DincludeScope=runtime"])
        return jars, _made(source, lambda to: ["javac", "-cp", f"{jars}/*", "-d", to, source])


def _made(source: Path, command: Callable[[Path], Sequence[str | Path]]) -> Path:
    """The folder that the command makes of a file, once for each content of it."""
    folder = FOLDER / f"{source.name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(command(folder), check=True, timeout=500, stdout=subprocess.DEVNULL)
        (folder / "done").touch()
    return folder
