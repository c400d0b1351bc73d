"""The outbox: sent once where it goes well, tried on a ladder where not, given up with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Outgoing
from adapter.usecases.deliver import MOST, deliver, next_try
from tests.usecases.house import NOW, House, PaperHub, message

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
