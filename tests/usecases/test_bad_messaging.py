"""Bad input of the channel: spoofing, duplicates, disorder, poison. One test for each row of the facts' table, named by it."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problem import Kind, Problem, problem
from adapter.domain.referral import Service
from adapter.ports import NOBODY, Message, Outgoing, State, Unit
from adapter.usecases import receive_message
from adapter.usecases.arrival import Arrival
from adapter.usecases.deliver import deliver
from adapter.usecases.receive_message import Received
from adapter.usecases.situation import Situation
from adapter.usecases.translate_message import receipt_of
from tests.usecases.house import ADULTS, ELSEWHERE, GP, HOSPITAL, MSG_IDS, NOW, OTHER, House, PaperHub, apprec, message, uuid

pytestmark = pytest.mark.slow  # a whole installation for each

DOCUMENT = "25064625-6b5b-41a3-9d4c-4a66907b9a63"  # that the example is about
OURS = uuid(1)
CLINIC = "8000301"  # whom we sent a message to


def sent(house: House) -> None:
    """We have sent a message, and nobody has answered it."""
    row = Outgoing(
        id="row", tenant=HOSPITAL, key="k", hub="edi2", kind="message", message_id="m", hub_id="h", sender=ADULTS, receiver=CLINIC,
        body=b"<x/>", content_type="application/xml", created=NOW, msg_id=OURS, state="sent",
    )  # fmt: skip
    with house.store.write() as unit:
        unit.enqueue(row)


def answer(house: House) -> str | None:
    with house.store.read() as unit:
        row = unit.outgoing("row")
    assert row
    return row.answer


def test_b041_another_sender_than_the_hub_names_is_refused_and_raised(house: House) -> None:
    received = house.receive(message(), sender="8000666")

    kept = house.message(received.message.id)
    assert (kept.state, kept.sender, kept.tenant) == (State.REFUSED, "8000666", HOSPITAL)
    assert "8000666" in kept.reason
    assert "spoofing" in kept.action
    assert house.made(kept.id) == []
    assert house.statuses(kept.id) == ["X99"]


def test_b041_a_spoofed_message_does_not_take_the_place_of_the_real_one(house: House) -> None:
    house.receive(message(), "1", sender="8000666")
    real = house.receive(message("N", ("Mann på 34", "Mann på 35")), "2")
    assert (real.outcome, real.message.state) == ("new", State.PROCESSED)


def test_b041_the_senders_enterprise_is_no_other_sender(house: House) -> None:
    """The hub may name either level of the sender (EDI 2.0, useSenderLevel1HerId)."""
    kept = house.receive(message(), sender="8000200").message
    assert (kept.state, kept.sender) == (State.PROCESSED, GP)
    assert house.receive(message(), "2", sender=GP).outcome == "duplicate"


@pytest.mark.parametrize(("missing", "named"), [("receiver", "receiver HER-id"), ("sender", "sender HER-id")])
def test_b042_missing_metadata_are_named_and_the_message_waits_for_a_person(house: House, missing: str, named: str) -> None:
    kept = house.receive(message(), **{missing: None}).message
    assert kept.state is State.QUARANTINED
    assert named in kept.reason
    assert "operator" in kept.action
    assert (house.made(kept.id), house.answers(kept.id), house.kept(kept.id)) == ([], [], message())


def test_b042_an_unreadable_type_is_answered_from_the_metadata(house: House) -> None:
    kept = house.receive(b"<Dialogmelding/>", msg_id=uuid(7)).message
    assert (kept.state, kept.type, house.statuses(kept.id)) == (State.REFUSED, "", ["T10"])


def test_b043_a_message_for_others_is_quarantined_for_nobody_and_not_answered(house: House) -> None:
    data = message("N", (f"<Id>{ADULTS}<", f"<Id>{ELSEWHERE}<"))
    kept = house.receive(data, receiver=ELSEWHERE).message
    assert (kept.state, kept.tenant, kept.receiver) == (State.QUARANTINED, NOBODY, ELSEWHERE)
    assert house.answers(kept.id) == []
    assert house.counts([HOSPITAL, OTHER]) == {}


def test_b043_a_message_for_others_that_the_hub_gives_to_us_is_not_delivered_to_another_tenant(house: House) -> None:
    data = message("N", (f"<Id>{ADULTS}<", f"<Id>{ELSEWHERE}<"))
    kept = house.receive(data, receiver=ADULTS).message
    assert (kept.state, kept.tenant, house.made(kept.id), house.answers(kept.id)) == (State.QUARANTINED, NOBODY, [], [])


def test_b044_the_same_delivery_ten_times_has_one_effect_and_one_apprec(house: House) -> None:
    outcomes = [house.receive(message()).outcome for _ in range(10)]

    first = house.receive(message()).message
    assert outcomes == ["new", *["duplicate"] * 9]
    assert house.counts() == {"processed": 1}
    assert [body["meta"]["versionId"] for body in house.bodies("ServiceRequest")] == ["1"]
    assert house.statuses(first.id) == ["Ok"]


def test_b045_a_new_hub_id_for_a_known_message_has_no_effect_and_no_second_apprec(house: House) -> None:
    first = house.receive(message(), "1")
    again = house.receive(message(), "2")
    assert (again.outcome, again.message) == ("duplicate", first.message)
    assert house.counts() == {"processed": 1}
    assert house.statuses(first.message.id) == ["Ok"]


def test_b046_a_hub_id_used_for_another_message_is_refused_as_a_protocol_error(house: House) -> None:
    first = house.receive(message(), "1").message
    other = house.receive(message(msg_id=uuid(2)), "1").message
    assert (other.state, house.made(other.id), house.answers(other.id)) == (State.REFUSED, [], [])
    assert other.reason.startswith("Protocol error")
    assert first.id in other.reason
    assert house.message(first.id) == first
    assert house.receive(message(msg_id=uuid(2)), "1").message == other


def test_b047_other_content_under_a_known_msgid_is_quarantined_unanswered_and_the_first_stays(house: House) -> None:
    first = house.receive(message(), "1").message
    forged = message("N", ("Mann på 34", "Mann på 43"))
    other = house.receive(forged, "2")
    assert (other.outcome, other.message.state, house.answers(other.message.id)) == ("conflict", State.QUARANTINED, [])
    assert house.message(first.id) == first
    assert "Mann på 34" in house.the("ServiceRequest")["reasonCode"][0]["text"]
    assert (house.receive(forged, "3").outcome, house.receive(message(), "4").outcome) == ("conflict", "duplicate")
    assert house.counts() == {"processed": 1, "quarantined": 1}


def test_b049_an_apprec_for_an_unknown_message_is_kept_as_an_orphan_and_never_answered(house: House) -> None:
    kept = house.receive(apprec(uuid(77)), msg_id=uuid(900), sender=CLINIC, is_apprec=True).message
    assert (kept.state, kept.type, house.answers(kept.id)) == (State.PROCESSED, "APPREC", [])
    assert kept.reason.startswith("Orphan")


def test_b049_an_apprec_among_files_is_known_for_what_it_is(house: House) -> None:
    kept = house.receive_file(apprec(uuid(77))).message
    assert (kept.type, kept.tenant, house.answers(kept.id)) == ("APPREC", HOSPITAL, [])


def test_b049_an_unreadable_apprec_is_not_answered(house: House) -> None:
    kept = house.receive(b"<AppRec/>", msg_id=uuid(900), sender=CLINIC, is_apprec=True).message
    assert (kept.state, kept.type, house.answers(kept.id)) == (State.QUARANTINED, "APPREC", [])


def test_b050_a_negative_apprec_after_a_positive_one_is_a_conflict_for_a_person(house: House) -> None:
    sent(house)
    first = house.receive(apprec(OURS, "1", number=901), "1", msg_id=uuid(901), sender=CLINIC, is_apprec=True).message
    assert (first.state, answer(house)) == (State.PROCESSED, "ok")

    second = house.receive(apprec(OURS, "2", number=902), "2", msg_id=uuid(902), sender=CLINIC, is_apprec=True).message
    assert (second.state, answer(house), house.answers(second.id)) == (State.QUARANTINED, "conflict", [])
    assert "telephone" in second.action


def test_b050_the_same_answer_twice_is_no_conflict(house: House) -> None:
    sent(house)
    for number, state in ((901, State.QUARANTINED), (902, State.PROCESSED)):  # a rejection waits for a person, once
        data = apprec(OURS, "2", number=number)
        kept = house.receive(data, str(number), msg_id=uuid(number), sender=CLINIC, is_apprec=True).message
        assert kept.state is state
    assert answer(house) == "rejected"


@pytest.mark.parametrize("hub_says", ["8000666", CLINIC])
def test_b051_an_apprec_from_someone_else_is_refused_as_a_spoof(house: House, hub_says: str) -> None:
    """Whether it names another sender itself, or the hub says that another sent it."""
    sent(house)
    said = "8000666" if hub_says == CLINIC else CLINIC
    kept = house.receive(apprec(OURS, sender=said), msg_id=uuid(900), sender=hub_says, is_apprec=True).message
    assert (kept.state, answer(house), house.answers(kept.id)) == (State.REFUSED, None, [])
    assert "spoofing" in kept.action


def test_b052_a_cancellation_before_its_referral_is_answered_and_linked_when_that_comes(house: House) -> None:
    early = house.receive(message("C"), "1").message
    assert (early.state, early.due, house.made(early.id)) == (State.PARKED, NOW + timedelta(hours=96), [])
    assert house.statuses(early.id) == ["Ok"]

    house.receive(message("N"), "2")
    assert house.message(early.id).state is State.PROCESSED
    assert [house.the(t)["status"] for t in ("ServiceRequest", "EpisodeOfCare", "CarePlan")] == ["revoked", "cancelled", "revoked"]
    assert house.statuses(early.id) == ["Ok"]


def test_b052_a_change_whose_referral_never_comes_is_escalated_at_the_deadline(house: House) -> None:
    early = house.receive(message("M")).message
    house.clock.pass_(hours=95)
    assert house.reception.work_due() == 0

    house.clock.pass_(hours=1)
    assert house.reception.work_due() == 1
    late = house.message(early.id)
    assert (late.state, late.due) == (State.QUARANTINED, None)
    assert "Ask the sender for the referral" in late.action


@pytest.mark.parametrize("year", ["2036", "1900"])
def test_b053_an_impossible_time_is_accepted_with_a_warning_and_our_own_time_counts(house: House, year: str) -> None:
    kept = house.receive(message("N", ("<GenDate>2026", f"<GenDate>{year}"))).message
    assert kept.state is State.PROCESSED
    assert b"GenDate" in kept.issues
    assert b'"warning"' in kept.issues
    (task,) = house.bodies("Task")
    assert (task["restriction"]["period"]["end"], task["authoredOn"][:10]) == ("2026-08-17", "2026-08-03")


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-11-06"),  # 02:30 for the first time that night
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-11-06"),  # and for the second
        (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "2026-11-06"),  # half past eleven on the Sunday, in winter time
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "2026-04-15"),  # the hour that is not there; Easter follows
        (datetime(2028, 2, 28, 23, 30, tzinfo=UTC), "2028-03-14"),  # leap day in Oslo, the day before in UTC
    ],
)
def test_b054_deadlines_count_from_the_date_in_oslo(house: House, received: datetime, due: str) -> None:
    house.reception.receive(replace(house.delivery(message()), received=received))
    assert house.the("Task")["restriction"]["period"]["end"] == due


def _summer(at: datetime) -> bool:
    """Summer time in the EU: from the last Sunday of March to that of October, 01:00 UTC."""
    starts, ends = (datetime(at.year, month, 31 - (date(at.year, month, 31).weekday() + 1) % 7, 1, tzinfo=UTC) for month in (3, 10))
    return starts <= at < ends


@given(st.datetimes(datetime(1997, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_b054_the_day_of_receipt_is_norways_at_any_moment(received: datetime) -> None:
    local = received + timedelta(hours=2 if _summer(received) else 1)
    assert receipt_of(received, Service("1", "2")).day == local.date()


def test_b055_a_message_that_always_fails_is_tried_three_times_and_the_others_go_on(house: House) -> None:
    house.translator.faulty = {MSG_IDS["N"]}
    poison = house.receive(message(), "1").message
    other = house.receive(message(msg_id=uuid(3)), "2").message
    assert (poison.state, poison.attempts, poison.due) == (State.RECEIVED, 1, NOW + timedelta(minutes=1))
    assert other.state is State.PROCESSED

    worked = []
    for _ in range(4):
        house.clock.pass_(minutes=5)
        worked.append(house.reception.work_due())
    kept = house.message(poison.id)
    assert (worked, kept.state, kept.attempts, kept.due) == ([1, 1, 0, 0], State.QUARANTINED, 3, None)
    assert "ZeroDivisionError" in kept.reason
    assert (house.answers(poison.id), house.made(poison.id), house.kept(poison.id)) == ([], [], message())


def test_b055_a_mended_fault_lets_the_message_through_with_one_apprec(house: House) -> None:
    house.translator.faulty = {MSG_IDS["N"]}
    poison = house.receive(message(), "1").message
    house.translator.faulty = set()
    house.clock.pass_(minutes=1)
    house.reception.work_due()
    assert house.message(poison.id).state is State.PROCESSED
    assert (house.statuses(poison.id), house.receive(message(), "1").outcome) == (["Ok"], "duplicate")


def test_b056_of_1001_undelivered_messages_the_last_is_delivered_too(house: House) -> None:
    row = Outgoing(
        id="", tenant=HOSPITAL, key="", hub="folder", kind="apprec", message_id="m", hub_id=None, sender=ADULTS, receiver=GP,
        body=b"<x/>", content_type="application/xml", created=NOW,
    )  # fmt: skip
    with house.store.write() as unit:
        for number in range(1001):
            unit.enqueue(replace(row, id=f"{number:04d}", key=f"{number}"))

    hub = PaperHub()
    while deliver(house.store, hub, house.clock):
        pass
    assert [row.id for row in hub.delivered] == [f"{number:04d}" for number in range(1001)]


def test_every_row_of_the_table_for_messaging_is_tested(facts: Path) -> None:
    with (facts / "bad-inputs.csv").open(encoding="utf-8", newline="") as table:
        wanted = {row["id"] for row in csv.DictReader(table) if row["channel"] == "Messaging"}
    named = {name[5:9].upper() for name in globals() if re.match(r"test_b\d{3}_", name)}
    assert len(wanted) == 16
    assert wanted - {"B048"} == named


def test_b055_one_whose_turn_ends_in_nothing_costs_the_others_no_try(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due is taken up one by one: a database that goes away at the first leaves the second its tries."""
    first, second = (_faulty(house, n) for n in (1, 2))
    house.translator.faulty = set()
    again = house.reception._again

    def gone(kept: Message, *of: Any) -> Message:
        if kept.id == first:
            raise problem(Kind.TRANSIENT, "The database is away.", "Databasen er borte.")
        return again(kept, *of)

    monkeypatch.setattr(house.reception, "_again", gone)
    house.clock.pass_(minutes=20)
    with pytest.raises(Problem, match="away"):
        house.reception.work_due()

    assert (house.message(first).state, house.message(first).attempts) == (State.RECEIVED, 2)
    assert house.message(second).state is State.PROCESSED


def _faulty(house: House, n: int) -> str:
    house.translator.faulty.add(uuid(n))
    kept = house.receive(message("N", (DOCUMENT, uuid(50 + n)), msg_id=uuid(n)), str(n)).message
    house.clock.pass_(seconds=1)
    return kept.id


def test_b055_a_fault_in_looking_at_one_message_stops_no_other_of_its_batch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is ours to blame sets that one message aside, and the hub is told of all."""
    deliveries = [house.delivery(message("N", (DOCUMENT, uuid(50 + n)), msg_id=uuid(n)), str(n)) for n in (1, 2, 3)]
    look = receive_message.look

    def faulty(unit: Unit, arrival: Arrival, again: Message | None = None) -> Situation:
        if arrival.msg_id == uuid(2) and not arrival.error:
            raise ZeroDivisionError
        return look(unit, arrival, again)

    monkeypatch.setattr(receive_message, "look", faulty)
    kept = house.reception.receive_all(deliveries)

    assert [one.message.state for one in kept if isinstance(one, Received)] == [State.PROCESSED, State.RECEIVED, State.PROCESSED]


def test_b055_what_cannot_be_read_without_a_confidential_address_is_not_kept_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays on its hub, as the others of its batch do not: set aside, its own bytes would tell the address."""
    deliveries = [house.delivery(message("N", (DOCUMENT, uuid(50 + n)), msg_id=uuid(n)), str(n)) for n in (1, 2)]

    def faulty(arrival: Arrival, *_: Any) -> Arrival:
        if arrival.msg_id == uuid(1):
            raise ZeroDivisionError
        return arrival

    monkeypatch.setattr(receive_message.protect_address, "level_of", lambda *_: "6")
    monkeypatch.setattr(receive_message, "read_as", faulty)
    first, second = house.reception.receive_all(deliveries)

    assert isinstance(first, Problem)
    assert first.kind is Kind.INTERNAL
    assert isinstance(second, Received)
    assert house.counts() == {"processed": 1}
