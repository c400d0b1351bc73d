"""What has had its time goes, each copy by its own clock; what somebody still needs stays; and the room really becomes free."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import psycopg
import pytest
from prometheus_client import generate_latest

from adapter.console.health import Figures
from adapter.domain.problem import Kind, Problem
from adapter.ports import Draft, State, Store
from adapter.r4.index import Index
from adapter.settings import RetentionSettings, Settings, StoreSettings
from adapter.usecases.clean_up import BATCH, CLEANED, Retention, clean_up, taken_away
from adapter.usecases.verify_audit import Break, verify
from adapter.wiring import build
from tests.storage.things import OURS, a_message, a_row
from tests.usecases.house import HOSPITAL, House, SetClock, message

LATER = datetime(2027, 1, 1, tzinfo=UTC)
"""Long after everything here was made."""
ALL = Retention(inbox=30, outbox=30, binary=30, history=30, explanation=30)


def resource(type: str, id: str, status: str = "", patient: str = "", **content: Any) -> Draft:
    def make(version: int, updated: datetime) -> bytes:
        meta = {"versionId": str(version), "lastUpdated": updated.isoformat()}
        return msgspec.json.encode({"resourceType": type, "id": id, "meta": meta, **content})

    return Draft(type, id, Index(status, (), patient), make)


def put(store: Store, draft: Draft, now: datetime = LATER - timedelta(days=31), message_id: str = "") -> None:
    with store.write() as unit:
        unit.put(OURS, [draft], now, message_id)


def kept(store: Store, id: str = "m1") -> tuple[bool, bool, bool]:
    """Whether a message's XML, its issues and what was sent for it are there."""
    with store.read() as unit:
        found = unit.message(id)
        assert found
        return unit.message_xml(id) is not None, found.issues != CLEANED, any(row.body for row in unit.outgoing_for(id))


def arrived(store: Store, days: float = 31, id: str = "m1", row: dict[str, Any] | None = None, **changes: Any) -> None:
    """A message and its receipt, so many days ago."""
    at = LATER - timedelta(days=days)
    with store.write() as unit:
        unit.add_message(a_message(id, received=at, **changes), b"<MsgHead/>")
        unit.enqueue(a_row(f"o-{id}", **{"message_id": id, "created": at, "state": "sent", "answer": None, **(row or {})}))


@pytest.fixture
def store(house_on: House) -> Store:
    return house_on.store


def test_a_copy_goes_when_its_days_are_over_and_not_before(store: Store) -> None:
    arrived(store, 31, "old")
    arrived(store, 29, "young")

    assert clean_up(store, ALL, LATER) == {"inbox": 1, "outbox": 1, "explanation": 1}
    assert (kept(store, "old"), kept(store, "young")) == ((False, False, False), (True, True, True))
    assert clean_up(store, ALL, LATER) == {}
    assert clean_up(store, ALL, LATER + timedelta(days=2)) == {"inbox": 1, "outbox": 1, "explanation": 1}


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(), (True, True, True)),
        (Retention(inbox=30), (False, True, True)),
        (Retention(explanation=30), (True, False, True)),
        (Retention(outbox=30), (True, True, False)),
        (Retention(inbox=32, explanation=30, outbox=32), (True, False, True)),
    ],
)
def test_each_copy_has_its_own_clock(store: Store, retention: Retention, left: tuple[bool, bool, bool]) -> None:
    arrived(store)
    clean_up(store, retention, LATER)

    assert kept(store) == left


@pytest.mark.parametrize(
    "waiting",
    [
        {"state": State.RECEIVED},
        {"state": State.PARKED},
        {"state": State.QUARANTINED},
        {"row": {"state": "waiting"}},
        {"row": {"state": "dead"}},
        {"row": {"state": "unanswered", "kind": "message", "answer": None}},
        {"row": {"state": "sent", "kind": "message", "answer": "rejected"}},
        {"row": {"state": "sent", "kind": "message", "answer": "conflict"}},
    ],
    ids=str,
)
def test_what_waits_for_somebody_stays(store: Store, waiting: dict[str, Any]) -> None:
    arrived(store, **waiting)
    clean_up(store, replace(ALL, outbox=0), LATER)

    assert kept(store) == (True, True, True)


@pytest.mark.parametrize(
    "row", [{"state": "waiting"}, {"state": "dead"}, {"state": "unanswered"}, {"state": "sent", "answer": "rejected"}]
)
def test_what_is_not_sent_or_not_taken_keeps_its_bytes(store: Store, row: dict[str, Any]) -> None:
    arrived(store, row=row)

    assert clean_up(store, Retention(outbox=30), LATER) == {}


def test_what_a_person_has_put_aside_waits_no_longer(store: Store) -> None:
    arrived(store, state=State.QUARANTINED, dismissed=True, row={"state": "dismissed"})
    clean_up(store, ALL, LATER)

    assert kept(store) == (False, False, False)


@pytest.mark.parametrize(
    ("type", "status", "stays"),
    [
        ("EpisodeOfCare", "planned", True),
        ("EpisodeOfCare", "waitlist", True),
        ("EpisodeOfCare", "active", True),
        ("EpisodeOfCare", "onhold", True),
        ("Task", "requested", True),
        ("Task", "in-progress", True),
        ("EpisodeOfCare", "finished", False),
        ("EpisodeOfCare", "cancelled", False),
        ("EpisodeOfCare", "entered-in-error", False),
        ("Task", "completed", False),
    ],
)
def test_all_of_a_patient_with_something_going_on_stays(store: Store, type: str, status: str, stays: bool) -> None:
    put(store, resource(type, "e1", status, "p1"))
    put(store, resource("Binary", "b1", patient="p1", contentType="text/plain", data="aGVp"))
    for number in (1, 2):
        put(store, resource("ServiceRequest", "r1", patient="p1", number=number), message_id="m1")
    put(store, resource("Task", "t1", "completed", "p1"))
    arrived(store)
    arrived(store, id="about", row={"kind": "share", "about": "Task/t1", "message_id": ""})
    taken = clean_up(store, ALL, LATER)

    assert kept(store)[0] is stays
    expected = {"inbox": 1, "explanation": 1} if stays else {"inbox": 2, "explanation": 2, "outbox": 2, "binary": 1, "history": 1}
    assert taken == expected  # the second message made nothing of this patient's


def test_another_organisations_pathway_holds_nothing_back(store: Store) -> None:
    with store.write() as unit:
        unit.put("974557746", [resource("EpisodeOfCare", "e1", "active", "p1")], LATER)
    put(store, resource("ServiceRequest", "r1", patient="p1"), message_id="m1")
    arrived(store)

    assert clean_up(store, Retention(inbox=30), LATER) == {"inbox": 1}


def test_a_version_is_as_old_as_what_took_its_place_and_the_newest_stays(store: Store) -> None:
    for days, number in ((400, 1), (100, 2), (10, 3)):
        put(store, resource("ServiceRequest", "r1", patient="p1", number=number), LATER - timedelta(days=days))
    put(store, resource("Organization", "o1"), LATER - timedelta(days=4000))

    assert clean_up(store, Retention(history=30), LATER) == {"history": 1}
    with store.read() as unit:
        assert [unit.read(OURS, "ServiceRequest", "r1", version) is not None for version in (1, 2, 3)] == [False, True, True]
        assert unit.read(OURS, "Organization", "o1")


def test_an_attachment_stays_without_its_content_in_every_version(store: Store) -> None:
    for data in ("aGVp", "aGVpaGVp" * 200):
        put(store, resource("Binary", "b1", patient="p1", contentType="text/plain", data=data))

    assert clean_up(store, Retention(binary=30), LATER) == {"binary": 2}
    assert clean_up(store, Retention(binary=30), LATER) == {}
    with store.read() as unit:
        for version in (1, 2):
            stored = unit.read(OURS, "Binary", "b1", version)
            assert stored
            body = msgspec.json.decode(stored.body)
            assert (body["resourceType"], body["contentType"], "data" in body) == ("Binary", "text/plain", False)
            assert b"aGVp" not in stored.body


def test_more_than_one_transaction_takes_goes_too_and_each_is_small(store: Store) -> None:
    many = 2 * BATCH + 7
    at = LATER - timedelta(days=31)
    with store.write() as unit:
        for number in range(many):
            unit.add_message(a_message(f"m{number:05}", received=at), b"<MsgHead/>")
    asked: list[int] = []
    stop = iter([True, False])

    assert clean_up(store, Retention(inbox=30), LATER, lambda: next(stop)) == {"inbox": BATCH}  # told to stop after the first
    assert clean_up(store, Retention(inbox=30), LATER, lambda: asked.append(1) is None) == {"inbox": many - BATCH}
    assert len(asked) >= 3


def test_what_was_taken_is_counted_for_good(store: Store) -> None:
    arrived(store, id="a")
    clean_up(store, ALL, LATER)
    arrived(store, id="b")
    clean_up(store, ALL, LATER)

    with store.read() as unit:
        nothing = dict.fromkeys(("binary", "history", "events", "audit"), 0)
        assert taken_away(unit) == {"inbox": 2, "outbox": 2, "explanation": 2} | nothing


def test_the_audits_clock_reaches_its_own_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[datetime, datetime]] = []

    def drop(before: datetime, now: datetime) -> int:
        asked.append((before, now))
        return 3

    monkeypatch.setattr(house.store, "drop_audit", drop)

    assert clean_up(house.store, Retention(audit=1826), LATER) == {"audit": 3}
    assert asked == [(LATER - timedelta(days=1826), LATER)]


@pytest.mark.slow
@pytest.mark.parametrize(("retention", "months"), [(ALL, 2), (Retention(), 6)], ids=["cleaned", "kept"])
def test_the_room_that_becomes_free_is_used_again_so_that_the_file_does_not_grow(
    tmp_path: Path, retention: Retention, months: int
) -> None:
    """Of a system elsewhere the clean-up ran for months without freeing anything; it was seen by the disk. Six months of messages
    come and go: the file holds two of them (the one that came, and what the next needs before it goes), without clean-up all six.
    """
    house, file = House(tmp_path), tmp_path / "house.db"
    with house.store.write() as unit:
        unit.connection.exec_driver_sql("SELECT 1")
    empty = file.stat().st_size
    for month in range(6):
        at = LATER + timedelta(days=31 * month)
        for number in range(100):
            arrived_at(house.store, f"{month}-{number}", at)
        clean_up(house.store, retention, at + timedelta(days=31))
    house.store.close()

    grown, month_of_messages = file.stat().st_size - empty, 100 * 2 * 10_000
    assert (months - 1) * month_of_messages <= grown <= (months + 1) * month_of_messages


def arrived_at(store: Store, id: str, at: datetime) -> None:
    with store.write() as unit:
        unit.add_message(a_message(id, received=at), b"x" * 10_000)
        unit.enqueue(a_row(id, message_id=id, created=at, state="sent", body=b"y" * 10_000))


def test_a_message_taken_away_says_so_and_is_still_known(house_on: House) -> None:
    house, ours = house_on, [HOSPITAL]
    first = house.receive(message()).message
    with house.store.write() as unit:
        for row in unit.outgoing_for(first.id):
            unit.change_outgoing(replace(row, state="sent"))
        for type in ("EpisodeOfCare", "Task"):  # as if all had come to its end
            unit.connection.exec_driver_sql(f"UPDATE resource SET status = 'cancelled' WHERE type = '{type}'")
    house.clock.pass_(days=91)

    taken = clean_up(house.store, Retention(inbox=90, explanation=90, outbox=90), house.clock.now())

    assert taken == {"inbox": 1, "explanation": 1, "outbox": 1}
    asked: list[Callable[[], object]] = [
        lambda: house.reception.apprec(ours, first.id),
        lambda: house.reception.explanation(ours, first.id),
    ]
    for ask in asked:
        with pytest.raises(Problem) as fault:
            ask()
        assert (fault.value.kind, "time for keeping it is over" in str(fault.value)) == (Kind.NOT_FOUND, True)
    assert house.reception.bundle(ours, first.id)  # the resources are another copy
    again = house.receive(message(), hub_id="2")
    assert (again.outcome, again.message.id) == ("duplicate", first.id)
    other = house.receive(message("N", ("<MsgId>", "<MsgId>")).replace(b"</MsgInfo>", b"<!-- other --></MsgInfo>"), hub_id="3")
    assert other.outcome == "conflict"


def test_of_a_bundle_that_has_lost_a_version_nothing_is_shown_as_if_it_were_whole(house: House) -> None:
    first = house.receive(message()).message
    with house.store.write() as unit:
        unit.connection.exec_driver_sql("DELETE FROM resource_version WHERE type = 'Patient'")

    with pytest.raises(Problem, match="time for keeping it is over"):
        house.reception.bundle([HOSPITAL], first.id)


def test_the_worker_of_an_installation_cleans_up_by_what_is_configured(tmp_path: Path) -> None:
    clock = SetClock()
    clock.at = LATER
    url = StoreSettings(url=f"sqlite:///{tmp_path}/stafett.db")
    services = build(Settings(store=url, retention=RetentionSettings(inbox=30, outbox=0, explanation=0)), clock)
    arrived(services.store)
    working = Thread(target=services.worker.run)
    working.start()
    deadline = time.monotonic() + 20
    while kept(services.store)[0] and time.monotonic() < deadline:
        time.sleep(0.02)
    services.worker.stop()
    working.join(20)

    figures = generate_latest(Figures(services.store, [OURS]).registry).decode()
    assert kept(services.store) == (False, True, True)
    services.close()
    assert 'stafett_taken_away_total{copy="inbox"} 1.0' in figures
    assert 'stafett_taken_away_total{copy="history"} 0.0' in figures


def removals(store: Store) -> list[dict[str, Any]]:
    """What the audit's chain tells of removals."""
    with store.read() as unit:
        told = [msgspec.json.decode(link.record.body) for link in unit.audit_links()]
    return [one["removed"] for one in told if "removed" in one]


def sealed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def test_what_was_taken_is_told_in_the_sealed_chain_by_which_rule_and_what(store: Store) -> None:
    arrived(store, id="a")
    arrived(store, id="b", days=29)
    put(store, resource("Patient", "p1", patient="p1"), LATER - timedelta(days=60))
    put(store, resource("Patient", "p1", patient="p1", more=1))

    clean_up(store, ALL, LATER)

    before = (LATER - timedelta(days=30)).isoformat().replace("+00:00", "Z")
    with store.read() as unit:
        position = str(unit.connection.exec_driver_sql("SELECT position FROM outbox WHERE id = 'o-a'").scalar())
    assert removals(store) == [
        {"copy": copy, "count": 1, "before": before, "seals": [seal]}
        for copy, seal in (
            ("inbox", sealed("inbox", "a")),
            ("explanation", sealed("explanation", "a")),
            ("outbox", sealed("outbox", position)),
            ("history", sealed("history", OURS, "p1", "Patient", "1")),
        )
    ]
    assert (verify(store).broken, verify(store).head[0]) == (None, 4)


def test_a_round_that_takes_nothing_tells_nothing(store: Store) -> None:
    arrived(store, id="a", days=29)
    clean_up(store, ALL, LATER)

    assert removals(store) == []


def test_a_stop_between_removal_and_chain_loses_no_proof(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived(store, id="a")
    with monkeypatch.context() as stopped:
        stopped.setattr(type(store), "append_audit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            clean_up(store, Retention(inbox=30), LATER)
    assert (kept(store, "a")[0], removals(store)) == (False, [])

    store.append_audit([], [], LATER + timedelta(minutes=2))  # whoever writes in the chain next

    assert [one["seals"] for one in removals(store)] == [[sealed("inbox", "a")]]


def test_a_removal_that_is_changed_afterwards_is_found(store: Store) -> None:
    arrived(store, id="a")
    clean_up(store, Retention(inbox=30), LATER)
    with store.write() as unit:
        changed = unit.connection.exec_driver_sql('UPDATE audit SET body = \'{"id":"0"}\' WHERE position = 1').rowcount

    assert (changed, verify(store).broken) == (1, Break(1, "changed"))


MARKER = b"MARKER-b3e1-of-a-patient"
"""Short enough that PostgreSQL keeps it in its row, as it is."""


def with_marker(store: Store) -> None:
    """In each copy of a patient's data that may be taken away, beside others that stay."""
    for number in range(30):
        arrived(store, 29, f"stays{number}")
    arrived(
        store, 31, "goes", row={"body": b"<AppRec>" + MARKER}, issues=b'{"x":"' + MARKER + b'"}', context=b'{"y":"' + MARKER + b'"}'
    )
    with store.write() as unit:
        unit.rewrite_message("goes", lambda _: b"<MsgHead>" + MARKER)
    put(store, resource("Patient", "p1", patient="p1", x=MARKER.decode()), LATER - timedelta(days=60))
    put(store, resource("Patient", "p1", patient="p1"))
    put(store, resource("Binary", "b1", patient="p1", data=MARKER.decode()))


def holding(folder: Path) -> set[str]:
    """The files under a folder that hold the marker."""
    return {path.name for path in folder.rglob("*") if path.is_file() and MARKER in path.read_bytes()}


def test_nothing_of_what_was_taken_is_left_in_sqlites_files(tmp_path: Path) -> None:
    house = House(tmp_path)
    with_marker(house.store)
    house.store.close()
    assert holding(tmp_path) == {"house.db"}  # the test sees it where it is

    house = House(tmp_path)
    assert set(clean_up(house.store, ALL, LATER)) == {"inbox", "explanation", "outbox", "binary", "history"}
    house.store.close()

    assert holding(tmp_path) == set()


@pytest.mark.slow
def test_postgresqls_files_are_free_of_what_was_taken_when_its_tables_are_written_anew(
    postgresql: Callable[[], str], tmp_path: Path
) -> None:
    """As docs/operating.md says. Its log (`pg_wal`) is left out: the server itself removes or reuses those files."""
    url = postgresql()
    base = Path(url.rpartition("=")[2]) / "data" / "base"
    house = House(tmp_path, url=url)
    with_marker(house.store)
    house.store.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        assert holding(base)  # the test sees it where it is
        house = House(tmp_path, url=url)
        clean_up(house.store, ALL, LATER)
        house.store.close()
        connection.execute("VACUUM FULL message, message_xml, outbox, resource_version")
        connection.execute("CHECKPOINT")

        assert holding(base) == set()
