"""fhir-kit-client (npm, Vermonster): https://github.com/Vermonster/fhir-kit-client, as a program of its own under node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.http.service import Service

HERE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    """The program with its package beside it, fetched once by npm."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: fhir-kit-client lacks {' and '.join(missing)} (nodejs, npm)")
    folder = root / "build" / "fhir-kit-client"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "client.js"):
        shutil.copy(HERE / name, folder)
    if not (folder / "node_modules").exists():
        subprocess.run(["npm", "install", "--silent", "--no-package-lock"], cwd=folder, check=True, timeout=200)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_ordinary_day_of_fhir_kit_client(service: Service, folder: Path) -> None:
    done = subprocess.run(
        ["node", "client.js", f"{service.base}/fhir"], check=False, cwd=folder, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "fhirVersion": "4.0.1",
        "conditional": True,
        "stale": 412,
        "patched": ["accepted", "2"],
        "first": "requested",
        "history": 2,
        "ofType": "history",
        "paged": 5,
        "posted": 5,
        "resolved": "Kit",
        "batch": ["batch-response", "201", "200"],
        "transaction": ["transaction-response", "201", "200"],
        "validated": ["error", "Task.status"],
        "deleted": 405,
        "missing": 404,
    }
