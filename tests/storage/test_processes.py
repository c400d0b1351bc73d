"""What each process has in hand: of several that reach for the same, one gets it; and what a dead one had is to be had, counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from adapter.ports import InHand, Process, Unit
from adapter.storage import DatabaseStore
from adapter.storage.processes import LONGEST
from tests.storage.things import NOW, later

HUB, NAMES = "edi2", [f"m{number}" for number in range(30)]


def take(store: DatabaseStore, process: str, *names: str) -> set[str]:
    """Look at what is in hand and take these up, in one unit as a worker does."""

    def job(unit: Unit) -> set[str]:
        known = unit.in_hand(HUB, names, NOW)
        return unit.take_in_hand(HUB, {name: known.get(name) for name in names}, process, NOW)

    return store.run(job)


def held(store: DatabaseStore, *names: str, now: timedelta = timedelta()) -> dict[str, InHand]:
    with store.read() as unit:
        return unit.in_hand(HUB, names, NOW + now)


def lives(store: DatabaseStore, *processes: str) -> None:
    store.run(lambda unit: [unit.beat(Process(one, "worker", NOW, NOW)) for one in processes])


@pytest.mark.parametrize("before", [0, 1])
def test_of_two_that_reach_for_the_same_at_once_each_name_goes_to_one(store: DatabaseStore, before: int) -> None:
    """What nobody had, and what a dead process had. On PostgreSQL both have looked before either takes."""
    if before:
        assert take(store, "dead", *NAMES) == {*NAMES}
    both_have_looked = Barrier(2)

    def reach(process: str) -> set[str]:
        tries = list[int]()

        def job(unit: Unit) -> set[str]:
            known = unit.in_hand(HUB, NAMES, NOW)
            tries.append(1)
            if len(tries) == 1 and not store.quick:  # SQLite has one writer at a time
                both_have_looked.wait(10)
            free = {name: known.get(name) for name in NAMES if name not in known or not known[name].alive}
            return unit.take_in_hand(HUB, free, process, NOW)

        return store.run(job)

    lives(store, "p1", "p2")
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(reach, ("p1", "p2"))

    assert not one & other
    assert one | other == {*NAMES}
    assert held(store, *NAMES) == {name: InHand("p1" if name in one else "p2", 1 + before, True) for name in NAMES}


def test_what_another_took_since_it_was_looked_at_is_not_given(store: DatabaseStore) -> None:
    take(store, "dead", "a", "b")
    seen = held(store, "a", "b", "c")
    assert take(store, "p1", "a", "c") == {"a", "c"}

    wanted = {name: seen.get(name) for name in "abc"}
    assert store.run(lambda unit: unit.take_in_hand(HUB, wanted, "p2", NOW)) == {"b"}
    assert {name: (one.process, one.tries) for name, one in held(store, *"abc").items()} == {
        "a": ("p1", 2),
        "b": ("p2", 2),
        "c": ("p1", 1),
    }


def test_each_process_that_takes_it_up_is_counted_once(store: DatabaseStore) -> None:
    for process in ("p1", "p1", "p2", "p2", "p3"):
        take(store, process, "a")
    assert held(store, "a") == {"a": InHand("p3", 3, False)}


def test_what_a_buried_process_had_stays_in_hand_until_another_takes_it(store: DatabaseStore) -> None:
    lives(store, "p1")
    take(store, "p1", "a")
    assert held(store, "a") == {"a": InHand("p1", 1, True)}

    store.run(lambda unit: unit.bury("p1"))
    assert held(store, "a") == {"a": InHand("p1", 1, False)}


def test_one_that_lives_and_had_it_for_an_hour_does_not_come_back_to_it(store: DatabaseStore) -> None:
    """Whichever way the clock was set."""
    lives(store, "p1")
    take(store, "p1", "a")
    almost = LONGEST - timedelta(seconds=1)
    assert [held(store, "a", now=now)["a"].alive for now in (almost, LONGEST, -almost, -LONGEST)] == [True, False, True, False]


def test_only_what_is_our_own_is_put_down(store: DatabaseStore) -> None:
    take(store, "p1", "a", "b", "c")
    take(store, "p2", "c")

    store.run(lambda unit: unit.put_down(HUB, ["a", "c"], "p1"))
    assert {name: one.process for name, one in held(store, *"abc").items()} == {"b": "p1", "c": "p2"}


def test_a_hub_has_names_of_its_own(store: DatabaseStore) -> None:
    take(store, "p1", "a")
    with store.read() as unit:
        assert unit.in_hand("folder", ["a"], NOW) == {}


def test_a_process_is_known_by_its_last_beat_until_it_is_buried(store: DatabaseStore) -> None:
    for seen in (NOW, later(3)):
        store.run(lambda unit, seen=seen: unit.beat(Process("p1", "api,worker", NOW, seen)))  # type: ignore[misc]
    with store.read() as unit:
        assert unit.processes() == [Process("p1", "api,worker", NOW, later(3))]

    store.run(lambda unit: unit.bury("p1"))
    with store.read() as unit:
        assert unit.processes() == []
