"""The oracle itself: it finds the official schemas by file name and agrees with what is known of the public samples."""

from __future__ import annotations

import pytest

from tests.xsd import NAMES, SAMPLES, faults, needs_standards, schema, schema_of

pytestmark = needs_standards

INVALID = {
    "mottak-Case1-20-b.xml",  # the acceptance test that lacks its Patient on purpose
}


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_compiles(name: str) -> None:
    assert schema(name) is schema(name)


def test_public_samples_are_valid_except_the_deliberately_invalid() -> None:
    paths = sorted([*SAMPLES.glob("henvisning-*/*.xml"), *SAMPLES.glob("apprec/*.xml")])

    found = {path.name: faults(schema_of(data), data) for path in paths for data in [path.read_bytes()]}

    assert len(found) == 20
    assert {name for name, wrong in found.items() if wrong} == INVALID


def test_a_missing_patient_is_named_as_the_fault() -> None:
    data = (SAMPLES / "henvisning-1.0" / "mottak-Case1-20-b.xml").read_bytes()

    assert [fault for fault in faults("henvisning-1.0", data) if "}Patient" in fault]
