"""What an operator or tester asks of a kept message: its Bundle, AppRec and statuses, why each value is as it is; and to let it go.

`tenants` are the organisations whose messages the caller may see; a message of any other is *not found*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adapter.domain.problem import Kind, Problem, problem
from adapter.domain.referral import Decision
from adapter.ports import Message, State, Store, Unit
from adapter.usecases import context
from adapter.usecases.answer_referrer import document
from adapter.usecases.clean_up import CLEANED, gone
from mappings import translation
from mappings.translation import Translator

WAITING = (State.RECEIVED, State.QUARANTINED)


def retriable(store: Store, tenants: Sequence[str], id: str) -> Message:
    """The message, if it may be tried again: it waits for a person or for its next try, and its bytes were kept."""
    with store.read() as unit:
        message = find(unit, tenants, id)
        kept = bool(unit.message_xml(id))
    if message.state not in WAITING or message.dismissed:
        raise _not_in_this_state(message, "tried again", "prøves på nytt")
    if not kept:
        raise problem(
            Kind.BUSINESS_RULE,
            "Nothing but this message's envelope was kept. Ask its sender to send it again.",
            "Bare konvolutten til denne meldingen er tatt vare på. Be avsender sende den på nytt.",
        )
    return message


def dismiss(unit: Unit, tenants: Sequence[str], id: str) -> Message:
    """Mark a quarantined or refused message as settled. It is kept, and no longer counted as waiting.

    Raises `Problem(NOT_FOUND)`, or `Problem(BUSINESS_RULE)` in a state that does not allow it.
    """
    message = find(unit, tenants, id)
    if message.state not in (State.QUARANTINED, State.REFUSED):
        raise _not_in_this_state(message, "dismissed", "legges til side")
    settled = replace(message, dismissed=True)
    unit.change_message(settled)
    return settled


def bundle(store: Store, tenants: Sequence[str], id: str) -> bytes | None:
    """A transaction Bundle of the versions that the message made, in the very bytes that are stored; None where it made none."""
    with store.read() as unit:
        message = find(unit, tenants, id)
        made = unit.message_resources(message.tenant, id)
        if unit.missing_of_message(message.tenant, id):  # what is left would be another Bundle
            gone()
    if not made:
        return None
    return translation.bundle((stored.type, stored.id, stored.body) for stored in made)


def apprec(store: Store, tenants: Sequence[str], id: str) -> tuple[bytes, str] | None:
    """The AppRec that answers the message, in its channel's bytes, with their media type; None where there is none."""
    with store.read() as unit:
        find(unit, tenants, id)
        rows = [row for row in unit.outgoing_for(id) if row.kind == "apprec"]
    if rows and not rows[0].body:
        gone()
    return (rows[0].body, rows[0].content_type) if rows else None


def statuses(store: Store, tenants: Sequence[str], id: str) -> list[dict[str, Any]]:
    """What the referrer was told of the message, as XML, newest first; and whether each arrived."""
    with store.read() as unit:
        find(unit, tenants, id)
        rows = [row for row in unit.outgoing_for(id) if row.kind == "message"]
    return [
        {
            "msgId": row.msg_id,
            "made": row.created,
            "state": row.state,
            "answer": row.answer,
            "error": row.error,
            "document": document(row).decode(),
        }
        for row in reversed(rows)
    ]


def explanation(store: Store, translator: Translator, tenants: Sequence[str], id: str) -> dict[str, Any]:
    """Where every element came from and what became of every node, made anew from the kept bytes and what decided then.

    Raises `Problem(NOT_FOUND)` where there is nothing to explain: the message was not read, or its bytes were not, or are no
    longer, kept.
    """
    with store.read() as unit:
        message = find(unit, tenants, id)
        xml = unit.message_xml(id)
    if xml is None or message.issues == CLEANED:
        gone()
    receipt = context.load(message).receipt
    nothing = problem(
        Kind.NOT_FOUND,
        "There is nothing to explain: this message was not read as a referral to one of our services.",
        "Det er ingenting å forklare: meldingen er ikke lest som en henvisning til en av våre tjenester.",
    )
    if not xml or receipt is None:
        raise nothing
    try:
        reading = translator.read(xml)
    except Problem:
        raise nothing from None
    return translator.render(reading, receipt, context.load(message).decision or Decision()).explanation()


def find(unit: Unit, tenants: Sequence[str], id: str) -> Message:
    """The message, if it is one of these organisations'. Raises `Problem(NOT_FOUND)` for all others alike."""
    message = unit.message(id)
    if message is None or message.tenant not in tenants:
        raise problem(Kind.NOT_FOUND, "There is no such message.", "Meldingen finnes ikke.")
    return message


def _not_in_this_state(message: Message, en: str, nb: str) -> Problem:
    too, ogsaa = (" and dismissed", " og lagt til side") if message.dismissed else ("", "")
    return problem(
        Kind.BUSINESS_RULE,
        f"The message is {message.state}{too}, and cannot be {en}.",
        f"Meldingen er i tilstanden {message.state}{ogsaa} og kan ikke {nb}.",
    )
