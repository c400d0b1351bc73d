"""Bad searches, codes and patterns over real HTTP. The rows are the table's; what each must get is its own column."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from adapter.domain.identity import BASE
from tests.bad_inputs.cost import SECONDS, measured
from tests.fhir.made import FNR, SYNTHETIC, identifier, issues, patient, task
from tests.http.service import Service, service

NATIONAL = "urn:oid:2.16.578.1.12.4.1.1."  # Volven
STRICT = {"Prefer": "handling=strict"}
JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("rows")) as running:
        running.http.post("/fhir/$validate", json=task())  # the tables are read once
        yield running


@pytest.fixture(autouse=True)
def _no_number_in_any_log_line(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """As for the other bad requests over HTTP: by the logger itself."""
    with capture_logs() as lines:
        yield
    assert SYNTHETIC not in f"{caplog.text}\n{lines}"


def found(here: Service, query: str, type: str = "Task") -> list[str]:
    answer = here.http.get(f"/fhir/{type}?{query}")
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in answer.json().get("entry", []) if entry["search"]["mode"] == "match"]


def test_b086_of_64_conditional_creates_at_once_one_makes_the_resource(here: Service) -> None:
    own = identifier()
    body, criteria = task(identifier=[own]), f"identifier={own['system']}|{own['value']}"

    def create(_: int) -> tuple[int, str]:
        answer = here.http.post("/fhir/Task", json=body, headers={"If-None-Exist": criteria}, timeout=60)
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(create, range(64)))

    assert Counter(status for status, _ in answers) == {201: 1, 200: 63}
    assert len({id for _, id in answers}) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("_count=1000000000", 200),
        ("_count=" + "9" * 400, 400),
        ("a=b&" * 5_000, 414),
        ("a=b&" * 1_000, 400),
        ("_id=" + "x," * 3_000, 400),
        ("identifier=(a%2B)%2B$", 200),
        ("identifier=" + "%25" * 2_000, 200),
        ("_sort=" + "status," * 1_000, 400),
        ("&".join(["_include=Task:focus"] * 90), 400),
        (".".join(["part-of:Task"] * 90) + ".status=x", 400),
    ],
    ids=lambda value: str(value)[:24],
)
def test_b088_a_search_beyond_measure_is_refused_or_bounded_at_once(here: Service, query: str, status: int) -> None:
    with measured() as cost:
        answer, body = asked(here, query)

    assert answer == status
    assert json.loads(body)["resourceType"] == ("Bundle" if status == 200 else "OperationOutcome")
    assert cost.seconds < SECONDS


def test_b088_a_query_that_fills_no_header_is_refused_by_the_server_itself(here: Service) -> None:
    with measured() as cost:
        answer, body = asked(here, "identifier=" + "x" * 100_000)

    assert answer in (400, 414)
    assert b"xxx" not in body
    assert cost.seconds < SECONDS


def asked(here: Service, query: str) -> tuple[int, bytes]:
    """By a client that sends addresses of any length."""
    connection = HTTPConnection(here.base.removeprefix("http://"))
    try:
        connection.request("GET", f"/fhir/Task?{query}")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("form", [f"{FNR}|{SYNTHETIC}", SYNTHETIC, f"|{SYNTHETIC}", f"urn:a|1,{FNR}|{SYNTHETIC}"])
def test_b089_a_national_number_is_taken_by_post_alone_and_stands_in_no_log_and_no_link(here: Service, form: str) -> None:
    made = here.http.post("/fhir/Patient", json=patient(identifier=[{"system": FNR, "value": SYNTHETIC}])).json()
    by_get = here.http.get("/fhir/Patient", params={"identifier": form})
    by_form = here.http.post("/fhir/Patient/_search", data={"identifier": form})

    assert (by_get.status_code, issues(by_get)) == (400, [("invalid", "http.identifier")])
    assert SYNTHETIC not in by_get.text
    assert by_form.status_code == 200
    assert (made["id"] in by_form.text) == (not form.startswith("|"))  # |number asks for one without a system
    assert SYNTHETIC not in json.dumps(by_form.json()["link"])


@pytest.mark.parametrize("query", ["colour=red", "owner-name=x", "_text=x", "_count=1&_colour=red", "status=draft&STATUS=draft"])
def test_b090_an_unknown_parameter_is_refused_where_the_client_is_strict(here: Service, query: str) -> None:
    assert here.http.get(f"/fhir/Task?{query}", headers=STRICT).status_code == 400
    assert here.http.post("/fhir/Task/_search", content=query.encode(), headers=STRICT | FORM).status_code == 400
    assert here.http.get(f"/fhir/Task?{query}").status_code == 200


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
META = ["%", "_", "'", '"', ";--", "a%b", "a_b", "'; DROP TABLE resource;--", "' OR '1'='1", "}) MATCH (n", "*", ".*", "[a-z]"]


def test_b091_characters_of_query_languages_are_literal(here: Service) -> None:
    """Each value finds the resource that has it and none of the others, as a code and as a text."""
    own = "urn:oid:2.16.578.1.99"
    ids = {
        value: here.http.post(
            "/fhir/Patient", json=patient(identifier=[{"system": own, "value": value}], name=[{"family": f"{value}x"}])
        ).json()["id"]
        for value in META
    }

    for value, id in ids.items():
        assert found(here, f"identifier={quote(f'{own}|{value}')}", "Patient") == [id], value
        assert found(here, f"family:exact={quote(value + 'x')}", "Patient") == [id], value
        begins = {ids[other] for other in META if other.startswith(value)}
        assert set(found(here, f"_count=200&family={quote(value)}&identifier={quote(own + '|')}", "Patient")) == begins, value


EVIL = {
    "code": "a " * 100_000 + "\n",
    "id": "a" * 200_000 + "!",
    "oid": "urn:oid:1" + ".1" * 100_000 + "x",
    "uri": "a:" + "a/" * 100_000 + " ",
    "url": "http://" + "a." * 100_000 + "|",
    "canonical": "http://a" + "|1" * 100_000 + " ",
    "uuid": "urn:uuid:" + "0" * 200_000,
    "base64Binary": "AAAA " * 40_000 + "!",
    "date": "2026-" * 40_000,
    "dateTime": "2026-01-01T00:00:00." + "0" * 200_000 + "z",
    "instant": "2026-01-01T00:00:00." + "0" * 200_000,
    "time": "00:00:00." + "0" * 200_000 + "x",
    "string": "\t " * 100_000 + "\u0085",
    "markdown": "(a+)+$" * 30_000,
}
"""Values that end just where their type's pattern would have to go back: (a+)+$ and its kin."""


@pytest.mark.parametrize("kind", EVIL)
def test_b096_no_pattern_of_the_standard_can_be_made_to_hang(here: Service, kind: str) -> None:
    extension = {"url": "urn:a", f"value{kind[0].upper()}{kind[1:]}": EVIL[kind]}
    with measured() as cost:
        answer = here.http.post("/fhir/Task/$validate", json=task(extension=[extension]))
        written = here.http.post("/fhir/Task", json=task(extension=[extension]))

    assert (answer.status_code, answer.json()["resourceType"]) == (200, "OperationOutcome")
    assert written.status_code in (201, 400, 422)
    assert cost.seconds < 2 * SECONDS


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
@pytest.mark.parametrize("name", ["name", "name:contains", "family:exact", "identifier", "_source", "organization:identifier"])
def test_b096_a_pattern_in_a_search_is_a_text_like_another(here: Service, pattern: str, name: str) -> None:
    long = patient(name=[{"family": "a" * 50_000 + "!"}], identifier=[{"value": "a" * 5_000 + "!"}])
    assert here.http.post("/fhir/Patient", json=long).status_code == 201
    with measured() as cost:
        assert found(here, f"{name}={quote(pattern)}", "Patient") == []
    assert cost.seconds < SECONDS


@pytest.mark.parametrize(
    ("coding", "listed"),
    [
        ({"system": f"{NATIONAL}9322", "code": "ZZZ"}, "C"),  # events of a pathway
        ({"system": f"{NATIONAL}8304", "code": "9"}, "1"),  # priority of a referral
        ({"system": f"{BASE}/CodeSystem/business-status", "code": "soon"}, "on-time"),
    ],
    ids=["9322", "8304", "ours"],
)
def test_b097_a_code_that_its_national_system_has_not_is_refused_with_the_systems_codes(
    here: Service, coding: dict[str, Any], listed: str
) -> None:
    answer = here.http.post("/fhir/Task", json=task(code={"coding": [coding]}))

    assert (answer.status_code, issues(answer)) == (422, [("code-invalid", "Task.code.coding[0].code")])
    text = answer.json()["issue"][0]["details"]["text"]
    assert coding["system"] in text
    assert f" {listed}," in text or f" {listed}." in text
    right = task(code={"coding": [{**coding, "code": listed}]})
    assert here.http.post("/fhir/Task", json=right).status_code == 201


def test_b097_what_a_profile_binds_is_of_its_value_set(here: Service, root: Any) -> None:
    event = json.loads((root / "profiles/examples/good/pathway-event.json").read_text("utf-8"))
    event["code"]["coding"][0] = {"system": f"{NATIONAL}8304", "code": "1"}
    answer = here.http.post("/fhir/Observation/$validate", json=event)

    told = {place: code for code, place in issues(answer)}
    assert told["Observation.code"] == "code-invalid"
    assert "Allowed: " in answer.text
