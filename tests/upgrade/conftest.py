"""Where a database can be made: nothing is there yet. On each engine."""

from __future__ import annotations

from tests.storage.conftest import url

__all__ = ["url"]
