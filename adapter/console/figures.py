"""The figures of one service for Prometheus: what is counted in the database, and what this process counts of its own.

    figures = Figures(store, tenants, clock, partners)
    generate_latest(figures.registry)

No label ever names a message or a person. What is in the database is told alike by every process that is asked.
"""

from __future__ import annotations

import platform
import time
from collections import Counter as Counted
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from adapter.domain.problem import Problem
from adapter.figures import OWN
from adapter.ports import Clock, State, Store, Unit
from adapter.usecases.clean_up import taken_away

T = TypeVar("T")
Labels = TypeVar("Labels", bound=tuple[str, ...])
OUTBOX: Final = ("waiting", "unanswered", "dead")
INBOX: Final = (State.RECEIVED.value, State.PARKED.value, State.QUARANTINED.value)
STANDINGS: Final = ("overdue", "due-soon")
ROLES: Final = ("api", "worker")
LIVING: Final = 60  # seconds since a process told that it lives
SHARE: Final = 200
NONE: Final[tuple[str, ...]] = ()
METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Kept(Generic[T]):
    """A figure of the database, kept for two hundred times as long as it took to count: what there are many of is counted seldom,
    and never takes more than a two-hundredth of the time, however often and by whomever it is asked for.
    """

    def __init__(self, count: Callable[[Unit], T]) -> None:
        self._count = count
        self._until = 0.0
        self._counted: T

    def of(self, unit: Unit) -> T:
        began = time.monotonic()
        if began >= self._until:
            self._counted = self._count(unit)
            now = time.monotonic()
            self._until = now + SHARE * (now - began)
        return self._counted


class Stored(Collector):
    """What is counted in the database, when it is asked; no figures while it cannot be reached.

    `partners` are those that are configured: what was remembered of others is not told.
    """

    def __init__(self, store: Store, tenants: Sequence[str], clock: Clock | None, partners: Collection[str]) -> None:
        self.store = store
        self.now = clock.now if clock else lambda: datetime.now(UTC)
        self.partners = partners
        self.messages = Kept(lambda unit: {state.value: count for state, count in unit.count_messages(tenants).items()})
        self.outbox = Kept(lambda unit: unit.count_outgoing())
        self.lengths = {state: Kept(partial(_lengths, state)) for state in (*OUTBOX, *INBOX)}
        self.tasks = {standing: Kept(partial(_tasks, tenants, standing)) for standing in STANDINGS}
        self.size = Kept(lambda unit: unit.size())

    def describe(self) -> Iterable[Metric]:
        return []  # else it would be asked, and the database with it, when it is made

    def collect(self) -> Iterable[Metric]:
        began = time.monotonic()
        try:
            with self.store.read() as unit:
                found = [*self._of(unit, self.now())]
        except Problem:
            yield gauge("database_up", "Whether the database answers.", {NONE: 0})
            return
        yield gauge("database_up", "Whether the database answers.", {NONE: 1})
        yield gauge("figures_seconds", "How long the database took for these figures.", {NONE: time.monotonic() - began})
        yield from found

    def _of(self, unit: Unit, now: datetime) -> Iterator[Metric]:
        yield from self._counted(unit)
        yield from self._waiting(unit, now)
        yield from self._others(unit, now)
        yield from _following(unit, now)
        kept = {(one, standing): count for standing in STANDINGS for one, count in self.tasks[standing].of(unit).items()}
        yield gauge("tasks", "Open Tasks whose time is nearly or wholly gone.", kept, "kind", "standing")
        waiting, first = unit.audit_waits()
        yield gauge("audit_awaiting", "Audit records that wait to be chained.", {NONE: waiting})
        yield gauge("audit_awaiting_oldest_seconds", "Age of the first of these.", {NONE: _age(first, now) if first else 0})
        yield gauge("database_bytes", "Size of the database.", {NONE: self.size.of(unit)})
        named = (version("stafett"), unit.schema(), "sqlite" if self.store.quick else "postgresql", platform.python_version())
        yield gauge("build_info", "Which program, and which tables.", {named: 1}, "version", "schema", "engine", "python")

    def _counted(self, unit: Unit) -> Iterator[Metric]:
        messages = {(state,): count for state, count in self.messages.of(unit).items()}
        yield gauge("messages", "Messages by state, those put aside left out.", messages, "state")
        outbox = {(state,): count for state, count in self.outbox.of(unit).items()}
        yield gauge("outbox", "Things to send by state.", outbox, "state")
        cleaned = CounterMetricFamily("stafett_taken_away", "Copies that had been kept long enough, by kind.", labels=["copy"])
        for copy, count in taken_away(unit).items():
            cleaned.add_metric([copy], count)
        yield cleaned

    def _waiting(self, unit: Unit, now: datetime) -> Iterator[Metric]:
        """What is stuck: how much, and how old the oldest of it is, which is asked anew each time."""
        for states, name, label, what in (
            (OUTBOX, "queue", "to", "Things to send that wait, are unanswered, or were given up"),
            (INBOX, "messages", "hub", "Messages that wait"),
        ):
            lengths = {(hub, state): count for state in states for hub, count in self.lengths[state].of(unit).items()}
            oldest = {(one.hub, one.state): _age(one.oldest, now) for state in states for one in unit.queues(state)}
            counted = name if name == "queue" else f"{name}_open"
            yield gauge(counted, f"{what}.", lengths, label, "state")
            yield gauge(f"{name}_oldest_seconds", f"{what}: age of the oldest.", oldest, label, "state")

    def _others(self, unit: Unit, now: datetime) -> Iterator[Metric]:
        """Partners and processes."""
        states = [one for one in unit.partner_states() if one.name in self.partners]
        paused = {(one.name,): one.open_until is not None and one.open_until > now for one in states}
        yield gauge("partner_paused", "Whether it is left alone for a while.", paused, "partner")
        yield gauge("partner_failures", "Calls in vain, in a row.", {(one.name,): one.failures for one in states}, "partner")
        failing = {(one.name,): _age(one.failing_since, now) if one.failing_since else 0 for one in states}
        yield gauge("partner_failing_seconds", "Since when it has not answered; 0 where it does.", failing, "partner")
        reached = {(one.name,): _age(one.reached, now) for one in states if one.reached}
        yield gauge("partner_silent_seconds", "Since it was last known to answer.", reached, "partner")
        yield gauge("troubles", "What waits for a person.", unit.open_troubles(), "partner", "kind")
        silent = {(one.id, role): _age(one.seen, now) for one in unit.processes() for role in one.roles.split(",")}
        living = Counted(role for (_, role), seconds in silent.items() if seconds <= LIVING)
        yield gauge(
            "processes", "Processes that have told within a minute that they live.", {(r,): living[r] for r in ROLES}, "role"
        )
        yield gauge("process_silent_seconds", "Since a process last told that it lives.", silent, "process", "role")


class Figures:
    """The registry of one service. `clock` is what ages are told by, `partners` are those that are configured."""

    def __init__(self, store: Store, tenants: Sequence[str], clock: Clock | None = None, partners: Collection[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(Stored(store, tenants, clock, partners))
        self.registry.register(Own())
        ProcessCollector(registry=self.registry)
        self.requests = Counter("stafett_http_requests", "Requests.", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram("stafett_http_request_seconds", "Time to answer.", ["route"], registry=self.registry)

        self.figures: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}  # finding them by labels costs more than adding

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        if (found := self.figures.get((method, route, status))) is None:
            said = self.requests.labels(method if method in METHODS else "other", route, status)
            found = self.figures[method, route, status] = said, self.seconds.labels(route)
        found[0].inc()
        found[1].observe(seconds)


class Own(Collector):
    """What this process counts of its own work."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        return OWN.collect()


def gauge(name: str, help: str, values: Mapping[Labels, float], *labels: str) -> GaugeMetricFamily:
    """One figure, with a value for each of its labels' values."""
    family = GaugeMetricFamily(f"stafett_{name}", help, labels=labels)
    for labelled, value in values.items():
        family.add_metric(labelled, value)
    return family


def _following(unit: Unit, now: datetime) -> Iterator[Metric]:
    """Those who follow what happens here. Whose they are is told by the page of the subscriptions, never here."""
    counted = {(status,): count for status, count in unit.count_followers().items()}
    yield gauge("subscriptions", "Subscriptions by status.", counted, "status")
    waits = {(status or "unseen",): _age(since, now) for status, since in unit.untold_since().items()}
    yield gauge("subscription_event_oldest_seconds", "Age of the oldest event that nobody was told of yet.", waits, "status")


def _age(then: datetime, now: datetime) -> float:
    return max(0.0, (now - then).total_seconds())


def _lengths(state: str, unit: Unit) -> dict[str, int]:
    return unit.lengths(state)


def _tasks(tenants: Sequence[str], standing: str, unit: Unit) -> dict[str, int]:
    return unit.standing_tasks(tenants, standing)
