"""The inbox: every message ever received, its XML, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, insert, literal, select, tuple_, update

from adapter.ports import Message, MessageQuery, State
from adapter.storage.rows import MESSAGE, Columns, Part, to_message, values
from adapter.storage.tables import Moment, message, message_xml

COLUMNS = [message.c[name] for name in MESSAGE]
OLDEST_FIRST = (message.c.received, message.c.id)


class Messages(Part):
    def message(self, id: str) -> Message | None:
        return self._message_of(select(*COLUMNS).where(message.c.id == id))

    def message_xml(self, id: str) -> bytes | None:
        return self.connection.scalar(select(message_xml.c.xml).where(message_xml.c.message_id == id))

    def messages_with_key(self, receiver: str, sender: str, msg_id: str) -> list[Message]:
        key = (message.c.receiver == receiver, message.c.sender == sender, message.c.msg_id == msg_id)
        return self._messages_of(select(*COLUMNS).where(*key).order_by(message.c.sighting, *OLDEST_FIRST))

    def message_from_hub(self, hub: str, hub_id: str, receiver: str) -> Message | None:
        key = (message.c.hub == hub, message.c.hub_id == hub_id, message.c.receiver == receiver)
        return self._message_of(select(*COLUMNS).where(*key).order_by(message.c.hub_sighting).limit(1))

    def messages(self, tenants: Sequence[str], query: MessageQuery) -> list[Message]:
        newest_first = (message.c.received.desc(), message.c.id.desc())
        return self._messages_of(select(*COLUMNS).where(*_conditions(tenants, query)).order_by(*newest_first).limit(query.limit))

    def referral_messages(self, tenant: str, sender: str, document_id: str) -> list[Message]:
        key = (message.c.tenant == tenant, message.c.sender == sender, message.c.document_id == document_id)
        return self._messages_of(select(*COLUMNS).where(*key).order_by(*OLDEST_FIRST))

    def due_messages(self, now: datetime, limit: int) -> list[Message]:
        due = (message.c.state.in_([State.RECEIVED, State.PARKED]), message.c.due <= now)
        return self._messages_of(select(*COLUMNS).where(*due).order_by(message.c.due, message.c.id).limit(limit))

    def count_messages(self, tenants: Sequence[str]) -> dict[State, int]:
        counted = (message.c.tenant.in_(tenants), message.c.dismissed.is_(False))
        rows = self.connection.execute(select(message.c.state, func.count()).where(*counted).group_by(message.c.state))
        return dict.fromkeys(State, 0) | {State(state): number for state, number in rows}

    def add_message(self, message: Message, xml: bytes, again: bool = False) -> None:
        self.connection.execute(insert(_table).values(**values(message), **_sightings(message, again)))
        self.connection.execute(insert(message_xml), {"message_id": message.id, "xml": xml})

    def change_message(self, message: Message) -> None:
        self.connection.execute(update(_table).where(_table.c.id == message.id), values(message))

    def _message_of(self, statement: Select[*Columns]) -> Message | None:
        row = self.connection.execute(statement).first()
        return None if row is None else to_message(row)

    def _messages_of(self, statement: Select[*Columns]) -> list[Message]:
        return [to_message(row) for row in self.connection.execute(statement)]


_table = message  # where an argument has the table's name


def _conditions(tenants: Sequence[str], query: MessageQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [message.c.tenant.in_(tenants)]
    found += [
        message.c[name] == wanted for name in ("msg_id", "sender", "receiver", "type", "state") if (wanted := getattr(query, name))
    ]
    if query.since is not None:
        found.append(message.c.received >= query.since)
    if query.after is not None:
        received, id = query.after
        found.append(tuple_(message.c.received, message.c.id) < tuple_(literal(received, Moment), literal(id)))
    return found


def _sightings(new: Message, again: bool) -> dict[str, int | ScalarSelect[int] | None]:
    """The message's number among those of its key and of its hub id: 0, which only one can have, or the next."""
    numbers: dict[str, int | ScalarSelect[int] | None] = {
        "sighting": 0 if new.msg_id else None,
        "hub_sighting": 0 if new.hub_id else None,
    }
    if not again:
        return numbers
    keys = {"sighting": ("receiver", "sender", "msg_id"), "hub_sighting": ("hub", "hub_id", "receiver")}
    for number, key in keys.items():
        if numbers[number] is not None:
            same = (message.c[name] == getattr(new, name) for name in key)
            numbers[number] = select(func.coalesce(func.max(message.c[number]) + 1, 0)).where(*same).scalar_subquery()
    return numbers
