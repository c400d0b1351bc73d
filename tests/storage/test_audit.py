"""The audit's chain on both engines: it is one, unbroken, and tells of whatever is done to it from outside."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import struct
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapter.domain.chain import START
from adapter.domain.problem import Kind, problem
from adapter.ports import AuditRecord, Draft
from adapter.r4.index import Index
from adapter.storage import DatabaseStore, open_store
from adapter.usecases.verify_audit import PAGE, Break, verify
from tests.storage.things import NOW, OURS, THEIRS, body, later

MINUTE = timedelta(minutes=1)


def a_record(
    id: str = "a1", *about: str, moment: datetime = NOW, tenant: str = OURS, body: bytes = b'{"action":"R"}'
) -> AuditRecord:
    return AuditRecord(id, moment, tenant, about, body)


def chained(store: DatabaseStore, number: int = 6) -> None:
    """Some records in two appends: of two organisations, about nobody, one and several patients."""
    records = [
        a_record(
            f"a{n}", *[f"p{m}" for m in range(n % 3)], moment=later(n), tenant=(OURS, THEIRS)[n % 2], body=f'{{"n":{n}}}'.encode()
        )
        for n in range(1, number + 1)
    ]
    store.append_audit(records[:2], [], NOW)
    store.append_audit(records[2:], [], NOW)


def tamper(store: DatabaseStore, *statements: str, **values: Any) -> None:
    with store.write() as unit:
        for statement in statements:
            assert unit.connection.execute(text(statement), values).rowcount > 0


def ids(store: DatabaseStore) -> list[str]:
    with store.read() as unit:
        return [link.record.id for link in unit.audit_links()]


def test_records_are_chained_in_the_order_given_and_read_back_whole(store: DatabaseStore) -> None:
    first, second = a_record("a1", "p2", "p1", body=b'{"x": 1.50}\xc3\xa6'), a_record("a2", moment=later(-5))

    appended = store.append_audit([first, second], [], NOW)

    with store.read() as unit:
        links = unit.audit_links()
    assert [(link.position, link.record) for link in links] == [(1, a_record("a1", "p1", "p2", body=first.body)), (2, second)]
    assert (appended.position, appended.digest) == (2, links[1].digest)
    assert verify(store).head == (2, links[1].digest)


def test_the_seal_is_what_the_document_says(store: DatabaseStore) -> None:
    """Worked out here by hand, from docs/audit.md, for the first and the second record."""

    def sealed(previous: bytes, position: int, micros: int, patients: list[bytes], *texts: bytes, body: bytes) -> bytes:
        said = previous + struct.pack(">qqI", position, micros, len(patients))
        for one in (*texts, *patients):
            said += struct.pack(">I", len(one)) + one
        return hashlib.sha256(said + body).digest()

    store.append_audit([a_record("a1", "p2", "p1"), a_record("a2", moment=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))], [], NOW)

    # 2025-03-14T09:26:53.589793Z, as `date --date=… +%s` has it
    one = sealed(bytes(32), 1, 1741944413589793, [b"p1", b"p2"], b"a1", OURS.encode(), body=b'{"action":"R"}')
    two = sealed(one, 2, 1_000_000, [], b"a2", OURS.encode(), body=b'{"action":"R"}')
    with store.read() as unit:
        assert [link.digest for link in unit.audit_links()] == [one, two]


def test_an_empty_chain_holds(store: DatabaseStore) -> None:
    assert verify(store).head == (0, START)
    assert verify(store).broken is None


def test_a_chain_of_several_pages_holds(store: DatabaseStore) -> None:
    store.append_audit([a_record(f"a{n}", "p1") for n in range(PAGE + 3)], [], NOW)
    looked: list[int] = []

    verdict = verify(store, looked=looked.append)

    assert (verdict.broken, verdict.head[0], looked) == (None, PAGE + 3, [PAGE, 3])


CHANGES = {
    "id": "id = id || 'x'",
    "id by one letter": "id = 'b' || substr(id, 2)",
    "moment by a microsecond": "moment = moment + 1",
    "moment beyond all times": "moment = 9223372036854775807",
    "tenant": "tenant = '999999999'",
    "tenant taken away": "tenant = ''",
    "body": "body = :body",
    "body taken away": "body = :nothing",
    "digest": "digest = :digest",
    "digest taken away": "digest = :nothing",
}


@pytest.mark.parametrize("position", [1, 2, 4, 6])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_any_column_of_a_record_is_found(store: DatabaseStore, change: str, position: int) -> None:
    chained(store)
    tamper(
        *(store, f"UPDATE audit SET {CHANGES[change]} WHERE position = {position}"),
        **({"body": b'{"n":0}'} if ":body" in CHANGES[change] else {}),
        **({"digest": bytes(31) + b"x"} if ":digest" in CHANGES[change] else {}),
        **({"nothing": b""} if ":nothing" in CHANGES[change] else {}),
    )

    assert verify(store).broken == Break(position, "changed")


@pytest.mark.parametrize("position", [1, 3, 6])
def test_every_single_bit_of_a_body_and_a_seal_counts(store: DatabaseStore, position: int) -> None:
    chained(store)
    with store.read() as unit:
        link = unit.audit_links()[position - 1]
    for column, whole in (("body", link.record.body), ("digest", link.digest)):
        for place in range(len(whole)):
            flipped = whole[:place] + bytes([whole[place] ^ 1 << (place % 8)]) + whole[place + 1 :]
            tamper(store, f"UPDATE audit SET {column} = :value WHERE position = {position}", value=flipped)
            assert verify(store).broken == Break(position, "changed")
        tamper(store, f"UPDATE audit SET {column} = :value WHERE position = {position}", value=whole)
    assert verify(store).broken is None


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("UPDATE audit_about SET patient = 'p9' WHERE position = 1 AND patient = 'p0'", 1),
        ("UPDATE audit_about SET tenant = '999999999' WHERE position = 5 AND patient = 'p1'", 5),
        ("DELETE FROM audit_about WHERE position = 2 AND patient = 'p1'", 2),
        ("DELETE FROM audit_about WHERE position = 4", 4),
        ("INSERT INTO audit_about (position, tenant, patient) VALUES (3, '974557746', 'p9')", 3),
        ("UPDATE audit_about SET position = 3 WHERE position = 2 AND patient = 'p1'", 2),
    ],
)
def test_a_change_of_whom_a_record_is_about_is_found(store: DatabaseStore, statement: str, position: int) -> None:
    chained(store)
    tamper(store, statement)

    assert verify(store).broken == Break(position, "changed")


@pytest.mark.parametrize(("position", "how"), [(0, "out-of-order"), (-7, "out-of-order"), (7, "changed"), (99, "missing")])
def test_a_patient_of_no_record_is_found(store: DatabaseStore, position: int, how: str) -> None:
    chained(store)
    tamper(store, f"INSERT INTO audit_about (position, tenant, patient) VALUES ({position}, '{OURS}', 'p9')")

    broken = verify(store).broken

    assert broken is not None
    assert broken.how == how


@pytest.mark.parametrize(("position", "how"), [(1, "beginning"), (2, "missing"), (3, "missing"), (5, "missing")])
def test_a_record_taken_out_is_found(store: DatabaseStore, position: int, how: Any) -> None:
    chained(store)
    tamper(store, f"DELETE FROM audit WHERE position = {position}")
    assert verify(store).broken is not None

    with store.write() as unit:  # and whom it was about, if anybody
        unit.connection.execute(text(f"DELETE FROM audit_about WHERE position = {position}"))

    assert verify(store).broken == Break(position, how)


def test_a_gap_that_was_closed_up_is_found(store: DatabaseStore) -> None:
    """The records behind it each moved up by one, with whom they are about."""
    chained(store)
    tamper(store, "DELETE FROM audit WHERE position = 3")
    for position in (4, 5, 6):
        tamper(store, f"UPDATE audit SET position = {position - 1} WHERE position = {position}")

    assert verify(store).broken == Break(3, "changed")


def test_two_records_that_changed_places_are_found(store: DatabaseStore) -> None:
    chained(store)
    for table in ("audit", "audit_about"):
        tamper(
            store,
            f"UPDATE {table} SET position = 99 WHERE position = 2",
            f"UPDATE {table} SET position = 2 WHERE position = 4",
            f"UPDATE {table} SET position = 4 WHERE position = 99",
        )

    assert verify(store).broken == Break(2, "out-of-order")


def test_a_record_put_in_between_with_a_good_seal_is_found_by_the_next_one(store: DatabaseStore) -> None:
    """Its author knows how seals are made, and moves the later records on by one."""
    chained(store)
    with store.read() as unit:
        before = unit.audit_links()[1]
    from adapter.domain.chain import seal

    foreign = a_record("zz")
    digest = seal(before.digest, 3, foreign.id, foreign.moment, foreign.tenant, (), foreign.body)
    for table in ("audit", "audit_about"):
        for position in (6, 5, 4, 3):
            with store.write() as unit:
                unit.connection.execute(text(f"UPDATE {table} SET position = {position + 1} WHERE position = {position}"))
    tamper(
        store,
        "INSERT INTO audit (position, id, moment, tenant, body, digest) VALUES (3, 'zz', :moment, :tenant, :body, :digest)",
        moment=1741944413589793,
        tenant=OURS,
        body=foreign.body,
        digest=digest,
    )

    assert verify(store).broken == Break(4, "changed")


@pytest.mark.parametrize("kept", [0, 3, 4])
def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_noted(store: DatabaseStore, kept: int) -> None:
    chained(store)
    head = verify(store).head
    tamper(store, f"DELETE FROM audit_about WHERE position > {kept}", f"DELETE FROM audit WHERE position > {kept}")

    assert verify(store).broken is None
    assert verify(store, head).broken == Break(kept + 1, "missing")

    store.append_audit([a_record(f"b{n}") for n in range(6 - kept)], [], NOW)

    assert verify(store, head).broken == Break(6, "changed")


def test_a_head_that_was_noted_is_passed_as_the_chain_grows(store: DatabaseStore) -> None:
    chained(store)
    head = verify(store).head
    chained(store)

    assert verify(store, head).broken is None


def test_a_written_record_waits_outside_of_the_chain_until_its_answer(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.await_audit(a_record("w1", "p1", body=b"{}"))
        unit.await_audit(a_record("w1", "p1", "p2", body=b'{"more":1}'))  # a second unit of the same request
    assert ids(store) == []

    store.append_audit([a_record("w1", "p1", "p2", body=b'{"status":200}')], [], later(3600))

    with store.read() as unit:
        assert [(link.record.about, link.record.body) for link in unit.audit_links()] == [(("p1", "p2"), b'{"status":200}')]


def test_a_record_whose_answer_never_came_enters_the_chain_after_a_minute(store: DatabaseStore) -> None:
    """The service ended between the write and the answer: what waits is what the write itself said."""
    awaiting = a_record("w1", "p1", body=b'{"action":"U"}')
    with store.write() as unit:
        unit.await_audit(awaiting)

    store.append_audit([a_record("a1")], [], NOW + MINUTE)
    assert ids(store) == ["a1"]
    store.append_audit([], [], NOW + MINUTE + timedelta(microseconds=1))
    store.append_audit([], [], NOW + 2 * MINUTE)

    assert ids(store) == ["a1", "w1"]
    with store.read() as unit:
        assert unit.audit_links()[1].record == awaiting
        assert [link.position for link in unit.audit_about(OURS, "p1")] == [2]
    assert verify(store).broken is None


def test_a_record_that_waits_comes_to_be_about_those_whose_resources_its_unit_changes(store: DatabaseStore) -> None:
    def of(id: str, patient: str) -> Draft:
        return Draft("Task", id, Index("", (), patient), lambda version, updated: body(id, "x", version, updated))

    with store.write() as unit:
        unit.await_audit(a_record("w1", "p0"))
        unit.put(OURS, [of("t1", "p2"), of("t2", "p1"), of("t3", "")], NOW)
        unit.put(THEIRS, [of("t4", "p3")], NOW)
    store.append_audit([], [], NOW + 2 * MINUTE)

    with store.read() as unit:
        assert [link.record.about for link in unit.audit_links()] == [("p0", "p1", "p2")]


@pytest.mark.slow
def test_a_process_that_is_killed_after_a_write_leaves_its_record_for_another(url: str) -> None:
    store = open_store(url)
    store.migrate()
    process = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(url,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL

    store.append_audit([], [], NOW + 2 * MINUTE)

    assert ids(store) == ["w1"]
    assert verify(store).broken is None
    store.close()


def _write_and_die(url: str) -> None:
    open_store(url).run(lambda unit: unit.await_audit(a_record("w1", "p1")))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_write_that_is_undone_leaves_no_record(store: DatabaseStore) -> None:
    def job(unit: Any) -> None:
        unit.await_audit(a_record("w1"))
        raise problem(Kind.INVALID, "no", "nei")

    with pytest.raises(Exception, match="no"):
        store.run(job)
    store.append_audit([], [], NOW + 2 * MINUTE)

    assert ids(store) == []


def test_an_id_that_comes_again_keeps_nobodys_record_out(store: DatabaseStore) -> None:
    store.append_audit([a_record("a1")], [], NOW)
    store.append_audit([a_record("a1", body=b"{}"), a_record("a2")], [], NOW)

    assert ids(store) == ["a1", "a1", "a2"]


def test_a_proof_is_fresh_once(store: DatabaseStore) -> None:
    until = later(60)

    assert store.append_audit([], [("j1", until), ("j2", until), ("j1", until)], NOW).fresh == [True, True, False]
    assert store.append_audit([], [("j2", until), ("j3", until)], NOW).fresh == [False, True]
    assert store.run(lambda unit: (unit.spend("j4", until), unit.spend("j4", until), unit.spend("j1", until))) == (
        True,
        False,
        False,
    )
    assert store.append_audit([], [("j4", until)], NOW).fresh == [False]


def test_a_proof_is_remembered_until_its_time_and_not_for_ever(store: DatabaseStore) -> None:
    store.append_audit([], [("old", later(60)), ("new", later(90))], NOW)
    store.append_audit([a_record(f"a{n}") for n in range(300)], [], later(75))  # some hundreds of records later

    with store.read() as unit:
        assert [row[0] for row in unit.connection.execute(text("SELECT hash FROM proof"))] == ["new"]


@pytest.mark.slow
def test_a_spent_proof_is_refused_by_another_process_and_after_a_restart(url: str) -> None:
    store = open_store(url)
    store.migrate()
    assert store.append_audit([], [("j1", later(60))], NOW).fresh == [True]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_spend, (url,)) == [False]
    store.close()

    again = open_store(url)

    assert again.append_audit([], [("j1", later(60))], NOW).fresh == [False]
    again.close()


def _spend(url: str) -> list[bool]:
    store = open_store(url)
    fresh = store.append_audit([], [("j1", later(60))], NOW).fresh
    store.close()
    return fresh


def _append(url: str, name: str) -> None:
    store = open_store(url)
    for n in range(40):
        store.append_audit(
            [a_record(f"{name}-{n}", "p1"), a_record(f"{name}-{n}b")], [(f"{name}-{n}", later(60)), (f"{n}", later(60))], NOW
        )
    store.close()


@pytest.mark.slow
def test_two_processes_and_several_threads_make_one_chain(url: str) -> None:
    store = open_store(url)
    store.migrate()
    processes = [multiprocessing.get_context("spawn").Process(target=_append, args=(url, f"process{n}")) for n in range(2)]
    threads = [threading.Thread(target=_append, args=(url, f"thread{n}")) for n in range(2)]
    for one in (*processes, *threads):
        one.start()
    for one in (*processes, *threads):
        one.join()

    told = ids(store)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (verify(store).broken, verify(store).head[0]) == (None, 320)
    assert sorted(told) == sorted(
        f"{name}{n}-{m}{end}" for name in ("process", "thread") for n in (0, 1) for m in range(40) for end in ("", "b")
    )
    store.close()


def test_retention_drops_the_oldest_and_tells_so_in_the_chain(store: DatabaseStore) -> None:
    chained(store)
    with store.read() as unit:
        third = unit.audit_links()[2]

    assert store.drop_audit(later(4), later(100)) == 3

    with store.read() as unit:
        links = unit.audit_links()
        assert unit.audit_about(THEIRS, "p0") == unit.audit_about(THEIRS, "p0", after=3)
    assert [link.position for link in links] == [4, 5, 6, 7]
    assert json.loads(links[-1].record.body)["retention"] == {
        "position": 3,
        "digest": third.digest.hex(),
        "before": "2025-03-14T09:26:57.589793Z",
    }
    assert verify(store) == verify(store, (3, third.digest))
    assert (verify(store).broken, verify(store).first, verify(store).head[0]) == (None, 4, 7)


def test_retention_drops_nothing_that_is_not_older(store: DatabaseStore) -> None:
    chained(store)

    assert store.drop_audit(later(1), later(100)) == 0
    assert verify(store).head[0] == 6


def test_retention_may_drop_all_and_again(store: DatabaseStore) -> None:
    chained(store)

    assert store.drop_audit(later(50), later(60)) == 6
    assert (verify(store).broken, verify(store).first, verify(store).head[0]) == (None, 7, 7)
    chained(store)
    assert store.drop_audit(later(3), later(4)) == 0  # the record of the retention itself is younger, and stands before
    assert store.drop_audit(later(90), later(100)) == 7
    assert (verify(store).broken, verify(store).first, verify(store).head[0]) == (None, 14, 14)


def test_what_retention_drops_while_the_chain_is_walked_breaks_nothing(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapter.usecases.verify_audit.PAGE", 2)
    chained(store)
    calls: list[int] = []

    def looked(more: int) -> None:
        calls.append(more)
        if len(calls) == 1:
            store.drop_audit(later(4), later(100))

    assert verify(store, looked=looked).broken is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM setting WHERE name = 'audit-mark'",
        "UPDATE setting SET value = :forged WHERE name = 'audit-mark'",
        "DELETE FROM audit WHERE position = 4",
        "DELETE FROM audit WHERE position = 7",
    ],
)
def test_a_beginning_that_no_retention_took_away_is_found(store: DatabaseStore, statement: str) -> None:
    chained(store)
    store.drop_audit(later(4), later(100))
    store.append_audit([a_record("b1")], [], NOW)
    tamper(store, statement, **({"forged": b"3:" + b"00" * 32} if ":forged" in statement else {}))

    assert verify(store).broken is not None


def test_a_beginning_with_a_forged_mark_is_found(store: DatabaseStore) -> None:
    """Whoever drops the oldest records and leaves a good mark, but no record of it in the chain."""
    chained(store)
    with store.read() as unit:
        third = unit.audit_links()[2]
    tamper(
        store,
        "DELETE FROM audit WHERE position <= 3",
        "DELETE FROM audit_about WHERE position <= 3",
    )
    tamper(
        store,
        "INSERT INTO setting (name, value) VALUES ('audit-mark', :mark)",
        mark=f"3:{third.digest.hex()}".encode(),
    )

    assert verify(store).broken == Break(3, "beginning")


def test_a_head_noted_at_the_very_position_where_the_chain_begins_now_is_compared_with_its_mark(store: DatabaseStore) -> None:
    chained(store)
    with store.read() as unit:
        third = unit.audit_links()[2]
    store.drop_audit(later(4), later(100))

    assert verify(store, (3, third.digest)).broken is None
    assert verify(store, (3, START)).broken == Break(3, "changed")


def test_a_patients_records_come_in_order_and_of_one_organisation(store: DatabaseStore) -> None:
    store.append_audit(
        [a_record("a1", "p1", "p2"), a_record("a2", "p2"), a_record("a3", "p1", tenant=THEIRS), a_record("a4", "p1")], [], NOW
    )

    with store.read() as unit:
        assert [(link.position, link.record.id, link.record.about) for link in unit.audit_about(OURS, "p1")] == [
            *((1, "a1", ("p1",)), (4, "a4", ("p1",)))
        ]
        assert [link.position for link in unit.audit_about(OURS, "p1", after=1)] == [4]
        assert [link.position for link in unit.audit_about(OURS, "p1", limit=1)] == [1]


def test_an_append_that_fails_leaves_nothing(store: DatabaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("adapter.storage.audit.Audit._forget", fail)
    with pytest.raises(RuntimeError):
        store.append_audit([a_record("a1", "p1")], [("j1", later(60))], NOW)
    monkeypatch.undo()

    assert ids(store) == []
    assert store.append_audit([], [("j1", later(60))], NOW).fresh == [True]
