"""The rows that a verdict becomes: the message in the inbox, its AppRec in the outbox."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

import msgspec

from adapter.ports import Message, Outgoing, State
from adapter.r4.outcome import operation_outcome
from adapter.usecases import context
from adapter.usecases.arrival import Arrival
from adapter.usecases.context import Context
from adapter.usecases.situation import Situation, identity
from adapter.usecases.translate_message import receipt_of
from adapter.usecases.verdict import Verdict
from mappings.messages.apprec import AppRec, to_edi2, to_xml


def message(arrival: Arrival, situation: Situation, judged: Verdict, again: Message | None) -> Message:
    """The inbox row; `again` is the one that it replaces."""
    said, delivery = arrival.reading.envelope if arrival.reading else None, arrival.delivery
    kept = Context(
        delivery.receiver,
        delivery.sender,
        delivery.msg_id,
        is_apprec=delivery.is_apprec,
        serv_type=said.serv_type if said else "",
        receipt=receipt_of(delivery.received, arrival.service, arrival.sender) if arrival.service else None,
        decision=judged.decision,
        parked=judged.state is State.PARKED or bool(again and context.load(again).parked),
        conflict=bool(situation.taken),
        service=arrival.service if judged.state is State.RECEIVED else None,
    )
    return Message(
        id=again.id if again else identity(arrival, other_content=situation.taken == "key"),
        tenant=arrival.tenant,
        hub=delivery.hub,
        hub_id=delivery.hub_id,
        receiver=arrival.receiver,
        sender=arrival.sender,
        msg_id=arrival.msg_id,
        document_id=(said.document_id or None) if said and arrival.service else None,
        type=said.type if said else "APPREC" if arrival.apprec or delivery.is_apprec else "",
        received=delivery.received,
        state=judged.state,
        reason=judged.reason,
        action=judged.action,
        digest=arrival.digest,
        issues=msgspec.json.encode(operation_outcome(judged.findings)) if judged.findings else b"",
        context=context.dump(kept),
        attempts=judged.attempts or (again.attempts if again else 0),
        due=judged.due,
        patient=_whom(arrival, judged),
    )


def _whom(arrival: Arrival, judged: Verdict) -> str:
    """Whom a message is of. What made nothing is known by the number, under which every Patient of that person blocks it: a client
    may have made one with an id of its own.
    """
    made = judged.state is State.PROCESSED
    return arrival.patient or arrival.number if made else arrival.number or arrival.patient


def answer(received: Message, given: AppRec, format: Literal["xml", "edi2"] | None, now: datetime) -> Outgoing:
    """The outbox row of an AppRec, in the bytes of its channel. What came by no hub is there to be fetched; what came by a hub that
    is gone waits for a person.
    """
    gone = format is None and received.hub_id is not None
    return Outgoing(
        id=str(uuid.uuid5(uuid.UUID(received.id), "apprec")),
        tenant=received.tenant,
        key=received.id,
        hub=received.hub,
        kind="apprec",
        message_id=received.id,
        hub_id=received.hub_id,
        sender=received.receiver,
        receiver=received.sender,
        body=to_edi2(given) if format == "edi2" else to_xml(given),
        content_type="application/json" if format == "edi2" else "application/xml",
        created=now,
        state="dead" if gone else "waiting" if format else "sent",
        error=f"The hub {received.hub} is no longer configured." if gone else "",
        cause=received.id,
    )
