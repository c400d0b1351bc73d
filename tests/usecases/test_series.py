"""New, changed, cancelled: what follows from what, in whatever order it comes (HISD 1154)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapter.domain.problem import Problem
from adapter.ports import Draft, State
from adapter.r4.index import index
from adapter.usecases.pathways import Pathways
from adapter.usecases.situation import decode
from mappings.rules import national
from tests.usecases.house import ADULTS, HOSPITAL, House, message, uuid

SAME_AGAIN = ('<ServType V="N" DN="Ny"/>\n\t\t\t\t\t<IssueDate>', '<ServType V="M" DN="Endring"/>\n\t\t\t\t\t<IssueDate>')


def edit(house: House, type: str, **changes: Any) -> None:
    """Another than a message changes a resource: the EPJ, or the pathway's own events."""
    body = house.the(type) | changes
    draft = Draft(type, body["id"], index(body), lambda *_: _json(body))
    with house.store.write() as unit:
        unit.put(HOSPITAL, [draft], house.clock.now())


def _json(body: dict[str, Any]) -> bytes:
    import msgspec

    return msgspec.json.encode(body)


def versions(house: House, type: str) -> list[str]:
    """The status of each version, oldest first."""
    body = house.bodies(type)[0]
    with house.store.read() as unit:
        return [decode(s.body)["status"] for s in reversed(unit.history(HOSPITAL, type, body["id"], 99).found)]


def test_new_changed_and_cancelled_are_three_versions_of_one_referral(house: House) -> None:
    for kind in "NMC":
        assert house.receive(message(kind), kind).message.state is State.PROCESSED
    assert versions(house, "ServiceRequest") == ["active", "active", "revoked"]
    assert versions(house, "EpisodeOfCare") == ["planned", "cancelled"]
    assert versions(house, "CarePlan") == ["draft", "revoked"]
    assert house.tasks() == [("assess-referral", "cancelled"), ("review-change", "cancelled")]
    assert [house.statuses(m) for m in ids(house)] == [["Ok"]] * 3


def ids(house: House) -> list[str]:
    with house.store.read() as unit:
        return [m.id for m in unit.referral_messages(HOSPITAL, "8000201", "25064625-6b5b-41a3-9d4c-4a66907b9a63")]


def test_a_change_that_matters_is_a_task_that_says_what_changed(house: House) -> None:
    house.receive(message("N"), "1")
    house.receive(message("M"), "2")
    assert house.tasks() == [("assess-referral", "requested"), ("review-change", "requested")]
    (task,) = [t for t in house.bodies("Task") if t["code"]["coding"][0]["code"] == "review-change"]
    assert "(MedicationStatement, ServiceRequest)" in task["description"]
    assert task["groupIdentifier"]["value"] == f"urn:uuid:{house.the('EpisodeOfCare')['id']}"


def test_a_change_that_changes_nothing_gives_nobody_anything_to_do(house: House) -> None:
    house.receive(message("N"), "1")
    house.receive(message("N", SAME_AGAIN, msg_id=uuid(2)), "2")
    assert house.tasks() == [("assess-referral", "requested")]
    assert versions(house, "MedicationStatement") == ["active"]


def test_what_a_change_no_longer_says_is_retired(house: House) -> None:
    text = message("N", SAME_AGAIN, msg_id=uuid(2)).decode()
    start, end = text.index("<InfItem>"), text.index("</InfItem>") + len("</InfItem>")
    diagnosis = text.index("<Diagnosis>"), text.index("</Diagnosis>") + len("</Diagnosis>")
    without = text[:start] + text[end : diagnosis[0]] + text[diagnosis[1] :]
    house.receive(message("N"), "1")
    house.receive(without.encode(), "2")
    assert house.the("MedicationStatement")["status"] == "entered-in-error"
    condition = house.the("Condition")
    assert (condition["verificationStatus"]["coding"][0]["code"], "clinicalStatus" in condition) == ("entered-in-error", False)


def test_a_cancellation_keeps_what_it_leaves_out(house: House) -> None:
    house.receive(message("N"), "1")
    before = house.the("ServiceRequest")
    house.receive(message("C"), "2")
    after = house.the("ServiceRequest")
    assert (after["status"], after["reasonReference"]) == ("revoked", before["reasonReference"])
    assert house.the("MedicationStatement")["status"] == "active"


def test_a_cancelled_pathway_keeps_its_history(house: House) -> None:
    house.receive(message("N"), "1")
    house.clock.pass_(days=2)
    house.receive(message("C"), "2")
    episode = house.the("EpisodeOfCare")
    assert episode["statusHistory"] == [
        {"status": "planned", "period": {"start": "2026-08-03", "end": "2026-08-05"}},
        {"status": "cancelled", "period": {"start": "2026-08-05"}},
    ]
    phase = [e["valueCode"] for e in episode["extension"] if e["url"].endswith("pathway-phase")]
    assert phase == ["closed"]


def test_a_cancelled_pathway_is_what_it_follows_to_be(house: House) -> None:
    """Folding it anew from what is stored gives what is stored: the cancellation stands in the Task that was to be done."""
    house.receive(message("N"), "1")
    house.clock.pass_(days=2)
    house.receive(message("C"), "2")
    pathways = Pathways(national())
    with house.store.read() as unit:
        gathered = pathways.gather(unit, HOSPITAL, house.the("EpisodeOfCare")["id"])
    assert gathered is not None
    assert (gathered.course.withdrawn, pathways.changed(gathered, house.clock.now())) == (date(2026, 8, 5), [])


@pytest.mark.parametrize("status", ["waitlist", "active", "onhold"])
def test_a_pathway_with_a_right_to_care_is_for_a_person_to_decide(house: House, status: str) -> None:
    house.receive(message("N"), "1")
    edit(house, "EpisodeOfCare", status=status)
    house.receive(message("C"), "2")
    assert house.the("EpisodeOfCare")["status"] == status
    assert house.tasks() == [("assess-referral", "requested"), ("review-cancellation", "requested")]


def test_a_task_that_is_done_is_not_cancelled_afterwards(house: House) -> None:
    house.receive(message("N"), "1")
    edit(house, "Task", status="completed")
    edit(house, "EpisodeOfCare", status="waitlist")
    house.receive(message("C"), "2")
    assert house.tasks() == [("assess-referral", "completed"), ("review-cancellation", "requested")]


def test_change_and_cancellation_that_came_first_are_made_in_their_own_order(house: House) -> None:
    for kind in "CMN":
        house.receive(message(kind), kind)
    assert versions(house, "ServiceRequest") == ["active", "active", "revoked"]
    assert house.the("EpisodeOfCare")["status"] == "cancelled"
    assert house.counts() == {"processed": 3}


def test_a_referral_that_comes_after_the_deadline_still_finds_its_cancellation(house: House) -> None:
    early = house.receive(message("C"), "1").message
    house.clock.pass_(hours=97)
    house.reception.work_due()
    assert house.message(early.id).state is State.QUARANTINED
    house.receive(message("N"), "2")
    assert (house.message(early.id).state, house.the("ServiceRequest")["status"]) == (State.PROCESSED, "revoked")
    assert house.statuses(early.id) == ["Ok"]


def test_what_an_operator_has_dismissed_is_not_made_afterwards(house: House) -> None:
    early = house.receive(message("C"), "1").message
    house.clock.pass_(hours=97)
    house.reception.work_due()
    house.reception.dismiss([HOSPITAL], early.id)
    house.receive(message("N"), "2")
    assert house.the("ServiceRequest")["status"] == "active"


def test_a_waiting_change_that_fails_does_not_stop_its_referral(house: House) -> None:
    early = house.receive(message("M"), "1").message
    house.translator.faulty = {early.msg_id}
    new = house.receive(message("N"), "2").message
    assert (new.state, house.message(early.id).state) == (State.PROCESSED, State.RECEIVED)
    house.translator.faulty = set()
    house.clock.pass_(minutes=1)
    house.reception.work_due()
    assert (house.message(early.id).state, house.statuses(early.id)) == (State.PROCESSED, ["Ok"])


def test_a_change_after_the_cancellation_is_not_made_and_a_person_is_told(house: House) -> None:
    for kind in "NCM":
        house.receive(message(kind), kind)
    assert house.the("ServiceRequest")["status"] == "revoked"
    assert house.tasks() == [("assess-referral", "cancelled"), ("review-change", "requested")]


def test_a_referral_sent_anew_after_its_pathway_was_ended_is_for_a_person(house: House) -> None:
    house.receive(message("N"), "1")
    house.receive(message("C"), "2")
    house.receive(message("N", msg_id=uuid(4)), "3")
    assert house.the("EpisodeOfCare")["status"] == "cancelled"
    assert house.tasks() == [("assess-referral", "cancelled"), ("link-referral", "requested")]


def test_anothers_change_of_the_same_document_is_not_this_referrals(house: House) -> None:
    """A DocumentId is its sender's own."""
    house.receive(message("N"), "1")
    other = message("M", ("<Id>8000201<", "<Id>8000777<"))
    assert house.receive(other, "2", sender="8000777", receiver=ADULTS).message.state is State.PARKED


def test_only_what_waits_for_a_person_can_be_tried_again(house: House) -> None:
    kept = house.receive(message("N")).message
    with pytest.raises(Problem, match="processed"):
        house.reception.retry([HOSPITAL], kept.id)
