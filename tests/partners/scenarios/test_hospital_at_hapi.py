"""The hospital's server is HAPI's; the municipality's is each of them in turn."""

from __future__ import annotations

import pytest

from tests.partners.scenarios.conftest import Told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SPECIALIST = "hapi"


def test_both_sides_come_to_agree(told: Told, story: str) -> None:
    told(story)
