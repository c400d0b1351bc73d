"""What is counted for whoever watches over the service, on both engines: what waits, since when, and who works on it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from adapter.console.figures import Figures, Kept
from adapter.domain.identity import BASE
from adapter.ports import NOBODY, AuditRecord, Follower, FollowerState, Happening, PartnerState, Process, Queue, State, Trouble
from adapter.r4.index import Entry
from adapter.storage import DatabaseStore, open_store
from tests.storage.things import NOW, OURS, THEIRS, a_draft, a_message, a_row, later

TASK = f"{BASE}/CodeSystem/pathway-task"
STANDING = f"{BASE}/CodeSystem/business-status"


class At:
    """Ten minutes after what is stored."""

    def now(self) -> datetime:
        return later(600)


def test_each_queue_is_known_by_its_length_and_its_oldest(store: DatabaseStore) -> None:
    rows = [
        a_row("o1", hub="edi2", created=later(-60)),
        a_row("o2", hub="edi2", created=later(-30)),
        a_row("o3", hub="fjord", kind="share", created=later(-90)),
        a_row("o4", hub="edi2", created=later(-900), state="sent"),
        a_row("o5", hub="edi2", created=later(-800), state="unanswered"),
        a_row("o6", hub="fjord", created=later(-700), state="dead"),
        a_row("o7", hub="fjord", created=later(-950), state="dismissed"),
    ]
    with store.write() as unit:
        for row in rows:
            unit.enqueue(row)

    with store.read() as unit:
        assert unit.queues("waiting") == [Queue("edi2", "waiting", later(-60)), Queue("fjord", "waiting", later(-90))]
        assert unit.queues("unanswered") == [Queue("edi2", "unanswered", later(-800))]
        assert unit.queues("dead") == [Queue("fjord", "dead", later(-700))]
        assert [unit.lengths(state) for state in ("waiting", "unanswered", "dead")] == [
            {"edi2": 2, "fjord": 1},
            {"edi2": 1},
            {"fjord": 1},
        ]


@pytest.mark.parametrize("state", ["waiting", "dead"])
def test_what_does_not_reach_a_subscriber_is_in_no_queue(store: DatabaseStore, state: str) -> None:
    """It is the subscriber's trouble: told by its own figures, so that no alarm about hubs and partners goes off for it."""
    with store.write() as unit:
        unit.enqueue(a_row("o1", hub="subscriptions", kind="notification", created=later(-900), state=state))
        unit.enqueue(a_row("o2", hub="edi2", created=later(-60), state=state))
        unit.enqueue(a_row("o3", hub="zone", created=later(-50), state=state))

    with store.read() as unit:
        assert [queue.hub for queue in unit.queues(state)] == ["edi2", "zone"]
        assert unit.lengths(state) == {"edi2": 1, "zone": 1}


def test_those_who_follow_are_counted_by_status_with_the_oldest_that_each_waits_for(store: DatabaseStore) -> None:
    def happened(number: int, seconds: int) -> Happening:
        return Happening(number, later(seconds), "Task", f"t{number}", 1)

    standings = [
        ("s1", "active", 2, [happened(1, -500), happened(2, -400), happened(3, -300)]),  # the third is yet to be told
        ("s2", "active", 0, [happened(2, -90)]),  # the first is kept no longer
        ("s3", "error", 0, [happened(1, -800)]),
        ("s4", "off", 0, [happened(1, -900)]),  # nobody waits for it
        ("s5", "active", 1, [happened(1, -700)]),
    ]
    with store.write() as unit:
        for id, status, told, events in standings:
            unit.keep_follower(Follower(OURS, id, "Task", status, b"{}"))
            unit.add_events(OURS, id, events)
            unit.keep_follower_state(FollowerState(OURS, id, later(-1000), events[-1].number, told))

    with store.read() as unit:
        assert unit.count_followers() == {"requested": 0, "active": 3, "error": 1, "off": 1}
        assert unit.untold_since() == {"active": later(-300), "error": later(-800)}
        assert unit.told_of(OURS, "s1", "Task", "t2") == {1: 2}
        assert unit.count_untold([OURS]) == {"s1": 1, "s2": 1, "s3": 1, "s4": 1}
        assert unit.count_untold([THEIRS]) == {}
        assert (unit.told_of(OURS, "s1", "Patient", "t2"), unit.told_of(THEIRS, "s1", "Task", "t2")) == ({}, {})
    said = generate_latest(Figures(store, [OURS], At()).registry).decode()
    assert 'stafett_subscriptions{status="error"} 1.0' in said
    assert 'stafett_subscription_event_oldest_seconds{status="error"} 1400.0' in said
    assert 'stafett_subscription_event_oldest_seconds{status="active"} 900.0' in said
    assert 'stafett_subscription_event_oldest_seconds{status="off"}' not in said
    assert OURS not in said


def test_what_is_written_and_nobody_has_looked_at_is_told_by_its_age(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.keep_follower(Follower(OURS, "s1", "Task", "active", b"{}"))
    with store.write() as unit:
        unit.put(OURS, [a_draft("t1", type="Task")], later(-120))

    with store.read() as unit:
        assert [unit.unseen(OURS, "Task", "t1"), unit.unseen(THEIRS, "Task", "t1")] == [frozenset((1,)), frozenset()]
        assert unit.untold_since() == {"": later(-120)}
    told = generate_latest(Figures(store, [OURS], At()).registry).decode()
    assert 'stafett_subscription_event_oldest_seconds{status="unseen"} 720.0' in told


def test_what_waits_for_a_subscriber_is_found_by_its_key(store: DatabaseStore) -> None:
    with store.write() as unit:
        for id, state in (("o1", "dead"), ("o2", "waiting")):
            unit.enqueue(a_row(id, hub="subscriptions", kind="notification", key=f"subscription|{OURS}|s1", state=state))

    with store.read() as unit:
        found = unit.notification(OURS, "s1")
        assert found
        assert found.id == "o2"
        assert unit.notification(OURS, "s2") is None


def test_messages_that_wait_are_known_by_their_channel_and_what_was_put_aside_is_not(store: DatabaseStore) -> None:
    messages = [
        a_message("m1", state=State.PROCESSED, received=later(-900)),
        a_message("m2", state=State.QUARANTINED, received=later(-500), dismissed=True),
        a_message("m3", state=State.QUARANTINED, received=later(-400)),
        a_message("m4", state=State.QUARANTINED, received=later(-300), tenant=NOBODY),
        a_message("m5", state=State.PARKED, received=later(-200), hub="folder"),
    ]
    with store.write() as unit:
        for message in messages:
            unit.add_message(message, b"<x/>")

    with store.read() as unit:
        assert unit.queues("quarantined") == [Queue("edi2", "quarantined", later(-400))]
        assert unit.queues("parked") == [Queue("folder", "parked", later(-200))]
        assert (unit.queues("received"), unit.lengths("quarantined")) == ([], {"edi2": 2})
        assert unit.received_at(["m1", "m5", "m9"]) == {"m1": later(-900), "m5": later(-200)}
        assert unit.count_messages([OURS, NOBODY]) == {
            **dict.fromkeys(State, 0),
            State.PROCESSED: 1,
            State.QUARANTINED: 2,
            State.PARKED: 1,
        }


def test_open_tasks_are_counted_by_standing_and_by_our_own_words_for_them(store: DatabaseStore) -> None:
    """Of a Task's codings a client's own counts for nothing: it is not ours, and might name anybody."""

    def task(id: str, status: str, standing: str, *codes: tuple[str, str]):
        entries = [Entry("code", *code) for code in codes]
        return a_draft(id, "c", Entry("business-status", STANDING, standing), *entries, type="Task", status=status)

    ours, overdue = (TASK, "deadline"), "overdue"
    with store.write() as unit:
        unit.put(OURS, [task("t1", "requested", overdue, ours), task("t2", "completed", overdue, ours)], NOW)
        unit.put(OURS, [task("t3", "in-progress", overdue, ("urn:x", "21858999992"), ours)], NOW)
        unit.put(OURS, [task("t4", "requested", "due-soon", ours), task("t5", "requested", overdue, ("urn:x", "theirs"))], NOW)
        unit.put(THEIRS, [task("t6", "ready", overdue, (TASK, "assess-referral"))], NOW)

    with store.read() as unit:
        assert unit.standing_tasks([OURS], overdue) == {"deadline": 2}
        assert unit.standing_tasks([OURS, THEIRS], overdue) == {"deadline": 2, "assess-referral": 1}
        assert unit.standing_tasks([OURS, THEIRS], "due-soon") == {"deadline": 1}


def test_the_figures_tell_of_all_that_waits_in_the_words_that_alarms_use(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.enqueue(a_row("o1", hub="edi2", created=NOW))
        unit.add_message(a_message("m1", state=State.PARKED, received=later(-30)), b"<x/>")
        unit.keep_partner_state(PartnerState("fjord", failures=6, open_until=later(900), failing_since=NOW, reached=later(-60)))
        unit.keep_partner_state(PartnerState("gone", failures=6, failing_since=NOW))
        unit.raise_trouble(Trouble(OURS, "fjord", "Task/t1", "refused", "en", "nb", NOW))
        unit.await_audit(AuditRecord("a1", later(570), OURS, (), b"{}"))
        unit.beat(Process("p1", "api,worker", NOW, later(590)))
        unit.beat(Process("p2", "worker", NOW, later(300)))

    told = generate_latest(Figures(store, [OURS, NOBODY], At(), ["fjord"]).registry).decode()

    for line in (
        'stafett_queue{state="waiting",to="edi2"} 1.0',
        'stafett_queue_oldest_seconds{state="waiting",to="edi2"} 600.0',
        'stafett_messages_open{hub="edi2",state="parked"} 1.0',
        'stafett_messages_oldest_seconds{hub="edi2",state="parked"} 630.0',
        'stafett_messages{state="parked"} 1.0',
        'stafett_partner_paused{partner="fjord"} 1.0',
        'stafett_partner_failures{partner="fjord"} 6.0',
        'stafett_partner_failing_seconds{partner="fjord"} 600.0',
        'stafett_partner_silent_seconds{partner="fjord"} 660.0',
        'stafett_troubles{kind="refused",partner="fjord"} 1.0',
        "stafett_audit_awaiting 1.0",
        "stafett_audit_awaiting_oldest_seconds 30.0",
        'stafett_processes{role="api"} 1.0',
        'stafett_processes{role="worker"} 1.0',
        'stafett_process_silent_seconds{process="p2",role="worker"} 300.0',
        "stafett_database_up 1.0",
    ):
        assert line in told.splitlines(), line
    assert 'partner="gone"' not in told
    engine = "sqlite" if store.quick else "postgresql"
    assert f'engine="{engine}"' in told
    assert 'stafett_build_info{engine="' in told


def test_what_is_dear_to_count_is_kept_for_long_and_what_is_cheap_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred times as long as it took: half a second, so 100 seconds."""
    moments, asked = [0.0], []

    def count(_: object) -> int:
        asked.append(moments[0])
        moments[0] += 0.5
        return len(asked)

    monkeypatch.setattr("adapter.console.figures.time.monotonic", lambda: moments[0])
    kept = Kept(count)
    given = []
    for moment in (0.0, 1.0, 100.4, 100.6):
        moments[0] = max(moments[0], moment)
        given.append(kept.of(None))  # type: ignore[arg-type]

    assert given == [1, 1, 1, 2]


def test_what_is_done_is_not_read_for_what_waits(tmp_path: Path) -> None:
    """The indexes of what waits alone are enough, as SQLite's own plans say; PostgreSQL's depend on how many rows there are."""
    asked = (
        "SELECT hub, count(*) FROM outbox WHERE state = 'waiting' GROUP BY hub",
        "SELECT created FROM outbox WHERE state = 'waiting' AND hub = 'a' AND state = 'b' ORDER BY position LIMIT 1",
        "SELECT count(*) FROM message WHERE tenant IN ('a', 'b') AND state = 'processed'",
    )
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    with store.read() as unit:
        plans = [str(unit.ask(f"EXPLAIN QUERY PLAN {sql}", ())) for sql in asked]
    store.close()

    assert "COVERING INDEX outbox_waiting" in plans[0]
    assert "INDEX outbox_waiting (hub=?)" in plans[1]
    assert "COVERING INDEX message_by_state (tenant=? AND state=?)" in plans[2]
