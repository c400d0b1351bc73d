"""Search over real HTTP: every parameter, pages, and national numbers that must stand in no address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fhir.conftest import FNR, NUMBER
from tests.http.service import HOSPITAL, MUNICIPALITY, Service

ORGANISATION = "X-Stafett-Organisation"


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def link(bundle: dict[str, Any], relation: str) -> str:
    return str(next(one["url"] for one in bundle["link"] if one["relation"] == relation))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_id=t3,t1,none", ["t3", "t1"]),
        ("_id=t3,t1&_id=t1,t2", ["t1"]),
        ("_id=t3&_id=t1", []),
        ("_id=%00", None),
        ("identifier=urn:a|3", ["t3"]),
        ("identifier=3,4", ["t4", "t3"]),
        ("identifier=urn:a|", ["t6", "t5", "t4", "t3", "t2", "t1", "t0"]),
        ("identifier=|bare&_id=t0", ["t0"]),
        ("identifier=|3", []),
        ("identifier=urn:b|3", []),
        ("identifier=|", None),
        ("identifier=3&identifier=4", None),
        ("identifier:not=3", None),
        ("status=requested", ["t5", "t3", "t1"]),
        ("status=requested,completed&status=completed&_id=t0,t1,t2", ["t2", "t0"]),
        ("status=http://hl7.org/fhir/task-status|requested&_id=t1", ["t1"]),
        ("status=requested&_id=t0", []),
        ("patient=p1&_id=t1", ["t1"]),
        ("patient=Patient/p1&_id=t1", ["t1"]),
        ("subject=Patient/p1&_id=t1", ["t1"]),
        ("patient=p2", []),
        ("patient=Organization/p1", []),
        ("patient=https://evil.example/fhir/Patient/p1", []),
        ("patient=p1&subject=p2", []),
        ("patient=p1,p2", None),
        ("_lastUpdated=2026-05-01T08:03:00Z", ["t3"]),
        ("_lastUpdated=gt2026-05-01T08:03:00Z", ["t6", "t5", "t4"]),
        ("_lastUpdated=ge2026-05-01T10:06", ["t6"]),
        ("_lastUpdated=ge2026-05-01T10:05", ["t6", "t5"]),
        ("_lastUpdated=ge2026-05-01T10:03:00%2B02:00&_lastUpdated=lt2026-05-01T08:05:00Z", ["t4", "t3"]),
        ("_lastUpdated=ge2026-05-01T10:03:00+02:00&_lastUpdated=le2026-05-01T08:04:00Z", ["t4", "t3"]),
        ("_lastUpdated=2026-05&_id=t0", ["t0"]),
        ("_lastUpdated=2026&_id=t0", ["t0"]),
        ("_lastUpdated=sa2026-04-30&_id=t0", ["t0"]),
        ("_lastUpdated=gt2026-05-01", []),
        ("_lastUpdated=eb2026-05-01", []),
        ("_lastUpdated=ne2026-05-01", None),
        ("_lastUpdated=2026-13-01", None),
        ("_lastUpdated=2999", []),
        ("_lastUpdated=9999", None),
        ("_lastUpdated=yesterday", None),
        ("_count=-1", None),
        ("_count=many", None),
        ("_count=1000000000&_id=t0", ["t0"]),
        ("_summary=nonsense", None),
        ("identifier=%25_';--", []),
        ("", ["t6", "t5", "t4", "t3", "t2", "t1", "t0"]),
    ],
)
def test_a_search_finds_what_the_standard_says(fhir: Service, query: str, expected: list[str] | None) -> None:
    answer = fhir.http.get(f"/fhir/Task?{query}")

    if expected is None:
        assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    else:
        assert (answer.status_code, sorted(ids(answer.json()))) == (200, sorted(expected))
        assert answer.json()["total"] == len(expected)


def test_results_come_newest_first_with_addresses_of_the_configured_base(fhir: Service) -> None:
    bundle = fhir.http.get("/fhir/Task?_count=3", headers={"X-Forwarded-Host": "evil.example"}).json()

    assert ids(bundle) == ["t6", "t5", "t4"]
    assert bundle["total"] == 7
    assert [entry["fullUrl"] for entry in bundle["entry"]] == [f"{fhir.base}/fhir/Task/{id}" for id in ("t6", "t5", "t4")]
    assert {entry["search"]["mode"] for entry in bundle["entry"]} == {"match"}


def test_a_search_splices_the_stored_bytes(fhir: Service) -> None:
    with fhir.store.read() as unit:
        stored = unit.read(HOSPITAL, "Task", "t0")

    assert stored is not None
    assert stored.body in fhir.http.get("/fhir/Task?_id=t0").content


def test_an_absolute_reference_of_our_own_is_known(fhir: Service) -> None:
    assert ids(fhir.http.get("/fhir/Task", params={"patient": f"{fhir.base}/fhir/Patient/p1", "_id": "t1"}).json()) == ["t1"]


def test_pages_give_every_result_once(fhir: Service) -> None:
    seen, address = [], "/fhir/Task?status=completed,requested&_count=3"
    for _ in range(5):
        bundle = fhir.http.get(address).json()
        seen += ids(bundle)
        relations = [one["relation"] for one in bundle["link"]]
        if "next" not in relations:
            break
        address = link(bundle, "next")

    assert seen == ["t6", "t5", "t4", "t3", "t2", "t1", "t0"]
    assert relations == ["self"]


def test_a_page_link_that_was_changed_or_is_anothers_is_refused(fhir: Service) -> None:
    address = link(fhir.http.get("/fhir/Task?_count=3").json(), "next")
    token = parse_qs(urlsplit(address).query)["_page"][0]
    changed = [token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "A" + token[1:], token[:10], "x", "é", "A" * 9000]

    for other in [t for t in changed if t != token]:
        answer = fhir.http.get("/fhir/Task", params={"_page": other})
        assert answer.status_code in (400, 414), other
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert fhir.http.get(address, headers={ORGANISATION: MUNICIPALITY}).status_code == 400
    assert fhir.http.get("/fhir/Patient", params={"_page": token}).status_code == 400
    assert fhir.http.get("/fhir/Task/t0/_history", params={"_page": token}).status_code == 400
    assert fhir.http.get(address).status_code == 200


@pytest.mark.parametrize("query", ["_summary=count", "_count=0"])
def test_the_number_alone_can_be_asked_for(fhir: Service, query: str) -> None:
    bundle = fhir.http.get(f"/fhir/Task?status=requested&{query}").json()

    assert (bundle["total"], "entry" in bundle) == (3, False)


@pytest.mark.parametrize(
    "value", [NUMBER, f"{FNR}|{NUMBER}", f"|{NUMBER}", f"a,{NUMBER[:6]} {NUMBER[6:]}", "urn:oid:2.16.578.1.12.4.1.4.3|x", "HNR|7"]
)
@pytest.mark.parametrize("name", ["identifier", "patient.identifier", "patient", "whatever"])
def test_a_national_number_in_an_address_is_refused_and_not_repeated(fhir: Service, name: str, value: str) -> None:
    for path in ("/fhir/Patient", "/fhir/Patient/p1/_history", "/fhir/Patient/p1"):
        answer = fhir.http.get(path, params={name: value})
        assert answer.status_code == 400
        assert "POST [type]/_search" in answer.json()["issue"][0]["details"]["text"]
        assert NUMBER not in answer.text
    assert fhir.http.post("/fhir/Patient/_search", params={name: value}, data={"_id": "p1"}).status_code == 400


def test_a_person_is_found_by_a_form_and_no_link_holds_the_number(fhir: Service) -> None:
    answer = fhir.http.post("/fhir/Patient/_search", data={"identifier": f"{FNR}|{NUMBER}"})
    bundle = answer.json()

    assert (answer.status_code, ids(bundle), bundle["total"]) == (200, ["p1"], 1)
    assert bundle["link"] == [{"relation": "self", "url": f"{fhir.base}/fhir/Patient"}]


def test_organisations_share_no_search(fhir: Service) -> None:
    theirs = fhir.http.post("/fhir/Patient/_search", data={"identifier": NUMBER}, headers={ORGANISATION: MUNICIPALITY})

    assert ids(theirs.json()) == ["p2"]
    assert fhir.http.get("/fhir/Task?_summary=count", headers={ORGANISATION: MUNICIPALITY}).json()["total"] == 1


def test_a_form_takes_other_parameters_too_and_has_pages(fhir: Service) -> None:
    first = fhir.http.post("/fhir/Task/_search?_count=3", data={"status": "requested,completed"}).json()

    assert ids(first) == ["t6", "t5", "t4"]
    assert ids(fhir.http.get(link(first, "next")).json()) == ["t3", "t2", "t1"]


@pytest.mark.parametrize("media", ["application/json", "text/plain", ""])
def test_a_search_is_posted_as_a_form_only(fhir: Service, media: str) -> None:
    answer = fhir.http.post("/fhir/Task/_search", content=b"status=requested", headers={"Content-Type": media})

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (415, "not-supported")


def test_a_form_beyond_measure_is_refused(fhir: Service) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert fhir.http.post("/fhir/Task/_search", content=b"status=" + b"x" * 70_000, headers=form).status_code == 413
    assert fhir.http.post("/fhir/Task/_search", content=b"a=b&" * 5_000, headers=form).status_code == 400
    assert fhir.http.get("/fhir/Task?" + "a=b&" * 5_000).status_code in (400, 414)


def test_an_unknown_parameter_is_left_out_of_self_or_refused(fhir: Service) -> None:
    lenient = fhir.http.get("/fhir/Task?status=requested&colour=red&_sort=status")
    strict = fhir.http.get("/fhir/Task?status=requested&colour=red", headers={"Prefer": "handling=strict"})

    assert link(lenient.json(), "self") == f"{fhir.base}/fhir/Task?status=requested"
    assert strict.status_code == 400
    assert strict.json()["issue"][0]["location"] == ["http.colour"]
    assert fhir.http.get("/fhir/Task?status=requested", headers={"Prefer": "handling=strict"}).status_code == 200


def test_all_that_is_wrong_is_told_at_once(fhir: Service) -> None:
    issues = fhir.http.get("/fhir/Task?_lastUpdated=x&_count=y&patient=a,b").json()["issue"]

    assert [issue["location"] for issue in issues] == [["http._lastUpdated"], ["http.patient"], ["http._count"]]


def test_markup_in_a_parameter_is_not_repeated_as_markup(fhir: Service) -> None:
    answer = fhir.http.get("/fhir/Task", params={"<script>alert(1)</script>": "1"}, headers={"Prefer": "handling=strict"})

    assert answer.status_code == 400
    assert "<script" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_page_of_a_search_by_number_goes_on_by_ids(fhir: Service) -> None:
    # A value that may be a person's number, held by several resources.
    with fhir.store.write() as unit:
        from adapter.ports import Index
        from tests.fhir.conftest import BEGAN, draft

        for number in range(3):
            unit.put(HOSPITAL, [draft("RelatedPerson", f"k{number}", Index([(FNR, NUMBER)], "p1"))], BEGAN)
    first = fhir.http.post("/fhir/RelatedPerson/_search", data={"identifier": NUMBER, "_count": "2"}).json()
    second = fhir.http.get(link(first, "next")).json()

    assert sorted(ids(first) + ids(second)) == ["k0", "k1", "k2"]
