"""Pairs of servers of which HAPI's is one: together, since it takes long to start."""

from __future__ import annotations

import pytest

from tests.partners.scenarios.conftest import Telling
from tests.partners.servers import NAMES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PAIRS = [(one, two) for one in NAMES for two in NAMES if "hapi" in (one, two)]


def test_both_sides_come_to_agree(tell: Telling, pair: tuple[str, str], story: str) -> None:
    tell(pair, story)
