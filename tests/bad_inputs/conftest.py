"""What every test of bad input has: a house, a canary, and the promise that no person's number is in a log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_inputs.canary import Canary, canary
from tests.bad_inputs.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


@pytest.fixture
def listener() -> Iterator[Canary]:
    with canary() as bird:
        yield bird


@pytest.fixture(autouse=True)
def _no_number_in_any_log_line(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a test sends, nothing that looks like a person's number is logged or printed."""
    caplog.set_level(logging.DEBUG)
    yield
    out, err = capfd.readouterr()
    assert re.findall(r"(?<!\d)\d{11}(?!\d)", "\n".join((caplog.text, out, err))) == []
