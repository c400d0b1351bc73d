"""Our own FHIR core with the pathway engine off, as the sandbox has it: a plain FHIR server of one organisation, over SQLite."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ORGANISATION = "312232324"


def command(folder: Path, port: int) -> Sequence[str | Path]:
    what = ("--port", str(port), "--name", "partner", "--organisation", ORGANISATION, "--store", folder / "ours.db")
    return [sys.executable, "-m", "adapter.sandbox.partner", *what]
