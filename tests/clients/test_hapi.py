"""HAPI's Java client (https://hapifhir.io), as Norwegian journal systems use it: a program of its own, in JSON and in XML.

It asks for the CapabilityStatement first, sends If-None-Exist as a whole address, and
`Accept: application/fhir+json;q=1.0, application/json+fhir;q=0.9`.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.http.service import Service

HERE = Path(__file__).parent / "hapi"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
EXPECTED = """\
capabilities: 4.0.1
create: true Patient v1
conditional create: true then false, the same: true
read: requested 2026-12-24
update without its version: 412 with an outcome
update: v2
update of a stale version: 412 with an outcome
patch: v3
vread: requested
history: 3 versions
search with include: 1 of 2 entries
search by post: 1
count: 1
transaction: [201, 201]
create of an invalid task: 400 with an outcome
validate: error Task.status
"""


@pytest.fixture(scope="module")
def classes(root: Path) -> Path:
    """HAPI's jars, fetched once by Maven."""
    missing = [program for program in ("javac", "mvn") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: HAPI's client lacks {' and '.join(missing)} (default-jdk-headless, maven)")
    folder = root / "build" / "hapi"
    if not (folder / "done").exists():
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
        subprocess.run(command, check=True, timeout=400, stdout=subprocess.DEVNULL)
        subprocess.run(["javac", "-cp", f"{folder}/*", "-d", str(folder), str(HERE / "Client.java")], check=True, timeout=100)
        (folder / "done").touch()
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("format", ["json", "xml"])
def test_an_ordinary_day_of_hapis_client(service: Service, classes: Path, format: str) -> None:
    command = ["java", "-cp", f"{classes}:{classes}/*", "Client", f"{service.base}/fhir", format]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)

    assert (done.stdout, done.stderr) == (EXPECTED, "")
