"""$everything of a patient and of a pathway, and the patient compartment, over HTTP.

https://hl7.org/fhir/R4/patient-operation-everything.html and https://hl7.org/fhir/R4/compartmentdefinition-patient.html; the world
is in `world.py`, with a pathway beside it of which all is written out here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from adapter.fhir.compartments import CRITERIA
from adapter.fhir.everything import CARE
from adapter.fhir.types import TYPES, targets
from tests.fhir import world
from tests.fhir.world import BEGAN, HOSPITAL, MUNICIPALITY, NUMBER, Json, draft, task
from tests.http.service import Service, service

SUBJECT, OURS = {"reference": "Patient/p1"}, {"reference": "Organization/o1"}
PATHWAY: list[tuple[str, str, Json]] = [
    ("ServiceRequest", "sr9", {"status": "active", "intent": "order", "subject": SUBJECT, "authoredOn": "2026-05-01"}),
    (
        "CareTeam",
        "ct9",
        {"status": "active", "subject": SUBJECT, "participant": [{"member": {"reference": "PractitionerRole/r9"}}]},
    ),
    (
        "PractitionerRole",
        "r9",
        {"practitioner": {"reference": "Practitioner/d9"}, "organization": {"reference": "Organization/o1"}},
    ),
    ("Practitioner", "d9", {"name": [{"family": "Overlege"}]}),
    (
        "EpisodeOfCare",
        "e9",
        {
            "status": "active",
            "patient": SUBJECT,
            "team": [{"reference": "CareTeam/ct9"}],
            "referralRequest": [{"reference": "ServiceRequest/sr9"}],
            "period": {"start": "2026-05-01"},
        },
    ),
    ("Task", "k1", task(21, focus={"reference": "EpisodeOfCare/e9"}, executionPeriod={"start": "2026-05-02", "end": "2026-05-03"})),
    ("Task", "k2", task(22, focus={"reference": "EpisodeOfCare/e9"}, owner={"reference": "Organization/o2"})),
    (
        "Observation",
        "ob9",
        {
            "status": "final",
            "code": {"text": "M"},
            "subject": SUBJECT,
            "focus": [{"reference": "EpisodeOfCare/e9"}],
            "effectiveDateTime": "2026-06-01",
        },
    ),
    (
        "Observation",
        "by9",
        {"status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient/p2"}, "performer": [SUBJECT]},
    ),
    ("Provenance", "w9", {"target": [{"reference": "Task/k1"}], "recorded": "2026-05-01T08:00:00Z"}),
]
WHOLE = {"EpisodeOfCare/e9", "Task/k1", "Task/k2", "Observation/ob9"}
BESIDE = {"Provenance/w9", "ServiceRequest/sr9", "CareTeam/ct9", "Patient/p1", "Organization/o2", "PractitionerRole/r9"} | {
    *("Practitioner/d9", "Organization/o1")  # whose role it is, and where it and the patient belong
}


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("everything")) as running:
        world.fill(running.store)
        with running.store.write() as unit:
            for number, one in enumerate(PATHWAY):
                unit.put(HOSPITAL, [draft(*one)], BEGAN + timedelta(hours=1, minutes=number))
            theirs = [("Patient", "p1", {}), ("EpisodeOfCare", "e9", {"patient": SUBJECT}), ("Task", "m9", PATHWAY[5][2])]
            unit.put(MUNICIPALITY, [draft(*one) for one in theirs], BEGAN)
        yield running


def given(bundle: Json, mode: str) -> set[str]:
    some = [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]
    return {f"{one['resourceType']}/{one['id']}" for one in some}


def asked(face: Service, address: str, **more: Any) -> Json:
    answer = face.http.get(f"/fhir/{address}", **more)
    assert answer.status_code == 200, answer.text
    bundle: Json = answer.json()
    return bundle


def of_all_pages(face: Service, address: str) -> tuple[list[str], set[str], int]:
    found: list[str] = []
    beside: set[str] = set()
    pages, url = 0, f"/fhir/{address}"
    while url:
        bundle = face.http.get(url).raise_for_status().json()
        found += sorted(given(bundle, "match"))
        beside |= given(bundle, "include")
        pages += 1
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    return found, beside, pages


def test_all_of_a_pathway_is_given_with_whom_and_what_it_refers_to(face: Service) -> None:
    bundle = asked(face, "EpisodeOfCare/e9/$everything")

    assert (bundle["type"], given(bundle, "match"), given(bundle, "include")) == (
        "searchset",
        WHOLE,
        BESIDE,
    )
    assert [link["relation"] for link in bundle["link"]] == ["self"]


def test_all_of_a_patient_is_the_compartment_with_whom_it_names(face: Service) -> None:
    """By R4's CompartmentDefinition, by9 is p1's by its performer; what is p2's alone is not."""
    bundle = asked(face, "Patient/p1/$everything")
    found = given(bundle, "match")

    assert {"Patient/p1", "Observation/ob9", "Observation/by9", "EpisodeOfCare/e1", "EpisodeOfCare/e9", "CarePlan/c1"} <= found
    assert {"Flag/f1", "CareTeam/ct1", "CareTeam/ct9", "ServiceRequest/sr9"} <= found
    assert {one for one in found if one.startswith("Task/")} == {f"Task/{id}" for id in ("t0", "t1", "t2", "t3", "t5", "k1", "k2")}
    assert {one.partition("/")[0] for one in found} <= CRITERIA.keys()
    assert {"Organization/o1", "Organization/o2", "Practitioner/d1", "PractitionerRole/r9", "Provenance/w9"} <= given(
        bundle, "include"
    )


@pytest.mark.parametrize("count", [1, 2, 3, 100])
@pytest.mark.parametrize("of", ["EpisodeOfCare/e9", "Patient/p1"])
def test_pages_hold_everything_once(face: Service, of: str, count: int) -> None:
    whole = asked(face, f"{of}/$everything")
    found, beside, pages = of_all_pages(face, f"{of}/$everything?_count={count}")

    assert sorted(found) == sorted(given(whole, "match"))
    assert beside - set(found) == given(whole, "include")
    assert (pages > 1) == (count < 4)


@pytest.mark.parametrize(
    ("query", "found", "beside"),
    [
        ("_type=Task,Practitioner", {"Task/k1", "Task/k2"}, {"Practitioner/d9"}),  # d9 is named by the CareTeam, which is not given
        ("_type=Practitioner", set(), {"Practitioner/d9"}),
        ("_type=Task&_type=Provenance", {"Task/k1", "Task/k2"}, {"Provenance/w9"}),
        ("_since=2026-05-01T09:06:00Z", {"Task/k2", "Observation/ob9"}, {"Provenance/w9"}),  # put at 9:06, 9:07, and 9:09 of k1
        ("end=2026-05-31", {"EpisodeOfCare/e9", "Task/k1", "Task/k2"}, BESIDE),  # k2 says no time
        (
            "start=2026-05-04",
            {"EpisodeOfCare/e9", "Task/k2", "Observation/ob9"},
            BESIDE - {"Provenance/w9"},
        ),
        ("start=2026-05-03&end=2026-05-03", {"EpisodeOfCare/e9", "Task/k1", "Task/k2"}, BESIDE),
        ("start=2027", {"EpisodeOfCare/e9", "Task/k2"}, BESIDE - {"Provenance/w9"}),  # e9 goes on
    ],
)
def test_a_part_of_everything(face: Service, query: str, found: set[str], beside: set[str]) -> None:
    bundle = asked(face, f"EpisodeOfCare/e9/$everything?{query}")
    parameters = [pair.split("=") for pair in query.split("&")]
    kinds = {"_type": "valueCode", "_since": "valueInstant", "start": "valueDate", "end": "valueDate"}
    body = {"resourceType": "Parameters", "parameter": [{"name": name, kinds[name]: value} for name, value in parameters]}
    posted = face.http.post("/fhir/EpisodeOfCare/e9/$everything", json=body).json()

    assert (given(bundle, "match"), given(bundle, "include")) == (found, beside)
    assert posted.get("entry") == bundle.get("entry")


@pytest.mark.parametrize("of", ["EpisodeOfCare/e9", "Patient/p1"])
def test_what_is_given_of_a_type_is_what_is_given_of_it_among_all(face: Service, of: str) -> None:
    """_type leaves out of the answer, and does not change what is looked for: each type alone, and all of them one by one."""
    bundle = asked(face, f"{of}/$everything")
    whole = given(bundle, "match") | given(bundle, "include")
    types = {name.partition("/")[0] for name in whole}

    assert {"Practitioner", "Provenance", "Organization"} <= types
    for type in types:
        part = asked(face, f"{of}/$everything?_type={type}")
        assert given(part, "match") | given(part, "include") == {name for name in whole if name.startswith(f"{type}/")}


@pytest.mark.parametrize("type", ["Task", "Provenance", "Organization"])
@pytest.mark.parametrize("of", ["Patient/p1", "EpisodeOfCare/e9"])
def test_no_page_before_the_last_is_empty(face: Service, of: str, type: str) -> None:
    """Clients take what has no entry for the end."""
    page = face.http.get(f"/fhir/{of}/$everything", params={"_count": "1", "_type": type}).json()
    while following := next((link["url"] for link in page["link"] if link["relation"] == "next"), ""):
        assert page["entry"]
        page = face.http.get(following).json()


@pytest.mark.parametrize("address", ["Patient/p1/$everything", "Patient/p1/*"])
def test_the_next_page_is_in_the_same_format(face: Service, address: str) -> None:
    first = face.http.get(f"/fhir/{address}?_count=1&_format=xml")
    (link,) = re.findall(r'<relation value="next"/><url value="([^"]*)"/>', first.text)

    assert face.http.get(unescape(link)).headers["content-type"].startswith("application/fhir+xml")


@pytest.mark.parametrize(
    "query", ["_type=Tasks", "_count=0", "_count=x", "_since=yesterday", "start=ge2026", "colour=red", "_page=x"]
)
def test_what_cannot_be_understood_is_refused(face: Service, query: str) -> None:
    assert face.http.get(f"/fhir/Patient/p1/$everything?{query}").status_code in (400, 404)


def test_a_page_of_one_is_no_page_of_another(face: Service) -> None:
    bundle = asked(face, "Patient/p1/$everything?_count=1")
    token = bundle["link"][1]["url"].partition("?")[2]

    assert face.http.get(f"/fhir/EpisodeOfCare/e9/$everything?{token}").status_code == 400
    assert face.http.get(f"/fhir/Task?{token}").status_code in (400, 404)
    assert face.http.get(f"/fhir/Patient/p2/*?{token}").status_code == 400


@pytest.mark.parametrize("address", ["Patient/nobody/$everything", "EpisodeOfCare/e8/$everything", "Task/t0/$everything"])
def test_of_what_is_not_there_is_nothing(face: Service, address: str) -> None:
    assert face.http.get(f"/fhir/{address}").status_code == 404


def test_nothing_of_another_organisation_is_given(face: Service) -> None:
    bundle = asked(face, "EpisodeOfCare/e9/$everything", headers={"X-Stafett-Organisation": MUNICIPALITY})

    assert given(bundle, "match") | given(bundle, "include") == {"EpisodeOfCare/e9", "Task/m9", "Patient/p1"}


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("Patient/p1/Task?status=completed", {"Task/t0"}),
        ("Patient/p2/Task", {"Task/t4"}),
        ("Patient/p1/Observation", {"Observation/ob9", "Observation/by9"}),
        ("Patient/p2/Observation", {"Observation/by9"}),
        ("Patient/p1/Observation?date=ge2026-06", {"Observation/ob9"}),
        ("Patient/p1/Patient", {"Patient/p1"}),
        ("Patient/p1/Task?focus:EpisodeOfCare.status=active&owner.name=helse", {"Task/k2"}),
        ("Patient/nobody/Task", set()),
        ("Patient/m1/Task", set()),  # another organisation's
    ],
)
def test_a_search_in_the_compartment_finds_what_is_in_it(face: Service, address: str, found: set[str]) -> None:
    path, _, query = address.partition("?")
    form = face.http.post(f"/fhir/{path}/_search", content=query, headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert given(asked(face, address), "match") == given(form.json(), "match") == found
    assert asked(face, address)["total"] == len(found)


def test_the_compartment_is_searched_in_pages_that_stay_in_it(face: Service) -> None:
    found, _, pages = of_all_pages(face, "Patient/p1/Task?_count=2")

    assert (found, pages) == (["Task/k1", "Task/k2", "Task/t3", "Task/t5", "Task/t1", "Task/t2", "Task/t0"], 4)
    token = asked(face, "Patient/p1/Task?_count=2")["link"][1]["url"].partition("?")[2]
    for other in ("Task", "Patient/p2/Task"):
        assert face.http.get(f"/fhir/{other}?{token}").status_code == 404


def test_all_types_of_the_compartment_at_once(face: Service) -> None:
    whole = given(asked(face, "Patient/p1/$everything"), "match")
    found, beside, pages = of_all_pages(face, "Patient/p1/*?_count=3")

    assert (sorted(found), beside, pages > 3) == (sorted(whole), set(), True)
    assert given(asked(face, "Patient/p1/*?_lastUpdated=ge2026-05-01T09:07:00Z"), "match") == {"Observation/ob9", "Observation/by9"}
    assert given(asked(face, "Patient/p1/*?_tag=urn:t|x"), "match") == {"Task/t0"}
    assert given(asked(face, "Patient/nobody/*"), "match") == set()
    assert face.http.get("/fhir/Patient/p1/*?status=active").status_code == 400


def test_all_types_of_the_compartment_are_counted(face: Service) -> None:
    """https://hl7.org/fhir/R4/search.html#count: 0 is the number alone."""
    found, _, _ = of_all_pages(face, "Patient/p1/*?_count=3")
    counted = asked(face, "Patient/p1/*?_count=0")

    assert (counted["total"], "entry" in counted, [link["relation"] for link in counted["link"]]) == (len(found), False, ["self"])
    assert asked(face, "Patient/p1/*?_count=0&_tag=urn:t|x")["total"] == 1


@pytest.mark.parametrize("path", ["Patient/p1/Organization", "Patient/p1/Tasks", "Patient/p 1/Task", "Practitioner/d1/Task"])
def test_what_is_no_compartment_is_not_found(face: Service, path: str) -> None:
    assert face.http.get(f"/fhir/{path}").status_code == 404


def test_a_number_of_a_person_stands_in_no_address(face: Service) -> None:
    for path in ("Patient/p1/Task", "Patient/p1/*", "Patient/p1/$everything"):
        answer = face.http.get(f"/fhir/{path}", params={"_id": NUMBER})
        assert answer.status_code == 400
        assert NUMBER not in answer.text
    for path in (f"Patient/{NUMBER}/Task", f"Patient/{NUMBER}/*"):
        answer = face.http.get(f"/fhir/{path}")
        assert (answer.status_code, NUMBER in answer.text) == (400, False)
    assert face.http.post(f"/fhir/Patient/{NUMBER}/Task/_search", data={}).status_code == 400
    for path in ("Patient/p1/*", "Patient/p1/$everything"):
        link = asked(face, f"{path}?_count=1")["link"][1]["url"]
        assert face.http.get(f"{link}&identifier={NUMBER}").status_code == 400
    assert face.http.post("/fhir/Patient/p1/Task/_search", data={"patient.identifier": NUMBER}).json()["total"] == 7


def test_the_criteria_are_search_parameters_that_lead_to_a_patient() -> None:
    assert all("Patient" in targets(type, name) for type, names in CRITERIA.items() for name in names if type != "Patient")
    assert all(TYPES[type][name].type == "date" for type, name in CARE.items())


def test_the_criteria_are_those_of_the_standard(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R4's own CompartmentDefinition, but for Task, which it leaves out, and the Patient, whom it has by *link*."""
    monkeypatch.syspath_prepend(str(root / "tools"))
    resources = importlib.import_module("search_tables").resources
    try:
        (definition,) = (one for one in resources("CompartmentDefinition") if one["id"] == "patient")
    except OSError:
        pytest.skip("not run here: R4's definitions (they are not to be had)")
    said = {one["code"]: tuple(one["param"]) for one in definition["resource"] if one["code"] in TYPES and "param" in one}

    assert {**said, "Task": ("patient",), "Patient": ("_id",)} == CRITERIA
