"""Definitions and code say the same: the committed files are what their source says, and what the program goes by."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.fhir.capability import capability_statement
from adapter.fhir.terminology_capability import terminology_capabilities
from adapter.r4 import fhirpath
from adapter.r4.definitions import code_system, type_named
from adapter.r4.parameters import PARAMETERS
from adapter.r4.profiles import known
from mappings import terms
from mappings.resources import pathway
from mappings.resources.measure import measures
from tests.official import Validate, official
from tests.profiles import BASE, CODES, ROOT, definitions, lay_definitions, read
from tests.profiles import PROFILES as PUBLISHED

__all__ = ["official"]

DEFINITIONS = {f"{d['resourceType']}/{d['id']}": d for d in definitions()}
OURS = {d["url"]: d for d in (read(path) for path in CODES.glob("*.json"))}
PROFILES = [d for d in DEFINITIONS.values() if d["resourceType"] == "StructureDefinition" and d["type"] != "Extension"]


def codes_of(value_set: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for include in DEFINITIONS[f"ValueSet/{value_set}"]["compose"]["include"]:
        system = include["system"]
        listed = {c["code"] for c in include["concept"]} if "concept" in include else set(terms.displays(system) or ())
        found[system] = found.get(system, set()) | listed
    return found


@pytest.mark.slow
def test_what_is_committed_is_what_the_shorthand_says() -> None:
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not run here: {' and '.join(missing)} (nodejs, npm)")

    done = subprocess.run([sys.executable, "tools/profiles.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_machine_without_npm_is_told_so_and_fails_in_ci(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "profiles.py"), "--check"]
    bare = {"PATH": str(tmp_path), "HOME": str(tmp_path)}

    here = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    in_ci = subprocess.run(command, env={**bare, "CI": "true"}, capture_output=True, text=True, check=False)

    assert "this machine has no node and no npm" in here.stdout
    assert (here.returncode, in_ci.returncode) == (0, 1)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_valid_r4(name: str) -> None:
    get_fhir_model_class(name.partition("/")[0]).model_validate(DEFINITIONS[name])


@pytest.mark.parametrize("name", sorted(path.name for path in CODES.glob("*.json")))
def test_a_code_list_is_valid_r4(name: str) -> None:
    resource = read(CODES / name)
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_search_parameters_are_those_that_are_searched_by() -> None:
    defined = {
        (d["base"][0], d["code"]): (d["type"], d["expression"], tuple(d.get("target", ())), d["url"])
        for d in DEFINITIONS.values()
        if d["resourceType"] == "SearchParameter"
    }
    searched = {
        (type, p.name): (p.type, p.expression, p.targets, p.url)
        for type, parameters in PARAMETERS.items()
        for p in parameters.values()
        if not p.url.startswith("http://hl7.org/")
    }

    assert defined == searched


def test_every_invariant_can_be_evaluated_and_is_told_in_norwegian() -> None:
    for profile in PROFILES:
        for constraint in (c for e in profile["differential"]["element"] for c in e.get("constraint", [])):
            fhirpath.compile(constraint["expression"], profile["type"])
            parts = constraint["_human"]["extension"][0]["extension"]
            assert (parts[0]["valueCode"], constraint["severity"]) == ("nb", "error")
            assert parts[1]["valueString"] != constraint["human"]


def test_every_value_set_draws_on_lists_that_we_have_or_r4_has() -> None:
    value_sets = [name.partition("/")[2] for name in DEFINITIONS if name.startswith("ValueSet/")]
    strange = {
        (value_set, system, code)
        for value_set in value_sets
        for system, codes in codes_of(value_set).items()
        for code in codes or {"(none)"}
        if code not in (terms.displays(system) or code_system(system) or ())
    }

    assert strange == set()


def test_every_fixed_code_is_in_its_list() -> None:
    def codings(value: Any) -> list[tuple[str, str]]:
        if isinstance(value, dict):
            own = [(value["system"], value["code"])] if {"system", "code"} <= set(value) else []
            return own + [pair for inner in value.values() for pair in codings(inner)]
        return [pair for inner in value for pair in codings(inner)] if isinstance(value, list) else []

    found = codings([profile["differential"] for profile in PROFILES])

    assert len(found) > 10
    assert [pair for pair in found if pair[1] not in (terms.displays(pair[0]) or code_system(pair[0]) or ())] == []


def test_every_profile_is_known_to_the_checker_and_of_a_type_of_r4() -> None:
    assert len(PROFILES) == 13
    assert all(known(profile["url"]) and profile["url"] == BASE + profile["id"] for profile in PROFILES)
    assert all(type_named(profile["type"]).kind == "resource" for profile in PROFILES)


def test_the_statuses_of_an_assignment_are_those_of_its_state_machine(facts: Path) -> None:
    machine = json.loads((facts / "task_state_machine.json").read_text("utf-8"))

    assert codes_of("assignment-task-status") == {"http://hl7.org/fhir/task-status": set(machine["states"])}


def test_what_the_state_machine_asks_a_reason_for_the_profile_does_too(facts: Path) -> None:
    machine = json.loads((facts / "task_state_machine.json").read_text("utf-8"))
    with_reason = {t["to"] for t in machine["transitions"] if "statusReason" in t["requires"]}
    rules = {c["key"]: c["expression"] for p in PROFILES for e in p["differential"]["element"] for c in e.get("constraint", [])}

    assert with_reason == {"rejected", "cancelled", "failed", "on-hold", "entered-in-error"}
    assert all(f"status = '{status}'" in rules["task-1"] + rules["assign-1"] for status in with_reason)


def test_a_computed_resource_bears_the_tag_of_the_code_list() -> None:
    assert pathway.COMPUTED["code"] in (terms.displays(pathway.COMPUTED["system"]) or ())


def test_the_published_statement_is_what_metadata_says_but_for_what_is_an_installations_own() -> None:
    published = DEFINITIONS["CapabilityStatement/stafett"]
    given = capability_statement("https://example.org/fhir", "1.0", open_access=False)
    own = {"url", "kind", "software", "implementation", "instantiates", "description"}

    assert {k: v for k, v in published.items() if k not in own} == {k: v for k, v in given.items() if k not in own}
    assert (published["kind"], set(published) & {"software", "implementation"}) == ("requirements", set())  # cps-7, cps-14 to 16
    bulk = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"  # what its page asks servers to name
    assert given["instantiates"] == [published["url"], bulk]


def test_the_statement_names_every_profile_and_search_parameter_of_ours() -> None:
    offered = DEFINITIONS["CapabilityStatement/stafett"]["rest"][0]["resource"]
    profiles = {url for resource in offered for url in resource.get("supportedProfile", [])}
    parameters = {p.get("definition") for resource in offered for p in resource["searchParam"]}

    assert profiles == {profile["url"] for profile in PROFILES if not profile["abstract"]}
    assert {d["url"] for d in DEFINITIONS.values() if d["resourceType"] == "SearchParameter"} <= parameters


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_official_validator_has_nothing_against_our_definitions(official: Validate, tmp_path: Path) -> None:
    files = [*PUBLISHED.glob("*.json"), *CODES.glob("*.json")]
    made = [*measures(), terminology_capabilities("https://a.example/fhir", "1")]  # what lies in no file
    for body in made:
        files.append(tmp_path / f"{body['resourceType']}-{body['id']}.json")
        files[-1].write_text(json.dumps(body), "utf-8")

    found = official(files, lay_definitions(tmp_path))

    assert {(path.name, i.expression, i.text) for path, issues in found.items() for i in issues if i.is_error} == set()


def test_the_page_for_vendors_names_every_profile_output_component_and_search_parameter(root: Path) -> None:
    page = (root / "docs" / "profiles.md").read_text("utf-8")
    names = {profile["id"] for profile in PROFILES if not profile["abstract"]}
    names |= {d["code"] for d in DEFINITIONS.values() if d["resourceType"] == "SearchParameter"}
    for id in ("task-output", "event-component"):
        names |= set(terms.displays(f"https://stafett.invalid/fhir/CodeSystem/{id}") or ())

    assert {name for name in names if f"`{name}`" not in page and f" {name} " not in page} == set()
