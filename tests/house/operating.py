"""The commands that docs/operating.md shows, run as they stand, with the test's own names in place of those that it uses."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.house.processes import STAFETT, clean_environment
from tests.postgres import binaries

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "operating.md"
ENGINES = ("SQLite", "PostgreSQL")


def commands(heading: str, engine: str = "") -> list[str]:
    """Those below a heading, for an engine: a comment behind a command says for which it is, if it is for one."""
    text = DOCUMENT.read_text("utf-8").partition(f"\n{heading}\n")[2]
    text = re.split(r"\n#{1,6} ", text.partition("\n## ")[0])[0]
    lines = [line.partition("#") for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return [command.strip() for command, _, note in lines if not note or note.strip().startswith(engine)]


def run(command: str, folder: Path, names: Mapping[str, str] = MappingProxyType({})) -> subprocess.CompletedProcess[str]:
    """One of them in a folder, by a shell, as a person would; `names` are swapped."""
    for ours, theirs in names.items():
        command = command.replace(ours, theirs)
    found = binaries()
    path = ":".join(str(place) for place in (STAFETT.parent, found, "/usr/bin", "/bin") if place)
    environment = clean_environment(PYTHONIOENCODING="utf-8", PATH=path)
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=90)
