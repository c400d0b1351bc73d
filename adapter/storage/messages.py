"""The inbox: every message ever received, its XML, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, TextClause, bindparam, func, insert, literal, select, tuple_, update

from adapter.ports import Message, MessageQuery, State
from adapter.storage.blocking import Blocking
from adapter.storage.rows import MESSAGE, Columns, to_message, values
from adapter.storage.tables import Moment, message, message_xml

# Statements that every message needs are made once: SQLAlchemy then compiles and compares them once.
ALL = select(*(message.c[name] for name in MESSAGE))
ADD, ADD_XML = insert(message), insert(message_xml)
OLDEST_FIRST = (message.c.received, message.c.id)
ONE = ALL.where(message.c.id == bindparam("id"))
KEY, HUB_KEY = ("receiver", "sender", "msg_id"), ("hub", "hub_id", "receiver")
WITH_KEY = ALL.where(*(message.c[name] == bindparam(name) for name in KEY)).order_by(message.c.sighting, *OLDEST_FIRST)
FROM_HUB = ALL.where(*(message.c[name] == bindparam(name) for name in HUB_KEY)).order_by(message.c.hub_sighting).limit(1)


NEVER_DISMISSED = (State.PROCESSED, State.RECEIVED, State.PARKED)  # adapter.usecases.operate_messages


class Messages(Blocking):
    def message(self, id: str) -> Message | None:
        found = next(iter(self._messages_of(ONE, id=id)), None)
        return found if found and self.is_shown_message(found.tenant, id) else None

    def message_xml(self, id: str) -> bytes | None:
        if self._view.who:
            found = self.message(id)
            if found is None:
                return None
            if not found.patient and self.hidden_from(found.tenant):
                return b""  # it may speak of one of those who block the caller
        return self.connection.scalar(select(message_xml.c.xml).where(message_xml.c.message_id == id))

    def messages_with_key(self, receiver: str, sender: str, msg_id: str) -> list[Message]:
        return self._messages_of(WITH_KEY, receiver=receiver, sender=sender, msg_id=msg_id)

    def message_from_hub(self, hub: str, hub_id: str, receiver: str) -> Message | None:
        return next(iter(self._messages_of(FROM_HUB, hub=hub, hub_id=hub_id, receiver=receiver)), None)

    def messages(self, tenants: Sequence[str], query: MessageQuery) -> list[Message]:
        newest_first = (message.c.received.desc(), message.c.id.desc())
        return self._messages_of(
            ALL.where(*_conditions(tenants, query), *self.message_shown(tenants)).order_by(*newest_first).limit(query.limit)
        )

    def referral_messages(self, tenant: str, sender: str, document_id: str) -> list[Message]:
        key = (message.c.tenant == tenant, message.c.sender == sender, message.c.document_id == document_id)
        return self._messages_of(ALL.where(*key).order_by(*OLDEST_FIRST))

    def due_messages(self, now: datetime, limit: int) -> list[Message]:
        due = (message.c.state.in_([State.RECEIVED, State.PARKED]), message.c.due <= now)
        return self._messages_of(ALL.where(*due).order_by(message.c.due, message.c.id).limit(limit))

    def count_messages(self, tenants: Sequence[str]) -> dict[State, int]:
        """Each state by itself: what cannot be dismissed the index counts alone."""
        of: list[ColumnElement[bool] | TextClause] = [message.c.tenant.in_(tenants), *self.message_shown(tenants)]
        counted: dict[State, int] = {}
        for state in State:
            asked = [message.c.state == state, *([] if state in NEVER_DISMISSED else [message.c.dismissed.is_(False)])]
            counted[state] = self.connection.scalar(select(func.count()).select_from(message).where(*of, *asked)) or 0
        return counted

    def add_message(self, message: Message, xml: bytes, again: bool = False) -> None:
        sightings = {
            "sighting": self._sighting("sighting", KEY, message, again) if message.msg_id else None,
            "hub_sighting": self._sighting("hub_sighting", HUB_KEY, message, again) if message.hub_id else None,
        }
        self.connection.execute(ADD, values(message) | sightings)
        self.connection.execute(ADD_XML, {"message_id": message.id, "xml": xml})

    def change_message(self, message: Message) -> None:
        self.connection.execute(update(_table).where(_table.c.id == message.id), values(message))

    def _messages_of(self, statement: Select[*Columns], **parameters: str) -> list[Message]:
        return [to_message(row) for row in self.connection.execute(statement, parameters)]

    def _sighting(self, number: str, key: Sequence[str], new: Message, again: bool) -> int:
        """The message's number among those of its key: 0, which only one can have, or the next."""
        if not again:
            return 0
        same = (message.c[name] == getattr(new, name) for name in key)
        last = self.connection.scalar(select(func.max(message.c[number])).where(*same))
        return 0 if last is None else last + 1


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
