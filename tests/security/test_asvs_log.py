"""The log: one JSON object a line whatever is said, with a time in UTC, on standard output (ASVS 5.0 16.2, 16.3.1, 16.4.1)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing
from fastapi import FastAPI

from adapter.console.login_routes import router
from adapter.security.login import Login, NotLoggedIn
from adapter.settings import LoginSettings
from adapter.storage import open_store
from tests.security.at_browser import StillClock, sessions_of
from tests.security.test_login_sessions import ISSUER, KARI, NUMBER

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


def test_the_log_goes_to_standard_output_and_nowhere_else(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", SPOKEN], input=b"a word", capture_output=True, check=True, cwd=tmp_path)

    assert (run.stdout.count(b"a word"), run.stderr, list(tmp_path.iterdir())) == (
        3,
        b"",
        [],
    )  # as a value, under an odd key, and by a library


class AnIssuer(Login):
    """One who says what a test wants said."""

    def __init__(self, claims: dict[str, Any] | None) -> None:
        self.claims = claims

    def finish(self, cookie: str, given: Any) -> tuple[dict[str, Any], str]:
        if self.claims is None:
            raise NotLoggedIn("another state")
        return self.claims, "/pathways"

    def end_address(self) -> str:
        return ""


LOGINS: dict[str, tuple[dict[str, Any] | None, dict[str, str]]] = {
    "it succeeds": (KARI, {"event": "logged in", "log_level": "info"}),
    "it fails": (None, {"event": "login failed", "why": "another state", "log_level": "warning"}),
    "nobody we know": (
        {**KARI, "sub": "stranger", "helseid://claims/hpr/hpr_number": "1"},
        {"event": "login failed", "why": "nobody we know", "log_level": "warning"},
    ),
}


@pytest.mark.parametrize("how", LOGINS)
def test_logins_that_succeed_and_fail_are_logged_without_the_person(tmp_path: Path, how: str) -> None:
    claims, expected = LOGINS[how]
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    sessions = sessions_of(store, StillClock(), LoginSettings(issuer=ISSUER, client_id="stafett"))
    app = FastAPI()
    app.include_router(router(AnIssuer(claims), sessions, public_base="https://stafett.example", prefix=""))

    async def come_back() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://stafett.example") as browser:
            await browser.get("/login/callback?code=secret-code&state=x")

    with structlog.testing.capture_logs() as lines:
        asyncio.run(come_back())
    store.close()

    assert lines == [expected]
    assert not any(word in str(lines) for word in (NUMBER, "Kari", "kari", "9144900", "secret-code"))
