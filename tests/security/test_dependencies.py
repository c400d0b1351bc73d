"""What is installed is what was looked at: every package at one version, every file by its hash, and none that nobody named."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from referencing import Registry, Resource

from tools import sbom

LOCKS = ("run", "dev", "build")
NEVER = {"python-jose", "pycrypto", "pyjwt", "authlib", "pyyaml-ft", "dill", "cloudpickle"}
"""Unmaintained, or with advisories that our own choice of a library answers (CVE-2024-33663, CVE-2022-29217, CVE-2024-37568)."""


def entries(root: Path, lock: str) -> list[tuple[Requirement, int]]:
    """Each requirement of a lock, with how many hashes it has."""
    lines = (root / "locks" / f"{lock}.txt").read_text("utf-8").replace("\\\n", " ").splitlines()
    return [(Requirement(line.split("--hash=")[0]), len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line))) for line in lines]


def pinned(root: Path) -> dict[str, str]:
    lines = [line for line in (root / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_is_one_version_with_hashes_from_the_registry(root: Path, lock: str) -> None:
    text = (root / "locks" / f"{lock}.txt").read_text("utf-8")

    for wanted, hashes in entries(root, lock):
        assert re.fullmatch(r"==[^,*]+", str(wanted.specifier)), wanted
        assert hashes > 0, wanted
        assert wanted.url is None
    assert not re.search(r"https?://|^-", text, re.MULTILINE)  # no place of its own, no option, nothing editable


def test_the_locks_have_what_the_project_names_at_the_versions_that_were_tested(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    run, dev, build = ({canonicalize_name(one.name): str(one.specifier)[2:] for one, _ in entries(root, lock)} for lock in LOCKS)
    needed = [Requirement(line) for line in project["project"]["dependencies"]]
    more = [Requirement(line) for line in project["project"]["optional-dependencies"]["dev"]]

    for lock, wanted in ((run, needed), (dev, [*needed, *more])):
        assert [one.name for one in wanted if not one.specifier.contains(lock.get(canonicalize_name(one.name), "0"))] == []
    assert run.items() <= dev.items()
    tested = pinned(root)
    assert {name: version for name, version in {**dev, **run}.items() if tested.get(name, version) != version} == {}
    assert {Requirement(line).name for line in project["build-system"]["requires"]} <= build.keys()


def test_what_is_pinned_for_tests_is_locked_and_nothing_else_is(root: Path) -> None:
    dev, build = (
        {canonicalize_name(one.name) for one, _ in entries(root, lock) if one.marker is None or one.marker.evaluate()}
        for lock in ("dev", "build")
    )

    assert dev <= pinned(root).keys() <= dev | build  # what the wheel is built with is installed beside them


def test_the_service_is_made_of_nothing_that_it_should_not_be(root: Path) -> None:
    named = {canonicalize_name(one.name) for one, _ in entries(root, "run")}

    assert named & NEVER == set()
    assert len(named) > 40


def test_image_and_make_install_by_hash_alone(root: Path) -> None:
    recipes = (root / "Dockerfile").read_text("utf-8") + (root / "Makefile").read_text("utf-8")
    installs = re.findall(r"pip install .*", recipes)

    assert len(installs) >= 6
    assert [one for one in installs if "--require-hashes" not in one and "--no-deps" not in one] == []


def test_the_bill_of_materials_is_valid_and_whole(root: Path) -> None:
    made = sbom.bom()
    folder = resources.files("cyclonedx.schema") / "_res"
    schema, *beside = (
        json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8")) for name in ("bom-1.6", "spdx", "jsf-0.82")
    )
    registry: Registry[object] = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in beside])

    faults = [fault.message for fault in Draft7Validator(schema, registry=registry).iter_errors(made)]

    assert faults == []
    here = {canonicalize_name(one.name) for one, _ in entries(root, "run") if one.marker is None or one.marker.evaluate()}
    assert {one["name"] for one in made["components"]} == here
    assert all(one["licenses"] for one in made["components"])
    refs = {one["bom-ref"] for one in made["components"]} | {"stafett"}
    assert {one["ref"] for one in made["dependencies"]} == refs
    reached, waiting = set(), ["stafett"]
    needs = {one["ref"]: one["dependsOn"] for one in made["dependencies"]}
    while waiting:
        waiting += [ref for ref in needs[waiting.pop()] if ref not in reached and not reached.add(ref)]  # type: ignore[func-returns-value]
    assert refs - reached - {"stafett"} <= extras(made)
    assert sbom.bom() == made  # the same locks, the same bytes


def extras(made: dict[str, list[dict[str, str]]]) -> set[str]:
    """What is there for an extra of another (psycopg[binary]), which no metadata of who asked for it names."""
    return {one["bom-ref"] for one in made["components"] if one["name"] == "psycopg-binary"}
