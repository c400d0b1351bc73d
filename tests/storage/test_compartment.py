"""Whose record a stored version is, by every way of reading it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from adapter.ports import Draft, Query, Stored, Unit
from adapter.storage import DatabaseStore, open_store, reindex
from tests.storage.things import NOW, OURS, a_draft, later


def of(patient: str, draft: Draft) -> Draft:
    return replace(draft, index=replace(draft.index, patient=patient))


READS: dict[str, Callable[[Unit], Sequence[Stored | None]]] = {
    "read": lambda unit: [unit.read(OURS, "Task", "t1")],
    "read of a version": lambda unit: [unit.read(OURS, "Task", "t1", 2)],
    "read_all": lambda unit: [*unit.read_all(OURS, [("Task", "t1"), ("Task", "t2")])][:1],
    "history": lambda unit: [*unit.history(OURS, "Task", "t1", 1).found],
    "history of the type": lambda unit: [*unit.history(OURS, "Task", None, 1).found],
    "search": lambda unit: [*unit.search(OURS, Query("Task")).found][:1],
    "search in another order": lambda unit: [*unit.search(OURS, Query("Task", sort=[("patient", True)])).found][:1],
    "message_resources": lambda unit: [*unit.message_resources(OURS, "m1")],
}


@pytest.mark.parametrize("way", READS)
def test_each_way_of_reading_says_whose_record_it_is(store: DatabaseStore, way: str) -> None:
    with store.write() as unit:
        (first,) = unit.put(OURS, [of("p1", a_draft("t1", type="Task", patient="p1"))], NOW)
        unit.put(OURS, [a_draft("t2", type="Task")], NOW)
        (second,) = unit.put(OURS, [of("urn:a|1", a_draft("t1", "b", type="Task", patient="p2"))], later(1), "m1")

    assert (first.patient, second.patient) == ("p1", "urn:a|1")
    with store.read() as unit:
        assert READS[way](unit) == [second]
        assert unit.read(OURS, "Task", "t1", 1) == first
    assert store.newest(OURS, "Task", "t1") == second


def test_what_was_there_before_has_its_patient_after_the_migration_and_older_versions_the_newests(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"resourceType":"Task","id":"t1","for":{"reference":"Patient/%s"},"x":%d}'
    store = open_store(url)
    store.migrate()
    with store.write() as unit:
        for at, patient in enumerate((b"p1", b"p1", b"p2")):
            unit.put(OURS, [replace(a_draft("t1", type="Task"), make=lambda *_, p=patient, at=at: body % (p, at))], later(at))
        unit.put(OURS, [replace(a_draft("o1", type="Organization"), make=lambda *_: b'{"resourceType":"Organization"}')], NOW)
        assert [one.patient for one in unit.history(OURS, "Task", "t1", 9).found] == ["", "", ""]

    monkeypatch.setattr(reindex, "FORM", 99)
    store.migrate()

    with store.read() as unit:
        assert [one.patient for one in unit.history(OURS, "Task", "t1", 9).found] == ["p2", "p2", "p2"]
        assert [one.patient for one in unit.search(OURS, Query("Task")).found] == ["p2"]
        assert [one.patient for one in unit.history(OURS, "Organization", "o1", 9).found] == [""]
    store.close()
