"""SEKMET (PyPI sekmet-fhir): a small hospital system for tests, FastAPI over SQLite. Its simulator, which answers Tasks, is off."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

SETTINGS = """\
base_url: http://127.0.0.1:{port}/fhir
host: 127.0.0.1
port: {port}
data_dir: {folder}/sekmet
simulator: {{enabled: false}}
log_inbound: false
"""


def command(folder: Path, port: int) -> Sequence[str | Path]:
    settings = folder / "sekmet.yaml"
    settings.write_text(SETTINGS.format(port=port, folder=folder), "utf-8")
    return [Path(sys.executable).parent / "sekmet", "serve", "--config", settings]
