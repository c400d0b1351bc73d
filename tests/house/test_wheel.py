"""What is installed from the wheel works without the source tree, and the image is built of enough to make the wheel."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from adapter.console.package import package
from tests.house.processes import clean_environment
from tests.house.test_commands_of_the_documents import LEFT_OUT, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def copied_by_the_dockerfile() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return [name for line in lines for name in line.split()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    shutil.copy(source, target)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in copied_by_the_dockerfile():
        source, target = ROOT / name, folder / "tree" / name
        shutil.copytree(source, target, ignore=LEFT_OUT) if source.is_dir() else _copy(source, target)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(folder / "tree")]
    subprocess.run(command, check=True, timeout=200, env=clean_environment())
    shutil.rmtree(folder / "tree")
    return next(folder.glob("stafett-*.whl"))


def test_the_image_gets_all_that_it_copies_and_nothing_else() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}

    assert set(copied_by_the_dockerfile()) == let_in


def test_the_wheel_holds_every_data_file(wheel: Path) -> None:
    expected = {
        p.relative_to(ROOT).as_posix() for kind in ("*.json", "*.toml", "*.sql", "*.mako") for p in (ROOT / "mappings").rglob(kind)
    }
    expected |= {
        p.relative_to(ROOT).as_posix() for p in (ROOT / "adapter").rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    laid = [*(ROOT / "openapi").rglob("*"), *(ROOT / "profiles").rglob("*")]
    expected |= {f"adapter/_data/{p.relative_to(ROOT).as_posix()}" for p in laid if p.is_file()}

    assert expected - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_brings_nothing_but_the_two_packages(wheel: Path) -> None:
    assert {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()} == {"adapter", "mappings", "stafett-0.1.0.dist-info"}


def test_the_installed_command_line_translates_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python, stafett = tmp_path / "env/bin/python", tmp_path / "env/bin/stafett"
    command = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel]
    subprocess.run(command, check=True, timeout=250, env=clean_environment())
    example = tmp_path / "referral.xml"
    shutil.copy(ROOT / "openapi/examples/adult-depression-anxiety.xml", example)
    foreign = tmp_path / "elsewhere"
    foreign.mkdir()

    def run(*words: str) -> str:
        done = subprocess.run(
            [stafett, *words], cwd=foreign, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert (words, done.returncode, done.stderr) == (words, 0, "")
        return done.stdout

    assert run("--version") == "0.1.0\n"
    assert "translate" in run("--help")
    assert json.loads(run("translate", str(example)))["resourceType"] == "Bundle"
    assert list(foreign.iterdir()) == []
    digest = [python, "-c", "from adapter.console.package import package; print(package().digest)"]
    made = subprocess.run(digest, cwd=foreign, env=clean_environment(), capture_output=True, text=True, check=True).stdout
    assert made == f"{package().digest}\n"  # the same definitions, without the source tree
