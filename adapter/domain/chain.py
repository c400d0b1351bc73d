"""The seal of an audit record: a digest over the record and the seal before it, so that nothing can be changed, taken out or put
in between without every later seal telling so.

>>> moment = datetime(2026, 5, 11, tzinfo=UTC)
>>> first = seal(START, 1, "a", moment, "974633574", ["p1"], b"{}")
>>> seal(first, 2, "b", moment, "974633574", [], b"{}") == seal(START, 2, "b", moment, "974633574", [], b"{}")
False

It needs no key, so whoever may write to the whole chain can make another one that holds: what shows that is a head (position and
seal) noted elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import Final

START: Final = bytes(32)
"""What stands before the first record."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HEAD: Final = Struct(">32sqqI").pack
_LENGTH: Final = Struct(">I").pack


def seal(previous: bytes, position: int, id: str, moment: datetime, tenant: str, about: Iterable[str], body: bytes) -> bytes:
    """SHA-256 of what comes before and of the whole record; every part is of a fixed length or has its length before it."""
    patients = sorted(set(about))
    parts = [_HEAD(previous, position, (moment - _EPOCH) // _MICROSECOND, len(patients))]
    for text in (id, tenant, *patients):
        said = text.encode()
        parts += (_LENGTH(len(said)), said)
    return sha256(b"".join((*parts, body))).digest()
