"""A message as the interface shows it, and the small things that its routes share."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Final, NoReturn
from zoneinfo import ZoneInfo

import msgspec
from fastapi import Response
from pydantic import BeforeValidator

from adapter.domain.problem import Kind, Problem, problem
from adapter.hub import described as d
from adapter.ports import Message
from adapter.r4.outcome import operation_outcome

OSLO: Final = ZoneInfo("Europe/Oslo")
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _plus(text: Any) -> Any:
    """A time as an address gives it, where an offset's plus that nobody escaped has become a space."""
    return re.sub(r"(T.*) (\d\d:\d\d)$", r"\1+\2", text) if isinstance(text, str) else text


Time = Annotated[datetime, BeforeValidator(_plus)]


def shown(message: Message) -> dict[str, Any]:
    """A message as JSON has it: the names of the contract, times in UTC."""
    return {
        "id": message.id,
        "msgId": message.msg_id,
        "documentId": message.document_id,
        "sender": message.sender,
        "receiver": message.receiver,
        "type": message.type,
        "received": message.received,
        "state": message.state.value,
        "reason": f"{message.reason} Put aside by a person.".lstrip() if message.dismissed else message.reason,
        "action": "" if message.dismissed else message.action,
        "issues": msgspec.Raw(message.issues) if message.issues else operation_outcome([]),
    }


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def known(id: str) -> str:
    """The id, if it can be one of ours; else it is *not found*."""
    if not ID.fullmatch(id):
        no_message()
    return id


def zoned(moment: datetime | None) -> datetime | None:
    """A time in UTC; without a zone it is Norwegian. Raises `Problem` at the calendar's ends, where no other time is near it."""
    if moment is None:
        return None
    if not MINYEAR < moment.year < MAXYEAR:
        raise problem(Kind.INVALID, "A time must be in the years 2 to 9998.", "Et tidspunkt må være i årene 2 til 9998.")
    return (moment if moment.tzinfo else moment.replace(tzinfo=OSLO)).astimezone(UTC)


def no_message() -> NoReturn:
    raise Problem(d.NO_MESSAGE_FOUND)


def none(en: str, nb: str) -> NoReturn:
    raise problem(Kind.NOT_FOUND, en, nb)
