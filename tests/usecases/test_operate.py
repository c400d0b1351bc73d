"""What operators and testers ask of a kept message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from adapter.domain.problem import Kind, Problem
from adapter.domain.referral import Service
from adapter.ports import NOBODY, State
from tests.usecases.house import ADULTS, ELSEWHERE, HOSPITAL, MSG_IDS, NOW, OTHER, House, message, uuid

OURS = [HOSPITAL]


def kind_of(fault: pytest.ExceptionInfo[Problem]) -> Kind:
    return fault.value.kind


def test_the_bundle_holds_the_stored_bytes_of_what_the_message_made(house: House) -> None:
    kept = house.receive(message()).message
    bundle = house.reception.bundle(OURS, kept.id)
    assert bundle
    decoded = msgspec.json.decode(bundle)
    with house.store.read() as unit:
        stored = unit.message_resources(HOSPITAL, kept.id)
    assert all(s.body in bundle for s in stored)
    assert [e["request"] for e in decoded["entry"]] == [{"method": "PUT", "url": f"{s.type}/{s.id}"} for s in stored]


@pytest.mark.parametrize(
    ("id", "sent", "state", "tenant"),
    [
        ("17", {"msg_id": "17"}, State.REFUSED, HOSPITAL),
        (MSG_IDS["N"], {"sender": None}, State.QUARANTINED, HOSPITAL),
        (MSG_IDS["N"], {"receiver": ELSEWHERE}, State.QUARANTINED, NOBODY),
    ],
)
def test_a_message_is_of_the_patient_whom_it_names_whatever_became_of_it(
    house: House, id: str, sent: dict[str, str | None], state: State, tenant: str
) -> None:
    """The example's patient, in the series of national numbers (2.16.578.1.12.4.1.4.1)."""
    kept = house.receive(message(msg_id=id), **sent).message

    assert (kept.state, kept.tenant, kept.patient) == (state, tenant, "urn:oid:2.16.578.1.12.4.1.4.1|21889240366")
    assert house.message(kept.id) == kept


def test_a_message_that_made_something_is_of_the_patient_that_it_made(house: House) -> None:
    kept = house.receive(message()).message
    with house.store.read() as unit:
        made = [one.id for one in unit.message_resources(HOSPITAL, kept.id) if one.type == "Patient"]

    assert [kept.patient, house.message(kept.id).patient] == made * 2


def test_a_message_that_cannot_be_read_is_of_nobody_that_we_know(house: House) -> None:
    assert house.receive(b"<Epikrise/>", msg_id=uuid(5)).message.patient == ""


def test_a_message_that_made_nothing_has_no_bundle_and_an_unanswered_one_no_apprec(house: House) -> None:
    kept = house.receive(message(), sender=None).message
    assert (house.reception.bundle(OURS, kept.id), house.reception.apprec(OURS, kept.id)) == (None, None)


def test_a_kept_message_explains_itself_as_it_was_translated(house: House) -> None:
    kept = house.receive(message()).message
    explanation = house.reception.explanation(OURS, kept.id)
    paths = {element["path"] for element in explanation["elements"]}
    bundle = msgspec.json.decode(house.reception.bundle(OURS, kept.id) or b"")
    episode = [e["resource"]["resourceType"] for e in bundle["entry"]].index("EpisodeOfCare")
    assert f"Bundle.entry[{episode}].resource.status" in paths
    assert {node["fate"] for node in explanation["nodes"]} == {"used", "not-used"}


def test_it_explains_itself_the_same_way_when_the_configuration_has_changed(house: House) -> None:
    kept = house.receive(message()).message
    before = house.reception.explanation(OURS, kept.id)
    house.services[ADULTS] = Service(ADULTS, HOSPITAL, "D01")
    assert house.reception.explanation(OURS, kept.id) == before


def test_a_refused_message_is_explained_too(house: House) -> None:
    kept = house.receive(message(msg_id="17"), msg_id="17").message
    assert house.reception.explanation(OURS, kept.id)["nodes"]


@pytest.mark.parametrize("ask", ["retry", "dismiss", "bundle", "apprec", "explanation"])
@pytest.mark.parametrize("tenants", [[OTHER], [NOBODY], []])
def test_another_organisations_message_is_not_found(house: House, ask: str, tenants: list[str]) -> None:
    kept = house.receive(message()).message
    with pytest.raises(Problem) as fault:
        getattr(house.reception, ask)(tenants, kept.id)
    assert kind_of(fault) is Kind.NOT_FOUND


def test_an_unreadable_message_has_nothing_to_explain(house: House) -> None:
    kept = house.receive(b"<Epikrise/>", msg_id=uuid(5)).message
    with pytest.raises(Problem) as fault:
        house.reception.explanation(OURS, kept.id)
    assert kind_of(fault) is Kind.NOT_FOUND


def test_retry_after_the_service_was_added_receives_the_message_at_its_first_receipt(house: House) -> None:
    data = message("N", (f"<Id>{ADULTS}<", f"<Id>{ELSEWHERE}<"))
    kept = house.receive(data, receiver=ELSEWHERE).message
    house.services[ELSEWHERE] = Service(ELSEWHERE, OTHER, "D11")
    house.clock.pass_(days=1)

    taken = house.reception.retry([NOBODY], kept.id)
    assert (taken.id, taken.state, taken.tenant, taken.received) == (kept.id, State.PROCESSED, OTHER, NOW)
    assert house.statuses(kept.id) == ["Ok"]
    assert house.receive(data, receiver=ELSEWHERE).outcome == "duplicate"


def test_retry_of_a_conflict_does_not_let_it_pass_the_first(house: House) -> None:
    house.receive(message(), "1")
    other = house.receive(message("N", ("Mann på 34", "Mann på 43")), "2").message
    assert house.reception.retry(OURS, other.id) == other


def test_retry_of_the_first_is_not_stopped_by_a_later_conflict(house: House) -> None:
    house.translator.faulty = {MSG_IDS["N"]}
    first = house.receive(message(), "1").message
    house.receive(message("N", ("Mann på 34", "Mann på 43")), "2")
    house.translator.faulty = set()
    assert house.reception.retry(OURS, first.id).state is State.PROCESSED


def test_retry_of_a_change_whose_referral_is_still_missing_waits_on(house: House) -> None:
    early = house.receive(message("M")).message
    house.clock.pass_(hours=97)
    house.reception.work_due()
    assert house.reception.retry(OURS, early.id).state is State.QUARANTINED
    assert house.statuses(early.id) == ["Ok"]


@pytest.mark.parametrize("refused", [False, True])
def test_retry_in_another_state_is_refused(house: House, refused: bool) -> None:
    kept = house.receive(message(msg_id="17"), msg_id="17").message if refused else house.receive(message()).message
    with pytest.raises(Problem) as fault:
        house.reception.retry(OURS, kept.id)
    assert kind_of(fault) is Kind.BUSINESS_RULE


def test_retry_of_a_message_that_was_not_kept_says_so(house: House) -> None:
    kept = house.receive(b"<MsgHead", sender=None).message
    with pytest.raises(Problem, match="envelope"):
        house.reception.retry(OURS, kept.id)


def test_a_dismissed_message_is_kept_and_no_longer_counted(house: House) -> None:
    kept = house.receive(message(), sender=None).message
    assert house.reception.dismiss(OURS, kept.id) == replace(kept, dismissed=True)
    assert (house.counts(), house.message(kept.id).dismissed) == ({}, True)
    with pytest.raises(Problem) as fault:
        house.reception.retry(OURS, kept.id)
    assert kind_of(fault) is Kind.BUSINESS_RULE


def test_a_processed_message_cannot_be_dismissed(house: House) -> None:
    kept = house.receive(message()).message
    with pytest.raises(Problem) as fault:
        house.reception.dismiss(OURS, kept.id)
    assert kind_of(fault) is Kind.BUSINESS_RULE


def test_translating_keeps_nothing_and_gives_the_same_bytes_twice(house: House) -> None:
    once, twice = (house.reception.translate(message(), "D12") for _ in range(2))
    assert once == twice
    assert b'"code":"D12"' in (once.bundle or b"")
    assert b'Status V="1"' in once.apprec
    assert house.counts() == {}


def test_a_refused_translation_has_no_bundle_but_an_apprec(house: House) -> None:
    done = house.reception.translate(message(msg_id="17"))
    assert (done.bundle, b'V="E10"' in done.apprec) == (None, True)


def test_a_translation_is_received_when_it_is_said_to_be(house: House) -> None:
    done = house.reception.translate(message(), None, datetime(2026, 8, 10, 12, tzinfo=UTC))
    assert b'"end":"2026-08-24"' in (done.bundle or b"")


def test_what_is_translated_and_what_is_received_are_the_same(house: House) -> None:
    """But for version and time, which the store gives."""
    translated = msgspec.json.decode(house.reception.translate(message(), None, NOW).bundle or b"")
    kept = msgspec.json.decode(house.reception.bundle(OURS, house.receive(message()).message.id) or b"")
    for entry in kept["entry"]:
        for key in ("versionId", "lastUpdated"):
            del entry["resource"]["meta"][key]
    assert kept == translated
