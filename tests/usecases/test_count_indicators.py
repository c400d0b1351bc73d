"""The quality indicators of pathways that are stored, on both engines; figures by hand from `stored_pathways.hospital`."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.domain.indicators import Cell
from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Unit
from adapter.r4 import json
from adapter.r4.checker import check
from adapter.usecases.count_indicators import Counted, Owner, count, total
from adapter.usecases.pathways import Gathered, Pathways
from mappings.resources.measure_report import Heading, bundle
from mappings.rules import national
from tests.usecases.house import HOSPITAL, NOW, OTHER, House
from tests.usecases.stored_pathways import hospital, organization, pathway, put

TODAY = date(2026, 8, 3)
OURS, THEIRS = Owner(HOSPITAL, "Fjordheim HF", "Vest"), Owner(OTHER, "Storfjell HF", "Midt")
ALL = {
    ("assessment-in-time", "", 6, 8, None),
    ("first-evaluation-in-time", "", 6, 8, 0),
    ("involved-in-plan", "", 6, 13, 0),
    ("not-assessed-in-time", "", 5, 5, 0),
    ("right-refused", "", 5, 18, 0),
}


def counted(house: House, *owners: Owner, since: date | None = None, until: date | None = None) -> Counted:
    return count(house.store, Pathways(national()), owners or [OURS], TODAY, since=since, until=until)


def lines(cells: list[Cell]) -> set[tuple[str, str, int | None, int | None, int | None]]:
    return {(c.indicator, c.names[-1] if c.names else "", c.numerator, c.denominator, c.patient_caused) for c in cells}


def test_the_figures_of_a_hospital_are_those_of_its_pathways(house_on: House) -> None:
    put(house_on.store, HOSPITAL, hospital())
    found = counted(house_on)

    assert lines(found.tally.cells("unit")) == ALL | {
        ("assessment-in-time", "Poliklinikken", 6, 8, None),
        ("first-evaluation-in-time", "Poliklinikken", 6, 8, 0),
        ("involved-in-plan", "Poliklinikken", 6, 8, 0),
        ("involved-in-plan", "Døgnenheten", 0, 5, 0),
        ("not-assessed-in-time", "Døgnenheten", 5, 5, 0),
        ("right-refused", "Poliklinikken", 0, 8, 0),
        ("right-refused", "Døgnenheten", 5, 10, 0),
    }
    assert found.tally.unknown["assessment-in-time"] == found.tally.unknown["first-evaluation-in-time"] == 5
    assert (found.unread, total(house_on.store, [OURS])) == (0, 18)


def test_a_period_takes_what_ran_out_or_began_in_it(house: House) -> None:
    """Decisions were due on 15 May; evaluations on 26 and 27 June; pathways began on 6 and 13 March."""
    put(house.store, HOSPITAL, hospital())
    spring = counted(house, since=date(2023, 3, 7), until=date(2023, 6, 26))
    assert lines(spring.tally.cells("region")) >= {
        ("assessment-in-time", "", 6, 8, None),
        ("first-evaluation-in-time", "", 6, 6, 0),
        ("right-refused", "", 0, 13, 0),
    }


def test_organisations_are_counted_by_themselves_and_by_region(house: House) -> None:
    put(house.store, HOSPITAL, hospital())
    put(house.store, OTHER, [organization("hospital", "Storfjell HF"), organization("poli", "Poliklinikken", "hospital")])
    for n in range(5):
        put(house.store, OTHER, pathway(f"other-{n}", "2023-03-06 A", "2023-03-27 X R"))
    cells = counted(house, OURS, THEIRS).tally.cells("region")
    assert {line for line in lines(cells) if line[0] == "right-refused"} == {
        ("right-refused", "", 10, 23, 0),
        ("right-refused", "Vest", 5, 18, 0),
        ("right-refused", "Midt", 5, 5, 0),
    }


def test_without_a_referral_the_one_who_registered_the_start_is_the_unit(house: House) -> None:
    put(house.store, HOSPITAL, [organization("hospital", "Fjordheim HF")])
    for n in range(5):
        put(house.store, HOSPITAL, pathway(f"e-{n}", "2023-03-06 A", unit=""))
    cells = counted(house).tally.cells("unit")
    assert {cell.names for cell in cells} == {(), ("Vest", "Fjordheim HF", "Fjordheim HF")}


def test_what_is_no_pathway_of_ours_is_not_counted_and_unknown_rules_are_told(house: House) -> None:
    episode, *rest = pathway("theirs", "2023-03-06 A")
    del episode["meta"]
    mistake, *_ = pathway("mistake", "2023-03-06 A")
    mistake["status"] = "entered-in-error"
    put(house.store, HOSPITAL, [episode, *rest, mistake, *pathway("future", "2023-03-06 A", version="2031")])
    found = counted(house)
    assert (found.tally.cells("unit"), found.unread) == ([], 1)


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.TOO_COSTLY])
def test_there_are_no_figures_where_the_database_fails(house: House, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would lack a pathway, and nothing would say so."""
    put(house.store, HOSPITAL, hospital())
    gather, asked = Pathways.gather, list[str]()

    def fails(self: Pathways, unit: Unit, tenant: str, id: str) -> Gathered | None:
        asked.append(id)
        if len(asked) == 3:
            raise problem(kind, "The database is away.", "Databasen er borte.")
        return gather(self, unit, tenant, id)

    monkeypatch.setattr(Pathways, "gather", fails)
    with pytest.raises(Problem, match="database"):
        counted(house)


@pytest.mark.parametrize("by", ["unit", "organisation", "region"])
def test_measure_reports_are_valid_and_say_what_they_hide(house: House, by: str) -> None:
    put(house.store, HOSPITAL, hospital())
    tally = counted(house).tally
    heading = Heading(date(2023, 1, 1), date(2023, 12, 31), by, NOW)
    names = {one.id: one.nb for rules in national().all() for one in rules.indicators if one.id in tally.unknown}
    made = bundle(heading, names, tally.cells(by), tally.unknown)  # type: ignore[arg-type]

    encoded = json.encode(made)
    get_fhir_model_class("Bundle").model_validate_json(encoded)
    assert check(json.parse(encoded)) == []
    for entry in made["entry"]:
        get_fhir_model_class("MeasureReport").model_validate(msgspec.json.decode(json.encode(entry["resource"])))
        assert check(json.parse(json.encode(entry["resource"]))) == []

    assessment = made["entry"][0]["resource"]["group"][0]
    figures = [population.get("count", population.get("_count")) for population in assessment["population"]]
    masked = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
    assert figures == [6, 8, masked, 5]
    assert assessment["measureScore"]["value"] == 75.0
