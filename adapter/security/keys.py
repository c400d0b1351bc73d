"""Our private keys: PEM or JWK (RFC 7517), one or several, from a file or a variable of the environment.

    keys = Keys(partner)
    keys.in_order()          # the newest first, or the one that was last taken
    public_set(keys.in_order())  # what is registered at the issuer

Several keys let a new one follow an old one without a pause: the new one is put first, both are registered for a while, and the old
one is taken away. The file is read anew when it changes. No key, nor a part of one, is ever in a message, a log or a `repr`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from joserfc import jwk
from joserfc.errors import InvalidKeyTypeError, JoseError

from adapter.domain.problem import Kind, Problem, problem
from adapter.r4 import json
from adapter.settings import Credentials, Settings

log = structlog.get_logger(__name__)

SHORTEST_RSA: Final = 2048  # bits (RFC 7518 3.3)
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)

SigningKey = jwk.RSAKey | jwk.ECKey


class Key(NamedTuple):
    """One key, its name at the issuer (`kid`), and what it signs with: RS256, PS256 or ES256."""

    key: SigningKey
    kid: str
    algorithm: str


class Keys:
    """The keys of a `key_file` or `key_env`. Raises `Problem` where none can be read at first.

    A file that can no longer be read, as while it is being written, leaves us with the keys that it had.
    """

    def __init__(self, settings: Credentials) -> None:
        self._settings = settings
        self._taken = ""
        self._state = self._seen()
        self._keys = keys_of(settings)

    def in_order(self) -> list[Key]:
        """The one that was last taken, then the others, newest first; a file with other keys begins with its newest."""
        if (state := self._seen()) != self._state:
            self._state = state
            self._read_anew()
        return sorted(self._keys, key=lambda key: key.kid != self._taken)

    def took(self, key: Key) -> None:
        """The issuer has taken this one."""
        self._taken = key.kid

    def _read_anew(self) -> None:
        try:
            keys = keys_of(self._settings)
        except Problem as fault:
            log.warning("keys.not_read", why=str(fault))
            return
        log.info("keys.read", kids=[key.kid for key in keys])
        if [key.kid for key in keys] != [key.kid for key in self._keys]:
            self._taken = ""
        self._keys = keys

    def _seen(self) -> object:
        try:
            seen = self._settings.key_file.stat() if self._settings.key_file else None
        except OSError:
            return None
        return seen and (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def clients(settings: Settings) -> dict[str, Credentials]:
    """What is known by a key to some issuer, by the name of the hub or partner; and `login`."""
    hubs = {hub.label: hub for hub in settings.hub if hub.auth == "helseid"}
    partners = {partner.name: partner for partner in settings.partner if partner.auth == "helseid"}
    return {**hubs, **partners, **({"login": settings.login} if settings.login.issuer else {})}


def keys_of(settings: Credentials) -> list[Key]:
    """The keys of a client as they stand now."""
    return read_keys(settings.key_file or settings.key_env, settings.key_id, settings.algorithm)


def read_keys(source: Path | str, key_id: str = "", algorithm: str = "") -> list[Key]:
    """The keys of a file, or of a variable of the environment, newest first. Raises `Problem` where one of them cannot sign."""
    try:
        data = source.read_bytes() if isinstance(source, Path) else os.environ[source].encode()
        found = _jwks(json.parse(data)) if data.lstrip().startswith(b"{") else [_pem(block[0]) for block in _PEM.finditer(data)]
    except FileNotFoundError:
        raise _bad(source, "is not there", "finnes ikke") from None
    except PermissionError:
        raise _bad(source, "cannot be read by this user", "kan ikke leses av denne brukeren") from None
    except (OSError, JoseError, Problem, ValueError, TypeError, KeyError, AttributeError):
        found = []  # what was wrong is not told: it may quote the key
    if not found:
        raise _bad(source, "holds no private key that can be read", "har ingen privat nøkkel som kan leses")
    if key_id and len(found) > 1:
        raise _bad(
            source,
            "holds several keys, and key_id is the name of one: leave it out, and let each JWK have its own kid",
            "har flere nøkler, og key_id er navnet på én: utelat den, og la hver JWK ha sin egen kid",
        )
    keys = [_named(source, key, key_id, algorithm) for key in found]
    if len({key.kid for key in keys}) < len(keys):
        raise _bad(source, "holds two keys with one kid", "har to nøkler med samme kid")
    return keys


def public_set(keys: Iterable[Key]) -> dict[str, Any]:
    """The JWK Set to register at the issuer (RFC 7517 5): the public halves alone."""
    return {"keys": [{**key.as_dict(private=False), "kid": kid, "alg": alg, "use": "sig"} for key, kid, alg in keys]}


def _named(source: Path | str, key: SigningKey, key_id: str, algorithm: str) -> Key:
    own, rsa = key.as_dict(private=False), isinstance(key, jwk.RSAKey)
    said = str(own.get("alg") or algorithm or ("RS256" if rsa else "ES256"))
    fits = said in (("RS256", "PS256") if rsa else ("ES256",)) and algorithm in ("", said)
    strong = key.raw_value.key_size >= SHORTEST_RSA if rsa else own.get("crv") == "P-256"
    if not (key.is_private and fits and strong):
        raise _bad(
            source,
            "holds a key that cannot sign so: RS256 and PS256 need a private RSA key of 2048 bits, ES256 one of EC P-256",
            "har en nøkkel som ikke kan signere slik: RS256 og PS256 krever en privat RSA-nøkkel på 2048 bit, ES256 en av EC P-256",
        )
    return Key(key, key_id or str(own.get("kid") or key.thumbprint()), said)


def _jwks(body: Any) -> list[SigningKey]:
    return [_jwk(one) for one in body.get("keys", [body])]


def _jwk(body: Any) -> SigningKey:
    return jwk.RSAKey.import_key(body) if body["kty"] == "RSA" else jwk.ECKey.import_key(body)


def _pem(block: bytes) -> SigningKey:
    try:
        return jwk.RSAKey.import_key(block)
    except InvalidKeyTypeError:
        return jwk.ECKey.import_key(block)


def _bad(source: Path | str, en: str, nb: str) -> Problem:
    return problem(
        Kind.INVALID,
        f"{source} {en}. Put private keys there, the newest first: PEM without a password, a JWK or a JWK Set.",
        f"{source} {nb}. Legg private nøkler der, den nyeste først: PEM uten passord, en JWK eller et JWK-sett.",
        rule="RFC 7517",
    )
