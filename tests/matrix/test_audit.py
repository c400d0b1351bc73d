"""What the audit has of each cell: who saw whom, with what outcome; of who saw nothing, that they asked.

(Pasientjournalforskriften § 14, patient's right to know who has seen the record; refusals too.)
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.matrix.asking import Request
from tests.matrix.instances import OF_NOBODY
from tests.matrix.recipes import RECIPES, offers
from tests.matrix.test_matrix import TYPES
from tests.matrix.world import REFUSED, WHO, World

pytestmark = pytest.mark.slow
SEEING = [cell for cell in RECIPES if cell not in ("$findings", "create")]  # what shows something that is there


def asked(world: World, reader: str, request: Request) -> tuple[httpx.Response, list[tuple[tuple[str, ...], dict[str, Any]]]]:
    """The answer, and of each record that was written before it came: about whom, and what it says."""
    with world.store.read() as unit:
        end, _ = unit.audit_end()
    answer = world.ask(reader, request)
    with world.store.read() as unit:
        links = unit.audit_links(end)
    return answer, [(link.record.about, json.loads(link.record.body)) for link in links]


@pytest.mark.parametrize("type", TYPES)
def test_what_was_shown_is_written_down_before_it_is_answered(world: World, type: str) -> None:
    offer, names = offers(world.types())[type], world.seen["own"]
    whose = set() if type in {*OF_NOBODY, "PlanDefinition"} else {names.ids["Patient"]}

    missing = []
    for cell in [cell for cell in SEEING if cell in offer.cells]:
        now = world.standing(names, type)
        for case in [case for case in RECIPES[cell](type, now, offer) if case.shows in ("resource", "ok", "unchanged")][:2]:
            answer, found = asked(world, "own", case.request)
            about = {patient for patients, _ in found for patient in patients}
            said = [(one["who"]["client"], one["outcome"], one["tenant"]) for _, one in found]
            if said != [("own", "0", world.home)] or not whose <= about:
                missing.append(f"own x {type} x {cell}, {case.label}: {answer.status_code} {said} about {len(about)}")

    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("reader", REFUSED)
def test_what_was_refused_is_written_down_too(world: World, reader: str) -> None:
    names = world.seen[reader]
    for type in ("Patient", "Task", "Observation", "Binary"):
        for request in (
            Request("GET", f"{type}/{names.ids[type]}"),
            Request("GET", f"{type}/{names.ids[type]}/_history"),
            Request("PUT", f"{type}/{names.ids[type]}", {"If-Match": names.tag}, names.body(type)),
        ):
            answer, found = asked(world, reader, request)
            assert 400 <= answer.status_code < 500
            (one,) = (one for _, one in found)
            assert (one["who"]["client"], one["outcome"], one["status"]) == (WHO[reader]["client_id"], "4", answer.status_code)
            assert f"{type}/{names.ids[type]}" in one["asked"]


def test_an_emergency_is_written_down_as_one(world: World) -> None:
    names = world.seen["saver"]
    answer, found = asked(world, "saver", Request("GET", names.patient))

    ((about, one),) = found
    assert answer.status_code == 200
    assert about == (names.ids["Patient"],)
    assert one["ground"]["purpose"] == "ETREAT"
    assert one["who"]["person"]["hpr"] == WHO["saver"]["hpr"]


def test_what_is_counted_or_listed_outside_fhir_is_written_down(world: World) -> None:
    for path in (f"/messages/{world.message}", f"/messages/{world.message}/bundle", f"/pathways/{world.course['EpisodeOfCare']}"):
        _, found = asked(world, "own", Request("GET", path, fhir=False))
        assert [one["outcome"] for about, one in found if about], path
