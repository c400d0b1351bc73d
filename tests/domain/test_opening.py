"""Which pathway a referral opens, each rule as a sentence: the service decides, a transfer's own codes win, text never counts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapter.domain.gate import Case
from adapter.domain.opening import decide
from adapter.domain.problem import Kind, Problem
from adapter.domain.referral import Decision, Envelope, Facts, Opening, Service
from mappings.rules import national

RECEIVED = date(2026, 5, 11)


NEW, TRANSFER = "HENVISNING_NYTILSTAND", "HENVISNING_VIDERE"  # 8279


def case(serv_type: str = "N", type: str = NEW, **more: Any) -> Case:
    envelope = Envelope("2.0", type, "m", "", None, "d", serv_type, "8000200", "8000101")
    return Case(envelope, named=True, patient_numbers=(), born_and_sex=True, person_numbers=(), **more)


def service(pathway: str = "D11", rule_set: str = "", care_level: str = "") -> Service:
    return Service("8000101", "319900101", pathway, rule_set, care_level)


def decided(case: Case, service: Service, facts: Facts | None = None, received: date = RECEIVED, by_hand: str = "") -> Decision:
    return decide(case, service, facts or Facts(), received, national(), by_hand)


def kinds(decision: Decision) -> list[str]:
    return [duty.kind for duty in decision.duties]


@pytest.mark.parametrize("pathway", ["D11", "D12", "D01"])
def test_the_receiving_service_decides(pathway: str) -> None:
    assert decided(case(), service(pathway, care_level="poliklinikk")) == Decision(
        opening=Opening(pathway, "2025", "receiver", "poliklinikk")
    )


def test_a_pathway_is_chosen_by_hand_before_all_else() -> None:
    carried = case(type=TRANSFER, pathway_codes=("D12",))

    assert decided(carried, service("D11"), by_hand="D01") == Decision(opening=Opening("D01", "2025", "by-hand"))


@pytest.mark.parametrize("code", ["D12", "D12CU"])
def test_a_transfers_own_codes_win_over_the_service_and_a_difference_is_told(code: str) -> None:
    decision = decided(case(type=TRANSFER, pathway_codes=(code,)), service("D11"))

    assert (decision.opening, decision.duties) == (Opening("D12", "2025", "message"), ())
    assert [(f.severity, f.kind, f.rule) for f in decision.findings] == [("warning", Kind.BUSINESS_RULE, "HIS 1208:2018 5.2.3")]


def test_a_transfers_code_that_is_the_services_too_is_no_difference() -> None:
    decision = decided(case(type=TRANSFER, pathway_codes=("D11", "D11CU")), service("D11"))

    assert decision == Decision(opening=Opening("D11", "2025", "message"))


def test_a_transfers_code_opens_where_the_service_has_no_pathway() -> None:
    assert decided(case(type=TRANSFER, pathway_codes=("D12",)), service("")) == Decision(opening=Opening("D12", "2025", "message"))


def test_a_code_in_a_referral_that_is_no_transfer_decides_nothing_and_is_told() -> None:
    """No code list lets the referrer for a new condition ask for a pathway (HIS 1207)."""
    decision = decided(case(type=NEW, pathway_codes=("D12",)), service("D11"))

    assert (decision.opening, decision.duties) == (Opening("D11", "2025", "receiver"), ())
    assert [(f.severity, f.kind, f.rule) for f in decision.findings] == [("warning", Kind.BUSINESS_RULE, "HIS 1207:2018")]
    assert kinds(decided(case(type=NEW, pathway_codes=("D12",)), service(""))) == ["choose-pathway"]


def test_codes_of_several_pathways_are_for_a_person_to_choose_from() -> None:
    decision = decided(case(type=TRANSFER, pathway_codes=("D12", "D01")), service("D11"))

    assert (decision.opening, kinds(decision)) == (None, ["choose-pathway"])
    assert "D12, D01" in decision.duties[0].nb


def test_a_cancer_code_opens_nothing_and_hides_nothing() -> None:
    assert decided(case(type=TRANSFER, pathway_codes=("A16CK",)), service("D11")) == Decision(
        opening=Opening("D11", "2025", "receiver")
    )
    assert kinds(decided(case(type=TRANSFER, pathway_codes=("A16CK",)), service(""))) == ["choose-pathway"]


@pytest.mark.parametrize("serv_type", ["M", "C", "", "X"])
def test_a_change_or_a_cancellation_opens_nothing(serv_type: str) -> None:
    assert decided(case(serv_type), service("D11")) == Decision()


def test_a_copy_opens_nothing() -> None:
    assert decided(case(), service("D11"), Facts(copy=True)) == Decision()


def test_a_question_for_advice_opens_nothing() -> None:
    assert decided(case(content="11"), service("D11")) == Decision()
    assert decided(case(content="1"), service("D11")).opening is not None


def test_a_patient_who_has_an_open_pathway_of_that_type_gets_no_second_but_a_task_for_a_person() -> None:
    decision = decided(case(), service("D11"), Facts(open_pathways=[("D12", "other"), ("D11", "open")]))

    assert (decision.opening, decision.linked_pathway, kinds(decision)) == (None, "open", ["link-referral"])
    assert decision.duties[0].pathway == "open"


def test_an_open_pathway_of_another_type_is_no_hindrance() -> None:
    decision = decided(case(), service("D11"), Facts(open_pathways=[("D12", "other")]))

    assert decision == Decision(opening=Opening("D11", "2025", "receiver"))


def test_a_service_without_a_pathway_leaves_it_to_a_person() -> None:
    decision = decided(case(), service(""))

    assert (decision.opening, kinds(decision)) == (None, ["choose-pathway"])


def test_the_rules_are_those_of_the_day_received() -> None:
    days = [date(2018, 12, 31), date(2019, 1, 1), date(2024, 12, 31), date(2025, 1, 1)]

    assert [national().version(day) for day in days] == ["2019", "2019", "2019", "2025"]


def test_a_referral_from_before_the_pathways_began_gets_the_first_rules_and_is_told() -> None:
    decision = decided(case(), service("D06"), received=date(2018, 12, 31))

    assert decision.opening == Opening("D06", "2019", "receiver")
    assert [(f.severity, f.kind) for f in decision.findings] == [("information", Kind.BUSINESS_RULE)]


def test_a_services_own_rules_win_over_the_day() -> None:
    assert decided(case(), service("D06", "2019")).opening == Opening("D06", "2019", "receiver")
    assert decided(case(), service("D11", "2025"), received=date(2018, 1, 1)).findings == ()


@pytest.mark.parametrize("pathway", ["D06", "D07", "D08", "D09", "D10"])
def test_a_type_that_the_rules_lack_is_left_to_a_person(pathway: str) -> None:
    decision = decided(case(), service(pathway))

    assert (decision.opening, kinds(decision)) == (None, ["choose-rule-set"])


def test_a_type_that_the_rules_lack_cannot_be_chosen_by_hand() -> None:
    with pytest.raises(Problem) as stopped:
        decided(case(), service("D11"), by_hand="D07")

    assert stopped.value.kind is Kind.BUSINESS_RULE
