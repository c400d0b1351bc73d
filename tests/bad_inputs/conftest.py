"""What every test of bad input has: a house, a canary, and the promise that no person's number is in a log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_inputs.canary import Canary, canary
from tests.bad_inputs.house import House

UUID = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"


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
    """Whatever a test sends, nothing that looks like a person's number is logged or printed. An id may end in eleven digits."""
    caplog.set_level(logging.DEBUG)
    yield
    out, err = capfd.readouterr()
    said = re.sub(UUID, "…", "\n".join((caplog.text, out, err)))
    assert re.findall(r"(?<!\d)\d{11}(?!\d)", said) == []
