"""Definitions as resources: read and searched alike by all, and the same as those of the package.

https://hl7.org/fhir/R4/http.html, search.html, and the search parameters of each type's own page.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO
from json import loads
from typing import Any

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.domain.identity import BASE
from adapter.fhir.definitions import DEFINED
from adapter.r4 import json, xml
from adapter.r4.checker import check
from tests.http.real import HOSPITAL
from tests.http.service import MUNICIPALITY, Service, service
from tests.security.issuer import Issuer

Json = dict[str, Any]
STRICT = {"Prefer": "handling=strict"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("definitions")) as running:
        yield running


@pytest.fixture(scope="module")
def http(own: Service) -> httpx.Client:
    return own.http


def ids(http: httpx.Client, query: str) -> list[str]:
    """Of what a search finds, with no page after it."""
    answer = http.get(f"/fhir/{query}", headers=STRICT)
    assert answer.status_code == 200, answer.text
    assert [link["relation"] for link in answer.json()["link"]] == ["self"]
    return [entry["resource"]["id"] for entry in answer.json().get("entry", ())]


def test_what_is_read_here_is_what_the_package_has(http: httpx.Client) -> None:
    """Another way out of the same service: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification."""
    with tarfile.open(fileobj=BytesIO(http.get("/package.tgz").content)) as package:
        files = [package.extractfile(one) for one in package if one.name.count("/") == 1 and one.name.endswith(".json")]
        bodies = [loads(file.read()) for file in files if file]
    defined = [body for body in bodies if body.get("resourceType") in DEFINED]
    assert {body["resourceType"] for body in defined} == set(DEFINED)
    assert len(defined) > 150
    for body in defined:
        answer = http.get(f"/fhir/{body['resourceType']}/{body['id']}")
        assert (answer.status_code, answer.json()) == (200, body), body["id"]
    for type in DEFINED:
        there = sorted(body["id"] for body in defined if body["resourceType"] == type)
        assert [entry["resource"]["id"] for entry in http.get(f"/fhir/{type}?_count=200").json()["entry"]] == there


@pytest.mark.parametrize("type", sorted(DEFINED))
def test_all_of_a_type_are_valid_in_both_formats_and_for_everybody(http: httpx.Client, type: str) -> None:
    """By our checker, and by the models of fhir.resources; snapshots are the package's own concern."""
    found = http.get(f"/fhir/{type}?_count=200").json()
    assert found["total"] == len(found["entry"]) > 0
    for entry in found["entry"]:
        resource = entry["resource"]
        assert entry["fullUrl"].endswith(f"/fhir/{type}/{resource['id']}")
        plain = {key: value for key, value in resource.items() if key != "snapshot"}
        assert check(plain) == [], resource["id"]
        get_fhir_model_class(type).model_validate(plain)
        assert check(json.parse(json.encode(xml.parse(xml.encode(json.parse(json.encode(plain))))))) == []
    other = http.get(f"/fhir/{type}?_count=200", headers={"X-Stafett-Organisation": MUNICIPALITY})
    assert other.json() == found
    first = http.get(f"/fhir/{type}/{found['entry'][0]['resource']['id']}", headers={"Accept": "application/fhir+xml"})
    assert first.text.startswith(f'<?xml version="1.0" encoding="UTF-8"?><{type} ')


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("CodeSystem?url=urn:oid:2.16.578.1.12.4.1.1.9322", ["no-kodeverk-9322"]),
        ("CodeSystem?url=2.16.578.1.12.4.1.1.9322", ["no-kodeverk-9322"]),
        ("CodeSystem?url=http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322", ["no-kodeverk-9322"]),
        ("CodeSystem?system=https://finnkode.helsedirektoratet.no/adm/collections/9322", ["no-kodeverk-9322"]),
        ("CodeSystem?identifier=urn:ietf:rfc:3986|urn:oid:2.16.578.1.12.4.1.1.9322", ["no-kodeverk-9322"]),
        ("CodeSystem?identifier=urn:oid:2.16.578.1.12.4.1.1.9322", ["no-kodeverk-9322"]),
        (f"ValueSet?url={BASE}/ValueSet/pathway-phase", ["pathway-phase"]),
        (f"ValueSet?url={BASE}/ValueSet/pathway-phase,{BASE}/ValueSet/severity", ["pathway-phase", "severity"]),
        (f"ValueSet?url={BASE}/ValueSet/pathway-phase&_id=severity", []),
        ("ValueSet?_id=severity,pathway-phase&status=active", ["pathway-phase", "severity"]),
        ("ValueSet?status=http://hl7.org/fhir/publication-status|active&_id=severity", ["severity"]),
        ("ValueSet?status=draft", []),
        ("ValueSet?version=1", []),
        ("ValueSet?name=pathwayphase", ["pathway-phase"]),
        ("ValueSet?name:exact=pathwayphase", []),
        ("ValueSet?title:contains=vurdering", ["assessment-outcome"]),
        ("StructureDefinition?name:exact=Pathway", ["pathway"]),
        ("SearchParameter?name=TaskDeadline", ["Task-deadline"]),
        ("NamingSystem?name=Forlops", ["forlops-id"]),
        ("Measure?_id=right-refused&title:contains=avsl%C3%A5tt", ["right-refused"]),
        ("OperationDefinition?_id=EpisodeOfCare-findings", ["EpisodeOfCare-findings"]),
        ("ConceptMap?_id=priority-8304", ["priority-8304"]),
        ("StructureDefinition?url=http://hl7.org/fhir/StructureDefinition/Patient", []),
    ],
)
def test_definitions_are_found_by_what_r4_searches_them_by(http: httpx.Client, query: str, found: list[str]) -> None:
    assert ids(http, query) == found
    path, _, form = query.partition("?")
    pairs = [pair.partition("=") for pair in form.split("&")]
    posted = http.post(f"/fhir/{path}/_search", data={name: httpx.QueryParams(f"x={value}")["x"] for name, _, value in pairs})
    assert [entry["resource"]["id"] for entry in posted.json().get("entry", ())] == found


def test_pages_lead_through_all_of_them_once(http: httpx.Client) -> None:
    address, seen, steps = "/fhir/StructureDefinition?_count=25&_elements=url", [], 0
    while address:
        page = http.get(address).json()
        assert page["total"] > 60
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        address = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        steps += 1
    assert seen == sorted(set(seen))
    assert len(seen) == page["total"]
    assert steps == -(-len(seen) // 25)


def test_a_part_is_tagged_as_one(http: httpx.Client) -> None:
    summary = http.get("/fhir/CodeSystem/no-kodeverk-9322?_summary=true").json()
    assert "concept" not in summary  # https://hl7.org/fhir/R4/codesystem.html: it is no summary element
    assert summary["meta"]["tag"][0]["code"] == "SUBSETTED"
    counted = http.get("/fhir/CodeSystem?_summary=count").json()
    assert counted["total"] > 70
    assert "entry" not in counted


def test_what_is_not_offered_is_told_or_refused(http: httpx.Client) -> None:
    def status(method: str, path: str, **more: Any) -> int:
        answer = http.request(method, f"/fhir/{path}", **more)
        assert answer.json()["resourceType"] in ("OperationOutcome", "Bundle")
        return answer.status_code

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        path = "ValueSet" if method == "POST" else "ValueSet/severity"
        answer = http.request(method, f"/fhir/{path}", json={"resourceType": "ValueSet"})
        assert answer.status_code == 405, method
        assert answer.headers["Allow"].startswith("GET, HEAD"), method
    assert status("GET", "ValueSet/severity/_history") == 404
    assert status("GET", "ValueSet/nothing") == 404
    assert status("GET", "ValueSet/severity?_summary=count") == 400
    assert status("GET", "ValueSet?name:missing=true") == 400
    assert status("GET", "ValueSet?url:below=x") == 400
    assert status("GET", "ValueSet?_page=x") == 400
    assert status("GET", "ValueSet?publisher=x", headers=STRICT) == 400
    told = http.get("/fhir/ValueSet?publisher=x&_id=severity").json()
    assert [entry["search"]["mode"] for entry in told["entry"]] == ["match", "outcome"]
    assert "publisher" not in told["link"][0]["url"]


def test_each_parameter_that_is_offered_is_r4s_own_and_is_taken(http: httpx.Client) -> None:
    """One definition for all conformance resources: https://hl7.org/fhir/R4/searchparameter-registry.html#conformance-url."""
    resources = {one["type"]: one for one in http.get("/fhir/metadata").json()["rest"][0]["resource"]}
    for type in DEFINED:
        told = resources[type]
        assert [one["code"] for one in told["interaction"]] == ["read", "search-type"]
        assert told["versioning"] == "no-version"
        for one in told["searchParam"]:
            assert http.get(f"/fhir/{type}", params={one["name"]: "x"}, headers=STRICT).status_code == 200
            of = {"_id": "Resource-id", "system": "CodeSystem-system"}.get(one["name"])
            usual = f"{'Measure' if type == 'Measure' else 'conformance'}-{one['name']}"
            assert one["definition"] == f"http://hl7.org/fhir/SearchParameter/{of or usual}"


def test_whoever_is_let_in_may_read_them_and_nobody_else(tmp_path: Any) -> None:
    """With tokens: a client whose one scope is of something else, and one that has none."""
    from tests.http.real import real_service

    issuer = Issuer()
    with issuer.served(), real_service(tmp_path, issuer=issuer) as running:
        client = issuer.client(parent=HOSPITAL, scopes=("system/Task.r",))
        for path in ("ValueSet/severity", "ValueSet?_count=1", "ValueSet/severity/$expand"):
            assert running.http.get(f"/fhir/{path}", auth=client).status_code == 200, path
            assert running.http.get(f"/fhir/{path}").status_code == 401, path
        assert running.http.get("/fhir/metadata?mode=terminology").status_code == 200
