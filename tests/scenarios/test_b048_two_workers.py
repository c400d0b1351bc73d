"""B048: two workers take the same message at once, since the lock on it was lost. It has one effect, and one AppRec.

What each has in hand is told in the database; but a process that was thought dead may only have been slow. So the one effect does
not rest on that: it rests on the message's identity, which only one transaction can have.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapter.ports import Delivery, Message, State, Take, Unit, take_all
from adapter.storage import open_store
from adapter.usecases.at_work import Hand, Pulse
from adapter.usecases.receive_message import Reception
from adapter.worker import Worker
from tests.kill.messages import Letters
from tests.usecases.house import ADULTS, EDI, GP, HOSPITAL, House, PaperHub

LETTERS, LEASE, MESSAGES = Letters(48), 120.0, 12


class Shared(PaperHub):
    """A hub that lists the same to all; `met` is passed where both have what they fetched, and before either has received it."""

    def __init__(self, waiting: Sequence[Delivery], met: threading.Barrier, *, asks: bool) -> None:
        super().__init__(EDI, "edi2")
        self.waiting, self.met, self.asks = [*waiting], met, asks
        self.lock = threading.Lock()

    def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
        with self.lock:
            listed = self.waiting[:limit]
        ours = take([one.hub_id or "" for one in listed]).ours if self.asks else {one.hub_id for one in listed}
        if listed:
            self.met.wait(20)
        return [one for one in listed if one.hub_id in ours]

    def confirm(self, hub_id: str, receiver: str) -> None:
        with self.lock:
            super().confirm(hub_id, receiver)


@pytest.fixture
def two(house_on: House) -> Iterator[list[tuple[Reception, Pulse]]]:
    """Two processes on the house's database, as far as the database can tell."""
    url = house_on.url or f"sqlite:///{house_on.path / 'house.db'}"
    stores = [open_store(url), open_store(url)]
    of = house_on.reception
    yield [
        (
            Reception(store, house_on.translator, house_on.services, house_on.rules, of.hubs, house_on.clock),
            Pulse(store, house_on.clock, "worker", LEASE, lambda: house_on.clock.now().timestamp()),
        )
        for store in stores
    ]
    for store in stores:
        store.close()


def at_once(house: House, two: Sequence[tuple[Reception, Pulse]], *, asks: bool) -> Shared:
    """Both fetch the same, and then both go on."""
    waiting = [house.delivery(LETTERS.make(number).data, str(number)) for number in range(MESSAGES)]
    hub = Shared(waiting, threading.Barrier(2), asks=asks)
    workers = [Worker(reception.store, reception, [hub], house.clock, lease=LEASE, pulse=pulse) for reception, pulse in two]
    for _, pulse in two:
        pulse.beat()
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(worker.serve, hub) for worker in workers]:
            done.result(60)
    while any(worker.send(hub) for worker in workers):
        pass
    return hub


def known(unit: Unit, number: int) -> list[Message]:
    """The messages that stand for one that came."""
    return unit.messages_with_key(ADULTS, GP, LETTERS.make(number).msg_id)


def judge(house: House, hub: Shared) -> None:
    with house.store.read() as unit:
        kept = [message for number in range(MESSAGES) for message in known(unit, number)]
        made = [one for message in kept for one in unit.message_resources(HOSPITAL, message.id)]
        rows = [row for message in kept for row in unit.outgoing_for(message.id)]
    assert [message.state for message in kept] == [State.PROCESSED] * MESSAGES
    assert [one.version for one in made if one.type == "ServiceRequest"] == [1] * MESSAGES
    assert [row.state for row in rows] == ["sent"] * MESSAGES
    assert sorted(row.id for row in hub.delivered) == sorted(row.id for row in rows)  # each left once
    assert hub.waiting == []


def test_b048_two_workers_that_both_have_a_message_have_one_effect(house_on: House, two: list[tuple[Reception, Pulse]]) -> None:
    """As if no lock were there at all."""
    judge(house_on, at_once(house_on, two, asks=False))


def test_b048_what_one_has_in_hand_the_other_leaves_alone(house_on: House, two: list[tuple[Reception, Pulse]]) -> None:
    hub = at_once(house_on, two, asks=True)
    judge(house_on, hub)
    assert len(hub.confirmed) == MESSAGES  # by one of them each


def test_b048_one_that_was_thought_dead_and_was_slow_does_no_harm(house_on: House, two: list[tuple[Reception, Pulse]]) -> None:
    (slow, pulse), (other, others) = two
    delivery = house_on.delivery(LETTERS.make(0).data, "0")
    for one in (pulse, others):
        one.beat()
    hub = Shared([delivery], threading.Barrier(1), asks=True)
    first = Worker(slow.store, slow, [hub], house_on.clock, lease=LEASE, pulse=pulse)
    held = hub.fetch(50, Hand(slow.store, house_on.clock, EDI, pulse.id).take)  # and now it hangs, longer than a lease
    for _ in range(3):
        house_on.clock.pass_(seconds=LEASE / 3)
        assert others.beat() == []
    house_on.clock.pass_(seconds=1)
    assert [one.id for one in others.beat()] == [pulse.id]
    second = Worker(other.store, other, [hub], house_on.clock, lease=LEASE, pulse=others)
    while second.serve(hub):
        pass
    assert [one.state for one in hub.delivered] == ["waiting"]  # as it was when it left

    assert [taken.outcome for taken in slow.receive_all(held) if not isinstance(taken, Exception)] == ["duplicate"]
    first.serve(hub)
    assert len(hub.delivered) == 1
    with house_on.store.read() as unit:
        assert len(known(unit, 0)) == 1
