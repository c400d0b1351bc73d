"""Messages as a visitor sees them: those of its organisations, and of no patient who has closed their record to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from adapter.hub.shown import ID, no_message, none
from adapter.ports import Message, MessageQuery
from adapter.security.visit import Visit

T = TypeVar("T")


def find(visit: Visit, query: MessageQuery) -> list[Message]:
    """A page of messages: what they are, not what is in them."""
    visit.require("messages")
    with visit.store.read() as unit:
        return unit.messages(visit.caller.tenants, query)


def one(visit: Visit, id: str) -> tuple[Message, bytes | None]:
    """A message and its XML. NOT_FOUND where there is none that the visitor may see."""
    visit.require("messages")
    with visit.store.read() as unit:
        message = unit.message(id) if ID.fullmatch(id) else None
        if message is None or message.tenant not in visit.caller.tenants:
            no_message()
        visit.trail.saw("R", unit.message_resources(message.tenant, id), message.tenant)
        return message, unit.message_xml(id)


def explained(use_case: Callable[[Sequence[str], str], T], visit: Visit, id: str) -> T:
    """What explains a message, which holds all of its text: not there where the XML is not for the visitor."""
    _, xml = one(visit, id)
    if xml == b"":
        none(
            "There is nothing to explain: no document is kept.",
            "Det er ingenting å forklare: det er ikke tatt vare på noe dokument.",
        )
    return use_case(visit.caller.tenants, id)


def of_seen(use_case: Callable[[Sequence[str], str], T], visit: Visit, id: str) -> T:
    """What a use case makes of a message that the visitor may see."""
    one(visit, id)
    return use_case(visit.caller.tenants, id)
