"""S14: the message after the limit. Whatever is taken in batches, the first one of the next batch is taken too.

The fault that this guards against: a queue that never delivered its message number 1,001. The outbox's own 1,001 are B056
(`tests/usecases/test_bad_messaging.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from adapter.hub.edi2 import Edi2Hub
from adapter.hub.edi2_v2 import MOST_AT_ONCE
from adapter.hub.folder import FolderHub
from adapter.partners.hearing import AT_ONCE
from adapter.ports import Outgoing, State
from adapter.sandbox.hub import make_app
from adapter.sandbox.hub_document import read_envelope
from adapter.sandbox.hub_mail import Mail
from adapter.worker import Worker
from tests.kill.messages import Letters
from tests.national_numbers import make
from tests.serving import served
from tests.usecases.handover import World
from tests.usecases.house import ADULTS, EDI, FOLDER, GP, HOSPITAL, NOW, House, PaperHub, apprec

BATCH, DUE = 50, 100  # as `Worker` fetches and sends, and as `Reception.work_due` takes up
LETTERS = Letters(14)


def served_out(worker: Worker, hub: Edi2Hub | FolderHub | PaperHub, rounds: int = 20) -> int:
    """Rounds until there is nothing more."""
    for number in range(rounds):
        if not worker.serve(hub):
            return number
    raise AssertionError("there is no end to it")


@pytest.mark.slow
def test_s14_of_files_the_one_after_the_batch_and_the_one_after_two_are_received_and_answered(house: House) -> None:
    count = 2 * BATCH + 1
    into = house.path / "hub" / "in"
    into.mkdir(parents=True)
    for number in range(count):
        (into / f"{number:04d}.xml").write_bytes(LETTERS.make(number).data)
    hub = FolderHub(house.path / "hub", clock=house.clock, name=FOLDER)
    served_out(Worker(house.store, house.reception, [hub], house.clock), hub)

    assert house.counts() == {"processed": count}
    assert [*into.iterdir()] == []
    assert len([*(house.path / "hub" / "out").iterdir()]) == count


@pytest.mark.slow
def test_s14_of_a_hubs_messages_the_one_after_its_page_is_received_and_answered(house: House) -> None:
    count = MOST_AT_ONCE + 1
    mail = Mail()
    for data in (LETTERS.make(number).data for number in range(count)):
        mail.add(read_envelope(data), data, "loaded")
    with served(lambda _: make_app(mail)) as client:  # type: ignore[arg-type, return-value]
        hub = Edi2Hub(str(client.base_url), [ADULTS], "Stafett", clock=house.clock, name=EDI)
        served_out(Worker(house.store, house.reception, [hub], house.clock), hub)
        hub.close()
        on_hub = _loaded(client)

    assert house.counts() == {"processed": count}
    assert [(m["read"], len(m["appRecs"])) for m in on_hub] == [([int(ADULTS)], 1)] * count


def _loaded(client: httpx.Client) -> list[dict[str, list[object]]]:
    return [m for m in client.get("/sandbox/messages").raise_for_status().json()["messages"] if m["origin"] == "loaded"]


def all_due(house: House) -> None:
    while house.reception.work_due(DUE):
        pass


@pytest.mark.slow
def test_s14_of_what_is_tried_again_the_one_after_the_batch_is_too(house: House) -> None:
    letters = [LETTERS.make(number) for number in range(DUE + 1)]
    house.translator.faulty = {one.msg_id for one in letters}
    house.reception.receive_all([house.delivery(one.data, one.msg_id) for one in letters])
    assert house.counts() == {"received": DUE + 1}

    house.translator.faulty = set()
    house.clock.pass_(minutes=2)
    all_due(house)
    assert house.counts() == {"processed": DUE + 1}


def sent_and_unanswered(house: House, count: int) -> list[str]:
    """Messages of ours that their receivers have not answered; their MsgIds."""
    ids = [f"00000000-0000-4000-9000-{number:012d}" for number in range(count)]
    with house.store.write() as unit:
        for id in ids:
            unit.enqueue(
                Outgoing(
                    id=id, tenant=HOSPITAL, key=id, hub=EDI, kind="message", message_id="m", hub_id=id, sender=ADULTS, receiver=GP,
                    body=b"<x/>", content_type="application/xml", created=NOW, msg_id=id, state="unanswered",
                )
            )  # fmt: skip
    return ids


def standing(house: House, id: str) -> str:
    with house.store.read() as unit:
        row = unit.outgoing(id)
    assert row
    return row.state


def test_s14_of_what_nobody_answers_the_one_after_the_batch_is_given_up_too(house: House) -> None:
    ids = sent_and_unanswered(house, DUE + 1)
    house.clock.pass_(hours=97)
    all_due(house)
    assert {standing(house, id) for id in ids} == {"dead"}


def test_s14_of_what_is_answered_the_one_after_the_batch_is_known_as_answered(house: House) -> None:
    ids = sent_and_unanswered(house, BATCH + 1)
    hub = PaperHub(EDI, "edi2")
    hub.waiting = [
        house.delivery(apprec(id, sender=GP, number=number), f"a{number}", msg_id=f"a{number}", is_apprec=True)
        for number, id in enumerate(ids)
    ]
    served_out(Worker(house.store, house.reception, [hub], house.clock), hub)
    assert {standing(house, id) for id in ids} == {"sent"}
    with house.store.read() as unit:
        assert unit.count_messages([HOSPITAL])[State.PROCESSED] == BATCH + 1


@pytest.mark.slow
def test_s14_of_what_waits_for_a_partner_the_one_after_the_batch_is_sent_too(world: World) -> None:
    men: Callable[[int], str] = lambda number: make(1 + number % 28, 1 + number // 28, 1985, "male")  # noqa: E731
    keys = [world.hospital_asks(number=men(number)) for number in range(AT_ONCE + 1)]
    world.settle(3)
    assert [world.municipality.has(key) for key in keys] == [True] * len(keys)
    assert not world.waiting()
