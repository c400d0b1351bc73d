"""Bring a notification to an endpoint, and keep what came of it: sent, tried in vain, or not tried at all and why.

    brought = bring(store, endpoints, row, clock, base)        # for `adapter.usecases.deliver`

The bytes are the outbox's; the secrets that go with them are read as they stand at that moment. A row is gone from the outbox
when it was sent: what is kept of it is the attempt.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import NO_EVENTS, Attempt, Clock, FollowerState, Outgoing, Store, Unit
from adapter.usecases.deliver import Keep
from adapter.usecases.followers import key_of, next_due, set_status, shown_of, tell_next, wanted_of

CLOSED: Final = (
    "A patient has closed what it is about to the subscriber meanwhile: it was taken back.",
    "En pasient har sperret det varselet gjelder for abonnenten i mellomtiden: det ble trukket tilbake.",
)
OFF: Final = ("The subscription is off.", "Abonnementet er slått av.")


class Endpoints(Protocol):
    """Sends to an endpoint; TRANSIENT where a later try may succeed, any other `Problem` where none will."""

    def post(
        self, endpoint: str, body: bytes, content_type: str, headers: Mapping[str, str], *, timeout: float | None = None
    ) -> None: ...
    def close(self) -> None: ...


def bring(store: Store, endpoints: Endpoints, row: Outgoing, clock: Clock, base: str) -> Keep:
    """Send the row's bytes; what is to be kept with the mark that they left. Raises `Problem` as the endpoints do."""
    id = row.about.partition("/")[2]
    with store.read() as unit:
        follower, standing = unit.follower(row.tenant, id), unit.follower_state(row.tenant, id)
        if follower is None or standing is None or follower.status == "off":
            raise problem(Kind.BUSINESS_RULE, *OFF)
        wanted = wanted_of(follower)
        events = unit.follower_events(row.tenant, id, standing.told + 1, standing.underway, wanted.most)
        closed = len(shown_of(unit, follower, wanted, events)) < len(events)
    attempt = _attempt(row, standing, clock.now())
    if closed:
        store.run(partial(_taken_back, row=row, attempt=attempt, base=base))
        raise problem(Kind.BUSINESS_RULE, *CLOSED)
    began = time.monotonic()
    try:
        endpoints.post(wanted.endpoint, row.body, row.content_type, wanted.headers, timeout=wanted.timeout or None)
    except Problem as fault:
        final = fault.kind is not Kind.TRANSIENT or follower.status == "error"
        tried = replace(attempt, outcome="failed", why=str(fault.findings[0].en), milliseconds=_since(began))
        with suppress(Problem):  # what came of it is told by the next try, too
            store.run(partial(_failed, attempt=tried))
        if final:
            raise problem(Kind.BUSINESS_RULE, fault.findings[0].en, fault.findings[0].nb) from None
        raise
    return partial(_sent, row=row, attempt=replace(attempt, milliseconds=_since(began)), clock=clock, base=base)


def _attempt(row: Outgoing, standing: FollowerState, now: datetime) -> Attempt:
    none = standing.underway == NO_EVENTS
    first, last = (0, 0) if none else (standing.told + 1, standing.underway)
    return Attempt(row.tenant, standing.id, now, row.msg_id, first, last, "sent")


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _sent(unit: Unit, *, row: Outgoing, attempt: Attempt, clock: Clock, base: str) -> None:
    if attempt.kind != "heartbeat":  # that it was reached is all that there is to say of that
        unit.add_attempt(attempt)
    follower, standing = unit.follower(row.tenant, attempt.subscription), unit.follower_state(row.tenant, attempt.subscription)
    unit.drop_outgoing(key_of(row.tenant, attempt.subscription))
    if follower is None or standing is None or follower.status == "off":
        return
    now = clock.now()
    if follower.status != "active":
        follower = set_status(unit, follower, "active", "", now, base)
    told = max(standing.told, standing.underway)
    reached = replace(standing, told=told, underway=0, failures=0, reached=now, error="")
    tell_next(unit, follower, replace(reached, due=next_due(wanted_of(follower), now)), now, base)


def _failed(unit: Unit, attempt: Attempt) -> None:
    unit.add_attempt(attempt)
    standing = unit.follower_state(attempt.tenant, attempt.subscription)
    if standing is not None:
        unit.keep_follower_state(replace(standing, failures=standing.failures + 1, error=attempt.why))


def _taken_back(unit: Unit, *, row: Outgoing, attempt: Attempt, base: str) -> None:
    """Make the notification anew, without what is closed."""
    unit.add_attempt(replace(attempt, outcome="withheld", why=CLOSED[0]))
    follower, standing = unit.follower(row.tenant, attempt.subscription), unit.follower_state(row.tenant, attempt.subscription)
    unit.drop_outgoing(row.key)
    if follower and standing:
        tell_next(unit, follower, replace(standing, underway=0), attempt.moment, base)
