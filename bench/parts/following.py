"""From an event to its notification: how long after a Task is kept those who follow it have been told, at 20 events a second.

A hundred subscriptions, each told at an endpoint in a process of its own, the worker's line running in this one. First each follows
one of ten owners, so that an event is told ten times; then each follows everything, so that it is told a hundred times.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx

from adapter.domain.identity import BASE
from adapter.partners.endpoints import Allowed, headers_of
from adapter.ports import Unit
from adapter.r4.checker import check
from adapter.settings import load
from adapter.usecases.create_resource import create
from adapter.usecases.writing import Follow, Rules
from adapter.wiring import Services, make_matching
from bench.assigned import HOSPITAL, configuration, installation
from bench.load import free_port, started
from bench.row import Row

PER_SECOND, SUBSCRIPTIONS, OWNERS, SECONDS = 20, 100, 10, 12
PACKAGE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
MORE = '[subscriptions]\nprivate_hosts = ["127.0.0.1:*"]\n'


def rows(seconds: int = SECONDS) -> Iterator[Row]:
    for name, everything in (("each is told of a tenth", False), ("each is told of all", True)):
        p95, told = _measured(seconds, everything=everything)
        said = f"event to notification, {PER_SECOND}/s, {SUBSCRIPTIONS} subscriptions, {name} ({told:.0f} told/s)"
        yield Row(said, p95, "s p95", 1.0, None if seconds >= 60 else seconds * PER_SECOND)


def _measured(seconds: int, *, everything: bool) -> tuple[float, float]:
    """Seconds that 95 of 100 events take, and how many events are told in a second."""
    with TemporaryDirectory() as name, _endpoint() as address, installation(Path(name), {}, more=MORE) as services:
        rules = _rules(Path(name), services)
        for n in range(SUBSCRIPTIONS):
            _create(
                services, rules, _subscription(f"{address}/hook", "" if everything else f"Task?owner=Organization/{n % OWNERS}")
            )
        working = threading.Event()
        worker = threading.Thread(target=_work, args=(services, working))
        worker.start()
        try:
            time.sleep(1)  # all are greeted
            written = [_paced(services, rules, n) for n in range(seconds * PER_SECOND)]
            time.sleep(2)
        finally:
            working.set()
            worker.join()
        heard: list[tuple[str, int, float]] = httpx.get(address, trust_env=False).json()
    return _p95(written, heard, everything=everything), len(heard) / seconds


def _p95(written: list[float], heard: list[tuple[str, int, float]], *, everything: bool) -> float:
    """An event's number in a subscription says which event it was: events come to the owners in turn."""
    first: dict[tuple[str, int], float] = {}
    for subscription, number, moment in heard:
        first.setdefault((subscription, number), moment)
    assert len(first) == len(written) * (SUBSCRIPTIONS if everything else SUBSCRIPTIONS // OWNERS), "not all were told"
    by_subscription: dict[str, list[float]] = {}
    for (subscription, _), moment in sorted(first.items()):
        by_subscription.setdefault(subscription, []).append(moment)
    waits = []
    for moments in by_subscription.values():
        mine = written if everything else _nearest(written, moments[0])
        waits += [moment - kept for moment, kept in zip(moments, mine, strict=True)]
    return sorted(waits)[int(0.95 * len(waits))]


def _nearest(written: list[float], first: float) -> list[float]:
    """Of which owner's events the first was: the last that was kept before it was told."""
    owner = max(n for n in range(OWNERS) if written[n] <= first)
    return written[owner::OWNERS]


def _paced(services: Services, rules: Rules, n: int) -> float:
    """When the event was kept."""
    now = time.time()
    time.sleep(max(0.0, 1 / PER_SECOND - now % (1 / PER_SECOND)))
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "owner": {"reference": f"Organization/{n % OWNERS}"}}
    _create(services, rules, task)
    return time.time()


def _create(services: Services, rules: Rules, body: dict[str, Any]) -> None:
    def job(unit: Unit) -> None:
        create(unit, rules, HOSPITAL, body, datetime.now(UTC), id=str(uuid4()))

    services.store.run(job)


def _rules(folder: Path, services: Services) -> Rules:
    base = services.notifier.followed.base
    follow = Follow(Allowed.of(load(configuration(folder, {}, more=MORE))).fault, headers_of)
    return Rules(check, make_matching(base), lambda: str(uuid4()), base=base, follow=follow)


def _subscription(endpoint: str, filter: str) -> dict[str, Any]:
    content = {"url": f"{PACKAGE}/backport-payload-content", "valueCode": "id-only"}
    narrowed = {"extension": [{"url": f"{PACKAGE}/backport-filter-criteria", "valueString": filter}]}
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to measure",
        "criteria": f"{BASE}/SubscriptionTopic/task-change",
        **({"_criteria": narrowed} if filter else {}),
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {"extension": [content]},
        },
    }


def _work(services: Services, ended: threading.Event) -> None:
    """As the worker's thread for it does."""
    bell = services.store.bell(services.notifier.name)
    while not ended.is_set():
        bell.clear()
        if not services.notifier.round():
            bell.wait(1)


def _endpoint() -> AbstractContextManager[str]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.peers.follower:app", "--port", str(port), "--no-access-log"]
    return started([*command, "--log-level", "warning"], port, "")
