"""What one request, and one caller, may ask of the service: bytes, time, and requests at once.

    body = await bounded(request, limits)
    with turns.taken(caller.tenant): ...

RFC 9110 (413, 415, 408) and RFC 6585 (429). A body that is compressed is refused: nobody needs it, and a small one can hold
a disk's worth of blanks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from starlette.requests import ClientDisconnect, Request

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import Refused

GONE = {"Connection": "close"}  # what is still on its way is not read


@dataclass(frozen=True, slots=True)
class Limits:
    """The installation's measures."""

    max_bytes: int = 10 * 1024 * 1024
    max_entries: int = 1_000
    body_seconds: float = 30.0
    requests_at_once: int = 256


async def bounded(request: Request, limits: Limits, most: int | None = None) -> bytes:
    """The body, whole. Raises `Problem`: too large (413), too slow (408), compressed (415)."""
    most = limits.max_bytes if most is None else most
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(
            415,
            Finding(
                "error",
                Kind.UNSUPPORTED,
                "A body is sent as it is: leave Content-Encoding out.",
                "Innhold sendes som det er: utelat Content-Encoding.",
                "http.Content-Encoding",
                rule="RFC 9110 8.4",
            ),
            headers={"Accept-Encoding": "identity", **GONE},
        )
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said[:18]) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        en = f"The body did not come within {limits.body_seconds:g} seconds: send it again."
        nb = f"Innholdet kom ikke innen {limits.body_seconds:g} sekunder: send på nytt."
        raise Refused(408, Finding("error", Kind.TRANSIENT, en, nb), headers=GONE) from None
    except ClientDisconnect:
        raise problem(Kind.INVALID, "The request ended before its body did.", "Forespørselen sluttet før innholdet.") from None
    return bytes(body)


@dataclass(frozen=True, slots=True)
class Turns:
    """How many requests each caller has under way."""

    most: int
    under_way: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)  # counting is in threads

    @contextmanager
    def taken(self, caller: str) -> Iterator[None]:
        """A turn for as long as it lasts. Raises `Refused` (429) where the caller has all of its turns under way."""
        with self._lock:
            free = self.under_way[caller] < self.most
            self.under_way[caller] += free
        if not free:
            en = f"More than {self.most} requests at once: send again in a second."
            nb = f"Flere enn {self.most} forespørsler samtidig: send på nytt om et sekund."
            raise Refused(429, Finding("error", Kind.THROTTLED, en, nb, rule="RFC 6585 4"), headers={"Retry-After": "1"})
        try:
            yield
        finally:
            with self._lock:
                self.under_way[caller] -= 1
                if not self.under_way[caller]:
                    del self.under_way[caller]


def _too_large(most: int) -> Problem:
    en, nb = f"The body is larger than {most} bytes: send less.", f"Innholdet er større enn {most} byte: send mindre."
    return Refused(413, Finding("error", Kind.TOO_LARGE, en, nb), headers=GONE)
