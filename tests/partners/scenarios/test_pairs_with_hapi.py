"""Pairs of servers of which HAPI's is one: together, since it takes long to start."""

from __future__ import annotations

import pytest

from tests.partners.scenarios.conftest import Telling
from tests.partners.servers import NAMES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
OTHERS = [name for name in NAMES if name != "hapi"]
PAIRS = [("sekmet", "hapi"), *(("hapi", one) for one in OTHERS), ("hapi", "hapi"), *((one, "hapi") for one in OTHERS[1:])]
"""While the municipality's is started again, for the first pair, the others that do not need it have their turn."""


def test_both_sides_come_to_agree(tell: Telling, pair: tuple[str, str], story: str) -> None:
    tell(pair, story)
