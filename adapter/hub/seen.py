"""Messages as a visitor sees them: those of its organisations, and of no patient who has closed their record to it.

What a visitor sees, and what it asked for and was not given, is left in its trail: which message, and of whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from adapter.domain.problem import Problem
from adapter.hub.shown import ID, no_message, none
from adapter.ports import Message, MessageQuery, Outgoing, Stored
from adapter.security.trail import Action
from adapter.security.visit import Visit

MESSAGE: Final = "Message"  # the word for one in the audit
MOST: Final = 100  # deliveries told of a message
T = TypeVar("T")


def find(visit: Visit, query: MessageQuery) -> list[Message]:
    """A page of messages, and one more where there are more: what they are, not what is in them."""
    visit.require("messages")
    with visit.store.read() as unit:
        found = unit.messages(visit.caller.tenants, query)
    noted(visit, "R", found[: query.limit - 1])
    return found


def one(visit: Visit, id: str) -> tuple[Message, bytes | None]:
    """A message and its XML. NOT_FOUND where there is none that the visitor may see."""
    with_right(visit, id, "messages")
    with visit.store.read() as unit:
        message = unit.message(id) if ID.fullmatch(id) else None
        given = message is not None and message.tenant in visit.caller.tenants
        xml = unit.message_xml(id) if given else None
        made = unit.message_resources(message.tenant, id) if message and given else []
    if message is None or not given:
        _withheld(visit, id)
        no_message()
    noted(visit, "R", [message])
    visit.trail.saw("R", made, message.tenant)
    return message, xml


def deliveries_of(visit: Visit, message: Message) -> list[Outgoing]:
    """What a message that the visitor sees led to at partners, newest first."""
    with visit.store.read() as unit:
        return unit.deliveries([message.tenant], cause=message.id, limit=MOST)


def with_right(visit: Visit, id: str, what: str) -> None:
    """Note that a message is asked for. FORBIDDEN without the right to `what`."""
    if ID.fullmatch(id) and (MESSAGE, id) not in visit.trail.named:
        visit.trail.asked(MESSAGE, id)
    try:
        visit.require(what)
    except Problem:
        _withheld(visit, id)
        raise


def noted(visit: Visit, action: Action, messages: Iterable[Message]) -> None:
    """Leave in the trail what was done with messages."""
    for one in messages:
        visit.trail.saw(action, [Stored(MESSAGE, one.id, 1, one.received, b"", one.patient)], one.tenant)


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


def decide_on(decision: Callable[[Sequence[str], str], Message], visit: Visit, id: str) -> Message:
    """What becomes of a message that the visitor may see and decide on."""
    with_right(visit, id, "operate")
    decided = of_seen(decision, visit, id)
    noted(visit, "U", [decided])
    return decided


def _withheld(visit: Visit, id: str) -> None:
    """The patient of a message that is not there for the visitor sees that somebody tried."""
    with visit.store.seen_by((), ()).read() as unit:
        message = unit.message(id) if ID.fullmatch(id) else None
    if message is not None and message.tenant in visit.caller.tenants:
        visit.trail.withheld(message.patient, message.tenant)
