"""A partner is down for 24 hours while 10,000 assignments wait for it: it is spared, nobody else is, and then it gets them all.

Two assignments each of 5,000 patients, by the virtual clock; each goes to the hospital's server too, which is up all the while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from adapter.domain.identity import named
from adapter.domain.problem import Kind, problem
from adapter.partners.hearing import AT_ONCE, Line
from adapter.r4.checker import check
from adapter.usecases.assignments import Work, stand
from adapter.usecases.push_assignment import Courier
from mappings.resources import assignment
from tests.national_numbers import make
from tests.usecases.handover import FNR, HOSPITAL, MUNICIPALITY, NaiveServer, World

PATIENTS: Final = 5_000
WAITING: Final = 2 * PATIENTS
IN_A_UNIT: Final = 500
ROUND: Final = timedelta(seconds=30)
DAY: Final = timedelta(hours=24)
ROUNDS: Final = WAITING // AT_ONCE
"""That it takes to carry all to a server that answers: so many rows are taken up in each."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


class Down(list[object]):
    """Faults of a server without an end, with the moments of the calls that met them."""

    def __init__(self, world: World) -> None:
        self.world, self.calls = world, []

    def __bool__(self) -> bool:
        return True

    def pop(self, _: object = 0) -> object:
        def refuse(what: str) -> None:
            self.calls.append(self.world.clock.now())
            raise problem(Kind.TRANSIENT, "No answer.", "Ikke noe svar.")

        return refuse


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_day_without_one_partner_costs_the_others_nothing_and_loses_nothing(world: World) -> None:
    with capture_logs():
        _ask(world)
        specialist, municipality = lines(world)
        began = world.clock.now()
        world.municipality.faults = down = Down(world)  # type: ignore[assignment]
        told, undisturbed = None, 0
        while world.clock.now() - began < DAY:
            world.clock.at += ROUND
            municipality.round()
            if len(world.specialist.ids) < WAITING:
                specialist.round()
                undisturbed += 1
            if told is None and any(trouble.kind == "unreachable" for trouble in world.troubles()):
                told = world.clock.now() - began

        assert undisturbed == ROUNDS
        assert told
        assert told < timedelta(minutes=16)
        hours = Counter((moment - began) // timedelta(hours=1) for moment in down.calls)
        assert max(number for hour, number in hours.items() if hour) <= 8  # every 15 minutes at most, spread by half of that
        assert hours[0] <= 20
        assert not world.municipality.kept

        world.municipality.faults = []
        back, rounds = world.clock.now(), 0
        while len(world.municipality.ids) < WAITING and world.clock.now() - back < DAY:
            world.clock.at += ROUND
            municipality.round()
            rounds += 1

        wait = timedelta(minutes=15) // ROUND  # until it is tried again
        assert rounds <= ROUNDS + wait + 10
        world.clock.at += ROUND
        municipality.round()
        assert not world.waiting()
        assert not [trouble for trouble in world.troubles() if trouble.kind != "overdue"]
        for server in world.servers:
            assert _order_kept(server)


def lines(world: World) -> list[Line]:
    """The lines of a process that looks now and then."""
    return [
        Line(Courier(partner, server, world.store, world.sharing, check, world.clock), poll_seconds=3600)
        for partner, server in zip(world.sharing.partners, world.servers, strict=True)
    ]


def _ask(world: World) -> None:
    """The service asks, as when a right to care is given: first for each patient, then for each once more."""
    asked = [
        assignment.build(
            pathway=_pathway(patient),
            kind="assign-coordinator",
            ordinal=ordinal,
            patient=("Patient/one", FNR, made_number(patient)),
            requester=(HOSPITAL, "Fjordheim sykehus HF"),
            owner=(MUNICIPALITY, "Vågå kommune"),
            focus=f"{world.sharing.base}/CarePlan/plan",
            now=world.clock.now(),
            due=world.clock.now().date() + timedelta(days=7),
        )
        for ordinal in (1, 2)
        for patient in range(PATIENTS)
    ]
    for first in range(0, WAITING, IN_A_UNIT):
        with world.store.write() as unit:
            for task in asked[first : first + IN_A_UNIT]:
                stand(Work(unit, world.sharing, world.clock.now()), None, task)


def made_number(patient: int) -> str:
    born = date(1965, 1, 1) + timedelta(days=patient)
    return make(born.day, born.month, born.year, "female")


def _order_kept(server: NaiveServer) -> bool:
    """Every patient has both assignments, once each, and the one that was asked first came first."""
    came: dict[str, list[str]] = {}
    for task in server.was:
        came.setdefault(task["for"]["identifier"]["value"], []).append(assignment.key_of(task))
    return came == {made_number(patient): [_key(patient, ordinal) for ordinal in (1, 2)] for patient in range(PATIENTS)}


def _key(patient: int, ordinal: int) -> str:
    return f"urn:uuid:{named(_pathway(patient), 'assignment', 'assign-coordinator', ordinal)}"


def _pathway(patient: int) -> str:
    return str(UUID(int=patient, version=4))
