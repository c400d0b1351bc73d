"""S15: a partner that answers after its time-out. What it has done is not done again, and it is not asked without end meanwhile.

The fault that this guards against: an acknowledgement that came too late made its sender send thousands of duplicates. Here each
try has the same bytes, tries are spread by a ladder, and whether the first one took is asked before a second is made.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest

from adapter.domain.problem import Kind, problem
from adapter.hub.edi2 import Edi2Hub
from adapter.ports import MessageQuery, Outgoing
from adapter.sandbox.hub import make_app
from adapter.sandbox.hub_mail import Mail
from adapter.usecases.deliver import MOST, deliver
from adapter.worker import Worker
from tests.serving import served
from tests.usecases.handover import World, converged, unreachable
from tests.usecases.house import ADULTS, EDI, GP, HOSPITAL, NOW, House, PaperHub, apprec, message

HOURS = 3
MSG_ID = "00000000-0000-4000-9000-000000000001"


def on_hub(client: httpx.Client) -> list[dict[str, list[object]]]:
    return [m for m in client.get("/sandbox/messages").raise_for_status().json()["messages"] if m["origin"] == "loaded"]


@pytest.mark.slow
def test_s15_an_apprec_that_the_hub_took_without_our_knowing_is_there_once(house: House) -> None:
    with served(lambda _: make_app(Mail())) as client:  # type: ignore[arg-type, return-value]
        client.post("/sandbox/messages", content=message()).raise_for_status()
        client.post("/sandbox/faults", json={"match": "POST */apprec/*", "count": 3, "drop": True}).raise_for_status()
        hub = Edi2Hub(str(client.base_url), [ADULTS], "Stafett", clock=house.clock, name=EDI)
        worker = Worker(house.store, house.reception, [hub], house.clock)
        worker.serve(hub)
        with house.store.read() as unit:
            (kept,) = unit.messages([HOSPITAL], MessageQuery())
        (row,) = house.answers(kept.id)
        assert (row.state, row.attempts, len(on_hub(client)[0]["appRecs"])) == ("waiting", 1, 1)  # it has taken it all the same

        house.clock.pass_(minutes=6)
        worker.serve(hub)
        hub.close()
        (there,) = on_hub(client)

    (row,) = house.answers(kept.id)
    assert (row.state, row.attempts) == ("sent", 2)
    assert (len(there["appRecs"]), there["read"]) == (1, [int(ADULTS)])


def ours(house: House) -> None:
    """A message of ours that waits to be sent."""
    row = Outgoing(
        id="row", tenant=HOSPITAL, key="k", hub=EDI, kind="message", message_id="m", hub_id=None, sender=ADULTS, receiver=GP,
        body=b"<the very bytes/>", content_type="application/xml", created=NOW, msg_id=MSG_ID,
    )  # fmt: skip
    with house.store.write() as unit:
        unit.enqueue(row)


def standing(house: House) -> Outgoing:
    with house.store.read() as unit:
        row = unit.outgoing("row")
    assert row
    return row


class TakesAndTimesOut(PaperHub):
    """A hub that takes everything, and never says so in time."""

    def __init__(self, house: House) -> None:
        super().__init__(EDI, "edi2")
        self.house, self.at = house, list[object]()

    def deliver(self, row: Outgoing) -> str:
        super().deliver(row)
        self.at.append(self.house.clock.now())
        raise problem(Kind.TRANSIENT, "The hub did not answer (ReadTimeout).", "Tjeneren svarte ikke (ReadTimeout).")


def test_s15_what_is_never_acknowledged_is_sent_a_bounded_number_of_times_with_the_same_bytes(house: House) -> None:
    """32 tries at the most, none sooner after another than the ladder's first step less a tenth."""
    ours(house)
    hub = TakesAndTimesOut(house)
    deliver(house.store, hub, house.clock)
    while due := standing(house).next_attempt:
        house.clock.at = due - timedelta(seconds=1)
        assert deliver(house.store, hub, house.clock) == []
        house.clock.at = due
        deliver(house.store, hub, house.clock)
    assert len(hub.at) == MOST == 32
    assert min(b - a for a, b in pairwise(hub.at)) >= timedelta(minutes=4.5)  # type: ignore[operator]
    assert {(row.body, row.msg_id) for row in hub.delivered} == {(b"<the very bytes/>", MSG_ID)}
    assert standing(house).state == "dead"


def test_s15_an_apprec_that_comes_while_the_sending_still_seems_to_fail_ends_it(house: House) -> None:
    ours(house)
    hub = TakesAndTimesOut(house)
    deliver(house.store, hub, house.clock)
    hub.waiting = [house.delivery(apprec(MSG_ID, sender=GP), "a1", msg_id="a1", sender=GP, is_apprec=True)]
    Worker(house.store, house.reception, [hub], house.clock).serve(hub)
    for _ in range(24):
        deliver(house.store, hub, house.clock)
        house.clock.pass_(hours=1)
    assert (standing(house).state, standing(house).answer, len(hub.at)) == ("sent", "ok", 1)


def test_s15_an_apprec_after_its_96_hours_still_counts_and_nothing_is_sent_again(house: House) -> None:
    ours(house)
    hub = PaperHub(EDI, "edi2")
    deliver(house.store, hub, house.clock)
    house.clock.pass_(hours=97)
    house.reception.work_due()
    assert standing(house).state == "dead"

    late = house.receive(apprec(MSG_ID, sender=GP), "a1", msg_id="a1", sender=GP, is_apprec=True).message
    for _ in range(60):
        deliver(house.store, hub, house.clock)
        house.clock.pass_(hours=1)
    assert (standing(house).answer, len(hub.delivered), house.answers(late.id)) == ("ok", 1, [])


def test_s15_a_fhir_partner_that_takes_all_and_answers_too_late_for_hours_has_each_task_once(world: World) -> None:
    key = world.hospital_asks()
    world.municipality.after = [unreachable] * 100_000  # each creation is done, and its answer does not come
    for _ in range(HOURS * 60):
        world.clock.pass_(minutes=1)
        for line in world.lines:
            line.round()
    calls = Counter(world.municipality.calls)
    assert len(world.municipality.versions(key)) == 1
    # The breaker's longest pause is a quarter of an hour, at least half of it: no more than eight looks in an hour, and a start.
    assert calls["create"] <= HOURS * 8 + 10

    world.municipality.after = []
    for _ in range(20):
        world.clock.pass_(minutes=1)
        world.settle(1)
    assert len(world.municipality.versions(key)) == 1
    assert not world.waiting()
    converged(world, key)
