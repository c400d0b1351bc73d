"""What an access token says, as plain data: who asks, for which organisation, with which rights, and for what care.

Who says so: RFC 9068 for the claims that every token has; HelseID for those with its own names (https://utviklerportal.nhn.no,
HelseID); the national trust framework (https://github.com/NorskHelsenett/Tillitsrammeverk) for the attest.

    said = read_claims(claims, settings)     # raises Faulty for a token that does not count here

What a token does not allow although it is good (`refusal`) is kept beside it, so that nothing is said of rights before the caller
has shown that the token is its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from adapter.security.caller import EMERGENCY, Person
from adapter.security.compact import Faulty, moment
from adapter.security.proofs_in import Proof
from adapter.security.scopes import Access, access_of
from adapter.settings import HelseID

TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
PARENT: Final = "helseid://claims/client/claims/orgnr_parent"
CHILD: Final = "helseid://claims/client/claims/orgnr_child"
SUPPLIER: Final = "helseid://claims/client/claims/orgnr_supplier"
PID: Final = "helseid://claims/identity/pid"
LEVEL: Final = "helseid://claims/identity/security_level"
HPR: Final = "helseid://claims/hpr/hpr_number"
HIGHEST: Final = "4"

_CLIENT: Final = re.compile(r"[ -~]{1,200}")  # RFC 6749 A.1
_ORGANISATION: Final = re.compile(r"\d{9}", re.ASCII)
_PID: Final = re.compile(r"\d{11}", re.ASCII)
_HPR: Final = re.compile(r"\d{1,9}", re.ASCII)
_JKT: Final = re.compile(r"[\w-]{43}", re.ASCII)  # SHA-256 in base64
_PURPOSE: Final = re.compile(r"[A-Z]{2,20}")


@dataclass(frozen=True, slots=True)
class Token:
    """Who it was given to. `numbers` are the organisation's, parent before child; `attest` is as it came, bounded by the token."""

    client: str
    numbers: tuple[str, ...]
    expires: datetime
    access: Access
    scheme: Literal["DPoP", "Bearer"] = "DPoP"
    supplier: str = ""
    person: Person | None = None
    purpose: str = ""
    attest: Mapping[str, Any] = field(default_factory=dict)
    proof: Proof | None = None


class Said(NamedTuple):
    """A token that was read: when it counts, the key it is bound to, and why it gives nothing (English, Norwegian)."""

    token: Token
    begins: float
    ends: float
    jkt: str
    refusal: tuple[str, str] | None


def read_claims(claims: Mapping[str, Any], settings: HelseID) -> Said:
    """Raises `Faulty` where the token is not for us, or does not say what it must. Its time is for `in_time` to judge."""
    if claims.get("iss") != settings.issuer:
        raise Faulty("is from another issuer (iss)", "er fra en annen utsteder (iss)")
    if claims.get("aud") not in (settings.audience, [settings.audience]):  # one audience, so that no other service can show it
        raise Faulty("is for another service (aud)", "er til en annen tjeneste (aud)")
    begins, ends = moment(claims, "nbf"), moment(claims, "exp")
    if "iat" in claims:
        begins = max(begins, moment(claims, "iat"))
    numbers = tuple(filter(None, (_text(claims, PARENT, _ORGANISATION), _text(claims, CHILD, _ORGANISATION))))
    attest = claims.get(settings.attest_claim, {})
    if not isinstance(attest, dict):
        raise Faulty("has an attest that is no JSON object", "har en attest som ikke er et JSON-objekt")
    token = Token(
        client=_text(claims, "client_id", _CLIENT, required=True),
        numbers=numbers,
        expires=datetime.fromtimestamp(ends, UTC),
        access=access_of(_scopes(claims), settings.scopes),
        scheme="DPoP" if settings.scheme == "dpop" else "Bearer",
        supplier=_text(claims, SUPPLIER, _ORGANISATION),
        person=_whole(_person(claims), _attested(attest)),
        purpose=_purpose(attest),
        attest=attest,
    )
    return Said(token, begins, ends, _bound_to(claims, settings), _refusal(token, claims))


def in_time(said: Said, now: float, leeway: float) -> None:
    """Raises `Faulty` before the token begins and after it has ended."""
    if now >= said.ends + leeway:
        raise Faulty("has expired (exp)", "er utløpt (exp)")
    if now < said.begins - leeway:
        raise Faulty("does not count yet (nbf, iat)", "gjelder ikke ennå (nbf, iat)")


def _refusal(token: Token, claims: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a good token gives nothing here."""
    if not token.access:
        return "has no scope of this service: ask for one", "har ingen scope i denne tjenesten: be om en"
    if not _text(claims, PARENT, _ORGANISATION):
        return "names no organisation: ask for it in the assertion", "nevner ingen organisasjon: be om det i assertion"
    if _person(claims) and str(claims.get(LEVEL)) != HIGHEST:
        return (
            "is of a person who logged in below level 4: log in at level 4",
            "er fra en person som logget inn under nivå 4: logg inn på nivå 4",
        )
    if _are_two(_person(claims), _attested(token.attest)):
        return (
            "names another person than its attest does: ask for one that attests who logged in",
            "nevner en annen person enn attesten gjør: be om et som attesterer den som logget inn",
        )
    if token.purpose == EMERGENCY and not (token.person and token.access.other("emergency")):
        return "attests an emergency without scope or person for it", "attesterer nødrett uten scope eller person for det"
    return None


def _bound_to(claims: Mapping[str, Any], settings: HelseID) -> str:
    """The thumbprint of the key that it must be shown with; empty where tokens are shown alone. Never one for the other."""
    bound = claims.get("cnf")
    if settings.scheme == "bearer":
        if bound is not None:
            raise Faulty("is bound to a key (cnf), and is not taken alone", "er bundet til en nøkkel (cnf), og tas ikke alene")
        return ""
    jkt = bound.get("jkt") if isinstance(bound, dict) else None
    if not isinstance(jkt, str) or not _JKT.fullmatch(jkt):
        raise Faulty("is bound to no key (cnf.jkt)", "er ikke bundet til en nøkkel (cnf.jkt)")
    return jkt


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """A text with spaces between (RFC 9068 2.2.3), or a list, as HelseID has it."""
    found = claims.get("scope", "")
    words = found.split(" ") if isinstance(found, str) else found
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Faulty("has a scope that is no text", "har en scope som ikke er tekst")
    return words


def _text(claims: Mapping[str, Any], name: str, pattern: re.Pattern[str], *, required: bool = False) -> str:
    found = claims.get(name, "")
    if found == "" and not required:
        return ""
    if not isinstance(found, str) or not pattern.fullmatch(found):
        last = name.rsplit("/", 1)[-1]
        raise Faulty(f"has something else in {last} than belongs there", f"har noe annet i {last} enn det som hører hjemme der")
    return found


def _person(claims: Mapping[str, Any]) -> Person | None:
    pid, hpr = _text(claims, PID, _PID), _text(claims, HPR, _HPR)
    return Person(pid, hpr, _name(claims.get("name"))) if pid or hpr else None


def _attested(attest: Mapping[str, Any]) -> Person | None:
    """Who the client's own system says is at the screen, where no person has logged in at the issuer."""
    practitioner = attest.get("practitioner")
    if not isinstance(practitioner, dict):
        return None
    pid, hpr = _inner(practitioner, "identifier", _PID), _inner(practitioner, "hpr_nr", _HPR)
    identifier = practitioner.get("identifier")
    name = identifier.get("name") if isinstance(identifier, dict) else None
    return Person(pid, hpr, _name(name)) if pid or hpr else None


def _whole(said: Person | None, attested: Person | None) -> Person | None:
    """Who it is, with what the claims lack from the attest, since a block by any of a person's numbers is of that person."""
    if not (said and attested):
        return said or attested
    return Person(said.pid or attested.pid, said.hpr or attested.hpr, said.name or attested.name)


def _are_two(said: Person | None, attested: Person | None) -> bool:
    """Whether claims and attest give different numbers. Names are written in more than one way, and tell nothing."""
    if not (said and attested):
        return False
    return any(one and other and one != other for one, other in ((said.pid, attested.pid), (said.hpr, attested.hpr)))


def _purpose(attest: Mapping[str, Any]) -> str:
    for part in ("care_relation", "care_relationship"):  # versions of the attest differ
        relation = attest.get(part)
        if isinstance(relation, dict) and (code := _inner(relation, "purpose_of_use", _PURPOSE, "code")):
            return code
    return ""


def _inner(whole: Mapping[str, Any], name: str, pattern: re.Pattern[str], key: str = "id") -> str:
    part = whole.get(name)
    found = part.get(key) if isinstance(part, dict) else None
    return found if isinstance(found, str) and pattern.fullmatch(found) else ""


def _name(found: Any) -> str:
    return "".join(c for c in found if c.isprintable())[:200] if isinstance(found, str) else ""
