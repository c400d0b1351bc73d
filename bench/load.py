"""Servers as processes of their own, and requests by wrk (Debian package wrk): what a client sees, on loopback.

with started([...], port) as base:
    rate(f"{base}/fhir/metadata")          # answers a second
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

CONNECTIONS = 8


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: Sequence[str], port: int, ready: str, **environment: str) -> Iterator[str]:
    """Runs a server until the end of the block; yields its address once `ready` answers 200."""
    base = f"http://127.0.0.1:{port}"
    told = NamedTemporaryFile("w+", prefix="stafett-bench-", suffix=".log")  # noqa: SIM115 it lives as long as the process
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=told, stderr=told)
    try:
        until = time.monotonic() + 60
        while not _answers(base + ready):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{' '.join(command)} did not start:\n{Path(told.name).read_text('utf-8')[-2000:]}")
            time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        told.close()


def rate(url: str, *, seconds: float, script: str = "", status: int = 200, looked: bool = False) -> float:
    """Answers a second over 8 connections, each kept open. Any answer of another status than `status` is an error here.

    `looked`: the same was looked at in an earlier run.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is not on this machine: apt-get install wrk")
    counted = f"""
local wrong = 0
function response(status, headers, body) if status ~= {status} then wrong = wrong + 1; last = status .. " " .. body end end
function done(summary, latency, requests)
  for _, thread in ipairs(threads) do
    io.write("wrong: " .. thread:get("wrong") .. "\\n")
    if thread:get("wrong") > 0 then io.write("last: " .. string.sub(thread:get("last"), 1, 300) .. "\\n") end
  end
end
threads = {{}}
function setup(thread) table.insert(threads, thread) end
"""
    # Looking at each answer costs the client more than the answer costs the server, so it is done in a short run before.
    for looking, spell in ((True, 0.5), (False, seconds))[looked:]:
        with NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script + (counted.replace("local wrong", "wrong") if looking else ""))
            file.flush()
            said = subprocess.run(
                [wrk, "--timeout", "20s", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(spell))}s", "-s", file.name, url],
                capture_output=True,
                text=True,
                check=True,
                timeout=seconds + 60,
            ).stdout
        wrong = re.search(r"wrong: ([1-9].*)", said) or re.search(r"Non-2xx[^\n]*|Socket errors[^\n]*", said)
        if wrong and not (not looking and status >= 300):
            raise RuntimeError(f"{url}: {said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
