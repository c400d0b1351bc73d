"""Conditional creates that meet (https://hl7.org/fhir/R4/http.html#ccreate): of 64 at once exactly one makes the resource.

`STAFETT_ROUNDS` says how often it is tried.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from adapter.ports import Clause, Match, Query, Unit
from adapter.storage import DatabaseStore
from tests.storage.things import NOW, OURS, a_draft

THREADS = 64
ROUNDS = int(os.environ.get("STAFETT_ROUNDS") or 20)


@pytest.mark.slow
def test_of_64_conditional_creates_at_once_one_makes_the_resource_and_the_others_find_it(store: DatabaseStore) -> None:
    rounds(store, ROUNDS)


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_and_so_it_is_a_thousand_times(store: DatabaseStore) -> None:
    rounds(store, 1000)


def rounds(store: DatabaseStore, count: int) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for turn in range(count):
            query = Query("Task", [Clause("identifier", [Match("urn:round", str(turn))])])
            start = Barrier(THREADS)

            def create(thread: int, turn: int = turn, query: Query = query, start: Barrier = start) -> tuple[bool, str]:
                def job(unit: Unit) -> tuple[bool, str]:
                    found = unit.search(OURS, query).found
                    if found:
                        return False, found[0].id
                    draft = a_draft(f"t{turn}-{thread}", type="Task", identifiers=[("urn:round", str(turn))])
                    return True, unit.put(OURS, [draft], NOW)[0].id

                start.wait(60)
                return store.run(job)

            answers = list(pool.map(create, range(THREADS)))
            with store.read() as unit:
                there = [stored.id for stored in unit.search(OURS, query).found]
            made = [id for is_new, id in answers if is_new]
            assert made == there, f"round {turn}"
            assert {id for _, id in answers} == set(there), f"round {turn}"
