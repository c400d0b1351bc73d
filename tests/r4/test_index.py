"""What resources are found by, by hand from https://hl7.org/fhir/R4/search.html, and what holds of every index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.r4 import json, xml
from adapter.r4.index import CONTEXT, Entry, Index, fold, index, interval
from adapter.r4.parameters import PARAMETERS
from adapter.r4.systems import canonical_system
from tests.r4.packages import Examples

BASE = "https://our.example/fhir"
CANONICAL = "https://stafett.invalid/fhir"


def entries(resource: dict[str, Any], *names: str) -> list[tuple[str, str, str]]:
    found = index(resource, base=BASE).entries
    return [(e.parameter, e.system, e.value) for e in found if not names or e.parameter in names]


def day(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_a_task_of_the_pathway_is_found_by_all_that_its_users_ask_for() -> None:
    task = {
        "resourceType": "Task",
        "id": "1",
        "meta": {
            "tag": [{"system": "https://stafett.invalid/fhir/CodeSystem/tag", "code": "computed"}],
            "profile": ["https://stafett.invalid/fhir/StructureDefinition/deadline-task|1.0"],
            "source": "urn:x",
        },
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": "urn:a", "code": "deadline"}, {"system": "urn:b", "code": "M"}]},
        "for": {"reference": "Patient/p"},
        "owner": {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "999977774"}},
        "restriction": {"period": {"end": "2026-11-21"}},
    }

    assert index(task) == Index(
        "requested",
        [
            Entry("code", "urn:a", "deadline"),
            Entry("code", "urn:b", "M"),
            Entry("intent", "http://hl7.org/fhir/request-intent", "order"),
            Entry("owner"),  # it is there (:missing), but leads to no resource
            Entry("owner:identifier", "urn:oid:2.16.578.1.12.4.1.4.101", "999977774"),
            Entry("patient", "Patient", "p"),
            Entry("subject", "Patient", "p"),
            Entry("deadline", low=day(2026, 11, 20, 23), high=day(2026, 11, 21, 23)),  # a day in Norway, in winter
            Entry("_tag", "https://stafett.invalid/fhir/CodeSystem/tag", "computed"),
            Entry("_profile", "", "https://stafett.invalid/fhir/StructureDefinition/deadline-task|1.0"),
            Entry("_profile", "", "https://stafett.invalid/fhir/StructureDefinition/deadline-task"),
            Entry("_source", "", "urn:x"),
        ],
        "p",
    )


# --- tokens: search.html#token


def test_a_token_says_its_system_unless_its_element_has_none() -> None:
    patient = {
        "resourceType": "Patient",
        "active": True,
        "gender": "female",
        "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "x"}, {"value": "local"}],
        "telecom": [{"system": "phone", "value": "22 22 22 22"}, {"system": "email", "value": "a@b.no"}],
        "communication": [{"language": {"text": "nordsamisk"}}],
    }

    assert entries(patient) == [
        ("active", "", "true"),
        ("deceased", "", "false"),  # R4's expression says so of whoever is not said to be dead
        ("email", "email", "a@b.no"),
        ("gender", "", "female"),  # the parameter knows the system
        ("identifier", "urn:oid:2.16.578.1.12.4.1.4.1", "x"),
        ("identifier", "", "local"),
        ("language", "", ""),  # there, in words alone
        ("phone", "phone", "22 22 22 22"),
        ("telecom", "phone", "22 22 22 22"),
        ("telecom", "email", "a@b.no"),
    ]


@pytest.mark.parametrize(
    "alias",
    [
        "urn:oid:2.16.578.1.12.4.1.1.7110",
        "http://helsedir.no/fhir/CodeSystem/no-kodeverk-7110",
        "https://finnkode.helsedirektoratet.no/adm/collections/7110",
        "http://hl7.org/fhir/sid/icd-10-no",
    ],
)
def test_a_national_code_system_is_one_by_whatever_name(alias: str) -> None:
    condition = {"resourceType": "Condition", "code": {"coding": [{"system": alias, "code": "F32.1"}]}}

    assert entries(condition, "code") == [("code", "urn:oid:2.16.578.1.12.4.1.1.7110", "F32.1")]


@pytest.mark.parametrize(
    "system",
    [
        "",
        "http://snomed.info/sct",
        "http://helsedir.no/fhir/CodeSystem/no-kodeverk-",
        "http://helsedir.no/fhir/CodeSystem/no-kodeverk-7110a",
        "3.1",  # the roots are 0, 1 and 2
        "2",
        "2.16.0578.1",  # datatypes.html#oid: no zero before a number
        "2.16.578.",
        "2.16.578.1\n",
        "2.16.٥78",
        "http://a.example/2.16.578.1",
    ],
)
def test_any_other_system_keeps_its_name(system: str) -> None:
    assert canonical_system(system) == system


@pytest.mark.parametrize("oid", ["2.16.578.1.12.4.1.1.8485", "2.16.840.1.113883.6.96", "1.0", "0.9.2342"])
def test_an_oid_without_the_words_before_it_is_the_same(oid: str) -> None:
    """datatypes.html#oid: `urn:oid:` and the number; Norwegian messages have the number alone."""
    condition = {"resourceType": "Condition", "code": {"coding": [{"system": oid, "code": "1"}]}}

    assert canonical_system(oid) == f"urn:oid:{oid}"
    assert entries(condition, "code") == [("code", f"urn:oid:{oid}", "1")]


def test_every_name_in_the_facts_about_norwegian_systems_is_understood(facts: Any) -> None:
    import json as plain

    known = plain.loads((facts / "norwegian_systems.json").read_text("utf-8"))["codesystems"]
    for names in known.values():
        wire = names["wire"] if isinstance(names, dict) else names.partition(" ")[0]
        others = [names["canonical"]] if isinstance(names, dict) else []
        if wire.startswith("urn:oid:2.16.578.1.12.4.1.1."):
            others.append("http://helsedir.no/fhir/CodeSystem/no-kodeverk-" + wire.rpartition(".")[2])
        assert {canonical_system(name) for name in [wire, *others]} == {wire}


# --- references: search.html#reference


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"reference": "Patient/1"}, ("Patient", "1")),
        ({"reference": "Patient/1/_history/3"}, ("Patient", "1")),
        ({"reference": f"{BASE}/Patient/1"}, ("Patient", "1")),
        ({"reference": f"{BASE}/Patient/1/_history/3"}, ("Patient", "1")),
        ({"reference": "https://other.example/fhir/Patient/1"}, ("Patient", "https://other.example/fhir/Patient/1")),
        ({"reference": f"{BASE}x/Patient/1"}, ("Patient", f"{BASE}x/Patient/1")),
        ({"reference": "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6"}, ("", "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")),
        ({"reference": "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6", "type": "Patient"},
         ("Patient", "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")),
        ({"reference": "#p"}, ("", "")),
        ({"display": "ukjent"}, ("", "")),
    ],
)  # fmt: skip
def test_a_reference_is_kept_as_what_it_leads_to(reference: dict[str, str], found: tuple[str, str]) -> None:
    assert entries({"resourceType": "Task", "for": reference}, "subject") == [("subject", *found)]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": "Group/1"}, False),
        ({"reference": "https://other.example/fhir/Group/1"}, False),
        ({"reference": "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6"}, False),  # it may be anything
        ({"reference": "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6", "type": "Patient"}, True),
        ({"type": "Patient", "identifier": {"value": "1"}}, True),
        ({"type": "Group", "identifier": {"value": "1"}}, False),
        ({"identifier": {"value": "1"}}, True),  # whose, only the identifier tells
    ],
)
def test_only_what_may_be_a_patient_is_found_as_patient(reference: dict[str, Any], found: bool) -> None:
    names = {parameter for parameter, _, _ in entries({"resourceType": "Task", "for": reference})}

    assert ("patient" in names) is found
    assert ("patient:identifier" in names) is (found and "identifier" in reference)
    assert "subject" in names


def test_a_canonical_is_found_with_and_without_its_version() -> None:
    plan = {"resourceType": "CarePlan", "instantiatesCanonical": ["https://a.example/PlanDefinition/1|2"]}

    assert entries(plan) == [
        ("instantiates-canonical", "", "https://a.example/PlanDefinition/1|2"),
        ("instantiates-canonical", "", "https://a.example/PlanDefinition/1"),
    ]


def test_a_canonical_of_ours_is_also_found_as_the_resource_that_it_names() -> None:
    plan = {"resourceType": "CarePlan", "instantiatesCanonical": [f"{CANONICAL}/PlanDefinition/D11-2019|2019"]}

    assert entries(plan) == [
        ("instantiates-canonical", "", f"{CANONICAL}/PlanDefinition/D11-2019|2019"),
        ("instantiates-canonical", "", f"{CANONICAL}/PlanDefinition/D11-2019"),
        ("instantiates-canonical", "PlanDefinition", "D11-2019"),
    ]


def test_a_parameter_of_our_own_is_taken_from_its_extension() -> None:
    plan = {
        "resourceType": "CarePlan",
        "extension": [
            {"url": "urn:other", "valueReference": {"reference": "EpisodeOfCare/no"}},
            {
                "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
                "valueReference": {"reference": "EpisodeOfCare/1"},
            },
        ],
    }
    episode = {
        "resourceType": "EpisodeOfCare",
        "extension": [{"url": "https://stafett.invalid/fhir/StructureDefinition/pathway-phase", "valueCode": "waiting"}],
        "team": [{"reference": "CareTeam/1"}],
    }

    assert entries(plan) == [("episode", "EpisodeOfCare", "1")]
    assert entries(episode) == [("phase", "", "waiting"), ("team", "CareTeam", "1")]


# --- dates: search.html#date


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", day(2025, 12, 31, 23), day(2026, 12, 31, 23)),
        ("2026-07", day(2026, 6, 30, 22), day(2026, 7, 31, 22)),  # summer time
        ("2026-12", day(2026, 11, 30, 23), day(2026, 12, 31, 23)),
        ("2026-03-29", day(2026, 3, 28, 23), day(2026, 3, 29, 22)),  # of 23 hours
        ("2026-10-25", day(2026, 10, 24, 22), day(2026, 10, 25, 23)),  # of 25
        ("2026-11-21T10:00:00+01:00", day(2026, 11, 21, 9), day(2026, 11, 21, 9) + timedelta(seconds=1)),
        ("2026-11-21T10:00:00Z", day(2026, 11, 21, 10), day(2026, 11, 21, 10) + timedelta(seconds=1)),
        ("2026-11-21T10:00:00.25Z", day(2026, 11, 21, 10) + timedelta(milliseconds=250),
         day(2026, 11, 21, 10) + timedelta(milliseconds=260)),
        ("2026-11-21T10:00", day(2026, 11, 21, 9), day(2026, 11, 21, 9, 1)),  # no zone: Norwegian
        ("2026-12-31T23:59:60Z", day(2026, 12, 31, 23, 59) + timedelta(seconds=59), day(2027, 1, 1)),  # a leap second
        ("9999-12-31", day(9999, 12, 30, 23), None),  # nothing comes after
    ],
)  # fmt: skip
def test_a_date_covers_all_that_it_may_mean(text: str, low: datetime, high: datetime | None) -> None:
    assert interval(text) == (low, high)


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "2026-13", "26-11-21", "2026-11-21T25:00:00Z", "2026-11-21 ", "0000", "i dag", "٢٠٢٦"]
)
def test_what_is_no_date_covers_nothing(text: str) -> None:
    assert interval(text) is None


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [
        ("occurrencePeriod", {"start": "2026-11-21"}, (day(2026, 11, 20, 23), None)),
        ("occurrencePeriod", {"end": "2026-11-21"}, (None, day(2026, 11, 21, 23))),
        ("occurrencePeriod", {"start": "2026-11-21", "end": "2026-11-21"}, (day(2026, 11, 20, 23), day(2026, 11, 21, 23))),
        ("occurrencePeriod", {"start": "2026-11", "end": "2026-11-21"}, (day(2026, 10, 31, 23), day(2026, 11, 21, 23))),
        ("occurrenceTiming", {"event": ["2026-11-21", "2026-11-20"]}, (day(2026, 11, 19, 23), day(2026, 11, 21, 23))),
        ("occurrenceTiming", {"repeat": {"boundsPeriod": {"start": "2026-11-21"}}}, (day(2026, 11, 20, 23), None)),
        ("occurrenceDateTime", "2026-11-21", (day(2026, 11, 20, 23), day(2026, 11, 21, 23))),
    ],
)
def test_periods_and_timings_reach_from_their_first_to_their_last(name: str, value: Any, bounds: Any) -> None:
    request = {"resourceType": "ServiceRequest", name: value}

    assert index(request).entries == [Entry("occurrence", "", "", *bounds)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("occurrencePeriod", {"start": "2026-11-21", "end": "2026-11-20"}),
        ("occurrencePeriod", {}),
        ("occurrenceTiming", {"code": {"text": "daglig"}}),
        ("occurrenceTiming", {"repeat": {"frequency": 1}}),
        ("occurrenceDateTime", "i morgen"),
    ],
)
def test_what_names_no_time_is_not_found_by_one(name: str, value: Any) -> None:
    assert index({"resourceType": "ServiceRequest", name: value}).entries == []


def test_a_choice_is_found_in_each_of_its_types() -> None:
    by_time = {"resourceType": "Condition", "onsetDateTime": "2026"}
    by_word = {"resourceType": "Condition", "onsetString": "i Fjor"}

    assert [entry.parameter for entry in index(by_time).entries] == ["onset-date"]
    assert entries(by_word) == [("onset-info", "i Fjor", "i fjor")]


# --- texts: search.html#string


def test_names_and_addresses_are_found_by_each_of_their_parts() -> None:
    practitioner = {
        "resourceType": "Practitioner",
        "name": [{"family": "Østby", "given": ["André", "Ås"], "text": "André Ås Østby"}],
        "address": [{"line": ["Storgata 1"], "postalCode": "0155", "city": "OSLO"}],
    }

    assert entries(practitioner, "name", "given", "family", "address", "address-city") == [
        ("address", "Storgata 1", "storgata 1"),
        ("address", "OSLO", "oslo"),
        ("address", "0155", "0155"),
        ("address-city", "OSLO", "oslo"),
        ("family", "Østby", "østby"),
        ("given", "André", "andre"),
        ("given", "Ås", "ås"),
        ("name", "Østby", "østby"),
        ("name", "André", "andre"),
        ("name", "Ås", "ås"),
        ("name", "André Ås Østby", "andre ås østby"),
    ]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ÉDITH", "edith"),
        ("Åse", "åse"),
        ("A\u030ase", "åse"),  # the ring as a character of its own
        ("Ærlig Ødegård", "ærlig ødegård"),
        ("Malmö Ängelholm", "malmø ængelholm"),
        ("Guovdageainnu suohkan, Čáhppes Đ", "guovdageainnu suohkan, cahppes đ"),
        ("Straße", "strasse"),
        (" to \t ord\n", "to ord"),
        ("ﬁn", "fin"),
    ],
)
def test_case_and_accents_do_not_matter_but_letters_do(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


# --- laws


@given(
    st.dates(),
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT23:30:00+01:00", "%Y-%m-%dT00:30:00.5Z", "%Y-%m-%dT12:00:00-11:00"]),
)
def test_a_date_ends_after_it_begins(date: Any, form: str) -> None:
    text = date.strftime(form).rjust(len(form.replace("%Y", "2026").replace("%m", "11").replace("%d", "21")), "0")
    bounds = interval(text)

    assert bounds is None or bounds[0] is None or bounds[1] is None or bounds[0] < bounds[1]
    assert bounds is not None or date.year < 2  # the calendar's first day has no evening before


@pytest.mark.slow
def test_every_example_is_indexed_and_alike_after_writing_and_reading(r4_examples: Examples) -> None:
    met = set()
    for name, data in r4_examples(*PARAMETERS):
        body = json.parse(data)
        found = index(body)

        assert index(json.parse(json.encode(body))) == found, name
        assert index(xml.parse(xml.encode(body))) == found, name
        for entry in found.entries:
            assert entry.low is None or entry.high is None or entry.low < entry.high, name
            assert entry.parameter.partition(":")[0] in {
                *PARAMETERS[body["resourceType"]],
                "_tag",
                "_profile",
                "_security",
                "_source",
                CONTEXT,  # no parameter of R4's: what a Binary belongs to
            }
            assert isinstance(entry.system, str), name
            assert isinstance(entry.value, str), name
        met |= {(body["resourceType"], entry.parameter) for entry in found.entries}

    offered = {(type, name) for type, parameters in PARAMETERS.items() for name in parameters}
    assert len(offered & met) > 0.75 * len(offered)
