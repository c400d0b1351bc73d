"""An endpoint that is told, and remembers when it first heard of each event.

uvicorn bench.peers.follower:app. `GET /` gives (subscription, number, seconds since 1970) as JSON, oldest first.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

heard: list[tuple[str, int, float]] = []
decoder = msgspec.json.Decoder()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body, more = b"", scope["method"] == "POST"
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    now = time.time()
    if body:
        for one in (parameters := decoder.decode(body)["entry"][0]["resource"]["parameter"]):
            if one["name"] == "notification-event":
                heard.append((parameters[0]["valueReference"]["reference"], int(one["part"][0]["valueString"]), now))
    answer = b"" if body else msgspec.json.encode(heard)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})
