"""What one process counts of its own work, for Prometheus: what it received and delivered, how soon it answered, what it logged.

    received(message, "new")
    delivered(row)
    OWN                       # the registry; `adapter.console.health` tells it with what is counted in the database

No label ever names a message or a person. `to` is the configured name of a hub or partner.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from adapter.ports import Message, Outgoing

MINUTE, HOUR = 60, 3600
OWN: Final = CollectorRegistry()
RECEIVED: Final = Counter(
    "stafett_received",
    "Messages received, by what they were to us and what became of them.",
    ["hub", "outcome", "state"],
    registry=OWN,
)
DELIVERIES: Final = Counter(
    "stafett_deliveries", "Tries to send, by where to and how they ended.", ["to", "kind", "outcome"], registry=OWN
)
APPREC_SECONDS: Final = Histogram(
    "stafett_apprec_seconds",
    "From when a message was received until its AppRec was sent.",
    ["hub"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR, 96 * HOUR),
    registry=OWN,
)
EVENTS: Final = Counter("stafett_log_events", "Lines logged, by event.", ["event", "level"], registry=OWN)
OUTCOMES: Final = {"sent": "sent", "unanswered": "sent", "waiting": "failed", "dead": "dead"}


def received(message: Message, outcome: str) -> None:
    """A message was taken in; `outcome` is new, duplicate or conflict."""
    RECEIVED.labels(message.hub, outcome, message.state.value).inc()


def delivered(row: Outgoing) -> None:
    """A row was tried, and stands so since."""
    DELIVERIES.labels(row.hub, row.kind, OUTCOMES.get(row.state, row.state)).inc()


def answered(hub: str, seconds: float) -> None:
    """An AppRec left so long after its message was received."""
    APPREC_SECONDS.labels(hub).observe(max(0.0, seconds))


def logged(_logger: Any, level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step of the log's own (structlog's processors): counts the line. Events have names of ours, so there are few."""
    EVENTS.labels(line.get("event", ""), level).inc()
    return line
