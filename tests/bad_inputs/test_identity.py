"""Who the message is about: numbers that are none or may be someone's, numbers of every kind, two patients for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.domain import gate
from adapter.domain.gate import GateRules
from adapter.ports import State
from adapter.usecases.receive_message import Received
from tests.bad_inputs.house import House, translator
from tests.bad_inputs.message import MSG_ID, NUMBER, VERSION_1_1, between, spoil, spoiled
from tests.national_numbers import make, make_fhn, valid

OK = [["OK"]]
FNR, DNR, FHN = (f"urn:oid:2.16.578.1.12.4.1.4.{n}" for n in (1, 2, 3))
DUF = "urn:oid:2.16.578.1.12.4.1.4.5"
UNDATED = (("\t\t\t<DateOfBirth>1992-08-21</DateOfBirth>\n", ""), ('\t\t\t<Sex V="1" DN="Mann"/>\n', ""))

Open = Callable[[GateRules], House]


@pytest.fixture
def house_with(tmp_path: Path) -> Iterator[Open]:
    opened: list[House] = []

    def open_house(rules: GateRules) -> House:
        opened.append(House(tmp_path, rules))
        return opened[-1]

    yield open_house
    for house in opened:
        house.close()


def patient(house: House, received: Received) -> dict[str, Any]:
    found: list[dict[str, Any]] = [json.loads(stored.body) for stored in house.resources(received) if stored.type == "Patient"]
    assert len(found) == 1
    return found[0]


def unissued() -> str:
    """A number with right check digits and no synthetic mark, of someone born in 1854: it looks real, and is nobody's alive."""
    found = [number for n in range(500, 750) for k in range(100) if valid(number := f"150354{n}{k:02d}")]
    return found[0]


WRONG = {
    "a wrong check digit": NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10),
    "ten digits": NUMBER[:-1],
    "letters": NUMBER[:-5] + "ABCDE",
    "blanks": f"{NUMBER[:6]} {NUMBER[6:]}x",
}


@pytest.mark.parametrize("number", WRONG.values(), ids=WRONG)
def test_b035_a_wrong_number_is_kept_as_it_came_and_reported_where_birth_date_and_sex_identify(number: str, house: House) -> None:
    received = house.receive(spoiled((NUMBER, number)))

    identifiers = patient(house, received)["identifier"]
    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert [i["value"] for i in identifiers] == [number]
    assert [i for i in identifiers if i.get("system") in {FNR, DNR, FHN}] == []
    assert json.loads(received.message.issues)["issue"]
    assert number not in received.message.issues.decode()


@pytest.mark.parametrize("number", WRONG.values(), ids=WRONG)
def test_b035_a_wrong_number_alone_identifies_nobody(number: str, house: House) -> None:
    received = house.receive(spoiled((NUMBER, number), *UNDATED))

    assert (received.message.state, house.codes(received), house.resources(received)) == (State.REFUSED, [["E36"]], [])


def test_b036_a_number_that_may_be_someones_is_refused_in_a_test_environment_with_the_reason(house: House) -> None:
    received = house.receive(spoiled((NUMBER, unissued())))

    assert (received.message.state, house.codes(received), house.resources(received)) == (State.REFUSED, [["E36"]], [])
    assert ["Testmiljø" in row.body.decode() for row in house.answers(received)] == [True]


@pytest.mark.parametrize(
    "rules", [GateRules(allowed_persons=frozenset({unissued()})), GateRules(test_environment=False)], ids=["allowed", "production"]
)
def test_b036_it_is_let_in_where_it_is_allowed_or_in_production(rules: GateRules, house_with: Open) -> None:
    house = house_with(rules)

    received = house.receive(spoiled((NUMBER, unissued())))

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert patient(house, received)["identifier"] == [{"system": FNR, "value": unissued()}]


def test_b036_a_translation_without_a_store_only_warns() -> None:
    real, synthetic = (translator().read(data).case for data in (spoiled((NUMBER, unissued())), spoiled()))

    assert [finding.severity for finding in gate.warnings(real)] == ["warning"]
    assert gate.warnings(synthetic) == []


NUMBERS = {
    "D-number": ("DNR", make(21, 8, 1992, "male", dnr=True), {"system": DNR}),
    "felles hjelpenummer": ("FHN", make_fhn(45600100), {"system": FHN}),
    "DUF": ("DUF", "201912345604", {"system": DUF}),
}


@pytest.mark.parametrize(("code", "number", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_b037_every_kind_of_number_gets_its_own_system(code: str, number: str, expected: dict[str, str], house_with: Open) -> None:
    house = house_with(GateRules(allowed_persons=frozenset({number})))

    received = house.receive(spoiled((NUMBER, number), ('V="FNR"', f'V="{code}"')))

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert patient(house, received)["identifier"] == [expected | {"value": number}]


def test_b037_a_local_help_number_tells_who_gave_it(house: House) -> None:
    received = house.receive(spoiled((NUMBER, "LYNG-2026-0001"), ('V="FNR"', 'V="HNR"')))

    (identifier,) = patient(house, received)["identifier"]
    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert (identifier["system"], identifier["value"]) == ("HNR", "LYNG-2026-0001")
    assert identifier["assigner"]


def two_patients() -> bytes:
    """Two patients in the head of one message."""
    whole = spoil()
    first = f"<Patient>{between(whole, '<Patient>', '</Patient>')}</Patient>"
    other = first.replace(NUMBER, make(2, 2, 1990, "female")).replace("Vindstille", "Annenmyr")
    return spoiled((first, first + other))


def payload_about_another() -> bytes:
    """A head about one patient around a referral, of the version that names its patient itself, about another."""
    inner = VERSION_1_1.split("-->\n", 1)[1]
    whole = spoil()
    content = between(whole, "<Content>", "</Content>")
    return spoiled((content, inner))


def two_patients_in_version_1() -> bytes:
    first = f"<Patient>{between(VERSION_1_1, '<Patient>', '</Patient>')}</Patient>"
    return spoiled((first, first + first.replace("Høstfarge", "Annenmyr")), text=VERSION_1_1)


DOUBLE = {
    "two in the head": (two_patients, MSG_ID),
    "another in the payload": (payload_about_another, MSG_ID),
    "two in version 1.1": (two_patients_in_version_1, None),
}


@pytest.mark.parametrize(("make_message", "msg_id"), DOUBLE.values(), ids=DOUBLE)
def test_b038_two_patients_are_refused_once_with_a_reason_and_nothing_is_stored(
    make_message: Callable[[], bytes], msg_id: str | None, house: House
) -> None:
    data = make_message()

    received, again = (house.receive(data, msg_id=msg_id) for _ in range(2))

    codes = house.codes(received)
    assert (received.message.state, again.outcome, house.resources(received)) == (State.REFUSED, "duplicate", [])
    assert len(codes) == 1
    assert codes != OK
