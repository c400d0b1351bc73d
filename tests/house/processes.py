"""Real processes in tests: started as a user would, watched with a deadline, and ended by their own id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

STAFETT = Path(sys.executable).parent / "stafett"


def clean_environment(**more: str) -> dict[str, str]:
    """This process's variables without those of the test run and of a configuration."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "STAFETT_", "COV", "MAKE", "MFLAGS"))}
    return {**kept, **more}


def free_ports(count: int) -> int:
    """The first of `count` neighbouring ports that nobody listens on."""
    for _ in range(50):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        if all(is_free(first + i) for i in range(count)):
            return first
    raise AssertionError("no free ports")


def is_free(port: int) -> bool:
    """Whether nobody listens there; what has just ended may leave traces that do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_for(what: Callable[[], object], process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until `what` is true; fails when the process ends before, or time is up."""
    deadline = time.monotonic() + seconds
    while not what():
        if process.poll() is not None:
            pytest.fail(f"ended with {process.returncode} before it was up")
        if time.monotonic() > deadline:
            pytest.fail(f"not so after {seconds:g} s")
        time.sleep(0.1)


def get(url: str) -> bytes | None:
    """The body, None while nothing answers."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


@contextmanager
def running(command: Sequence[str | Path], cwd: Path, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command in a process group of its own, its words in `log`; the group is killed if it is still there at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=clean_environment(**environment),
            start_new_session=True,
        )
        try:
            yield process
        except BaseException:
            sys.stderr.write(log.read_text("utf-8", "replace")[-5000:])
            raise
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait(20)
