"""Read and vread: one resource, as the bytes that were stored (https://hl7.org/fhir/R4/http.html#read, #vread, #cond-read)."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace

from adapter.fhir.face import Answer, Asked, Face, Json, not_found, of_version
from adapter.fhir.negotiation import accepted, unchanged, wish
from adapter.ports import Stored, Unit
from adapter.r4 import json

VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
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
        headers = {"Content-Disposition": "attachment", "Content-Security-Policy": "sandbox; default-src 'none'"}
        return Answer(200, b64decode(binary.get("data", "")), {**of_version(stored), **headers}, kind)
    return replace(_given(asked, stored), wish=wish(asked.headers, asked.pairs))


def _given(asked: Asked, stored: Stored) -> Answer:
    if unchanged(asked.headers, stored):
        return Answer(304, headers=of_version(stored), stored=stored)
    return Answer(200, stored.body, of_version(stored), stored=stored)


def _stored(asked: Asked, unit: Unit, version: str) -> Stored:
    if version and not VERSION.fullmatch(version):
        raise not_found()
    stored = unit.read(asked.caller.tenant, asked.type, asked.id, int(version) if version else None)
    if stored is None:
        raise not_found()
    return stored
