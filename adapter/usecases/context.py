"""What a message was received and translated with, kept beside it as JSON, so that it explains itself the same way later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from adapter.domain.referral import Decision, Receipt, Service
from adapter.ports import Delivery, Message


@dataclass(frozen=True, slots=True)
class Context:
    """The hub's own metadata, and what decided the translation."""

    receiver: str | None = None
    sender: str | None = None
    msg_id: str | None = None
    is_apprec: bool = False
    serv_type: str = ""
    receipt: Receipt | None = None
    decision: Decision | None = None
    parked: bool = False  # has waited for its referral, so it is answered already
    conflict: bool = False  # its identity was taken when it came
    service: Service | None = None  # as configured when it came, where it waits for its next try


_decoder: Final = msgspec.json.Decoder(Context)


def dump(context: Context) -> bytes:
    return msgspec.json.encode(context)


def load(message: Message) -> Context:
    return _decoder.decode(message.context)


def redelivery(message: Message, xml: bytes) -> Delivery:
    """The delivery that a kept message came with."""
    context = load(message)
    return Delivery(
        xml,
        message.received,
        message.hub,
        message.hub_id,
        context.receiver,
        context.sender,
        context.msg_id,
        context.is_apprec,
        digest=message.digest,
    )


def as_it_came(message: Message, services: Mapping[str, Service]) -> Mapping[str, Service]:
    """The services with which a message that waits is tried again by itself: its own as configured when the message came.

    A change of configuration is for what comes after it. Where the service is gone, or another organisation's by now, the
    message is nobody's, and a person decides: what was sent to one organisation is not given to another.
    """
    came = load(message).service
    if came is None:
        return services
    now = services.get(came.her_id)
    others = {her_id: service for her_id, service in services.items() if her_id != came.her_id}
    return others | ({came.her_id: came} if now and now.organisation == came.organisation else {})
