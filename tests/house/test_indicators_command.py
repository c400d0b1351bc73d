"""`stafett indicators` as its own process; its figures follow by hand from `stored_pathways.hospital`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.r4 import json as fhir_json
from adapter.r4.checker import check
from adapter.storage import open_store
from tests.house.processes import STAFETT, clean_environment
from tests.usecases.stored_pathways import hospital, organization, pathway, put

CONFIGURATION = """
[[organisation]]
number = "319900101"
name = "Fjordheim HF"
region = "Helse Vest"
"""

BY_UNIT = """\
indicator,level,region,organisation,unit,name,numerator,denominator,percent,target,postponed_by_patient,hidden
assessment-in-time,all,,,,,6,8,75.0,80,,no
assessment-in-time,unit,Helse Vest,319900101,poli,Poliklinikken,6,8,75.0,80,,no
first-evaluation-in-time,all,,,,,6,8,75.0,80,0,no
first-evaluation-in-time,unit,Helse Vest,319900101,poli,Poliklinikken,6,8,75.0,80,0,no
involved-in-plan,all,,,,,6,13,46.2,80,0,no
involved-in-plan,unit,Helse Vest,319900101,ward,Døgnenheten,0,5,0.0,80,0,no
involved-in-plan,unit,Helse Vest,319900101,poli,Poliklinikken,6,8,75.0,80,0,no
not-assessed-in-time,all,,,,,5,5,100.0,0,0,no
not-assessed-in-time,unit,Helse Vest,319900101,ward,Døgnenheten,5,5,100.0,0,0,no
right-refused,all,,,,,5,18,27.8,,0,no
right-refused,unit,Helse Vest,319900101,ward,Døgnenheten,5,10,50.0,,0,no
right-refused,unit,Helse Vest,319900101,poli,Poliklinikken,0,8,0.0,,0,no
"""


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    (tmp_path / "stafett.toml").write_text(CONFIGURATION, "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'stafett.db'}")
    store.migrate()
    put(store, "319900101", hospital())
    store.close()
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [STAFETT, "indicators", *arguments],
        cwd=folder,
        env=clean_environment(COLUMNS="120", PYTHONIOENCODING="utf-8"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_csv_has_a_line_for_each_place(installation: Path) -> None:
    done = run(installation, "--by", "unit", "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == BY_UNIT


def test_csv_of_a_region_and_a_period(installation: Path) -> None:
    done = run(installation, "--by", "region", "--format", "csv", "--from", "2023-03-07", "--to", "2023-06-26")
    rows = [row for row in csv.DictReader(io.StringIO(done.stdout)) if row["level"] == "region"]
    assert [(row["indicator"], row["name"], row["numerator"], row["denominator"]) for row in rows] == [
        ("assessment-in-time", "Helse Vest", "6", "8"),
        ("first-evaluation-in-time", "Helse Vest", "6", "6"),
        ("involved-in-plan", "Helse Vest", "6", "13"),
        ("not-assessed-in-time", "Helse Vest", "5", "5"),
        ("right-refused", "Helse Vest", "0", "13"),
    ]


def test_the_table_says_what_it_shows_hides_and_leaves_out(installation: Path) -> None:
    done = run(installation)
    assert done.returncode == 0
    assert "Fjordheim HF" in done.stdout
    assert "75.0" in done.stdout
    assert "5 not counted, since their time limit is unknown" in done.stdout
    assert "·: hidden" in done.stdout


def test_fhir_is_a_bundle_of_valid_measure_reports(installation: Path) -> None:
    done = run(installation, "--format", "fhir", "--from", "2023-01-01", "--to", "2023-12-31")
    assert check(fhir_json.parse(done.stdout.encode())) == []
    get_fhir_model_class("Bundle").model_validate_json(done.stdout)
    reports = [entry["resource"] for entry in json.loads(done.stdout)["entry"]]
    assert [report["measure"].rpartition("/")[2] for report in reports] == [
        "assessment-in-time",
        "first-evaluation-in-time",
        "involved-in-plan",
        "not-assessed-in-time",
        "right-refused",
    ]
    assert {(report["period"]["start"], report["period"]["end"]) for report in reports} == {("2023-01-01", "2023-12-31")}


def test_what_could_not_be_counted_is_told_in_each_form(installation: Path) -> None:
    store = open_store(f"sqlite:///{installation / 'stafett.db'}")
    put(store, "319900101", pathway("future", "2031-03-06 A", version="2031"))
    store.close()
    done = run(installation, "--format", "fhir")
    assert "1 pathways have rules that are not known here" in done.stderr
    for entry in json.loads(done.stdout)["entry"]:
        population = entry["resource"]["group"][0]["population"]
        assert [one["count"] for one in population if "rules not known here" in one["code"].get("text", "")] == [1]


def test_a_unit_with_few_pathways_hides_itself_and_its_neighbour(tmp_path: Path) -> None:
    """Three of four refused in A, five of nine in B: B is shown in no table, or A would be the sum less B."""
    (tmp_path / "stafett.toml").write_text(CONFIGURATION, "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'stafett.db'}")
    store.migrate()
    for unit, refused, all in (("A", 3, 4), ("B", 5, 9), ("C", 6, 10)):
        put(store, "319900101", [organization(unit, f"=Unit {unit}")])
        for n in range(all):
            events = ("2023-03-06 A", "2023-03-27 X R") if n < refused else ("2023-03-06 A",)
            put(store, "319900101", pathway(f"{unit}-{n}", *events, unit=f"Organization/{unit}"))
    store.close()
    rows = csv.DictReader(io.StringIO(run(tmp_path, "--by", "unit", "--format", "csv").stdout))
    assert [(row["name"], row["numerator"], row["hidden"]) for row in rows if row["indicator"] == "right-refused"] == [
        ("", "14", "no"),
        ("'=Unit A", "", "yes"),
        ("'=Unit B", "", "yes"),
        ("'=Unit C", "6", "no"),
    ]


def test_an_empty_installation_has_no_figures(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'stafett.db'}")
    store.migrate()
    store.close()
    done = run(tmp_path, "--format", "csv")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    empty = run(tmp_path, "--format", "fhir").stdout
    assert check(fhir_json.parse(empty.encode())) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--by", "ward"), "ward"),
        (("--from", "31.01.2026"), "2026-01-31"),
        (("--from", "2026-02-01", "--to", "2026-01-31"), "later"),
        ((), "no database"),
        (("--config", "other.toml"), "no such file"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_made(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_told_of(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'stafett.db'}").close()
    done = run(tmp_path)
    assert done.returncode == 1
    assert "There are no tables yet: they are made at the first start. See stafett doctor." in done.stderr
