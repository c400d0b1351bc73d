"""Who is thought dead: whoever has said nothing for a lease, by the seconds of whoever listens."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.usecases.at_work import Hand, Pulse
from tests.usecases.house import House, SetClock

LEASE = 120.0


@dataclass
class Seconds:
    """A monotonic clock that is set."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def pulse(house: House, clock: SetClock, seconds: Seconds) -> Pulse:
    return Pulse(house.store, clock, "worker", LEASE, seconds)


def test_two_whose_clocks_differ_by_more_than_a_lease_let_each_other_live(house: House) -> None:
    """And neither takes over what the other has in hand, which would count as a death each time."""
    ahead, seconds = SetClock(), Seconds()
    ahead.pass_(seconds=3 * LEASE)
    one, other = pulse(house, house.clock, seconds), pulse(house, ahead, seconds)
    one.beat()
    other.beat()
    Hand(house.store, house.clock, "edi2", one.id).take(["a"])

    for _ in range(12):
        seconds.at += LEASE / 3
        for clock in (house.clock, ahead):
            clock.pass_(seconds=LEASE / 3)
        assert (one.beat(), other.beat()) == ([], [])
        assert Hand(house.store, ahead, "edi2", other.id).take(["a", "b"]).ours == {"b"}


def test_a_clock_that_is_set_buries_nobody(house: House) -> None:
    seconds = Seconds()
    one, other = pulse(house, house.clock, seconds), pulse(house, SetClock(), seconds)
    one.beat()
    other.beat()

    house.clock.pass_(days=3000)

    assert one.beat() == []


def test_one_that_is_silent_for_a_lease_is_buried_and_not_before(house: House) -> None:
    seconds = Seconds()
    one, other = pulse(house, house.clock, seconds), pulse(house, house.clock, seconds)
    other.beat()
    one.beat()
    found = []
    for _ in range(4):
        seconds.at += LEASE / 3
        house.clock.pass_(seconds=LEASE / 3)
        found.append([dead.id for dead in one.beat()])

    assert found == [[], [], [], [other.id]]


def test_one_that_itself_stood_still_gives_the_others_a_lease_to_be_heard_of(house: House) -> None:
    """As when a whole machine was frozen: whoever wakes first must not bury the rest."""
    seconds = Seconds()
    one, other = pulse(house, house.clock, seconds), pulse(house, house.clock, seconds)
    other.beat()
    one.beat()

    seconds.at += 10 * LEASE

    assert one.beat() == []


def test_what_the_dead_had_in_hand_and_never_came_again_is_forgotten_after_a_day(house_on: House) -> None:
    """A file of the same name, weeks later, is not suspect."""
    seconds = Seconds()
    one, dead = pulse(house_on, house_on.clock, seconds), pulse(house_on, house_on.clock, seconds)
    dead.beat()
    Hand(house_on.store, house_on.clock, "edi2", dead.id).take(["old"])
    dead.end()
    house_on.clock.pass_(hours=1)
    one.beat()
    Hand(house_on.store, house_on.clock, "edi2", one.id).take(["ours"])
    house_on.clock.pass_(hours=22)
    Hand(house_on.store, house_on.clock, "edi2", dead.id).take(["young"])
    found = []

    for hours in (0.9, 0.2):
        house_on.clock.pass_(hours=hours)
        seconds.at += 3600
        one.beat()
        with house_on.store.read() as unit:
            found.append({*unit.in_hand("edi2", ["old", "ours", "young"], house_on.clock.now())})

    assert found == [{"old", "ours", "young"}, {"ours", "young"}]
