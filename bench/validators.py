"""Writes `docs/checker.md`: our checker beside others on the defect corpus. By hand, some five minutes: python -m bench.validators

Beside ours: fhir.resources (R4B), fhirkit-rs, HL7's JSON schema and HL7's own validator (with its Java). What is not a
dependency of the project is fetched into `build/validators`. Each is asked what a careful user of it would ask.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapter.domain.problem import Problem
from adapter.r4 import json as fhir_json
from adapter.r4.checker import check
from bench.validators_page import Column, page
from corpus import bases, cases
from tests import official

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "checker.md"
EXTRA = ROOT / "build" / "validators"
PACKAGES = ("fhirkit-rs==0.1.0", "jsonschema-rs==0.60.3")
ROUNDS = 3
Errors = list[str]


@dataclass(frozen=True, slots=True)
class Validator:
    """A name and version, and what it holds against a text."""

    name: str
    errors: Callable[[bytes], Errors]


def ours(data: bytes) -> Errors:
    try:
        findings = check(fhir_json.parse(data))
    except Problem as problem:
        findings = list(problem.findings)
    return [f"{each.where} {each.en}" for each in findings if each.severity in {"error", "fatal"}]


def fhir_resources(data: bytes) -> Errors:
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415  (seconds to import)
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        body = json.loads(data)
        get_fhir_model_class(body["resourceType"]).model_validate_json(data)
    except ValidationError as error:
        return [f"{each['loc']} {each['msg']}" for each in error.errors()]
    except Exception as error:  # it raises KeyError, TypeError and others for what it cannot read
        return [f"{type(error).__name__}"]
    return []


def fhirkit(data: bytes) -> Errors:
    module = importlib.import_module("fhirkit")
    try:
        return [f"{each.path} {each.message}" for each in module.validate(data) if each.severity == "error"]
    except ValueError as error:
        return [str(error)]


def json_schema(data: bytes) -> Errors:
    try:
        body = json.loads(data)
        return [f"{each.instance_path} {each.message[:200]}" for each in _schema(body["resourceType"]).iter_errors(body)]
    except (ValueError, KeyError, TypeError) as error:
        return [f"{type(error).__name__}"]


@cache
def _schema(type_: str) -> Any:
    """The schema of one type. The file's own root tries every type in turn, and is a hundred times slower."""
    core = official.home() / ".fhir/packages/hl7.fhir.r4.core#4.0.1/package/openapi/fhir.schema.json"
    whole = json.loads(core.read_bytes())
    if type_ not in whole["discriminator"]["mapping"]:
        raise KeyError(type_)
    rules = importlib.import_module("jsonschema_rs")
    return rules.validator_for({"$schema": whole["$schema"], "definitions": whole["definitions"], "$ref": f"#/definitions/{type_}"})


def judge(validator: Validator) -> Column:
    """What the validator says of every case, and its time for a valid resource, once warm."""
    found = {name: validator.errors(data) for name, data in texts().items()}
    valid = [case.data for case in cases() if case.expected == "valid"]
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for data in valid:
            validator.errors(data)
        seconds.append(time.perf_counter() - start)
    return Column(validator.name, _new(found), min(seconds) / len(valid))


def judge_officially() -> Column:
    with TemporaryDirectory() as name:
        paths = {key: Path(name) / f"{number:05}.json" for number, key in enumerate(texts())}
        for key, path in paths.items():
            path.write_bytes(texts()[key])
        answers = official.validate(paths.values())
        found = {key: [f"{each.expression} {each.text}" for each in answers[path] if each.is_error] for key, path in paths.items()}
        stopped = {key for key, path in paths.items() if official.STOPPED in answers[path]}
        seconds = official.seconds(paths[case.name] for case in cases() if case.expected == "valid")
        return Column(f"HL7 official {official.version()}", _new(found), seconds, stopped)


@cache
def texts() -> dict[str, bytes]:
    """Every case by its name, and every base as `base of TYPE-NAME`."""
    return {case.name: case.data for case in cases()} | {f"base of {name}": data for name, data in bases().items()}


def _new(found: Mapping[str, Errors]) -> dict[str, bool]:
    """Whether each case is complained of, for something that is not also held against a valid base of its type."""
    known: dict[str, set[str]] = {}
    for name, errors in found.items():
        if name.startswith("base of "):
            known.setdefault(name.removeprefix("base of ").split("-")[0], set()).update(errors)
    return {case.name: bool(set(found[case.name]) - known[case.type]) for case in cases()}


def main() -> None:
    if not EXTRA.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(EXTRA), *PACKAGES], check=True)
    sys.path.append(str(EXTRA))
    validators = [
        Validator("Stafett", ours),
        Validator(f"fhir.resources {version('fhir.resources')} (R4B)", fhir_resources),
        Validator(f"fhirkit-rs {version('fhirkit-rs')}", fhirkit),
        Validator("HL7 JSON schema 4.0.1", json_schema),
    ]
    columns = [judge(validator) for validator in validators]
    OUT.write_text(page([*columns, judge_officially()]), "utf-8")
    print(f"{OUT.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
