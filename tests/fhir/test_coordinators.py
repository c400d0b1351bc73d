"""A pathway asks for coordinators: when a right to care is given, when it closes, and when those asked say no.

Vågå (3435): under 16 the health station, else an existing coordinator or contact person, else Tildelingskontoret; the time to
answer is ours. The partner waits, so that its answers are written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapter.domain.identity import BASE
from mappings.resources import assignment
from tests.fhir.epj import Epj
from tests.http.real import HOSPITAL, VAAGAA, WAITS, real_service
from tests.http.service import Service
from tests.usecases.handover import coordinator

Body = dict[str, Any]
ADDRESS = {
    "extension": [],
    "city": "Vågåmo",
    "_district": {
        "extension": [
            {
                "url": "http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode",
                "valueCoding": {"system": "urn:oid:2.16.578.1.12.4.1.1.3402", "code": "3435"},
            }
        ]
    },
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with real_service(tmp_path_factory.mktemp("coordinators"), partners=[WAITS]) as running:
        yield running


@pytest.fixture
def epj(shared: Service) -> Epj:
    return Epj(shared)


def lives_in_vaagaa(epj: Epj, **more: Any) -> None:
    person = epj.http.get(f"/fhir/Patient/{epj.patient}").json()
    address = {key: value for key, value in ADDRESS.items() if value}
    epj.http.put(f"/fhir/Patient/{epj.patient}", json={**person, "address": [address], **more}).raise_for_status()


def tasks(epj: Epj, pathway: str, organisation: str = HOSPITAL) -> list[Body]:
    asked = {"group-identifier": f"urn:ietf:rfc:3986|urn:uuid:{pathway}", "_count": "100"}
    found = epj.http.get("/fhir/Task", params=asked, headers={"X-Stafett-Organisation": organisation}).raise_for_status().json()
    return [entry["resource"] for entry in found.get("entry", [])]


def assignments(epj: Epj, pathway: str, code: str = "assign-coordinator") -> list[Body]:
    found = [task for task in tasks(epj, pathway) if assignment.code_of(task) == code]
    return sorted(found, key=lambda task: (task["authoredOn"], task["id"]))


def municipal(epj: Epj, pathway: str) -> list[Body]:
    return [task for task in assignments(epj, pathway) if assignment.party(task, "owner") == VAAGAA]


def answer(epj: Epj, task: Body, status: str, organisation: str = VAAGAA, **more: Any) -> Body:
    whose = {"X-Stafett-Organisation": organisation}
    there = epj.http.get(f"/fhir/Task/{task['id']}", headers=whose)
    body = {**there.raise_for_status().json(), "status": status, **more}
    answered = epj.http.put(f"/fhir/Task/{task['id']}", json=body, headers={**whose, "If-Match": there.headers["ETag"]})
    assert answered.is_success, answered.text
    made: Body = answered.json()
    return made


def test_a_granted_right_asks_both_sides(epj: Epj) -> None:
    lives_in_vaagaa(epj)

    pathway = epj.register(("D11A", "2026-04-20"))

    ours, theirs = sorted(assignments(epj, pathway), key=lambda task: assignment.party(task, "owner") == VAAGAA)
    assert assignment.party(ours, "owner") == assignment.party(ours, "requester") == HOSPITAL
    assert assignment.party(theirs, "requester") == HOSPITAL
    assert assignment.decision_of(theirs)["rule"] == "coordinating-unit"  # whether there is one is not known
    assert "coordinator" in assignment.decision_of(theirs)["unknown"]


def test_an_adult_who_was_never_asked_about_is_not_taken_to_have_nobody(epj: Epj) -> None:
    lives_in_vaagaa(epj, birthDate="2015-01-01")

    pathway = epj.register(("D12A", "2026-04-20"))

    (theirs,) = municipal(epj, pathway)
    assert assignment.decision_of(theirs)["rule"] == "health-station"
    reviews = [task for task in tasks(epj, pathway) if task["code"]["coding"][0]["code"] == "review-coordinator"]
    assert [task["restriction"]["period"]["end"] for task in reviews] == ["2031-01-01"]  # the 16th birthday


def test_the_municipality_finds_here_what_it_was_asked_and_nothing_else(epj: Epj) -> None:
    lives_in_vaagaa(epj)
    pathway = epj.register(("D11A", "2026-04-20"))

    (seen,) = tasks(epj, pathway, VAAGAA)

    assert assignment.code_of(seen) == "assign-coordinator"
    assert "extension" not in seen
    whose = {"X-Stafett-Organisation": VAAGAA}
    assert epj.http.get(f"/fhir/EpisodeOfCare/{pathway}", headers=whose).status_code == 404
    assert epj.http.get(f"/fhir/Patient/{epj.patient}", headers=whose).status_code == 404


def test_a_no_is_followed_by_the_next_and_at_last_by_a_person(epj: Epj) -> None:
    lives_in_vaagaa(epj, birthDate="2015-01-01")
    pathway = epj.register(("D12A", "2026-04-20"))
    (first,) = municipal(epj, pathway)

    answer(epj, first, "rejected", statusReason={"text": "Går ikke på helsestasjonen her."})
    second = next(task for task in municipal(epj, pathway) if task["id"] != first["id"])
    assert assignment.decision_of(second)["rule"] == "coordinating-unit"
    answer(epj, second, "rejected", statusReason={"text": "Bor ikke her."})

    assert len(municipal(epj, pathway)) == 2
    (person,) = [task for task in tasks(epj, pathway) if task["code"]["coding"][0]["code"] == "contact-municipality"]
    assert person["owner"]["identifier"]["value"] == HOSPITAL


def test_one_who_has_said_yes_and_calls_it_off_leaves_it_to_a_person(epj: Epj) -> None:
    lives_in_vaagaa(epj)
    pathway = epj.register(("D11A", "2026-04-20"))
    (theirs,) = municipal(epj, pathway)

    answer(epj, theirs, "accepted")
    answer(epj, theirs, "cancelled", statusReason={"text": "Likevel ikke."})

    assert "avlyst etter at det var tatt på" in epj.http.get(f"/pathways/{pathway}").raise_for_status().text


def test_who_is_named_has_things_to_do(epj: Epj) -> None:
    lives_in_vaagaa(epj)
    pathway = epj.register(("D11A", "2026-04-20"))
    (theirs,) = municipal(epj, pathway)

    answer(epj, theirs, "accepted")
    answer(epj, theirs, "completed", **coordinator(number=VAAGAA))

    codes = {assignment.code_of(task) for task in tasks(epj, pathway)}
    assert {f"koord{n}" for n in range(1, 6)} <= codes
    episode = epj.http.get(f"/fhir/EpisodeOfCare/{pathway}").json()
    team = epj.http.get(f"/fhir/{episode['team'][0]['reference']}").json()
    assert "careManager" not in episode  # the specialist service has named nobody
    assert len(team["participant"]) == 1
    epj.register(("D11M", "2026-04-27"))
    assert "koord8" in {assignment.code_of(task) for task in tasks(epj, pathway)}  # outpatient treatment begins
    assert "koord8" in {assignment.code_of(task) for task in tasks(epj, pathway, VAAGAA)}


def test_the_specialist_service_names_its_own_in_the_same_way(epj: Epj) -> None:
    lives_in_vaagaa(epj)
    pathway = epj.register(("D11A", "2026-04-20"))
    (ours,) = [task for task in assignments(epj, pathway) if assignment.party(task, "owner") == HOSPITAL]

    answer(epj, ours, "accepted", HOSPITAL)
    answer(epj, ours, "completed", HOSPITAL, **coordinator("Per Psykolog", HOSPITAL))

    episode = epj.http.get(f"/fhir/EpisodeOfCare/{pathway}").json()
    assert episode["careManager"]["display"] == "Per Psykolog"


def test_closing_calls_off_what_nobody_has_taken_on_and_asks_for_an_end_of_the_rest(epj: Epj) -> None:
    lives_in_vaagaa(epj)
    pathway = epj.register(("D11A", "2026-04-20"))
    (theirs,) = municipal(epj, pathway)
    answer(epj, theirs, "accepted")

    epj.register(("D11M", "2026-04-27"), ("D11XP", "2026-04-28"))

    (ours,) = [task for task in assignments(epj, pathway) if assignment.party(task, "owner") == HOSPITAL]
    assert (ours["status"], ours["statusReason"]["coding"][0]["code"]) == ("cancelled", "pathway-closed")
    assert municipal(epj, pathway)[0]["status"] == "accepted"
    (abort,) = assignments(epj, pathway, "abort")
    assert abort["focus"]["identifier"] == theirs["identifier"][0]
    assert assignment.party(abort, "owner") == VAAGAA


def test_without_a_known_municipality_a_person_is_asked(epj: Epj) -> None:
    pathway = epj.register(("D11A", "2026-04-20"))

    assert not municipal(epj, pathway)
    (person,) = [task for task in tasks(epj, pathway) if task["code"]["coding"][0]["code"] == "contact-municipality"]
    assert "kommune er ikke kjent" in person["description"]


def test_a_move_of_the_other_sides_is_forbidden_and_anothers_task_not_there(epj: Epj) -> None:
    lives_in_vaagaa(epj)
    pathway = epj.register(("D11A", "2026-04-20"))
    (theirs,) = municipal(epj, pathway)
    there = epj.http.get(f"/fhir/Task/{theirs['id']}")

    accepted = {**there.json(), "status": "accepted"}
    refused = epj.http.put(f"/fhir/Task/{theirs['id']}", json=accepted, headers={"If-Match": there.headers["ETag"]})
    wrong = {**there.json(), "status": "in-progress"}
    illegal = epj.http.put(f"/fhir/Task/{theirs['id']}", json=wrong, headers={"If-Match": there.headers["ETag"]})
    stale = epj.http.put(f"/fhir/Task/{theirs['id']}", json=accepted, headers={"If-Match": 'W/"99"'})

    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (403, "forbidden")
    assert (illegal.status_code, illegal.json()["issue"][0]["code"]) == (422, "business-rule")
    assert stale.status_code == 412
    assert f"{BASE}/StructureDefinition/assignment-task" in theirs["meta"]["profile"]
