"""The recorder, compiled."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("recorder.c")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`recorder.so`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not Path("/usr/include/stdio.h").exists():
        pytest.skip("not run here: a C compiler")
    made = tmp_path_factory.mktemp("recorder") / "recorder.so"
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", made, SOURCE], check=True)
    return made


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is room: what a cut leaves is laid out there hundreds of times."""
    shared = Path("/dev/shm")
    within = shared if shared.is_dir() and shutil.disk_usage(shared).free > 2**28 else tmp_path
    with tempfile.TemporaryDirectory(dir=within) as folder:
        yield Path(folder)
