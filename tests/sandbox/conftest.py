"""A simulated hub as a process of its own, and the official document to hold it against."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sandbox.contract import Contract


@pytest.fixture(scope="session")
def contract(standards: Path) -> Contract:
    return Contract(json.loads((standards / "edi-2.0-v2.openapi.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def judge(request: pytest.FixtureRequest) -> Contract | None:
    """The contract where the official document is here: what passes between the processes is tested without it too."""
    try:
        return request.getfixturevalue("contract")  # type: ignore[no-any-return]
    except pytest.skip.Exception:
        return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_hub(*arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """A running hub and its address; the caller ends it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "adapter.sandbox.hub", "--port", str(port), *arguments], stdout=subprocess.DEVNULL
    )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/sandbox/faults", trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return process, url
    process.kill()
    pytest.fail("the simulated hub did not start")


@pytest.fixture(scope="module")
def running_hub() -> Iterator[str]:
    process, url = start_hub()
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def sandbox(running_hub: str) -> Iterator[httpx.Client]:
    """The hub's own controls, on an empty hub."""
    with httpx.Client(base_url=running_hub, trust_env=False) as client:
        client.post("/sandbox/reset").raise_for_status()
        yield client
