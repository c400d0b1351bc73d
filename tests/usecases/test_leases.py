"""Two that send from one outbox: one that was away beyond its lease undoes nothing of the other's, and one that lives keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Outgoing, Unit
from adapter.usecases import deliver as delivering
from adapter.usecases.deliver import HUBS, deliver
from adapter.worker import Worker
from tests.serving import until
from tests.usecases.house import FOLDER, NOW, House, PaperHub

LEASE = 60.0
ROW = Outgoing(
    id="r", tenant="t", key="k", hub=FOLDER, kind="apprec", message_id="m", hub_id="h", sender="1", receiver="2",
    body=b"<x/>", content_type="application/xml", created=NOW,
)  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


class Hub(PaperHub):
    """Does something with each row before it takes it."""

    def __init__(self, first: Callable[[Outgoing], object]) -> None:
        super().__init__()
        self.first = first

    def deliver(self, row: Outgoing) -> str:
        self.first(row)
        return super().deliver(row)


def enqueue(house: House, *ids: str, kind: str = "apprec") -> None:
    with house.store.write() as unit:
        for id in ids:
            unit.enqueue(replace(ROW, id=id, key=id, kind=kind))  # type: ignore[arg-type]


def standing(house: House, *ids: str) -> list[tuple[str, int]]:
    with house.store.read() as unit:
        rows = [unit.outgoing(id) for id in ids]
    return [(row.state, row.attempts) for row in rows if row]


def held_until(house: House, id: str) -> datetime:
    with house.store.read() as unit:
        row = unit.outgoing(id)
    assert row
    assert row.next_attempt
    return row.next_attempt


def sends(house: House, hub: PaperHub, lease: float = LEASE) -> list[Outgoing]:
    return deliver(house.store, hub, house.clock, lease=lease, chance=lambda: 0.5)


def broken() -> None:
    raise problem(Kind.TRANSIENT, "The connection broke.", "Brudd.")


def refused() -> None:
    raise problem(Kind.INVALID, "It was sent already.", "Alt sendt.")


@pytest.mark.parametrize("ends", [lambda: None, broken, refused], ids=["sent", "broken", "refused"])
def test_what_another_sent_meanwhile_stays_sent_whatever_comes_of_ones_own_try(house_on: House, ends: Callable[[], None]) -> None:
    enqueue(house_on, "r1", "r2", "r3")
    other = PaperHub()

    def away(row: Outgoing) -> None:
        house_on.clock.pass_(seconds=LEASE + 1)
        assert len(sends(house_on, other)) == 3
        ends()

    sends(house_on, Hub(away))
    house_on.clock.pass_(days=1)

    assert standing(house_on, "r1", "r2", "r3") == [("sent", 2)] * 3
    assert sends(house_on, other) == []
    assert [row.id for row in other.delivered] == ["r1", "r2", "r3"]


@pytest.mark.parametrize("ends", [broken, refused])
def test_what_another_has_in_hand_stays_so(house_on: House, ends: Callable[[], None]) -> None:
    enqueue(house_on, "r1", "r2")
    theirs = NOW + timedelta(seconds=2 * LEASE + 1)

    def away(row: Outgoing) -> None:
        house_on.clock.pass_(seconds=LEASE + 1)
        assert len(house_on.store.claim(house_on.clock.now(), LEASE, 9, [FOLDER])) == 2
        ends()

    assert sends(house_on, Hub(away)) == []
    assert standing(house_on, "r1", "r2") == [("waiting", 2)] * 2
    assert [held_until(house_on, id) for id in ("r1", "r2")] == [theirs] * 2


def test_what_was_sent_is_so_though_another_tries_it_in_vain_meanwhile(house_on: House) -> None:
    enqueue(house_on, "r1")
    begun, go = Event(), Event()

    def slow(row: Outgoing) -> None:
        begun.set()
        assert go.wait(10)

    first = Thread(target=sends, args=(house_on, Hub(slow)))
    first.start()
    assert begun.wait(10)
    house_on.clock.pass_(seconds=LEASE + 1)

    def second(row: Outgoing) -> None:
        assert row.attempts == 2
        go.set()
        first.join(10)
        broken()

    assert sends(house_on, Hub(second)) == []
    assert standing(house_on, "r1") == [("sent", 2)]


def test_a_message_that_was_answered_while_its_call_broke_is_not_sent_again(house_on: House) -> None:
    enqueue(house_on, "r1", kind="message")

    def answered(row: Outgoing) -> None:
        with house_on.store.write() as unit:
            unit.change_outgoing(replace(row, state="sent", next_attempt=None, answer="ok"))
        broken()

    assert sends(house_on, Hub(answered)) == []
    assert standing(house_on, "r1") == [("sent", 1)]


def test_who_was_away_between_claiming_and_sending_sends_nothing(house_on: House, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(house_on, "r1")
    claim = house_on.store.claim

    def away(now: datetime, lease: float, limit: int, hubs: list[str]) -> list[Outgoing]:
        rows = claim(now, lease, limit, hubs)
        house_on.clock.pass_(seconds=LEASE + 1)
        return rows

    hub = PaperHub()
    with monkeypatch.context() as patched:
        patched.setattr(house_on.store, "claim", away)
        assert sends(house_on, hub) == []
    assert hub.delivered == []
    assert [row.attempts for row in sends(house_on, hub)] == [1]


def test_a_lease_is_renewed_while_the_hub_has_not_answered(house_on: House) -> None:
    """Also what waits behind it; what was put off in this round is left so."""
    enqueue(house_on, "r0", "r1", "r2")
    lease = 0.3

    def slow(row: Outgoing) -> None:
        if row.id == "r0":
            broken()
        if row.id == "r1":
            assert held_until(house_on, "r0") == NOW + timedelta(minutes=5)
            house_on.clock.pass_(seconds=lease / 2)
            renewed = house_on.clock.now() + timedelta(seconds=lease)
            until(lambda: held_until(house_on, "r1") == held_until(house_on, "r2") == renewed)
            house_on.clock.pass_(seconds=lease * 0.9)
            assert house_on.store.claim(house_on.clock.now(), lease, 9, [FOLDER]) == []
            assert held_until(house_on, "r0") == NOW + timedelta(minutes=5)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delivering, "MOMENT", 0.0)  # each is marked before the next begins
        assert [row.id for row in sends(house_on, Hub(slow), lease)] == ["r0", "r1"]
    assert standing(house_on, "r0", "r1", "r2") == [("waiting", 1), ("sent", 1), ("waiting", 0)]


def test_a_call_that_hangs_for_ever_keeps_its_row_from_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(house, "r1")
    monkeypatch.setattr(delivering, "HELD", 0.0)

    def hanging(row: Outgoing) -> None:
        house.clock.pass_(seconds=0.01)
        assert not Event().wait(0.3)  # several times the beat
        assert held_until(house, "r1") == NOW + timedelta(seconds=0.15)

    sends(house, Hub(hanging), lease=0.15)
    assert standing(house, "r1") == [("sent", 1)]


def test_a_row_that_ends_every_process_is_given_up_and_what_was_claimed_with_it_is_sent(house_on: House) -> None:
    """Three tries are made of it, and one by itself."""
    enqueue(house_on, "r1", "poison", "r2", "r3")
    deaths: list[int] = []

    def deadly(row: Outgoing) -> None:
        if row.id == "poison":
            deaths.append(row.attempts)
            raise Killed

    hub = Hub(deadly)
    for _ in range(20):
        house_on.clock.pass_(seconds=LEASE + 1)
        try:
            deliver(house_on.store, hub, house_on.clock, lease=LEASE, ladder=replace(HUBS, most=3))
        except Killed:
            continue

    assert deaths == [1, 2, 3, 4]
    assert {row.id for row in hub.delivered} == {"r1", "r2", "r3"}
    assert [state for state, _ in standing(house_on, "r1", "poison", "r2", "r3")] == ["sent", "dead", "sent", "sent"]
    with house_on.store.read() as unit:
        given_up = unit.outgoing("poison")
    assert given_up
    assert given_up.error == "Given up after 4 tries: the service ended before they did. Report it."


def test_what_is_marked_is_told_though_what_follows_cannot_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is what is gone by after a restore: what it does not tell of is sent again."""
    enqueue(house, "r1", "r2")
    monkeypatch.setattr(delivering, "MOMENT", 0.0)
    run = house.store.run
    marked: list[object] = []

    def full(job: Callable[[Unit], object]) -> object:
        if marked:
            raise problem(Kind.TRANSIENT, "The disk is full.", "Disken er full.")
        marked.append(job)
        return run(job)

    monkeypatch.setattr(house.store, "run", full)
    hub = PaperHub()
    with capture_logs() as lines, pytest.raises(Problem, match="full"):
        Worker(house.store, house.reception, [hub], house.clock).send(hub)

    assert [row.id for row in hub.delivered] == ["r1", "r2"]
    assert [line["id"] for line in lines if line["event"] == "outgoing.sent"] == ["r1"]
