"""Every bad input that the facts list for the hub's XML has a test here."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from tests.bad_inputs import test_content, test_identity
from tests.bad_inputs.test_signature import SIGNED
from tests.bad_inputs.unreadable import UNREADABLE

LATER = {"B039"}  # strictly confidential addresses come with access control


def test_every_row_of_the_table_for_the_hubs_xml_is_tested(facts: Path) -> None:
    with (facts / "bad-inputs.csv").open(encoding="utf-8", newline="") as table:
        wanted = {row["id"] for row in csv.DictReader(table) if row["channel"] == "Hub XML"}

    named = {
        name[5:9].upper() for module in (test_content, test_identity) for name in vars(module) if re.match(r"test_b\d{3}_", name)
    }
    listed = {bad.row for bad in UNREADABLE} | {name[:4] for name in SIGNED}

    assert len(wanted) == 40
    assert wanted - LATER == named | listed
