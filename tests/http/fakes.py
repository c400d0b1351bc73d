"""A reception with state and no mappings: it keeps what it is given in a real store, and answers as the use case promises."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from adapter.domain.problem import Kind, problem
from adapter.ports import NOBODY, Delivery, Message, State, Store

UNREADABLE = b"<MsgHead>"


@dataclass(frozen=True)
class Received:
    message: Message
    outcome: Literal["new", "duplicate", "conflict"]


@dataclass(frozen=True)
class Translated:
    bundle: bytes | None
    apprec: bytes
    explanation: dict[str, Any]


class FakeReception:
    """Messages are `MSGID[@RECEIVER][!refused] rest`; the receiver is an organisation number or nobody's."""

    def __init__(self, store: Store, tenant: str) -> None:
        self.store = store
        self.tenant = tenant

    def receive(self, delivery: Delivery, tenants: Sequence[str] | None = None) -> Received:
        head, _, _ = delivery.data.decode().partition(" ")
        key, refused, _ = head.partition("!")
        msg_id, _, tenant = key.partition("@")
        digest = sha256(delivery.data).hexdigest()
        with self.store.write() as unit:
            known = unit.messages_with_key("1", "2", msg_id)
            if known and known[0].digest == digest:
                return Received(known[0], "duplicate")
            message = Message(
                id=str(uuid.uuid4()),
                tenant={"": self.tenant, "nobody": NOBODY}.get(tenant, tenant),
                hub=delivery.hub,
                hub_id=None,
                receiver="1",
                sender="2",
                msg_id=msg_id,
                document_id=None,
                type="HENVIS",
                received=delivery.received,
                state=State.QUARANTINED if known else State.REFUSED if refused else State.PROCESSED,
                reason="Same MsgId, other content." if known else "",
                action="Compare them." if known else "",
                digest=digest,
            )
            unit.add_message(message, delivery.data, again=bool(known))
        return Received(message, "conflict" if known else "new")

    def translate(self, data: bytes, pathway: str | None, received: datetime | None) -> Translated:
        if data.startswith(UNREADABLE):
            raise problem(Kind.MALFORMED, "Not well-formed.", "Ikke velformet.", line=1)
        bundle = None if b"!refused" in data else b'{"resourceType":"Bundle","pathway":"%s"}' % (pathway or "").encode()
        return Translated(bundle, b"<AppRec/>", {"elements": [], "nodes": [], "received": received})

    def retry(self, tenants: Sequence[str], id: str) -> Message:
        return self._change(tenants, id, {"state": State.PROCESSED})

    def dismiss(self, tenants: Sequence[str], id: str) -> Message:
        return self._change(tenants, id, {"dismissed": True})

    def bundle(self, tenants: Sequence[str], id: str) -> bytes | None:
        return b'{"resourceType":"Bundle"}' if self._found(tenants, id).state is State.PROCESSED else None

    def apprec(self, tenants: Sequence[str], id: str) -> tuple[bytes, str] | None:
        return (b"<AppRec/>", "application/xml") if self._found(tenants, id).state is not State.QUARANTINED else None

    def statuses(self, tenants: Sequence[str], id: str) -> list[dict[str, Any]]:
        return [{"document": "<MsgHead/>"}] if self._found(tenants, id).state is State.PROCESSED else []

    def explanation(self, tenants: Sequence[str], id: str) -> dict[str, Any]:
        if self._found(tenants, id).state is not State.PROCESSED:
            raise problem(Kind.NOT_FOUND, "Nothing to explain.", "Ingenting å forklare.")
        node = {"xpath": "/A/B", "line": 1, "fate": "used", "reason": "", "elements": ["Patient.name[0].family"]}
        element = {"path": "Patient.name[0].family", "xpath": "/A/B", "line": 1, "raw": "<i>Å\u202e", "map": "as it is"}
        return {"elements": [element], "nodes": [node]}

    def _change(self, tenants: Sequence[str], id: str, change: dict[str, Any]) -> Message:
        message = self._found(tenants, id)
        if message.state is not State.QUARANTINED:
            raise problem(Kind.BUSINESS_RULE, "Not in this state.", "Ikke i denne tilstanden.")
        with self.store.write() as unit:
            unit.change_message(replace(message, **change))
        return replace(message, **change)

    def _found(self, tenants: Sequence[str], id: str) -> Message:
        with self.store.read() as unit:
            message = unit.message(id)
        if message is None or message.tenant not in tenants:
            raise problem(Kind.NOT_FOUND, "There is no such message.", "Meldingen finnes ikke.")
        return message
