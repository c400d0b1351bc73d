"""Long answers compressed for who takes that, and Vary on every answer, so that no cache gives one to who does not.

    app = Compression(app, small=4096)

RFC 9110 12.5.3 and 12.5.5. Starlette's own middleware compresses for `gzip;q=0` too, and leaves Vary out of short answers and 304.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.fhir.negotiation import takes_gzip

LEVEL: Final = 4  # most of what 9 saves, at a third of its time
CODING: Final = "Accept-Encoding"


@dataclass(frozen=True)
class Compression:
    """Compresses answers of `small` bytes and more."""

    app: ASGIApp
    small: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                said = [name.strip() for line in headers.getlist("vary") for name in line.split(",")]
                headers["vary"] = ", ".join(dict.fromkeys([*said, CODING]))
            await send(message)

        app = GZipResponder(self.app, self.small, LEVEL) if takes_gzip(Headers(scope=scope)) else self.app
        await app(scope, receive, varying)
