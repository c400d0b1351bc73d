"""A process that only works, and answers nobody, writes the audit down as well."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapter import serving
from adapter.settings import Settings, StoreSettings


@pytest.mark.parametrize("audit", [True, False])
def test_a_worker_by_itself_keeps_the_journal_where_there_is_one(
    audit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    services: Any = SimpleNamespace(
        journal=SimpleNamespace(start=lambda: done.append("journal")) if audit else None,
        store=SimpleNamespace(check=list),
        worker=SimpleNamespace(stop=lambda: None, run=lambda: done.append("worker")),
        close=lambda: done.append("closed"),
    )
    monkeypatch.setattr(serving, "build", lambda *_: services)
    monkeypatch.setattr(serving, "stop_on_signals", lambda _: None)
    monkeypatch.setattr(serving, "log", lambda: None)

    settings = Settings(
        organisation=[{"number": "319900101", "name": "Fjordheim HF"}],
        store=StoreSettings(url=f"sqlite:///{tmp_path}/stafett.db"),
    )
    serving.serve(settings, frozenset({"worker"}), "127.0.0.1", None)

    assert done == [*(["journal"] if audit else []), "worker", "closed"]
