"""DPoP (RFC 9449): the proof, made anew for every request, that whoever shows a token holds the key that it was given to.

    proofs = Proofs()
    headers = {"DPoP": proofs.make("GET", "https://fhir.example/Task/1", token=token)}

The key is made when the process starts and never leaves it: a token that is stolen is of no use elsewhere.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
LONGEST_NONCE: Final = 1024


class Proofs:
    """Proofs by one key, with the nonces that servers have asked for. `now` is seconds since 1970."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._key = ECKey.generate_key("P-256")
        self._now = now
        self._nonces: dict[str, str] = {}  # by origin: a nonce is for the server that gave it (8.2)

    def make(self, method: str, url: str | httpx.URL, *, token: str = "") -> str:
        """The DPoP header of a request (4.2). `htu` has neither query nor fragment; `ath` binds it to the access token."""
        address = httpx.URL(url)
        claims: dict[str, object] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": str(address.copy_with(query=None, fragment=None)),
            "iat": int(self._now()),
        }
        if token:
            claims["ath"] = encoded(hashlib.sha256(token.encode("ascii")).digest())
        if nonce := self._nonces.get(_origin(address)):
            claims["nonce"] = nonce
        header = {"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": self._key.as_dict(private=False)}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    def keep(self, answer: httpx.Response) -> bool:
        """Keep the nonce of an answer for the next request (8.2); whether it is another than before."""
        nonce, origin = answer.headers.get("dpop-nonce", ""), _origin(answer.request.url)
        if not nonce or len(nonce) > LONGEST_NONCE or self._nonces.get(origin) == nonce:
            return False
        self._nonces[origin] = nonce
        return True


def encoded(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515 2).

    >>> encoded(b"ab?")
    'YWI_'
    """
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"
