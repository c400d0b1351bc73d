"""Each organisation has the definitions of pathways by its own rules: for reading, searching and following, not for writing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.domain.rule_data import build_local
from adapter.domain.ruleset import Local, Rulebook
from adapter.ports import Query
from adapter.usecases.define_pathways import define
from adapter.usecases.writing import draft
from mappings.rules import national
from tests.http.service import HOSPITAL, MUNICIPALITY, Service, service

NOW = datetime(2026, 5, 11, 8, 0, tzinfo=UTC)
CANONICAL = "https://stafett.invalid/fhir/PlanDefinition/D11-2025"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        define(found.store, [HOSPITAL, MUNICIPALITY], Rulebook(national().all(), [own()]), NOW)
        yield found


def own() -> Local:
    limit = {"id": "decision", "anchor": "M", "awaits": "C", "days": 28, "unit": "calendar"}
    return build_local(
        {"pathway": "D11", "rule_set": "2025", "organisation": HOSPITAL, "limit": [limit]}, lambda _: "rules/ours.toml:1"
    )


def versions(running: Service, tenant: str) -> set[tuple[str, int]]:
    with running.store.read() as unit:
        return {(one.id, one.version) for one in unit.search(tenant, Query("PlanDefinition", limit=100)).found}


def limit(running: Service, tenant: str) -> dict[str, Any]:
    body = running.http.get("/fhir/PlanDefinition/D11-2025", headers={"X-Stafett-Organisation": tenant}).json()
    (found,) = [a for group in body["action"] for a in group["action"] if a["id"] == "limit-decision"]
    return dict(found)


def test_every_rule_set_is_defined_for_every_organisation(running: Service) -> None:
    everything = {(rules.id, 1) for rules in national().all()}

    assert versions(running, HOSPITAL) == versions(running, MUNICIPALITY) == everything


def test_a_start_with_the_same_rules_makes_no_new_version(running: Service) -> None:
    before = versions(running, HOSPITAL)

    define(running.store, [HOSPITAL], Rulebook(national().all(), [own()]), NOW + timedelta(days=1))

    assert versions(running, HOSPITAL) == before


def test_other_rules_make_a_new_version_of_what_they_changed(running: Service) -> None:
    define(running.store, [HOSPITAL], national(), NOW + timedelta(days=1))

    assert {id for id, version in versions(running, HOSPITAL) if version == 2} == {"D11-2025"}


def test_an_organisations_own_limits_are_in_its_own_definitions_alone(running: Service) -> None:
    ours, theirs = limit(running, HOSPITAL), limit(running, MUNICIPALITY)

    assert ours["relatedAction"][0]["offsetRange"]["high"]["value"] == 28
    assert ours["documentation"][0]["display"].startswith("Virksomhetens egen regel")
    assert "offsetRange" not in theirs["relatedAction"][0]


@pytest.mark.parametrize(
    "query",
    [
        {"url": CANONICAL},
        {"topic": "urn:oid:2.16.578.1.12.4.1.1.9321|D11", "version": "2025"},
        {"title": "utredning og behandling i psykisk helsevern\\, voksne (2025"},
        {"effective": "ge2026", "topic": "D11", "status": "active"},
    ],
    ids=str,
)
def test_a_definition_is_found(running: Service, query: dict[str, str]) -> None:
    found = running.http.get("/fhir/PlanDefinition", params=query).json()

    assert [entry["resource"]["id"] for entry in found["entry"]] == ["D11-2025"]


def test_a_plan_is_followed_to_its_definition_and_back(running: Service) -> None:
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"display": "Prøve"}}
    body = draft("CarePlan", "plan", {**plan, "instantiatesCanonical": [CANONICAL]})
    with running.store.write() as unit:
        unit.put(HOSPITAL, [body], NOW)

    there = running.http.get("/fhir/CarePlan", params={"_include": "CarePlan:instantiates-canonical"}).json()
    back = running.http.get("/fhir/CarePlan", params={"instantiates-canonical": "PlanDefinition/D11-2025"}).json()

    assert [entry["resource"]["id"] for entry in there["entry"]] == ["plan", "D11-2025"]
    assert [entry["resource"]["id"] for entry in back["entry"]] == ["plan"]


def test_no_client_creates_or_changes_a_definition(running: Service) -> None:
    http = running.http
    here = http.get("/fhir/PlanDefinition/D11-2025", headers={"Accept": "application/fhir+json"})
    new = {"resourceType": "PlanDefinition", "status": "active"}
    entry = {"resource": new, "request": {"method": "POST", "url": "PlanDefinition"}}
    changed = {**here.json(), "title": "Ours"}

    answers = [
        http.post("/fhir/PlanDefinition", json=new),
        http.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]}),
        http.put("/fhir/PlanDefinition/D11-2025", json=changed, headers={"If-Match": here.headers["ETag"]}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 3
    assert all(answer.json()["issue"][0]["code"] == "business-rule" for answer in answers)
    assert all("rules/*.toml" in answer.text for answer in answers)
    assert versions(running, HOSPITAL) == {(rules.id, 1) for rules in national().all()}
