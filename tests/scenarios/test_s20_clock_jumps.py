"""S20, the clock: it is set back and forward by an hour, it passes the nights when Norway changes its own, it stood years wrong.

Nothing is sent twice with other bytes, nothing is held for ever by a lease of a time that does not come, and limits stay right. A
full disk and a database that cannot be written are in `tests/power` and `tests/down`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.domain.problem import Kind, problem
from adapter.ports import Outgoing, State
from adapter.usecases.breaker import may_call
from adapter.usecases.deliver import deliver
from adapter.usecases.watch_deadlines import until_next
from tests.usecases.handover import World, converged, unreachable
from tests.usecases.house import HOSPITAL, House, PaperHub, message, uuid

LEASE = 120.0
AWAY = problem(Kind.TRANSIENT, "The hub is away.", "Borte.")


def claimed_by_one_that_dies(house: House) -> Outgoing:
    """An AppRec that a process has taken up, and then no more is heard of it."""
    house.receive(message())
    (row,) = house.store.claim(house.clock.now(), LEASE, 50, ["edi2"])
    return row


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-1), timedelta(0)])
def test_s20_a_lease_ends_though_the_clock_is_set_while_it_runs(house: House, jump: timedelta) -> None:
    row = claimed_by_one_that_dies(house)
    house.clock.at += jump
    hub = PaperHub("edi2")
    waited = timedelta(0)
    while not hub.delivered:
        deliver(house.store, hub, house.clock, lease=LEASE)
        assert waited <= max(-jump, timedelta(0)) + timedelta(seconds=LEASE), "held beyond what the clock was set back by"
        house.clock.pass_(minutes=1)
        waited += timedelta(minutes=1)
    assert [(sent.id, sent.body, sent.attempts) for sent in hub.delivered] == [(row.id, row.body, 2)]


@pytest.mark.parametrize("wrong", [timedelta(days=3), timedelta(days=3650)])
def test_s20_what_a_clock_years_ahead_put_off_or_held_does_not_wait_for_that_year(house: House, wrong: timedelta) -> None:
    right = house.clock.now()
    house.receive(message())
    house.clock.at = right + wrong
    hub = PaperHub("edi2")
    hub.faults = [AWAY]
    deliver(house.store, hub, house.clock)  # put off, by the wrong clock
    house.clock.at = right
    assert [row.state for row in deliver(house.store, hub, house.clock)] == ["sent"]


def test_s20_what_has_its_longest_pause_is_not_taken_for_one_of_a_wrong_clock(house: House) -> None:
    """The ladder's last step is a day, with a tenth for chance."""
    house.receive(message())
    hub = PaperHub("edi2")
    while (row := deliver_in_vain(house, hub)).attempts < 31:
        assert row.next_attempt
        house.clock.at = row.next_attempt
    assert deliver(house.store, hub, house.clock) == []


def deliver_in_vain(house: House, hub: PaperHub) -> Outgoing:
    hub.faults = [AWAY]
    (row,) = deliver(house.store, hub, house.clock, chance=lambda: 1.0)
    return row


def test_s20_a_change_waits_its_time_and_no_longer_though_the_clock_is_set_back(house: House) -> None:
    early = house.receive(message("M")).message
    house.clock.pass_(hours=-1)
    house.clock.pass_(hours=96)
    house.reception.work_due()
    assert house.message(early.id).state is State.PARKED  # 96 hours from when it came, by the clock that it came by
    house.clock.pass_(hours=1)
    house.reception.work_due()
    assert house.message(early.id).state is State.QUARANTINED


def test_s20_a_message_that_comes_again_by_another_clock_is_the_same_and_its_answer_too(house: House) -> None:
    first = house.receive(message(), "1").message
    house.clock.pass_(hours=-1)
    again = house.receive(message(), "1")
    assert (again.outcome, again.message) == ("duplicate", first)
    assert len(house.answers(first.id)) == 1


@pytest.mark.parametrize(
    ("received", "due"),
    [  # ten working days after the day of receipt in Norway (day 0); 2026-03-29 and 2026-10-25 have 23 and 25 hours
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "2026-04-15"),  # Saturday 23:59; Easter takes 2, 3 and 6 April
        (datetime(2026, 3, 28, 23, 1, tzinfo=UTC), "2026-04-15"),  # Sunday 00:01, an hour before there is no 02:30
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "2026-04-15"),  # Sunday 03:30
        (datetime(2026, 10, 24, 21, 59, tzinfo=UTC), "2026-11-06"),  # Saturday 23:59
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-11-06"),  # Sunday 02:30, for the first time
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-11-06"),  # and for the second
    ],
)
def test_s20_a_limit_is_right_in_the_nights_when_the_clocks_change(house: House, received: datetime, due: str) -> None:
    house.clock.at = received
    house.receive(message())
    (task,) = house.bodies("Task")
    assert task["restriction"]["period"]["end"] == due


@pytest.mark.parametrize("night", [datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)])
def test_s20_the_watch_looks_soon_after_midnight_and_at_least_hourly_in_these_nights(night: datetime) -> None:
    looks, at = [], night
    while at < night + timedelta(hours=12):
        pause = until_next(at)
        assert 0 < pause <= 3600
        at += timedelta(seconds=pause)
        looks.append(at)
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC) if night.month == 3 else datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert any(timedelta(0) <= look - midnight < timedelta(minutes=2) for look in looks)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_s20_a_partner_that_was_left_alone_is_called_again_though_the_clock_is_set(world: World, jump: float) -> None:
    key = world.hospital_asks()
    world.municipality.faults = [unreachable] * 8
    world.settle(8)
    with world.store.read() as unit:
        state = unit.partner_state("municipality")
    assert not may_call(state, world.clock.now())

    world.municipality.faults = []
    world.clock.pass_(seconds=jump)
    for _ in range(90):
        world.clock.pass_(minutes=1)
        world.settle(1)
    assert world.municipality.has(key)
    assert len(world.municipality.versions(key)) == 1
    converged(world, key)


def test_s20_in_the_hour_that_comes_twice_each_message_has_its_own_moment(house: House) -> None:
    """02:30 comes twice on 25 October: what is stored is UTC, so what came later is later."""
    house.clock.at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    first = house.receive(message(), "1").message
    house.clock.pass_(hours=1)
    second = house.receive(message("N", ("25064625-6b5b-41a3-9d4c-4a66907b9a63", uuid(8)), msg_id=uuid(9)), "2").message
    assert second.received - first.received == timedelta(hours=1)
    assert len(house.bodies("ServiceRequest", HOSPITAL)) == 2
