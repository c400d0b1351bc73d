"""Many workers share the telling: each event is numbered once, and told once as long as nobody dies."""

from __future__ import annotations

import threading
import time

from adapter.partners.endpoints import Allowed, Endpoints
from adapter.partners.notifier import Notifier
from adapter.storage import open_store
from adapter.usecases.follow_changes import Followed
from adapter.wiring import make_matching
from tests.following.here import Here, Hook


def another(service: Here) -> Notifier:
    """What tells followers in another process on the same database."""
    base, store = f"{service.base}/fhir", open_store(service.url)
    endpoints = Endpoints(Allowed(private=frozenset({"127.0.0.1:*"})), timeout=2)
    return Notifier(store, Followed(store, make_matching(base), base), endpoints, service.clock, attempts=3)


def test_two_workers_number_and_tell_each_event_once(on_both: Here, endpoint: Hook) -> None:
    ids = [on_both.follow(endpoint.url) for _ in range(3)]
    endpoint.told.clear()
    ended, notifiers = threading.Event(), [another(on_both), another(on_both)]

    def work(notifier: Notifier) -> None:
        while not ended.is_set():
            if not notifier.round():
                time.sleep(0.002)

    threads = [threading.Thread(target=work, args=(notifier,)) for notifier in notifiers]
    for thread in threads:
        thread.start()
    for _ in range(40):
        on_both.task()
    until = time.monotonic() + 30
    while any(on_both.state(id).told < 40 for id in ids):
        assert time.monotonic() < until, [on_both.state(id) for id in ids]
        time.sleep(0.01)
    ended.set()
    for thread, notifier in zip(threads, notifiers, strict=True):
        thread.join(10)
        notifier.close()
        notifier.store.close()
    assert sorted(endpoint.numbers()) == sorted([*range(1, 41)] * 3)


def test_what_a_worker_died_with_another_brings_when_its_lease_is_out(on_both: Here, endpoint: Hook) -> None:
    on_both.follow(endpoint.url)
    on_both.task()
    dead = another(on_both)
    dead.followed.round(on_both.clock.now())
    (row,) = dead.store.claim(on_both.clock.now(), dead.lease, 10, [dead.name])  # and then it is gone
    assert row.msg_id == "event-notification"
    on_both.work()
    assert endpoint.numbers() == []
    on_both.clock.moment = row.next_attempt or on_both.clock.moment
    on_both.work()
    assert endpoint.numbers() == [1]
    dead.close()
    dead.store.close()
