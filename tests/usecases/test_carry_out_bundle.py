"""Laws of a transaction, whatever its entries: all or nothing, every link leads to what was written, once is as good as twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.domain.problem import Kind, Problem
from adapter.fhir.face import matching
from adapter.ports import Query
from adapter.r4.bundle import references, steps
from adapter.r4.checker import check
from adapter.storage import DatabaseStore, open_store
from adapter.usecases.carry_out_bundle import carry_out, prepare
from adapter.usecases.writing import Rules, Written, body_of

BASE, TENANT, NOW = "https://a.example/fhir", "999977774", datetime(2026, 6, 1, tzinfo=UTC)
FINE = ("requested", "accepted", "on-hold")
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseStore]:
    folder: Path = tmp_path_factory.mktemp("transactions")
    opened = open_store(f"sqlite:///{folder}/x.db")
    opened.migrate()
    yield opened
    opened.close()


numbers = count()


def rules() -> Rules:
    return Rules(check, lambda type, criteria: matching(BASE, type, criteria), lambda: f"id-{next(numbers)}")


def done(store: DatabaseStore, entries: list[Entry]) -> list[Written]:
    asked = steps({"resourceType": "Bundle", "type": "transaction", "entry": entries}, base=BASE, types={"Task"})
    mine = rules()
    ready = prepare(asked, mine)
    return store.run(lambda unit: carry_out(unit, mine, TENANT, ready, NOW, lambda *_: None))


def kept(store: DatabaseStore) -> int:
    with store.read() as unit:
        return unit.count(TENANT, Query("Task"))


@st.composite
def bundles(draw: st.DrawFn, statuses: tuple[str, ...] = FINE) -> list[Entry]:
    """Tasks that refer to each other as they like, some of them to be made only once."""
    size, run = draw(st.integers(1, 6)), next(numbers)
    names = [f"urn:uuid:00000000-0000-4000-8000-{run:08d}{position:04d}" for position in range(size)]
    made = []
    for position, name in enumerate(names):
        parts = draw(st.lists(st.sampled_from(names), max_size=3))
        own = {"system": "urn:test", "value": f"{run}-{position}"}
        resource = {
            "resourceType": "Task",
            "identifier": [own],
            "status": draw(st.sampled_from(statuses)),
            "intent": "order",
            "description": name,
        } | ({"partOf": [{"reference": part} for part in parts]} if parts else {})
        request = {"method": "POST", "url": "Task"}
        if draw(st.booleans()):
            request["ifNoneExist"] = f"identifier={own['system']}|{own['value']}"
        made.append({"fullUrl": name, "resource": resource, "request": request})
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=bundles())
def test_every_link_leads_to_what_its_entry_became_and_no_text_is_changed(store: DatabaseStore, entries: list[Entry]) -> None:
    answers = done(store, entries)
    became = {entry["fullUrl"]: f"Task/{answer.stored.id}" for entry, answer in zip(entries, answers, strict=True)}

    for entry, answer in zip(entries, answers, strict=True):
        said = [reference for _, reference in references(entry["resource"], "Task")]
        assert [reference for _, reference in references(body_of(answer.stored), "Task")] == [became[name] for name in said]
        assert body_of(answer.stored)["description"] == entry["fullUrl"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=bundles())
def test_what_is_to_be_made_once_is_there_once_however_often_it_is_sent(store: DatabaseStore, entries: list[Entry]) -> None:
    first, again = done(store, entries), done(store, entries)

    for entry, one, other in zip(entries, first, again, strict=True):
        once = "ifNoneExist" in entry["request"]
        assert (one.created, other.created, one.stored.id == other.stored.id) == (True, not once, once)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=bundles((*FINE, "done")), last=st.sampled_from(["none", "no such resource", "the same twice"]))
def test_all_is_kept_or_nothing(store: DatabaseStore, entries: list[Entry], last: str) -> None:
    before = kept(store)
    if last == "no such resource":
        body = {"resourceType": "Task", "id": "none", "status": "requested", "intent": "order"}
        entries = [*entries, {"resource": body, "request": {"method": "PUT", "url": "Task/none"}}]
    if last == "the same twice":
        meant = {"method": "PUT", "url": f"Task?identifier=urn:twice|{next(numbers)}"}
        value = meant["url"].rpartition("|")[2]
        body = {
            "resourceType": "Task",
            "identifier": [{"system": "urn:twice", "value": value}],
            "status": "draft",
            "intent": "order",
        }
        entries = [*entries, {"resource": body, "request": meant}, {"resource": body, "request": meant}]
    wrong = last != "none" or any(entry["resource"]["status"] == "done" for entry in entries)
    if not wrong:
        done(store, entries)
        assert kept(store) == before + len(entries)
        return
    with pytest.raises(Problem) as refused:
        done(store, entries)
    assert {fault.kind for fault in refused.value.findings} <= {Kind.UNKNOWN_CODE, Kind.NOT_ALLOWED, Kind.INVALID}
    assert kept(store) == before
