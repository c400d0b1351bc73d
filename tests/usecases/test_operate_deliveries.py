"""Sending again: what is sent then is made anew in the same unit, or nothing is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Outgoing, Unit
from adapter.usecases.operate_deliveries import resend
from tests.usecases.house import NOW, House

DEAD = Outgoing(
    id="p1", tenant="t", key="fjord|x", hub="fjord", kind="change", message_id="", hub_id=None, sender="t", receiver="o",
    body=b"old", content_type="application/fhir+json", created=NOW, state="dead", attempts=3, error="Refused.",
    about="Task/t1", outcome=b"{}",
)  # fmt: skip
LATER = NOW + timedelta(hours=1)


def keep(house: House, *rows: Outgoing) -> None:
    with house.store.write() as unit:
        for row in rows:
            unit.enqueue(row)


def test_what_is_sent_again_says_what_would_be_said_today(house: House) -> None:
    keep(house, DEAD)

    new = house.store.run(lambda unit: resend(unit, ["t"], "p1", lambda _, row: b"new, not " + row.body, LATER))

    with house.store.read() as unit:
        assert [unit.outgoing("p1"), unit.outgoing(new.id)] == [replace(DEAD, state="dismissed"), new]
    sent = {"attempts": 0, "error": "", "outcome": b"", "earlier": "p1", "created": LATER, "state": "waiting"}
    assert new == replace(DEAD, id=new.id, body=b"new, not old", **sent)


def test_it_is_the_last_of_its_patient_to_leave(house: House) -> None:
    keep(house, DEAD, replace(DEAD, id="p2", state="waiting", attempts=0))

    new = house.store.run(lambda unit: resend(unit, ["t"], "p1", lambda _, row: row.body, LATER))

    assert [row.id for row in house.store.claim(LATER, 60, 9, ["fjord"])] == ["p2"]
    with house.store.read() as unit:
        assert [row.id for row in unit.waiting_about("Task/t1", "fjord")] == ["p2", new.id]


def test_what_cannot_be_made_anew_stays_as_it_was(house: House) -> None:
    keep(house, DEAD)

    def remake(unit: Unit, row: Outgoing) -> bytes:
        raise problem(Kind.UNMATCHED, "It is no longer here.", "Den er her ikke lenger.")

    with pytest.raises(Problem):
        house.store.run(lambda unit: resend(unit, ["t"], "p1", remake, LATER))

    with house.store.read() as unit:
        assert unit.deliveries(["t"]) == [DEAD]
