"""HAPI FHIR's JPA server (Maven Central, hapi-fhir-jpaserver-base) over a database file: `Server.java`, compiled here once."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDER = HERE.parents[3] / "build" / "hapi-server"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
JAVA = ("java", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""It starts in half the time when it is not compiled for speed."""


def command(folder: Path, port: int) -> Sequence[str | Path]:
    here = installed()
    return [*JAVA, "-cp", f"{here}:{here}/*", "Server", str(port), folder]


def installed() -> Path:
    """The folder of the program and its jars."""
    missing = [program for program in ("javac", "mvn") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: HAPI's server lacks {' and '.join(missing)} (default-jdk-headless, maven)")
    sources = [HERE / "pom.xml", HERE / "Server.java"]
    folder = FOLDER / hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            fetch = ["mvn", "-q", "-B", "-f", sources[0], COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
            subprocess.run(fetch, check=True, timeout=500, stdout=subprocess.DEVNULL)
            subprocess.run(["javac", "-cp", f"{folder}/*", "-d", folder, sources[1]], check=True, timeout=100)
            (folder / "done").touch()
    return folder
