"""Is it gone, since when, and by which rule: what the audit's chain tells of a copy that retention took away.

    list(removals(store, "inbox", ("5f7d6a52-0d34-5c2a-8a2b-3f1d1c0a9b11",)))     # [Removal(1204, moment, before)]

Only who knows the key can ask: a record has its seal alone (`clean_up.seal_of`). That the records are as they were written is
`verify_audit`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from adapter.ports import Copy, Store
from adapter.usecases.clean_up import seal_of

PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Removal:
    """A record of the chain: what was from before a moment was taken away at another."""

    position: int
    moment: datetime
    before: datetime


class _Removed(msgspec.Struct):
    copy: str
    before: datetime
    seals: list[str]


class _Told(msgspec.Struct):
    removed: _Removed | None = None


_told: Final = msgspec.json.Decoder(_Told).decode


def removals(store: Store, copy: Copy, key: Sequence[Any]) -> Iterator[Removal]:
    """The removals that a key was among, the first one first."""
    seal, after = seal_of(copy, key), None
    while True:
        with store.read() as unit:
            links = unit.audit_links(after, PAGE)
        for link in links:
            told = _removed(link.record.body)
            if told and told.copy == copy and seal in told.seals:
                yield Removal(link.position, link.record.moment, told.before)
        if len(links) < PAGE:
            return
        after = links[-1].position


def _removed(body: bytes) -> _Removed | None:
    """What a record tells of a removal; one that was changed to what no record can be tells nothing."""
    try:
        return _told(body).removed if b'"removed"' in body else None
    except msgspec.DecodeError:
        return None
