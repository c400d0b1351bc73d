"""The FHIR package in the hands of tools that we did not write: what docs/package.md says, done as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from adapter.console.package import Package, package

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "package.md"
GOOD = sorted((ROOT / "profiles" / "examples" / "good").glob("*.json"))
BAD = sorted((ROOT / "profiles" / "examples" / "bad").glob("*.json"))
OFFLINE = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
"""Where no answer comes from: a tool that asks a registry gets none."""

sys.path.append(str(ROOT / "tools"))  # tools are programs, not a package


def shown(language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def lay(folder: Path) -> Package:
    """Our package as a file in the folder."""
    made = package()
    (folder / made.file).write_bytes(made.content)
    return made


def unpack(folder: Path) -> Path:
    """Our package, unpacked."""
    made = lay(folder)
    with tarfile.open(folder / made.file) as tar:
        tar.extractall(folder / made.name, filter="data")
    return folder / made.name / "package"


def lay_core(home: Path) -> Path:
    """R4's own definitions in the package cache of that home."""
    from profiles import lay_core as lay_them

    lay_them(home)
    return home / ".fhir" / "packages" / "hl7.fhir.r4.core#4.0.1" / "package"


def need(what: str, *programs: str) -> None:
    """Skips, by name, where the machine lacks a program."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: {what} lacks {' and '.join(missing)}")


def at_home(home: Path) -> dict[str, str]:
    """The environment of a tool whose home is that folder, and which reaches no network."""
    return {**os.environ, "HOME": str(home), "USERPROFILE": str(home), **OFFLINE}
