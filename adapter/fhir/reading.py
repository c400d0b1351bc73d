"""Read and vread: one resource, as the bytes that were stored (https://hl7.org/fhir/R4/http.html#read, #vread, #cond-read).

`_summary` and `_elements` give a part of it, as they do of what a search finds.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace

from adapter.domain.problem import Problem
from adapter.fhir import results
from adapter.fhir.clauses import fault
from adapter.fhir.face import Answer, Asked, Face, Json, not_found, of_version
from adapter.fhir.negotiation import accepted, unchanged, wish
from adapter.fhir.shaping import shape
from adapter.ports import Stored, Unit
from adapter.r4 import json

VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
PART = ("_summary", "_elements")
READ = "https://hl7.org/fhir/R4/http.html#read"
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.=-]+)*", re.ASCII)


def read(face: Face, asked: Asked, unit: Unit, version: str = "") -> Answer:  # noqa: ARG001 - an interaction's first argument
    """The newest version of a resource, or the one named; 304 where the caller has it. NOT_FOUND where there is none."""
    return _given(asked, _stored(asked, unit, version))


def read_binary(face: Face, asked: Asked, unit: Unit, version: str = "") -> Answer:  # noqa: ARG001
    """As `read`; the content itself where Accept names its very type (https://hl7.org/fhir/R4/binary.html#rest)."""
    stored = _stored(asked, unit, version)
    binary: Json = json.parse(stored.body)
    kind = str(binary.get("contentType", ""))
    if kind.partition(";")[0].strip().lower() in filter(None, accepted(asked.headers)) and MEDIA_TYPE.fullmatch(kind):
        name = f'attachment; filename="{stored.id}"'  # an id is letters, digits, - and .
        headers = {"Content-Disposition": name, "Content-Security-Policy": "sandbox; default-src 'none'"}
        return Answer(200, b64decode(binary.get("data", "")), {**of_version(stored), **headers}, kind)
    return replace(_given(asked, stored), wish=wish(asked.headers, asked.pairs))


def _given(asked: Asked, stored: Stored) -> Answer:
    wanted = _part(asked)
    if unchanged(asked.headers, stored):
        return Answer(304, headers=of_version(stored), stored=stored)
    body = stored.body
    if wanted.summary or wanted.elements:
        body = shape(body, stored.type, summary=wanted.summary, elements=wanted.elements)
    return Answer(200, body, of_version(stored), stored=stored)


def _part(asked: Asked) -> results.Result:
    """Which part is asked for. INVALID for `_summary=count`, since there is nothing to count, and for what a search refuses."""
    said = [(name, value) for name, value in asked.pairs if name.partition(":")[0] in PART]
    if ("_summary", "count") in said:
        en, nb = "has nothing to count in one resource: use true, text, data or false", "har ingenting å telle i én ressurs"
        raise fault("_summary", en, f"{nb}: bruk true, text, data eller false", rule=READ)
    wanted = results.read(asked.type, said)
    faults = wanted.faults + [replace(one, severity="error") for one in wanted.ignored if asked.wish.strict]
    if faults:
        raise Problem(*faults)
    return wanted


def _stored(asked: Asked, unit: Unit, version: str) -> Stored:
    if version and not VERSION.fullmatch(version):
        raise not_found()
    stored = unit.read(asked.caller.tenant, asked.type, asked.id, int(version) if version else None)
    if stored is None:
        raise not_found()
    asked.trail.saw("R", [stored])
    return stored
