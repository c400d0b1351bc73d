"""SEKMET (PyPI sekmet-fhir), a tester of hospitals' FHIR servers: its scenario *conformance_smoke* against us, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.service import Service


@pytest.mark.slow
def test_conformance_smoke_has_no_failure(service: Service, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"data_dir: {tmp_path}\npeers:\n  ours:\n    base_url: {service.base}/fhir\n", "utf-8")
    command = [str(Path(sys.executable).parent / "sekmet"), "scenario", "run", "conformance_smoke", "--peer", "ours"]
    options = ["--no-serve", "--config", str(settings), "--report-dir", str(tmp_path / "reports")]
    done = subprocess.run([*command, *options], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=100)

    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = (tmp_path / "reports").rglob("*.json")
    (scenario,) = json.loads(report.read_text("utf-8"))
    left_out = {step["name"] for step in scenario["steps"] if step["status"] == "skipped"}
    assert {step["status"] for step in scenario["steps"]} == {"passed", "skipped"}
    assert left_out == {"Delete", "Read after delete is 410 Gone (or 404)"}  # we end by status, and claim no delete
