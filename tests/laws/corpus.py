"""Every message there is, translated: the project's own examples, and the public samples where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from adapter.domain.gate import GateRules
from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Service
from adapter.usecases.translate_message import Translated, translate
from mappings.translation import Limits, Translator
from tests.xsd import ROOT, SAMPLES

EXAMPLES = ROOT / "openapi" / "examples"
INDEX: dict[str, Any] = json.loads((EXAMPLES / "index.json").read_text("utf-8"))
OWNER = "319900101"
PATHWAYS = {"8000101": "D11", "8000102": "D12", "8000103": "D01", "8000104": ""}
SERVICES = {her_id: Service(her_id, OWNER, pathway) for her_id, pathway in PATHWAYS.items()}
REFUSED_SAMPLE = "henvisning-1.0/mottak-Case1-20-b.xml"  # lacks its patient on purpose

OURS = sorted(name for name, entry in INDEX.items() if entry["expect"] == "translated")
PUBLIC = sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("henvisning-*/*.xml"))
TRANSLATED = [*OURS, *(name for name in PUBLIC if name != REFUSED_SAMPLE)]


def path_of(name: str) -> Path:
    return EXAMPLES / name if name in INDEX else SAMPLES / name


@dataclass(frozen=True)
class Entry:
    """One entry of a transaction Bundle."""

    url: str
    method: str
    full_url: str
    resource: dict[str, Any]


def a_translator() -> Translator:
    return Translator(Limits(), keyed(DEMONSTRATION_KEY))


@cache
def shared_translator() -> Translator:
    return a_translator()


def translate_with(translator: Translator, name: str) -> Translated:
    """The message as received when it was made. Samples have real-looking numbers, so the environment is not a test."""
    data = path_of(name).read_bytes()
    moment = translator.read(data).envelope.generated or datetime(2026, 6, 1, 12, tzinfo=UTC)
    return translate(translator, SERVICES, GateRules(test_environment=False), data, received=moment)


@cache
def translated(name: str) -> Translated:
    return translate_with(shared_translator(), name)


@cache
def entries(name: str) -> tuple[Entry, ...]:
    bundle = json.loads(translated(name).bundle or b'{"entry": []}')
    return tuple(
        Entry(entry["request"]["url"], entry["request"]["method"], entry.get("fullUrl", ""), entry["resource"])
        for entry in bundle["entry"]
    )


def resources(name: str, *types: str) -> list[dict[str, Any]]:
    return [entry.resource for entry in entries(name) if not types or entry.resource["resourceType"] in types]


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a resource with its path, itself first."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from nodes(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from nodes(inner, f"{path}[{number}]")
