"""What another organisation sees of a pathway: as long as there is a ground for it, what it may, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.domain.problem import Kind, Problem
from adapter.ports import Query, Unit
from adapter.r4.checker import check
from adapter.usecases.assignments import Work
from adapter.usecases.create_resource import create
from adapter.usecases.pathways import Body, Pathways, plain
from adapter.usecases.refold import refold
from adapter.usecases.share_pathway import share_pathway
from adapter.usecases.update_resource import update
from adapter.usecases.writing import When
from mappings.resources import care_plan, care_team, outward_pathway
from mappings.resources.outward_pathway import ELEMENTS, STATUS_ELEMENTS
from mappings.rules import national
from tests.national_numbers import make
from tests.secrecy.scan import rows
from tests.usecases.handover import FNR, HOSPITAL, MUNICIPALITY, PATHWAY, World, coordinator, organisation
from tests.usecases.stored_pathways import organization, pathway, put

pytestmark = pytest.mark.slow  # a whole installation for each

NUMBER = make(1, 2, 1985, "female")
GP_OFFICE = "319900403"
UNIT = "Poliklinikk for rus Kanarivik"
TEXT = "Kanarifugl i fritekst"
REASON = {"text": "Derfor."}
IDS = {"EpisodeOfCare": PATHWAY, "CarePlan": care_plan.id_of(PATHWAY), "CareTeam": care_team.id_of(PATHWAY)}
PATIENT = {
    "resourceType": "Patient",
    "id": f"p-{PATHWAY}",
    "identifier": [{"system": FNR, "value": NUMBER}],
    "name": [{"family": "Kanari"}],
    "birthDate": "1985-02-01",
}


def gp_referred() -> list[Body]:
    """Who referred: a person in an office that is part of a legal entity, so that the way up has three steps."""
    office = {**organization("gp-office", "Lynghei legekontor"), "partOf": {"reference": "Organization/gp-entity"}}
    entity = {**organization("gp-entity", "Lynghei legesenter"), "identifier": [organisation(GP_OFFICE)["identifier"]]}
    role = {"resourceType": "PractitionerRole", "id": "gp", "organization": {"reference": "Organization/gp-office"}}
    return [office, entity, role]


class Here:
    """The world, with one pathway of one patient that the hospital has; `mode` is how the municipality takes part."""

    def __init__(self, folder: Path, mode: str, url: str = "") -> None:
        self.mode = mode
        modes: Any = {"municipality": mode} if mode in ("push", "wait") else {}
        self.world = world = World(folder, url=url, modes=modes, hospital_has_server=False)
        world.sharing = replace(world.sharing, names={HOSPITAL: "Fjordheim sykehus HF"})
        world.sharing = replace(
            world.sharing,
            organisations=[HOSPITAL, GP_OFFICE, *([MUNICIPALITY] if mode == "ours" else [])],
            partners=[] if mode == "ours" else world.sharing.partners,
        )
        self.pathways = Pathways(national(), base=world.sharing.base)
        world.rules = replace(world.rules, pathways=self.pathways, sharing=world.sharing)
        if mode == "ours":
            world.servers = []
        world.restart()
        made = pathway(PATHWAY, "2026-07-01 A", "2026-07-10 M")
        referral = next(one for one in made if one["resourceType"] == "ServiceRequest")
        referral["requester"] = {"reference": "PractitionerRole/gp"}
        made[0]["extension"].append({"url": "https://example.org/fri", "valueString": TEXT})
        made[0]["diagnosis"] = [{"condition": {"display": TEXT}}]
        made[0]["managingOrganization"] = {**organisation(HOSPITAL, UNIT)}
        put(world.store, HOSPITAL, [PATIENT, *gp_referred(), organization("poli", UNIT, "hospital"), *made])
        assert list(refold(world.store, [HOSPITAL], self.pathways, world.clock.now(), sharing=world.sharing))

    def copies(self, space: str = MUNICIPALITY) -> dict[str, Body]:
        with self.world.store.read() as unit:
            found = {type: unit.read(space, type, id) for type, id in IDS.items()}
        return {type: plain(one) for type, one in found.items() if one}

    def original(self, type: str) -> Body:
        return self.copies(HOSPITAL)[type]

    def answers(self, key: str, status: str, **more: Any) -> None:
        """The municipality moves the Task on, where it has it."""
        if self.mode == "push":
            self.world.settle()
            self.world.municipality.answers(key, status, **more)
            self.world.settle()
        else:
            self.world.writes({**self.world.mirror(key, MUNICIPALITY), "status": status, **more}, MUNICIPALITY)

    def creates(self, resource: Body) -> str:
        world, id = self.world, self.world.rules.new_id()

        def job(unit: Unit) -> str:
            return create(unit, world.rules, HOSPITAL, resource, world.clock.now(), id=id).stored.id

        return world.store.run(job)

    def puts(self, type: str, id: str, change: Callable[[Body], Body]) -> None:
        world = self.world

        def job(unit: Unit) -> None:
            stored = unit.read(HOSPITAL, type, id)
            assert stored
            when = When(if_match=f'W/"{stored.version}"')
            update(unit, world.rules, HOSPITAL, change(plain(stored)), world.clock.now(), id=id, when=when)

        world.store.run(job)

    def event(self, kind: str, on: str, **more: Any) -> str:
        code = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9322", "code": kind}]}
        return self.creates(
            {
                "resourceType": "Observation",
                "status": "final",
                "code": code,
                "subject": {"reference": f"Patient/{PATIENT['id']}"},
                "focus": [{"reference": f"EpisodeOfCare/{PATHWAY}"}],
                "performer": [organisation(HOSPITAL)],
                "effectiveDateTime": on,
                **more,
            }
        )

    def blocks(self, number: str, system: str = "urn:oid:2.16.578.1.12.4.1.4.101") -> str:
        """The patient says that an organisation, or a person, is not to see."""
        scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
        category = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentcategorycodes", "code": "infa"}]}
        role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
        return self.creates(
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": scope,
                "category": [category],
                "patient": {"reference": f"Patient/{PATIENT['id']}"},
                "policyRule": {"text": "Pasient- og brukerrettighetsloven § 5-3"},
                "provision": {
                    "type": "deny",
                    "actor": [{"role": role, "reference": {"identifier": {"system": system, "value": number}}}],
                },
            }
        )


@pytest.fixture(params=["wait", "push", "ours"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path, request.param)
    yield made
    made.world.store.close()


def test_before_acceptance_nothing_of_the_pathway_is_in_the_others_space(here: Here) -> None:
    key = here.world.hospital_asks()
    assert here.copies() == {}

    here.answers(key, "received")
    assert here.copies() == {}

    here.answers(key, "rejected", statusReason=REASON)
    assert here.copies() == {}


def test_who_accepts_finds_the_pathway_its_plan_and_its_team_in_the_same_moment(here: Here) -> None:
    key = here.world.hospital_asks()
    here.answers(key, "accepted")

    copies = here.copies()
    assert set(copies) == {"EpisodeOfCare", "CarePlan", "CareTeam"}
    episode, plan = copies["EpisodeOfCare"], copies["CarePlan"]
    labels = [("R", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality")]
    for copy in (episode, plan):
        assert [(one["code"], one["system"]) for one in copy["meta"]["security"]][:1] == labels
        assert [one["code"] for one in copy["meta"]["tag"]] == ["computed"]
    original = here.original("EpisodeOfCare")
    assert episode["status"] == original["status"] == "active"
    assert episode["period"] == original["period"]
    assert episode["patient"] == {"type": "Patient", "identifier": {"system": FNR, "value": NUMBER}}
    assert episode["managingOrganization"] == organisation(HOSPITAL, "Fjordheim sykehus HF")
    assert episode["team"] == plan["careTeam"] == [{"reference": f"CareTeam/{IDS['CareTeam']}"}]
    assert plan["status"] == here.original("CarePlan")["status"]
    assert "activity" not in plan
    for text in (UNIT, TEXT, "Kanari"):
        assert text not in str(copies)


def test_a_copy_follows_each_change_of_the_pathway(here: Here) -> None:
    key = here.world.hospital_asks()
    here.answers(key, "accepted")
    before = here.copies()["EpisodeOfCare"]

    outcome = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9323", "code": "P"}]}
    here.event("C", "2026-07-20", valueCodeableConcept=outcome)

    after = here.copies()["EpisodeOfCare"]
    assert after != before
    assert after["extension"][0]["valueCode"] == _phase(here.original("EpisodeOfCare"))


def _phase(episode: Body) -> str:
    return next(str(one["valueCode"]) for one in episode["extension"] if one["url"].endswith("/pathway-phase"))


@pytest.mark.parametrize("end", ["failed", "entered-in-error", "released"])
def test_when_the_assignment_has_ended_nothing_of_the_pathway_is_left(here: Here, end: str) -> None:
    key = here.world.hospital_asks()
    here.answers(key, "accepted")
    here.answers(key, "in-progress")
    assert here.copies()

    if end == "failed":
        here.answers(key, "failed", statusReason=REASON)
    else:
        here.answers(key, "completed", **coordinator())
        assert here.copies()
        if end == "entered-in-error" and here.mode == "push":
            here.answers(key, "entered-in-error", statusReason=REASON)
        elif end == "entered-in-error":  # it is the requester's to take back a mistake
            here.world.writes({**here.world.mirror(key), "status": "entered-in-error", "statusReason": REASON})
        else:
            release = here.world.hospital_asks("release-coordinator")
            for status in ("accepted", "completed"):
                here.answers(release, status)

    assert here.copies() == {}
    with here.world.store.read() as unit:
        assert [unit.history(MUNICIPALITY, type, id, 10).found for type, id in IDS.items()] == [[], [], []]
        assert unit.search(MUNICIPALITY, Query("EpisodeOfCare")).found == []


def test_no_words_and_codes_of_our_own_are_in_a_copy() -> None:
    national = {"system": "urn:oid:2.16.578.1.12.4.1.1.9321", "code": "1", "display": "Psykiske lidelser, voksne"}
    ours = {
        "resourceType": "EpisodeOfCare",
        "id": PATHWAY,
        "status": "active",
        "type": [{"coding": [national, {"system": "urn:local", "code": TEXT}], "text": TEXT}, {"text": TEXT}],
        "extension": [{"url": "https://example.org/fri", "valueCode": TEXT}],
        "statusHistory": [
            {"status": "planned", "period": {"start": "2026-07-01"}, "extension": [{"url": "x", "valueString": TEXT}]}
        ],
    }
    number = {"system": FNR, "value": NUMBER}

    whole = outward_pathway.episode(ours, number, (HOSPITAL, "Fjordheim sykehus HF"), with_team=True)
    status = outward_pathway.status_only(ours, number)

    assert (whole["type"], whole.get("extension")) == ([{"coding": [national]}], None)
    assert status["statusHistory"] == [{"status": "planned", "period": {"start": "2026-07-01"}}]
    assert TEXT not in f"{whole}{status}"


def test_what_another_organisation_has_itself_is_not_taken_away_with_the_copies(here: Here) -> None:
    """The ids of what we work out are no secret: a plan of its own may stand where the copy would have stood."""
    own = {"resourceType": "CarePlan", "id": IDS["CarePlan"], "status": "active", "intent": "plan", "subject": {"display": "x"}}
    put(here.world.store, MUNICIPALITY, [own])

    here.answers(here.world.hospital_asks(), "rejected", statusReason=REASON)

    assert here.copies().keys() == {"CarePlan"}
    assert here.copies()["CarePlan"]["subject"] == {"display": "x"}


def test_a_patients_block_takes_the_copies_away_and_its_end_gives_them_back(here: Here) -> None:
    here.answers(here.world.hospital_asks(), "accepted")
    assert set(here.copies()) == set(IDS)

    consent = here.blocks(MUNICIPALITY)
    assert here.copies() == {}

    here.puts("Consent", consent, lambda said: {**said, "status": "inactive"})
    assert set(here.copies()) == set(IDS)


def test_a_block_before_acceptance_withholds_and_one_against_another_does_not(here: Here) -> None:
    here.blocks(GP_OFFICE)
    key = here.world.hospital_asks()
    here.answers(key, "accepted")
    assert set(here.copies()) == set(IDS)
    assert here.copies(GP_OFFICE) == {}

    here.blocks(MUNICIPALITY)
    here.answers(key, "in-progress")
    assert here.copies() == {}


HPR, DOCTOR = "urn:oid:2.16.578.1.12.4.1.4.4", "9144897"
OTHER = make(3, 2, 1985, "male")


def seen(here: Here, space: str, *who: str) -> set[str]:
    """The types of what a caller finds of the pathway in a space, by all ways to find it."""
    with here.world.store.seen_by([space], who).read() as unit:
        read = {type for type, id in IDS.items() if unit.read(space, type, id)}
        found = {type for type in (*IDS, "Consent") for _ in unit.search(space, Query(type)).found}
    assert found - {"Consent"} == read
    return found


def test_a_block_of_a_person_holds_wherever_a_copy_of_the_pathway_is(here: Here) -> None:
    here.answers(here.world.hospital_asks(), "accepted")
    before = {space: seen(here, space, DOCTOR) for space in (MUNICIPALITY, GP_OFFICE)}
    by_hpr, by_number = here.blocks(DOCTOR, HPR), here.blocks(OTHER, FNR)

    assert before == {MUNICIPALITY: set(IDS), GP_OFFICE: {"EpisodeOfCare"}}
    for space, copies in before.items():
        assert seen(here, space, DOCTOR) == seen(here, space, space, OTHER) == set()
        assert seen(here, space, space, "1234567") == copies | {"Consent"}

    here.puts("Consent", by_hpr, lambda said: {**said, "status": "inactive"})
    assert seen(here, MUNICIPALITY, OTHER) == set()
    assert seen(here, MUNICIPALITY, DOCTOR) == {*IDS, "Consent"}
    here.puts("Consent", by_number, lambda said: {**said, "status": "inactive"})
    assert seen(here, MUNICIPALITY, OTHER) == set(IDS)


def test_the_block_in_anothers_space_says_who_and_nothing_else_and_goes_with_the_copies(here: Here) -> None:
    key = here.world.hospital_asks()
    here.blocks(DOCTOR, HPR)
    here.blocks(GP_OFFICE)
    here.answers(key, "accepted")

    (consent,) = consents(here)
    assert consent["patient"] == {"type": "Patient", "identifier": {"system": FNR, "value": NUMBER}}
    (actor,) = consent["provision"]["actor"]
    assert actor["reference"] == {"identifier": {"system": HPR, "value": DOCTOR}}
    assert set(consent) == {"resourceType", "id", "meta", "status", "scope", "category", "patient", "policyRule", "provision"}
    assert [one for one in check(consent) if one.severity in ("error", "fatal")] == []
    with pytest.raises(Problem) as refused:
        here.world.store.run(lambda unit: _update(unit, here.world, {**consent, "status": "inactive"}))
    assert refused.value.kind in (Kind.FORBIDDEN, Kind.BUSINESS_RULE)

    here.answers(key, "failed", statusReason=REASON)
    assert consents(here) == []


def consents(here: Here) -> list[Body]:
    with here.world.store.read() as unit:
        return [plain(one) for one in unit.search(MUNICIPALITY, Query("Consent")).found]


def test_who_referred_sees_the_status_and_nothing_else(here: Here) -> None:
    (type, copy), *others = here.copies(GP_OFFICE).items()

    assert (type, others) == ("EpisodeOfCare", [])
    assert set(copy) == STATUS_ELEMENTS
    assert [one["status"] for one in copy["statusHistory"]] == [
        one["status"] for one in here.original("EpisodeOfCare")["statusHistory"]
    ]
    assert {key for one in copy["statusHistory"] for key in one} == {"status", "period"}
    assert copy["patient"] == {"type": "Patient", "identifier": {"system": FNR, "value": NUMBER}}


def test_when_the_pathway_closes_the_ground_ends_and_who_referred_still_sees_that_it_has_ended(here: Here) -> None:
    here.answers(here.world.hospital_asks(), "accepted")
    outcome = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9326", "code": "A"}]}

    here.event("X", "2026-07-25", valueCodeableConcept=outcome)

    original = here.original("EpisodeOfCare")
    assert original["status"] == "finished"
    follows_up = _phase(original) == "municipal-follow-up"
    assert bool(here.copies()) == follows_up
    assert here.copies(GP_OFFICE)["EpisodeOfCare"]["status"] == "finished"


# --- laws

STEPS = ("asks", "accepted", "in-progress", "completed", "failed", "rejected", "blocks", "lifts", "event", "releases", "again")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=9), mode=st.sampled_from(["wait", "ours"]))
def test_a_copy_is_the_outward_form_of_its_original_or_it_is_not_there(
    steps: Sequence[str], mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever lawful steps are taken: nothing but what may be, as the original stands, exactly where there is a ground."""
    here = Here(tmp_path_factory.mktemp("pathway"), mode)
    player = Player(here)
    for step in steps:
        player.play(step)
        copies, team = here.copies(), here.world.team()
        holding = {number for _, (number, _) in care_team.holders(team)} if team else set()
        wanted = MUNICIPALITY in holding and not player.blocked
        assert set(copies) == (set(IDS) if wanted else set())
        for type, allowed in ELEMENTS.items():
            assert set(copies.get(type, ())) <= allowed
        assert set(here.copies(GP_OFFICE).get("EpisodeOfCare", {})) <= STATUS_ELEMENTS
        if copies:
            number = {"system": FNR, "value": NUMBER}
            entity = (HOSPITAL, "Fjordheim sykehus HF")
            assert copies["EpisodeOfCare"] == outward_pathway.episode(
                here.original("EpisodeOfCare"), number, entity, with_team=True
            )
            assert copies["CarePlan"] == outward_pathway.plan(here.original("CarePlan"), PATHWAY, number, with_team=True)
            assert care_team.view(copies["CareTeam"]) == care_team.view(here.original("CareTeam"))
    here.world.store.close()


class Player:
    """Takes the steps that the lives of the assignments allow; others are let be."""

    def __init__(self, here: Here) -> None:
        self.here, self.asked, self.days, self.blocked = here, list[str](), 10, ""

    def play(self, step: str) -> None:
        with suppress(Problem):  # the life does not have it
            getattr(self, f"_{step}", lambda: self._answer(step))()

    def _answer(self, status: str) -> None:
        if self.asked:
            more: Any = (
                coordinator() if status == "completed" else {"statusReason": REASON} if status in ("failed", "rejected") else {}
            )
            self.here.answers(self.asked[-1], status, **more)

    def _asks(self) -> None:
        self.asked.append(self.here.world.hospital_asks(priority=("routine", "urgent", "asap", "stat")[len(self.asked) % 4]))

    def _releases(self) -> None:
        key = self.here.world.hospital_asks("release-coordinator", priority=("routine", "urgent")[self.days % 2])
        for status in ("accepted", "completed"):
            self.here.answers(key, status)

    def _blocks(self) -> None:
        if not self.blocked:
            self.blocked = self.here.blocks(MUNICIPALITY)

    def _lifts(self) -> None:
        if self.blocked:
            self.here.puts("Consent", self.blocked, lambda said: {**said, "status": "inactive"})
            self.blocked = ""

    def _event(self) -> None:
        self.days += 1
        self.here.event("U", f"2026-07-{self.days}", valueCodeableConcept=_no_outcome())

    def _again(self) -> None:
        """Levelling twice changes nothing."""
        before = self.here.copies()
        world = self.here.world
        world.store.run(lambda unit: share_pathway(Work(unit, world.sharing, world.clock.now()), HOSPITAL, PATHWAY))
        assert self.here.copies() == before


def _no_outcome() -> Body:
    return {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9325", "code": "U"}]}


@pytest.mark.parametrize("mode", ["wait", "push", "ours"])
def test_before_acceptance_no_name_or_id_of_a_unit_is_in_anothers_space_or_on_its_way(tmp_path: Path, mode: str) -> None:
    """An assignment names the legal entities alone, whatever its requester has written beside them."""
    here = Here(tmp_path, mode)
    unit = {"resourceType": "Location", "id": "there", "name": UNIT, "identifier": [{"value": "KANARI-77"}]}
    here.world.hospital_asks(contained=[unit], location={"reference": "#there", "display": UNIT}, description=UNIT)
    if mode != "ours":
        here.world.settle(2)

    kept = rows(here.world.store)
    assert UNIT.encode() in kept  # in the hospital's own space
    with here.world.store.read() as found:
        theirs = [one.body for type in ("Task", *IDS) for one in found.search(MUNICIPALITY, Query(type, limit=100)).found]
        sent = [row.body for row in found.deliveries([HOSPITAL], limit=1000)]
    assert theirs or sent
    for body in [*theirs, *sent]:
        assert UNIT.encode() not in body
        assert b"KANARI" not in body
    here.world.store.close()


def test_a_copy_is_read_only_in_the_space_where_it_stands(here: Here) -> None:
    here.answers(here.world.hospital_asks(), "accepted")
    world = here.world

    for type, copy in here.copies().items():
        changed = {**copy, "status": "inactive" if type == "CareTeam" else "entered-in-error"}
        with pytest.raises(Problem) as refused:
            world.store.run(lambda unit, body=changed: _update(unit, world, body))  # type: ignore[misc]
        assert refused.value.kind in (Kind.FORBIDDEN, Kind.BUSINESS_RULE)


def _update(unit: Unit, world: World, body: Body) -> None:
    when = When(if_match='W/"1"')
    update(unit, world.rules, MUNICIPALITY, body, world.clock.now(), id=body["id"], when=when)


def test_the_ground_comes_and_goes_on_postgresql_as_well(tmp_path: Path, postgresql: Callable[[], str]) -> None:
    here = Here(tmp_path, "wait", postgresql())
    key = here.world.hospital_asks()
    here.answers(key, "accepted")
    assert set(here.copies()) == set(IDS)
    consent = here.blocks(MUNICIPALITY)
    assert here.copies() == {}
    here.puts("Consent", consent, lambda said: {**said, "status": "inactive"})
    here.answers(key, "in-progress")
    assert set(here.copies()) == set(IDS)
    here.answers(key, "failed", statusReason=REASON)
    assert here.copies() == {}
    here.world.store.close()
