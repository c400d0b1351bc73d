"""The official XML schemas as an oracle for tests: never part of the project, never needed at run time.

They are read from the folder that STAFETT_STANDARDS names (default `../shared/standards` beside the project).
The files name each other by web address, bare name or relative path, so every one is found **by its file name**.
The hodemelding's content is a strict wildcard: it can only be judged together with the schemas of what it carries,
which is why `henvisning-2.0` is one combined schema.

    faults("henvisning-2.0", path.read_bytes())   # [] when valid
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

ROOT = Path(__file__).resolve().parent.parent
STANDARDS = Path(os.environ.get("STAFETT_STANDARDS") or ROOT.parent / "shared" / "standards")
SAMPLES = STANDARDS / "samples"

needs_standards = pytest.mark.skipif(not (STANDARDS / "xsd").is_dir(), reason="needs STAFETT_STANDARDS")

_MSGHEAD = ("http://www.kith.no/xmlstds/msghead/2006-05-24", "MsgHead-v1_2.xsd")
_BASE64 = ("http://www.kith.no/xmlstds/base64container", "kith-base64.xsd")
_SCHEMAS: dict[str, tuple[tuple[str, str], ...]] = {
    "henvisning-2.0": (
        _MSGHEAD,
        ("http://ehelse.no/xmlstds/henvisning/2017-11-30", "Henvisning-v2.0.xsd"),
        _BASE64,
        ("http://www.w3.org/2000/09/xmldsig#", "xmldsig-core-schema.xsd"),
    ),
    "henvisning-1.1": (("http://www.kith.no/xmlstds/henvisning/2012-02-15", "Henvisning-v1.1.xsd"), _BASE64),
    "henvisning-1.0": (("http://www.kith.no/xmlstds/henvisning/2005-07-08", "Henvisning-v1.0.xsd"), _BASE64),
    "apprec-1.0": (("http://www.kith.no/xmlstds/apprec/2004-11-21", "AppRec-v1-2004-11-21.xsd"),),
    "apprec-1.1": (("http://www.kith.no/xmlstds/apprec/2012-02-15", "AppRec-v1.1.xsd"),),
    "dialog-1.1": (_MSGHEAD, ("http://www.kith.no/xmlstds/dialog/2013-01-23", "dialogmelding-v1.1.xsd"), _BASE64),
}
NAMES = tuple(_SCHEMAS)
_ROOTS = {
    "http://www.kith.no/xmlstds/msghead/2006-05-24": "henvisning-2.0",
    "http://www.kith.no/xmlstds/henvisning/2012-02-15": "henvisning-1.1",
    "http://www.kith.no/xmlstds/henvisning/2005-07-08": "henvisning-1.0",
    "http://www.kith.no/xmlstds/apprec/2004-11-21": "apprec-1.0",
    "http://www.kith.no/xmlstds/apprec/2012-02-15": "apprec-1.1",
}


class _ByFileName(etree.Resolver):
    """Answers every schemaLocation with the one file of that name, and nothing else: no network, no other folder."""

    def __init__(self) -> None:
        self.files = {path.name: path for path in (STANDARDS / "xsd").rglob("*.xsd")}

    def resolve(self, system_url: str, public_id: str, context: object) -> object:
        path = self.files.get(system_url.rsplit("/", 1)[-1])
        if path is None:
            return self.resolve_string("", context)  # type: ignore[attr-defined]
        return self.resolve_string(path.read_bytes(), context, base_url=path.name)  # type: ignore[attr-defined]


@cache
def schema(name: str) -> etree.XMLSchema:
    """The schema called `name` (one of `NAMES`), compiled once."""
    parser = etree.XMLParser(no_network=True, load_dtd=True, resolve_entities=True)
    parser.resolvers.add(_ByFileName())
    imports = "".join(f'<import namespace="{space}" schemaLocation="{file}"/>' for space, file in _SCHEMAS[name])
    text = f'<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:stafett:test:{name}">{imports}</schema>'
    return etree.XMLSchema(etree.fromstring(text, parser))


def faults(name: str, data: bytes) -> list[str]:
    """What the schema has against the document, `line: message`; empty when it is valid."""
    judge = schema(name)
    judge.validate(etree.fromstring(data, etree.XMLParser(huge_tree=True, no_network=True)))
    return [f"{entry.line}: {entry.message}" for entry in judge.error_log]


def schema_of(data: bytes) -> str:
    """The name of the schema that a message's root element asks for."""
    root = etree.fromstring(data, etree.XMLParser(huge_tree=True, no_network=True))
    return _ROOTS[etree.QName(root).namespace or ""]


@pytest.fixture
def official_faults() -> Callable[[str, bytes], list[str]]:
    """`faults`, for tests that want it handed to them; skips by name where the schemas are absent."""
    if not (STANDARDS / "xsd").is_dir():
        pytest.skip("needs STAFETT_STANDARDS")
    return faults
