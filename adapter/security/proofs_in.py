"""The proof that whoever shows a token holds the key that it was given to: DPoP at a resource server (RFC 9449 4.3, 7.1).

    proof = proofs.read(header, method="GET", path="/fhir/Task/1", token=sha256, jkt=thumbprint)   # raises Faulty

It is for one request: this method and address, this token, now, and once. That it was not used before is for whoever keeps what
was used (`Proof`) to say; the rest is said here. The address is put together from the configured base, never from what a request
says of its host (RFC 9449 11.9).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from joserfc.jwk import thumbprint

from adapter.security.compact import Faulty, PublicKey, header_of, members_of, moment, public_key, registry, verified
from adapter.security.dpop import encoded
from adapter.security.recent import Recent

TYPES: Final = frozenset({"dpop+jwt"})
KEYS: Final = 1024
_JTI: Final = re.compile(r"[ -~]{1,256}")
_ADDRESS: Final = re.compile(r"[!-~]{1,4096}")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[\w.~-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """What to remember, so that it is never taken again: a hash of key and `jti`, until nobody would take it anyway."""

    jti: str
    until: datetime


class ProofReader:
    """Proofs for one service. `base` is its address as others see it; `now` is seconds since 1970."""

    def __init__(self, base: str, algorithms: Sequence[str], seconds: int, leeway: int, now: Callable[[], float]) -> None:
        self._base, self._algorithms = base.rstrip("/"), algorithms
        self._seconds, self._leeway, self._now = seconds, leeway, now
        self._registry = registry(algorithms)
        self._keys: Recent[str, PublicKey] = Recent(KEYS)  # by thumbprint: what is under it is that key and no other

    def read(self, text: str, *, method: str, path: str, token: bytes, jkt: str) -> Proof:
        """`path` as it was sent, percent-encoded, with what follows a `?` passed over; `token` is the SHA-256 of the token."""
        header = header_of(text, self._algorithms, TYPES)
        members = members_of(header.get("jwk"))
        if thumbprint({**members}) != jkt:
            raise Faulty("is by another key than the token was given to", "er laget med en annen nøkkel enn tokenet ble gitt til")
        key = self._keys.get(jkt)
        if key is None:
            key = self._keys.keep(jkt, public_key(members))
        claims = verified(text, key, self._registry)
        if claims.get("htm") != method:
            raise Faulty("is for another method (htm)", "er for en annen metode (htm)")
        if not self._here(claims.get("htu"), path):
            en, nb = "is for another address (htu): those here begin with", "er for en annen adresse (htu): de her begynner med"
            raise Faulty(f"{en} {self._base}", f"{nb} {self._base}")
        if claims.get("ath") != encoded(token):
            raise Faulty("is for another token (ath)", "er for et annet token (ath)")
        made, jti, now = moment(claims, "iat"), claims.get("jti"), self._now()
        if not now - self._seconds - self._leeway <= made <= now + self._leeway:
            raise Faulty("was not made just now (iat): check the clock", "er ikke laget akkurat nå (iat): kontroller klokken")
        if not isinstance(jti, str) or not _JTI.fullmatch(jti):
            raise Faulty("has no name of its own (jti)", "har ikke noe eget navn (jti)")
        until = datetime.fromtimestamp(made + self._seconds + 2 * self._leeway, UTC)
        return Proof(hashlib.sha256(f"{jkt}|{jti}".encode("ascii")).hexdigest(), until)

    def _here(self, htu: object, path: str) -> bool:
        ours = self._base + path.split("?", 1)[0]
        return isinstance(htu, str) and (htu == ours or "" != normal(htu) == normal(ours))


def normal(url: str) -> str:
    """One spelling of scheme, host and path (RFC 3986 6.2.2, 6.2.3); empty for what is no such address.

    >>> normal("HTTPS://FHIR.example:443/a%7eb?c=d#e"), normal("https://fhir.example@evil.example/a")
    ('https://fhir.example/a~b', '')
    """
    if not _ADDRESS.fullmatch(url):
        return ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return ""
    usual = port in (None, {"http": 80, "https": 443}[parts.scheme])
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{'' if usual else f':{port}'}{_ESCAPE.sub(_one_spelling, parts.path) or '/'}"


def _one_spelling(escape: re.Match[str]) -> str:
    letter = chr(int(escape[1], 16))
    return letter if _UNRESERVED.fullmatch(letter) else escape[0].upper()
