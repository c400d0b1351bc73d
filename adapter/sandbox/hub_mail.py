"""The simulated hub's memory: messages, who has read them, and how they were answered. Lost when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from adapter.sandbox.hub_document import Envelope, write_apprec

STATUS_8258 = {"Ok": "1", "Rejected": "2"}


@dataclass(slots=True)
class AppRec:
    """An answer as it was posted. Every one is kept, so that a test sees whether there was exactly one."""

    id: str
    sender: int
    status: str
    errors: list[dict[str, Any]]
    at: datetime

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "appRecSenderHerId": self.sender,
            "appRecStatus": self.status,
            "appRecErrorList": self.errors,
            "at": self.at.isoformat(),
        }


@dataclass(slots=True)
class Held:
    """A message: what the hub says of it (`envelope`) and its bytes, which may say otherwise."""

    id: str
    envelope: Envelope
    data: bytes
    arrived: datetime
    origin: str
    read: list[int] = field(default_factory=list)
    apprecs: list[AppRec] = field(default_factory=list)

    def answer_of(self, her_id: int) -> AppRec | None:
        return next((a for a in self.apprecs if a.sender == her_id), None)

    def order(self) -> tuple[datetime, datetime]:
        date = datetime.fromisoformat(self.envelope.gen_date) if self.envelope.gen_date else self.arrived
        return date if date.tzinfo else date.replace(tzinfo=UTC), self.arrived

    def json(self) -> dict[str, Any]:
        e = self.envelope
        return {
            "id": self.id,
            "origin": self.origin,
            "type": e.type,
            "senderHerId": e.sender,
            "receiverHerIds": list(e.receivers),
            "businessDocumentId": e.msg_id,
            "businessDocumentGenDate": e.gen_date,
            "isAppRec": e.is_apprec,
            "bytes": len(self.data),
            "arrived": self.arrived.isoformat(),
            "read": self.read,
            "appRecs": [a.json() for a in self.apprecs],
        }


class Mail:
    """All messages, in the order they came."""

    def __init__(self, *, answering: bool = False) -> None:
        self.held: dict[str, Held] = {}
        self.answering = answering
        self.played: set[int] = set()  # those whom some system has fetched for

    def add(self, envelope: Envelope, data: bytes, origin: str) -> Held:
        held = Held(str(uuid4()), envelope, data, datetime.now(UTC), origin)
        self.held[held.id] = held
        return held

    def send(self, envelope: Envelope, data: bytes) -> Held:
        """Take a message from its sender; with `answering`, accept it for receivers whom nobody plays."""
        held = self.add(envelope, data, "sent")
        for receiver in envelope.receivers if self.answering and not envelope.is_apprec else ():
            if receiver not in self.played:
                self.answer(held, receiver, "Ok", [])
        return held

    def unread(self, receivers: Sequence[int], sender: int | None, msg_id: str | None) -> list[tuple[Held, int]]:
        """Messages and the receiver who has not read them, the oldest GenDate first."""
        self.played.update(receivers)
        found = [
            (held, receiver)
            for held in self.held.values()
            for receiver in held.envelope.receivers
            if receiver in receivers
            and receiver not in held.read
            and sender in {None, held.envelope.sender}
            and msg_id in {None, held.envelope.msg_id}
        ]
        return sorted(found, key=lambda pair: pair[0].order())

    def answer(self, held: Held, sender: int, status: str, errors: list[dict[str, Any]]) -> AppRec:
        """Record an AppRec, and send it to the message's sender as a message of its own."""
        now = datetime.now(UTC)
        apprec = AppRec(str(uuid4()), sender, status, errors, now)
        held.apprecs.append(apprec)
        if held.envelope.sender is not None:
            told = [(str(e.get("errorCode") or ""), str(e.get("details") or "")) for e in errors]
            data = write_apprec(apprec.id, held.envelope, sender, STATUS_8258[status], told, now=now)
            envelope = Envelope("APPREC", apprec.id, now.isoformat(), sender, (held.envelope.sender,), is_apprec=True)
            self.held[apprec.id] = Held(apprec.id, envelope, data, now, "apprec")
        return apprec
