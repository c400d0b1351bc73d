"""Search over real HTTP: what the address and the form carry, formats, and what must stand in no address.

What a search finds is in `test_search.py`; here is what lies between it and the wire.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from xml.etree import ElementTree

import pytest

from tests.fhir import world
from tests.fhir.world import FNR, MUNICIPALITY, NUMBER
from tests.http.service import Service, service

ORGANISATION = "X-Stafett-Organisation"
STRICT = {"Prefer": "handling=strict"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("search-http")) as running:
        world.fill(running.store)
        yield running


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "match"]


def link(bundle: dict[str, Any], relation: str) -> str:
    return str(next(one["url"] for one in bundle["link"] if one["relation"] == relation))


def test_results_have_addresses_of_the_configured_base(face: Service) -> None:
    bundle = face.http.get("/fhir/Task?_count=2", headers={"X-Host": "evil.example"}).json()

    assert [entry["fullUrl"] for entry in bundle["entry"]] == [f"{face.base}/fhir/Task/{id}" for id in ("t5", "t4")]
    assert link(bundle, "self") == f"{face.base}/fhir/Task?_count=2"
    assert link(bundle, "next").startswith(f"{face.base}/fhir/Task?_page=")
    assert ids(face.http.get(link(bundle, "next")).json()) == ["t3", "t2"]


@pytest.mark.parametrize("plus", ["%2B", "+"])
def test_a_plus_in_a_time_is_taken_as_it_was_meant(face: Service, plus: str) -> None:
    answer = face.http.get(f"/fhir/Task?_lastUpdated=ge2026-05-01T10:04:00{plus}02:00")

    assert ids(answer.json()) == ["t5", "t4"]


@pytest.mark.parametrize("value", ["%25_'\";--", "\\", "'", "a\\", "%", "_", "--", "/*", "(a+)+$", ".*"])
@pytest.mark.parametrize("parameter", ["identifier", "owner", "status", "_id", "_tag", "code:not", "_profile"])
def test_no_character_has_a_meaning_for_the_database(face: Service, parameter: str, value: str) -> None:
    answer = face.http.get(f"/fhir/Task?{parameter}={quote(value)}")

    assert answer.status_code in (200, 400)
    assert parameter == "code:not" or ids(answer.json() if answer.status_code == 200 else {}) == []


def test_a_search_beyond_measure_is_bounded(face: Service) -> None:
    assert ids(face.http.get("/fhir/Task?_count=1000000000&_id=t0").json()) == ["t0"]
    for query in ["a=b&" * 5_000, "_id=" + "x," * 50_000, "identifier=" + "x" * 100_000]:
        connection = HTTPConnection(face.base.removeprefix("http://"))  # httpx sends no address of that length
        connection.request("GET", "/fhir/Task?" + query)
        assert connection.getresponse().status in (400, 414)
        connection.close()
    assert face.http.post("/fhir/Task/_search", content=b"status=" + b"x" * 70_000, headers=FORM).status_code == 413
    assert face.http.post("/fhir/Task/_search", content=b"a=b&" * 5_000, headers=FORM).status_code == 400


def test_an_unknown_parameter_is_left_out_of_self_or_refused(face: Service) -> None:
    lenient = face.http.get("/fhir/Task?status=draft&colour=red").json()
    strict = face.http.get("/fhir/Task?status=draft&colour=red", headers=STRICT)

    assert link(lenient, "self") == f"{face.base}/fhir/Task?status=draft"
    assert [entry["search"]["mode"] for entry in lenient["entry"]] == ["match", "match", "outcome"]
    assert (strict.status_code, strict.json()["issue"][0]["location"]) == (400, ["http.colour"])
    assert face.http.get("/fhir/Task?status=draft", headers=STRICT).status_code == 200


def test_an_unknown_modifier_is_refused_even_where_much_is_forgiven(face: Service) -> None:
    for query in ("status:text=x", "owner.colour=x", "_has:Task:owner:status=draft"):
        assert face.http.get(f"/fhir/Task?{query}", headers={"Prefer": "handling=lenient"}).status_code == 400


def test_markup_in_a_parameter_is_not_repeated_as_markup(face: Service) -> None:
    answer = face.http.get("/fhir/Task", params={"<script>alert(1)</script>": "1"}, headers=STRICT)

    assert answer.status_code == 400
    assert "<script" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("value", [NUMBER, f"{FNR}|{NUMBER}", f"|{NUMBER}", f"a,{NUMBER[:6]} {NUMBER[6:]}", "HNR|7"])
@pytest.mark.parametrize("name", ["identifier", "patient.identifier", "patient:identifier", "patient", "whatever"])
def test_a_national_number_in_an_address_is_refused_and_not_repeated(face: Service, name: str, value: str) -> None:
    for path in ("/fhir/Patient", "/fhir/Patient/p1/_history", "/fhir/Patient/p1"):
        answer = face.http.get(path, params={name: value})
        assert answer.status_code == 400
        assert "POST [type]/_search" in answer.json()["issue"][0]["details"]["text"]
        assert NUMBER not in answer.text
    assert face.http.post("/fhir/Patient/_search", params={name: value}, data={"_id": "p1"}).status_code == 400


def test_a_person_is_found_by_a_form(face: Service) -> None:
    bundle = face.http.post("/fhir/Patient/_search", data={"identifier": f"{FNR}|{NUMBER}"}).json()
    theirs = face.http.post("/fhir/Patient/_search", data={"identifier": NUMBER}, headers={ORGANISATION: MUNICIPALITY}).json()

    assert (ids(bundle), bundle["total"]) == (["p1"], 1)
    assert bundle["link"] == [{"relation": "self", "url": f"{face.base}/fhir/Patient"}]
    assert ids(theirs) == ["m1"]


def test_a_form_is_not_repeated_in_an_address(face: Service) -> None:
    told = {"status": "requested", "patient": "p1", "_count": "1"}
    asked = {"patient.name": "Ødegård,Odeg", "patient.birthdate": "gt1901-01-01", "patient:missing": "false", **told}
    bundle = face.http.post("/fhir/Task/_search", data=asked).json()
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient?name=Odeg"}}]}

    assert dict(parse_qsl(urlsplit(link(bundle, "self")).query)) == {"patient:missing": "false", **told}
    assert set(dict(parse_qsl(urlsplit(link(bundle, "next")).query))) == {"_page"}
    assert link(face.http.post("/fhir", json=batch).json()["entry"][0]["resource"], "self") == f"{face.base}/fhir/Patient"


@pytest.mark.parametrize("sort", ["identifier", "name", "birthdate"])
def test_a_place_among_sorted_persons_is_not_to_be_read_in_its_link(face: Service, sort: str) -> None:
    first = link(face.http.get(f"/fhir/Patient?_sort={sort}&_count=1").json(), "next")
    token = dict(parse_qsl(urlsplit(first).query))["_page"]
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))

    assert [word for word in (NUMBER, "deg", "1985", "after", "kept", "until", sort) if word.encode() in raw.lower()] == []
    assert len(face.http.get(first).json()["entry"]) == 1


def test_a_form_and_its_address_count_together(face: Service) -> None:
    first = face.http.post("/fhir/Task/_search?_count=2", data={"status:not": "draft"}).json()

    assert ids(first) == ["t5", "t2"]
    assert ids(face.http.get(link(first, "next")).json()) == ["t1", "t0"]


@pytest.mark.parametrize("media", ["application/json", "text/plain", ""])
def test_a_search_is_posted_as_a_form_only(face: Service, media: str) -> None:
    answer = face.http.post("/fhir/Task/_search", content=b"status=requested", headers={"Content-Type": media})

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (415, "not-supported")


def test_a_search_can_be_answered_in_xml_on_every_page(face: Service) -> None:
    names = {"f": "http://hl7.org/fhir"}
    first = ElementTree.fromstring(face.http.get("/fhir/Task?_count=3&_format=xml&_include=Task:subject").content)
    addresses = [one.attrib["value"] for one in first.findall("f:link/f:url", names)]
    second = ElementTree.fromstring(face.http.get(addresses[1]).content)

    tasks = [one.attrib["value"] for page in (first, second) for one in page.findall("f:entry/f:resource/f:Task/f:id", names)]
    relations = [one.attrib["value"] for one in first.findall("f:link/f:relation", names)]
    assert (relations, tasks) == (["self", "next"], ["t5", "t4", "t3", "t2", "t1", "t0"])
    assert len(first.findall("f:entry/f:resource/f:Patient", names)) == 2


def test_a_page_link_of_another_is_as_none(face: Service) -> None:
    address = link(face.http.get("/fhir/Task?_count=3").json(), "next")

    assert face.http.get(address, headers={ORGANISATION: MUNICIPALITY}).status_code == 404
    assert face.http.get(address.replace("/Task?", "/Patient?")).status_code == 404
    assert face.http.get(address).status_code == 200


@pytest.mark.parametrize(("order", "passed_over"), [("", True), ("_lastUpdated", False)])
def test_who_polls_by_time_passes_over_nothing_that_changes_meanwhile(tmp_path: Path, order: str, passed_over: bool) -> None:
    """What docs/fhir.md says to those who poll: what changes becomes the newest, before the pages that are left or after them."""
    with service(tmp_path) as here:
        made = []
        for _ in range(4):
            here.clock.moment += timedelta(seconds=1)
            made.append(here.http.post("/fhir/Patient", json={"resourceType": "Patient"}).json())
        page = here.http.get("/fhir/Patient", params={"_count": "2", **({"_sort": order} if order else {})}).json()
        seen = ids(page)
        here.clock.moment += timedelta(seconds=1)
        changed = next(one for one in made if one["id"] not in seen)
        here.http.put(f"/fhir/Patient/{changed['id']}", json={**changed, "active": True})
        while following := [one["url"] for one in page["link"] if one["relation"] == "next"]:
            page = here.http.get(following[0]).json()
            seen += ids(page)

    assert (changed["id"] not in seen) == passed_over
    assert {one["id"] for one in made} - {changed["id"]} <= set(seen)


@pytest.mark.parametrize("query", ["status=a%00b", "code=%0d%0aSet-Cookie:x", "sta%09tus=x", "identifier=%1f"])
def test_a_control_character_is_refused_wherever_it_stands(face: Service, query: str) -> None:
    answer = face.http.get(f"/fhir/Task?{query}")

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "invalid")
    assert "control character" in answer.json()["issue"][0]["details"]["text"]
