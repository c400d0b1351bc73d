"""docs/fhir.md: its commands are run in their order against the sandbox, and answer what it shows; its limits are the code's."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from os import killpg
from pathlib import Path

import pytest

from adapter.console.middleware import LONGEST as QUERY
from adapter.fhir import bundling, chains, includes, links, measures, searching
from adapter.fhir.clauses import ALTERNATIVES
from adapter.fhir.limits import Limits
from adapter.fhir.results import MOST, USUAL
from adapter.fhir.routes import FORM_BYTES
from adapter.fhir.search import CLAUSES, PARAMETERS
from adapter.fhir.types import TYPES
from adapter.r4 import bundle, json, json_scan, patch
from adapter.r4.checks import faults, primitives
from adapter.storage import rows
from adapter.usecases.resource_rules import ANSWER
from adapter.usecases.writing import VERSIONED
from tests.house.processes import clean_environment, free_ports, running, wait_for

PLACE = "http://127.0.0.1:8000"  # where `make run` answers; in the test on another port
THERE = "http://127.0.0.1:8003"  # the municipality's server
NEXT = "echo '--next--'"


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs" / "fhir.md").read_text("utf-8")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    if shutil.which("curl") is None:
        pytest.skip("not run here: the commands of docs/fhir.md lack curl")
    port, log = free_ports(4), tmp_path / "log"
    with running([sys.executable, "-m", "adapter.sandbox.run", "--port", str(port)], tmp_path, log) as process:
        wait_for(lambda: b"Ctrl-C ends it." in log.read_bytes(), process, 90)
        yield f"http://127.0.0.1:{port}"
        killpg(process.pid, signal.SIGINT)
        process.wait(30)


def after(address: str, ports: int) -> str:
    """The address some ports after another."""
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + ports}"


def squeezed(text: str) -> str:
    """Without white space: line breaks are the document's."""
    return re.sub(r"\s+", "", text)


def answers(shown: str, said: str) -> bool:
    """Whether what was said is what is shown, but for `…`."""
    pattern = ".*?".join(re.escape(part) for part in squeezed(shown).split("…"))
    return re.fullmatch(pattern, squeezed(said), re.DOTALL) is not None


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_every_command_answers_what_is_shown(document: str, sandbox: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```\n```text\n(.*?)```", document, re.DOTALL)
    assert len(blocks) == len(re.findall("```sh", document)) > 5
    script = f"{NEXT}\n".join(commands for commands, _ in blocks).replace(PLACE, sandbox).replace(THERE, after(sandbox, 3))

    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        env=clean_environment(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    for (commands, shown), said in zip(blocks, done.stdout.split("--next--\n"), strict=True):
        assert answers(shown, said.replace(sandbox, PLACE)), f"{commands}\n{said}"


def test_the_limits_are_those_of_the_code(document: str) -> None:
    told = dict(
        re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", document.partition("## Limits")[2].partition("\n## ")[0], re.MULTILINE)
    )
    usual = Limits()

    assert told == {
        "What": "At most",
        "a body (setting)": f"{usual.max_bytes >> 20} MiB, within {usual.body_seconds:g} seconds, not compressed",
        "a form of `_search`": f"{FORM_BYTES >> 10} KiB",
        "an address's query": f"{QUERY >> 10} KiB",
        "entries of a batch or transaction (setting)": f"{usual.max_entries:,}",
        "its searches and histories; conditional references; criteria": (
            f"{bundle.SEARCHES}; {bundle.POINTERS:,}; {bundle.CRITERIA >> 10} KiB"
        ),
        "what its entries read, and for how long": f"{bundling.ANSWERED >> 20} MiB; {bundling.SECONDS:g} seconds",
        "requests at once, of one organisation (setting)": str(usual.requests_at_once),
        "values of JSON, counted by brackets and commas": f"{json.MAX_VALUES:,}",
        "levels of JSON; characters of a number": f"{json_scan.MAX_DEPTH}; {json_scan.MAX_NUMBER}",
        "a text": f"{primitives.LONGEST >> 20} MiB",
        "operations of a patch; what they copy": f"{patch.MAX_OPERATIONS}; {patch.MAX_COPIED >> 20} MiB",
        "faults told of": str(faults.MOST),
        "parameters of a search; what it asks; its alternatives": f"{PARAMETERS}; {CLAUSES}; {ALTERNATIVES}",
        "time that a search takes": f"{rows.SEARCHING:g} seconds",
        "time that counting for an indicator takes; at once, of one organisation": f"{measures.SECONDS:g} seconds; 1",
        "resources on a page": f"{MOST} ({USUAL} if not said)",
        "resources included; steps of `:iterate`": f"{includes.MOST_INCLUDED}; {includes.ROUNDS}",
        "steps of a chain or of `_has`": str(chains.STEPS),
        "matches of a search by a person's number": str(searching.PRIVATE),
        "a page's link": {24: "a day"}[round(links.LIFETIME.total_seconds()) // 3600],
    }


def test_what_is_said_of_types_and_parameters_is_so(document: str) -> None:
    (own,) = re.findall(r"\*\*Beyond R4's own\*\*: (.*)\.", document)
    named = [
        (type, name) for type, names in re.findall(r"(\w+) ((?:`\w+`(?: and )?)+)", own) for name in re.findall(r"`(\w+)`", names)
    ]
    (versioned,) = re.findall(r"\*\*`If-Match` is required\*\* on (.*?),? which", document)
    (answer,) = re.findall(r"Its Tasks you answer, by changing\n(.*?), and nothing else", document)

    assert named == [
        (t, n) for t in ("Task", "CarePlan", "EpisodeOfCare", "Flag") for n, p in TYPES[t].items() if "stafett" in p.url
    ]
    assert sorted(re.findall(r"[A-Z]\w+", versioned)) == sorted(VERSIONED)
    assert tuple(re.findall(r"`(\w+)`", answer)) == ANSWER
