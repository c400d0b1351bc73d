"""What a patient has closed to a subscriber is not told it: not what happened, not that it did, not by a number that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.usecases.create_resource import create
from adapter.usecases.writing import Subscriber
from tests.fhir.test_blocks import ENH, UNIT, block
from tests.following.here import HOSPITAL, Here, Hook, events, here, numbers, subscription
from tests.following.rules import rules_of

Body = dict[str, Any]


@pytest.fixture
def unit_follows(tmp_path: Path, endpoint: Hook) -> Iterator[tuple[Here, str]]:
    """A service in which UNIT, a unit of the hospital that patients may block, follows Tasks."""
    with here(tmp_path) as service:
        rules = rules_of(service, Subscriber(who=(UNIT,)))
        id = "5b000000-0000-4000-8000-000000000001"
        body = subscription(endpoint.url)
        service.services.store.run(lambda unit: create(unit, rules, HOSPITAL, body, service.clock.now(), id=id))
        service.work()
        assert service.read(f"Subscription/{id}")["status"] == "active"
        yield service, id


def patient(service: Here, name: str) -> str:
    id: str = service.post({"resourceType": "Patient", "name": [{"family": name}]})["id"]
    return id


def task_of(service: Here, id: str) -> Body:
    return service.task(**{"for": {"reference": f"Patient/{id}"}})


def test_what_is_closed_is_not_counted(unit_follows: tuple[Here, str], endpoint: Hook) -> None:
    service, id = unit_follows
    closed, open_ = patient(service, "Sperret"), patient(service, "Aapen")
    service.post(block(closed, (ENH, UNIT)))
    task_of(service, closed)
    told = task_of(service, open_)
    service.work()
    assert endpoint.numbers() == [1]
    assert [event["focus"]["reference"].rpartition("/")[2] for event in events(endpoint.bundles()[0])] == [told["id"]]
    assert service.state(id).events == 1


def test_what_is_closed_stays_so_when_another_of_the_organisation_changes_the_subscription(
    unit_follows: tuple[Here, str], endpoint: Hook
) -> None:
    service, id = unit_follows
    closed, open_ = patient(service, "Sperret"), patient(service, "Aapen")
    service.post(block(closed, (ENH, UNIT)))
    service.put(service.read(f"Subscription/{id}") | {"reason": "by a client that nobody has blocked"})
    task_of(service, closed)
    told = task_of(service, open_)
    service.work()
    assert [event["focus"]["reference"].rpartition("/")[2] for event in events(endpoint.bundles()[0])] == [told["id"]]


def test_what_is_closed_after_it_was_counted_is_taken_back(unit_follows: tuple[Here, str], endpoint: Hook) -> None:
    service, id = unit_follows
    closed, open_ = patient(service, "Sperret"), patient(service, "Aapen")
    endpoint.answer = lambda: (503, {})
    task_of(service, closed)
    task_of(service, open_)
    service.work()
    service.post(block(closed, (ENH, UNIT)))
    endpoint.answer = lambda: (200, {})
    service.clock.moment = datetime(2026, 6, 1, 10, 6, tzinfo=UTC)
    service.work()
    assert [numbers(bundle) for bundle in endpoint.bundles()] == [[2]]
    assert [one.outcome for one in service.attempts(id)][:3] == ["sent", "withheld", "failed"]
    assert numbers(service.http.get(f"/fhir/Subscription/{id}/$events").json()) == [2]


def test_what_is_closed_before_the_first_try_is_taken_back_too(unit_follows: tuple[Here, str], endpoint: Hook) -> None:
    """The worker may have rested since the notification was put in the outbox."""
    service, id = unit_follows
    closed, open_ = patient(service, "Sperret"), patient(service, "Aapen")
    task_of(service, closed)
    service.services.notifier.followed.round(service.clock.now())
    task_of(service, open_)
    service.post(block(closed, (ENH, UNIT)))
    service.work()
    assert endpoint.numbers() == [2]
    assert [one.outcome for one in service.attempts(id)][:2] == ["sent", "withheld"]


def test_what_is_closed_among_others_makes_no_try_the_first_again(unit_follows: tuple[Here, str], endpoint: Hook) -> None:
    """Of three events the middle one is closed: what is left is given up after as many tries as any, and comes in order."""
    service, id = unit_follows
    closed, open_ = patient(service, "Sperret"), patient(service, "Aapen")
    endpoint.answer = lambda: (503, {})
    for one in (open_, open_, closed, open_):
        task_of(service, one)
        if one == open_:
            service.work()  # the first is on its way, alone
    service.post(block(closed, (ENH, UNIT)))
    answers = iter([200])
    endpoint.answer = lambda: (next(answers, 503), {})
    for _ in range(8):
        service.clock.moment += timedelta(minutes=6)
        service.work()
    assert service.read(f"Subscription/{id}")["status"] == "error"
    assert "withheld" not in [one.outcome for one in service.attempts(id)]
    endpoint.answer = lambda: (200, {})
    service.clock.moment += timedelta(minutes=20)
    service.work()
    assert endpoint.numbers() == [1, 2, 4]
