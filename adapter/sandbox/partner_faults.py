"""What befalls the requests to a simulated FHIR server, as a tester orders it: for the next few, or until it is changed.

    POST /sandbox/faults {"mode": "down", "count": 3}
    POST /sandbox/faults {"mode": "slow", "seconds": 8}
    POST /sandbox/faults {"mode": "well"}

It stands before /fhir, never before the server's own page, and outermost: hanging up takes the server's own connection.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.sandbox.breaking import cut, hang_up, into_nothing

MODES: Final = {
    "well": "answers as it should",
    "slow": "waits some seconds before it does anything",
    "down": "hangs up at once, and does nothing",
    "garbage": "does what is asked, and answers 200 with what nobody can read",
    "fails": "does what is asked, and answers 500",
    "cut": "does what is asked, and hangs up in the middle of its answer",
    "stubborn": "refuses every change (PUT, PATCH) with 412, as if another had been first",
    "redirecting": "sends everybody to another server (307)",
}
ELSEWHERE: Final = "http://elsewhere.invalid"  # RFC 6761: never the name of any host
GARBAGE: Final = b'{"resourceType": "Bundle", "type": "transaction-res\xff'
MOST: Final = 10_000
LONGEST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """How the server behaves, for the next `count` requests (None: until changed); `seconds` is how slow it is."""

    mode: str = "well"
    count: int | None = None
    seconds: float = 5.0


def read_fault(value: Any) -> Fault:
    """A fault from its JSON, in the names above. Raises ValueError with what is wrong."""
    try:
        fault = Fault(**value)
    except TypeError as wrong:
        raise ValueError("a fault has mode, count and seconds") from wrong
    if fault.mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}")
    if fault.count is not None and not (isinstance(fault.count, int) and 0 < fault.count <= MOST):
        raise ValueError(f"count is 1 to {MOST}, or null for until it is changed")
    if not isinstance(fault.seconds, int | float) or not 0 <= fault.seconds <= LONGEST:
        raise ValueError(f"seconds is 0 to {LONGEST:g}")
    return fault


class Faults:
    """A FHIR server that behaves as `fault` says."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.fault = Fault()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._befalling(scope)
        match fault.mode:
            case "slow":
                await asyncio.sleep(fault.seconds)
                await self.app(scope, receive, send)
            case "down":
                hang_up(send)
            case "garbage" | "fails":
                await self.app(scope, receive, into_nothing)
                status, body = (200, GARBAGE) if fault.mode == "garbage" else (500, b"")
                await Response(body, status, media_type="application/fhir+json")(scope, receive, send)
            case "cut":
                await self.app(scope, receive, cut(send))
            case "stubborn":
                await Response(status_code=412)(scope, receive, send)
            case "redirecting":
                await RedirectResponse(ELSEWHERE + scope["path"], 307)(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    def _befalling(self, scope: Scope) -> Fault:
        """The fault that befalls this request, which is one fewer to come."""
        fault, well = self.fault, Fault()
        if scope["type"] != "http" or not scope["path"].startswith("/fhir"):
            return well
        if fault.mode == "well" or (fault.mode == "stubborn" and scope["method"] not in ("PUT", "PATCH")):
            return well
        if fault.count is not None:
            self.fault = Fault(fault.mode, fault.count - 1, fault.seconds) if fault.count > 1 else well
        return fault
