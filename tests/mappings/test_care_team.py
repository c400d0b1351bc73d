"""Who coordinates, and from when to when: the team as it follows from the steps of assignments. Days are those of 2026-06."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.r4.checker import check
from mappings.resources import assignment, care_team
from mappings.resources.elements import ENH, HPR
from tests.mappings.assigned import HOSPITAL, KARI, MUNICIPALITY, PATHWAY, ROLE, Body, as_kept_elsewhere, built, coordinator


def moved(task: Body, status: str, **said: Any) -> Body:
    return {**task, "status": status, **said}


def after(*steps: tuple[Body, int], team: Body | None = None) -> Body:
    """The team after the steps: a Task as it stands, and the day of June on which it is seen so. Empty where there is none."""
    for task, day in steps:
        made = care_team.advance(
            team, pathway=PATHWAY, patient=task["for"], before=None, after=task, on=date(2026, 6, day), specialist=HOSPITAL[0]
        )
        team = made or team
    return team or {}


def told(team: Body) -> list[tuple[str, str, str, str]]:
    """Role, who (by number), from and to: what a person would read off."""
    rows = care_team.view(team).get("participant", [])
    return [(r["role"], _number(r["member"]), r["period"]["start"][-2:], r["period"].get("end", "-")[-2:]) for r in rows]


def _number(member: Body) -> str:
    role = member.get("resource", {})
    number = member.get("identifier") or role.get("practitioner", {}).get("identifier") or role["identifier"][0]
    return str(number["value"])


FIRST, SECOND = built(), built("handover-coordinator", previous=built())
OURS = built(ordinal=0, owner=HOSPITAL)
MUNICIPAL, SPECIALIST = "municipal-coordinator", "specialist-coordinator"


@pytest.mark.parametrize("status", ["draft", "requested", "received", "rejected", "cancelled"])
def test_nothing_follows_until_somebody_accepts(status: str) -> None:
    assert after((moved(FIRST, status), 1)) == {}


def test_who_accepts_is_in_the_team_from_that_day_as_an_organisation() -> None:
    team = after((moved(FIRST, "accepted"), 2))

    assert team["participant"] == [
        {
            "id": assignment.key_of(FIRST).removeprefix("urn:uuid:"),
            "role": [
                {
                    "coding": [
                        {
                            "system": "https://stafett.invalid/fhir/CodeSystem/coordinator-role",
                            "code": "municipal-coordinator",
                            "display": "Koordinator i kommunen",
                        }
                    ]
                }
            ],
            "member": {"type": "Organization", "identifier": {"system": ENH, "value": "319900209"}, "display": "Dalsbygda kommune"},
            "period": {"start": "2026-06-02"},
        }
    ]
    assert (team["status"], team["subject"]) == ("active", FIRST["for"])


@pytest.mark.parametrize("status", ["in-progress", "on-hold"])
def test_who_is_first_seen_at_work_has_accepted(status: str) -> None:
    assert told(after((moved(FIRST, status), 3))) == [(MUNICIPAL, "319900209", "03", "-")]


def test_completing_puts_the_person_in_the_organisations_place_and_keeps_the_period() -> None:
    done = moved(FIRST, "completed", **coordinator({"reference": "#r"}, ROLE))
    team = after((moved(FIRST, "accepted"), 2), (done, 5))

    assert told(team) == [(MUNICIPAL, "9144900", "02", "-")]
    assert team["contained"] == [
        {
            "resourceType": "PractitionerRole",
            "id": "practitionerrole-1",
            "practitioner": {"identifier": {"system": HPR, "value": "9144900"}, "display": "Kari Koordinator"},
            "organization": {
                "type": "Organization",
                "identifier": {"system": ENH, "value": "319900209"},
                "display": "Dalsbygda kommune",
            },
            "telecom": [{"system": "phone", "value": "+47 22 22 55 55"}],
        }
    ]
    assert "onBehalfOf" not in team["participant"][0]  # ctm-1: only of a Practitioner


@pytest.mark.parametrize(
    ("named", "identifier"),
    [
        (KARI, {"system": HPR, "value": "9144900"}),
        (
            {"identifier": {"system": "https://x.example.org/roles", "value": "7"}},
            {"system": "https://x.example.org/roles", "value": "7"},
        ),
        (
            {"reference": "https://x.example.org/fhir/PractitionerRole/7", "display": "Kari"},
            {"system": "urn:ietf:rfc:3986", "value": "https://x.example.org/fhir/PractitionerRole/7"},
        ),
    ],
)
def test_a_person_told_in_another_way_is_a_role_of_the_organisation_too(named: Body, identifier: Body) -> None:
    team = after((moved(FIRST, "completed", **coordinator(named)), 5))
    role = team["contained"][0]

    assert identifier in [role.get("practitioner", {}).get("identifier"), *role.get("identifier", [])]
    assert role["organization"]["identifier"]["value"] == MUNICIPALITY[0]
    assert care_team.holder(team, MUNICIPAL) == MUNICIPALITY
    assert check(team) == []


def test_a_link_that_only_its_own_server_knows_names_nobody() -> None:
    team = after((moved(FIRST, "completed", **coordinator({"reference": "PractitionerRole/7"})), 5))

    assert told(team) == [(MUNICIPAL, "319900209", "05", "-")]


def test_a_handover_ends_the_one_before_on_the_day_it_begins() -> None:
    team = after(
        (moved(FIRST, "accepted"), 2),
        (moved(FIRST, "completed", **coordinator(KARI)), 3),
        (moved(SECOND, "requested"), 10),
        (moved(SECOND, "accepted"), 12),
    )

    assert told(team) == [(MUNICIPAL, "319900209", "12", "-"), (MUNICIPAL, "9144900", "02", "12")]


def test_the_specialist_service_has_its_coordinator_beside_the_municipality() -> None:
    team = after((moved(FIRST, "accepted"), 2), (moved(OURS, "completed", **coordinator(KARI)), 3))

    assert told(team) == [(MUNICIPAL, "319900209", "02", "-"), (SPECIALIST, "9144900", "03", "-")]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_who_gives_up_is_there_until_then(status: str) -> None:
    team = after((moved(FIRST, "accepted"), 2), (moved(FIRST, status), 6))

    assert told(team) == [(MUNICIPAL, "319900209", "02", "06")]
    assert team["status"] == "inactive"


def test_a_release_ends_the_assignment_that_it_names_and_else_the_open_one() -> None:
    accepted = (moved(FIRST, "accepted"), 2)
    unnamed = moved(built("release-coordinator"), "completed")
    naming = moved(built("release-coordinator", previous=FIRST), "completed")
    of_another = moved(built("release-coordinator", previous=SECOND), "completed")

    assert told(after(accepted, (unnamed, 9))) == told(after(accepted, (naming, 9))) == [(MUNICIPAL, "319900209", "02", "09")]
    assert told(after(accepted, (of_another, 9))) == [(MUNICIPAL, "319900209", "02", "-")]
    assert told(after(accepted, (moved(built("release-coordinator"), "accepted"), 9))) == [(MUNICIPAL, "319900209", "02", "-")]


def test_a_release_that_is_seen_again_ends_nobody_else() -> None:
    release = moved(built("release-coordinator"), "completed")

    team = after((moved(FIRST, "accepted"), 2), (release, 9), (moved(SECOND, "accepted"), 10), (release, 11))

    assert told(team) == [(MUNICIPAL, "319900209", "02", "09"), (MUNICIPAL, "319900209", "10", "-")]


def test_nobody_ends_before_they_began() -> None:
    assert told(after((moved(FIRST, "accepted"), 5), (moved(FIRST, "failed"), 3))) == [(MUNICIPAL, "319900209", "05", "05")]


def test_who_begin_on_the_same_day_stand_in_the_same_order_however_they_are_read() -> None:
    theirs, ours = (moved(FIRST, "accepted"), 2), (moved(OURS, "accepted"), 2)

    assert after(theirs, ours) == after(ours, theirs)


def test_what_was_a_mistake_leaves_no_trace() -> None:
    before = after((moved(FIRST, "completed", **coordinator(KARI)), 3))
    wrong, release = moved(SECOND, "accepted"), moved(built("release-coordinator", previous=FIRST), "completed")

    assert after((wrong, 10), (moved(SECOND, "entered-in-error"), 11), team=before) == before
    assert after((release, 10), (moved(release, "entered-in-error"), 11), team=before) == before
    emptied = after((moved(FIRST, "entered-in-error"), 12), team=before)
    assert (emptied["status"], "participant" in emptied, "contained" in emptied) == ("inactive", False, False)
    assert check(emptied) == []


def test_a_step_that_changes_nothing_says_so() -> None:
    task = moved(FIRST, "accepted")
    team = after((task, 2))
    same: Body = {"pathway": PATHWAY, "patient": task["for"], "on": date(2026, 6, 9), "specialist": HOSPITAL[0]}

    assert care_team.advance(team, before=None, after=task, **same) is None
    assert care_team.advance(None, before=task, after={**task, "note": [{"text": "Takk."}]}, **same) is None
    assert care_team.advance(team, before=None, after=moved(built("koord1"), "accepted"), **same) is None
    assert care_team.advance(team, before=None, after=moved(built("abort"), "completed"), **same) is None


def test_the_specialist_coordinator_leads_once_known_and_the_municipalitys_never() -> None:
    accepted, named = (moved(OURS, "accepted"), 2), (moved(OURS, "completed", **coordinator({"reference": "#r"}, ROLE)), 3)
    theirs = (moved(FIRST, "completed", **coordinator(KARI)), 3)

    assert care_team.manager(after(accepted)) is None
    assert care_team.manager(after(theirs)) is None
    assert care_team.manager(after(accepted, theirs, named)) == KARI
    assert care_team.manager(after(named, (moved(built("release-coordinator", owner=HOSPITAL), "completed"), 9))) is None


def test_a_person_contained_with_a_name_of_its_own_is_told_by_it() -> None:
    kari = {"resourceType": "Practitioner", "id": "p", "name": [{"given": ["Kari"], "family": "Koordinator"}]}
    role = {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "#p"}}

    team = after((moved(OURS, "completed", **coordinator({"reference": "#r"}, kari, role)), 3))

    assert care_team.manager(team) == {"type": "PractitionerRole", "display": "Kari Koordinator"}
    assert [one["resourceType"] for one in team["contained"]] == ["Practitioner", "PractitionerRole"]
    assert check(team) == []


def test_who_holds_a_role_is_told_by_organisation() -> None:
    team = after((moved(FIRST, "accepted"), 2))

    assert (care_team.holder(team, MUNICIPAL), care_team.holder(team, SPECIALIST)) == (MUNICIPALITY, None)


def test_others_get_the_coordinators_and_whose_they_are_and_nothing_of_ours() -> None:
    steps = (moved(FIRST, "completed", **coordinator({"reference": "#r"}, ROLE)), 3), (moved(SECOND, "failed"), 4)
    team = after(*steps, (moved(OURS, "accepted"), 5), (moved(OURS, "failed"), 6))
    therapist = {"role": [{"text": "Psykolog"}], "member": {"display": "Psykolog Hansen"}}
    sent = care_team.outward({**team, "name": "Rusteam", "participant": [*team["participant"], therapist], "note": [{"text": "x"}]})

    assert set(sent) == {"resourceType", "meta", "identifier", "status", "subject", "contained", "participant"}
    assert sent["identifier"] == [{"system": "urn:ietf:rfc:3986", "value": care_team.identifier_of(PATHWAY)}]
    assert sent["subject"] == {"type": "Patient", "identifier": FIRST["for"]["identifier"]}
    assert (set(sent["meta"]), {key for one in sent["participant"] for key in one}) == (
        {"profile", "security"},
        {"id", "role", "member", "period"},
    )
    assert "Hansen" not in json.dumps(sent)
    assert check(sent) == []
    assert care_team.view(sent) == care_team.view(team) == care_team.view(as_kept_elsewhere(sent))
    assert json.loads(assignment.share_bundle(sent))["entry"][0]["request"]["url"] == "CareTeam"
    for body in (team, sent):
        get_fhir_model_class("CareTeam").model_validate(body)


def test_the_teams_identifier_is_another_uuid_than_its_id() -> None:
    assert care_team.identifier_of(PATHWAY) != f"urn:uuid:{care_team.id_of(PATHWAY)}"
