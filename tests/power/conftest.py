"""The recorder, compiled."""

from __future__ import annotations

import shutil
import subprocess
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
