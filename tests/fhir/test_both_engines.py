"""The FHIR interface over HTTP on SQLite and on PostgreSQL alike: what many clients do at once, and what is done whole or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.fhir.epj import Epj
from tests.http.real import real_service
from tests.http.service import Service

URI = "urn:ietf:rfc:3986"
TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}
THREADS = 64


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], scope="module")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    url = ""
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        url = database()
    with real_service(tmp_path_factory.mktemp(request.param), url) as running:
        yield running


def at_once(number: int, ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    start = Barrier(number)

    def wait_and_ask(which: int) -> httpx.Response:
        start.wait(30)
        return ask(which)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(wait_and_ask, range(number)))


def total(service: Service, query: str) -> int:
    return int(service.http.get(f"/fhir/{query}").raise_for_status().json()["total"])


@pytest.mark.slow
def test_of_64_conditional_creates_at_once_one_is_201_and_the_others_200(service: Service) -> None:
    """Bad input B086: http.html#ccreate."""
    with httpx.Client(base_url=service.base, limits=httpx.Limits(max_connections=THREADS), timeout=60, trust_env=False) as http:
        for turn in range(5):
            value = f"urn:uuid:10000000-0000-4000-8000-{turn:012}"
            body = {**TASK, "identifier": [{"system": URI, "value": value}]}
            headers = {"If-None-Exist": f"identifier={URI}|{value}"}

            def create(_: int, body: dict[str, Any] = body, headers: dict[str, str] = headers) -> httpx.Response:
                return http.post("/fhir/Task", json=body, headers=headers)

            answers = at_once(THREADS, create)
            assert sorted(answer.status_code for answer in answers) == [200] * (THREADS - 1) + [201]
            assert len({answer.json()["id"] for answer in answers}) == 1
            assert total(service, f"Task?identifier={URI}|{value}") == 1


def test_of_updates_of_one_version_at_once_one_wins_and_the_others_are_412(service: Service) -> None:
    made = service.http.post("/fhir/Task", json=TASK).json()
    here = f"{service.base}/fhir/Task/{made['id']}"

    def change(which: int) -> httpx.Response:
        return httpx.put(here, json={**made, "description": f"writer {which}"}, headers={"If-Match": 'W/"1"'}, timeout=60)

    answers = at_once(12, change)
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 11
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert httpx.get(here).json()["description"] == winner.json()["description"]
    assert httpx.get(f"{here}/_history").json()["total"] == 2


def test_a_transaction_with_one_fault_leaves_nothing(service: Service) -> None:
    identifier = [{"system": "urn:all-or-nothing", "value": "1"}]
    good = {"resource": {**TASK, "identifier": identifier}, "request": {"method": "POST", "url": "Task"}}
    stale = {
        "resource": {**TASK, "id": "00000000-0000-4000-8000-000000000000"},
        "request": {"method": "PUT", "url": "Task/00000000-0000-4000-8000-000000000000"},
    }
    answer = service.http.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": [good, stale]})

    assert answer.status_code == 405
    assert total(service, "Task?identifier=urn:all-or-nothing|1") == 0


def test_a_transaction_sent_twice_at_once_makes_one_of_each(service: Service) -> None:
    person, task = "urn:uuid:5f1c7c3e-0000-4000-8000-0000000000a1", "urn:uuid:5f1c7c3e-0000-4000-8000-0000000000a2"
    entries = [
        {
            "fullUrl": person,
            "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:twice", "value": "p"}]},
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:twice|p"},
        },
        {
            "fullUrl": task,
            "resource": {**TASK, "identifier": [{"system": "urn:twice", "value": "t"}], "for": {"reference": person}},
            "request": {"method": "POST", "url": "Task", "ifNoneExist": "identifier=urn:twice|t"},
        },
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answers = at_once(8, lambda _: httpx.post(f"{service.base}/fhir", json=bundle, timeout=60))

    assert {answer.status_code for answer in answers} == {200}
    made = [[entry["response"]["status"][:3] for entry in answer.json()["entry"]] for answer in answers]
    assert sorted(made) == [["200", "200"]] * 7 + [["201", "201"]]
    assert (total(service, "Patient?identifier=urn:twice|p"), total(service, "Task?patient.identifier=urn:twice|p")) == (1, 1)


def test_what_is_searched_sorted_and_paged_is_the_same_on_both(service: Service) -> None:
    for day in (3, 1, 2, 5, 4):
        body = {**TASK, "groupIdentifier": {"value": "sorted"}, "restriction": {"period": {"end": f"2026-12-0{day}"}}}
        assert service.http.post("/fhir/Task", json=body).status_code == 201
    url, seen = "/fhir/Task?group-identifier=sorted&_sort=deadline&_count=2&deadline=ge2026-12-02", list[str]()
    while url:
        bundle = service.http.get(url).json()
        seen += [entry["resource"]["restriction"]["period"]["end"] for entry in bundle["entry"]]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")

    assert seen == [f"2026-12-0{day}" for day in (2, 3, 4, 5)]


@pytest.mark.slow
def test_of_64_identical_events_at_once_one_is_kept_and_opens_one_pathway(service: Service) -> None:
    """The event A has no identifier: it is the same by patient, type and date. M is it by pathway, code and date."""
    epj = Epj(service)
    with httpx.Client(base_url=service.base, limits=httpx.Limits(max_connections=THREADS), timeout=60, trust_env=False) as http:
        for body in (epj.event("D11A", "2024-03-01"), epj.event("D11M", "2024-03-20")):
            answers = at_once(THREADS, lambda _, body=body: http.post("/fhir/Observation", json=body))  # type: ignore[misc]
            assert sorted(answer.status_code for answer in answers) == [200] * (THREADS - 1) + [201]
            assert len({answer.json()["id"] for answer in answers}) == 1

    (pathway,) = epj.pathways()
    assert (pathway["status"], pathway["meta"]["versionId"]) == ("active", "2")


@pytest.mark.slow
def test_events_of_one_pathway_at_once_are_all_folded(service: Service) -> None:
    epj = Epj(service)
    pathway = epj.register(("D11A", "2024-03-01"))
    bodies = [epj.event("D11SM", f"2024-04-{day:02}") for day in range(1, 17)] + [epj.event("D11M", "2024-03-20")]

    answers = at_once(len(bodies), lambda which: service.http.post("/fhir/Observation", json=bodies[which]))

    assert [answer.status_code for answer in answers] == [201] * len(bodies)
    assert (epj.phase(pathway), len(epj.events("final"))) == ("basic-assessment", len(bodies) + 1)


def test_a_transaction_that_the_gate_refuses_leaves_nothing(service: Service) -> None:
    epj = Epj(service)
    before = epj.counted()

    answer = epj.together([epj.event("D11A", "2024-03-01"), epj.event("D11CP", "2024-03-20")])

    assert (answer.status_code, epj.counted()) == (422, before)


META = {
    "profile": ["http://a.example/P"],
    "source": "urn:uuid:6b6f3f6a-1111-4222-8333-000000000001",
    "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
    "tag": [{"system": "urn:t", "code": "x"}],
}


def test_what_every_resource_has_is_searched_by(service: Service) -> None:
    """https://hl7.org/fhir/R4/resource.html#search"""
    body = {**TASK, "meta": {name: value for name, value in META.items() if name != "profile"}}
    id = service.http.post("/fhir/Task", json=body).raise_for_status().json()["id"]
    service.http.post("/fhir/Task", json=TASK).raise_for_status()

    for query in (
        "_source=urn:uuid:6b6f3f6a-1111-4222-8333-000000000001",
        "_tag=urn:t|x",
        "_tag=x&_security=R",
        "_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R",
        f"_id={id}&_security:not=N",
        f"_id={id}&_profile:missing=true",
    ):
        found = service.http.get(f"/fhir/Task?{query}", headers={"Prefer": "handling=strict"}).raise_for_status().json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == [id], query
    for query in (
        "_source=urn:uuid:6b6f3f6a-1111-4222-8333-000000000002",
        "_tag=urn:t|y",
        "_security=V",
        "_profile=http://a.example/P",
    ):
        assert total(service, f"Task?{query}") == 0


def test_what_is_included_goes_on_three_steps_both_ways(service: Service) -> None:
    names = ["top", "middle", "bottom"]
    ids: list[str] = []
    for name in names:
        part_of = {"partOf": {"reference": f"Organization/{ids[-1]}"}} if ids else {}
        answer = service.http.post("/fhir/Organization", json={"resourceType": "Organization", "name": name, **part_of})
        ids.append(answer.raise_for_status().json()["id"])
    task = service.http.post("/fhir/Task", json={**TASK, "owner": {"reference": f"Organization/{ids[-1]}"}}).json()["id"]

    def beside(query: str) -> set[str]:
        entries = service.http.get(f"/fhir/{query}").raise_for_status().json()["entry"]
        return {entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "include"}

    up = "_include=Task:owner&_include:iterate=Organization:partof"
    down = "_revinclude=Organization:partof&_revinclude:iterate=Organization:partof&_revinclude:iterate=Task:owner"
    assert beside(f"Task?_id={task}&{up}") == set(ids)
    assert beside(f"Organization?_id={ids[0]}&{down}") == {ids[1], ids[2], task}
    assert beside(f"Organization?_id={ids[0]}&_revinclude=Organization:partof") == {ids[1]}


@pytest.mark.parametrize("query", ["", "_at={year}", "_since=2020-01-01"])
def test_a_history_of_a_time_holds_no_more_on_a_page_than_was_asked_for(service: Service, query: str) -> None:
    made = service.http.post("/fhir/Task", json=TASK).json()
    here = f"/fhir/Task/{made['id']}"
    for version in (1, 2, 3):
        body = {**made, "description": str(version)}
        service.http.put(here, json=body, headers={"If-Match": f'W/"{version}"'}).raise_for_status()
    year = made["meta"]["lastUpdated"][:4]
    url, seen, pages = f"{here}/_history?_count=3&{query.format(year=year)}", [], 0
    while url:
        bundle = service.http.get(url).raise_for_status().json()
        assert len(bundle["entry"]) <= 3
        seen += [int(entry["resource"]["meta"]["versionId"]) for entry in bundle["entry"]]
        pages += 1
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")

    assert (seen, pages) == ([4, 3, 2, 1], 2)
