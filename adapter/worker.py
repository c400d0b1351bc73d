"""The worker: fetches from every hub, receives, confirms, delivers, takes up what is due, watches deadlines, and takes away
what has been kept long enough.

One thread for each hub to fetch and one to send, one for each partner, for the deadlines and for what is asked for in bulk, and one
that tidies.

    worker = Worker(store, reception, hubs, clock)
    stop_on_signals(worker.stop)
    worker.run()          # until worker.stop()

Any number of workers share a database: what one has in hand no other takes up, and what is put in the outbox wakes whoever sends.
A hub that is slow or down holds up its own threads and no other. A message is confirmed only when it is kept; what stops
us in between makes the hub give it again, and then there is nothing left to do but confirm. Log lines hold our ids, MsgIds,
HER-ids and states, never a person's data.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Final, Protocol

import structlog

from adapter.domain.problem import Problem
from adapter.ports import Clock, Delivery, Hub, Outgoing, Store
from adapter.usecases.at_work import DEADLY, Hand, Pulse
from adapter.usecases.deliver import HUBS, deliver
from adapter.usecases.receive_message import Reception
from adapter.usecases.watch_deadlines import until_next

log = structlog.get_logger(__name__)

LONGEST_PAUSE: Final = 60.0
PATIENCE: Final = 30.0  # seconds that what is in hand has to be dealt with when we end

Watch = Callable[[datetime, Callable[[], bool]], int]
"""Gives the deadlines their standing at a moment, as long as it is told to go on; returns how many changed."""


class Line(Protocol):
    """What passes between us and one partner."""

    name: str

    def round(self) -> int:
        """Everything that is due now; returns how much there was."""
        ...


Tidy = Callable[[datetime, Callable[[], bool]], object]
"""Takes away what has had its time at a moment, as long as it is told to go on."""

TIDY_EVERY: Final = 6 * 3600.0  # seconds
LOOK_EVERY: Final = 1.0
"""Seconds between looks for what waits for a hub or a partner, where no bell rings: an index is asked, no server."""


class Worker:
    """Runs until it is stopped. `poll_seconds` is how long a hub (by name) is left alone when it had nothing.

    `watch` is asked at the start, at every Norwegian midnight, and at least hourly.
    """

    def __init__(
        self,
        store: Store,
        reception: Reception,
        hubs: Sequence[Hub],
        clock: Clock,
        *,
        poll_seconds: Mapping[str, float] | None = None,
        attempts: int = 32,
        batch: int = 50,
        lease: float = 120.0,
        watch: Watch | None = None,
        lines: Sequence[Line] = (),
        tidy: Tidy | None = None,
        export: Callable[[], int] | None = None,
        audited: bool = False,
        pulse: Pulse | None = None,
    ) -> None:
        self.store = store
        self.reception = reception
        self.hubs = hubs
        self.clock = clock
        self.poll_seconds = poll_seconds or {}
        self.ladder = replace(HUBS, most=attempts)
        self.batch = batch
        self.lease = lease
        self.watch = watch
        self.lines = lines
        self.tidy = tidy
        self.export = export
        self.audited = audited
        self.pulse = pulse or Pulse(store, clock, "worker", lease)
        self._stopped, self._idle = threading.Event(), threading.Event()
        self._working = False
        self._wakes: list[threading.Event] = []
        self._hands: dict[str, Hand] = {}

    def run(self) -> None:
        """Work until `stop`. Hubs, partners and the watch have threads of their own; what is due is taken up in this one."""
        self._working = True
        with suppress(Problem):  # before anything is taken in hand
            self._beat()
        pulse = threading.Thread(target=self.live, name="pulse", daemon=True)
        pulse.start()
        threads = [threading.Thread(target=self.store.listen, args=(self._stopped,), name="bells", daemon=True)]
        for hub in self.hubs:
            threads.append(self._thread(f"{hub.name}, in", partial(self.fetch, hub), _every(self.poll_seconds.get(hub.name, 5.0))))
            threads.append(self._thread(f"{hub.name}, out", partial(self.send, hub), _every(LOOK_EVERY), hub.name))
        threads += [self._thread(line.name, line.round, _every(LOOK_EVERY), line.name) for line in self.lines]
        if self.watch is not None:
            threads.append(self._thread("deadlines", self._watch, lambda: until_next(self.clock.now())))
        if self.export is not None:
            threads.append(self._thread("exports", self.export, _every(LOOK_EVERY)))
        if self.tidy is not None:
            threads.append(self._thread("retention", self._tidy, _every(TIDY_EVERY)))
        for thread in threads:
            thread.start()
        self._loop("due", partial(self.reception.work_due, self.batch), _every(1.0), self._stopped)
        until = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))
        self._idle.set()
        pulse.join(PATIENCE)

    def live(self) -> None:
        """Tell the other processes that this one lives, until nothing is in hand any more; all that a process without this role
        does here.
        """
        while not self._idle.is_set():
            try:
                self._beat()
            except Exception as error:  # as in every loop
                log.warning("worker.pauses", part="pulse", why=_why(error), seconds=self.pulse.every)
            self._idle.wait(self.pulse.every)
        with suppress(Problem):  # else the others notice after a while
            self.pulse.end()

    def _thread(self, name: str, round_: Callable[[], int], pause: Callable[[], float], bell: str = "") -> threading.Thread:
        wake = self.store.bell(bell) if bell else self._stopped
        self._wakes.append(wake)
        # One that hangs in a hub must not keep the process alive for ever.
        return threading.Thread(target=self._loop, args=(name, round_, pause, wake), name=name, daemon=True)

    def stop(self) -> None:
        """Ask the worker to end when what is in hand is dealt with."""
        self._stopped.set()
        if not self._working:
            self._idle.set()
        for wake in self._wakes:
            wake.set()

    @property
    def stopped(self) -> bool:
        """Whether it has been asked to end."""
        return self._stopped.is_set()

    def _beat(self) -> int:
        for silent in self.pulse.beat():
            log.warning("worker.buried", process=silent.id, roles=silent.roles, seen=str(silent.seen))
        return 0

    def serve(self, hub: Hub) -> int:
        """One round for a hub: what it has is received and confirmed, what waits for it is sent. Returns how much there was.

        What is waiting is sent also where nothing can be fetched; then the fetching's fault is raised.
        """
        try:
            fetched = self.fetch(hub)
        finally:
            sent = self.send(hub)
        return fetched + sent

    def fetch(self, hub: Hub) -> int:
        """Receive and confirm what a hub has that no other process is at; returns how many."""
        hand = self._hands.setdefault(hub.name, Hand(self.store, self.clock, hub.name, self.pulse.id))
        try:
            deliveries = hub.fetch(self.batch, hand.take)
            if hand.deadly:
                deliveries = [replace(delivery, fault=DEADLY) for delivery in deliveries]
            return self._receive(hub, deliveries)
        finally:
            hand.put_down()

    def _receive(self, hub: Hub, deliveries: Sequence[Delivery]) -> int:
        fault: Problem | None = None
        done = 0
        for delivery, kept in zip(deliveries, self.reception.receive_all(deliveries), strict=True):
            try:
                if isinstance(kept, Problem):
                    raise kept
                if delivery.hub_id:
                    hub.confirm(delivery.hub_id, delivery.receiver or "")
                done += 1
            except Problem as problem:  # this one stays on the hub; those behind it need not wait
                log.warning("message.not_kept", hub=hub.name, hub_id=delivery.hub_id, why=str(problem))
                fault = problem
        if fault and not done:
            raise fault
        return done

    def send(self, hub: Hub) -> int:
        """Send what waits for a hub; returns how much there was."""

        def tell(row: Outgoing) -> None:
            told = {"id": row.id, "hub": hub.name, "message": row.message_id, "kind": row.kind, "attempts": row.attempts}
            told["correlation"] = row.cause
            if row.state in ("sent", "unanswered"):
                log.info("outgoing.sent", **told)
            else:
                log.warning(f"outgoing.{row.state}", **told, why=row.error, next_attempt=str(row.next_attempt))

        how = partial(deliver, limit=self.batch, lease=self.lease, ladder=self.ladder, audited=self.audited, told=tell)
        return len(how(self.store, hub, self.clock))

    def _watch(self) -> int:
        """One look at all deadlines. No more are waiting behind it, whatever it found."""
        assert self.watch is not None  # noqa: S101 - tells the type checker
        changed = self.watch(self.clock.now(), lambda: not self._stopped.is_set())
        if changed:
            log.info("deadlines.changed", tasks=changed)
        return 0

    def _tidy(self) -> int:
        assert self.tidy is not None  # noqa: S101 - tells the type checker
        self.tidy(self.clock.now(), lambda: not self._stopped.is_set())
        return 0

    def _loop(self, name: str, round_: Callable[[], int], poll_seconds: Callable[[], float], wake: threading.Event) -> None:
        """Rounds without a pause while there is work; after a fault ever longer pauses. `wake` ends a pause."""
        faults = 0
        while not self._stopped.is_set():
            pause = 0.0
            if wake is not self._stopped:
                wake.clear()
            try:
                if not round_():
                    pause = poll_seconds()
                faults = 0
            except Exception as error:  # the loop must outlive whatever a hub, the database or we do wrong
                faults += 1
                asked = error.retry_after if isinstance(error, Problem) else None
                pause = max(min(poll_seconds() * 2 ** min(faults, 10), LONGEST_PAUSE), asked or 0)
                log.warning("worker.pauses", part=name, why=_why(error), seconds=pause)
            (self._stopped if faults else wake).wait(pause)


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, Problem) else type(error).__name__


def _every(seconds: float) -> Callable[[], float]:
    return lambda: seconds


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT. Only for the main thread."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        # The main thread may have been stopped while it held the very lock that setting an event takes.
        threading.Thread(target=stop, name="stopping", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
