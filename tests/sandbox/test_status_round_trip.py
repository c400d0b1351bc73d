"""A referral comes, is assessed, and its status goes back by the same hub, which brings its AppRec to us: real hubs, real bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from adapter.domain.course import Assessment
from adapter.hub.edi2 import Edi2Hub
from adapter.hub.folder import FolderHub
from adapter.ports import Hub, Message, MessageQuery, Outgoing, Query, State
from adapter.usecases.answer_referrer import answer, document
from adapter.usecases.situation import decode
from adapter.worker import Worker
from tests.sandbox.conftest import start_hub
from tests.sandbox.contract import Contract, Watched
from tests.usecases.house import ADULTS, EDI, FOLDER, GP, HOSPITAL, NOW, House, apprec, message
from tests.xsd import STANDARDS, faults

GRANTED = Assessment(granted=True, on=date(2026, 8, 10), outcome="1", date_limit=date(2026, 10, 1))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


def assess(house: House) -> Outgoing:
    with house.store.write() as unit:
        (found,) = unit.search(HOSPITAL, Query("ServiceRequest")).found
        hubs = house.reception.hubs
        row = answer(unit, HOSPITAL, decode(found.body), GRANTED, house.clock.now(), hubs=hubs, read=house.translator.read)
    assert row
    return row


def known(house: House, row: Outgoing) -> tuple[str, str | None]:
    with house.store.read() as unit:
        found = unit.outgoing(row.id)
    assert found
    return found.state, found.answer


def serve(house: House, hub: Hub) -> None:
    Worker(house.store, house.reception, [hub], house.clock).serve(hub)


@pytest.fixture
def connect(judge: Contract | None, house: House) -> Iterator[Callable[[str, str], Edi2Hub]]:
    """Clients of a hub; in the end, no message between them broke the hub's contract."""
    wire, made = Watched(judge), list[Edi2Hub]()

    def client(url: str, her_id: str) -> Edi2Hub:
        made.append(Edi2Hub(url, [her_id], "Stafett", clock=house.clock, name=EDI, transport=wire))
        return made[-1]

    yield client
    for hub in made:
        hub.close()
    assert wire.seen
    assert wire.faults == []


@pytest.mark.slow
def test_over_rest_the_referrers_system_accepts_the_status(house: House, connect: Callable[[str, str], Edi2Hub]) -> None:
    process, url = start_hub("--answer")
    try:
        httpx.post(f"{url}/sandbox/messages", content=message(), trust_env=False).raise_for_status()
        hub = connect(url, ADULTS)
        serve(house, hub)
        row = assess(house)
        serve(house, hub)
        assert known(house, row) == ("unanswered", None)

        held = httpx.get(f"{url}/sandbox/messages", trust_env=False).json()["messages"]
        (status,) = [m for m in held if m["type"] == "DIALOG_STATUS_HENVISNING"]
        assert (status["senderHerId"], status["receiverHerIds"]) == (int(ADULTS), [int(GP)])
        assert (status["businessDocumentId"], status["businessDocumentGenDate"]) == (row.msg_id, "2026-08-03T10:00:00+02:00")
        sent = httpx.get(f"{url}/sandbox/messages/{status['id']}/document", trust_env=False).content
        assert sent == document(row)

        serve(house, hub)
        assert known(house, row) == ("sent", "ok")
        assert [(m["type"], len(m["appRecs"])) for m in held] == [
            ("HENVISNING_NYTILSTAND", 1),
            ("APPREC", 0),
            ("DIALOG_STATUS_HENVISNING", 1),
            ("APPREC", 0),
        ]
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.slow
def test_over_rest_a_rejected_status_waits_for_a_person(
    house: House, running_hub: str, sandbox: httpx.Client, connect: Callable[[str, str], Edi2Hub]
) -> None:
    sandbox.post("/sandbox/messages", content=message()).raise_for_status()
    ours, theirs = connect(running_hub, ADULTS), connect(running_hub, GP)
    serve(house, ours)
    row = assess(house)
    serve(house, ours)
    (delivery,) = [d for d in theirs.fetch(10) if not d.is_apprec]
    body = b'{"appRecStatus":"Rejected","appRecErrorList":[{"errorCode":"E36","details":"Ukjent pasient"}]}'
    theirs.deliver(replace(row, kind="apprec", hub_id=delivery.hub_id, sender=GP, body=body, attempts=1))
    serve(house, ours)
    assert known(house, row) == ("sent", "rejected")
    (kept,) = quarantined(house)
    assert (kept.type, "E36" in kept.reason) == ("APPREC", True)


def quarantined(house: House) -> list[Message]:
    with house.store.read() as unit:
        return unit.messages([HOSPITAL], MessageQuery(state=State.QUARANTINED))


def test_through_a_folder_the_status_leaves_as_a_file_and_its_apprec_comes_as_one(house: House, tmp_path: Path) -> None:
    hub = FolderHub(tmp_path / "hub", clock=house.clock, name=FOLDER)
    (tmp_path / "hub" / "in").mkdir(parents=True)
    (tmp_path / "hub" / "in" / "referral.xml").write_bytes(message())
    serve(house, hub)
    row = assess(house)
    serve(house, hub)
    left = (tmp_path / "hub" / "out" / f"{row.id}.xml").read_bytes()
    assert left == document(row) == row.body
    if (STANDARDS / "xsd").is_dir():
        assert faults("dialog-1.1", left) == []

    (tmp_path / "hub" / "in" / "receipt.xml").write_bytes(apprec(row.msg_id, "1", GP))
    serve(house, hub)
    assert (known(house, row), house.counts()) == (("sent", "ok"), {"processed": 2})
    assert row.created == NOW
