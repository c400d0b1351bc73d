"""The inbox, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.ports import NOBODY, Message, MessageQuery, State
from adapter.storage import DatabaseStore
from tests.storage.things import NOW, OURS, THEIRS, a_message, later


def keep(store: DatabaseStore, *messages: Message) -> None:
    with store.write() as unit:
        for message in messages:
            unit.add_message(message, f"<{message.id}/>".encode())


def test_a_message_comes_back_as_it_was_stored(store: DatabaseStore) -> None:
    message = a_message(patient="urn:oid:2.16.578.1.12.4.1.4.1|21858999992")
    keep(store, message)

    with store.read() as unit:
        assert unit.message("m1") == message


def test_a_message_without_optional_fields_comes_back_as_it_was_stored(store: DatabaseStore) -> None:
    bare = a_message(hub_id=None, document_id=None, due=None, tenant=NOBODY, issues=b"", attempts=0, dismissed=True)

    keep(store, bare)

    with store.read() as unit:
        assert unit.message("m1") == bare


def test_the_xml_of_a_message_is_read_apart_byte_for_byte(store: DatabaseStore) -> None:
    xml = bytes(range(256)) * 40
    with store.write() as unit:
        unit.add_message(a_message(), xml)

    with store.read() as unit:
        assert unit.message_xml("m1") == xml


def test_an_unknown_message_is_none(store: DatabaseStore) -> None:
    with store.read() as unit:
        assert (unit.message("m9"), unit.message_xml("m9"), unit.message_from_hub("edi2", "h9", "1")) == (None, None, None)


def test_a_changed_message_is_kept_as_changed_and_others_as_they_were(store: DatabaseStore) -> None:
    keep(store, a_message("m1"), a_message("m2"))
    changed = a_message("m1", state=State.REFUSED, reason="new", action="call", attempts=3, due=None, dismissed=True, tenant=THEIRS)

    with store.write() as unit:
        unit.change_message(changed)

    with store.read() as unit:
        assert [unit.message("m1"), unit.message("m2"), unit.message_xml("m1")] == [changed, a_message("m2"), b"<m1/>"]


def test_a_second_message_with_the_same_key_is_a_conflict(store: DatabaseStore) -> None:
    keep(store, a_message("m1", msg_id="same"))

    with pytest.raises(Problem) as refused:
        keep(store, a_message("m2", msg_id="same"))

    with store.read() as unit:
        assert (refused.value.kind, unit.message("m2")) == (Kind.CONFLICT, None)


@pytest.mark.parametrize("other", [{"receiver": "1"}, {"sender": "1"}, {"msg_id": "other"}])
def test_the_key_is_receiver_sender_and_msg_id_together(store: DatabaseStore, other: dict[str, str]) -> None:
    first = a_message("m1", msg_id="same")
    second = replace(a_message("m2", msg_id="same"), **other)

    keep(store, first, second)

    with store.read() as unit:
        assert unit.messages_with_key("8094866", "8142520", "same") == [first]
        assert unit.messages_with_key(second.receiver, second.sender, second.msg_id) == [second]


def test_a_second_message_with_the_same_hub_id_is_a_conflict(store: DatabaseStore) -> None:
    keep(store, a_message("m1", hub_id="same"))

    with pytest.raises(Problem) as refused:
        keep(store, a_message("m2", hub_id="same"))

    assert refused.value.kind == Kind.CONFLICT


def test_a_hub_may_give_one_message_to_several_receivers(store: DatabaseStore) -> None:
    first, second = a_message("m1", hub_id="same"), a_message("m2", hub_id="same", receiver="8094867")

    keep(store, first, second)

    with store.read() as unit:
        assert unit.message_from_hub("edi2", "same", "8094866") == first
        assert unit.message_from_hub("edi2", "same", "8094867") == second
        assert unit.message_from_hub("folder", "same", "8094866") is None


def test_a_message_known_to_repeat_a_key_is_kept_after_the_first(store: DatabaseStore) -> None:
    first = a_message("m1", msg_id="same", received=later(9))
    second = a_message("m2", msg_id="same", state=State.QUARANTINED)
    third = a_message("m0", msg_id="same", state=State.QUARANTINED)
    keep(store, first)

    with store.write() as unit:
        unit.add_message(second, b"<second/>", again=True)
        unit.add_message(third, b"<third/>", again=True)

    with store.read() as unit:
        assert unit.messages_with_key("8094866", "8142520", "same") == [first, second, third]


def test_a_message_known_to_repeat_a_hub_id_is_kept_and_the_first_stays_the_hubs(store: DatabaseStore) -> None:
    first, second = a_message("m1", hub_id="same"), a_message("m0", hub_id="same", received=later(-9))
    keep(store, first)

    with store.write() as unit:
        unit.add_message(second, b"<second/>", again=True)

    with store.read() as unit:
        assert (unit.message_from_hub("edi2", "same", "8094866"), unit.message("m0")) == (first, second)


def test_after_a_repeated_key_was_kept_the_key_is_still_taken(store: DatabaseStore) -> None:
    keep(store, a_message("m1", msg_id="same"))
    with store.write() as unit:
        unit.add_message(a_message("m2", msg_id="same"), b"", again=True)

    with pytest.raises(Problem) as refused:
        keep(store, a_message("m3", msg_id="same"))

    assert refused.value.kind == Kind.CONFLICT


def test_messages_without_msg_id_or_hub_id_do_not_exclude_each_other(store: DatabaseStore) -> None:
    messages = [a_message(id, msg_id="", hub_id=None) for id in ("m1", "m2")]

    keep(store, *messages)

    with store.read() as unit:
        assert [unit.message("m1"), unit.message("m2")] == messages


def test_a_msg_id_of_any_length_is_a_key_and_two_long_ones_stay_two(store: DatabaseStore) -> None:
    one, two = "x" * 9000 + "1", "x" * 9000 + "2"
    keep(store, a_message("m1", msg_id=one), a_message("m2", msg_id=two))

    with store.read() as unit:
        found = [[message.id for message in unit.messages_with_key("8094866", "8142520", msg_id)] for msg_id in (one, two)]

    assert found == [["m1"], ["m2"]]


def test_a_search_for_nul_finds_nothing(store: DatabaseStore) -> None:
    with store.read() as unit:
        assert unit.messages([OURS], MessageQuery(msg_id="\0")) == []


def test_messages_are_listed_newest_first_and_then_by_id(store: DatabaseStore) -> None:
    keep(store, a_message("a", received=NOW), a_message("c", received=later(-1)), a_message("b", received=NOW))

    with store.read() as unit:
        assert [message.id for message in unit.messages([OURS], MessageQuery())] == ["b", "a", "c"]


def test_pages_of_messages_hold_every_message_once_though_more_arrive(store: DatabaseStore) -> None:
    keep(store, *(a_message(f"m{n}", received=later(n // 2)) for n in range(7)))
    seen: list[str] = []
    after = None
    for page in range(4):
        with store.write() as unit:
            found = unit.messages([OURS], MessageQuery(limit=2, after=after))
            unit.add_message(a_message(f"new{page}", received=later(100 + page)), b"")
        seen += [message.id for message in found]
        after = (found[-1].received, found[-1].id)

    assert seen == ["m6", "m5", "m4", "m3", "m2", "m1", "m0"]


FOUND_BY = [
    MessageQuery(msg_id="msg-m1"),
    MessageQuery(sender="1"),
    MessageQuery(receiver="2"),
    MessageQuery(type="APPREC"),
    MessageQuery(state="parked"),
    MessageQuery(since=later(5)),
    MessageQuery(sender="1", receiver="2", since=later(4)),
]


@pytest.mark.parametrize("query", FOUND_BY)
def test_messages_are_found_by_each_field(store: DatabaseStore, query: MessageQuery) -> None:
    wanted = a_message("m1", sender="1", receiver="2", type="APPREC", state=State.PARKED, received=later(5))
    keep(store, wanted, a_message("m2"))

    with store.read() as unit:
        assert unit.messages([OURS], query) == [wanted]


def test_messages_are_listed_for_the_organisations_asked_for_alone(store: DatabaseStore) -> None:
    keep(store, a_message("m1"), a_message("m2", tenant=THEIRS), a_message("m3", tenant=NOBODY))

    with store.read() as unit:
        lists = [[m.id for m in unit.messages(tenants, MessageQuery())] for tenants in ([OURS], [THEIRS, NOBODY], [])]

    assert lists == [["m1"], ["m3", "m2"], []]


def test_the_messages_of_a_referral_are_the_senders_own_for_that_organisation_oldest_first(store: DatabaseStore) -> None:
    new, change = a_message("m2"), a_message("m1", received=later(1))
    others = [a_message("m3", sender="1"), a_message("m4", tenant=THEIRS), a_message("m5", document_id="doc-2")]
    keep(store, change, new, *others)

    with store.read() as unit:
        assert unit.referral_messages(OURS, "8142520", "doc-1") == [new, change]


def test_due_are_received_and_parked_messages_whose_time_has_come_longest_waiting_first(store: DatabaseStore) -> None:
    keep(
        store,
        a_message("m1", state=State.PARKED, due=NOW),
        a_message("m2", state=State.RECEIVED, due=later(-1)),
        a_message("m3", state=State.PARKED, due=later(0.000001)),
        a_message("m4", state=State.PARKED, due=None),
        a_message("m5", state=State.PROCESSED, due=later(-1)),
        a_message("m6", state=State.PARKED, due=later(-1), tenant=THEIRS),
    )

    with store.read() as unit:
        assert [message.id for message in unit.due_messages(NOW, 9)] == ["m2", "m6", "m1"]
        assert [message.id for message in unit.due_messages(NOW, 1)] == ["m2"]


def test_what_a_clock_that_stood_ahead_put_off_is_due_now(store: DatabaseStore) -> None:
    """A fault of ours is tried again within minutes; for how long a change waits for its referral is configured."""
    days = 24 * 3600.0
    keep(
        store,
        a_message("m1", state=State.RECEIVED, due=later(3650 * days)),
        a_message("m2", state=State.RECEIVED, due=later(2 * days)),
        a_message("m3", state=State.PARKED, due=later(30 * days)),
        a_message("m4", state=State.RECEIVED, due=NOW),
    )

    with store.read() as unit:
        assert [message.id for message in unit.due_messages(NOW, 9)] == ["m4", "m1"]


def test_messages_are_counted_by_state_without_the_dismissed_and_other_organisations(store: DatabaseStore) -> None:
    keep(
        store,
        a_message("m1"),
        a_message("m2"),
        a_message("m3", state=State.QUARANTINED),
        a_message("m4", state=State.QUARANTINED, dismissed=True),
        a_message("m5", tenant=THEIRS),
    )

    with store.read() as unit:
        assert unit.count_messages([OURS]) == {
            State.RECEIVED: 0,
            State.PARKED: 0,
            State.PROCESSED: 2,
            State.REFUSED: 0,
            State.QUARANTINED: 1,
        }
