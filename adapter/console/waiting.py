"""What is on its way out and has not arrived, by where to, for people; the figures for alarms are at /metrics."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from adapter.console.frame import table
from adapter.console.html import Html, tag
from adapter.ports import Queue

STATES: Final = {
    "dead": ("given up", "It waits for a person: see why, mend it, and send it again or put it aside."),
    "unanswered": ("without AppRec", "Nothing yet. After some hours, ask the receiver by telephone whether they have it."),
    "waiting": ("not sent", "It is tried again by itself. If it lasts, run stafett doctor, or stafett partner check."),
}
"""The states that are told of, the most pressing first: what each is called, and what to do."""
AT_ONCE: Final = timedelta(minutes=1)  # what has waited less is only on its way


def on_its_way(prefix: str, queues: Sequence[Queue], partners: Collection[str], now: datetime) -> Html | None:
    """The table; None where nothing is late."""
    late = [queue for queue in queues if queue.state == "dead" or now - queue.oldest >= AT_ONCE]
    if not late:
        return None
    order = [*STATES]
    rows = [_row(prefix, queue, partners, now) for queue in sorted(late, key=lambda q: (order.index(q.state), q.oldest))]
    return tag("section", tag("h2", "Not arrived"), table("The oldest of each", ("To", "State", "For", "What to do"), rows, "late"))


def _row(prefix: str, queue: Queue, partners: Collection[str], now: datetime) -> Html:
    name, to_do = STATES[queue.state]
    asked = urlencode({"partner": queue.hub, "state": queue.state})
    to = tag("a", queue.hub, href=f"{prefix}/deliveries?{asked}") if queue.hub in partners else queue.hub
    since = tag("time", age(now - queue.oldest), datetime=queue.oldest.isoformat())
    return tag("tr", tag("td", to), tag("td", name), tag("td", since), tag("td", to_do))


def age(time: timedelta) -> str:
    """How long, in the two greatest units.

    >>> age(timedelta(seconds=30)), age(timedelta(minutes=192)), age(timedelta(days=2, minutes=5))
    ('under a minute', '3 h 12 min', '2 d 0 h')
    """
    minutes = int(time.total_seconds()) // 60
    if minutes < 1:
        return "under a minute"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
