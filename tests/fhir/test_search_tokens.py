"""Token search over a real store, against R4's words tried code by code (https://hl7.org/fhir/R4/search.html#token).

The world holds every Task with at most two of six codings. The oracle looks at each Task itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.ports import Store
from adapter.storage import open_store
from tests.fhir.world import BEGAN, HOSPITAL, Json, draft, found, task

SYSTEMS, CODES = (None, "urn:s", "urn:t"), ("a", "b|,\\")
CODINGS = [{"code": code} | ({"system": system} if system else {}) for system in SYSTEMS for code in CODES]
WORLD = {f"t{number}": codings for number, codings in enumerate([(), *((one,) for one in CODINGS), *combinations(CODINGS, 2)])}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('tokens')}/stafett.db")
    opened.migrate()
    with opened.write() as unit:
        bodies = {id: task(0, **({"code": {"coding": list(codings)}} if codings else {})) for id, codings in WORLD.items()}
        unit.put(HOSPITAL, [draft("Task", id, body) for id, body in bodies.items()], BEGAN)
    yield opened
    opened.close()


def means(item: tuple[str, str, str], coding: Json) -> bool:
    """#token: what is before the bar is the system; nothing before it, that there is none; no bar, that any will do."""
    form, system, code = item
    if form == "code":
        return bool(coding["code"] == code)
    if form == "|code":
        return coding["code"] == code and "system" not in coding
    if form == "system|":
        return coding.get("system") == system
    return coding["code"] == code and coding.get("system") == system


def written(item: tuple[str, str, str]) -> str:
    form, system, code = item
    escaped = "".join(f"\\{one}" if one in ",|$\\" else one for one in code)
    return form.replace("system", system).replace("code", escaped)


ITEMS = st.tuples(
    st.sampled_from(["code", "|code", "system|", "system|code"]),
    st.sampled_from(["urn:s", "urn:t", "urn:other"]),
    st.sampled_from([*CODES, "c"]),
)
PARAMETERS = st.lists(st.tuples(st.booleans(), st.lists(ITEMS, min_size=1, max_size=3)), min_size=1, max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PARAMETERS)
def test_tokens_mean_what_the_standard_says(store: Store, parameters: list[tuple[bool, list[tuple[str, str, str]]]]) -> None:
    """A comma is "or", a further parameter "and"; `:not` takes all that have no such code, also those without any."""
    pairs = [("code:not" if negated else "code", ",".join(map(written, items))) for negated, items in parameters]

    bundle = found(store, "Task", [*pairs, ("_count", "200")])

    expected = {
        id
        for id, codings in WORLD.items()
        if all(negated != any(means(item, coding) for item in items for coding in codings) for negated, items in parameters)
    }
    assert {entry["resource"]["id"] for entry in bundle.get("entry", [])} == expected
