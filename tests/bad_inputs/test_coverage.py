"""Every bad input that the facts list for what is served has a test here."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.bad_inputs import (
    test_confidential_address,
    test_content,
    test_fhir_http,
    test_fhir_json,
    test_fhir_search_rows,
    test_identity,
)
from tests.bad_inputs.test_signature import SIGNED
from tests.bad_inputs.unreadable import UNREADABLE
from tests.matrix import test_authz_rows
from tests.partners import test_endpoints
from tests.security import test_door, test_http_smuggling, test_negative_tokens, test_tokens_in

MESSAGES = (test_confidential_address, test_content, test_identity)
FHIR = (test_fhir_json, test_fhir_http, test_fhir_search_rows, test_authz_rows, test_endpoints)
AUTH = (test_http_smuggling, test_tokens_in, test_door)
LISTED = {
    "Hub XML": {bad.row for bad in UNREADABLE} | {name[:4] for name in SIGNED},
    "FHIR JSON": {name[:4] for name in (*test_fhir_json.REFUSED, *test_fhir_json.NOT_FHIR)},
    "FHIR HTTP": set[str](),
    "Auth": {name[:4] for name in test_negative_tokens.BAD if re.match(r"B\d{3} ", name)},
}
"""Rows of a channel that are cases of one test, by their first letters."""


@pytest.mark.parametrize(
    ("channel", "modules", "count"),
    [("Hub XML", MESSAGES, 40), ("FHIR JSON", FHIR, 14), ("FHIR HTTP", FHIR, 27), ("Auth", AUTH, 10)],
)
def test_every_row_of_the_table_is_tested(facts: Path, channel: str, modules: tuple[ModuleType, ...], count: int) -> None:
    with (facts / "bad-inputs.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["channel"] == channel]
    wanted = {row["id"] for row in rows}

    named = [name for module in modules for name in vars(module) if name.startswith("test_b0") or name.startswith("test_b1")]
    spans = [re.match(r"test_b(\d{3})_(?:to_b(\d{3})_)?", name) for name in named]
    tested = {f"B{row:03}" for span in spans if span for row in range(int(span[1]), int(span[2] or span[1]) + 1)}

    assert len(rows) == count
    assert wanted - tested - LISTED[channel] == set()
    assert LISTED[channel] <= wanted
