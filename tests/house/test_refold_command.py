"""`stafett refold` as its own process: pathways of which only the events are there are worked out, once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from adapter.storage import open_store
from tests.house.processes import STAFETT, clean_environment
from tests.usecases.stored_pathways import pathway, put

CONFIGURATION = '[[organisation]]\nnumber = "319900101"\nname = "Fjordheim HF"\n'


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    (tmp_path / "stafett.toml").write_text(CONFIGURATION, "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'stafett.db'}")
    store.migrate()
    put(store, "319900101", pathway("one", "2023-03-13 A", "2023-04-03 M"))
    put(store, "319900101", pathway("two", "2023-03-13 A", "2023-04-03 X P"))
    store.close()
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [STAFETT, "refold", *arguments],
        cwd=folder,
        env=clean_environment(PYTHONIOENCODING="utf-8"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_what_differs_is_named_then_made_right_and_then_nothing_does(installation: Path) -> None:
    looked = run(installation, "--check")
    made = run(installation)
    again = run(installation, "--check")

    assert (looked.returncode, made.returncode, again.returncode) == (1, 0, 0), looked.stderr + made.stderr + again.stderr
    assert looked.stdout == made.stdout
    assert "EpisodeOfCare/two: extension, period, status, statusHistory" in looked.stdout.splitlines()
    assert sum(line.startswith("CarePlan/") and line.endswith(": missing") for line in looked.stdout.splitlines()) == 2
    assert (again.stdout, again.stderr) == ("", "0 differ / avviker\n")


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "stafett.toml").write_text(CONFIGURATION, "utf-8")

    ended = run(tmp_path, "--check")

    assert (ended.returncode, "there is no database" in ended.stderr) == (1, True)
    assert not (tmp_path / "stafett.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("timeline", "one"), ("indicators",), ("refold", "--check")])
def test_a_look_at_what_is_stored_makes_no_database(command: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [STAFETT, *command], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "store: there is no database at stafett.db: name the configuration that the service runs with (--config)",
    )
    assert list(tmp_path.iterdir()) == []
