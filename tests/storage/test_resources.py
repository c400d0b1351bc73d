"""Versioned resources, on both engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from adapter.ports import Draft, Page, Query
from adapter.r4.index import Index
from adapter.storage import DatabaseStore
from tests.storage.things import NOW, OURS, THEIRS, a_draft, a_stored, identified, in_status, later, named, of_patient

A = "urn:oid:2.16.578.1.12.4.1.4.1"


def put(store: DatabaseStore, *drafts: Draft, now: float = 0, tenant: str = OURS, message_id: str = "") -> None:
    with store.write() as unit:
        unit.put(tenant, drafts, later(now), message_id)


def test_a_new_resource_is_version_1_in_the_bytes_that_its_draft_makes(store: DatabaseStore) -> None:
    with store.write() as unit:
        kept = unit.put(OURS, [a_draft()], NOW)

    with store.read() as unit:
        assert [kept, unit.read(OURS, "ServiceRequest", "r1")] == [[a_stored()], a_stored()]


def test_a_changed_resource_is_a_new_version_and_the_old_one_stays_readable(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "a"))
    put(store, a_draft("r1", "b"), now=5)

    second = a_stored("r1", "b", 2, later(5))
    with store.read() as unit:
        assert unit.read(OURS, "ServiceRequest", "r1") == second
        assert unit.read(OURS, "ServiceRequest", "r1", 1) == a_stored("r1", "a", 1, NOW)
        assert unit.read(OURS, "ServiceRequest", "r1", 2) == second
        assert unit.read(OURS, "ServiceRequest", "r1", 3) is None


def test_several_are_read_at_once_in_the_order_asked_for_and_those_that_are_not_there_are_left_out(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "a"), a_draft("r2", "b"))
    put(store, a_draft("r1", "c"), now=5)

    names = [("ServiceRequest", "r2"), ("Patient", "r1"), ("ServiceRequest", "r3"), ("ServiceRequest", "r1")]
    with store.read() as unit:
        assert unit.read_all(OURS, names) == [a_stored("r2", "b"), a_stored("r1", "c", 2, later(5))]
        assert unit.read_all(THEIRS, names) == []


def test_an_unchanged_resource_keeps_its_version_and_time(store: DatabaseStore) -> None:
    put(store, a_draft())

    with store.write() as unit:
        again = unit.put(OURS, [a_draft()], later(5))

    with store.read() as unit:
        assert [again, unit.history(OURS, "ServiceRequest", "r1", 9).found] == [[a_stored()], [a_stored()]]


def test_a_resource_put_back_to_an_earlier_content_is_a_new_version(store: DatabaseStore) -> None:
    for at, content in enumerate(["a", "b", "a"]):
        put(store, a_draft("r1", content), now=at)

    with store.read() as unit:
        assert unit.read(OURS, "ServiceRequest", "r1") == a_stored("r1", "a", 3, later(2))


def test_put_returns_what_is_stored_now_in_the_order_of_the_drafts(store: DatabaseStore) -> None:
    put(store, a_draft("old"), a_draft("same"))
    drafts = [a_draft("new"), a_draft("same"), a_draft("old", "b"), a_draft("old", type="Task")]

    with store.write() as unit:
        kept = unit.put(OURS, drafts, later(1))

    assert kept == [
        a_stored("new", "a", 1, later(1)),
        a_stored("same", "a", 1, NOW),
        a_stored("old", "b", 2, later(1)),
        a_stored("old", "a", 1, later(1), type="Task"),
    ]


def test_a_resource_twice_in_one_put_becomes_two_versions_found_by_the_last(store: DatabaseStore) -> None:
    with store.write() as unit:
        kept = unit.put(OURS, [a_draft("r1", "a", status="draft"), a_draft("r1", "b", status="active")], NOW)

    with store.read() as unit:
        assert kept == [a_stored("r1", "a", 1), a_stored("r1", "b", 2)]
        assert unit.search(OURS, Query("ServiceRequest", [in_status("draft", "active")])).found == [a_stored("r1", "b", 2)]
        assert unit.count(OURS, Query("ServiceRequest", [in_status("draft")])) == 0


def test_putting_nothing_keeps_nothing(store: DatabaseStore) -> None:
    with store.write() as unit:
        assert unit.put(OURS, [], NOW, "m1") == []


def test_a_unit_reads_its_own_writes(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.put(OURS, [a_draft()], NOW)
        assert unit.read(OURS, "ServiceRequest", "r1") == a_stored()


def test_bytes_come_back_byte_for_byte(store: DatabaseStore) -> None:
    odd = bytes(range(256)) * 100
    put(store, Draft("Binary", "b1", Index(), lambda _version, _updated: odd))

    with store.read() as unit:
        found = unit.read(OURS, "Binary", "b1")

    assert found is not None
    assert found.body == odd


def test_history_is_newest_first_in_pages(store: DatabaseStore) -> None:
    for at in range(4):
        put(store, a_draft("r1", str(at)), a_draft("r2"), now=at)

    with store.read() as unit:
        first = unit.history(OURS, "ServiceRequest", "r1", 3)
        second = unit.history(OURS, "ServiceRequest", "r1", 3, first.next)

    assert [[stored.version for stored in page.found] for page in (first, second)] == [[4, 3, 2], [1]]
    assert second == Page([a_stored("r1", "0", 1, NOW)])


def test_a_page_that_holds_the_last_of_all_has_no_next(store: DatabaseStore) -> None:
    put(store, a_draft("r1"), a_draft("r2"))

    with store.read() as unit:
        pages = [unit.history(OURS, "ServiceRequest", None, 2), unit.search(OURS, Query("ServiceRequest", limit=2))]

    assert [(len(page.found), page.next) for page in pages] == [(2, None)] * 2


def test_the_history_of_a_type_holds_every_version_of_every_resource_newest_first(store: DatabaseStore) -> None:
    for at in range(3):
        put(store, a_draft("r1", str(at)), a_draft("r2", str(at // 2)), a_draft("t1", str(at), type="Task"), now=at)
    seen: list[tuple[str, int]] = []
    after: Sequence[Any] | None = None
    with store.read() as unit:
        for _ in range(3):
            page = unit.history(OURS, "ServiceRequest", None, 2, after)
            seen += [(stored.id, stored.version) for stored in page.found]
            after = page.next

    assert (seen, after) == ([("r2", 2), ("r1", 3), ("r1", 2), ("r2", 1), ("r1", 1)], None)


@pytest.mark.parametrize("id", ["r1", None])
def test_history_since_a_moment_holds_what_was_made_then_or_later(store: DatabaseStore, id: str | None) -> None:
    for at in range(4):
        put(store, a_draft("r1", str(at)), now=at)

    with store.read() as unit:
        first = unit.history(OURS, "ServiceRequest", id, 2, since=later(1))
        second = unit.history(OURS, "ServiceRequest", id, 2, first.next, later(1))

    assert [[stored.version for stored in page.found] for page in (first, second)] == [[4, 3], [2]]


def test_the_resources_of_a_message_are_the_versions_it_made_or_left_as_they_were_in_its_order(store: DatabaseStore) -> None:
    put(store, a_draft("same"), a_draft("changed"), a_draft("other"))
    with store.write() as unit:
        unit.put(OURS, [a_draft("changed", "b"), a_draft("same")], later(1), "m1")
        unit.put(OURS, [a_draft("new"), a_draft("same")], later(1), "m1")
        unit.put(OURS, [a_draft("changed", "c")], later(2), "m2")

    with store.read() as unit:
        assert unit.message_resources(OURS, "m1") == [
            a_stored("changed", "b", 2, later(1)),
            a_stored("same", "a", 1, NOW),
            a_stored("new", "a", 1, later(1)),
        ]
        assert unit.message_resources(OURS, "m2") == [a_stored("changed", "c", 3, later(2))]
        assert unit.message_resources(OURS, "m3") == []


def test_organisations_do_not_see_each_others_resources_by_any_method(store: DatabaseStore) -> None:
    same = {"patient": "p1", "status": "active", "identifiers": [(A, "1")]}
    put(store, a_draft("r1", "ours", **same), message_id="m1")
    put(store, a_draft("r1", "theirs", **same), a_draft("r2", "theirs", **same), tenant=THEIRS, message_id="m1", now=1)
    ours = [a_stored("r1", "ours")]
    query = Query("ServiceRequest", [of_patient("p1"), in_status("active"), identified((A, "1"))])

    with store.read() as unit:
        assert unit.read(OURS, "ServiceRequest", "r1") == ours[0]
        assert unit.read(OURS, "ServiceRequest", "r2") is None
        assert unit.read(OURS, "ServiceRequest", "r2", 1) is None
        assert unit.history(OURS, "ServiceRequest", "r1", 9).found == ours
        assert unit.history(OURS, "ServiceRequest", None, 9).found == ours
        assert unit.search(OURS, query).found == ours
        assert unit.search(OURS, Query("ServiceRequest", [named("r1", "r2")])).found == ours
        assert unit.count(OURS, query) == 1
        assert unit.message_resources(OURS, "m1") == ours


def test_one_organisations_version_is_not_anothers(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "ours"))
    put(store, a_draft("r1", "theirs"), tenant=THEIRS)
    put(store, a_draft("r1", "theirs, changed"), tenant=THEIRS, now=1)

    with store.read() as unit:
        assert unit.read(OURS, "ServiceRequest", "r1") == a_stored("r1", "ours")
        assert unit.read(THEIRS, "ServiceRequest", "r1") == a_stored("r1", "theirs, changed", 2, later(1))
