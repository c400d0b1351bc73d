"""The audit's way to the database: one thread that writes down together what many requests did, and tells each once it is safe.

    journal = Journal(store, clock)
    journal.start()
    fresh = journal.keep(trail.records(200), [(proof.jti, proof.until)]).result()   # then, and not before, the answer may leave

A commit waits for the disk, so all that wait share one. Where the database fails, nobody's answer may leave: each gets the
`Problem`, and the next batch tries anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final

import structlog

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Appended, AuditRecord, Clock, Store

MOST: Final = 500  # requests of one commit
IDLE: Final = 20.0  # seconds without requests after which what others have left waiting is looked for
HEAD_EVERY: Final = timedelta(minutes=10)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What one request asks to be written down."""

    records: Sequence[AuditRecord]
    proofs: Sequence[tuple[str, datetime]]
    instead: Sequence[AuditRecord] = ()
    done: Future[list[bool]] = field(default_factory=Future)


class Journal:
    """One in each process that answers requests or carries messages."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: SimpleQueue[Kept | None] = SimpleQueue()
        self._open = Lock()
        self._thread: Thread | None = None
        self._told: datetime | None = None  # when the head was logged

    def start(self) -> None:
        with self._open:
            self._thread = Thread(target=self._run, name="audit", daemon=True)
            self._thread.start()

    def keep(
        self,
        records: Sequence[AuditRecord],
        proofs: Sequence[tuple[str, datetime]] = (),
        instead: Sequence[AuditRecord] = (),
    ) -> Future[list[bool]]:
        """Write records down and spend proofs. The result, once all is committed, says which of the proofs were fresh.

        `instead` is what is written down where a proof was not: nothing is given for one that was used before.
        The future fails with a `Problem` (TRANSIENT where the database is out of reach): then nothing was written for sure.
        """
        kept = Kept(records, proofs, instead)
        kept.done.set_running_or_notify_cancel()  # whoever hangs up takes nothing back
        with self._open:  # so that nothing is put behind the mark that ends the thread
            if self._thread is None:
                kept.done.set_exception(_closed())
            else:
                self._waiting.put(kept)
        return kept.done

    def stop(self) -> None:
        """Write down what waits, and end. What comes later is refused."""
        with self._open:
            thread, self._thread = self._thread, None
            if thread:
                self._waiting.put(None)
        if thread:
            thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._batch()
            self._keep(batch)

    def _batch(self) -> tuple[list[Kept], bool]:
        """All that wait; none after a while in which nobody came. And whether to go on."""
        batch: list[Kept] = []
        try:
            kept = self._waiting.get(timeout=IDLE)
            while kept is not None:
                batch.append(kept)
                if len(batch) == MOST:
                    return batch, True
                kept = self._waiting.get_nowait()
        except Empty:
            return batch, True
        return batch, False

    def _keep(self, batch: Sequence[Kept]) -> None:
        records = [record for kept in batch for record in kept.records]
        proofs = [proof for kept in batch for proof in kept.proofs]
        try:
            instead = {proof: kept.instead for kept in batch for proof, _ in kept.proofs if kept.instead}
            appended = self._store.append_audit(records, proofs, self._clock.now(), instead)
        except Exception as error:  # every fault: a thread that ends would leave all that come later waiting
            log.error("audit.failed", why=type(error).__name__, waiting=len(batch))
            for kept in batch:
                kept.done.set_exception(_copy(error))
            return
        fresh = iter(appended.fresh)
        for kept in batch:
            kept.done.set_result([next(fresh) for _ in kept.proofs])
        self._tell(appended)

    def _tell(self, appended: Appended) -> None:
        """Log where the chain ends, now and then: elsewhere than in the database, it shows whether an end was cut off."""
        now = self._clock.now()
        if self._told is None or now - self._told >= HEAD_EVERY:
            self._told = now
            log.info("audit.head", position=appended.position, digest=appended.digest.hex())


def _copy(error: Exception) -> Exception:
    """The error for one of several threads: an exception that is raised twice mixes up where it came from."""
    if isinstance(error, Problem):
        return Problem(*error.findings, retry_after=error.retry_after)
    return problem(
        Kind.INTERNAL,
        "What was done could not be written in the audit, so it is not answered. Report it to the operator.",
        "Det som ble gjort, kunne ikke føres i loggen, og blir derfor ikke besvart. Meld det til driften.",
    )


def _closed() -> Problem:
    return problem(
        Kind.TRANSIENT,
        "The service is stopping, and writes no more audit. Try again in a moment.",
        "Tjenesten stopper, og fører ikke mer i loggen. Prøv igjen om litt.",
    )
