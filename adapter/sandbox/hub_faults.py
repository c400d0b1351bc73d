"""Faults on order, for tests: the next requests fail, are slow, or lose their answer after having had their effect."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.sandbox.breaking import hang_up, into_nothing
from adapter.sandbox.hub_errors import error_message


@dataclass(slots=True)
class Fault:
    """What befalls the next `count` requests whose `METHOD /path` matches the pattern.

    With `status` the request has no effect and gets this answer (`body` as it is, else an ErrorMessage). `delay`
    holds the request back for as many seconds first. With `drop` it has its effect, but the connection is cut
    instead of an answer.
    """

    match: str = "*"
    count: int = 1
    status: int | None = None
    retry_after: str | None = None
    body: str | None = None
    delay: float = 0.0
    drop: bool = False


def read_fault(value: Any) -> Fault:
    """A fault from its JSON, in the names above. Raises ValueError."""
    try:
        fault = Fault(**value)
    except TypeError as wrong:
        raise ValueError("a fault has match, count, status, retry_after, body, delay and drop") from wrong
    if not 0 < fault.count <= 10_000 or not 0 <= fault.delay <= 60:
        raise ValueError("count is 1 to 10,000, delay at most 60 seconds")
    return fault


class Faults:
    """Stands before the hub's own paths, never before `/sandbox`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.ordered: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._take(scope)
        if fault is None:
            await self.app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay)
        if fault.status is not None:
            headers = {"retry-after": fault.retry_after} if fault.retry_after else None
            answer = error_message(fault.status, "An unknown error occurred", headers=headers)
            if fault.body is not None:
                answer = Response(fault.body, fault.status, headers, "application/json")
            await answer(scope, receive, send)
        elif fault.drop:
            await self.app(scope, receive, into_nothing)
            hang_up(send)
        else:
            await self.app(scope, receive, send)

    def _take(self, scope: Scope) -> Fault | None:
        if scope["type"] != "http" or not scope["path"].startswith("/Messages"):
            return None
        request = f"{scope['method']} {scope['path']}"
        fault = next((f for f in self.ordered if fnmatchcase(request, f.match)), None)
        if fault:
            fault.count -= 1
            self.ordered = [f for f in self.ordered if f.count]
        return fault
