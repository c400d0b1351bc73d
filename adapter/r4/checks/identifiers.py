"""Identifiers (https://hl7.org/fhir/R4/datatypes.html#Identifier): a system that others know, and a value that fits it."""

from __future__ import annotations

import re
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import PAGES, Fault
from adapter.r4.norwegian import LOCAL

PAGE: Final = PAGES + "datatypes.html#Identifier"
URI: Final = "urn:ietf:rfc:3986"
"""The system of values that are addresses themselves."""
_HEX: Final = "[0-9A-Fa-f]"  # RFC 4122 takes capitals; the value is a string, so the lower case of `uri` is not asked for
is_uri: Final = re.compile(
    rf"urn:uuid:{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}|urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
    r"|(?!urn:(?:oid|uuid):)[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x1f]+"
).fullmatch


def identifier_faults(system: Any, value: Any) -> list[Fault] | None:
    """What is wrong between system and value, each of which has been checked already.

    R4 calls the system a URI and no more, so that a relative one is a warning; HL7 Norway has one itself, for local numbers.
    """
    if system.__class__ is not str:
        return None
    if ":" not in system and system != LOCAL:
        en = "An identifier's system is an absolute address; a name of its own is understood by nobody else."
        nb = "En identifikators system er en fullstendig adresse; et eget navn forstås ikke av andre."
        return [Fault(Kind.VALUE, en, nb, PAGE, where=".system", severity="warning")]
    if system != URI or value.__class__ is not str or is_uri(value):
        return None
    en = f"With the system {URI} the value is itself an absolute address, such as urn:uuid: or urn:oid: and what belongs behind it."
    nb = f"Med systemet {URI} er verdien selv en fullstendig adresse, for eksempel urn:uuid: eller urn:oid: og det som hører til."
    return [Fault(Kind.INVARIANT, en, nb, PAGE, where=".value")]
