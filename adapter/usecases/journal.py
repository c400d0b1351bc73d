"""The log of what was received, whatever channel it came by. Ids, HER-ids and states; never a person's number."""

from __future__ import annotations

import re
from typing import Final

import structlog

from adapter import figures
from adapter.ports import Message, Outgoing

log = structlog.get_logger(__name__)

ALARMS: Final = frozenset({"quarantined", "parked"})
# A UUID may hold eleven digits in a row, and is no person's.
PERSON_NUMBER: Final = re.compile(r"(\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)|\d{6}\W?\d{5}", re.IGNORECASE)


def received(message: Message, outcome: str) -> None:
    """One line for a message that is kept, and one more in the figures."""
    figures.received(message, outcome)
    tell = log.warning if message.state in ALARMS or message.action else log.info
    tell(
        "message.received",
        id=message.id,
        hub=message.hub,
        hub_id=message.hub_id,
        msg_id=masked(message.msg_id),
        sender=masked(message.sender),
        receiver=masked(message.receiver),
        outcome=outcome,
        state=str(message.state),
        why=masked(message.reason),
    )


def unanswered(row: Outgoing) -> None:
    """One line for a message of ours whose AppRec did not come in time."""
    told = {"id": row.id, "hub": row.hub, "message": row.message_id, "receiver": masked(row.receiver)}
    log.warning("outgoing.unanswered", **told, why="No AppRec came in time.")


def masked(text: str) -> str:
    """A sender's own words, without anything like a national number: a MsgId may be whatever its sender made it."""
    return PERSON_NUMBER.sub(lambda found: found[1] or "***", text)
