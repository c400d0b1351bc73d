"""Identities: the same thing gets the same id, wherever and whenever it is met.

Ids of what is no secret are uuid5 over the canonical base; ids of persons and parties are keyed (HMAC), since a plain hash
of a national number is reversed in minutes. Parts are joined by `|`.
"""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Callable
from hashlib import sha1
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

BASE = "https://stafett.invalid/fhir"  # until a domain is owned
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, BASE)
DEMONSTRATION_KEY = b"stafett-translate: a published key, for demonstration only"

_NAMESPACE = sha1(NAMESPACE.bytes, usedforsecurity=False)  # begun once: making one costs more than all that follows
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def named(*parts: object) -> str:
    """The uuid5 of the parts: `uuid.uuid5(NAMESPACE, "a|b")`, several times faster.

    >>> named("a", "b") == str(uuid.uuid5(NAMESPACE, "a|b"))
    True
    """
    return _uuid5(_NAMESPACE.copy(), "|".join(map(str, parts)))


def series(*parts: object) -> Callable[[object], str]:
    """The uuid5s that begin with the same parts, for many of them: `series("a")("b") == named("a", "b")`."""
    begun = _NAMESPACE.copy()
    begun.update(("|".join(map(str, parts)) + "|").encode())
    return lambda last: _uuid5(begun.copy(), str(last))


def _uuid5(begun: Hash, last: str) -> str:
    begun.update(last.encode())
    return _shaped(begun.hexdigest(), "5")


def keyed(key: bytes) -> Callable[[str, str, str], str]:
    """The function (organisation, system, value) -> id of a person or party, under the installation's key."""

    begun = hmac.new(key, digestmod="sha256")

    def person_id(organisation: str, system: str, value: str) -> str:
        mac = begun.copy()
        mac.update(f"{organisation}|{system}|{value}".encode())
        return _shaped(mac.hexdigest(), "8")

    return person_id


def _shaped(digest: str, version: str) -> str:
    """32 hexadecimal digits as a UUID of RFC 9562 with that version."""
    variant = _VARIANTS[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-{version}{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def message_id(receiver: str, sender: str, msg_id: str, digest: str = "") -> str:
    """The id of a received message: by its key, and by its content too where another has taken the key."""
    return named("message", receiver, sender, msg_id, *([digest] if digest else []))


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as messages write them: 36 characters."""
    return _UUID(text) is not None
