"""Who may see what, cell by cell: everything that the CapabilityStatement offers, of every type, for everyone who asks.

Who may see sees it, or a matrix in which all is refused would pass. Who may not is answered of what is there as of what never was:
the same status, headers and body, but for the names that were asked for; and what they write changes nothing.
(OWASP API1:2023, Broken Object Level Authorization.)
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.matrix.asking import Request, alike, difference
from tests.matrix.recipes import IN_BUNDLES, RECIPES, Case, Offer, offers, together
from tests.matrix.world import BLOCKED, REFUSED, Names, World, first

pytestmark = pytest.mark.slow
SYSTEM = ("batch", "transaction")
READING = ("read", "search-type")
WHOLE = ("other", "nurse")  # to whom every request is made; of the others, each cell's first
TYPES = (
    *("AllergyIntolerance", "Binary", "CarePlan", "CareTeam", "Communication", "Condition", "Consent", "DocumentReference"),
    *("Encounter", "Endpoint", "EpisodeOfCare", "Flag", "Goal", "HealthcareService", "Location", "MedicationStatement"),
    *("Observation", "Organization", "Patient", "PlanDefinition", "Practitioner", "PractitionerRole", "Provenance"),
    *("RelatedPerson", "ServiceRequest", "Subscription", "Task"),
)


def cells(type: str, names: Names, offer: Offer, *, whole: bool = True) -> Iterator[tuple[str, Case]]:
    """Every request of every cell of a type; one of each cell where it is not to be the whole."""
    asked = {
        cell: list(RECIPES[cell](type, names, offer))[: None if whole else 1]
        for cell in sorted(offer.cells, key=list(RECIPES).index)
    }
    for cell, cases in asked.items():
        yield from ((f"{cell}, {case.label}", case) for case in cases)
    yield from (
        (f"batch, {case.label}", case) for case in together("batch", [case for cell in IN_BUNDLES for case in asked.get(cell, ())])
    )
    for cell in IN_BUNDLES:
        yield from ((f"transaction, {cell}", case) for case in together("transaction", asked.get(cell, ())[:1]))


def test_everything_that_is_offered_has_a_recipe_and_a_row(world: World) -> None:
    offered = offers(world.types())
    service = world.readers["own"].get("/fhir/metadata").json()["rest"][0]

    assert set(offered) == set(TYPES)
    assert {cell for offer in offered.values() for cell in offer.cells} == set(RECIPES)
    assert {one["code"] for one in service["interaction"]} == {"batch", "transaction"}
    assert {one["name"] for one in service["operation"]} == {"export", "validate"}


def test_what_the_program_carries_is_the_same_for_all(world: World) -> None:
    """Definitions tell of nobody, and nobody can write them: https://hl7.org/fhir/R4/conformance-module.html."""
    for said in world.carried():
        type, codes = said["type"], {one["code"] for one in said["interaction"]}
        assert codes == {"read", "search-type"}
        requests = [Request("GET", f"{type}?_count=200"), Request("GET", f"{type}/{first(world, 'own', type)}")]
        for request in requests:
            mine = alike(world.ask("own", request), {})
            assert mine[0] == 200, request
            for reader in REFUSED:
                assert alike(world.ask(reader, request), {}) == mine, f"{reader} x {request}"


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("reader", REFUSED)
def test_who_may_not_see_is_answered_as_if_it_never_was(world: World, reader: str, type: str) -> None:
    if world.shows(reader, type):
        sees_no_record_beside(world, reader, type)
        return
    offer = offers(world.types())[type]
    hidden, never = (world.standing(names, type) for names in (world.seen[reader], world.never[reader]))
    before, places = kept(world, type), {**hidden.places(), **never.places()}

    leaks = []
    for (cell, there), (_, absent) in zip(
        cells(type, hidden, offer, whole=reader in WHOLE), cells(type, never, offer, whole=reader in WHOLE), strict=True
    ):
        if there.own:
            continue
        answers = world.ask(reader, there.request), world.ask(reader, absent.request)
        one, other = (alike(answer, places) for answer in answers)
        if one != other or answers[0].status_code >= 500:
            leaks.append(f"{reader} x {type} x {cell}: {there.request}\n  {difference(one, other)}")

    assert not leaks, f"{len(leaks)} cells leak:\n" + "\n".join(leaks[:5])
    assert kept(world, type) == before


def sees_no_record_beside(world: World, reader: str, type: str) -> None:
    """What is no patient's record is there for whoever acts for the hospital; no hidden record is found through it."""
    offer, names = offers(world.types())[type], world.seen[reader]
    for cell, case in cells(type, names, offer):
        if case.request.method in ("GET", "HEAD"):
            answer = world.ask(reader, case.request)
            assert answer.status_code < 500, f"{reader} x {type} x {cell}"
            assert not given(answer) & world.everything, f"{reader} x {type} x {cell}: {case.request}"
    assert world.ask(reader, next(RECIPES["read"](type, names, offer)).request).status_code == 200


@pytest.mark.parametrize("type", TYPES)
def test_who_may_see_sees_it_in_every_cell(world: World, type: str) -> None:
    offer, names = offers(world.types())[type], world.seen["own"]

    blind = []
    for cell in sorted({*offer.cells, *SYSTEM}, key=[*RECIPES, *SYSTEM].index):
        for case in shown(world, cell, type, names, offer):
            answer = world.ask("own", case.request)
            if not case.shown(answer, type, names):
                blind.append(f"own x {type} x {cell}, {case.label}: {case.request} -> {answer.status_code} {answer.text[:300]}")

    assert not blind, f"{len(blind)} cells show nothing:\n" + "\n".join(blind[:5])


def shown(world: World, cell: str, type: str, names: Names, offer: Offer) -> list[Case]:
    """What a cell shows to who may see, of what stands now: a cell before may have changed it."""
    now = world.standing(names, type)
    if cell in RECIPES:
        return [case for case in RECIPES[cell](type, now, offer) if case.shows]
    inside = [case for one in READING for case in RECIPES[one](type, now, offer)]
    return [case for each in inside for case in together(cell, [each]) if each.shows == "resource"]


def test_no_list_total_or_link_changes_when_others_patients_come(world: World) -> None:
    """Answers to requests that name nobody, from before the hidden ones came and from after."""
    changed = [asked for asked, answer in world.before.items() if world.after[asked] != answer]

    assert {reader for reader, _, _ in world.before} == set(REFUSED)
    assert not changed


def test_a_block_is_lifted_in_an_emergency_alone(world: World) -> None:
    offered = offers(world.types())
    for type in sorted(set(TYPES) - {"PlanDefinition"}):
        case = next(RECIPES["read"](type, world.seen["saver"], offered[type]))
        assert world.ask("saver", case.request).status_code == 200, type
        assert {world.ask(reader, case.request).status_code for reader in BLOCKED} == {200 if world.shows("unit", type) else 404}


def given(answer: httpx.Response) -> set[str]:
    """The ids of the resources that an answer holds."""
    if "json" not in answer.headers.get("content-type", "") or not answer.content:
        return set()
    body = answer.json()
    return {one["resource"]["id"] for one in body.get("entry", []) if "id" in one.get("resource", {})} | {body.get("id", "")}


def kept(world: World, type: str) -> tuple[str, bytes]:
    """The hidden resource as it stands."""
    with world.store.read() as unit:
        stored = unit.read(world.home, type, world.hidden.ids[type])
    assert stored
    return str(stored.version), stored.body
