"""A pathway event and its Observation: what is expected is read off the profile pathway-event and the lists 9322-9328."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fhir.resources.R4B.observation import Observation
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.course import Event
from adapter.domain.problem import Problem
from adapter.r4.checker import check
from mappings import terms, times
from mappings.resources import event
from mappings.rules import national

OID = "urn:oid:2.16.578.1.12.4.1.1."
OURS = "https://stafett.invalid/fhir/CodeSystem/"
PROFILE = "https://stafett.invalid/fhir/StructureDefinition/pathway-event"


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def part(name: str, system: str, code: str) -> dict[str, Any]:
    return {"code": concept(OURS + "event-component", name), "valueCodeableConcept": concept(system, code)}


def observation(code: dict[str, Any], when: str = "2026-10-19", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "e1", "status": "final", "code": code, "effectiveDateTime": when, **more}


@pytest.mark.parametrize("module", [event, terms, times], ids=lambda module: module.__name__)
def test_the_examples_in_the_documentation_hold(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


def test_what_has_a_code_of_the_events_is_one_and_nothing_else() -> None:
    assert event.is_event(observation(concept(OID + "9322", "M")))
    assert event.is_event(
        observation({"coding": [{"system": "http://loinc.org", "code": "1-1"}, {"system": OID + "9327", "code": "D11M"}]})
    )
    assert not event.is_event(observation(concept(OID + "9321", "D11")))
    assert not event.is_event(observation(concept("http://loinc.org", "M")))
    assert not event.is_event(observation({"text": "M"}))
    assert not event.is_event({"resourceType": "Observation"})


def test_a_combined_code_says_what_type_event_and_outcome_say_apart() -> None:
    apart = observation(
        concept(OID + "9322", "C"),
        valueCodeableConcept=concept(OID + "9323", "U"),
        component=[part("pathway-type", OID + "9321", "D11")],
    )
    expected = ("D11", Event("e1", "C", date(2026, 10, 19), ("U",)))

    assert event.read(apart) == event.read(observation(concept(OID + "9327", "D11CU"))) == expected


@pytest.mark.parametrize("system", [
    "urn:oid:2.16.578.1.12.4.1.1.",
    "2.16.578.1.12.4.1.1.",
    "http://helsedir.no/fhir/CodeSystem/no-kodeverk-",
    "https://finnkode.helsedirektoratet.no/adm/collections/",
])  # fmt: skip
def test_each_name_of_a_national_list_is_understood(system: str) -> None:
    said = observation(
        concept(system + "9322", "X"),
        valueCodeableConcept=concept(system + "9326", "G"),
        component=[part("pathway-type", system + "9321", "D12")],
    )

    assert event.is_event(said)
    assert event.read(said) == ("D12", Event("e1", "X", date(2026, 10, 19), ("G",)))


def test_what_is_said_beside_an_event_comes_along() -> None:
    said = observation(
        concept(OID + "9322", "C"),
        valueCodeableConcept={"coding": [{"system": "http://local", "code": "T"}, {"system": OID + "9323", "code": "P"}]},
        component=[
            part("outcome", OID + "9323", "K"),
            part("care-level", OURS + "care-level", "dognenhet"),
            part("severity", OURS + "severity", "severe"),
            part("outcome", OID + "9323", "A"),
        ],
    )

    assert event.read(said) == ("", Event("e1", "C", date(2026, 10, 19), ("P", "K", "A"), None, "dognenhet", "severe"))


@pytest.mark.parametrize(("when", "on"), [
    ("2026-10-19", date(2026, 10, 19)),
    ("2026-10-18T21:59:59Z", date(2026, 10, 18)),  # 23:59:59 in Oslo, summer time
    ("2026-10-18T22:00:00Z", date(2026, 10, 19)),
    ("2026-12-31T23:30:00+00:00", date(2027, 1, 1)),  # 00:30 in Oslo, winter time
    ("2026-10-19T01:00:00.123456789+02:00", date(2026, 10, 19)),
])  # fmt: skip
def test_an_event_is_of_its_date_in_norway(when: str, on: date) -> None:
    assert event.read(observation(concept(OID + "9322", "M"), when))[1].on == on


@pytest.mark.parametrize("when", ["2026-10", "2026", ""])
def test_an_event_without_a_date_is_refused_with_its_place(when: str) -> None:
    with pytest.raises(Problem) as refused:
        event.read(observation(concept(OID + "9322", "M"), when))

    assert [(finding.where, finding.rule) for finding in refused.value.findings] == [("Observation.effective", "event-7")]


def test_a_code_that_we_do_not_know_comes_out_as_it_stands() -> None:
    assert event.read(observation(concept(OID + "9322", "Q")))[1].kind == "Q"
    assert event.read(observation(concept(OID + "9327", "A16CK")))[1].kind == "A16CK"


def test_the_start_that_the_service_registers() -> None:
    body = event.write(
        Event("", "A", date(2024, 5, 2), care_level="poliklinikk"),
        pathway_type="D07",
        pathway_id="4b1d8c3e-0000-4000-8000-000000000001",
        patient={"reference": "Patient/p"},
        performer={"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "319900101"}},
    )

    assert body | {"id": "", "component": []} == {
        "resourceType": "Observation",
        "id": "",
        "status": "final",
        "code": {"coding": [{"system": OID + "9322", "code": "A", "display": "Pakkeforløp start"}]},
        "subject": {"reference": "Patient/p"},
        "focus": [{"reference": "EpisodeOfCare/4b1d8c3e-0000-4000-8000-000000000001"}],
        "effectiveDateTime": "2024-05-02",
        "performer": [{"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "319900101"}}],
        "component": [],
    }
    said = [(c["code"]["coding"][0]["code"], c["valueCodeableConcept"]["coding"][0]["code"]) for c in body["component"]]
    assert said == [("pathway-type", "D07"), ("care-level", "poliklinikk")]
    assert check(body, profiles=[PROFILE]) == []


@st.composite
def events(draw: st.DrawFn) -> tuple[str, Event]:
    """Any event of any rule set, with what may stand beside it."""
    rules = draw(st.sampled_from(national().all()))
    kind = draw(st.sampled_from(sorted(rules.events)))
    outcomes = draw(st.permutations(sorted(rules.events[kind]))) if rules.events[kind] else []
    told = tuple(outcomes[: draw(st.integers(1, 3)) if kind == "C" else 1])
    severity = draw(st.sampled_from(["", "severe", "less-severe"])) if rules.pathway == "D08" else ""
    on = draw(st.dates(date(2019, 1, 1), date(2039, 12, 31)))
    at = draw(st.none() | st.times())
    when = datetime.combine(on, at, UTC) if at else None
    level = draw(st.sampled_from(["", "poliklinikk", "dognenhet"]))
    return rules.pathway, Event("", kind, times.local_day(when) if when else on, told, when, level, severity)


@given(events())
def test_an_event_that_is_written_has_its_profile_and_is_read_as_it_was(written: tuple[str, Event]) -> None:
    pathway, said = written
    who = {"patient": {"reference": "Patient/p"}, "performer": {"reference": "Organization/o"}}
    body = event.write(said, pathway_type=pathway, pathway_id="1", **who)
    kind, back = event.read(body)

    assert check(body, profiles=[PROFILE]) == []
    Observation.model_validate(body)
    assert (kind, back) == (pathway, Event(body["id"], *[getattr(said, name) for name in Event.__slots__[1:]]))
    assert body["id"] == event.write(said, pathway_type=pathway, pathway_id="1", **who)["id"]
