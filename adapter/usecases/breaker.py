"""The circuit breaker of a partner: after some failures in a row it is left alone for a while, then tried with one call.

It stands in the database (`PartnerState`), so that every process goes by it and a restart forgets nothing.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from adapter.ports import PartnerState

OPENS_AFTER: Final = 5  # failures in a row
LONGEST: Final = timedelta(minutes=15)
"""No longer is a partner left alone, so that one that comes back is found within that time, whatever it asked for."""
HELD: Final = timedelta(minutes=1)  # longer than a call takes: each has its time-out


def may_call(state: PartnerState, now: datetime) -> bool:
    """Whether the partner may be called now. A pause that is too long to be one came of a clock that stood ahead."""
    return state.open_until is None or not now < state.open_until <= now + 2 * LONGEST  # others' clocks are a little off


def held(state: PartnerState, now: datetime) -> PartnerState:
    """Whoever calls first after the pause does so alone: for the others it goes on until that call has told, or is overdue."""
    return replace(state, open_until=now + HELD)


def after_success(state: PartnerState, now: datetime) -> PartnerState:
    """The partner has answered."""
    return replace(state, failures=0, open_until=None, failing_since=None, reached=now)


def after_failure(
    state: PartnerState, now: datetime, chance: float | None = None, retry_after: float | None = None
) -> PartnerState:
    """The partner has not answered. `chance` (0 to 1) spreads those that failed together; `retry_after` is what it asked for."""
    failures = state.failures + 1
    made = replace(state, failures=failures, failing_since=state.failing_since or now)
    if failures < OPENS_AFTER and not retry_after:
        return made
    step = min(timedelta(seconds=2.0 ** min(failures, 20)), LONGEST)
    spread = step * (0.5 + 0.5 * (random.random() if chance is None else chance))  # noqa: S311 - apart from each other, no secret
    return replace(made, open_until=now + min(max(spread, timedelta(seconds=retry_after or 0)), LONGEST))
