"""A filter says of one resource what a search says of all: the judge is `tests.storage.naive`, which also judges the databases."""

from __future__ import annotations

import os
import random

import pytest

from adapter.usecases.matching import holds, matches
from tests.storage import naive
from tests.storage.test_search import a_query, by_chance

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))


def test_a_clause_holds_of_a_resource_where_a_search_by_it_would_find_it() -> None:
    chance, kept = random.Random(SEED), by_chance(SEED, 40)
    clauses = [clause for _ in range(400) for clause in a_query(chance).clauses if clause.parameter != "_lastUpdated"]
    for clause in clauses:
        for one in kept:
            assert holds(clause, one.id, one.index) is naive.holds(clause, one), f"STAFETT_SEED={SEED}: {clause} {one}"
    assert {clause.parameter for clause in clauses} == {"code", "name", "owner", "deadline", "status", "_id"}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_all_clauses_are_to_hold(number: int) -> None:
    chance, kept = random.Random(SEED + number), by_chance(SEED, 40)
    queries = [
        query for query in (a_query(chance) for _ in range(200)) if "_lastUpdated" not in {c.parameter for c in query.clauses}
    ]
    for query in queries:
        found = sorted(one.id for one in kept if matches(query.clauses, one.id, one.index))
        assert found == sorted(naive.search(kept, query)), f"STAFETT_SEED={SEED}: {query}"
