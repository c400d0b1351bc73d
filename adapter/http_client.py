"""HTTP clients for hubs, other FHIR servers and token issuers: the one place that makes them, and what all of them keep to.

Every client has time-outs for connecting, for each read and write, and for a free connection; none follows
redirects, since a request with a patient's data goes where it was sent or nowhere; none reads an answer without end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from adapter.correlation import cause

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
LONGEST_WAIT: Final = 3600.0
LONGEST_BODY: Final = 256 * 1024 * 1024  # of any answer; who asks has a narrower limit


def client(
    base_url: str = "",
    *,
    timeout: float = 30.0,
    auth: httpx.Auth | None = None,
    transport: httpx.BaseTransport | None = None,
    max_bytes: int = LONGEST_BODY,
) -> httpx.Client:
    """A long-lived client for one server. `auth` lays tokens on; `transport` replaces the network in tests.

    A request names what it came of (`adapter.correlation`) as X-Request-Id: the other side logs it too.

    An answer of more than `max_bytes` is a ReadError; also one that is only read in passing, before a request is sent again.
    """
    url = httpx.URL(base_url.rstrip("/") + "/")

    def bound(answer: httpx.Response) -> None:
        if isinstance(answer.stream, httpx.SyncByteStream):
            answer.stream = _Bounded(answer.stream, max_bytes)

    def named(request: httpx.Request) -> None:
        if came_of := cause():
            request.headers["x-request-id"] = came_of

    return httpx.Client(
        base_url=url,
        timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
        limits=httpx.Limits(max_connections=8, keepalive_expiry=30.0),
        auth=auth,
        transport=transport,
        follow_redirects=False,
        event_hooks={"request": [named], "response": [bound]},
        trust_env=url.host not in LOOPBACK,  # a proxy of the environment cannot reach a server on this machine
    )


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, most: int) -> None:
        self._stream, self._most = stream, most

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > self._most:
                raise httpx.ReadError(f"more than {self._most} bytes")
            yield chunk

    def close(self) -> None:
        self._stream.close()


class TooLong(Exception):
    """An answer of more bytes than its reader takes."""


def read(answer: httpx.Response, most: int, seconds: float) -> bytes:
    """The body of a streamed answer: bounded in size (`TooLong`) and, since a read time-out only bounds each chunk, in time."""
    end, chunks, size = time.monotonic() + seconds, [], 0
    for chunk in answer.iter_bytes():  # as they come: gathered into larger ones, a slow answer would hide from the clock
        size += len(chunk)
        if size > most:
            raise TooLong
        if time.monotonic() > end:
            raise httpx.ReadTimeout("the whole answer took too long", request=answer.request)
        chunks.append(chunk)
    return b"".join(chunks)


def retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 10.2.3: seconds or a date), at most an hour.

    >>> retry_after("120"), retry_after("soon"), retry_after("Mon, 01 Jan 2001 00:00:00 GMT")
    (120.0, None, 0.0)
    """
    try:
        seconds = float(value) if value.isdecimal() else (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def plain(text: str) -> str:
    """What another system said, fit for a log: one line, bounded, without anything like a national number.

    >>> plain("unknown 14868440083\\n!")
    'unknown *** !'
    """
    return re.sub(r"\d{6}\W?\d{5}", "***", "".join(c if c.isprintable() else " " for c in text))[:200]
