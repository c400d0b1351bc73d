"""The identifier rules of HL7 Norway's base profiles (no-basis): what stands under a national system has its form.

https://github.com/HL7Norway/basisprofiler-r4-fsh (no-basis-Patient, -Practitioner, -Organization) and the best-practice pages
*identifier* and *identifier-person*. The profiles are open and ask for nothing to be there; so a rule applies to an identifier
that claims a national system, wherever it stands, in a Reference too. Synthetic numbers are right numbers.

>>> check_norwegian({"resourceType": "Patient", "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "1"}]})[0].where
'Patient.identifier[0].value'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from stdnum.no import orgnr

from adapter.domain import persons
from adapter.domain.problem import Finding, Kind, Severity
from adapter.r4 import places
from adapter.r4.checks.faults import MOST

SERIES: Final = "urn:oid:2.16.578.1.12.4.1.4."
FNR: Final = SERIES + "1"
LOCAL: Final = "HNR"
PAGE: Final = "no-basis, identifier"


def _digits(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value, re.ASCII) is not None


@lru_cache(4096)  # few organisations, many references to them
def _organisation(value: str) -> bool:
    return re.fullmatch(r"\d{9}", value, re.ASCII) is not None and bool(orgnr.is_valid(value))


class Series(NamedTuple):
    """What the values of a national series are called, and the test that they pass."""

    en: str
    nb: str
    valid: Callable[[str], bool]


def _person(kind: persons.Kind, en: str, nb: str) -> Series:
    end = "11 digits, the last two check digits", "11 siffer med gyldige kontrollsiffer"
    return Series(f"{en}: {end[0]}", f"{nb}: {end[1]}", lambda value: persons.kind(value) == kind)


SYSTEMS: Final[dict[str, Series]] = {
    FNR: _person("FNR", "a fødselsnummer", "et fødselsnummer"),
    SERIES + "2": _person("DNR", "a D-number", "et D-nummer"),
    SERIES + "3": _person(
        "FHN", "a felles hjelpenummer (it begins with 8 or 9)", "et felles hjelpenummer (det begynner med 8 eller 9)"
    ),
    SERIES + "4": Series("an HPR number: up to 9 digits", "et HPR-nummer: inntil 9 siffer", _digits(r"\d{1,9}")),
    SERIES + "101": Series(
        "an organisation number: 9 digits, the last a check digit",
        "et organisasjonsnummer: 9 siffer med gyldig kontrollsiffer",
        _organisation,
    ),
    SERIES + "102": Series("a RESH id: up to 10 digits", "en RESH-id: inntil 10 siffer", _digits(r"\d{1,10}")),
}


def check_norwegian(resource: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with identifiers of national series. The values are never told."""
    found = places.objects(resource, _is_national, [])
    return [finding for place in found for finding in _judged(resource, place)] + _several(resource, found)


def _is_national(_key: str, node: dict[str, Any]) -> bool:
    system = node.get("system")
    return system.__class__ is str and (system in SYSTEMS or system == LOCAL) and "code" not in node


def _judged(resource: Mapping[str, Any], place: places.Place) -> Iterator[Finding]:
    identifier = places.at(resource, place)
    value = identifier.get("value")
    if value is None and "_value" not in identifier:
        en, nb = (
            "An identifier of a national series has a value: add it.",
            "En identifikator i en nasjonal serie har en verdi: legg den til.",
        )
        yield _finding(en, nb, _path(resource, place))
    if identifier["system"] == LOCAL:
        if "assigner" not in identifier:
            en, nb = (
                "A local help number (HNR) says who gave it: add assigner.",
                "Et lokalt hjelpenummer (HNR) sier hvem som ga det: legg til assigner.",
            )
            yield _finding(en, nb, _path(resource, place))
        return
    series = SYSTEMS[identifier["system"]]
    if isinstance(value, str) and not series.valid(value):
        en = f"The value is not {series.en}, without spaces. Correct it, or leave the system out."
        nb = f"Verdien er ikke {series.nb}, uten mellomrom. Rett den, eller utelat system."
        yield _finding(en, nb, _path(resource, place) + ".value")
    if "type" in identifier:
        en = "The system tells what kind of identifier this is: leave type out."
        nb = "Systemet sier hva slags identifikator dette er: utelat type."
        yield _finding(en, nb, _path(resource, place) + ".type", "warning")


def _several(resource: Mapping[str, Any], found: list[places.Place]) -> list[Finding]:
    """A patient who has had several numbers: each says when it was valid (no-basis-Patient)."""
    own = [place for place in found if len(place) == 2 and place[0] == "identifier"]
    numbers = [place for place in own if places.at(resource, place)["system"] == FNR]
    if resource.get("resourceType") != "Patient" or len(numbers) < 2:
        return []
    en = "A patient with several fødselsnummer says when each was valid: add period."
    nb = "En pasient med flere fødselsnummer sier når hvert var gyldig: legg til period."
    without = [place for place in numbers if "period" not in places.at(resource, place)]
    return [_finding(en, nb, _path(resource, place), "warning") for place in without[:MOST]]


def _path(resource: Mapping[str, Any], place: places.Place) -> str:
    return places.names(resource, place)[0]


def _finding(en: str, nb: str, where: str, severity: Severity = "error") -> Finding:
    return Finding(severity, Kind.INVARIANT, en, nb, where, rule=PAGE)
