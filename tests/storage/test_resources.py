"""Versioned resources, on both engines."""

from __future__ import annotations

import pytest

from adapter.ports import Draft, Index, Query
from adapter.storage import DatabaseStore
from tests.storage.things import NOW, OURS, THEIRS, a_draft, a_stored, later


def put(store: DatabaseStore, *drafts: Draft, now: float = 0, tenant: str = OURS, message_id: str = "") -> None:
    with store.write() as unit:
        unit.put(tenant, drafts, later(now), message_id)


def ids(store: DatabaseStore, query: Query, tenant: str = OURS) -> list[str]:
    with store.read() as unit:
        return [stored.id for stored in unit.search(tenant, query)]


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
        assert [again, unit.history(OURS, "ServiceRequest", "r1", None, 9)] == [[a_stored()], [a_stored()]]


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
        assert unit.search(OURS, Query("ServiceRequest", statuses=["draft", "active"])) == [a_stored("r1", "b", 2)]
        assert unit.count(OURS, Query("ServiceRequest", statuses=["draft"])) == 0


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


def test_history_is_newest_first_and_paged_by_version(store: DatabaseStore) -> None:
    for at in range(4):
        put(store, a_draft("r1", str(at)), a_draft("r2"), now=at)

    with store.read() as unit:
        pages = [unit.history(OURS, "ServiceRequest", "r1", before, 2) for before in (None, 3, 1)]

    assert [[stored.version for stored in page] for page in pages] == [[4, 3], [2, 1], []]
    assert pages[1][1] == a_stored("r1", "0", 1, NOW)


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


def test_search_is_by_type_newest_first_and_then_by_id(store: DatabaseStore) -> None:
    put(store, a_draft("a"), a_draft("c"), a_draft("t", type="Task"))
    put(store, a_draft("b"), now=1)

    assert ids(store, Query("ServiceRequest")) == ["b", "c", "a"]


def test_search_gives_the_newest_version_only(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "a"))
    put(store, a_draft("r1", "b"), now=1)

    with store.read() as unit:
        assert unit.search(OURS, Query("ServiceRequest")) == [a_stored("r1", "b", 2, later(1))]


A, B = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:ietf:rfc:3986"
FOUND_BY = [
    Query("Task", ids=["t1", "t9"]),
    Query("Task", identifiers=[(A, "1")]),
    Query("Task", identifiers=[(None, "1")]),
    Query("Task", identifiers=[(A, None)]),
    Query("Task", identifiers=[(B, "9"), (A, "1")]),
    Query("Task", patient="p1"),
    Query("Task", statuses=["requested"]),
    Query("Task", statuses=["draft", "requested"]),
    Query("Task", since=later(5)),
    Query("Task", since=later(5), before=later(6)),
    Query("Task", ids=["t1", "t2"], identifiers=[(A, "1")], patient="p1", statuses=["requested"], since=NOW, before=later(6)),
]


@pytest.mark.parametrize("query", FOUND_BY)
def test_resources_are_found_and_counted_by_each_field(store: DatabaseStore, query: Query) -> None:
    put(store, a_draft("t2", type="Task", patient="p2", status="completed", identifiers=[(B, "2"), ("", "3")]))
    put(store, a_draft("t1", type="Task", patient="p1", status="requested", identifiers=[(A, "1"), (B, "2")]), now=5)
    put(store, a_draft("o1", type="Observation", patient="p1", status="requested", identifiers=[(A, "1")]), now=5)

    with store.read() as unit:
        assert unit.search(OURS, query) == [a_stored("t1", "a", 1, later(5), type="Task")]
        assert unit.count(OURS, query) == 1


NOT_FOUND_BY = [
    Query("Task", ids=["t9"]),
    Query("Task", identifiers=[(A, "2")]),
    Query("Task", identifiers=[("", "1")]),
    Query("Task", identifiers=[(None, "\0")]),
    Query("Task", patient="p2"),
    Query("Task", statuses=["draft"]),
    Query("Task", since=later(0.000001)),
    Query("Task", before=NOW),
    Query("task"),
]


@pytest.mark.parametrize("query", NOT_FOUND_BY)
def test_what_does_not_match_is_not_found(store: DatabaseStore, query: Query) -> None:
    put(store, a_draft("t1", type="Task", patient="p1", status="requested", identifiers=[(A, "1"), (B, "2")]))

    with store.read() as unit:
        assert (unit.search(OURS, query), unit.count(OURS, query)) == ([], 0)


def test_an_identifier_without_system_is_found_by_the_empty_system(store: DatabaseStore) -> None:
    put(store, a_draft("r1", identifiers=[("", "1")]), a_draft("r2", identifiers=[(A, "1")]))

    assert ids(store, Query("ServiceRequest", identifiers=[("", "1")])) == ["r1"]


def test_a_new_version_is_found_by_what_it_holds_and_no_longer_by_what_the_old_one_held(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "a", patient="p1", status="draft", identifiers=[(A, "1"), (A, "2")]))
    put(store, a_draft("r1", "b", patient="p2", status="active", identifiers=[(A, "2"), (A, "3")]), now=1)

    old = [{"identifiers": [(A, "1")]}, {"patient": "p1"}, {"statuses": ["draft"]}]
    new = [{"identifiers": [(A, "2")]}, {"identifiers": [(A, "3")]}, {"patient": "p2"}, {"statuses": ["active"]}]
    assert [ids(store, Query("ServiceRequest", **fields)) for fields in (*old, *new)] == [[]] * 3 + [["r1"]] * 4


def test_an_identifier_given_twice_or_of_any_length_is_found(store: DatabaseStore) -> None:
    long = "å" * 5000
    put(store, a_draft("r1", identifiers=[(A, long), (A, long)]), a_draft("r2", identifiers=[(A, long + "2")]))

    assert ids(store, Query("ServiceRequest", identifiers=[(A, long)])) == ["r1"]


def test_pages_hold_every_resource_once_though_others_change(store: DatabaseStore) -> None:
    for n in range(7):
        put(store, a_draft(f"r{n}"), now=n // 2)
    seen: list[str] = []
    after = None
    for page in range(4):
        with store.write() as unit:
            found = unit.search(OURS, Query("ServiceRequest", limit=2, after=after))
            unit.put(OURS, [a_draft(found[0].id, f"changed {page}"), a_draft(f"new{page}")], later(100 + page))
        seen += [stored.id for stored in found]
        after = (found[-1].updated, found[-1].id)

    assert seen == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]


def test_a_count_takes_no_notice_of_the_page(store: DatabaseStore) -> None:
    put(store, a_draft("r1"), a_draft("r2"), a_draft("r3"))

    with store.read() as unit:
        assert unit.count(OURS, Query("ServiceRequest", limit=1, after=(NOW, "r2"))) == 3


def test_organisations_do_not_see_each_others_resources_by_any_method(store: DatabaseStore) -> None:
    same = {"patient": "p1", "status": "active", "identifiers": [(A, "1")]}
    put(store, a_draft("r1", "ours", **same), message_id="m1")
    put(store, a_draft("r1", "theirs", **same), a_draft("r2", "theirs", **same), tenant=THEIRS, message_id="m1", now=1)
    ours = [a_stored("r1", "ours")]
    query = Query("ServiceRequest", patient="p1", statuses=["active"], identifiers=[(A, "1")])

    with store.read() as unit:
        assert unit.read(OURS, "ServiceRequest", "r1") == ours[0]
        assert unit.read(OURS, "ServiceRequest", "r2") is None
        assert unit.read(OURS, "ServiceRequest", "r2", 1) is None
        assert unit.history(OURS, "ServiceRequest", "r1", None, 9) == ours
        assert unit.search(OURS, query) == ours
        assert unit.search(OURS, Query("ServiceRequest", ids=["r1", "r2"])) == ours
        assert unit.count(OURS, query) == 1
        assert unit.message_resources(OURS, "m1") == ours


def test_one_organisations_version_is_not_anothers(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "ours"))
    put(store, a_draft("r1", "theirs"), tenant=THEIRS)
    put(store, a_draft("r1", "theirs, changed"), tenant=THEIRS, now=1)

    with store.read() as unit:
        assert unit.read(OURS, "ServiceRequest", "r1") == a_stored("r1", "ours")
        assert unit.read(THEIRS, "ServiceRequest", "r1") == a_stored("r1", "theirs, changed", 2, later(1))
