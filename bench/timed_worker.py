"""`stafett` with a watch on its calls to the hub: python -m bench.timed_worker FILE serve --roles worker --config …

When it ends, FILE holds `[beginning, end, path]` of each request, from before it is sent until its answer has been read. What is
measured is what every worker does: httpx' streaming of an answer, which all calls to a hub go through, is wrapped, nothing else.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from adapter.cli import main

CALLS: list[tuple[float, float, str]] = []
stream = httpx.Client.stream


@contextmanager
def watched(client: httpx.Client, method: str, url: Any, **more: Any) -> Iterator[httpx.Response]:
    began = time.time()
    try:
        with stream(client, method, url, **more) as answer:
            yield answer
    finally:
        CALLS.append((began, time.time(), f"{method} {url}"))


if __name__ == "__main__":
    httpx.Client.stream = watched  # type: ignore[method-assign, assignment]
    try:
        main(sys.argv[2:])
    finally:
        Path(sys.argv[1]).write_text(json.dumps(CALLS), "utf-8")
