"""Every element of the three schemas is mapped, or listed as deliberately not used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Decision, Opening, Receipt
from mappings import data, times
from mappings.translation import Limits, Translation, Translator
from tests.mappings.maximal import FORMATS, messages

CASES = [pytest.param(xml, id=f"{name}, branch {n}") for name in FORMATS for n, xml in enumerate(messages(name))]


def translated(xml: bytes) -> Translation:
    translator = Translator(Limits(), keyed(DEMONSTRATION_KEY))
    reading = translator.read(xml)
    assert reading.case.broken == ()
    received = datetime(2026, 3, 1, 10, tzinfo=UTC)
    receipt = Receipt(received, reading.envelope.receiver, "319900101", times.local_day(received))
    return translator.render(reading, receipt, Decision(opening=Opening("D11", "2025", "receiver")))


def told(xml: bytes) -> dict[str, Any]:
    return translated(xml).explanation()


@pytest.mark.parametrize("xml", CASES)
def test_no_element_of_the_schema_is_not_understood(xml: bytes) -> None:
    explanation = told(xml)

    assert [node["xpath"] for node in explanation["nodes"] if node["fate"] == "not-understood"] == []


def test_the_messages_hold_every_element_of_their_schemas() -> None:
    """Else the test above would prove nothing."""
    missing = {}
    for name in FORMATS:
        held = b"".join(messages(name)).decode()
        table = data.json_file("messages/tables", f"{name}.json")
        tags = {tag.rpartition("}")[2] for entry in table["types"] for tag in entry.get("children", {})}
        missing[name] = sorted(tag for tag in tags if f"<{tag} " not in held)

    # PatientReport stands in the place of Document, for registers: such a message is no referral, and refused
    assert missing == {"henvisning-2.0": ["CaseNo", "PatientReport"], "henvisning-1.1": [], "henvisning-1.0": []}


def test_every_entry_of_the_not_used_list_is_an_element_of_some_schema() -> None:
    pairs = set()
    for name in FORMATS:
        for message in messages(name):
            from lxml import etree

            for element in etree.fromstring(message).iter():
                above = element.getparent()
                if above is not None:
                    pairs.add(f"{above.tag.rpartition('}')[2]}/{element.tag.rpartition('}')[2]}")

    assert sorted(set(data.json_file("messages", "not_used.json")) - pairs) == []


@pytest.mark.parametrize("xml", CASES)
def test_what_everything_becomes_is_valid_r4(xml: bytes) -> None:
    bundle = json.loads(translated(xml).bundle())

    for entry in bundle["entry"]:
        get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])
