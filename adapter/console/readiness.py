"""Whether the service can do its work: the database is reached, has this version's tables, and keeps what is written.

    readiness = Readiness(store, tenants)
    found = await readiness.told()      # {"status": "ready", "faults": [], "messages": {...}, "outbox": {...}}

Reading alone tells too little: a disk that is full, or a database that has become read-only, is read as before. So a small row is
written, and committed. Anybody may ask, as often as they like, and a database that hangs answers nobody: one look is under way at
a time, whoever asks meanwhile or just afterwards is told what it found, and after `PATIENCE` all are told that it has no answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, Final

from adapter.domain.problem import Problem
from adapter.ports import State, Store

PATIENCE: Final = 5.0  # seconds; Kubernetes' own probes wait one second unless told otherwise
FRESH: Final = 0.5  # seconds for which what was found is told again
SETTING: Final = "ready"
SILENT: Final = f"The database has not answered within {PATIENCE:g} seconds. See whether it hangs, or the network to it."


class Readiness:
    """One service's looks at its database."""

    def __init__(self, store: Store, tenants: Sequence[str]) -> None:
        self.store = store
        self.tenants = tenants
        self._lock = Lock()
        self._looking: Future[dict[str, Any]] | None = None
        self._fresh_until = 0.0

    async def told(self) -> dict[str, Any]:
        """What stands in the answer; its `status` is "ready" or "not ready", its `faults` say why not."""
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._look_if_due())), PATIENCE)
        except TimeoutError:
            return _not_ready([SILENT])

    def _look_if_due(self) -> Future[dict[str, Any]]:
        with self._lock:
            if self._looking is None or (self._looking.done() and time.monotonic() > self._fresh_until):
                self._looking = Future()
                # A thread of its own: one that hangs in a database must neither take another's place nor keep the process alive.
                Thread(target=self._find, args=(self._looking,), name="readiness", daemon=True).start()
            return self._looking

    def _find(self, future: Future[dict[str, Any]]) -> None:
        try:
            found = self.look()
        except Exception as error:  # a fault of ours is no readiness either
            found = _not_ready([f"Unexpected fault: {type(error).__name__}."])
        self._fresh_until = time.monotonic() + FRESH
        future.set_result(found)

    def look(self) -> dict[str, Any]:
        """One look, here and now."""
        try:
            if faults := self.store.check():
                return _not_ready([fault.en for fault in faults])
            with self.store.read() as unit:
                messages, outbox = unit.count_messages(self.tenants), unit.count_outgoing()
            self.store.run(lambda unit: unit.set_setting(SETTING, b""))
        except Problem as fault:
            return _not_ready([finding.en for finding in fault.findings])
        waiting = {state.value: messages.get(state, 0) for state in (State.QUARANTINED, State.PARKED)}
        return {"status": "ready", "faults": [], "messages": waiting, "outbox": outbox}


def _not_ready(faults: Sequence[str]) -> dict[str, Any]:
    return {"status": "not ready", "faults": [*faults]}
