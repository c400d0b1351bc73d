"""The outbox: sent once where it goes well, tried on a ladder where not, given up with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.ports import Outgoing, Refusal, Unit
from adapter.usecases.deliver import HUBS, LAST_STEP, MOST, PARTNERS, Keep, deliver, next_try
from tests.usecases.house import NOW, House, PaperHub, message, uuid

ROW = Outgoing(
    id="r", tenant="t", key="k", hub="folder", kind="apprec", message_id="m", hub_id="h", sender="1", receiver="2",
    body=b"<x/>", content_type="application/xml", created=NOW, attempts=1,
)  # fmt: skip


def transient(retry_after: float | None = None) -> Problem:
    fault = problem(Kind.TRANSIENT, "The hub is away.", "Borte.")
    return Problem(*fault.findings, retry_after=retry_after)


def deliver_once(house: House, hub: PaperHub) -> list[Outgoing]:
    return deliver(house.store, hub, house.clock, chance=lambda: 0.5)


def test_the_ladder_ends_with_its_32nd_try_96_hours_after_the_first() -> None:
    now, steps = NOW, []
    for attempts in range(1, MOST):
        due = next_try(replace(ROW, kind="message", attempts=attempts), now)
        steps.append(due - now)
        now = due
    hours = timedelta(hours=1)
    assert steps == [hours / 12] * 3 + [hours / 4] * 3 + [hours] * 23 + [24 * hours] * 2
    assert now - NOW == timedelta(hours=72)


@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 4.5), (0.5, 5.0), (1.0, 5.5)])
def test_tries_are_spread_so_that_what_failed_together_is_not_tried_together(chance: float, minutes: float) -> None:
    assert next_try(ROW, NOW, chance) == NOW + timedelta(minutes=minutes)


def test_the_hub_may_ask_for_a_longer_wait() -> None:
    assert next_try(ROW, NOW, retry_after=3600) == NOW + timedelta(hours=1)


def test_an_apprec_is_tried_once_more_before_its_96_hours_are_out() -> None:
    late = replace(ROW, attempts=30)
    assert next_try(late, NOW + timedelta(hours=80)) == NOW + timedelta(hours=95)
    assert next_try(late, NOW + timedelta(hours=95)) == NOW + timedelta(hours=119)


def test_what_the_hub_takes_is_sent_once(house: House) -> None:
    kept = house.receive_file(message()).message
    hub = PaperHub()
    rows = [deliver_once(house, hub) for _ in range(3)]
    assert [len(batch) for batch in rows] == [1, 0, 0]
    (row,) = house.answers(kept.id)
    assert (row.state, row.attempts, row.next_attempt, row.error, len(hub.delivered)) == ("sent", 1, None, "", 1)


def test_a_retried_row_has_the_same_bytes_and_says_that_it_was_tried(house: House) -> None:
    house.receive_file(message())
    hub = PaperHub()
    hub.faults = [transient()]
    (put_off,) = deliver_once(house, hub)
    assert (put_off.state, put_off.error, put_off.next_attempt) == ("waiting", "The hub is away.", NOW + timedelta(minutes=5))
    assert deliver_once(house, hub) == []

    house.clock.pass_(minutes=5)
    (sent,) = deliver_once(house, hub)
    assert (sent.state, sent.attempts, sent.body) == ("sent", 2, put_off.body)


def test_a_refusal_for_good_is_dead_with_its_reason(house: House) -> None:
    house.receive_file(message())
    hub = PaperHub()
    hub.faults = [problem(Kind.CONFLICT, "The hub has another AppRec.", "En annen.")]
    (row,) = deliver_once(house, hub)
    assert (row.state, row.error) == ("dead", "The hub has another AppRec.")
    house.clock.pass_(days=30)
    assert deliver_once(house, hub) == []


@pytest.mark.slow
def test_the_last_try_gives_up_and_says_after_how_many(house: House) -> None:
    house.receive_file(message())
    hub = PaperHub()
    for _ in range(MOST):
        hub.faults = [transient()]
        (row,) = deliver_once(house, hub)
        house.clock.pass_(days=2)
    assert (row.state, row.error) == ("dead", "Given up after 32 tries: The hub is away.")


def test_a_fault_of_ours_is_tried_again_and_stops_nobody_else(house: House) -> None:
    house.receive_file(message())
    house.receive_file(message(msg_id="00000000-0000-4000-8000-000000000002"), "b.xml")
    hub = PaperHub()
    hub.faults = [KeyError("x")]
    first, second = deliver_once(house, hub)
    assert (first.state, first.error, second.state) == ("waiting", "Unexpected fault: KeyError.", "sent")


def test_what_another_holds_is_left_alone_until_its_lease_is_out(house: House) -> None:
    """A process that was killed while it sent: its row comes back, and is known to have been tried."""
    house.receive_file(message())
    assert len(house.store.claim(NOW, 60, 10, ["folder"])) == 1
    hub = PaperHub()
    assert deliver_once(house, hub) == []
    house.clock.pass_(seconds=61)
    (row,) = deliver_once(house, hub)
    assert (row.state, row.attempts) == ("sent", 2)


def test_a_slow_hub_does_not_hold_rows_longer_than_their_lease(house: House) -> None:
    for number in range(3):
        house.receive_file(message(msg_id=f"00000000-0000-4000-8000-00000000000{number}"), f"{number}.xml")

    class Slow(PaperHub):
        def deliver(self, row: Outgoing) -> str:
            house.clock.pass_(seconds=31)
            return super().deliver(row)

    assert [len(deliver(house.store, Slow(), house.clock, lease=60)) for _ in range(4)] == [1, 1, 1, 0]


class Fjord:
    """A partner that answers as it is told: with a version, or by raising."""

    name = "fjord"

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)

    def deliver(self, row: Outgoing) -> str:
        match self.answers.pop(0) if self.answers else 'W/"1"':
            case Exception() as fault:
                raise fault
            case etag:
                return str(etag)


PUSH = replace(ROW, id="p1", kind="share", hub="fjord", key="fjord|x", message_id="", hub_id=None, attempts=0, about="Task/t1")


def carried(house: House, partner: Fjord, *rows: Outgoing, chance: float = 1.0) -> Outgoing:
    """The row that a round carries, once these are waiting too."""
    with house.store.write() as unit:
        for row in rows:
            unit.enqueue(row)
    (row,) = deliver(house.store, partner, house.clock, ladder=PARTNERS, chance=lambda: chance)
    with house.store.read() as unit:
        assert unit.outgoing(row.id) == row
    return row


def refused(outcome: bytes) -> Refusal:
    refusal = Refusal(Finding("error", Kind.BUSINESS_RULE, "The partner refused it.", "Den sa nei."))
    refusal.outcome = outcome
    return refusal


def whole_steps(attempts: Iterable[int]) -> list[float]:
    return [(PARTNERS.next_try(replace(PUSH, attempts=n), NOW, 1.0, None) - NOW).total_seconds() for n in attempts]


def test_a_partner_is_tried_again_after_a_second_and_twice_as_long_each_time_up_to_a_day() -> None:
    assert whole_steps(range(1, 7)) == [1, 2, 4, 8, 16, 32]
    assert whole_steps([17, 18, 19, 500]) == [65536, 86400, 86400, 86400]  # 2 ** 16 seconds are 18 hours, 2 ** 17 more than a day


@given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.floats(0, 3600))
def test_a_partner_is_tried_again_within_the_whole_step_and_not_before_it_asked(attempts: int, chance: float, asked: float) -> None:
    (whole,) = whole_steps([attempts])

    wait = (PARTNERS.next_try(replace(PUSH, attempts=attempts), NOW, chance, asked) - NOW).total_seconds()

    # A moment is kept in whole microseconds.
    assert (asked or 0) - 1e-6 <= wait <= max(whole, asked or 0) + 1e-6
    assert wait <= LAST_STEP.total_seconds()


def test_any_part_of_a_partners_step_may_be_waited() -> None:
    row = replace(PUSH, attempts=5)
    assert [PARTNERS.next_try(row, NOW, chance, None) - NOW for chance in (0.0, 0.25, 1.0)] == [
        timedelta(seconds=seconds) for seconds in (0, 4, 16)
    ]


def test_what_a_partner_takes_is_sent(house: House) -> None:
    row = carried(house, Fjord('W/"7"'), PUSH)
    assert (row.state, row.attempts, row.next_attempt, row.error) == ("sent", 1, None, "")


def test_what_a_partner_refuses_is_dead_at_once_with_its_outcome(house: House) -> None:
    row = carried(house, Fjord(refused(b'{"resourceType":"OperationOutcome"}')), PUSH)
    assert (row.state, row.error, row.outcome) == ("dead", "The partner refused it.", b'{"resourceType":"OperationOutcome"}')


def test_a_partner_that_cannot_be_reached_is_never_given_up(house: House) -> None:
    row = carried(house, Fjord(transient()), replace(PUSH, attempts=5000))
    assert (row.state, row.error, row.next_attempt) == ("waiting", "The hub is away.", NOW + timedelta(days=1))


def test_a_fault_of_ours_on_the_way_to_a_partner_is_given_up_after_32_tries(house: House) -> None:
    row = carried(house, Fjord(KeyError("x")), replace(PUSH, attempts=MOST - 2))
    assert row.state == "waiting"
    house.clock.pass_(days=2)
    row = carried(house, Fjord(KeyError("x")))
    assert (row.state, row.error) == ("dead", "Given up after 32 tries: Unexpected fault: KeyError.")


def test_a_hub_is_given_up_after_as_many_tries_as_are_configured(house: House) -> None:
    house.receive_file(message())
    hub = PaperHub()
    hub.faults = [transient()]
    (row,) = deliver(house.store, hub, house.clock, ladder=replace(HUBS, most=1))
    assert (row.state, row.error) == ("dead", "Given up after 1 tries: The hub is away.")


def test_what_a_partner_refused_lets_the_next_of_its_key_go(house: House) -> None:
    partner = Fjord(refused(b""))
    assert carried(house, partner, PUSH, replace(PUSH, id="p2")).id == "p1"
    assert carried(house, partner).id == "p2"


def receive_some(house: House, number: int) -> None:
    for n in range(number):
        house.receive_file(message(msg_id=uuid(n)), f"{n}.xml")


def test_several_rows_are_on_their_way_at_once_where_that_is_asked_for(house: House) -> None:
    receive_some(house, 4)
    two = Barrier(2, timeout=10)

    class Meeting(PaperHub):
        def deliver(self, row: Outgoing) -> str:
            two.wait()  # for another one
            return super().deliver(row)

    assert [row.state for row in deliver(house.store, Meeting(), house.clock, at_once=2)] == ["sent"] * 4
    assert deliver_once(house, PaperHub()) == []


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_is_to_be_kept_is_kept_with_the_mark_and_what_cannot_be_is_put_off_alone(house: House, at_once: int) -> None:
    receive_some(house, 3)

    class Keeper(PaperHub):
        def deliver(self, row: Outgoing) -> Keep:  # type: ignore[override]
            name = super().deliver(row)
            bad = len(self.delivered) == 2

            def keep(unit: Unit) -> None:
                unit.set_setting(name, b"kept")
                if bad:
                    raise KeyError

            return keep

    hub = Keeper()
    rows = deliver(house.store, hub, house.clock, chance=lambda: 0.5, at_once=at_once)

    bad = hub.delivered[1].id
    assert {row.id: (row.state, row.error) for row in rows} == {
        row.id: ("waiting", "Unexpected fault: NotKept.") if row.id == bad else ("sent", "") for row in hub.delivered
    }
    with house.store.read() as unit:
        assert [unit.setting(f"sent-{row.id}") for row in rows] == [None if row.id == bad else b"kept" for row in rows]
        assert [unit.outgoing(row.id) for row in rows] == rows
