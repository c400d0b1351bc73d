"""Referrals without end: one template, and for each number its own MsgId, DocumentId and synthetic person (month + 80)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from tests.national_numbers import make

TEMPLATE = Path(__file__).resolve().parent.parent.parent / "openapi" / "examples" / "series-1-new.xml"
SWAPPED = {
    "msg_id": "133dffe3-5f25-4928-8201-ac997016abbf",
    "document_id": "25064625-6b5b-41a3-9d4c-4a66907b9a63",
    "number": "21889240366",
    "born": "1992-08-21",
}
FIRST_BIRTH = date(1965, 1, 1)


@dataclass(frozen=True)
class Made:
    msg_id: str
    data: bytes


@cache
def _template() -> str:
    text = TEMPLATE.read_text("utf-8")
    assert all(text.count(value) == 1 for value in SWAPPED.values())
    return text


def make_messages(seed: int, count: int) -> list[Made]:
    """`count` referrals of as many patients; the same seed makes the same bytes."""
    chance = random.Random(seed)
    births = [FIRST_BIRTH + timedelta(days=day) for day in chance.sample(range(12_000), count)]
    return [_make(chance, born) for born in births]


def _make(chance: random.Random, born: date) -> Made:
    new = {
        "msg_id": str(UUID(int=chance.getrandbits(128), version=4)),
        "document_id": str(UUID(int=chance.getrandbits(128), version=4)),
        "number": make(born.day, born.month, born.year, "male"),
        "born": born.isoformat(),
    }
    text = _template()
    for key, value in SWAPPED.items():
        text = text.replace(value, new[key])
    return Made(new["msg_id"], text.encode())
