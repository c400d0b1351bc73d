"""Identifiers of national series (no-basis): right numbers pass, synthetic ones too; wrong ones are told without the value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problem import Kind
from adapter.r4.profiles import check_norwegian
from tests.national_numbers import make

SERIES = "urn:oid:2.16.578.1.12.4.1.4."
FNR, DNR, FHN, HPR, ENH, RESH = (SERIES + last for last in ("1", "2", "3", "4", "101", "102"))


def judged(system: str, value: Any = None, **more: Any) -> list[tuple[str, str]]:
    identifier = {"system": system, **({} if value is None else {"value": value}), **more}
    return [(f.severity, f.where) for f in check_norwegian({"resourceType": "Patient", "identifier": [identifier]})]


RIGHT = [
    (FNR, "21858999992"),  # month + 80: 21 May 1989, of the population register's test persons
    (FNR, "12838540056"),  # month + 80: 12 March 1985
    (DNR, "52838510051"),  # day + 40, month + 80: 12 March 1985; check digits worked out by tests/national_numbers.py
    (HPR, "9144889"),  # the example of no-basis-Practitioner
    (ENH, "974760673"),  # Brønnøysund's own: 3*9+2*7+7*4+6*7+5*6+4*0+3*6+2*7 = 173 = 15*11+8, so the check digit is 11-8 = 3
    (ENH, "319900101"),
    (RESH, "4208723"),
]
WRONG = [
    (FNR, "21858999993"),  # the last check digit is 2
    (FNR, "2185899999"),  # ten digits
    (FNR, "218589 99992"),
    (FNR, " 21858999992"),
    (FNR, "21858999992\n"),
    (FNR, "２1858999992"),  # a digit of another script
    (FNR, "52838510051"),  # a D-number
    (FNR, ""),
    (DNR, "21858999992"),  # a fødselsnummer
    (FHN, "21858999992"),
    (HPR, "HPR-9144889"),
    (HPR, "9 144 889"),
    (HPR, "1234567890"),
    (ENH, "974760674"),
    (ENH, "974 760 673"),
    (ENH, "NO974760673"),
    (ENH, "974760673MVA"),
    (ENH, "97476067"),
    (RESH, "4208723-1"),
]


@pytest.mark.parametrize(("system", "value"), RIGHT)
def test_a_right_number_is_well(system: str, value: str) -> None:
    assert judged(system, value) == []


@pytest.mark.parametrize(("system", "value"), WRONG)
def test_a_wrong_number_is_told_by_its_place(system: str, value: str) -> None:
    assert judged(system, value) == [("error", "Patient.identifier[0].value")]


@pytest.mark.parametrize("offset", [80, 65, 40])
def test_every_synthetic_series_is_right(offset: int) -> None:
    assert judged(FNR, synthetic(offset)) == []


def synthetic(offset: int) -> str:
    """3 July 1971 in a series: the first running number whose check digits exist (weights of KITH 1001:2010)."""
    for running in range(100, 500):
        nine = f"03{7 + offset:02}71{running}"
        first = -sum(int(d) * w for d, w in zip(nine, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=True)) % 11
        second = -sum(int(d) * w for d, w in zip(f"{nine}{first}", (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False)) % 11
        if first < 10 and second < 10:
            return f"{nine}{first}{second}"
    raise AssertionError


def test_a_number_made_for_tests_is_right() -> None:
    assert judged(FNR, make(12, 3, 1985, "female")) == []


def test_an_identifier_of_a_series_has_a_value() -> None:
    assert judged(FNR) == [("error", "Patient.identifier[0]")]
    assert judged(FNR, _value={"extension": [{"url": "https://example.org/masked", "valueBoolean": True}]}) == []


def test_a_type_beside_a_national_system_is_a_warning() -> None:
    assert judged(FNR, "21858999992", type={"text": "FNR"}) == [("warning", "Patient.identifier[0].type")]


def test_a_local_help_number_says_who_gave_it_and_may_have_a_type() -> None:
    type = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.8327", "code": "HNR"}]}

    assert judged("HNR", "H-1", type=type, assigner={"display": "Fjordheim sykehus HF"}) == []
    assert judged("HNR", "H-1", type=type) == [("error", "Patient.identifier[0]")]


def test_identifiers_are_judged_wherever_they_stand() -> None:
    wrong = {"system": ENH, "value": "974760674"}
    task = {
        "resourceType": "Task",
        "owner": {"identifier": wrong},
        "groupIdentifier": wrong,
        "input": [{"valueIdentifier": wrong}, {"valueReference": {"identifier": wrong}}],
        "contained": [{"resourceType": "Organization", "identifier": [wrong]}],
    }

    assert sorted(f.where for f in check_norwegian(task)) == [
        "Task.contained[0].identifier[0].value",
        "Task.groupIdentifier.value",
        "Task.input[0].value.value",
        "Task.input[1].value.identifier.value",
        "Task.owner.identifier.value",
    ]


def test_a_code_of_the_same_form_is_no_identifier() -> None:
    assert check_norwegian({"resourceType": "Task", "code": {"coding": [{"system": FNR, "code": "1"}]}}) == []


def test_other_systems_are_nothing_of_ours() -> None:
    assert judged("urn:ietf:rfc:3986", "urn:uuid:6cfa3d45-7afe-4569-8682-01628450a3b6") == []
    assert judged("urn:oid:2.16.578.1.12.4.1.2", "8000101") == []  # a HER-id addresses, it identifies no one


def test_several_numbers_of_one_patient_say_when_each_was_valid() -> None:
    numbers = [{"system": FNR, "value": "21858999992"}, {"system": FNR, "value": "12838540056", "period": {"start": "2020-01-01"}}]
    patient = {"resourceType": "Patient", "identifier": numbers}

    assert [(f.severity, f.where) for f in check_norwegian(patient)] == [("warning", "Patient.identifier[0]")]
    assert check_norwegian({"resourceType": "Task", "for": {"identifier": numbers[0]}, "owner": {"identifier": numbers[1]}}) == []


# Our own words hold no such values.
@given(st.sampled_from([FNR, DNR, FHN, HPR, ENH, RESH]), st.text("0123456789☃", min_size=12, max_size=20))
def test_the_value_is_never_told(system: str, value: str) -> None:
    found = check_norwegian({"resourceType": "Patient", "identifier": [{"system": system, "value": value}]})

    assert [f.kind for f in found] == [Kind.INVARIANT]
    assert not any(value in text for f in found for text in (f.en, f.nb, f.where, f.rule))


@pytest.mark.parametrize("value", ["x", 1, None, [], {}, [None], [[]], {"system": FNR, "value": 1}, {"system": 1}], ids=repr)
def test_what_is_not_of_its_form_is_no_fault_of_ours(value: Any) -> None:
    check_norwegian({"resourceType": "Patient", "identifier": value})
    check_norwegian({"resourceType": "Patient", "identifier": [value]})
    check_norwegian({"resourceType": value, "identifier": [{"system": FNR, "value": "1"}]})
