"""A good message to spoil: every bad input is an example with one thing wrong, so that only that thing can be the reason."""

from __future__ import annotations

import json
from uuid import UUID, uuid5

from tests.xsd import ROOT

EXAMPLES = ROOT / "openapi" / "examples"
NAME = "series-1-new.xml"
GOOD = (EXAMPLES / NAME).read_text("utf-8")
VERSION_1_1 = (EXAMPLES / "v11-copy-receiver.xml").read_text("utf-8").replace("8000300", "8000100").replace("8000301", "8000101")
RECEIVER, SENDER = "8000101", "8000201"
ORGANISATION = "319900101"
INDEX = json.loads((EXAMPLES / "index.json").read_text("utf-8"))


def between(text: str, before: str, after: str) -> str:
    """The text between two markers, each of which stands there."""
    start = text.index(before) + len(before)
    return text[start : text.index(after, start)]


MSG_ID = between(GOOD, "<MsgId>", "</MsgId>")
NUMBER = between(GOOD, "<Ident>\n\t\t\t\t<Id>", '</Id>\n\t\t\t\t<TypeId V="FNR"')


def spoil(*changes: tuple[str, str], text: str = GOOD) -> str:
    """The text with each `(old, new)` done once. An `old` that does not stand there is a fault of the test."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def spoiled(*changes: tuple[str, str], text: str = GOOD) -> bytes:
    return spoil(*changes, text=text).encode()


def prolog(lines: str, text: str = GOOD) -> str:
    """The message with something between the XML declaration and the root."""
    return spoil(("?>\n", f"?>\n{lines}\n"), text=text)


def with_text(text: str) -> tuple[str, str]:
    """A change that puts a text first in the reason for referral."""
    return ("<TextResultValue>", f"<TextResultValue>{text}")


def fresh(seed: str) -> str:
    """A MsgId that no other test uses."""
    return str(uuid5(UUID(MSG_ID), seed))
