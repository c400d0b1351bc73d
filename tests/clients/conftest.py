from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.real import real_service
from tests.http.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with real_service(tmp_path_factory.mktemp("clients")) as running:
        yield running
