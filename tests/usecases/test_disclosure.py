"""What the service itself sends and takes in is in the audit, with the change that it tells of, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.domain.problem import Kind, problem
from adapter.ports import Draft, Link, Outgoing
from adapter.r4.checker import check
from adapter.r4.index import index
from adapter.usecases.deliver import deliver
from mappings.resources.audit_event import audit_event
from tests.usecases.house import ADULTS, GP, HOSPITAL, NOW, House, PaperHub, message, uuid

ROW = Outgoing(
    id=uuid(1), tenant=HOSPITAL, key="k", hub="municipality", kind="share", message_id="", hub_id=None, sender=HOSPITAL,
    receiver="", body=b"{}", content_type="application/fhir+json", created=NOW, about="Task/t1",
)  # fmt: skip


@pytest.fixture
def audited(house: House) -> House:
    house.reception.audited = True
    return house


def told(house: House) -> list[Link]:
    """The chain once what waits has entered it."""
    house.store.append_audit([], [], house.clock.now() + timedelta(minutes=5))
    with house.store.read() as unit:
        return unit.audit_links()


def body(link: Link) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(link.record.body)
    return said


def shared_task(house: House, row: Outgoing = ROW) -> None:
    task = {"resourceType": "Task", "id": "t1", "status": "requested", "intent": "order", "for": {"reference": "Patient/p1"}}
    with house.store.write() as unit:
        unit.put(HOSPITAL, [Draft("Task", "t1", index(task), lambda *_: json.dumps(task).encode())], NOW)
        unit.enqueue(row)


def test_a_referral_that_is_taken_in_is_told_with_its_sender_and_the_patient_it_became(audited: House) -> None:
    kept = audited.receive_file(message()).message

    (link,) = told(audited)

    with audited.store.read() as unit:
        (patient,) = {one.patient for one in unit.message_resources(HOSPITAL, kept.id) if one.type == "ServiceRequest"}
    assert (link.record.tenant, link.record.about) == (HOSPITAL, (patient,))
    said = body(link)
    assert (said["kind"], said["sender"], said["receiver"], said["action"], said["outcome"]) == ("import", GP, ADULTS, "C", "0")
    assert check(audit_event(1, said, patient)) == []


def test_an_answer_that_leaves_is_told_with_its_receiver_and_the_same_patient(audited: House) -> None:
    audited.receive_file(message())
    audited.clock.pass_(minutes=1)
    deliver(audited.store, PaperHub(), audited.clock, audited=True)

    came, left = told(audited)

    assert left.record.about == came.record.about
    said = body(left)
    assert (said["kind"], said["what"], said["receiver"], said["outcome"]) == ("export", "apprec", GP, "0")


def test_what_a_partner_is_given_is_told_with_whom_it_is_about(house: House) -> None:
    shared_task(house)
    deliver(house.store, PaperHub("municipality"), house.clock, audited=True)

    (link,) = told(house)

    said = body(link)
    assert link.record.about == ("p1",)
    assert (said["receiver"], said["asked"], said["what"]) == ("municipality", ["Task/t1"], "share")
    assert check(audit_event(1, said, "p1")) == []


def test_what_a_partner_refuses_was_read_there_and_is_told_as_refused(house: House) -> None:
    shared_task(house)
    hub = PaperHub("municipality")
    hub.faults = [problem(Kind.INVALID, "No.", "Nei.")]
    deliver(house.store, hub, house.clock, audited=True)

    assert [body(link)["outcome"] for link in told(house)] == ["4"]


def test_what_did_not_get_through_is_told_when_it_does_and_once(house: House) -> None:
    shared_task(house)
    hub = PaperHub("municipality")
    hub.faults = [problem(Kind.TRANSIENT, "Away.", "Borte.")]
    deliver(house.store, hub, house.clock, audited=True)
    assert told(house) == []

    house.clock.pass_(minutes=10)
    deliver(house.store, hub, house.clock, audited=True)

    assert len(told(house)) == 1


def test_without_audit_nothing_waits_for_it(house: House) -> None:
    house.receive_file(message())
    shared_task(house, replace(ROW, id=uuid(2)))
    deliver(house.store, PaperHub("municipality"), house.clock)

    assert told(house) == []
