"""Codes as the terminology knows them, held against the published lists, the value sets' own text, and the messages' mapping."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.r4 import terminology
from adapter.r4.carried import CARRIED, carried
from adapter.r4.systems import VOLVEN
from adapter.r4.terminology import expanded, in_system, in_value_set, system_named, translated, value_set
from mappings import data, terms

MAPS = [name.removeprefix("map-").removesuffix(".json") for name in data.names("codes", ".json") if name.startswith("map-")]
OWN_SETS = [body["url"] for body in carried("ValueSet").values()]
REQUIRED = ["task-status", "request-priority", "administrative-gender", "address-use", "observation-status"]  # by R4's own pages
SETS = [*OWN_SETS, *(f"http://hl7.org/fhir/ValueSet/{name}" for name in REQUIRED)]


def forms(number: str) -> list[str]:
    """All names of a national system (HL7 Norway, codesystem.md; finnkode)."""
    return [
        f"urn:oid:2.16.578.1.12.4.1.1.{number}",
        f"2.16.578.1.12.4.1.1.{number}",
        f"http://helsedir.no/fhir/CodeSystem/no-kodeverk-{number}",
        f"https://finnkode.helsedirektoratet.no/adm/collections/{number}",
    ]


def test_every_code_of_every_national_list_has_its_published_name_by_each_name_of_the_list(standards: Path) -> None:
    published = json.loads((standards / "codelists.json").read_text("utf-8"))
    tried = Counter[str]()
    for number, one in published.items():
        for form in forms(number):
            system = system_named(form)
            if system is None or not system.complete:
                continue
            for code, display in one["codes"].items():
                verdict = in_system(system, code, display)
                assert verdict.holds, (form, code)
                assert verdict.concept
                assert verdict.concept.display == display, (form, code)
                tried[number] += 1
    assert len(tried) >= 40
    assert sum(tried.values()) > 4 * 700


def test_pathway_codes_are_those_of_the_directorate(facts: Path) -> None:
    """The list of pathway types and events that was gathered from the Directorate of Health's pages."""
    with (facts / "codes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["kind"] for row in rows}
    assert {"pathway_type"} <= kinds
    for row in rows:
        if row["kind"] == "pathway_type":
            system = system_named(row["codesystem_oid"])
            assert system
            assert in_system(system, row["code"]).holds, row["code"]


def test_a_part_of_a_system_says_so_and_not_that_a_code_is_wrong() -> None:
    """https://hl7.org/fhir/R4/valueset-codesystem-content-mode.html: of a fragment not all codes are given."""
    fragments = [body for body in carried("CodeSystem").values() if body["content"] == "fragment"]
    assert len(fragments) > 5
    for body in fragments:
        system = system_named(body["url"])
        assert system
        verdict = in_system(system, "no such code")
        assert not verdict.holds
        assert "fragment" in verdict.why[0]
        assert "fragment" in verdict.why[1]
    whole = system_named(f"{VOLVEN}9322")
    assert whole
    assert "fragment" not in in_system(whole, "no such code").why[0]


def test_r4s_own_codes_are_known_and_have_no_names_here() -> None:
    """Task.status has 12 codes: https://hl7.org/fhir/R4/valueset-task-status.html."""
    system, codes = system_named("http://hl7.org/fhir/task-status"), value_set("http://hl7.org/fhir/ValueSet/task-status")
    assert system
    assert codes
    assert len(list(codes.concepts())) == 12
    assert in_system(system, "on-hold").holds
    assert not in_system(system, "done").holds
    assert not system.named


@pytest.mark.parametrize("name", ["", "x", "urn:oid:2.16.578.1.12.4.1.1.0000", "http://hl7.org/fhir/ValueSet/mimetypes", "\0"])
def test_what_is_not_known_is_nothing(name: str) -> None:
    assert system_named(name) is None
    assert value_set(name) is None


@pytest.mark.parametrize("url", SETS)
def test_a_value_set_expands_to_just_the_codes_that_are_valid_in_it(url: str) -> None:
    """Against every code of every system that we carry, and of R4's, that any of the value sets draws on."""
    codes = value_set(url)
    assert codes
    members = {(one.system, one.code) for one in expanded(codes)}
    assert members
    universe = {(one.system, one.code) for other in SETS for one in expanded(value_set(other) or codes)}
    universe |= {(system.uri, code) for system in terminology.systems() for code in system.concepts}

    valid = {one for one in universe if in_value_set(codes, *one).holds}

    assert valid == members
    assert all(not in_value_set(codes, system, code + "x").holds for system, code in members)


@pytest.mark.parametrize("url", OWN_SETS)
def test_a_value_set_of_ours_holds_what_its_definition_includes(url: str) -> None:
    """`compose` names systems, and codes of them where it is not all (https://hl7.org/fhir/R4/valueset.html#compositions)."""
    (body,) = (one for one in carried("ValueSet").values() if one["url"] == url)
    assert set(body["compose"]) == {"include"}
    wanted = set()
    for include in body["compose"]["include"]:
        assert set(include) <= {"system", "concept"}
        listed = [one["code"] for one in include.get("concept", ())] or _codes_of(include["system"])
        wanted |= {(include["system"], code) for code in listed}
    codes = value_set(url)
    assert codes
    assert {(one.system, one.code) for one in expanded(codes)} == wanted


def _codes_of(system: str) -> list[str]:
    """Read off the file itself, which a value set may take whole only where it is complete."""
    for name in data.names("codes", ".json"):
        body = data.json_file("codes", name)
        if system in (body["url"], *(one["value"] for one in body.get("identifier", ()))):
            assert body["content"] == "complete"
            return [one["code"] for one in body["concept"]]
    raise AssertionError(system)


@pytest.mark.parametrize("name", MAPS)
def test_a_code_is_translated_as_the_messages_are(name: str) -> None:
    body = data.json_file("codes", f"map-{name}.json")
    used, said = terms.concept_map(name), {}
    for group in body["group"]:
        for element in group["element"]:
            found = translated([body], group["source"], element["code"])
            assert found
            codes = [match.concept.code for match in found if match.concept]
            assert len(codes) <= 1
            if codes:
                said[element["code"]] = codes[0]
                assert found[0].equivalence not in ("unmatched", "disjoint")
            else:
                assert [match.equivalence for match in found] == ["unmatched"]
    assert said == dict(used)


@pytest.mark.parametrize("name", MAPS)
def test_the_other_way_leads_back(name: str) -> None:
    """And *wider* is *narrower* from there (https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html)."""
    turned = {"wider": "narrower", "equivalent": "equivalent", "inexact": "inexact", "narrower": "wider"}
    body = data.json_file("codes", f"map-{name}.json")
    for group in body["group"]:
        for element in group["element"]:
            for match in translated([body], group["source"], element["code"]):
                if match.concept:
                    back = translated([body], group["target"], match.concept.code, reverse=True)
                    found = [(one.concept.code if one.concept else "", one.equivalence) for one in back]
                    assert (element["code"], turned[match.equivalence]) in found


def test_maps_are_asked_by_any_name_of_their_system_and_for_the_target_that_is_wanted() -> None:
    maps = list(carried("ConceptMap").values())
    for form in forms("8304"):
        (match,) = translated(maps, form, "0", target="http://hl7.org/fhir/request-priority")
        assert match.concept
        assert match.concept.code == "stat"  # 8304 0 is "Øyeblikkelig hjelp"
        assert translated(maps, form, "0", target="http://hl7.org/fhir/task-status") == []


def test_words_find_codes_by_any_of_their_names() -> None:
    """In `pathway-phase`: code waiting, Norwegian *Venter*, English *Waiting*."""
    codes = value_set("https://stafett.invalid/fhir/ValueSet/pathway-phase")
    assert codes
    by = {words: [one.code for one in expanded(codes, words)] for words in ("WAITING", "venter", "nothing such", "")}
    assert "waiting" in by["WAITING"]
    assert "waiting" in by["venter"]
    assert by["nothing such"] == []
    assert len(by[""]) == len(_codes_of("https://stafett.invalid/fhir/CodeSystem/pathway-phase"))


@given(st.sampled_from(SETS), st.text(max_size=12))
def test_a_filter_only_ever_takes_away_and_never_reorders(url: str, words: str) -> None:
    codes = value_set(url)
    assert codes
    every = [one.code for one in expanded(codes)]
    found = [one.code for one in expanded(codes, words)]
    rest = iter(every)
    assert all(code in rest for code in found)


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_asked_is_answered(system: str, code: str) -> None:
    found = system_named(system)
    assert found is None or in_system(found, code).why is not None
    assert in_value_set(value_set(SETS[0]) or pytest.fail("no value set"), system, code).holds is False


def test_a_wrong_name_is_told_and_letters_and_blanks_do_not_count() -> None:
    system = system_named("https://stafett.invalid/fhir/CodeSystem/address-protection")
    assert system
    assert in_system(system, "confidential", " fortrolig  ADRESSE ").holds
    assert in_system(system, "confidential", "Confidential address").holds  # its English designation
    wrong = in_system(system, "confidential", "Strengt fortrolig adresse")
    assert (wrong.holds, wrong.concept and wrong.concept.display) == (False, "Fortrolig adresse")


def test_definitions_have_ids_of_their_own_and_fhirs_own_form() -> None:
    for type in CARRIED:
        bodies: list[dict[str, Any]] = list(carried(type).values())
        assert bodies, type
        assert all(body["resourceType"] == type for body in bodies)
    national = [body for body in carried("CodeSystem").values() if body["id"].startswith("no-kodeverk-")]
    assert {body["url"] for body in national} == {VOLVEN + body["id"].removeprefix("no-kodeverk-") for body in national}
