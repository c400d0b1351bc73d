"""What a log tells of the time that a restored copy does not know, and what becomes of the rows that the copy has waiting."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapter.ports import PartnerState
from adapter.usecases.reconcile import Told, compare_anew, read_log, settle
from tests.storage.things import NOW, a_row
from tests.usecases.house import House

AT = datetime(2026, 5, 11, 8, 0, tzinfo=UTC)


def line(event: str, seconds: int = 0, **said: Any) -> bytes:
    return json.dumps(
        {"event": event, "level": "info", "timestamp": (AT + timedelta(seconds=seconds)).isoformat(), **said}
    ).encode()


def received(id: str, seconds: int = 0, hub_id: str | None = "h1") -> bytes:
    more = {"msg_id": "x", "sender": "8000201", "outcome": "new", "state": "processed", "why": ""}
    return line("message.received", seconds, id=id, hub="edi2", hub_id=hub_id, receiver="8000101", **more)


def test_a_log_tells_what_was_received_first_and_what_was_sent() -> None:
    witness = read_log([received("a"), received("a", 60), received("b", 1, None), line("outgoing.sent", id="o1", hub="edi2")])

    assert list(witness.received.values()) == [
        Told("a", "edi2", "h1", "8000101", AT),
        Told("b", "edi2", "", "8000101", AT + timedelta(seconds=1)),
    ]
    assert witness.sent == {"o1"}


def test_what_clients_wrote_since_is_counted_and_reads_and_refusals_are_not() -> None:
    def request(method: str, status: int, seconds: int, route: str = "/fhir/{type}") -> bytes:
        return line("request", seconds, method=method, route=route, status=status, ms=3.1)

    witness = read_log(
        [
            request("POST", 201, 5),
            request("POST", 201, -5),
            request("POST", 201, 6),
            request("PUT", 412, 6),
            request("GET", 200, 6),
            request("PATCH", 200, 7, "/fhir/{type}/{id}"),
            request("POST", 201, 7, "/messages"),
        ]
    )

    assert witness.written_since(AT) == Counter({"POST /fhir/{type}": 2, "PATCH /fhir/{type}/{id}": 1})


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"17",
        b'"x"',
        received("b")[:-9],
        b'{"event":"message.received"}',
        b'{"event":"message.received","timestamp":"noon"}',
        b'{"event":"message.received","timestamp":5}',
        line("message.received", id="b"),
        line("request", method="PUT", route="/fhir/{type}", status="201"),
        b"INFO:     Uvicorn running",
    ],
)
def test_a_line_that_is_not_ours_or_is_cut_off_tells_nothing(other: bytes) -> None:
    witness = read_log([other, received("a")])

    assert (list(witness.received), witness.sent, witness.written) == (["a"], set(), [])


@pytest.mark.parametrize(
    ("row", "is_sent", "left"),
    [
        ({}, False, ("waiting", 1)),
        ({"attempts": 3}, False, ("waiting", 3)),
        ({}, True, ("sent", 1)),
        ({"kind": "message"}, True, ("unanswered", 1)),
        ({"kind": "share"}, True, ("waiting", 0)),
        ({"kind": "change"}, False, ("waiting", 0)),
        ({"state": "dead", "attempts": 32}, True, ("dead", 32)),
    ],
    ids=str,
)
def test_what_waits_for_a_hub_counts_as_tried_or_is_put_down_as_sent(
    row: dict[str, Any], is_sent: bool, left: tuple[str, int], house: House
) -> None:
    """A receipt that counts as tried is asked for at the hub before it is sent (`Edi2Hub.deliver`)."""
    with house.store.write() as unit:
        unit.enqueue(a_row(next_attempt=NOW, **row))
        waiting = unit.outgoing("o1")
        assert waiting
        settle(unit, waiting, is_sent=is_sent)
        after = unit.outgoing("o1")

    assert after
    assert (after.state, after.attempts) == left
    assert after.body == waiting.body


def test_a_partner_is_compared_anew_and_nothing_else_of_it_is_forgotten(house: House) -> None:
    known = PartnerState("vaagaa", "push", 2, heard=NOW, compared=NOW, reached=NOW)
    with house.store.write() as unit:
        unit.keep_partner_state(known)
        compare_anew(unit, "vaagaa")
        assert unit.partner_state("vaagaa") == PartnerState("vaagaa", "push", 2, heard=NOW, reached=NOW)
