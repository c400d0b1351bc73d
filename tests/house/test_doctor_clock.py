"""`stafett doctor` holds this machine's clock against the database's that all machines share."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from adapter.doctor_store import of_many
from adapter.settings import Settings, StoreSettings
from adapter.storage import open_store


@pytest.mark.slow
@pytest.mark.parametrize(("ahead", "severity"), [(0, "information"), (25, "information"), (32, "warning"), (-32, "warning")])
def test_a_clock_that_is_over_a_quarter_of_a_lease_from_the_databases_is_a_warning(
    ahead: int, severity: str, with_tables_on_postgresql: str
) -> None:
    """The lease is 120 seconds unless told otherwise; the two clocks of this test are one."""
    settings = Settings(store=StoreSettings(url=with_tables_on_postgresql))
    with closing(open_store(with_tables_on_postgresql)) as store, store.read() as unit:
        found = list(of_many(unit, settings, datetime.now(UTC) + timedelta(seconds=ahead)))

    assert [one.severity for one in found if one.where == "clock"] == [severity]
