"""Receiving: what is kept, what is answered, and to whom it belongs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from adapter.domain.gate import GateRules
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.domain.referral import Service
from adapter.ports import NOBODY, Delivery, MessageQuery, State
from tests.bad_inputs.test_identity import unissued
from tests.usecases.house import ADULTS, CHILDREN, GP, HOSPITAL, MSG_IDS, NOW, OTHER, House, example, message, uuid


def test_a_new_referral_opens_its_pathway_and_is_answered_in_the_bytes_of_its_channel(house: House) -> None:
    kept = house.receive(message()).message

    assert (kept.state, kept.tenant, kept.type, kept.msg_id) == (State.PROCESSED, HOSPITAL, "HENVISNING_NYTILSTAND", MSG_IDS["N"])
    assert house.the("EpisodeOfCare")["status"] == "planned"
    assert house.tasks() == [("assess-referral", "requested")]
    (row,) = house.answers(kept.id)
    assert (row.body, row.content_type) == (b'{"appRecStatus":"Ok","appRecErrorList":[]}', "application/json")
    assert (row.hub, row.hub_id, row.sender, row.receiver, row.state) == ("edi2", "1", ADULTS, GP, "waiting")


def test_a_file_is_answered_by_a_file(house: House) -> None:
    (row,) = house.answers(house.receive_file(message()).message.id)
    assert (row.hub, row.content_type, row.state, b'Status V="1"' in row.body) == ("folder", "application/xml", "waiting", True)


def test_what_comes_over_http_is_answered_for_its_sender_to_fetch(house: House) -> None:
    kept = house.reception.receive(Delivery(message(), NOW, "http")).message
    (row,) = house.answers(kept.id)
    assert (row.state, house.reception.apprec([HOSPITAL], kept.id)) == ("sent", (row.body, "application/xml"))


def test_stored_resources_know_their_version_and_the_message_that_made_them(house: House) -> None:
    kept = house.receive(message()).message
    assert house.the("ServiceRequest")["meta"] == {
        "source": f"urn:uuid:{kept.id}",
        "versionId": "1",
        "lastUpdated": "2026-08-03T08:00:00.000Z",
    }


def test_a_person_met_again_unchanged_makes_no_new_version(house: House) -> None:
    house.receive(message(), "1")
    document = ("25064625-6b5b-41a3-9d4c-4a66907b9a63", uuid(9))
    again = house.receive(message("N", document, msg_id=uuid(2)), "2").message
    assert house.the("Patient")["meta"]["versionId"] == "1"
    assert ("Patient", 1) in house.made(again.id)


def test_a_second_referral_of_a_patient_in_that_pathway_is_linked_and_given_to_a_person(house: House) -> None:
    house.receive(message(), "1")
    document = ("25064625-6b5b-41a3-9d4c-4a66907b9a63", uuid(9))
    house.receive(message("N", document, msg_id=uuid(2)), "2")
    assert len(house.bodies("EpisodeOfCare")) == 1
    assert len(house.the("EpisodeOfCare")["referralRequest"]) == len(house.bodies("ServiceRequest")) == 2
    assert house.tasks() == [("assess-referral", "requested"), ("link-referral", "requested")]


def test_a_refusal_by_the_gate_is_answered_and_leaves_no_clinical_resource(house: House) -> None:
    kept = house.receive(message(msg_id="17"), msg_id="17").message
    assert (kept.state, house.statuses(kept.id), house.made(kept.id)) == (State.REFUSED, ["E10"], [])
    assert kept.reason == "Refused; the sender has been told why. E10: MsgId er ikke en UUID."
    issue = json.loads(kept.issues)["issue"][0]
    assert (issue["severity"], issue["details"]["text"]) == (
        "error",
        "Refused with E10 (8221). The receipt says why, in Norwegian.",
    )


def test_an_emergency_that_can_be_read_is_always_let_in(house: House) -> None:
    emergency = message(
        "N", ('<Priority V="N" DN="Elektiv/Ordinær (elektiv)"/>', '<Priority V="0" DN="Øyeblikkelig hjelp"/>'), msg_id="17"
    )
    kept = house.receive(emergency, msg_id="17").message
    assert (kept.state, house.statuses(kept.id)) == (State.PROCESSED, ["Ok"])


@pytest.mark.parametrize(
    ("data", "code", "kept"),
    [(b"<MsgHead", "T01", b""), (b"<!DOCTYPE a><MsgHead/>", "T01", b""), (b"<Epikrise/>", "T10", b"<Epikrise/>")],
)
def test_an_unreadable_message_is_answered_from_the_metadata(house: House, data: bytes, code: str, kept: bytes) -> None:
    received = house.receive(data, msg_id=uuid(5)).message
    assert (received.state, received.msg_id, received.digest != "") == (State.REFUSED, uuid(5), True)
    assert (house.statuses(received.id), house.kept(received.id)) == ([code], kept)


def test_an_unreadable_file_is_quarantined_with_what_is_missing(house: House) -> None:
    received = house.receive_file(b"<MsgHead").message
    assert (received.state, received.tenant, house.answers(received.id)) == (State.QUARANTINED, NOBODY, [])
    assert "receiver HER-id, sender HER-id, MsgId" in received.reason
    assert house.receive_file(b"<MsgHead", "b.xml").outcome == "duplicate"


def test_a_message_without_msgid_is_answered_where_the_hub_knows_it(house: House) -> None:
    nameless = message(msg_id="")
    assert house.statuses(house.receive(nameless, "1", msg_id=uuid(6)).message.id) == ["T01"]
    assert house.receive(nameless, "2", msg_id=None).message.state is State.QUARANTINED


def test_a_document_that_the_hub_cannot_give_is_kept_aside(house: House) -> None:
    gone = Finding("fatal", Kind.NOT_FOUND, "The document is gone.", "Dokumentet er borte.")
    received = house.reception.receive(replace(house.delivery(b""), fault=gone, msg_id=uuid(8)))
    assert (received.message.state, house.answers(received.message.id)) == (State.QUARANTINED, [])
    assert "The document is gone." in received.message.reason


COPIED = example("transfer-child-type-code-copy.xml").replace(b"<Id>8000401<", f"<Id>{ADULTS}<".encode())
"""To the children's service, with a copy to the adults'."""


def test_a_file_to_two_of_our_services_is_received_and_answered_for_both(house: House) -> None:
    primary = house.receive_file(COPIED).message
    with house.store.read() as unit:
        (copy,) = unit.messages([HOSPITAL], MessageQuery(receiver=ADULTS))
    roles = {m.receiver: b'Role V="COP"' in house.answers(m.id)[0].body for m in (primary, copy)}
    assert roles == {CHILDREN: False, ADULTS: True}
    assert house.counts() == {"processed": 2}
    assert house.receive_file(COPIED).outcome == "duplicate"


def test_a_copy_opens_no_pathway(house: House) -> None:
    copy = house.receive(COPIED, receiver=ADULTS, sender="8000301").message
    assert (copy.state, house.bodies("EpisodeOfCare"), house.bodies("Task")) == (State.PROCESSED, [], [])


def test_each_receiver_that_the_hub_names_gets_its_own(house: House) -> None:
    """The hub's id is the same for both."""
    for receiver in (ADULTS, CHILDREN):
        assert house.receive(COPIED, receiver=receiver, sender="8000301").outcome == "new"
    assert len(house.bodies("EpisodeOfCare")) == 1
    assert {b["meta"]["versionId"] for b in house.bodies("ServiceRequest")} == {"1"}


def test_other_organisations_see_nothing_of_it(house: House) -> None:
    kept = house.receive(message()).message
    with house.store.read() as unit:
        assert unit.message_resources(OTHER, kept.id) == []
        assert unit.messages([OTHER, NOBODY], MessageQuery()) == []


def at_once(*works: Callable[[], object]) -> None:
    """Run them in threads, all at the same time; a fault in one fails the test."""
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result(30)


def test_the_same_message_in_four_threads_has_one_effect(house_on: House) -> None:
    outcomes: list[str] = []
    at_once(*[lambda: outcomes.append(house_on.receive(message()).outcome)] * 4)
    assert sorted(outcomes) == ["duplicate", "duplicate", "duplicate", "new"]
    assert house_on.the("ServiceRequest")["meta"]["versionId"] == "1"


def test_two_referrals_of_one_patient_at_once_open_one_pathway(house_on: House) -> None:
    document = ("25064625-6b5b-41a3-9d4c-4a66907b9a63", uuid(9))
    both = [message(), message("N", document, msg_id=uuid(2))]
    at_once(*[partial(house_on.receive, data, str(number)) for number, data in enumerate(both)])
    assert len(house_on.bodies("EpisodeOfCare")) == 1
    assert house_on.tasks() == [("assess-referral", "requested"), ("link-referral", "requested")]


def test_a_referral_and_its_cancellation_at_once_end_as_if_in_order(house_on: House) -> None:
    at_once(*[partial(house_on.receive, message(kind), kind) for kind in "CN"])
    assert (house_on.the("ServiceRequest")["status"], house_on.the("EpisodeOfCare")["status"]) == ("revoked", "cancelled")
    assert house_on.counts() == {"processed": 2}


def test_two_workers_that_try_the_same_message_again_have_one_effect(house_on: House) -> None:
    house_on.translator.faulty = {MSG_IDS["N"]}
    poison = house_on.receive(message()).message
    house_on.translator.faulty = set()
    house_on.clock.pass_(minutes=1)
    at_once(*[house_on.reception.work_due] * 4)
    assert (house_on.message(poison.id).state, house_on.statuses(poison.id)) == (State.PROCESSED, ["Ok"])
    assert house_on.tasks() == [("assess-referral", "requested")]


def test_a_series_is_the_same_on_every_engine(house_on: House) -> None:
    for kind in "NMC":
        house_on.receive(message(kind), kind)
    assert house_on.tasks() == [("assess-referral", "cancelled"), ("review-change", "cancelled")]
    assert house_on.the("ServiceRequest")["meta"]["versionId"] == "3"


def test_a_message_that_may_be_a_real_persons_is_not_kept_in_a_test_environment(house: House) -> None:
    kept = house.receive(message("N", ("21889240366", unissued()))).message
    assert (kept.state, house.statuses(kept.id), house.kept(kept.id)) == (State.REFUSED, ["E36"], b"")


def test_strict_mode_is_the_installations_choice(tmp_path: Path) -> None:
    invalid = message("N", ("<MIGversion>v1.2 2006-05-24</MIGversion>", ""))
    strict = House(tmp_path, GateRules(strict=True))
    kept = strict.receive(invalid).message
    assert (kept.state, strict.statuses(kept.id)) == (State.REFUSED, ["T02"])
    strict.store.close()


def test_lenient_mode_keeps_the_faults_with_the_message(house: House) -> None:
    kept = house.receive(message("N", ("<MIGversion>v1.2 2006-05-24</MIGversion>", ""))).message
    assert kept.state is State.PROCESSED
    assert b"MIGversion" in kept.issues


def test_a_full_database_keeps_nothing_and_says_so(house: House) -> None:
    """The hub is not told to forget it: nothing was confirmed."""

    def fail(_: object) -> None:
        raise problem(Kind.TRANSIENT, "The disk is full.", "Disken er full.")

    house.store.run_each = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(Problem, match="full"):
        house.receive(message())
    del house.store.run_each
    assert house.counts() == {}
    assert house.receive(message()).outcome == "new"


def test_a_referral_sent_again_with_a_new_msg_id_gives_nobody_more_to_do(house: House) -> None:
    house.receive(message(), "1")
    house.receive(message(msg_id=uuid(2)), "2")
    assert house.tasks() == [("assess-referral", "requested")]
    assert len(house.bodies("EpisodeOfCare")) == 1


def test_a_referral_sent_again_with_other_content_is_given_to_a_person(house: House) -> None:
    house.receive(message(), "1")
    other = ('<Priority V="N" DN="Elektiv/Ordinær (elektiv)"/>', '<Priority V="3" DN="Haster (elektiv)"/>')
    house.receive(message("N", other, msg_id=uuid(2)), "2")
    assert house.tasks() == [("assess-referral", "requested"), ("review-change", "requested")]


def test_a_copy_of_what_another_service_has_made_is_kept_where_nothing_tells_of_it(house_on: House) -> None:
    """Without a DocumentId the second service's message has no earlier one, and yet its resources are there: they are by the sender
    and its document (HIS 80415 asks one AppRec of each receiver).
    """
    data = re.sub(rb"<DocumentId>.*?</DocumentId>", b"", example("transfer-child-type-code-copy.xml"))
    receiver, copy = (
        re.search(rf"<{name}>.*?<Organisation>.*?<Organisation>.*?<Id>(\d+)<", data.decode(), re.DOTALL)[1]  # type: ignore[index]
        for name in ("Receiver", "OtherReceiver")
    )
    house_on.services |= {her_id: Service(her_id, HOSPITAL, "D12") for her_id in (receiver, copy)}

    first = house_on.receive(data, "1", receiver=receiver, sender="8000301")
    second = house_on.receive(data, "2", receiver=copy, sender="8000301")

    assert [one.message.state for one in (first, second)] == [State.PROCESSED] * 2
    assert [len(house_on.answers(one.message.id)) for one in (first, second)] == [1, 1]
