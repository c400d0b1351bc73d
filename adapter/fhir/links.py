"""The opaque part of a page's link: what the next page must know, encrypted, for some time, and bound to who asked.

    token = seal(key, mark, {"after": ["2026-11-21T10:00:00+00:00", "id"]}, now)
    unseal(key, mark, token, now)      # the same; NOT_FOUND where it was changed, is another's, or of yesterday

A place among sorted matches is a name, a birth date or a person's number, and addresses end up in logs on their way: so it is
AES-256-GCM, where a signature would do for the rest. https://csrc.nist.gov/pubs/sp/800/38/d/final
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapter.domain.problem import Kind, problem

NONCE: Final = 12  # bytes, by chance: good for 2^32 links of one key (SP 800-38D 8.3), which is a hundred a second for a year
LONGEST: Final = 8_000
LIFETIME: Final = timedelta(hours=24)  # who walks through pages does so at once; a link in a log is worth nothing tomorrow


def seal(key: bytes, mark: str, content: dict[str, Any], now: datetime) -> str:
    """`content` as a token for a URL, good for `LIFETIME` from `now`."""
    body = msgspec.json.encode({**content, "until": int((now + LIFETIME).timestamp())})
    nonce = os.urandom(NONCE)
    return urlsafe_b64encode(nonce + _cipher(key).encrypt(nonce, body, mark.encode())).rstrip(b"=").decode()


def unseal(key: bytes, mark: str, token: str, now: datetime) -> dict[str, Any]:
    """The content of a token that `seal` made with the same key for the same caller (`Caller.mark`), not too long ago.

    Raises `Problem` (NOT_FOUND) otherwise, in the same words for what was changed and what is another's.
    """
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)) if len(token) <= LONGEST else b""
        body = _cipher(key).decrypt(raw[:NONCE], raw[NONCE:], mark.encode())
    except (ValueError, InvalidTag):  # the first also for a nonce that is cut short
        raise problem(
            Kind.NOT_FOUND,
            "This page link was not made here for you: search again from the start.",
            "Denne sidelenken er ikke laget her for deg: søk på nytt fra starten.",
            where="http._page",
        ) from None
    content: dict[str, Any] = msgspec.json.decode(body)
    if content.pop("until") < now.timestamp():
        raise problem(
            Kind.NOT_FOUND,
            "This page link has expired: search again from the start.",
            "Denne sidelenken er utløpt: søk på nytt fra starten.",
            where="http._page",
        )
    return content


def _cipher(key: bytes) -> AESGCM:
    """By a key of its own, so that nothing that is made with the installation's key elsewhere tells anything of it."""
    return AESGCM(hmac.digest(key, b"page links", "sha256"))
