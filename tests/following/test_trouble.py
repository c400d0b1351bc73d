"""An endpoint that is down, redirects, answers garbage or not at all: bounded, visible, and recovered from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from adapter.partners.notifier import OF_ONE_AWAY
from adapter.ports import NO_EVENTS, Follower, Unit
from adapter.r4.index import Index, index
from adapter.usecases import follow_changes, subscribing
from adapter.usecases.clean_up import Retention, clean_up
from adapter.usecases.reconcile import count_beyond
from tests.following.here import HOSPITAL, PACKAGE, Here, Hook, events, hook, numbers, parameters, said, subscription

ATTEMPTS = 3  # as `here` has it
SAID = "what a fault says, which may be of a person"
LATER = timedelta(minutes=6)  # than any next try


@pytest.fixture
def endpoint() -> Iterator[Hook]:
    with hook() as listening:
        yield listening


def until_given_up(here: Here) -> None:
    for _ in range(ATTEMPTS + 1):
        here.work()
        here.clock.moment += LATER
    here.work()


def test_what_is_down_is_tried_again_then_in_error_and_told_everything_when_it_is_back(on_both: Here, endpoint: Hook) -> None:
    service = on_both
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {})
    service.task()
    until_given_up(service)
    resource = service.read(f"Subscription/{id}")
    assert resource["status"] == "error"
    assert "503" in resource["error"]
    assert [one.outcome for one in reversed(service.attempts(id)) if one.kind == "event-notification"] == [
        *["failed"] * (ATTEMPTS - 1),
        "given-up",
    ]
    for _ in range(3):  # it goes on counting, and keeps nothing more in the outbox
        service.task()
        service.work()
    with service.services.store.read() as unit:
        assert set(unit.count_outgoing().values()) == {0}
    (status,) = [p for p in parameters(service.http.get(f"/fhir/Subscription/{id}/$status").json()) if p["name"] == "status"]
    assert status["valueCode"] == "error"
    assert numbers(service.http.get(f"/fhir/Subscription/{id}/$events").json()) == [1, 2, 3, 4]
    endpoint.answer = lambda: (200, {})
    service.put(resource | {"status": "requested", "meta": service.read(f"Subscription/{id}")["meta"]})
    service.work()
    assert service.read(f"Subscription/{id}")["status"] == "active"
    assert "error" not in service.read(f"Subscription/{id}")
    assert endpoint.numbers() == [1, 2, 3, 4]


def test_one_that_comes_back_by_itself_is_found(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (500, {})
    service.task()
    until_given_up(service)
    endpoint.answer = lambda: (200, {})
    service.clock.moment += timedelta(minutes=16)
    service.work()
    assert service.read(f"Subscription/{id}")["status"] == "active"
    assert endpoint.numbers() == [1]


def test_while_it_is_away_it_is_asked_once_in_a_while_and_no_oftener(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (500, {})
    service.task()
    until_given_up(service)
    before, version = len(service.attempts(id)), service.read(f"Subscription/{id}")["meta"]["versionId"]
    for _ in range(16 * 4):
        service.clock.moment += timedelta(minutes=1)
        service.work()
    assert 3 <= len(service.attempts(id)) - before <= 5
    assert service.read(f"Subscription/{id}")["meta"]["versionId"] == version  # nothing new is said of it


@pytest.mark.parametrize(("status", "headers"), [(302, {"Location": "http://169.254.169.254/"}), (410, {})])
def test_what_no_later_try_mends_is_not_tried_again(service: Here, endpoint: Hook, status: int, headers: dict[str, str]) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (status, headers)
    service.task()
    service.work()
    assert service.read(f"Subscription/{id}")["status"] == "error"
    assert [one.outcome for one in service.attempts(id) if one.kind == "event-notification"] == ["given-up"]


def test_it_waits_as_long_as_it_is_asked_to(service: Here, endpoint: Hook) -> None:
    service.follow(endpoint.url)
    endpoint.answer = lambda: (429, {"Retry-After": "600"})
    service.task()
    service.work()
    endpoint.answer = lambda: (200, {})
    service.clock.moment += timedelta(seconds=590)
    service.work()
    assert endpoint.numbers() == []
    service.clock.moment += timedelta(seconds=20)
    service.work()
    assert endpoint.numbers() == [1]


def test_an_endpoint_that_never_answers_is_in_error_and_nothing_was_told_it(service: Here) -> None:
    with hook() as gone:
        address = gone.url
    id = service.follow(address)
    until_given_up(service)
    assert service.read(f"Subscription/{id}")["status"] == "error"
    assert said(service.http.get(f"/fhir/Subscription/{id}/$events").json(), "events-since-subscription-start") == "0"
    tries = [(one.kind, one.outcome) for one in reversed(service.attempts(id))]
    assert tries == [*[("handshake", "failed")] * (ATTEMPTS - 1), ("handshake", "given-up")]


def test_the_reason_is_what_happened_and_no_advice(service: Here) -> None:
    with hook() as gone:
        address = gone.url
    id = service.follow(address)
    until_given_up(service)
    reason = f"{urlsplit(address).netloc} refused the connection."
    status = service.http.get(f"/fhir/Subscription/{id}/$status").json()
    errors = [one["valueCodeableConcept"]["text"] for one in parameters(status) if one["name"] == "error"]
    assert (service.read(f"Subscription/{id}")["error"], service.state(id).error, errors) == (reason, reason, [reason])


def test_the_same_bytes_come_again_where_it_is_not_known_that_they_came(service: Here, endpoint: Hook) -> None:
    """At least once: a worker that dies between the call and its mark leaves the row, which is sent again as it was."""
    service.follow(endpoint.url)
    service.task()
    notifier = service.services.notifier
    notifier.followed.round(service.clock.now())
    (row,) = service.services.store.claim(service.clock.now(), 120, 10, ["subscriptions"])
    notifier.deliver(row)  # what is to be kept is not: the process ended
    service.work()
    assert endpoint.numbers() == [1]
    service.clock.moment += timedelta(seconds=121)
    service.work()
    assert endpoint.numbers() == [1, 1]
    assert endpoint.told[-1][1] == endpoint.told[-2][1]


def test_nothing_is_underway_when_all_is_told(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    service.task()
    service.work()
    state = service.state(id)
    assert (state.events, state.told, state.underway, state.failures, state.error) == (1, 1, 0, 0, "")
    assert NO_EVENTS != 0


def test_events_and_tries_go_when_their_time_is_over_and_their_numbers_stay(on_both: Here, endpoint: Hook) -> None:
    id = on_both.follow(endpoint.url)
    on_both.task()
    on_both.work()
    on_both.clock.moment += timedelta(days=31)
    on_both.task()
    on_both.work()
    taken = clean_up(on_both.services.store, Retention(events=30), on_both.clock.moment)
    assert taken == {"events": 3}  # the first event, its try, and that of the greeting
    answer = on_both.http.get(f"/fhir/Subscription/{id}/$events").json()
    assert (said(answer, "events-since-subscription-start"), numbers(answer)) == ("2", [2])
    assert clean_up(on_both.services.store, Retention(events=30), on_both.clock.moment) == {}


def test_what_is_not_to_be_kept_of_a_patient_is_not_told_either(service: Here, endpoint: Hook) -> None:
    """A resource that is taken away as if it had never been (confidential addresses): its events go with it."""
    id = service.follow(endpoint.url)
    task = service.task()
    service.work()
    with service.services.store.write() as unit:
        assert unit.remove(HOSPITAL, "Task", task["id"])
    assert numbers(service.http.get(f"/fhir/Subscription/{id}/$events").json()) == []
    later = service.task()
    with service.services.store.write() as unit:
        unit.remove(HOSPITAL, "Task", later["id"])  # before anybody was told
    service.work()
    assert endpoint.numbers() == [1]


def test_after_a_restore_no_number_stands_for_two_events(on_both: Here, endpoint: Hook) -> None:
    """What was told after the copy was made is known there and not here: its numbers are not given again."""
    on_both.follow(endpoint.url)
    on_both.task()
    on_both.work()
    on_both.services.store.run(count_beyond)
    on_both.task()
    on_both.work()
    assert endpoint.numbers() == [1, 1_000_002]


def test_a_change_that_cannot_be_judged_holds_up_none_behind_it(
    service: Here, endpoint: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.follow(endpoint.url)
    first, second = service.task(), service.task()

    def indexed(resource: dict[str, object], *, base: str) -> Index:
        if resource["id"] == first["id"]:
            raise ZeroDivisionError(SAID)
        return index(resource, base=base)

    monkeypatch.setattr(follow_changes, "index", indexed)
    with capture_logs() as lines:
        service.work()
    assert not [line for line in lines if "exc_info" in line or SAID in str(line)]
    assert [event["focus"]["reference"].rpartition("/")[2] for event in events(endpoint.bundles()[0])] == [second["id"]]
    assert [line["why"] for line in lines if line["event"] == "notification.not_judged"] == ["ZeroDivisionError"]


def test_one_that_is_away_for_a_month_is_not_asked_any_more(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (500, {})
    service.task()
    until_given_up(service)
    service.clock.moment += timedelta(days=31)
    service.work()
    resource = service.read(f"Subscription/{id}")
    assert resource["status"] == "off"
    assert "500" in resource["error"]


def test_one_that_was_off_counts_again_among_those_that_there_may_be(
    service: Here, endpoint: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST_FOLLOWERS", 1)
    first = service.follow(endpoint.url)
    service.put(service.read(f"Subscription/{first}") | {"status": "off"})
    service.follow(endpoint.url)
    service.put(service.read(f"Subscription/{first}") | {"status": "requested"}, 422)


def test_whoever_asks_again_after_that_is_waited_for_as_long_anew(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (500, {})
    service.task()
    until_given_up(service)
    service.clock.moment += timedelta(days=31)
    service.work()
    service.put(service.read(f"Subscription/{id}") | {"status": "requested"})
    until_given_up(service)
    for _ in range(2):
        service.clock.moment += timedelta(minutes=16)
        service.work()
    assert service.read(f"Subscription/{id}")["status"] == "error"
    endpoint.answer = lambda: (200, {})
    service.clock.moment += timedelta(minutes=16)
    service.work()
    assert endpoint.numbers() == [1]


def test_the_end_comes_also_while_something_is_on_its_way(service: Here, endpoint: Hook) -> None:
    beat = {"url": f"{PACKAGE}/backport-heartbeat-period", "valueUnsignedInt": 60}
    end = service.clock.moment + timedelta(minutes=10)
    id = service.follow(endpoint.url, channel={"extension": [beat]}, end=end.isoformat())
    endpoint.answer = lambda: (503, {"Retry-After": "3600"})
    service.task()
    for _ in range(3):  # heartbeats would be due meanwhile
        service.work()
        service.clock.moment += timedelta(minutes=2)
    service.clock.moment = end + timedelta(seconds=1)
    service.work()
    assert service.read(f"Subscription/{id}")["status"] == "off"
    with service.services.store.read() as unit:
        assert set(unit.count_outgoing().values()) == {0}
    assert (service.state(id).underway, service.state(id).due) == (0, None)


def test_one_host_that_hangs_leaves_room_for_the_others(service: Here, endpoint: Hook) -> None:
    """Twelve endpoints at a host that takes nothing: once that is known, four of its calls are on their way and no more."""
    with hook() as dead:
        for _ in range(12):
            service.post(subscription(dead.url))
        dead.answer = lambda: (time.sleep(0.4), (503, {}))[1]  # type: ignore[func-returns-value]
        service.work(30)
        service.clock.moment += LATER
        notifier = service.services.notifier
        service.post(subscription(endpoint.url))
        most = 0
        began = time.monotonic()
        while not endpoint.bundles("handshake"):
            notifier.round()
            most = max(most, notifier.underway[urlsplit(dead.url).netloc])
            assert time.monotonic() - began < 20
            time.sleep(0.01)
        assert 1 <= most <= OF_ONE_AWAY
        dead.answer = lambda: (410, {})
        service.work(30)


def test_one_that_cannot_be_seen_to_holds_up_no_other(service: Here, endpoint: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    beat = {"url": f"{PACKAGE}/backport-heartbeat-period", "valueUnsignedInt": 60}
    first, second = (service.follow(endpoint.url, channel={"extension": [beat]}) for _ in range(2))
    begun = follow_changes.beat

    def beats(unit: Unit, follower: Follower, *given: Any) -> None:
        if follower.id == first:
            raise ZeroDivisionError
        begun(unit, follower, *given)

    monkeypatch.setattr(follow_changes, "beat", beats)
    service.clock.moment += timedelta(seconds=61)
    with capture_logs() as lines:
        service.work()
    told = [said(bundle, "subscription")["reference"].rpartition("/")[2] for bundle in endpoint.bundles("heartbeat")]
    assert told == [second]
    assert [line["resource"] for line in lines if line["event"] == "notification.not_judged"] == [f"Subscription/{first}"]
    assert service.state(first).due == service.clock.moment + timedelta(hours=1)


def test_nothing_secret_is_kept_of_one_that_is_off(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url, channel={"header": ["Authorization: Bearer hemmelig"]})
    service.put(service.read(f"Subscription/{id}") | {"status": "off"})
    with service.services.store.read() as unit:
        kept = unit.follower(HOSPITAL, id)
    assert kept
    assert b"hemmelig" not in kept.asked
    service.put(service.read(f"Subscription/{id}") | {"status": "requested"}, 422)  # the mask stands for nothing any more


def test_an_endpoint_that_is_away_is_asked_ever_more_seldom(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (500, {})
    service.task()
    until_given_up(service)
    before, hours = len(service.attempts(id)), 24 * 7
    for _ in range(hours * 4):
        service.clock.moment += timedelta(minutes=15)
        service.work()
    assert 24 <= len(service.attempts(id)) - before <= 60  # every quarter of an hour would be 672
