"""An installation that was restored from an older copy is held against what the world knows of it.

    witness = read_log(lines)                            # the service's own log, kept elsewhere
    settle(unit, row, is_sent=row.id in witness.sent)    # what waits here, and was sent since, is not sent again
    unit.message(told.id) is None                        # what was received since, and is here no more

What was received after the copy was made was taken off the hub and answered: the hub gives it no more by itself. What the copy has
waiting may have left. Ids of messages and receipts follow from what came (`situation.identity`), so what is taken in again has
the ids that the log names, and its receipt is known by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from adapter.ports import Outgoing, Unit

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
TO_HUBS: Final = ("apprec", "message")
BEYOND: Final = 1_000_000  # more events than happen between two copies


@dataclass(frozen=True, slots=True)
class Told:
    """A message that the log tells was received: our id of it, and where it came from. `hub_id` is empty where it came by HTTP."""

    id: str
    hub: str
    hub_id: str
    receiver: str
    received: datetime


@dataclass(slots=True)
class Witness:
    """What a log tells: messages received, rows of the outbox sent, and what clients wrote at `/fhir` and when."""

    received: dict[str, Told] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    written: list[tuple[datetime, str]] = field(default_factory=list)

    def written_since(self, moment: datetime) -> Counter[str]:
        return Counter(what for at, what in self.written if at > moment)


def read_log(lines: Iterable[bytes | str]) -> Witness:
    """What the log's lines tell. Those that are not ours, or cut off, tell nothing."""
    witness = Witness()
    for line in lines:
        try:
            said = msgspec.json.decode(line)
            at = datetime.fromisoformat(said["timestamp"]).astimezone(UTC)
            match said["event"]:
                case "message.received":
                    told = Told(said["id"], said["hub"], said["hub_id"] or "", said["receiver"], at)
                    witness.received.setdefault(told.id, told)
                case "outgoing.sent":
                    witness.sent.add(said["id"])
                case "request" if _changes(said):
                    witness.written.append((at, f"{said['method']} {said['route']}"))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            continue
    return witness


def _changes(said: dict[str, Any]) -> bool:
    return said["method"] in WRITES and 200 <= said["status"] < 300 and str(said["route"]).startswith("/fhir")


def settle(unit: Unit, row: Outgoing, *, is_sent: bool) -> bool:
    """A row to a hub that waits: put down as sent where it is, else as tried, so that the hub is asked before it is sent again.

    Whether it is sent.
    """
    if row.kind not in TO_HUBS or row.state != "waiting":
        return False
    if is_sent:
        left: Literal["sent", "unanswered"] = "unanswered" if row.kind == "message" else "sent"
        unit.change_outgoing(replace(row, state=left, attempts=max(row.attempts, 1), next_attempt=None, error=""))
    elif not row.attempts:
        unit.change_outgoing(replace(row, attempts=1))
    return is_sent


def count_beyond(unit: Unit) -> None:
    """Let the numbers of events go on beyond those that followers were told by what is lost: the same number with another event
    would be taken for one that came again. The gap leads them to ask, and to read what there is.
    """
    unit.skip_numbers(BEYOND)


def compare_anew(unit: Unit, partner: str) -> None:
    """Have all that is shared with a partner compared at the next look, as is done every day."""
    unit.keep_partner_state(replace(unit.partner_state(partner), compared=None))
