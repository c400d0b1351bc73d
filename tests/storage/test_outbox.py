"""The outbox and its claiming, on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from adapter.ports import Outgoing
from adapter.storage import DatabaseStore
from tests.storage.things import NOW, OURS, THEIRS, a_row, later

HUBS = ["edi2"]


def enqueue(store: DatabaseStore, *rows: Outgoing) -> None:
    with store.write() as unit:
        for row in rows:
            unit.enqueue(row)


def change(store: DatabaseStore, row: Outgoing) -> None:
    with store.write() as unit:
        unit.change_outgoing(row)


def a_push(id: str, **changes: Any) -> Outgoing:
    """A row to a partner, with every field of such a row filled."""
    push = replace(
        a_row(id), kind="share", hub="fjord", about="Task/t1", earlier="p0", outcome=b'{"x":1}', message_id="", msg_id=""
    )
    return replace(push, **changes)


def claimed(store: DatabaseStore, now: float = 0, limit: int = 9, hubs: list[str] | None = None) -> list[str]:
    return [row.id for row in store.claim(later(now), 60, limit, HUBS if hubs is None else hubs)]


def test_an_outgoing_row_comes_back_as_it_was_stored(store: DatabaseStore) -> None:
    bare = replace(a_row("o2"), kind="message", hub_id=None, next_attempt=later(5), answer=None, error="", msg_id="", body=b"")
    enqueue(store, a_row("o1"), bare, a_push("p1"))

    with store.read() as unit:
        found = [unit.outgoing(id) for id in ("o1", "o2", "p1", "o3")]
    assert found == [a_row("o1"), bare, a_push("p1"), None]


def test_a_changed_row_is_kept_as_changed_and_others_as_they_were(store: DatabaseStore) -> None:
    enqueue(store, a_row("o1"), a_row("o2"))
    sent = replace(a_row("o1"), state="sent", hub_id="hub-9", attempts=2, next_attempt=later(9), error="late", answer="rejected")

    change(store, sent)

    with store.read() as unit:
        assert [unit.outgoing("o1"), unit.outgoing("o2")] == [sent, a_row("o2")]


def test_the_rows_of_a_message_are_given_in_the_order_they_were_made(store: DatabaseStore) -> None:
    enqueue(store, a_row("o2"), a_row("o3", message_id="m2"), a_row("o1"))

    with store.read() as unit:
        assert [row.id for row in unit.outgoing_for("m1")] == ["o2", "o1"]


def test_what_was_sent_with_a_msg_id_is_messages_and_not_apprecs(store: DatabaseStore) -> None:
    enqueue(store, a_row("o1"), a_row("o2", kind="message"), a_row("o3", kind="message", msg_id="own-2"))

    with store.read() as unit:
        assert [row.id for row in unit.sent_with("own-1")] == ["o2"]


def test_what_awaits_its_apprec_is_given_oldest_first(store: DatabaseStore) -> None:
    enqueue(store, *(a_row(f"o{n}", kind="message", msg_id=f"own-{n}", state="unanswered") for n in (3, 1, 2)), a_row("o4"))

    with store.read() as unit:
        assert [row.id for row in unit.unanswered(2)] == ["o3", "o1"]


def test_rows_are_counted_by_state(store: DatabaseStore) -> None:
    enqueue(store, a_row("o1"), a_row("o2"), a_row("o3", state="dead", tenant=THEIRS))

    with store.read() as unit:
        assert unit.count_outgoing() == {"waiting": 2, "unanswered": 0, "sent": 0, "dead": 1, "dismissed": 0}


def test_a_claimed_row_knows_that_it_is_attempted_and_so_does_the_store(store: DatabaseStore) -> None:
    enqueue(store, a_row())
    attempted = a_row(attempts=1, next_attempt=later(60))

    rows = store.claim(NOW, 60, 9, HUBS)

    with store.read() as unit:
        assert [rows, unit.outgoing("o1")] == [[attempted], attempted]


def test_a_row_is_claimed_again_only_when_its_lease_has_ended(store: DatabaseStore) -> None:
    enqueue(store, a_row())

    assert [claimed(store, at) for at in (0, 0, 59.999999, 60)] == [["o1"], [], [], ["o1"]]
    with store.read() as unit:
        assert unit.outgoing("o1") == a_row(attempts=2, next_attempt=later(120))


def test_a_row_is_claimed_when_its_next_attempt_is_due(store: DatabaseStore) -> None:
    enqueue(store, a_row(next_attempt=later(5)))

    assert [claimed(store, at) for at in (4.999999, 5)] == [[], ["o1"]]


def test_of_each_key_the_earliest_waiting_row_alone_is_claimed(store: DatabaseStore) -> None:
    enqueue(store, a_row("a1", key="a"), a_row("a2", key="a"), a_row("b1", key="b"), a_row("b2", key="b"))

    assert [claimed(store), claimed(store)] == [["a1", "b1"], []]


def test_a_later_row_does_not_overtake_an_earlier_one_that_is_put_off(store: DatabaseStore) -> None:
    enqueue(store, a_row("a1", next_attempt=later(9)), a_row("a2"))

    assert [claimed(store, at) for at in (0, 9, 10)] == [[], ["a1"], []]


def test_a_sent_row_lets_the_next_of_its_key_go(store: DatabaseStore) -> None:
    enqueue(store, a_row("a1"), a_row("a2"))
    (row,) = store.claim(NOW, 60, 9, HUBS)

    change(store, replace(row, state="sent"))

    assert claimed(store) == ["a2"]


def test_a_dead_row_does_not_block_its_key(store: DatabaseStore) -> None:
    enqueue(store, a_row("a1", state="dead"), a_row("a2"))

    assert claimed(store) == ["a2"]


def test_a_stuck_row_does_not_block_another_key(store: DatabaseStore) -> None:
    enqueue(store, *(a_row(f"a{n}", key="a", next_attempt=later(999)) for n in range(5)), a_row("b1", key="b"))

    assert claimed(store, limit=1) == ["b1"]


def test_a_dismissed_row_does_not_block_its_key_either(store: DatabaseStore) -> None:
    enqueue(store, a_row("a1", state="dismissed"), a_row("a2"))

    assert claimed(store) == ["a2"]


def test_only_waiting_rows_are_ever_claimed(store: DatabaseStore) -> None:
    enqueue(store, *(a_row(state, state=state, key=state) for state in ("sent", "unanswered", "dead", "dismissed")))

    assert claimed(store, 999) == []


def test_rows_of_the_given_hubs_alone_are_claimed(store: DatabaseStore) -> None:
    enqueue(store, a_row("a1", key="a"), a_row("b1", key="b", hub="folder"))

    assert [claimed(store, hubs=[]), claimed(store, hubs=["folder"]), claimed(store, hubs=["edi2", "folder"])] == [
        [],
        ["b1"],
        ["a1"],
    ]


def test_what_waits_for_a_partner_about_a_resource_is_given_in_the_order_of_sending(store: DatabaseStore) -> None:
    enqueue(
        store,
        a_push("p2"),
        a_push("p1", next_attempt=later(9)),
        a_push("sent", state="sent"),
        a_push("elsewhere", hub="vik"),
        a_push("other", about="Task/t2"),
    )

    with store.read() as unit:
        assert [row.id for row in unit.waiting_about("Task/t1", "fjord")] == ["p2", "p1"]


def test_what_is_put_off_for_a_partner_that_is_back_is_due_at_once_and_what_is_held_is_not(store: DatabaseStore) -> None:
    put_off = [a_push("p1", key="a", attempts=9, next_attempt=later(9999)), a_push("p2", key="a", next_attempt=later(61))]
    held = a_push("held", key="b", next_attempt=later(60))
    others = [a_push("v", hub="vik", next_attempt=later(9999)), a_push("dead", state="dead", next_attempt=later(9999))]
    enqueue(store, *put_off, held, *others)

    with store.write() as unit:
        assert unit.hurry("fjord", later(60)) == 2

    with store.read() as unit:
        found = [unit.outgoing(row.id) for row in (*put_off, held, *others)]
    assert found == [*(replace(row, next_attempt=None) for row in put_off), held, *others]
    assert claimed(store, hubs=["fjord"]) == ["p1"]


LISTED = (
    ({}, ["p5", "p3", "p2", "p1"]),
    ({"limit": 2}, ["p5", "p3"]),
    ({"after": "p3"}, ["p2", "p1"]),
    ({"hub": "fjord"}, ["p3", "p1"]),
    ({"state": "dead"}, ["p5", "p3"]),
    ({"about": "Task/t2"}, ["p5", "p2"]),
    ({"hub": "vik", "state": "waiting", "about": "Task/t2", "after": "p5", "limit": 1}, ["p2"]),
    ({"after": "unknown"}, []),
)


@pytest.mark.parametrize(("asked", "found"), LISTED)
def test_deliveries_to_partners_are_listed_newest_first(store: DatabaseStore, asked: dict[str, Any], found: list[str]) -> None:
    enqueue(
        store,
        a_push("p1"),
        a_push("p2", hub="vik", about="Task/t2", kind="change"),
        a_row("apprec"),
        a_push("p3", state="dead", kind="notice"),
        a_row("message", kind="message"),
        a_push("theirs", tenant=THEIRS),
        a_push("p5", hub="vik", about="Task/t2", state="dead"),
    )

    with store.read() as unit:
        assert [row.id for row in unit.deliveries([OURS], **asked)] == found


def test_deliveries_of_several_organisations_are_one_list(store: DatabaseStore) -> None:
    enqueue(store, a_push("p1"), a_push("p2", tenant=THEIRS), a_push("p3"), a_push("p4", tenant="999999999"))

    with store.read() as unit:
        assert [row.id for row in unit.deliveries([OURS, THEIRS])] == ["p3", "p2", "p1"]
        assert [row.id for row in unit.deliveries([OURS, THEIRS], limit=2)] == ["p3", "p2"]
        assert unit.deliveries([]) == []


def test_what_waits_and_what_is_dead_is_counted_by_partner(store: DatabaseStore) -> None:
    waiting = [a_push("p1"), a_push("p2", tenant=THEIRS), a_push("p3", hub="vik")]
    others = [a_push("p5", state="sent"), a_push("p6", state="dismissed"), a_push("p7", tenant="999999999"), a_row("apprec")]
    enqueue(store, *waiting, a_push("p4", state="dead"), *others)

    with store.read() as unit:
        assert unit.count_deliveries([OURS, THEIRS]) == {("fjord", "waiting"): 2, ("fjord", "dead"): 1, ("vik", "waiting"): 1}


def test_a_claim_takes_at_most_its_limit_earliest_first(store: DatabaseStore) -> None:
    enqueue(store, *(a_row(f"o{n}", key=f"k{n}") for n in (2, 1, 3)))

    assert [claimed(store, limit=2), claimed(store, limit=2)] == [["o2", "o1"], ["o3"]]


def test_claimers_at_the_same_time_never_get_the_same_row_and_leave_none(store: DatabaseStore) -> None:
    made = [f"o{n}" for n in range(60)]
    enqueue(store, *(a_row(id, key=f"k{id}") for id in made))

    def take(_claimer: int) -> list[str]:
        taken: list[str] = []
        while rows := claimed(store, limit=3):
            taken += rows
        return taken

    with ThreadPoolExecutor(4) as claimers:
        taken = [id for ids in claimers.map(take, range(4)) for id in ids]

    # One that finds every due row held by others sees none and stops, so a last look is part of the promise.
    assert sorted(taken + take(0)) == sorted(made)
