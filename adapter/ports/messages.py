"""The inbox: what hubs hand over, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from adapter.domain.problem import Finding

NOBODY = ""


class State(StrEnum):
    """A message's life. `refused` has a negative AppRec; `quarantined` waits for a person."""

    RECEIVED = "received"
    PARKED = "parked"
    PROCESSED = "processed"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a hub hands over. HER-ids are the hub's own metadata; None where it has none.

    `fault` is set where the hub has the message but its document cannot be had (too large, not decodable, gone):
    `data` is then what could be read, often nothing. It is quarantined and confirmed, so that it never fills the list.
    """

    data: bytes
    received: datetime
    hub: str
    hub_id: str | None = None
    receiver: str | None = None
    sender: str | None = None
    msg_id: str | None = None
    is_apprec: bool = False
    fault: Finding | None = None
    digest: str = ""  # of what came, where `data` is what was kept of it: told of by `Message.digest`


@dataclass(frozen=True, slots=True)
class Message:
    """A received message as the operator sees it; its XML is read apart (`Unit.message_xml`).

    `issues` is an OperationOutcome as JSON; `context` is JSON of what the translation was made
    with, so that the same message explains itself the same way later; `due` is when a parked
    message is given up, or a received one is tried again. `patient` is whom it speaks of, as `Stored.patient`; of what made
    nothing by national number. "" where it names none that we can read, and may speak of anybody.
    """

    id: str
    tenant: str
    hub: str
    hub_id: str | None
    receiver: str
    sender: str
    msg_id: str
    document_id: str | None
    type: str
    received: datetime
    state: State
    reason: str
    action: str
    digest: str
    issues: bytes = b""
    context: bytes = b"{}"
    attempts: int = 0
    due: datetime | None = None
    dismissed: bool = False
    patient: str = ""


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """A search among messages, newest first; `after` is the (received, id) of the last row seen."""

    msg_id: str = ""
    sender: str = ""
    receiver: str = ""
    type: str = ""
    state: str = ""
    since: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


class Messages(Protocol):
    """What was received. A part of `Unit`."""

    def message(self, id: str) -> Message | None: ...
    def message_xml(self, id: str) -> bytes | None: ...  # empty where none was kept, or it may speak of whoever blocks the caller
    def messages_with_key(self, receiver: str, sender: str, msg_id: str) -> list[Message]: ...  # oldest first
    def message_from_hub(self, hub: str, hub_id: str, receiver: str) -> Message | None: ...
    def messages(self, tenants: Sequence[str], query: MessageQuery) -> list[Message]: ...
    def referral_messages(self, tenant: str, sender: str, document_id: str) -> list[Message]: ...  # oldest first
    def due_messages(self, now: datetime, limit: int) -> list[Message]: ...  # received or parked, `due` passed
    def count_messages(self, tenants: Sequence[str]) -> dict[State, int]: ...  # of every state; dismissed ones left out
    def add_message(self, message: Message, xml: bytes, again: bool = False) -> None:
        """Keep a message. `again` says that its key or its hub id is known to be taken, and that it is kept all the same.

        Without it a second message of the same (receiver, sender, msg_id) or (hub, hub_id, receiver) is
        `Problem(CONFLICT)`. A message without msg_id has no such key, nor one without hub_id the other.
        """
        ...

    def change_message(self, message: Message) -> None: ...
