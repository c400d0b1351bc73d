"""The referrer is told how the referral was assessed: once for each answer, by the way the referral came (HIS 1206:2018)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Literal

import msgspec
import pytest
from structlog.testing import capture_logs

from adapter.domain.course import Assessment
from adapter.domain.problem import Problem
from adapter.domain.referral import Service
from adapter.ports import Delivery, Draft, Message, Outgoing, Query, State
from adapter.r4.index import index
from adapter.usecases.answer_referrer import answer, document
from adapter.usecases.deliver import deliver
from adapter.usecases.situation import decode
from tests.usecases.house import (
    ADULTS,
    EDI,
    EXAMPLES,
    FOLDER,
    GP,
    HOSPITAL,
    MSG_IDS,
    NOW,
    OTHER,
    House,
    PaperHub,
    apprec,
    example,
    message,
    uuid,
)
from tests.xsd import STANDARDS, faults

GRANTED = Assessment(granted=True, on=date(2026, 8, 10), outcome="2", date_limit=date(2026, 10, 1))
REFUSED = Assessment(granted=False, on=date(2026, 8, 10), reason="Henvisningen gjelder et annet fagområde.")
REQUESTS = Query("ServiceRequest")
HUBS: Mapping[str, Literal["xml", "edi2"]] = {EDI: "edi2", FOLDER: "xml"}


def tell(
    house: House, assessment: Assessment = GRANTED, *, tenant: str = HOSPITAL, hubs: Any = HUBS, **more: Any
) -> Outgoing | None:
    with house.store.write() as unit:
        (request,) = (decode(s.body) for s in unit.search(tenant, REQUESTS).found)
        return answer(unit, tenant, request, assessment, house.clock.now(), hubs=hubs, read=house.translator.read, **more)


def told(house: House, assessment: Assessment = GRANTED, **more: Any) -> Outgoing:
    row = tell(house, assessment, **more)
    assert row
    return row


def refs(row: Outgoing) -> tuple[str, str]:
    """RefToParent and RefToConversation."""
    found = re.search(rb"<RefToParent>(.*?)</RefToParent><RefToConversation>(.*?)</", document(row))
    assert found
    return found[1].decode(), found[2].decode()


def code(row: Outgoing) -> str:
    found = re.search(rb'<TemaKodet V="(\d)"', document(row))
    assert found
    return found[1].decode()


def row_of(house: House, id: str) -> Outgoing:
    with house.store.read() as unit:
        found = unit.outgoing(id)
    assert found
    return found


def receipt(house: House, row: Outgoing, status: Literal["1", "2"], number: int = 900) -> Message:
    """The referrer's AppRec for a status of ours comes in."""
    data = apprec(row.msg_id, status, GP, number=number)
    return house.receive(data, str(number), msg_id=uuid(number), sender=GP, is_apprec=True).message


def put(house: House, body: dict[str, Any]) -> None:
    """A client writes a resource."""
    with house.store.write() as unit:
        unit.put(HOSPITAL, [Draft(body["resourceType"], body["id"], index(body), lambda *_: msgspec.json.encode(body))], NOW)


def test_a_granted_right_waits_in_the_outbox_for_the_referrer_by_the_referrals_hub(house: House) -> None:
    kept = house.receive(message()).message
    row = told(house)
    assert (row.kind, row.hub, row.state, row.sender, row.receiver, row.message_id) == (
        "message",
        EDI,
        "waiting",
        ADULTS,
        GP,
        kept.id,
    )
    assert (row.created, row.msg_id, code(row)) == (NOW, row.id, "2")
    assert re.findall(rb"<MsgId>(.*?)</MsgId>", document(row)) == [row.msg_id.encode()]
    assert b"Frist for start av n\xc3\xb8dvendig helsehjelp: 1. oktober 2026" in document(row)
    assert b"Henvisningen mottatt: 3. august 2026" in document(row)
    assert row_of(house, row.id) == row


def test_the_body_is_what_each_hub_takes(house: House) -> None:
    """EDI 2.0's POST /Messages takes JSON with the document in base64; a folder takes the file."""
    house.receive(message())
    by_rest = told(house)
    assert set(msgspec.json.decode(by_rest.body)) == {"businessDocument", "contentType", "contentTransferEncoding"}
    assert (by_rest.content_type, document(by_rest)[:19]) == ("application/json", b'<?xml version="1.0"')


def test_a_referral_of_a_folder_is_answered_as_a_file(house: House) -> None:
    house.receive_file(message())
    row = told(house)
    assert (row.hub, row.state, row.content_type, row.body[:19]) == (FOLDER, "waiting", "application/xml", b'<?xml version="1.0"')


def test_a_referral_of_no_hub_is_answered_for_its_sender_to_fetch(house: House) -> None:
    kept = house.reception.receive(Delivery(message(), NOW, "http")).message
    row = told(house)
    assert (row.hub, row.state, row.content_type) == ("http", "sent", "application/xml")
    (shown,) = house.reception.statuses([HOSPITAL], kept.id)
    assert shown == {
        "msgId": row.msg_id, "made": NOW, "state": "sent", "answer": None, "error": "", "document": row.body.decode(),
    }  # fmt: skip
    second = told(house, REFUSED)
    assert [one["msgId"] for one in house.reception.statuses([HOSPITAL], kept.id)] == [second.msg_id, row.msg_id]
    with pytest.raises(Problem):
        house.reception.statuses([OTHER], kept.id)


def test_a_hub_that_is_gone_leaves_the_status_to_a_person(house: House) -> None:
    house.receive(message())
    row = told(house, hubs={FOLDER: "xml"})
    assert (row.state, row.error) == ("dead", "The hub edi2 is no longer configured.")


def test_a_refusal_is_told_with_its_reason_and_never_without(house: House) -> None:
    house.receive(message())
    with pytest.raises(Problem):
        tell(house, replace(REFUSED, reason=" "))
    row = told(house, REFUSED)
    assert code(row) == "4"
    assert REFUSED.reason in document(row).decode()


def test_the_first_status_refers_to_the_referral_alone(house: House) -> None:
    house.receive(message())
    assert refs(told(house)) == (MSG_IDS["N"], MSG_IDS["N"])


def test_a_later_status_refers_to_the_one_before_it(house: House) -> None:
    house.receive(message())
    first = told(house)
    second = told(house, REFUSED)
    third = told(house, GRANTED)
    assert [refs(second), refs(third)] == [(first.msg_id, MSG_IDS["N"]), (second.msg_id, MSG_IDS["N"])]
    assert len({first.id, second.id, third.id}) == 3
    assert {first.key, second.key, third.key} == {first.key}  # so they leave in this order


def test_the_same_answer_again_is_not_told_again(house: House) -> None:
    house.receive(message())
    first = told(house)
    house.clock.pass_(days=3)
    assert tell(house) is None
    assert told(house, replace(GRANTED, date_limit=date(2026, 11, 1))).id != first.id


def test_a_viderehenvisning_keeps_the_conversation_of_the_first_referral(house: House) -> None:
    """HIS 1208:2018: it refers to the original referral; the status to both."""
    house.receive(example("transfer-assessed-pathway-codes.xml"), sender="8000301")
    assert refs(told(house)) == ("697a0f54-ab3b-4d16-93c5-d059b779a0f6", "7ba1eeef-d2b4-4350-8ee3-9474d2078617")


def test_a_change_is_answered_as_what_came_last_in_the_conversation(house: House) -> None:
    house.receive(message("N"), "1")
    house.clock.pass_(days=1)
    kept = house.receive(message("M"), "2").message
    row = told(house)
    assert (refs(row), row.message_id) == ((MSG_IDS["M"], MSG_IDS["N"]), kept.id)
    assert b"Henvisningen mottatt: 3. august 2026" in document(row)  # the referral, not its change


def test_a_change_after_the_first_status_does_not_break_the_chain(house: House) -> None:
    house.receive(message("N"), "1")
    first = told(house)
    house.receive(message("M"), "2")
    assert tell(house) is None
    assert refs(told(house, REFUSED)) == (first.msg_id, MSG_IDS["N"])


@pytest.mark.parametrize("order", ["NM", "MN"])
def test_a_change_without_a_reference_belongs_to_the_referral_of_its_document(house: House, order: str) -> None:
    """Versions 1.x have no ConversationRef: what began is the referral with that DocumentId (HISD 1154), whatever came first."""
    bare = re.sub(rb"<ConversationRef>.*?</ConversationRef>", b"", message("M"), flags=re.DOTALL)
    for kind in order:
        house.receive({"N": message("N"), "M": bare}[kind], kind)
        house.clock.pass_(hours=1)
    assert refs(told(house)) == (MSG_IDS["M"], MSG_IDS["N"])


def test_what_the_sender_has_withdrawn_is_not_answered(house: House) -> None:
    house.receive(message("N"), "1")
    house.receive(message("C"), "2")
    assert tell(house) is None


def test_an_emergency_is_not_answered(house: House) -> None:
    house.receive(message("N", ('<Priority V="N"', '<Priority V="0"')))
    assert (tell(house), tell(house, REFUSED)) == (None, None)


@pytest.mark.parametrize(("name", "service"), [("v11-adult.xml", ADULTS), ("v10-adolescent.xml", "8000102")])
def test_old_versions_are_answered_in_the_new_one(house: House, name: str, service: str) -> None:
    data = example(name)
    house.receive(data, receiver=service)
    row = told(house)
    own = re.search(rb"<MsgId>(.*?)</MsgId>", data)
    assert own
    assert (refs(row), row.sender, row.receiver) == ((own[1].decode(),) * 2, service, GP)


@pytest.mark.parametrize("first", ["8000102", ADULTS])
def test_of_several_receivers_only_the_one_that_was_asked_answers(house: House, first: str) -> None:
    """One hospital gets the referral twice, as receiver and as copy receiver, in either order: one ServiceRequest, one status."""
    name = "transfer-child-type-code-copy.xml"
    text = example(name).decode()
    asked, copy = (
        re.search(rf"<{tag}>.*?<Organisation>.*?<Organisation>.*?<Id>(\d+)<", text, re.DOTALL)
        for tag in ("Receiver", "OtherReceiver")
    )
    assert asked
    assert copy
    house.services |= {her: Service(her, HOSPITAL, "D12") for her in (asked[1], copy[1])}
    for number, her in enumerate(sorted((asked[1], copy[1]), reverse=first == ADULTS)):
        house.receive(text.encode(), str(number), receiver=her, sender="8000301")
    assert told(house).sender == asked[1]
    assert tell(house) is None


def test_a_copy_receiver_alone_answers_nobody(house: House) -> None:
    house.receive(example("copy-to-home-unit.xml"), sender="8000301")
    assert tell(house) is None


def test_a_referral_that_no_message_brought_has_no_referrer_to_tell(house: House) -> None:
    put(
        house,
        {
            "resourceType": "ServiceRequest",
            "id": "own",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/1"},
        },
    )
    assert tell(house) is None


def test_a_client_that_leaves_out_or_forges_the_source_changes_nothing(house: House) -> None:
    """Whom to tell about which patient is never what a client says of a referral."""
    victim = house.receive(message("N", ("25064625-6b5b-41a3-9d4c-4a66907b9a63", uuid(4)), msg_id=uuid(5)), "1").message
    with house.store.write() as unit:
        (other,) = (decode(s.body) for s in unit.search(HOSPITAL, REQUESTS).found)
    kept = house.receive(message(), "2").message
    for source in ({}, {"source": f"urn:uuid:{victim.id}"}, {"source": "x"}):
        (body,) = (b for b in house.bodies("ServiceRequest") if b["id"] != other["id"])
        put(house, body | {"meta": {"versionId": "9", "lastUpdated": body["meta"]["lastUpdated"], **source}})
        with house.store.write() as unit:
            forged = decode(unit.read(HOSPITAL, "ServiceRequest", body["id"]).body)  # type: ignore[union-attr]
            row = answer(unit, HOSPITAL, forged, replace(REFUSED, reason=str(source)), NOW, hubs=HUBS, read=house.translator.read)
        assert row
        assert row.message_id == kept.id


def test_who_answered_is_named_where_the_task_says_a_person(house: House) -> None:
    house.receive(message())
    hpr = {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "990000301"}
    put(house, {"resourceType": "Practitioner", "id": "p", "name": [{"family": "Fiksjon", "given": ["Kari"]}], "identifier": [hpr]})
    role = {"practitioner": {"reference": "Practitioner/p"}, "telecom": [{"system": "phone", "value": "00 00 12 34"}]}
    put(house, {"resourceType": "PractitionerRole", "id": "r", **role})
    texts = []
    for owner in ("PractitionerRole/r", "Practitioner/p", "Practitioner/unknown", "Organization/1", ""):
        row = tell(house, owner={"reference": owner})
        texts.append(re.findall(rb"FamilyName>(\w+)<|V=\"(tel:\d+)\"", document(row).partition(b"<Notat>")[2]) if row else None)
    assert texts == [[(b"Fiksjon", b""), (b"", b"tel:00001234")], [(b"Fiksjon", b"")], [], None, None]


def test_an_apprec_says_that_it_arrived(house: House) -> None:
    house.receive(message())
    row = told(house)
    hub = PaperHub(EDI, "edi2")
    deliver(house.store, hub, house.clock)
    assert [(r.kind, r.body) for r in hub.delivered if r.kind == "message"] == [("message", row.body)]
    assert row_of(house, row.id).state == "unanswered"
    kept = receipt(house, row, "1")
    assert (kept.state, row_of(house, row.id).state, row_of(house, row.id).answer) == (State.PROCESSED, "sent", "ok")


def test_a_rejection_waits_for_a_person_and_the_answer_can_be_told_anew(house: House) -> None:
    """HIS 80415:2012: a message that was rejected is mended and sent with a new MsgId."""
    house.receive(message())
    first = told(house)
    deliver(house.store, PaperHub(EDI, "edi2"), house.clock)
    kept = receipt(house, first, "2")
    assert (kept.state, row_of(house, first.id).answer) == (State.QUARANTINED, "rejected")
    assert first.msg_id in kept.reason
    assert "E36" in kept.reason
    assert "telephone" in kept.action
    again = told(house)
    assert (again.msg_id != first.msg_id, refs(again)) == (True, (MSG_IDS["N"], MSG_IDS["N"]))  # the first was not taken


def test_silence_waits_for_a_person_after_96_hours_and_a_late_apprec_counts(house: House) -> None:
    """HIS 80415:2012: without an AppRec in 96 hours it counts as rejected; a late one may come, and is to be taken."""
    house.receive(message())
    row = told(house)
    deliver(house.store, PaperHub(EDI, "edi2"), house.clock)
    house.clock.at = NOW + timedelta(hours=96) - timedelta(seconds=1)
    assert (house.reception.work_due(), row_of(house, row.id).state) == (0, "unanswered")
    house.clock.at = NOW + timedelta(hours=96)
    with capture_logs() as logs:
        assert (house.reception.work_due(), house.reception.work_due()) == (1, 0)
    assert [(entry["event"], entry["log_level"], entry["id"]) for entry in logs] == [("outgoing.unanswered", "warning", row.id)]
    late = row_of(house, row.id)
    assert (late.state, "telephone" in late.error, house.message(row.message_id).state) == ("dead", True, State.PROCESSED)
    receipt(house, row, "1")
    assert (row_of(house, row.id).state, row_of(house, row.id).error, row_of(house, row.id).answer) == ("sent", "", "ok")


def test_what_was_never_told_is_not_referred_to(house: House) -> None:
    house.receive(message())
    first = told(house)
    with house.store.write() as unit:
        unit.change_outgoing(replace(first, state="dead"))
    assert refs(told(house)) == (MSG_IDS["N"], MSG_IDS["N"])


def test_an_apprec_that_overtakes_its_delivery_is_not_lost(house: House) -> None:
    """Another process may have received it before this one has noted that the message left."""
    house.receive(message())
    row = told(house)

    class Quick(PaperHub):
        def deliver(self, sent: Outgoing) -> str:
            if sent.kind == "message":
                receipt(house, row, "1")
            return super().deliver(sent)

    deliver(house.store, Quick(EDI, "edi2"), house.clock)
    known = row_of(house, row.id)
    assert (known.state, known.answer, known.hub_id) == ("sent", "ok", f"sent-{row.id}")


NOT_TOLD = {
    "psychosis-emergency.xml": "priority 0",
    "emergency-unidentified.xml": "priority 0",
    "copy-to-home-unit.xml": "we only have a copy of it",
    "v11-copy-receiver.xml": "we only have a copy of it",
}
NOT_TAKEN = {
    "series-2-change.xml": "its referral has not come",
    "series-3-cancel.xml": "its referral has not come",
    "service-without-pathway.xml": "no service of this house",
}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.xml")))
def test_every_example_is_told_validly_or_for_a_reason_not(house: House, name: str) -> None:
    data = example(name)
    kept = house.reception.receive(Delivery(data, NOW, "http")).message
    assert (kept.state is State.PROCESSED) == (name not in NOT_TAKEN)
    if kept.state is State.PROCESSED:
        row = tell(house, tenant=kept.tenant)
        assert (row is None) == (name in NOT_TOLD)
        assert row is None or not (STANDARDS / "xsd").is_dir() or faults("dialog-1.1", document(row)) == []
