"""The several names that Norwegian code systems go by, and the one that we keep and search by.

A national code system (Volven, finnkode) has an OID, which is what stands in `Coding.system` (HL7 Norway's rule for
codes: https://github.com/HL7Norway/best-practice, codesystem.md); its CodeSystem resource has a canonical under helsedir.no,
and some use the address of its page. The three mean one thing, and are understood alike. Any OID may come bare, as the messages
have it: what FHIR writes with urn:oid: before it (https://hl7.org/fhir/R4/datatypes.html#oid).

>>> canonical_system("http://helsedir.no/fhir/CodeSystem/no-kodeverk-9151")
'urn:oid:2.16.578.1.12.4.1.1.9151'
>>> canonical_system("2.16.578.1.12.4.1.1.8485")
'urn:oid:2.16.578.1.12.4.1.1.8485'
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

VOLVEN: Final = "urn:oid:2.16.578.1.12.4.1.1."
"""What the OIDs of the national code systems begin with; the system's number follows."""

_PREFIXES: Final = (
    "http://helsedir.no/fhir/CodeSystem/no-kodeverk-",
    "https://finnkode.helsedirektoratet.no/adm/collections/",
)
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
_NAMES: Final = {"http://hl7.org/fhir/sid/icd-10-no": f"{VOLVEN}7110"}


@lru_cache(maxsize=4096)
def canonical_system(system: str) -> str:
    """The name that a system is known by here: of a national one its OID, of any other its own; an OID is a urn."""
    if system in _NAMES:
        return _NAMES[system]
    for prefix in _PREFIXES:
        number = system.removeprefix(prefix)
        if number != system and number.isascii() and number.isdigit():
            return VOLVEN + number
    return f"urn:oid:{system}" if _OID.fullmatch(system) else system


def canonical_codes(resource: Any) -> Any:
    """The same with the system of every code by the name that it is known by here.

    >>> canonical_codes({"coding": [{"system": "http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322", "code": "M"}]})
    {'coding': [{'system': 'urn:oid:2.16.578.1.12.4.1.1.9322', 'code': 'M'}]}
    """
    if isinstance(resource, list):
        return [canonical_codes(item) for item in resource]
    if not isinstance(resource, dict):
        return resource
    same = {key: canonical_codes(value) for key, value in resource.items()}
    if "code" in same and isinstance(same.get("system"), str):
        same["system"] = canonical_system(same["system"])
    return same
