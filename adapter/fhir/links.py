"""The opaque part of a page's link: what the next page must know, signed, for some time, and bound to who asked.

    token = seal(key, mark, {"after": ["2026-11-21T10:00:00+00:00", "id"]}, now)
    unseal(key, mark, token, now)      # the same; NOT_FOUND where it was changed, is another's, or of yesterday

It is signed, not encrypted: no person's number may be put into it.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec

from adapter.domain.problem import Kind, problem

SIGNATURE: Final = 16  # bytes: 128 bits are out of reach of guessing, and keep the link short
LONGEST: Final = 8_000
LIFETIME: Final = timedelta(hours=24)  # who walks through pages does so at once; a link in a log is worth nothing tomorrow


def seal(key: bytes, mark: str, content: dict[str, Any], now: datetime) -> str:
    """`content` as a token for a URL, good for `LIFETIME` from `now`."""
    body = msgspec.json.encode({**content, "until": int((now + LIFETIME).timestamp())})
    return urlsafe_b64encode(_sign(key, mark, body) + body).rstrip(b"=").decode()


def unseal(key: bytes, mark: str, token: str, now: datetime) -> dict[str, Any]:
    """The content of a token that `seal` made with the same key for the same caller (`Caller.mark`), not too long ago.

    Raises `Problem` (NOT_FOUND) otherwise, in the same words for what was changed and what is another's.
    """
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)) if len(token) <= LONGEST else b""
    except ValueError:
        raw = b""
    signature, body = raw[:SIGNATURE], raw[SIGNATURE:]
    if not body or not hmac.compare_digest(signature, _sign(key, mark, body)):
        raise problem(
            Kind.NOT_FOUND,
            "This page link was not made here for you: search again from the start.",
            "Denne sidelenken er ikke laget her for deg: søk på nytt fra starten.",
            where="http._page",
        )
    content: dict[str, Any] = msgspec.json.decode(body)
    if content.pop("until") < now.timestamp():
        raise problem(
            Kind.NOT_FOUND,
            "This page link has expired: search again from the start.",
            "Denne sidelenken er utløpt: søk på nytt fra starten.",
            where="http._page",
        )
    return content


def _sign(key: bytes, mark: str, body: bytes) -> bytes:
    return hmac.new(key, b"page|" + mark.encode() + b"|" + body, sha256).digest()[:SIGNATURE]
