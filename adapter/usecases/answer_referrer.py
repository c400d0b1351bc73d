"""The referrer is told how the referral was assessed: *Status på henvisning*, by the hub that the referral came by.

    answer(unit, tenant, request, assessment, now, hubs=hubs, read=translator.read, owner=task.get("owner"))

Who says so: HIS 1206:2018 (never for emergencies; ConversationRef always; may be repeated) and pbrl § 2-2. It is written in the
unit that keeps the assessment, so that the one is never without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal

from adapter.domain.course import Assessment
from adapter.domain.identity import named
from adapter.ports import Message, Outgoing, State, Unit
from adapter.usecases import context
from adapter.usecases.situation import Body, decode
from mappings import times
from mappings.messages import dialogmelding
from mappings.messages.dialogmelding import Responsible
from mappings.messages.reading import Reading

Format = Literal["xml", "edi2"]
NOT_TAKEN: Final = ("rejected", "conflict")


def answer(
    unit: Unit,
    tenant: str,
    request: Body,
    assessment: Assessment,
    now: datetime,
    *,
    hubs: Mapping[str, Format],
    read: Callable[[bytes], Reading],
    owner: Mapping[str, Any] | None = None,
) -> Outgoing | None:
    """Put the status that answers a referral in the outbox, and return it; None where there is nothing to tell.

    `request` is the referral's ServiceRequest as it is stored, `owner` the assessment Task's. There is nothing to tell of an
    emergency, of a referral that no message brought or whose sender withdrew it, to anyone but the referrer, and where the
    referrer has been told the same: what was not delivered, or rejected by its AppRec, was not told. Raises `Problem` where a
    refusal has no reason.
    """
    message = _referral(unit, tenant, request)
    reading = _read(unit, message, read)
    if message and reading and reading.is_copy(message.receiver):
        message = _primary(unit, message, reading)
    if message is None or reading is None or reading.envelope.emergency or reading.envelope.serv_type == "C":
        return None
    earlier = list(_told(unit, tenant, request["id"]))
    standing = next((row for row in reversed(earlier) if row.state != "dead" and row.answer not in NOT_TAKEN), None)
    first, said = _first(unit, message), reading.envelope
    parent, start = said.conversation or ("", "")
    code, text = dialogmelding.told(assessment, times.local_day(first.received))
    status = dialogmelding.status(
        reading,
        id=_id(tenant, request["id"], len(earlier)),
        made=now,
        parent=standing.msg_id if standing else said.msg_id,
        conversation=start or parent or first.msg_id,
        ours=message.receiver,
        theirs=message.sender,
        code=code,
        text=text,
        responsible=_responsible(unit, tenant, owner),
    )
    if standing and dialogmelding.note(status) in document(standing):
        return None
    row = _row(message, request["id"], status.id, dialogmelding.to_xml(status), hubs, now)
    unit.enqueue(row)
    return row


def document(row: Outgoing) -> bytes:
    """The XML of a message of ours, whatever its channel wraps it in; nothing where it is kept no longer."""
    return dialogmelding.from_edi2(row.body) if row.body and row.content_type == "application/json" else row.body


def _referral(unit: Unit, tenant: str, request: Body) -> Message | None:
    """The message that the ServiceRequest stands as: the newest that wrote it.

    A client that updates it may leave its source out, or name another's: then it is the message that wrote it first.
    """
    first = unit.read(tenant, "ServiceRequest", request["id"], 1)
    for body in (request, decode(first.body) if first else {}):
        source = str(body.get("meta", {}).get("source", "")).removeprefix("urn:uuid:")
        message = unit.message(source) if source else None
        if message and message.tenant == tenant and request["id"] == _request_id(message):
            return message
    return None


def _request_id(message: Message) -> str:
    """The id of the ServiceRequest that a message makes (`mappings.resources.writer`)."""
    return named(message.sender, message.document_id or message.msg_id, "referral", 0)


def _read(unit: Unit, message: Message | None, read: Callable[[bytes], Reading]) -> Reading | None:
    xml = unit.message_xml(message.id) if message else None
    return read(xml) if xml else None


def _primary(unit: Unit, copy: Message, reading: Reading) -> Message | None:
    """The same message as the receiver got it that is asked, where that is ours too: a copy receiver does not answer."""
    found = unit.messages_with_key(reading.envelope.receiver, copy.sender, copy.msg_id)
    return next((m for m in found if m.tenant == copy.tenant and m.state is State.PROCESSED), None)


def _first(unit: Unit, message: Message) -> Message:
    """The referral itself, of its changes: it began the conversation, and its receipt counts, also where they came before it."""
    document = message.document_id
    known = unit.referral_messages(message.tenant, message.sender, document) if document else []
    return next((m for m in known if m.state is State.PROCESSED and context.load(m).serv_type == "N"), message)


def _id(tenant: str, request: str, number: int) -> str:
    return named("status", tenant, request, number)


def _told(unit: Unit, tenant: str, request: str) -> Iterator[Outgoing]:
    """The referral's statuses so far, oldest first."""
    number = 0
    while row := unit.outgoing(_id(tenant, request, number)):
        yield row
        number += 1


def _responsible(unit: Unit, tenant: str, owner: Mapping[str, Any] | None) -> Responsible | None:
    """Who answered, where the Task's owner is a person that we know."""
    type, _, id = str((owner or {}).get("reference", "")).partition("/")
    if type not in ("Practitioner", "PractitionerRole"):
        return None
    found = unit.read(tenant, type, id)
    body = decode(found.body) if found else {}
    if type == "Practitioner":
        return dialogmelding.responsible(body)
    person = str(body.get("practitioner", {}).get("reference", "")).removeprefix("Practitioner/")
    stored = unit.read(tenant, "Practitioner", person) if person else None
    return dialogmelding.responsible(decode(stored.body) if stored else {}, body)


def _row(message: Message, request: str, id: str, xml: bytes, hubs: Mapping[str, Format], now: datetime) -> Outgoing:
    """The outbox row. What came by no hub is there to be fetched; what came by a hub that is gone waits for a person."""
    format = hubs.get(message.hub)
    row = Outgoing(
        id=id,
        tenant=message.tenant,
        key=request,
        hub=message.hub,
        kind="message",
        message_id=message.id,
        hub_id=None,
        sender=message.receiver,
        receiver=message.sender,
        body=dialogmelding.to_edi2(xml) if format == "edi2" else xml,
        content_type="application/json" if format == "edi2" else "application/xml",
        created=now,
        msg_id=id,
        cause=message.id,
    )
    if format:
        return row
    if message.hub_id is None:
        return replace(row, state="sent")
    return replace(row, state="dead", error=f"The hub {message.hub} is no longer configured.")


__all__ = ["answer", "document"]
