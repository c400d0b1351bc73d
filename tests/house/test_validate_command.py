"""`stafett validate`: an OperationOutcome per file and line, exit codes that scripts can rely on, and lines for people."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.house.processes import STAFETT, clean_environment

GOOD = '{"resourceType": "Task", "status": "draft", "intent": "order"}'
BAD = '{"resourceType": "Task",\n "status": "done",\n "intent": "order"}'
BAD_XML = '<Task xmlns="http://hl7.org/fhir">\n  <status value="draft"/>\n  <intent value="order"/> <colour value="red"/>\n</Task>'


def validate(*words: str | Path, stdin: str = "", cwd: Path | None = None) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, outcomes and stderr of a real process."""
    done = subprocess.run(
        [STAFETT, "validate", *words],
        input=stdin.encode(),
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def issues(outcome: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(i["severity"], i["code"], *i.get("expression", ()), *i.get("location", ())) for i in outcome["issue"]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in {
        "good.json": GOOD,
        "bad.json": BAD,
        "bad.xml": BAD_XML,
        "cut.json": BAD[:-1],
        "cut.xml": BAD_XML[:-1],
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_good_resource_ends_with_0(files: Path) -> None:
    code, (outcome,), err = validate("good.json", cwd=files)

    assert (code, err, outcome["resourceType"]) == (0, "", "OperationOutcome")
    assert issues(outcome) == [("information", "informational")]


def test_an_error_ends_with_1_and_its_place(files: Path) -> None:
    code, outcomes, err = validate("bad.json", "bad.xml", cwd=files)

    assert (code, err) == (1, "")
    assert [issues(outcome) for outcome in outcomes] == [
        [("error", "code-invalid", "Task.status", "Line[2] Col[2]")],
        [("error", "structure", "Task.colour", "Line[3] Col[27]")],
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cut.json", ("error", "structure", "Line[3] Col[19]")),
        ("cut.xml", ("error", "structure", "Line[4] Col[7]")),
        ("none.json", ("fatal", "not-found")),
        (".", ("fatal", "not-found")),
    ],
)
def test_what_cannot_be_read_ends_with_2(files: Path, name: str, expected: tuple[str, ...]) -> None:
    code, (outcome,), err = validate(name, cwd=files)

    assert (code, issues(outcome), err) == (2, [expected], "")


def test_each_file_has_its_line_and_the_worst_decides(files: Path) -> None:
    code, outcomes, _ = validate("good.json", "cut.json", "bad.json", "good.json", cwd=files)

    assert code == 2
    assert [issues(outcome)[0][0] for outcome in outcomes] == ["information", "error", "error", "information"]


@pytest.mark.parametrize("text", [BAD, BAD_XML, "\ufeff" + BAD_XML])
def test_standard_input_is_a_file_too(text: str) -> None:
    code, (outcome,), _ = validate("-", stdin=text)

    assert (code, len(outcome["issue"])) == (1, 1)


def test_a_profile_may_be_named_beside_those_in_the_resource(files: Path) -> None:
    """The assessment Task of ours demands a code of its own, which the good Task does not have."""
    profile = "https://stafett.invalid/fhir/StructureDefinition/assessment-task"
    (files / "claims.json").write_text(json.dumps(json.loads(GOOD) | {"meta": {"profile": [profile]}}))

    named, claimed = validate("good.json", "--profile", profile, cwd=files), validate("claims.json", cwd=files)

    assert named[0] == claimed[0] == 1
    assert [i[2] for i in issues(named[1][0])] == [i[2] for i in issues(claimed[1][0])] != []


@pytest.mark.parametrize("words", [(), ("--colour", "x.json"), ("--profile",)])
def test_wrong_usage_ends_with_1_and_says_where_help_is(words: tuple[str, ...]) -> None:
    code, outcomes, err = validate(*words)

    assert (code, outcomes) == (1, [])
    assert "stafett --help" in err


def test_people_get_a_line_that_their_editor_can_follow(files: Path) -> None:
    done = subprocess.run(
        [STAFETT, "validate", "--text", "good.json", "bad.json"],
        cwd=files,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    good, bad, norwegian = done.stdout.splitlines()
    assert (done.returncode, good) == (1, "good.json: no fault / ingen feil")
    assert bad.startswith("bad.json:2:2: error: Task.status: ")
    assert norwegian.startswith("    ")


def on_a_terminal(*words: str, cwd: Path) -> str:
    screen, side = pty.openpty()
    with subprocess.Popen(
        [STAFETT, "validate", *words], cwd=cwd, env=clean_environment(), stdin=side, stdout=side, stderr=side
    ) as process:
        os.close(side)
        shown = b""
        while True:
            try:
                shown += os.read(screen, 65536)
            except OSError:  # Linux's way to say that the other side has closed
                break
        process.wait(60)
    os.close(screen)
    return shown.decode()


def test_on_a_terminal_people_are_expected(files: Path) -> None:
    assert on_a_terminal("bad.json", cwd=files).startswith("bad.json:2:2: error: ")
    assert on_a_terminal("--json", "bad.json", cwd=files).startswith('{"resourceType":"OperationOutcome"')


def test_what_we_publish_ourselves_is_without_fault(root: Path) -> None:
    published = sorted((root / "profiles").glob("*.json"))

    code, outcomes, err = validate(*published)

    assert (code, err, len(outcomes)) == (0, "", len(published))
    assert published


def test_a_reader_that_leaves_early_gets_no_traceback(files: Path) -> None:
    many = " ".join(["bad.json"] * 300)
    done = subprocess.run(
        ["/bin/sh", "-c", f"'{STAFETT}' validate {many} | head -c 1"],
        cwd=files,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert (done.stdout, done.stderr) == (b"{", b"")
