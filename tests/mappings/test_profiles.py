"""Every extension of ours that a translation writes is defined in `profiles/`, for that place and with that value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests.mappings.maximal import FORMATS, messages
from tests.mappings.test_every_element import translated

ROOT = Path(__file__).resolve().parents[2]
BASE = "https://stafett.invalid/fhir/StructureDefinition/"
DEFINED = {d["url"]: d for d in (json.loads(f.read_text()) for f in sorted((ROOT / "profiles").glob("StructureDefinition-*.json")))}
DATA_TYPES = {
    "valueCodeableConcept": "CodeableConcept",
    "address": "Address",
    "note": "Annotation",
    "reasonCode": "CodeableConcept",
    "telecom": "ContactPoint",
}


def extensions(thing: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(thing, list):
        for each in thing:
            yield from extensions(each, at)
    elif isinstance(thing, dict):
        for extension in thing.get("extension", []):
            if extension["url"].startswith(BASE):
                yield at, extension
        for key, value in thing.items():
            yield from extensions(value, f"{at}.{key}")


def written() -> list[tuple[str, dict[str, Any]]]:
    bundles = [json.loads(translated(xml).bundle()) for name in FORMATS for xml in messages(name)]
    return [pair for b in bundles for e in b["entry"] for pair in extensions(e["resource"], e["resource"]["resourceType"])]


WRITTEN = written()


def test_every_extension_that_is_written_is_defined() -> None:
    assert sorted({extension["url"] for _, extension in WRITTEN} - set(DEFINED)) == []


def test_every_extension_stands_where_its_definition_allows() -> None:
    misplaced = {
        (at, extension["url"])
        for at, extension in WRITTEN
        if not {at, DATA_TYPES.get(at.rpartition(".")[2], "")} & {c["expression"] for c in DEFINED[extension["url"]]["context"]}
    }

    assert misplaced == set()


def test_every_value_is_of_the_type_that_the_definition_gives() -> None:
    wrong = []
    for at, extension in WRITTEN:
        elements = {e["id"]: e for e in DEFINED[extension["url"]]["differential"]["element"]}
        for id, part in parts("Extension", extension):
            value = next((key.removeprefix("value") for key in part if key.startswith("value")), None)
            type = elements[f"{id}.value[x]"].get("type", [{"code": None}])[0]["code"] if f"{id}.value[x]" in elements else None
            if (type or "").lower() != (value or "").lower():
                wrong.append((at, extension["url"], id, value, type))

    assert wrong == []


def parts(id: str, extension: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield id, extension
    for part in extension.get("extension", []):
        yield from parts(f"{id}.extension:{part['url']}", part)


@pytest.mark.parametrize("url", DEFINED)
def test_a_definition_is_valid_r4(url: str) -> None:
    get_fhir_model_class("StructureDefinition").model_validate(DEFINED[url])
