"""Assignments delivered to a partner on this machine that answers at once, beside bare posts of the same bytes to it.

The partner (`bench/peers/partner.py`) is a process of its own. Ours is the line to it as `stafett serve` has it, out of the outbox
of an SQLite file with every commit on disk: each row is claimed and sent, what the partner answers is judged and kept, the row is
marked. The other is httpx alone, one client and one request after the other. Both in turns, the best of each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from adapter.partners.hearing import Line
from bench.assigned import HOSPITAL, ask, installation, partner
from bench.row import Row

PATIENTS, TURNS = 1_000, 10
HEADERS = {"content-type": "application/fhir+json", "prefer": "return=representation"}


def rows(patients: int = PATIENTS) -> Iterator[Row]:
    each = patients // TURNS
    with TemporaryDirectory() as name, partner() as address, installation(Path(name), {"municipality": address}) as services:
        (line,) = services.lines
        line.round()  # what is done once a day is done
        ask(services, range(patients))
        with services.store.read() as unit:
            bodies = [row.body for row in unit.deliveries([HOSPITAL], state="waiting", limit=patients)]
        bare = ours = float("inf")
        for turn in range(TURNS):
            bare = min(bare, _posted(address, 2 * bodies[turn * each : (turn + 1) * each]))  # as long as ours takes
            ours = min(ours, _delivered(line, each))
        with services.store.read() as unit:
            assert not unit.deliveries([HOSPITAL], state="waiting"), "not all were delivered"
    yield Row(f"deliver an assignment ({1 / ours:.0f}/s; bare httpx {1 / bare:.0f}/s)", bare / ours, "x bare httpx/s", 0.5)


def _posted(address: str, bodies: Sequence[bytes]) -> float:
    """Seconds that a post takes."""
    with httpx.Client(trust_env=False) as client:
        start = time.perf_counter()
        for body in bodies:
            client.post(address, content=body, headers=HEADERS).raise_for_status()
        return (time.perf_counter() - start) / len(bodies)


def _delivered(line: Line, number: int) -> float:
    """Seconds that an assignment takes, from the outbox until it is kept as sent."""
    start, done = time.perf_counter(), 0
    while done < number:
        done += line.round()
    return (time.perf_counter() - start) / done
