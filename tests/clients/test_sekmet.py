"""SEKMET (PyPI sekmet-fhir), a tester of hospitals' FHIR servers: scenarios of its own against us, as a process.

For *subscription_roundtrip* it serves beside, and is called back. Its Subscription is R4's own kind: a search as criteria.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.house.processes import STAFETT, free_ports, get, running, wait_for
from tests.http.service import Service

SETTINGS = """\
public_base = "{base}"
environment = "test"

[subscriptions]
private_hosts = ["127.0.0.1:*"]

[[organisation]]
number = "319900101"
name = "Fjordheim sykehus HF"
"""


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[str]:
    """A service in a process of its own, with its worker, which may call this machine; its address."""
    port, folder = free_ports(1), tmp_path / "service"
    folder.mkdir()
    base = f"http://127.0.0.1:{port}"
    (folder / "stafett.toml").write_text(SETTINGS.format(base=base), "utf-8")
    with running([STAFETT, "serve", "--port", str(port)], folder, folder / "log") as process:
        wait_for(lambda: get(f"{base}/health/live"), process, 60)
        yield base


def played(scenario: str, base: str, folder: Path, *, port: int = 0) -> Mapping[str, Any]:
    """What it reports of a scenario; with a port it listens there for what it is told."""
    here = f"host: 127.0.0.1\nport: {port}\nbase_url: http://127.0.0.1:{port}/fhir\n" if port else ""
    settings = folder / "settings.yaml"
    settings.write_text(f"data_dir: {folder}\n{here}peers:\n  ours:\n    base_url: {base}/fhir\n", "utf-8")
    command = [str(Path(sys.executable).parent / "sekmet"), "scenario", "run", scenario, "--peer", "ours"]
    options = ["--serve" if port else "--no-serve", "--config", str(settings), "--report-dir", str(folder / "reports")]
    done = subprocess.run([*command, *options], check=False, cwd=folder, capture_output=True, text=True, timeout=100)

    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = (folder / "reports").rglob("*.json")
    found: list[Mapping[str, Any]] = json.loads(report.read_text("utf-8"))
    return found[0]


@pytest.mark.slow
def test_conformance_smoke_has_no_failure(service: Service, tmp_path: Path) -> None:
    scenario = played("conformance_smoke", service.base, tmp_path)

    left_out = {step["name"] for step in scenario["steps"] if step["status"] == "skipped"}
    assert {step["status"] for step in scenario["steps"]} == {"passed", "skipped"}
    assert left_out == {"Delete", "Read after delete is 410 Gone (or 404)"}  # we end by status, and claim no delete


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_subscription_roundtrip_passes_whole(telling: str, tmp_path: Path) -> None:
    scenario = played("subscription_roundtrip", telling, tmp_path, port=free_ports(1))

    assert {step["status"] for step in scenario["steps"]} == {"passed"}, scenario
    assert len(scenario["steps"]) == 7
