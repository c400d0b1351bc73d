"""The worker: what it does between hub and store, whatever fails on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog.testing
from structlog.testing import capture_logs

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Delivery, Take, take_all
from adapter.worker import Worker
from tests.serving import until
from tests.usecases.house import EDI, FOLDER, House, PaperHub, message, uuid


def worker(house: House, *hubs: PaperHub, **options: float) -> Worker:
    polls = {hub.name: 0.01 for hub in hubs}
    return Worker(house.store, house.reception, hubs, house.clock, poll_seconds=polls, **options)  # type: ignore[arg-type]


def away() -> Problem:
    return problem(Kind.TRANSIENT, "The hub is away.", "Borte.")


def test_a_message_is_kept_confirmed_and_answered_in_one_round(house: House) -> None:
    hub = PaperHub(EDI, "edi2")
    hub.waiting = [house.delivery(message(), "1")]
    assert worker(house, hub).serve(hub) == 2
    assert hub.confirmed == [("1", "8000101")]
    assert [row.body for row in hub.delivered] == [b'{"appRecStatus":"Ok","appRecErrorList":[]}']
    assert worker(house, hub).serve(hub) == 0


def test_an_interrupted_confirmation_is_finished_when_the_hub_gives_the_message_again(house: House) -> None:
    hub = PaperHub(EDI, "edi2")
    hub.waiting = [house.delivery(message(), "1")]
    house.reception.receive(hub.waiting[0])

    worker(house, hub).serve(hub)
    assert (hub.waiting, hub.confirmed, len(hub.delivered)) == ([], [("1", "8000101")], 1)


def test_what_is_quarantined_or_parked_is_taken_off_the_hub_too(house: House) -> None:
    hub = PaperHub(EDI, "edi2")
    hub.waiting = [
        house.delivery(b"<MsgHead", "1", sender=None),
        house.delivery(message("C"), "2"),
        house.delivery(message(msg_id=uuid(5)), "3", receiver="8000999"),
    ]
    worker(house, hub).serve(hub)
    assert (hub.waiting, house.counts()) == ([], {"quarantined": 2, "parked": 1})


def test_what_cannot_be_kept_is_not_confirmed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = PaperHub(EDI, "edi2")
    hub.waiting = [house.delivery(message(), "1")]

    def full(deliveries: Sequence[Delivery]) -> list[Problem]:
        return [problem(Kind.TRANSIENT, "The disk is full.", "Disken er full.") for _ in deliveries]

    with monkeypatch.context() as patched:
        patched.setattr(house.reception, "receive_all", full)
        with pytest.raises(Problem, match="full"):
            worker(house, hub).serve(hub)
    assert (hub.confirmed, house.counts()) == ([], {})
    worker(house, hub).serve(hub)
    assert (hub.confirmed, house.counts()) == ([("1", "8000101")], {"processed": 1})


def test_a_hub_that_cannot_be_asked_still_gets_what_waits_for_it(house: House) -> None:
    class Deaf(PaperHub):
        def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
            raise away()

    hub = Deaf(FOLDER)
    house.receive_file(message())
    with pytest.raises(Problem, match="away"):
        worker(house, hub).serve(hub)
    assert len(hub.delivered) == 1


def test_a_hub_that_hangs_holds_up_no_other(house: House) -> None:
    release = threading.Event()

    class Hanging(PaperHub):
        def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
            release.wait(30)
            return []

    slow, quick = Hanging(EDI, "edi2"), PaperHub(FOLDER)
    quick.waiting = [Delivery(message(), house.clock.now(), FOLDER, "a.xml")]
    working = worker(house, slow, quick)
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        until(lambda: quick.delivered)
    finally:
        working.stop()
        release.set()
        thread.join(20)
    assert not thread.is_alive()


def test_after_a_fault_the_worker_goes_on(house: House) -> None:
    faults = [away(), KeyError("x"), away()]

    class Shaky(PaperHub):
        def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
            if faults:
                raise faults.pop()
            return super().fetch(limit, take)

    hub = Shaky(FOLDER)
    hub.waiting = [Delivery(message(), house.clock.now(), FOLDER, "a.xml")]
    working = worker(house, hub)
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        until(lambda: hub.delivered)
    finally:
        working.stop()
        thread.join(20)
    assert house.counts() == {"processed": 1}


def test_due_messages_are_taken_up_while_the_hubs_are_idle(house: House) -> None:
    early = house.receive(message("M")).message
    house.clock.pass_(hours=97)
    working = worker(house)
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        until(lambda: house.counts() == {"quarantined": 1})
    finally:
        working.stop()
        thread.join(20)
    assert "never came" in house.message(early.id).reason


def test_log_lines_tell_what_happened_and_hold_no_persons_number(house: House) -> None:
    hub = PaperHub(EDI, "edi2")
    number = "21889240366"
    hub.waiting = [
        house.delivery(message(), "1"),
        house.delivery(message(msg_id=number), "2"),
        house.delivery(message(msg_id=uuid(3)), "3", receiver=f"FNR:{number}"),
    ]
    with capture_logs() as lines:
        worker(house, hub).serve(hub)
    events = [line["event"] for line in lines]
    assert events == ["message.received"] * 3 + ["outgoing.sent"] * 2
    assert [line["state"] for line in lines[:3]] == ["processed", "refused", "quarantined"]
    assert number not in repr(lines)


@pytest.mark.parametrize(
    ("msg_id", "told"),
    [
        ("PAS21889240366", "PAS***"),
        ("pas_21889240366b", "pas_***b"),
        ("218892 40366", "***"),
        ("D3DAC24A-CCC9-4EFB-9489-C21889240366", "D3DAC24A-CCC9-4EFB-9489-C21889240366"),
    ],
)
def test_a_number_is_masked_wherever_it_stands_and_a_uuid_is_left_whole(house: House, msg_id: str, told: str) -> None:
    hub = PaperHub(EDI, "edi2")
    hub.waiting = [house.delivery(message(msg_id=msg_id), "1")]
    with capture_logs() as lines:
        worker(house, hub).serve(hub)
    assert lines[0]["msg_id"] == told


def test_the_service_ends_cleanly_when_asked_to(tmp_path: Path) -> None:
    (tmp_path / "stafett.toml").write_text(
        '[store]\nurl = "sqlite:///s.db"\n[hub]\nkind = "folder"\npath = "hub"\npoll_seconds = 0.05\n'
    )
    (tmp_path / "hub" / "in").mkdir(parents=True)
    (tmp_path / "hub" / "in" / "a.xml").write_bytes(message())
    stafett = Path(sys.executable).parent / "stafett"
    process = subprocess.Popen(
        [stafett, "serve", "--roles", "worker"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until(lambda: (tmp_path / "hub" / "done").is_dir() and list((tmp_path / "hub" / "done").iterdir()), 60)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    assert b'"event":"message.received"' in said


def test_a_duplicate_is_told_of_by_the_way_that_it_came_now(house: House) -> None:
    with structlog.testing.capture_logs() as lines:
        house.receive(message(), "1")
        house.receive_file(message())

    told = [(line["outcome"], line["hub"]) for line in lines if line["event"] == "message.received"]
    assert told == [("new", EDI), ("duplicate", FOLDER)]
