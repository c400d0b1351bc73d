"""Referrals without end: one template, and for each number its own MsgId, DocumentId and synthetic person (month + 80).

    letters = Letters(seed)
    letters.make(999_999).data           # made when it is needed, and the same each time
    number_of(letters.make(7).msg_id)    # 7

Each person lives in Vågå (3435), whose rules for coordinators are known.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from tests.national_numbers import make

TEMPLATE = Path(__file__).resolve().parent.parent.parent / "openapi" / "examples" / "series-1-new.xml"
SWAPPED = {
    "msg_id": "133dffe3-5f25-4928-8201-ac997016abbf",
    "document_id": "25064625-6b5b-41a3-9d4c-4a66907b9a63",
    "number": "21889240366",
    "born": "1992-08-21",
    "home": "<City>Lynghei</City>",
}
HOME = '<City>Vågå</City><County V="3435" DN="Vågå"/>'
FIRST_BIRTH, DAYS = date(1930, 1, 1), 28_800  # to 2008: at least 35 men of each day have a number, so there are a million


@dataclass(frozen=True)
class Made:
    msg_id: str
    document_id: str
    data: bytes


@cache
def _template() -> str:
    text = TEMPLATE.read_text("utf-8")
    assert all(text.count(value) == 1 for value in SWAPPED.values())
    return text


class Letters:
    """The referrals of one seed, by number."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.tails = [f"{chance.getrandbits(16):04x}-4{chance.getrandbits(12):03x}-8{chance.getrandbits(12):03x}" for _ in range(2)]
        self.nodes = [chance.getrandbits(48) for _ in range(2)]
        self.first = chance.randrange(DAYS)

    def make(self, n: int) -> Made:
        """The n-th (from 0, below a million), of the n-th patient."""
        msg_id, document_id = (f"{n:08x}-{tail}-{node:012x}" for tail, node in zip(self.tails, self.nodes, strict=True))
        born = FIRST_BIRTH + timedelta(days=(self.first + n) % DAYS)
        new = {
            "msg_id": msg_id,
            "document_id": document_id,
            "number": make(born.day, born.month, born.year, "male", skip=n // DAYS),
            "born": born.isoformat(),
            "home": HOME,
        }
        text = _template()
        for key, value in SWAPPED.items():
            text = text.replace(value, new[key])
        return Made(msg_id, document_id, text.encode())

    def some(self, numbers: range) -> Iterator[Made]:
        return map(self.make, numbers)


def number_of(msg_id: str) -> int:
    """Which message has that MsgId."""
    return int(msg_id[:8], 16)


def make_messages(seed: int, count: int) -> list[Made]:
    """The first `count` referrals of a seed, all at once."""
    return [*Letters(seed).some(range(count))]
