"""Who referred, in the same installation: a message opens a pathway, and its status stands in the referrer's space at once."""

from __future__ import annotations

from pathlib import Path

from mappings.resources.outward_pathway import STATUS_ELEMENTS
from tests.bad_inputs.message import spoil
from tests.http.real import HOSPITAL, real_service

OFFICE = "319900403"
XML = {"content-type": "application/xml"}


def referral() -> bytes:
    name = "<OrganisationName>Lynghei legesenter</OrganisationName>"
    ident = f'<Ident><Id>{OFFICE}</Id><TypeId V="ENH" S="2.16.578.1.12.4.1.1.9051" DN="Organisasjonsnummer"/></Ident>'
    return spoil((name, name + ident)).encode()


def test_who_referred_finds_the_status_of_the_pathway_and_nothing_else_in_its_space(tmp_path: Path) -> None:
    with real_service(tmp_path, others=[OFFICE]) as service:
        assert service.http.post("/messages", content=referral(), headers=XML).json()["state"] == "processed"

        mine = {"X-Stafett-Organisation": OFFICE}
        (copy,) = (entry["resource"] for entry in service.http.get("/fhir/EpisodeOfCare", headers=mine).json()["entry"])
        (original,) = (entry["resource"] for entry in service.http.get("/fhir/EpisodeOfCare").json()["entry"])

        assert set(copy) <= STATUS_ELEMENTS
        assert (copy["id"], copy["status"], copy["identifier"]) == (original["id"], "planned", original["identifier"])
        for type in ("CarePlan", "CareTeam", "Task", "Patient", "ServiceRequest"):
            assert service.http.get(f"/fhir/{type}", headers=mine).json().get("entry", []) == []
        changed = {**copy, "status": "cancelled"}
        answer = service.http.put(f"/fhir/EpisodeOfCare/{copy['id']}", json=changed, headers=mine | {"if-match": 'W/"1"'})
        assert answer.status_code == 422
        assert service.http.get("/fhir/EpisodeOfCare", headers={"X-Stafett-Organisation": HOSPITAL}).json()["total"] == 1
