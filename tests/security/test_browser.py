"""A real browser keeps to the pages' policy: nothing is run, styled or fetched that it forbids, and the console comes up.

Chromium itself tells of each breach in its log; a page that does break its policy shows that it would.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Response

from tests.http.service import service
from tests.serving import served

pytestmark = pytest.mark.slow
INLINE = "<!doctype html><style>p{color:red}</style><p style='margin:0'>x</p><script>1</script>"
STRICT = {"Content-Security-Policy": "default-src 'none'"}


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str], tuple[str, list[str]]]:
    """(the page as it came to stand, what the browser complained of)."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("not run here: chromium")

    def look(address: str) -> tuple[str, list[str]]:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--enable-logging=stderr"]
        command = [chromium, *flags, f"--user-data-dir={tmp_path}/profile", "--dump-dom", address]
        seen = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
        return seen.stdout, [line for line in seen.stderr.splitlines() if "CONSOLE" in line]

    return look


@contextmanager
def breaking_its_policy() -> Iterator[str]:
    def make(_: str) -> FastAPI:
        made = FastAPI()
        made.add_api_route("/", lambda: Response(INLINE, headers=STRICT, media_type="text/html"))
        return made

    with served(make) as client:
        yield str(client.base_url)


def test_a_page_that_breaks_its_policy_is_found_out(browse: Callable[[str], tuple[str, list[str]]]) -> None:
    with breaking_its_policy() as address:
        _, complaints = browse(address)

    assert len([line for line in complaints if "Content Security Policy" in line]) >= 3


def test_the_pages_and_the_console_keep_to_their_policy(browse: Callable[[str], tuple[str, list[str]]], tmp_path: Path) -> None:
    with service(tmp_path) as here:
        seen = {path: browse(f"{here.base}{path}") for path in ("/", "/docs", "/pathways", "/profiles/pathway", "/subscriptions")}

    assert {path: complaints for path, (_, complaints) in seen.items()} == {
        "/": [],
        "/docs": [],
        "/pathways": [],
        "/profiles/pathway": [],
        "/subscriptions": [],
    }
    assert 'class="opblock-summary' in seen["/docs"][0]  # swagger-ui has drawn what is offered
