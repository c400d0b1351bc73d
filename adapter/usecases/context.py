"""What a message was received and translated with, kept beside it as JSON, so that it explains itself the same way later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from adapter.domain.referral import Decision, Receipt
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
