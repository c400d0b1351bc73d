"""A signed token as text: three parts of base64 with points between (JWS Compact Serialization, RFC 7515 7.1).

    header = header_of(text, algorithms, types={"at+jwt"})
    claims = verified(text, key, registry(algorithms))

What stands in a header was written by whoever sent it: it chooses among what is allowed here, and names no key and no place to
fetch one (RFC 8725 3.1, 3.8, 3.10). The signature is the library's to judge; what it has signed is read as strictly as FHIR is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from adapter.domain.problem import Problem
from adapter.r4 import json

PublicKey = RSAKey | ECKey
LONGEST: Final = 8 * 1024  # of a token or a proof, before anything of it is read

_LAST: Final = 253402300799  # the last second of the year 9999
_COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)  # a JWE has five parts
_ELSEWHERE: Final = frozenset({"jku", "x5u", "x5c"})
_EXTENDED: Final = frozenset({"crit", "b64", "zip", "enc"})
_MEMBERS: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}  # RFC 7638 3.2
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Faulty(Exception):
    """What is wrong with a token or proof, as what is said of it: "has expired". Never a piece of it."""

    def __init__(self, en: str, nb: str) -> None:
        super().__init__(en)
        self.en, self.nb = en, nb


def registry(algorithms: Sequence[str]) -> JWSRegistry:
    """The library's rules: these algorithms, and headers as long as an RSA key in one is."""
    rules = JWSRegistry(
        algorithms=list(algorithms), strict_check_header=False
    )  # what is not known is to be passed over (RFC 7515 4)
    rules.max_header_length = LONGEST
    return rules


def header_of(text: str, algorithms: Sequence[str], types: Collection[str]) -> Mapping[str, Any]:
    """The header, where it may be gone on with. `types` in lower case: a media type has no case (RFC 7515 4.1.9); "" is none."""
    if len(text) > LONGEST or not _COMPACT.fullmatch(text):
        raise Faulty("is no signed JWT in three parts", "er ingen signert JWT i tre deler")
    header = _object(text.split(".", 1)[0])
    if header.get("alg") not in algorithms:
        raise Faulty("is signed with an algorithm that is not allowed", "er signert med en algoritme som ikke er tillatt")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower() not in types:
        raise Faulty("is of another type (typ)", "er av en annen type (typ)")
    if _EXTENDED & header.keys():
        raise Faulty("asks for an extension that is not supported", "ber om en utvidelse som ikke støttes")
    if _ELSEWHERE & header.keys():
        raise Faulty("names a key elsewhere, which is never fetched", "viser til en nøkkel et annet sted, som aldri hentes")
    return header


def verified(text: str, key: PublicKey, rules: JWSRegistry) -> dict[str, Any]:
    """The claims, once the signature over them holds."""
    try:
        payload = jws.deserialize_compact(text.encode("ascii"), key, registry=rules).payload
    except (JoseError, ValueError, TypeError):  # their words may quote the token
        raise Faulty("has a signature that does not hold", "har en signatur som ikke holder") from None
    return _claims(payload)


def moment(claims: Mapping[str, Any], name: str) -> float:
    """Seconds since 1970 (NumericDate, RFC 7519 2), which may have a fraction."""
    found = claims.get(name)
    if isinstance(found, int | Decimal) and not isinstance(found, bool) and 0 <= found <= _LAST:
        return float(found)
    raise Faulty(f"has no time in {name}", f"har ikke noe tidspunkt i {name}")


def public_key(jwk: Any) -> PublicKey:
    """A key from its public members alone, of a strength that RFC 7518 asks for and a size that costs no more than it must.

    Where it says which algorithm it is for, it verifies no other.
    """
    members = members_of(jwk)
    bound: KeyParameters | None = {"alg": jwk["alg"]} if "alg" in jwk else None
    try:
        if members["kty"] == "EC":
            curve = ECKey.import_key({**members}, bound)
            curve.public_key.public_numbers()  # whether the point is on the curve
            return curve
        key = RSAKey.import_key({**members}, bound)
        numbers = key.public_key.public_numbers()
    except (JoseError, ValueError, TypeError, KeyError):
        raise Faulty("has a key that cannot be read", "har en nøkkel som ikke kan leses") from None
    if not (2048 <= numbers.n.bit_length() <= 4096 and numbers.e.bit_length() <= 32):
        raise Faulty("has a key of another size than 2048 to 4096 bits", "har en nøkkel som ikke er på 2048 til 4096 bit")
    return key


def members_of(jwk: Any) -> dict[str, str]:
    """What makes a public key the one that it is, and nothing else of it."""
    kind = jwk.get("kty") if isinstance(jwk, dict) else None
    names = _MEMBERS.get(kind, ()) if isinstance(kind, str) else ()
    if not names or not all(isinstance(jwk.get(name), str) for name in names):
        raise Faulty("has no RSA or EC key", "har ingen RSA- eller EC-nøkkel")
    if _PRIVATE & jwk.keys():
        raise Faulty("shows a private key: it must be replaced", "viser en privat nøkkel: den må byttes")
    return {name: jwk[name] for name in names}


def _object(part: str) -> dict[str, Any]:
    try:
        return _claims(urlsafe_b64decode(part.encode("ascii")))
    except ValueError:
        raise Faulty("is not base64url", "er ikke base64url") from None


def _claims(data: bytes) -> dict[str, Any]:
    try:
        found = json.parse(data)
    except Problem:
        found = None
    if not isinstance(found, dict):
        raise Faulty("holds no JSON object", "har ikke noe JSON-objekt")
    return found
