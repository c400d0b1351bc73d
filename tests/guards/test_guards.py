"""Each guard of `guards.toml` is taken out, one at a time, and the tests that it names must then fail: else nobody would miss it.

    make torture                                             # all of them, some minutes
    pytest -s -m torture tests/guards -k token-audience      # one

A guard is a few words of a file (`find`), what stands there without it (`put`), and the tests that know (`tests`). These run in a
copy of the tree, in which nothing else is changed. That each guard is still where the list says is tried every time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GUARDS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "guards.toml").read_text("utf-8"))["guard"]
ENOUGH = 80
REFERENCE = {
    name: str(Path(os.environ.get(name) or ROOT / default).resolve())
    for name, default in (("STAFETT_STANDARDS", "../shared/standards"), ("STAFETT_FACTS", "../shared/facts"))
}


def names(guard: dict[str, Any]) -> str:
    return str(guard["name"])


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree as it is, with what is not committed yet."""
    folder = tmp_path_factory.mktemp("tree")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def missed() -> Iterator[dict[str, float]]:
    """The guards that were missed, and how long it took to see that; told at the end."""
    found: dict[str, float] = {}
    yield found
    print(f"\n{len(found)} of {len(GUARDS)} guards were missed, in {sum(found.values()) / 60:.1f} minutes")  # noqa: T201


def test_there_are_many_guards_each_with_a_name_of_its_own() -> None:
    assert len(GUARDS) >= ENOUGH
    assert [name for name, count in Counter(map(names, GUARDS)).items() if count > 1] == []


@pytest.mark.parametrize("guard", GUARDS, ids=names)
def test_a_guard_stands_where_the_list_says(guard: dict[str, Any]) -> None:
    text = content(guard["file"])

    assert text.count(guard["find"]) == 1
    assert guard["put"] != guard["find"]
    assert guard["tests"]
    for test in guard["tests"]:
        file, _, function = test.partition("[")[0].partition("::")
        assert f"def {function}(" in content(file)


@cache
def content(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


@pytest.mark.torture
@pytest.mark.timeout(1200)
def test_the_tests_pass_as_long_as_all_guards_stand(copy: Path) -> None:
    done = run(copy, *sorted({test for guard in GUARDS for test in guard["tests"]}))

    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize("guard", GUARDS, ids=names)
def test_a_guard_that_is_taken_out_is_missed(guard: dict[str, Any], copy: Path, missed: dict[str, float]) -> None:
    began, file = time.monotonic(), copy / guard["file"]
    whole = file.read_text("utf-8")
    without = whole.replace(guard["find"], guard["put"])
    compile(without, guard["file"], "exec")  # a tree that does not even start is missed for nothing
    file.write_text(without, "utf-8")
    try:
        done = run(copy, *guard["tests"])
    finally:
        file.write_text(whole, "utf-8")
    seconds = time.monotonic() - began
    print(f"\n{guard['name']:50} {seconds:6.1f} s", flush=True)  # noqa: T201

    assert (done.returncode, "\nFAILED " in done.stdout) == (1, True), done.stdout[-2000:]  # tests ran, and some failed
    missed[guard["name"]] = seconds


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env={**kept, **REFERENCE, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},  # no guard comes back compiled
        capture_output=True,
        text=True,
        check=False,
    )
