"""What many processes share: each takes up what nobody has, and what one died of is found without holding up the others."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from adapter.ports import Unit
from adapter.usecases.at_work import MOST, Hand, Pulse
from adapter.wiring import SystemClock
from tests.usecases.house import House

HUB = "edi2"
MANY = [f"m{number:02}" for number in range(20)]


def hand(house: House, process: str = "ours", hub: str = HUB) -> Hand:
    return Hand(house.store, house.clock, hub, process)


def died_with(house: House, names: Sequence[str], times: int = 1) -> None:
    """So many processes, one after the other, were at these when they died."""

    def job(unit: Unit) -> None:
        for number in range(times):
            known = unit.in_hand(HUB, names, house.clock.now())
            unit.take_in_hand(HUB, {name: known.get(name) for name in names}, f"dead {number}", house.clock.now())

    house.store.run(job)


def tries(house: House, *names: str) -> dict[str, int]:
    with house.store.read() as unit:
        return {name: one.tries for name, one in unit.in_hand(HUB, names, house.clock.now()).items()}


def test_what_nobody_has_is_ours_and_nothing_is_left(house: House) -> None:
    taken = hand(house).take(MANY)
    assert (taken.ours, taken.left) == ({*MANY}, set())


def test_what_one_that_lives_has_is_not_ours_and_not_to_be_asked_for_again(house: House) -> None:
    pulse = Pulse(house.store, house.clock, "worker", 120)
    pulse.beat()
    hand(house, pulse.id).take(["a"])

    taken = hand(house).take(["a", "b"])
    assert (taken.ours, taken.left) == ({"b"}, set())


@pytest.mark.parametrize(("deaths", "at_once"), [(1, 12), (2, 3), (3, 1), (4, 1), (5, 1), (6, 1)])
def test_what_others_died_with_is_taken_up_with_ever_fewer_and_at_last_unread(house: House, deaths: int, at_once: int) -> None:
    died_with(house, MANY, deaths)
    ours = hand(house)
    taken = ours.take(MANY)
    assert (len(taken.ours), taken.left) == (at_once, {*MANY} - taken.ours)
    assert ours.deadly == (deaths >= MOST == 5)


def test_what_is_sound_comes_first_and_in_turns_with_what_is_suspect(house: House) -> None:
    died_with(house, MANY)
    ours = hand(house)
    sound, suspect, sound_again, rest = (
        ours.take(["s1", "s2", *MANY]).ours,
        ours.take(["s3", *MANY]).ours,
        ours.take(["s3", *MANY[12:]]).ours,
        ours.take(["s4", *MANY[12:]]).ours,
    )
    assert (sound, suspect, sound_again, rest) == ({"s1", "s2"}, {*MANY[:12]}, {"s3"}, {*MANY[12:]})


def test_what_fewest_died_with_comes_first(house: House) -> None:
    died_with(house, ["worse"], 2)
    died_with(house, ["bad"], 1)
    ours = hand(house)
    assert [ours.take(["worse", "bad"]).ours, ours.take(["worse"]).ours] == [{"bad"}, {"worse"}]


def test_what_is_not_deadly_is_read_again_after_what_was(house: House) -> None:
    died_with(house, ["poison"], MOST)
    ours = hand(house)
    ours.take(["poison"])
    assert ours.deadly
    ours.take(["sound"])
    assert not ours.deadly


def test_what_is_ours_already_is_taken_again_and_not_counted(house: House) -> None:
    assert hand(house).take(["a"]).ours == {"a"}
    assert hand(house).take(["a", "b"]).ours == {"a", "b"}  # as after a round whose end was not kept
    assert tries(house, "a", "b") == {"a": 1, "b": 1}


def test_what_is_put_down_is_anybodys_and_was_never_suspect(house: House) -> None:
    died_with(house, ["suspect"])
    ours = hand(house)
    ours.take(["a"])
    ours.take(["suspect"])
    assert tries(house, "a", "suspect") == {"a": 1, "suspect": 2}

    ours.put_down()
    assert tries(house, "a", "suspect") == {}
    assert hand(house, "another").take(["a", "suspect"]).ours == {"a", "suspect"}


def test_what_another_has_taken_over_is_not_put_down(house: House) -> None:
    ours = hand(house)  # buried alive: it never told that it lives
    ours.take(["a"])
    assert hand(house, "another").take(["a"]).ours == {"a"}
    ours.put_down()
    assert tries(house, "a") == {"a": 2}


def test_where_there_is_nothing_nothing_is_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.store, "run", None)
    ours = hand(house)
    assert ours.take([]).ours == set()
    ours.put_down()


def test_one_that_kills_each_that_reads_it_kills_five_and_all_others_get_through(house: House) -> None:
    waiting, deaths = [*MANY, "poison", *(f"n{number}" for number in range(60))], 0
    ours, aside = hand(house), set[str]()
    for _ in range(100):
        taken = ours.take(waiting[:50]).ours
        if ours.deadly:
            aside |= taken
        elif "poison" in taken:
            deaths += 1
            ours = hand(house, f"process {deaths}")
            continue
        waiting = [name for name in waiting if name not in taken]
        ours.put_down()
    assert (deaths, aside, waiting) == (MOST, {"poison"}, [])


def test_one_that_is_silent_for_a_lease_is_buried_and_one_that_beats_is_not(house_on: House) -> None:
    """By the time that passes here: nothing is known of how a pulse counts it."""
    silent, lively, ours = (Pulse(house_on.store, SystemClock(), roles, 1.0) for roles in ("worker", "api", "worker"))
    assert (silent.beat(), lively.beat()) == ([], [])
    started, buried = time.monotonic(), list[str]()
    while not buried and time.monotonic() < started + 10:
        buried = [one.id for one in (*lively.beat(), *ours.beat())]  # whichever looks first
        time.sleep(0.02)
    assert buried == [silent.id]
    with house_on.store.read() as unit:
        assert {one.id for one in unit.processes()} == {lively.id, ours.id}
    assert time.monotonic() - started > 0.9


def test_one_that_ends_in_good_order_is_known_no_longer(house: House) -> None:
    ours = Pulse(house.store, house.clock, "worker", 120)
    ours.beat()
    ours.end()
    with house.store.read() as unit:
        assert unit.processes() == []
