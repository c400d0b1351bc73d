"""A look at what an installation has stored, for commands that may run beside the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from adapter.domain.problem import Finding, Kind, Problem

if TYPE_CHECKING:
    from adapter.ports import Store
    from adapter.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The store, where there is one that this version can use: a look at it must not make one. Raises `Problem(NOT_FOUND)`."""
    from adapter.storage import open_store  # noqa: PLC0415 - heavy, and `stafett --help` comes at once

    scheme, _, path = settings.store.url.partition(":///")
    if scheme == "sqlite" and not Path(path).exists():
        raise Problem(
            _fault(
                f"there is no database at {path}: name the configuration that the service runs with (--config)",
                f"finner ingen database på {path}: oppgi konfigurasjonen som tjenesten kjører med (--config)",
            )
        )
    store = open_store(settings.store.url)
    try:
        if faults := store.check():
            raise Problem(*(_fault(f"{one.en} See stafett doctor.", f"{one.nb} Se stafett doctor.") for one in faults))
        yield store
    finally:
        store.close()


def _fault(en: str, nb: str) -> Finding:
    return Finding("error", Kind.NOT_FOUND, en, nb, "store")
