"""Formats, Prefer, compression and other sites' pages over real HTTP (https://hl7.org/fhir/R4/http.html#mime-type, #ops)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from lxml import etree
from starlette.responses import Response

from adapter.fhir import routes
from adapter.fhir.face import Answer, respond
from adapter.fhir.negotiation import Wish
from adapter.settings import FhirSettings, Organisation, Settings, StoreSettings
from adapter.wiring import build
from tests.fhir.made import issues, patient, task
from tests.http.service import HOSPITAL, Service, service
from tests.serving import StillClock, served

JSON, XML = "application/fhir+json", "application/fhir+xml"
ENCODED = {JSON: JSON, XML: f"{XML}; charset=utf-8"}  # https://hl7.org/fhir/R4/http.html#mime-type: always UTF-8
FHIR = "{http://hl7.org/fhir}"
AS_XML = b'<Task xmlns="http://hl7.org/fhir"><status value="requested"/><intent value="order"/></Task>'


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("negotiation")) as running:
        yield running


@pytest.fixture(scope="module")
def path(here: Service) -> str:
    return f"/fhir/Patient/{here.http.post('/fhir/Patient', json=patient()).json()['id']}"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/fhir+json", JSON),
        ("application/fhir+json;q=1.0, application/json+fhir;q=0.9", JSON),  # HAPI's client
        ("application/json+fhir", JSON),
        ("application/json", JSON),
        ("text/json", JSON),
        ("*/*", JSON),
        ("application/*;q=0.1", JSON),
        ("application/fhir+json; fhirVersion=4.0", JSON),
        ('application/fhir+json; fhirVersion="4.0"', JSON),
        ("application/fhir+json; fhirVersion=5.0, application/fhir+xml;q=0.1", XML),
        ("application/fhir+xml", XML),
        ("application/xml+fhir", XML),
        ("application/xml", XML),
        ("text/xml", XML),
        ("application/fhir+json;q=0.5, application/fhir+xml", XML),
        ("application/fhir+xml;q=0, */*", JSON),
        ("text/csv, application/fhir+xml;q=0.2", XML),
    ],
)
def test_the_format_most_wanted_is_given(here: Service, path: str, accept: str, kind: str) -> None:
    for address in (path, "/fhir/Patient", "/fhir/metadata", f"{path}/_history", "/fhir/Patient/none"):
        assert here.http.get(address, headers={"Accept": accept}).headers["content-type"] == ENCODED[kind]


@pytest.mark.parametrize("accept", ["text/csv", "application/json;q=0", "application/fhir+json; fhirVersion=5.0", "image/*"])
def test_what_is_not_offered_is_not_acceptable(here: Service, path: str, accept: str) -> None:
    answer = here.http.get(path, headers={"Accept": accept})

    assert (answer.status_code, issues(answer)) == (406, [("not-supported", "http.Accept")])


@pytest.mark.parametrize(
    ("format", "kind"),
    [("json", JSON), ("xml", XML), ("application/fhir+xml", XML), ("application/fhir%2Bxml", XML), ("text/xml", XML)],
)
def test_the_format_parameter_wins_over_accept(here: Service, path: str, format: str, kind: str) -> None:
    assert here.http.get(f"{path}?_format={format}", headers={"Accept": "text/csv"}).headers["content-type"] == ENCODED[kind]
    assert here.http.get(f"{path}?_format=csv").status_code == 406


def test_a_resource_can_be_pretty(here: Service, path: str) -> None:
    plain, pretty = here.http.get(path), here.http.get(f"{path}?_pretty=true")

    assert pretty.json() == plain.json()
    assert pretty.text.splitlines()[1] == '  "resourceType": "Patient",'


def test_xml_can_be_pretty_and_the_narrative_stays_as_it_was_written(here: Service) -> None:
    """http.html#parameters: `_pretty`. Blanks between elements say nothing in FHIR XML; within the narrative they are text."""
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Kari <b>er</b> <i>her</i></p><pre>a\n  b</pre></div>'
    told = patient(text={"status": "additional", "div": div})
    path = f"/fhir/Patient/{here.http.post('/fhir/Patient', json=told).json()['id']}"
    plain, pretty = (here.http.get(f"{path}?_format=xml&_pretty={one}") for one in ("false", "true"))
    lines = pretty.text.splitlines()

    assert lines[1] == '<Patient xmlns="http://hl7.org/fhir">'
    assert '    <versionId value="1"/>' in lines
    assert div in pretty.text
    trees = [etree.fromstring(answer.content) for answer in (plain, pretty)]
    for element in trees[1].iter(f"{FHIR}*"):
        element.text = None if len(element) else element.text
        for child in element:
            child.tail = None
    assert etree.tostring(trees[0]) == etree.tostring(trees[1])
    read_again = here.http.put(path, content=pretty.content, headers={"Content-Type": XML}).json()
    assert {**read_again, "meta": 0} == {**told, "id": read_again["id"], "meta": 0}


def test_a_browser_is_given_what_it_can_show(here: Service, path: str) -> None:
    """Chromium's and Firefox's own Accept: text/html, then XML before anything; they would save application/fhir+xml as a file."""
    accept = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
    shown = here.http.get(path, headers=accept)

    assert (shown.headers["Content-Type"], shown.text[:4]) == (JSON, "{\n  ")
    assert "\n" not in here.http.get(f"{path}?_pretty=false", headers=accept).text
    assert here.http.get(f"{path}?_format=xml", headers=accept).headers["Content-Type"] == ENCODED[XML]


def test_xml_comes_in_and_goes_out(here: Service) -> None:
    answer = here.http.post("/fhir/Task", content=AS_XML, headers={"Content-Type": XML, "Accept": XML})
    root = etree.fromstring(answer.content)
    id = root.find(f"{FHIR}id").get("value")

    assert (answer.status_code, root.tag, root.find(f"{FHIR}status").get("value")) == (201, f"{FHIR}Task", "requested")
    assert here.http.get(f"/fhir/Task/{id}").json()["intent"] == "order"
    changed = AS_XML.replace(b"<status", f'<id value="{id}"/><status'.encode()).replace(b"requested", b"accepted")
    assert here.http.put(f"/fhir/Task/{id}", content=changed, headers={"Content-Type": XML, "If-Match": 'W/"1"'}).status_code == 200


def test_a_refusal_is_in_the_format_that_was_asked_for(here: Service) -> None:
    for method, path in (
        ("GET", "/fhir/Task/none"),
        ("DELETE", "/fhir/Task/1"),
        ("GET", "/fhir/Task/1/2/3"),
        ("GET", "/fhir/Basic"),
    ):
        answer = here.http.request(method, path, headers={"Accept": XML})
        assert (answer.status_code in (404, 405), etree.fromstring(answer.content).tag) == (True, f"{FHIR}OperationOutcome")


def test_a_transaction_comes_in_xml_too(here: Service) -> None:
    bundle = (
        b'<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource>' + AS_XML + b"</resource>"
        b'<request><method value="POST"/><url value="Task"/></request></entry></Bundle>'
    )
    answer = here.http.post("/fhir", content=bundle, headers={"Content-Type": XML})

    assert answer.json()["entry"][0]["response"]["status"] == "201 Created"


def test_a_fault_in_xml_has_its_line(here: Service) -> None:
    sent = AS_XML.replace(b"<status", b"\n<status").replace(b"requested", b"done")
    answer = here.http.post("/fhir/Task", content=sent, headers={"Content-Type": XML})

    assert issues(answer) == [("code-invalid", "Task.status")]
    assert answer.json()["issue"][0]["location"][0].startswith("Line[2]")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/html",
        "application/fhir+json; fhirVersion=5.0",
        "application/fhir+json; charset=iso-8859-1",
        "application/fhir+ndjson",
        "",
    ],
)
def test_a_body_of_another_kind_is_refused(here: Service, kind: str) -> None:
    for path in ("/fhir/Task", "/fhir", "/fhir/Task/$validate"):
        answer = here.http.post(path, content=b'{"resourceType":"Task"}', headers={"Content-Type": kind})
        assert (answer.status_code, issues(answer)) == (415, [("not-supported", "http.Content-Type")])


@pytest.mark.parametrize("kind", ["application/fhir+json", "application/json", "text/json", "application/json+fhir; charset=UTF-8"])
def test_json_goes_by_several_names(here: Service, kind: str) -> None:
    sent = b'{"resourceType":"Task","status":"requested","intent":"order"}'

    assert here.http.post("/fhir/Task", content=sent, headers={"Content-Type": kind}).status_code == 201


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        ("return=minimal", ""),
        ("return=representation", "Task"),
        ("return=OperationOutcome", "OperationOutcome"),
        ('return="minimal"', ""),
        ("respond-async, return=minimal; handling=strict", ""),
        ("return=everything", "Task"),
    ],
)
def test_prefer_says_what_comes_back(here: Service, prefer: str, kind: str) -> None:
    answer = here.http.post("/fhir/Task", json=task(), headers={"Prefer": prefer})

    assert answer.status_code == 201
    assert answer.headers["location"]
    assert (answer.json()["resourceType"] if answer.content else "") == kind


def test_another_method_in_a_header_is_ignored(here: Service, path: str) -> None:
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = here.http.post("/fhir/Patient", json=patient(), headers={header: "DELETE"})
        assert answer.status_code == 201
    assert here.http.get(path).status_code == 200


# Compression


def test_a_long_answer_is_compressed_for_who_takes_that_and_a_short_one_is_not(here: Service, path: str) -> None:
    long, short = here.http.get("/fhir/metadata"), here.http.get(path)
    plain = here.http.get("/fhir/metadata", headers={"Accept-Encoding": "identity"})

    assert (long.headers.get("content-encoding"), short.headers.get("content-encoding")) == ("gzip", None)
    assert "content-encoding" not in plain.headers
    assert long.content == plain.content
    assert "Accept-Encoding" in long.headers["vary"]
    assert "Accept" in long.headers["vary"]


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.001", "gzip"),
        ("gzip;q=0", None),  # RFC 9110 12.5.3: "not acceptable"
        ("gzip; q=0.000, identity", None),
        ("br", None),
        ("identity;q=0, *;q=0", None),
    ],
)
def test_an_answer_is_compressed_for_who_takes_gzip_only(here: Service, accepts: str, coding: str | None) -> None:
    """By the routes and by the shortest way (a long Patient, read plainly) alike."""
    told = patient(name=[{"family": "Prøve", "text": "x" * 5000}])
    long = f"/fhir/Patient/{here.http.post('/fhir/Patient', json=told).json()['id']}"
    for address in (long, f"{long}?_format=json", "/fhir/metadata", "/openapi.json"):
        answer = here.http.get(address, headers={"Accept-Encoding": accepts})
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, coding)
        assert answer.headers["vary"].count("Accept-Encoding") == 1


def test_every_answer_says_that_it_goes_by_what_the_caller_takes(here: Service, path: str) -> None:
    """RFC 9110 15.4.5: a 304 has the Vary that the 200 would have had."""
    short, longer = here.http.get(path), here.http.get(f"{path}?_format=json")
    known = here.http.get(path, headers={"If-None-Match": 'W/"1"'})

    assert (short.status_code, longer.status_code, known.status_code) == (200, 200, 304)
    for answer in (short, longer, known, here.http.get(f"{path}1")):
        names = answer.headers["vary"].split(", ")
        assert sorted(names) == ["Accept", "Accept-Encoding", "Authorization", "DPoP", "X-Stafett-Organisation"]


# Pages of other sites


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that the pages of one other site may call."""
    folder: Path = tmp_path_factory.mktemp("shared")
    clock = StillClock()

    def make(base: str) -> FastAPI:
        settings = Settings(
            public_base=base,
            store=StoreSettings(url=f"sqlite:///{folder}/stafett.db"),
            organisation=(Organisation(number=HOSPITAL, name="Fjordheim sykehus HF"),),
            fhir=FhirSettings(cors_origins=("https://epj.example",)),
        )
        return build(settings, clock).app

    with served(make) as client:
        yield Service(client, None, clock, str(client.base_url).rstrip("/"))  # type: ignore[arg-type]


def test_a_page_of_a_site_that_is_let_in_may_ask_and_write(shared: Service) -> None:
    """Fetch standard, CORS protocol: the answer names the origin; a write is asked about first."""
    origin = {"Origin": "https://epj.example", "Sec-Fetch-Site": "cross-site"}
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "if-match,content-type"}
    before = shared.http.options("/fhir/Task/1", headers={**origin, **asked})
    written = shared.http.post("/fhir/Task", json=task(), headers=origin)
    refused = shared.http.post("/fhir/Task", json=task(status="done"), headers=origin)

    assert before.status_code == 200
    assert "PUT" in before.headers["access-control-allow-methods"]
    assert "DELETE" not in before.headers["access-control-allow-methods"]
    assert (written.status_code, refused.status_code) == (201, 422)
    for answer in (before, written, refused):
        assert answer.headers["access-control-allow-origin"] == "https://epj.example"
    exposed = set(written.headers["access-control-expose-headers"].split(", "))
    assert {"Content-Location", "ETag", "Location"} <= exposed


def test_a_page_of_any_other_site_may_not(shared: Service, here: Service) -> None:
    for running, origin in ((shared, "https://evil.example"), (shared, "null"), (here, "https://epj.example")):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        answer, read = (
            running.http.post("/fhir/Task", json=task(), headers=headers),
            running.http.get("/fhir/metadata", headers=headers),
        )
        assert (answer.status_code, "access-control-allow-origin" in read.headers) == (403, False)


def test_an_answer_is_written_in_its_format_out_of_the_way_of_others(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of XML takes a second at the most that is asked for: on the event loop nobody else would be answered meanwhile."""
    aside: list[bool] = []

    def watched(answer: Answer, wish: Wish) -> Response:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            aside.append(True)
        else:
            aside.append(False)
        return respond(answer, wish)

    monkeypatch.setattr(routes, "respond", watched)

    assert here.http.get("/fhir/Task?_format=xml").status_code == 200
    assert aside == [True]
