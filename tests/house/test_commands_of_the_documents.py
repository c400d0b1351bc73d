"""Every command that README.md and CONTRIBUTING.md show is run here, as it stands; docs/fhir.md has a test of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.processes import STAFETT, clean_environment, free_ports, get, is_free, running, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".hypothesis", "*.db*", "dist", "build")
ONE_TEST = "tests/house/test_settings.py"


def commands(document: str) -> list[str]:
    text = (ROOT / document).read_text("utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines]


SHOWN = commands("README.md") + commands("CONTRIBUTING.md")
SANDBOX = ["make run", "make run PORT=9000"]
ONE_SHOT = {
    ".venv/bin/stafett translate --pathway D12 openapi/examples/child-neurodevelopment-interpreter.xml": '{"resourceType":"Bundle"',
    ".venv/bin/stafett translate --explain=text openapi/examples/adult-depression-anxiety.xml": "FamilyName",
    ".venv/bin/stafett --help": "translate",
    ".venv/bin/stafett validate --text profiles/CapabilityStatement-stafett.json": "no fault",
    ".venv/bin/stafett doctor": "ok",
    "cp stafett.example.toml stafett.toml": "",
}
TARGETS = {
    "make check": "Contracts: 1 kept, 0 broken.",
    "make test-fast": "passed",
    "make test": "passed",
    "make bench": "stafett --help",
    "make docs": "tools/configuration_docs.py",
    "make format": "",
}
SERVICE = ".venv/bin/stafett serve"
UNRUN = {"make torture": "it takes hours, also of one test: guards are taken out, and what they guard is run for each"}
"""Shown and not run here, and why."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the source tree, so that nothing here writes into the real one."""
    shutil.copytree(ROOT, tmp_path / "tree", ignore=LEFT_OUT)
    return tmp_path / "tree"


def as_here(command: str) -> list[str]:
    """The command's words, with this environment in place of `.venv`."""
    return [word.replace(".venv/bin", str(Path(sys.executable).parent)) for word in shlex.split(command)]


def make(command: str) -> list[str]:
    """A make command's words; its environment is the one that runs the tests, as it is."""
    venv = Path(sys.executable).parent.parent
    return [*shlex.split(command), f"VENV={venv}", "-o", f"{venv}/.run", "-o", f"{venv}/.dev", "-o", f"{venv}/bin/python"]


def test_every_command_that_is_shown_is_run_here() -> None:
    assert set(SHOWN) == {*SANDBOX, *ONE_SHOT, *TARGETS, *UNRUN, SERVICE}


@pytest.mark.parametrize("command", UNRUN)
def test_a_make_command_that_is_too_long_to_run_is_known_to_make(command: str) -> None:
    done = subprocess.run([*make(command), "-n"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "torture" in done.stdout


@pytest.mark.slow
def test_the_command_lines_of_the_readme_do_what_it_says(tree: Path) -> None:
    for command in (c for c in SHOWN if c in ONE_SHOT):
        done = subprocess.run(
            as_here(command), cwd=tree, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert (command, done.returncode, done.stderr) == (command, 0, "")
        assert ONE_SHOT[command] in done.stdout


@pytest.mark.slow
def test_a_service_of_your_own_answers(tree: Path) -> None:
    shutil.copy(tree / "stafett.example.toml", tree / "stafett.toml")
    port = free_ports(1)
    with running([*as_here(SERVICE), "--port", str(port)], tree, tree / "log") as process:
        wait_for(lambda: get(f"http://127.0.0.1:{port}/health/ready"), process, 30)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) in (0, -signal.SIGINT, 128 + signal.SIGINT)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", [c for c in TARGETS if c in SHOWN])
def test_a_make_command_does_what_it_says(command: str, tree: Path) -> None:
    environment = clean_environment(PYTEST_ADDOPTS=ONE_TEST, ONLY="start")

    done = subprocess.run(make(command), cwd=tree, env=environment, capture_output=True, text=True, timeout=590, check=False)

    assert (done.returncode, done.stdout[-3000:] if done.returncode else "", done.stderr[-3000:] if done.returncode else "") == (
        0,
        "",
        "",
    )
    assert TARGETS[command] in done.stdout


def check_sandbox(command: list[str], tree: Path, port: int, seconds: float, ending: signal.Signals = signal.SIGINT) -> None:
    log = tree / "log"
    with running(command, tree, log) as process:
        wait_for(lambda: b"Ctrl-C ends it." in log.read_bytes(), process, seconds)
        screen = log.read_text("utf-8")
        pages = [
            get(f"http://127.0.0.1:{at}") for at in (f"{port}/", f"{port}/docs", f"{port + 1}/", f"{port + 2}/", f"{port + 3}/")
        ]
        os.killpg(process.pid, ending)
        process.wait(30)
    assert all(pages)
    assert f"http://127.0.0.1:{port}/docs" in screen
    assert re.search(r"[1-9]\d* EpisodeOfCare", screen)
    assert all(is_free(port + place) for place in range(4))


@pytest.mark.slow
@pytest.mark.parametrize(("command", "ending"), list(zip(SANDBOX, (signal.SIGINT, signal.SIGTERM), strict=True)))
def test_the_sandbox_starts_shows_where_to_look_and_ends(command: str, ending: signal.Signals, tree: Path) -> None:
    port = free_ports(4)
    words = [w for w in make(command) if not w.startswith("PORT=")]

    check_sandbox([*words, f"PORT={port}"], tree, port, 90, ending)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_newcomer_with_python_and_make_alone_gets_the_sandbox(tree: Path) -> None:
    assert not (tree / ".venv").exists()
    port = free_ports(4)

    check_sandbox(["make", "run", f"PORT={port}"], tree, port, 500)


@pytest.mark.slow
def test_a_taken_port_is_told_with_what_to_do(tree: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "adapter.sandbox.run", "--port", str(port)],
            cwd=tree,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"Port {port} cannot be used, perhaps by another program: choose others, for instance make run PORT=9000",
        f"Port {port} kan ikke brukes, kanskje er den opptatt: velg andre, for eksempel make run PORT=9000",
    ]


def test_help_comes_at_once_without_the_heavy_libraries() -> None:
    heavy = {"fastapi", "sqlalchemy", "lxml", "fhir", "pydantic"}
    loaded = f"import sys, adapter.cli; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "[]\n"
    assert STAFETT.exists()
