"""Asked to end while it starts, the service ends: a signal that came before the server listened for it is not lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.processes import clean_environment, free_ports

# The signal comes when all is put together and the server has yet to be made.
EARLY = """
import os, signal, sys
from adapter import serving
made = serving._settle
def settled():
    made()
    os.kill(os.getpid(), signal.SIGTERM)
serving._settle = settled
from adapter.cli import main
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_service_that_is_asked_to_end_while_it_starts_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", EARLY, "serve", "--port", str(free_ports(1))]
    process = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, timeout=120, check=False)
    assert process.returncode in (0, -signal.SIGTERM), process.stdout[-2000:]
