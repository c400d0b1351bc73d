"""Who is let in, each rule as a sentence (HIS 80415:2012, HITS 1168; codes of 8221)."""

from __future__ import annotations

from typing import Any

from adapter.domain.gate import Case, GateRules, judge, warnings
from adapter.domain.problem import Finding, Kind
from adapter.domain.referral import Envelope, RefusalReason
from tests.domain.test_persons import completed
from tests.national_numbers import make, make_fhn

SYNTHETIC = make(12, 3, 1985, "female")
UNBORN = completed("010139501")  # as a living person's number, month and all; but of someone born in 2039
MSG_ID = "11111111-2222-4333-8444-555555555555"
NO_UUID = RefusalReason("E10", "MsgId er ikke en UUID.")
NOT_IDENTIFIED = RefusalReason(
    "E36", "Pasienten må ha navn og enten fødselsnummer, D-nummer, felles hjelpenummer eller fødselsdato med kjønn."
)
MAY_BE_REAL = RefusalReason(
    "E36",
    "Testmiljø: meldingen gjelder en person som kan være virkelig. Bruk syntetiske fødselsnummer (måned +80, +65 eller +40).",
)
SIGNED = RefusalReason("S03", "Signerte meldinger tas ikke imot her: signaturen kontrolleres ikke.")
FAULT = Finding("warning", Kind.INVALID, "<A>: <B> is missing.", "<A>: <B> mangler.", "/A", 3, rule="XSD")
BREACH = RefusalReason("T02", "<A>: <B> mangler. Linje 3: /A. Antall feil: 2.")


def case(emergency: bool = False, signed: bool = False, msg_id: str = MSG_ID, **more: Any) -> Case:
    envelope = Envelope("2.0", "HENVISNING", msg_id, "", None, "", "N", "8000200", "8000101", emergency=emergency, signed=signed)
    known = {"named": True, "patient_numbers": (SYNTHETIC,), "born_and_sex": False, "person_numbers": (SYNTHETIC,)}
    return Case(envelope, **(known | more))


def test_a_referral_that_is_as_it_should_be_comes_in() -> None:
    assert judge(case(), GateRules()) == ()


def test_a_msg_id_that_is_no_uuid_is_refused() -> None:
    assert judge(case(msg_id="12345"), GateRules()) == (NO_UUID,)


def test_a_patient_needs_a_name() -> None:
    assert judge(case(named=False), GateRules()) == (NOT_IDENTIFIED,)


def test_a_patient_needs_a_valid_number_or_both_birth_date_and_sex() -> None:
    wrong = SYNTHETIC[:-1] + str((int(SYNTHETIC[-1]) + 1) % 10)

    assert [judge(case(patient_numbers=numbers), GateRules()) for numbers in ((), (wrong,))] == [(NOT_IDENTIFIED,)] * 2
    assert judge(case(patient_numbers=(wrong,), born_and_sex=True), GateRules()) == ()


def test_a_d_number_or_a_common_help_number_identifies_a_patient_too() -> None:
    for number in (make(12, 3, 1985, "female", dnr=True), make_fhn(10_000_000)):
        assert judge(case(patient_numbers=(number,), person_numbers=()), GateRules()) == ()


def test_a_test_environment_refuses_anyone_in_the_message_who_may_be_real() -> None:
    assert judge(case(person_numbers=(SYNTHETIC, UNBORN)), GateRules()) == (MAY_BE_REAL,)


def test_a_production_environment_takes_real_persons() -> None:
    assert judge(case(patient_numbers=(UNBORN,), person_numbers=(UNBORN,)), GateRules(test_environment=False)) == ()


def test_a_person_on_the_list_is_let_into_a_test_environment() -> None:
    assert judge(case(person_numbers=(UNBORN,)), GateRules(allowed_persons={UNBORN})) == ()


def test_eleven_digits_that_are_no_number_are_nobodys() -> None:
    assert judge(case(person_numbers=(UNBORN[:-1] + str((int(UNBORN[-1]) + 1) % 10), UNBORN[:-1], "")), GateRules()) == ()


def test_a_signed_message_is_refused_only_where_that_is_chosen() -> None:
    assert judge(case(signed=True), GateRules()) == ()
    assert judge(case(signed=True), GateRules(refuse_signed=True)) == (SIGNED,)


def test_a_breach_of_the_schema_is_refused_only_in_strict_mode_with_the_first_fault_and_their_number() -> None:
    assert judge(case(faults=(FAULT, FAULT)), GateRules()) == ()
    assert judge(case(faults=(FAULT, FAULT)), GateRules(strict=True)) == (BREACH,)


def test_strict_mode_lets_a_message_without_faults_in() -> None:
    assert judge(case(), GateRules(strict=True)) == ()


def test_an_emergency_that_can_be_read_comes_in_whatever_it_lacks() -> None:
    lacking = case(emergency=True, msg_id="12345", named=False, patient_numbers=(), person_numbers=(), faults=(FAULT,))

    assert judge(lacking, GateRules(strict=True)) == ()


def test_not_even_an_emergency_brings_a_real_person_into_a_test_environment() -> None:
    assert judge(case(emergency=True, person_numbers=(UNBORN,)), GateRules()) == (MAY_BE_REAL,)


def test_all_reasons_are_told_at_once() -> None:
    everything = case(msg_id="", named=False, patient_numbers=(), person_numbers=(UNBORN,), signed=True, faults=(FAULT, FAULT))

    reasons = judge(everything, GateRules(strict=True, refuse_signed=True))

    assert reasons == (MAY_BE_REAL, SIGNED, NO_UUID, NOT_IDENTIFIED, BREACH)


def test_what_cannot_be_translated_is_the_only_reason_and_no_emergency_changes_it() -> None:
    broken = (RefusalReason("T10", "Meldingen har ingen Henvisning 2.0."),)

    assert judge(case(emergency=True, broken=broken, named=False), GateRules()) == broken


def test_a_translation_without_a_gate_only_warns_of_who_may_be_real() -> None:
    assert warnings(case()) == []
    assert [(f.severity, f.kind) for f in warnings(case(person_numbers=(UNBORN,)))] == [("warning", Kind.NOT_SYNTHETIC)]
    assert UNBORN not in warnings(case(person_numbers=(UNBORN,)))[0].en
