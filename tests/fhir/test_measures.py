"""Measure/$evaluate-measure: figures by hand from `stored_pathways.hospital`, as those of the command are.

https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fhir.resources.R4B.measurereport import MeasureReport

from adapter.domain.identity import BASE
from adapter.domain.indicators import INDICATORS
from adapter.fhir import measures
from adapter.ports import Store
from adapter.r4.checker import check
from tests.fhir.test_blocks import HPR, block
from tests.http.real import HOSPITAL, VAAGAA, real_service
from tests.security.issuer import Client, Issuer
from tests.usecases.stored_pathways import hospital, pathway, put

Json = dict[str, Any]
DOCTOR = "9144900"
SCOPES = ("system/*.cruds",)
YEAR = {"periodStart": "2023-01-01", "periodEnd": "2023-12-31"}
FIGURES = {  # numerator and denominator: tests/usecases/test_count_indicators.py has them by hand
    "assessment-in-time": (6, 8),
    "first-evaluation-in-time": (6, 8),
    "involved-in-plan": (6, 13),
    "not-assessed-in-time": (5, 5),
    "right-refused": (5, 18),
}


class House(NamedTuple):
    http: httpx.Client
    store: Store
    issuer: Issuer
    own: Client


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The hospital with its pathways; the municipality has one kind of its own."""
    issuer = Issuer()
    with issuer.served(), real_service(tmp_path_factory.mktemp("measures"), others=[VAAGAA], issuer=issuer) as running:
        put(running.store, HOSPITAL, hospital())
        for n in range(6):
            put(running.store, VAAGAA, pathway(f"other-{n}", "2023-03-06 A", "2023-03-27 X R"))
        yield House(running.http, running.store, issuer, issuer.client(parent=HOSPITAL, scopes=SCOPES))


def report(answer: httpx.Response) -> Json:
    """A MeasureReport by both oracles."""
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    assert check(body) == []
    MeasureReport.model_validate(body)
    return body


def figures(body: Json) -> tuple[Any, Any]:
    """Numerator and denominator: a number, *masked*, or None where nothing was counted."""
    found: dict[str, Any] = {}
    for one in body["group"][0].get("population", ()):
        for coding in one["code"].get("coding", ()):
            hidden = one.get("_count", {}).get("extension", [{}])[0].get("valueCode")
            found[coding["code"]] = one.get("count", hidden)
    return found.get("numerator"), found.get("denominator")


def ask(house: House, id: str, who: Client | None = None, **query: str) -> httpx.Response:
    return house.http.get(f"/fhir/Measure/{id}/$evaluate-measure", params={**YEAR, **query}, auth=who or house.own)


@pytest.mark.parametrize("id", INDICATORS)
def test_an_indicator_has_the_figures_of_the_command(house: House, id: str) -> None:
    body = report(ask(house, id))

    assert figures(body) == FIGURES[id]
    assert (body["type"], body["measure"]) == ("summary", f"{BASE}/Measure/{id}")
    assert body["period"] == {"start": "2023-01-01", "end": "2023-12-31"}
    assert body["reporter"]["identifier"]["value"] == HOSPITAL
    assert "stratifier" not in body["group"][0]
    (measure,) = (one for one in [house.http.get(f"/fhir/Measure/{id}", auth=house.own).json()])
    assert (measure["url"], measure["improvementNotation"]) == (body["measure"], body["improvementNotation"])


def test_it_is_asked_by_the_type_too_and_by_post(house: House) -> None:
    usual = figures(report(ask(house, "right-refused")))
    for name in ("right-refused", "Measure/right-refused", f"{BASE}/Measure/right-refused"):
        answer = house.http.get("/fhir/Measure/$evaluate-measure", params={**YEAR, "measure": name}, auth=house.own)
        assert figures(report(answer)) == usual
    dates = [{"name": name, "valueDate": value} for name, value in YEAR.items()]
    sent = {"resourceType": "Parameters", "parameter": [*dates, {"name": "reportType", "valueCode": "summary"}]}
    answer = house.http.post("/fhir/Measure/right-refused/$evaluate-measure", json=sent, auth=house.own)
    assert figures(report(answer)) == usual


def test_a_period_may_be_said_by_month_or_year(house: House) -> None:
    """Pathways began on 6 and 13 March 2023."""
    for first, last in (("2023", "2023"), ("2023-03", "2023-03"), ("2023-03-06", "2023-03-13"), ("2020-02", "2024-12")):
        assert figures(report(ask(house, "right-refused", periodStart=first, periodEnd=last))) == (5, 18)
    assert report(ask(house, "right-refused", periodStart="2024-02", periodEnd="2024-02"))["period"]["end"] == "2024-02-29"
    assert figures(report(ask(house, "right-refused", periodStart="2022", periodEnd="2022"))) == (None, None)


def test_few_patients_are_hidden_as_by_the_command(house: House) -> None:
    """Of fewer than five no figure is shown (the national indicators' own rule)."""
    put(house.store, VAAGAA, pathway("few", "2021-03-06 A"))
    other = house.issuer.client(parent=VAAGAA, scopes=SCOPES)
    assert figures(report(ask(house, "right-refused", other, periodStart="2021", periodEnd="2021"))) == ("masked", "masked")


def test_what_could_not_be_counted_is_told_as_by_the_command(house: House) -> None:
    """Of rules not known here there is no telling when they ran, nor of what a pathway is: they are told in any period."""
    other = house.issuer.client(parent=VAAGAA, scopes=SCOPES)

    def told() -> list[Any]:
        population = report(ask(house, "right-refused", other))["group"][0]["population"]
        return [one["count"] for one in population if "rules not known here" in one["code"].get("text", "")]

    assert told() == []
    put(house.store, VAAGAA, [one for n in range(2) for one in pathway(f"future-{n}", "2031-03-06 A", version="2031")])
    assert told() == [2]
    assert figures(report(ask(house, "right-refused", other))) == (6, 6)


def test_an_organisation_is_told_of_its_own_alone(house: House) -> None:
    other = house.issuer.client(parent=VAAGAA, scopes=SCOPES)
    assert figures(report(ask(house, "right-refused", other))) == (6, 6)


def test_a_patient_who_has_blocked_the_caller_is_not_counted(house: House) -> None:
    """One of the 18: the figure is of 17 for the doctor, and of 18 for everybody else."""
    doctor = house.issuer.client(parent=HOSPITAL, hpr=DOCTOR, scopes=SCOPES)
    assert figures(report(ask(house, "right-refused", doctor))) == (5, 18)
    episodes = house.http.get("/fhir/EpisodeOfCare?_count=200", auth=house.own).json()["entry"]
    patient = next(e["resource"]["patient"]["reference"] for e in episodes if e["resource"]["id"].startswith("in-time"))
    put(house.store, HOSPITAL, [{"resourceType": "Patient", "id": patient.removeprefix("Patient/")}])
    consent = block(patient.removeprefix("Patient/"), (HPR, DOCTOR))
    made = house.http.post("/fhir/Consent", json=consent, auth=house.own)
    assert made.status_code == 201, made.text
    try:
        assert figures(report(ask(house, "right-refused", doctor))) == (5, 17)
        assert figures(report(ask(house, "right-refused"))) == (5, 18)
    finally:
        here = made.headers["Location"].rpartition("/_history")[0].partition("/fhir")[2]
        lifted = {**consent, "id": made.json()["id"], "status": "inactive"}
        house.http.put(f"/fhir{here}", json=lifted, auth=house.own).raise_for_status()


@pytest.mark.parametrize("lacking", ["EpisodeOfCare", "Observation", "Task"])
def test_it_takes_the_right_to_search_for_what_is_counted(house: House, lacking: str) -> None:
    scopes = tuple(f"system/{type}.s" for type in ("EpisodeOfCare", "Observation", "Task") if type != lacking)
    who = house.issuer.client(parent=HOSPITAL, scopes=scopes)
    answer = ask(house, "right-refused", who)
    assert answer.status_code == 403
    assert f"system/{lacking}.s" in answer.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"reportType": "subject"}, 422, "not-supported"),
        ({"reportType": "subject-list"}, 422, "not-supported"),
        ({"subject": "Patient/1"}, 422, "not-supported"),
        ({"periodStart": ""}, 400, "invalid"),
        ({"periodStart": "2023-02-30"}, 400, "invalid"),
        ({"periodStart": "2023-13"}, 400, "invalid"),
        ({"periodStart": "0000"}, 400, "invalid"),
        ({"periodStart": "2023-00"}, 400, "invalid"),
        ({"periodEnd": "9999-12"}, 200, ""),
        ({"periodEnd": "9999"}, 200, ""),
        ({"periodEnd": "2022-12-31"}, 400, "invalid"),
        ({"measure": "right-refused"}, 400, "invalid"),
        ({"practitioner": "Practitioner/1"}, 400, "invalid"),
        ({"lastReceivedOn": "2023-01-01"}, 400, "invalid"),
    ],
)
def test_what_an_indicator_cannot_answer_is_refused_with_its_reason(house: House, query: Json, status: int, code: str) -> None:
    answer = ask(house, "right-refused", **query)
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["issue"][0]["code"] == code


def test_what_is_no_indicator_is_not_found_and_what_is_missing_is_told(house: House) -> None:
    assert ask(house, "nothing").status_code == 404
    for given in ({}, {"measure": "right-refused"}, {"measure": "right-refused", "periodStart": "2023"}):
        answer = house.http.get("/fhir/Measure/$evaluate-measure", params=given, auth=house.own)
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "required")
    unknown = {**YEAR, "measure": "http://example.org/Measure/x"}
    assert house.http.get("/fhir/Measure/$evaluate-measure", params=unknown, auth=house.own).status_code == 404


def test_who_asked_for_which_figure_is_written_down_and_names_no_patient(house: House) -> None:
    with house.store.read() as unit:
        end, _ = unit.audit_end()
    report(ask(house, "right-refused"))
    with house.store.read() as unit:
        (link,) = unit.audit_links(end)
    said = json.loads(link.record.body)
    assert (said["asked"], said["criteria"]) == (["Measure/right-refused"], ["period=2023-01-01/2023-12-31"])
    assert (said["outcome"], said["tenant"], link.record.about) == ("0", HOSPITAL, ())


def test_more_than_can_be_counted_in_the_time_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "SECONDS", -1.0)
    answer = ask(house, "right-refused")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-costly")
    assert "stafett indicators" in answer.text


def test_every_indicator_is_a_measure_and_no_other(house: House, root: Path) -> None:
    found = house.http.get("/fhir/Measure", auth=house.own).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == sorted(INDICATORS)
    for entry in found["entry"]:
        codes = [one["code"]["coding"][0]["code"] for one in entry["resource"]["group"][0]["population"]]
        assert codes == ["denominator", "numerator"]
