"""S16: poison at the head of the queue. One that always fails, one that maps badly, one that ends the process when it is read: none
stops those behind it, and none is tried for ever.

The fault that this guards against: a message that could not be sent was tried without end at the head of its queue, and blocked it.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from adapter.domain.problem import Finding, Kind
from adapter.ports import NOBODY, Delivery, MessageQuery, State
from adapter.storage import open_store
from tests.house.processes import STAFETT
from tests.kill.installation import Process
from tests.kill.messages import Letters
from tests.usecases.house import ADULTS, FOLDER, HOSPITAL, MSG_IDS, NOW, House, message

UNREAD = Finding("fatal", Kind.INTERNAL, "The service ended while it dealt with this message.", "Tjenesten stoppet.")


def test_s16_what_was_set_aside_unread_is_kept_and_taken_through_when_a_person_says_so(house: House) -> None:
    aside = house.reception.receive(Delivery(message(), NOW, FOLDER, "a.xml", fault=UNREAD)).message
    assert (aside.state, aside.reason, aside.tenant) == (State.QUARANTINED, UNREAD.en, NOBODY)
    assert "Report" in aside.action
    assert (house.kept(aside.id), house.answers(aside.id)) == (message(), [])

    taken = house.reception.retry([NOBODY], aside.id)
    assert (taken.id, taken.state, taken.tenant, taken.msg_id) == (aside.id, State.PROCESSED, HOSPITAL, MSG_IDS["N"])
    assert house.statuses(taken.id) == ["Ok"]


def test_s16_what_the_hub_names_is_known_by_that_also_unread(house: House) -> None:
    delivery = house.delivery(message(), "1")
    unread = Delivery(message(), NOW, "edi2", "1", delivery.receiver, delivery.sender, delivery.msg_id, fault=UNREAD)
    aside = house.reception.receive(unread).message
    assert (aside.tenant, aside.receiver, aside.msg_id) == (HOSPITAL, ADULTS, MSG_IDS["N"])

    assert house.reception.receive(delivery).outcome == "duplicate"  # from a process that did not die of it
    assert house.reception.retry([HOSPITAL], aside.id).state is State.PROCESSED


CONFIGURATION = """
environment = "test"
[store]
url = "{url}"
[[organisation]]
number = "319900101"
name = "Fjordheim sykehus HF"
[[receiver]]
her_id = "8000101"
organisation = "319900101"
pathway = "D11"
[messages]
lease_seconds = 1
[hub]
kind = "folder"
path = "{folder}/hub"
poll_seconds = 0.1
"""
POISONED = """
import os, signal, sys
if sys.argv[0].endswith("stafett"):
    from mappings.translation import Translator
    whole = Translator.read
    def read(self, data, *more):
        if b"{poison}" in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self, data, *more)
    Translator.read = read
"""
"""What ends the process as a fault in a library's C code, or the kernel's OOM killer, would: without a word."""

OTHERS = 60  # more than are fetched at once
DEATHS = 8  # more than enough


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_s16_a_message_that_ends_the_process_is_set_aside_and_the_others_get_through(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url: str = f"sqlite:///{tmp_path}/stafett.db" if engine == "sqlite" else request.getfixturevalue("emptied_on_postgresql")
    open_store(url).migrate()
    letters = Letters(7)
    poison, others = letters.make(0), [letters.make(number) for number in range(1, OTHERS + 1)]
    (tmp_path / "stafett.toml").write_text(CONFIGURATION.format(folder=tmp_path, url=url), "utf-8")
    (tmp_path / "sitecustomize.py").write_text(POISONED.format(poison=poison.msg_id), "utf-8")
    folder = tmp_path / "hub" / "in"
    folder.mkdir(parents=True)
    for number, one in enumerate([poison, *others]):
        (folder / f"{number:03d}.xml").write_bytes(one.data)

    def states() -> dict[str, int]:
        store = open_store(url)
        with store.read() as unit:
            found = {str(state): count for state, count in unit.count_messages(["319900101", NOBODY]).items() if count}
        store.close()
        return found

    worker = Process("worker", ["env", f"PYTHONPATH={tmp_path}", STAFETT, "serve", "--roles", "worker"], tmp_path)
    deaths, deadline = 0, time.monotonic() + 100
    worker.start()
    try:
        while any(folder.glob("*.xml")):
            assert time.monotonic() < deadline, f"{deaths} deaths, {worker.words()}"
            if worker.ended is not None:
                assert worker.ended == -9, worker.words()
                deaths += 1
                assert deaths <= DEATHS, f"tried for ever: {worker.words()}"
                worker.start()
            time.sleep(0.05)
        assert states() == {"processed": OTHERS, "quarantined": 1}
        time.sleep(1.5)  # longer than a lease: it is not taken up again
        assert worker.ended is None, worker.words()
        assert worker.stop() == 0
    finally:
        if worker.running:
            worker.kill()

    assert deaths > 1
    assert len([*(tmp_path / "hub" / "out").glob("*.xml")]) == OTHERS
    store = open_store(url)
    with store.read() as unit:
        [aside] = unit.messages([NOBODY, "319900101"], MessageQuery(state="quarantined"))
        assert unit.message_xml(aside.id) == poison.data
    store.close()
