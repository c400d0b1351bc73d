"""docs/cookbook: every page is done as it stands, from an empty folder, by clients that nobody here wrote, beside a real sandbox.

The folder is made once by the commands of the cookbook's first page and kept in `build/` until what it is made of changes.
"""

from __future__ import annotations

import doctest
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from os import killpg
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cookbook import pages as reading
from tests.cookbook.pages import COOKBOOK, Page, answers, pages
from tests.house.processes import STAFETT, clean_environment, free_ports, running, wait_for

ROOT = COOKBOOK.parent.parent
PAGES = pages()
START = COOKBOOK / "start"
BEGUN = 4
"""So many ports `make run` answers at, from 8000; those from 8010 a page starts itself. In the test all are others."""
PLACES = {8000 + number: number for number in range(BEGUN)} | {8010: BEGUN, 8011: BEGUN + 1}
PORT = re.compile(rf"(?<=127\.0\.0\.1:)({'|'.join(map(str, PLACES))})\b|(?<= )(8010|8011)\b")
ENTERING = "mkdir integration && cd integration\n"
NEEDED = {"node": "nodejs", "npm": "npm", "java": "default-jdk-headless", "mvn": "maven", "curl": "curl"}
TOLD = re.compile(r"\| \[(\d+)\. .*\]\(([\w-]+)\.md\) \|")


def first_page() -> Page:
    return Page.of("README", (COOKBOOK / "README.md").read_text("utf-8"))


def done(command: str, folder: Path, seconds: float) -> tuple[int, str, str]:
    """The exit code, and what was said on both channels; what it has begun and not ended is ended."""
    command = command.replace("~/stafett/.venv/bin/stafett", str(STAFETT)).replace("~/stafett", str(ROOT))
    environment = clean_environment(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    with subprocess.Popen(
        ["bash", "-eu", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=seconds)
        finally:
            with suppress(ProcessLookupError):
                killpg(process.pid, signal.SIGKILL)
    return process.returncode, said, complained


@pytest.fixture(scope="module")
def folder() -> Path:
    """An empty folder, after the first page's commands."""
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: the cookbook lacks {', '.join(missing)}")
    [(commands, _)] = first_page().commands
    made_of = sha256(commands.encode() + b"".join(file.read_bytes() for file in sorted(START.iterdir()))).hexdigest()
    folder = ROOT / "build" / "cookbook"
    stamp = folder / "made-of"
    if not stamp.exists() or stamp.read_text() != made_of:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        code, said, complained = done(commands.removeprefix(ENTERING), folder, 500)
        assert code == 0, said + complained
        stamp.write_text(made_of)
    return folder


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The sandbox's first."""
    place, port = tmp_path_factory.mktemp("sandbox"), free_ports(len(PLACES))
    log = place / "log"
    with running([sys.executable, "-m", "adapter.sandbox.run", "--port", str(port)], place, log) as process:
        wait_for(lambda: b"Ctrl-C ends it." in log.read_bytes(), process, 90)
        yield port
        killpg(process.pid, signal.SIGINT)
        process.wait(30)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_page_does_what_it_shows(page: Page, folder: Path, port: int) -> None:
    def here(text: str) -> str:
        return PORT.sub(lambda found: str(port + PLACES[int(found[0])]), text)

    def shown(text: str) -> str:
        back = {port + number: place for place, number in PLACES.items()}
        return re.sub(r"(?<=127\.0\.0\.1:)\d+\b", lambda found: str(back.get(int(found[0]), found[0])), text)

    for one in PAGES:  # pages use each other's programs
        for name, program in one.programs.items():
            (folder / name).write_text(here(program), "utf-8")

    for command, answer in page.commands:
        code, said, complained = done(here(command), folder, 100)
        assert (code, complained) == (0, ""), f"{command}\n{said}\n{complained}"
        assert answers(answer, shown(said)), f"{command}\n{said}"


def test_every_page_is_in_the_list_and_runs_a_foreign_client() -> None:
    listed = TOLD.findall((COOKBOOK / "README.md").read_text("utf-8"))

    assert [name for _, name in listed] == [page.name for page in PAGES]
    assert [int(number) for number, _ in listed] == list(range(1, len(PAGES) + 1))
    clients = {
        "fhir-kit-client": 'from "fhir-kit-client"',
        "fhirpy": "from fhirpy import",
        "HAPI": "import ca.uhn.fhir.context",
        "fhirclient": "from fhirclient import",
    }
    using = {name: [p.name for p in PAGES if any(words in text for text in p.programs.values())] for name, words in clients.items()}
    assert all(any(page.name in names for names in using.values()) for page in PAGES), using
    assert all(len(using[name]) >= 3 for name in ("fhir-kit-client", "fhirpy", "HAPI")), using
    for page in PAGES:
        assert page.commands
        assert all(answer for _, answer in page.commands), page.name
        assert {name for name in page.programs if not any(name in command for command, _ in page.commands)} <= {"stafett.toml"}


def test_the_clients_are_those_of_the_other_tests() -> None:
    asked = dict(line.split("==") for line in (START / "requirements.txt").read_text().splitlines())
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    node = json.loads((START / "package.json").read_text())["dependencies"]
    version = ".//{*}dependency/{*}version"
    hapi, of_tests = (
        [found.text for found in ElementTree.parse(file).findall(version)]
        for file in (START / "pom.xml", ROOT / "tests" / "clients" / "hapi" / "pom.xml")
    )

    assert asked == {name: pinned[name] for name in asked}
    assert node == json.loads((ROOT / "tests" / "clients" / "node" / "package.json").read_text())["dependencies"]
    assert hapi == of_tests


def test_pages_are_read_as_their_documentation_says() -> None:
    tried = doctest.testmod(reading)

    assert (tried.failed, tried.attempted > 0) == (0, True)
