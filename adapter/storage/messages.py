"""The inbox: every message ever received, its XML, and what became of it."""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, TextClause, func, literal, select, tuple_

from adapter.ports import Message, MessageQuery, State
from adapter.storage.blocking import Blocking
from adapter.storage.outbox import LONGEST
from adapter.storage.rows import MESSAGE, Columns, given, insertion, keeping, to_message
from adapter.storage.tables import Moment, key, message, message_xml

# What every message needs goes to the driver itself (`Part.ask`), the rest by SQLAlchemy.
SIGHTED = (*MESSAGE, "sighting", "hub_sighting")
ADD, ADD_XML = insertion(message, names=SIGHTED), insertion(message_xml)
CHANGE = f"UPDATE message SET {', '.join(f'{name} = ?' for name in MESSAGE)} WHERE id = ?"
keep, told = keeping(message, MESSAGE), given(message, MESSAGE)
SELECT = f"SELECT {', '.join(MESSAGE)} FROM message WHERE"
ONE = f"{SELECT} id = ?"
KEY, HUB_KEY = ("receiver", "sender", "msg_id"), ("hub", "hub_id", "receiver")
WITH_KEY = f"{SELECT} receiver = ? AND sender = ? AND msg_id = ? ORDER BY sighting, received, id"
FROM_HUB = f"{SELECT} hub = ? AND hub_id = ? AND receiver = ? ORDER BY hub_sighting LIMIT 1"
OF_REFERRAL = f"{SELECT} tenant = ? AND sender = ? AND document_id = ? ORDER BY received, id"
ALL = select(*(message.c[name] for name in MESSAGE))


NEVER_DISMISSED = (State.PROCESSED, State.RECEIVED, State.PARKED)  # adapter.usecases.operate_messages


class Messages(Blocking):
    def message(self, id: str) -> Message | None:
        found = next(iter(self._messages_of(ONE, id)), None)
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
        return self._messages_of(WITH_KEY, receiver, sender, msg_id)

    def message_from_hub(self, hub: str, hub_id: str, receiver: str) -> Message | None:
        return next(iter(self._messages_of(FROM_HUB, hub, hub_id, receiver)), None)

    def messages(self, tenants: Sequence[str], query: MessageQuery) -> list[Message]:
        newest_first = (message.c.received.desc(), message.c.id.desc())
        return self._chosen(
            ALL.where(*_conditions(tenants, query), *self.message_shown(tenants)).order_by(*newest_first).limit(query.limit)
        )

    def referral_messages(self, tenant: str, sender: str, document_id: str) -> list[Message]:
        return self._messages_of(OF_REFERRAL, tenant, sender, document_id)

    def due_messages(self, now: datetime, limit: int) -> list[Message]:
        """Each state by itself, as its index has them in order: of both at once, all that are due would be sorted each time.

        What is to be tried again is so within hours: where not, it was put off by a clock that stood ahead, and is due too.
        """
        received, parked, due = message.c.state == State.RECEIVED, message.c.state == State.PARKED, message.c.due
        asked = (
            ALL.where(*wanted).order_by(due).limit(limit)
            for wanted in ((received, due <= now), (parked, due <= now), (received, due > now + LONGEST))
        )
        found = [one for question in asked for one in self._chosen(question)]
        return sorted(found, key=lambda one: (one.due or now, one.id))[:limit]

    def count_messages(self, tenants: Sequence[str]) -> dict[State, int]:
        """Each state by itself: what cannot be dismissed the index counts alone."""
        of: list[ColumnElement[bool] | TextClause] = [message.c.tenant.in_(tenants), *self.message_shown(tenants)]
        counted: dict[State, int] = {}
        for state in State:
            asked = [message.c.state == state, *([] if state in NEVER_DISMISSED else [message.c.dismissed.is_(False)])]
            counted[state] = self.connection.scalar(select(func.count()).select_from(message).where(*of, *asked)) or 0
        return counted

    def add_message(self, message: Message, xml: bytes, again: bool = False) -> None:
        sightings = (
            self._sighting("sighting", KEY, message, again) if message.msg_id else None,
            self._sighting("hub_sighting", HUB_KEY, message, again) if message.hub_id else None,
        )
        self.tell(ADD, [(*keep(message), *sightings)])
        self.tell(ADD_XML, [(key(message.id), xml)])
        self._made[key(message.id)] = set()

    def change_message(self, message: Message) -> None:
        self.tell(CHANGE, [(*keep(message), key(message.id))])

    def _messages_of(self, sql: str, *named: str) -> list[Message]:
        return [to_message(told(row)) for row in self.ask(sql, [key(one) for one in named])]

    def _chosen(self, statement: Select[*Columns]) -> list[Message]:
        return [to_message(tuple(row)) for row in self.connection.execute(statement)]

    def _sighting(self, number: str, of: Sequence[str], new: Message, again: bool) -> int:
        """The message's number among those of its key: 0, which only one can have, or the next."""
        if not again:
            return 0
        same = (message.c[name] == getattr(new, name) for name in of)
        last = self.connection.scalar(select(func.max(message.c[number])).where(*same))
        return 0 if last is None else last + 1


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
