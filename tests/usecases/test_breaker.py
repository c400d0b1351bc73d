"""The circuit breaker of a partner: what it may never do, whatever the order of answers and failures."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.ports import PartnerState
from adapter.usecases.breaker import HELD, LONGEST, OPENS_AFTER, after_failure, after_success, held, may_call
from tests.usecases.house import NOW

FRESH = PartnerState("fjord", "push", heard=NOW, compared=NOW)
SECOND = timedelta(seconds=1)
# What happens to a partner: seconds that pass, whether it answers, the chance, and what it asks for.
HAPPENINGS = st.lists(
    st.tuples(st.integers(0, 3600), st.booleans(), st.floats(0, 1), st.none() | st.floats(0, 1e9, allow_nan=False)), max_size=40
)


def after(happenings: list[tuple[int, bool, float, float | None]]) -> tuple[PartnerState, datetime]:
    state, now = FRESH, NOW
    for seconds, answers, chance, asked in happenings:
        now += timedelta(seconds=seconds)
        state = after_success(state, now) if answers else after_failure(state, now, chance, asked)
    return state, now


def failed(times: int) -> PartnerState:
    return after([(1, False, 1.0, None)] * times)[0]


@given(HAPPENINGS)
def test_the_first_answer_closes_it(happenings: list[tuple[int, bool, float, float | None]]) -> None:
    state, now = after(happenings)

    closed = after_success(state, now)

    assert may_call(closed, now)
    assert (closed.failures, closed.open_until, closed.failing_since, closed.reached) == (0, None, None, now)


@given(HAPPENINGS)
def test_it_is_never_open_for_longer_than_a_quarter_of_an_hour(happenings: list[tuple[int, bool, float, float | None]]) -> None:
    state, now = after(happenings)

    assert may_call(state, now + timedelta(minutes=15))


@given(HAPPENINGS)
def test_it_counts_the_failures_since_the_last_answer_and_knows_when_they_began(
    happenings: list[tuple[int, bool, float, float | None]],
) -> None:
    moments = [NOW + timedelta(seconds=sum(one[0] for one in happenings[: n + 1])) for n in range(len(happenings))]
    last = max((n for n, one in enumerate(happenings) if one[1]), default=-1)

    state, _ = after(happenings)

    assert state.failures == len(happenings) - last - 1
    assert state.failing_since == (moments[last + 1] if state.failures else None)
    assert state.reached == (moments[last] if last >= 0 else None)


@given(HAPPENINGS)
def test_nothing_else_that_is_remembered_of_the_partner_is_touched(
    happenings: list[tuple[int, bool, float, float | None]],
) -> None:
    state, _ = after(happenings)

    assert (state.name, state.mode, state.heard, state.compared) == ("fjord", "push", NOW, NOW)


@given(st.integers(0, 4), st.floats(0, 1))
def test_fewer_than_five_failures_in_a_row_open_nothing(failures: int, chance: float) -> None:
    state, now = after([(0, False, chance, None)] * failures)

    assert may_call(state, now)


def test_the_fifth_failure_opens_it() -> None:
    assert OPENS_AFTER == 5
    assert not may_call(failed(5), NOW + 5 * SECOND)


def test_each_further_failure_keeps_it_open_at_least_as_long_until_it_is_the_longest() -> None:
    waits = [(state.open_until or NOW) - (NOW + times * SECOND) for times in range(5, 20) for state in [failed(times)]]

    assert waits == sorted(waits)
    assert waits[-1] == LONGEST == timedelta(minutes=15)


@pytest.mark.parametrize("seconds", [30.0, 899.0])
def test_a_partner_that_asks_to_be_left_alone_is_for_so_long(seconds: float) -> None:
    state = after_failure(FRESH, NOW, 0.0, seconds)

    wait = timedelta(seconds=seconds)
    assert [may_call(state, NOW + wait - SECOND), may_call(state, NOW + wait)] == [False, True]


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=3650)])
def test_what_a_clock_that_stood_ahead_opened_holds_nobody_until_that_time_comes(ahead: timedelta) -> None:
    state = after_failure(failed(19), NOW + ahead, 1.0)

    assert not may_call(state, NOW + ahead)
    assert may_call(state, NOW)
    assert not may_call(state, NOW + ahead - timedelta(minutes=1))  # one's clock may be a little behind another's


def test_only_the_first_to_call_after_the_pause_may() -> None:
    state = failed(7)
    assert state.open_until
    then = state.open_until
    assert may_call(state, then)

    taken = held(state, then)

    assert [may_call(taken, then), may_call(taken, then + HELD)] == [False, True]
    assert may_call(after_success(taken, then + SECOND), then + SECOND)
    assert after_failure(taken, then).failures == 8
