"""Whether the audit's chain holds: every record sealed with all that came before it, none missing, and its beginning accounted for.

    verdict = verify(store)
    verdict.broken                        # None, or the first position where it does not hold, and how

A chain whose end was cut off holds as well: what shows that is a head (position and seal) that was noted elsewhere before, as the
log does now and then. Retention drops the oldest records; it leaves a mark, and a record of itself in the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from adapter.domain.chain import START, seal
from adapter.ports import Link, Store

PAGE: Final = 1000
How = Literal["changed", "missing", "out-of-order", "beginning"]

Mark = tuple[int, bytes]
"""A position and the seal there."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first position where the chain does not hold.

    `changed`: it, or whom it is about, is not what was sealed. `missing`: it is not there. `out-of-order`: it stands elsewhere.
    `beginning`: what was before is gone, and no retention tells so.
    """

    position: int
    how: How


@dataclass(frozen=True, slots=True)
class Verdict:
    """From where to where the chain holds. `head` is the last record that does; (0, START) where there is none."""

    first: int
    head: Mark
    broken: Break | None = None


class _Retention(msgspec.Struct):
    position: int
    digest: str


class _Told(msgspec.Struct):
    retention: _Retention | None = None


_told: Final = msgspec.json.Decoder(_Told).decode


def total(store: Store) -> int:
    """About how many records there are to look at."""
    with store.read() as unit:
        return unit.audit_end()[0] - unit.audit_mark()[0]


def verify(store: Store, known: Mark | None = None, looked: Callable[[int], object] = lambda _: None) -> Verdict:
    """Walk the whole chain. `known` is a head that was noted before; `looked` is told how many more records were looked at.

    Others may append meanwhile, and retention may drop what was looked at.
    """
    walk = _Walk(known)
    while True:
        with store.read() as unit:
            mark = unit.audit_mark()
            links = unit.audit_links(walk.head[0] if walk.begun else None, PAGE)
        walk.begin(mark)
        if broken := walk.over(links):
            return walk.verdict(broken)
        looked(len(links))
        if len(links) < PAGE:
            return walk.verdict(walk.end())


class _Walk:
    def __init__(self, known: Mark | None) -> None:
        self.begun = False
        self.first = 1
        self.head: Mark = (0, START)
        self.known = known
        self.mark: Mark = (0, START)
        self.mark_told = True  # whether a retention in the chain tells of the mark

    def begin(self, mark: Mark) -> None:
        """Go on from where the chain begins now, which is further on where retention came by meanwhile."""
        if mark[0] > self.head[0]:
            self.head, self.first = mark, mark[0] + 1
        if mark != self.mark:
            self.mark, self.mark_told = mark, False
        self.begun = True

    def over(self, links: Sequence[Link]) -> Break | None:
        for place, link in enumerate(links):
            position = self.head[0] + 1
            if link.position != position:
                return self._gap(link.position, position)
            digest = _sealed(self.head[1], position, link)
            if digest != link.digest:
                return Break(position, "out-of-order" if self._elsewhere(position, links[place + 1 :]) else "changed")
            if self.known and self.known[0] == position and self.known[1] != digest:
                return Break(position, "changed")
            self.head = (position, digest)
            self.mark_told = self.mark_told or _tells(link, self.mark)
        return None

    def end(self) -> Break | None:
        if not self.mark_told:
            return Break(self.mark[0], "beginning")
        if self.known and self.known[0] > self.head[0]:
            return Break(self.head[0] + 1, "missing")
        if self.known and self.known[0] == self.mark[0] and self.known != self.mark:
            return Break(self.mark[0], "changed")
        return None

    def verdict(self, broken: Break | None) -> Verdict:
        return Verdict(self.first, self.head, broken)

    def _gap(self, found: int, position: int) -> Break:
        if found < position:
            return Break(found, "out-of-order")
        return Break(position, "beginning" if position == self.first else "missing")

    def _elsewhere(self, position: int, later: Sequence[Link]) -> bool:
        """Whether one of those behind it belongs here."""
        return any(link.digest == _sealed(self.head[1], position, link) for link in later)


def _sealed(previous: bytes, position: int, link: Link) -> bytes:
    record = link.record
    return seal(previous, position, record.id, record.moment, record.tenant, record.about, record.body)


def _tells(link: Link, mark: Mark) -> bool:
    """Whether a record is the retention's that left this mark."""
    if b'"retention"' not in link.record.body:
        return False
    try:
        told = _told(link.record.body).retention
    except msgspec.DecodeError:
        return False
    return told is not None and (told.position, told.digest) == (mark[0], mark[1].hex())
