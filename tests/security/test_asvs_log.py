"""The log: one JSON object a line whatever is said, with a time in UTC (ASVS 5.0 16.2.2, 16.2.4, 16.4.1)."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

SPOKEN = """
import logging, sys, structlog
from adapter.serving import log
log()
said = sys.stdin.read()
structlog.contextvars.bind_contextvars(request_id="abc")
structlog.get_logger().warning("said", what=said, **{"odd\\nkey": said})
logging.getLogger("a library").warning("said: %s", said)
"""
NASTY = [
    'two\nlines {"event": "login failed"}',
    "\r\n\r\n",
    "\x1b[2J\x1b[31mred",
    "\u2028\u2029\x85\x0b\x0c",
    'a quote " and a \\',
    "\x00",
    "%s %n {0} {event}",
    "\u202eturned",
]


def lines_of(said: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", SPOKEN], input=said.encode(), capture_output=True, check=True)
    return run.stdout.decode("utf-8").split("\n")


@pytest.fixture(scope="module")
def spoken() -> list[str]:
    return lines_of("".join(NASTY))


def test_whatever_is_said_is_one_line_of_json(spoken: list[str]) -> None:
    *lines, last = spoken
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]

    assert last == ""
    assert len(told) == 2
    assert not any(character in line for line in lines for character in "\r\x1b\x00\x0b\x0c")
    assert {one["level"] for one in told} == {"warning"}
    assert all(one["event"] for one in told)


def test_a_line_says_when_in_utc_and_of_which_request(spoken: list[str]) -> None:
    told = [json.loads(line) for line in spoken if line]

    assert all(one["timestamp"].endswith("Z") for one in told)
    assert all(abs(datetime.fromisoformat(one["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=5) for one in told)
    assert {one["request_id"] for one in told} == {"abc"}
