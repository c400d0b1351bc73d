"""A patient whose address is confidential: how a resource says so, and what of it is kept then.

    level_of(patient)                 # "strictly-confidential", "confidential", "client-address" or nothing
    withheld(resource, level)         # without what gives the place away, and saying that it is withheld

A Patient says so by a security label of ours (code system address-protection), or by words in the place of an address
(`codes/address-protection.toml`; no national code is known). What is taken out: addresses, fixed telephones, narratives, extensions
that hold a place, names of units; of contained resources too. In the place of an address stands R4's data-absent-reason *masked*.
All functions are total and `withheld` is idempotent. Source: Normen, faktaark 55;
https://hl7.org/fhir/R4/extension-data-absent-reason.html, https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from adapter.domain.address_protection import LEVELS, Word, landline, level_in, strictest
from adapter.domain.referral import Address, Person, Said
from mappings import data, terms
from mappings.resources.normal import Body, items, obj, text
from mappings.resources.writer import SYSTEM
from mappings.trail import Build

LABELS: Final = f"{SYSTEM}address-protection"
LIFTED: Final = "lifted"
"""The label by which a client says that the address is no longer protected: it takes the others away, and itself."""

MASKED: Final[Mapping[str, Any]] = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
}
OMITTED: Final = "[utelatt]"
TYPES: Final = frozenset({"Patient", "RelatedPerson"})
"""Types of which something is taken out, also where they are contained in others."""

_SHORTEST: Final = 6  # letters of a street and its number; shorter ones would be found in words
_ADDRESS_PARTS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")
_TOLD_FREELY: Final = frozenset({"location", "note", "text"})  # a description of one's own never leaves (`assignment.outward`)
_PERSONS: Final = frozenset({"PractitionerRole", "Practitioner"})
_UNITS: Final = frozenset({"generalPractitioner", "managingOrganization", "organization"})
_PLACE: Final = re.compile("municipality|district|birthPlace|propertyinformation|geolocation|workplace", re.IGNORECASE)


# --- words


@cache
def words() -> Sequence[Word]:
    """The phrases that say how an address is protected."""
    table, _ = data.toml_file("codes", "address-protection.toml")
    return [Word(phrase.replace("_", " "), one["code"]) for one in table["level"] for phrase in (*one["high"], *one["medium"])]


@cache
def in_words(level: str) -> str:
    """The phrase of a level: it is one that says so."""
    return next(word.phrase for word in words() if word.level == level)


def level_of_texts(texts: Iterable[str]) -> str:
    return level_in(texts, words())


# --- a message


def told(person: Person) -> str:
    """How the person's addresses in a message are said to be protected; empty where nothing says so."""
    return level_of_texts(value for address in person.addresses for value in _values(address))


def _values(address: Address) -> Iterator[str]:
    for said in _parts(address):
        yield from (said.value, *(said.attributes.get(name, "") for name in ("DN", "OT")))


def _parts(address: Address) -> list[Said]:
    plain = [address.use, address.street, address.postbox, address.postal_code, address.city]
    coded = [address.county, address.country, address.district]
    return [*filter(None, plain), *(one.said for one in coded if one)]


def mark(build: Build, person: Person, level: str) -> None:
    """The Patient of a message with its label, and with the address that is withheld. Its sources are all that was said there."""
    sources = [said for address in person.addresses for said in _parts(address)]
    build.push("address", dict(MASKED), *sources, rule="the address is confidential, and not kept")
    build.object("meta").push("security", label(level), *sources)


# --- resources


def label(level: str) -> Body:
    return {"system": LABELS, "code": level, "display": (terms.displays(LABELS) or {})[level]}


def level_of(patient: Mapping[str, Any]) -> str:
    """How a Patient is protected, by its labels or by the words in its addresses."""
    codes = [text(one.get("code")) for one in _labels(patient)]
    return strictest([*codes, level_of_texts(_texts(patient.get("address")))])


def is_lifted(patient: Mapping[str, Any]) -> bool:
    return any(one.get("code") == LIFTED for one in _labels(patient))


def lifted(patient: Body) -> Body:
    """The Patient without any label of protection."""
    meta = obj(patient.get("meta"))
    kept = [one for one in items(meta.get("security")) if one.get("system") != LABELS]
    rest = {key: value for key, value in meta.items() if key != "security"}
    return {**patient, "meta": {**rest, **({"security": kept} if kept else {})}}


def _labels(resource: Mapping[str, Any]) -> list[Body]:
    return [one for one in items(obj(resource.get("meta")).get("security")) if one.get("system") == LABELS]


def _texts(addresses: Any) -> Iterator[str]:
    for address in items(addresses):
        for part in _ADDRESS_PARTS:
            said = address.get(part)
            yield from (one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str))


def persons(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The Patients and RelatedPersons in it: itself, and those that it contains."""
    return [one for one in (resource, *items(resource.get("contained"))) if one.get("resourceType") in TYPES]


def streets(resource: Mapping[str, Any]) -> Iterator[str]:
    """The lines of its persons' addresses that are a street with its number, so that they are found where else they are written."""
    for address in (one for person in persons(resource) for one in items(person.get("address"))):
        lines = address.get("line")
        yield from (
            line.strip() for line in (lines if isinstance(lines, list) else []) if isinstance(line, str) and is_street(line)
        )


def without_streets(value: Any, streets: Sequence[str]) -> Any:
    """Any texts without these streets, in whatever case they are written; the very same where none has them. Of attachments those
    are looked into that say they are text.

    >>> without_streets({"text": "Bor i STORGATA 12"}, ["Storgata 12"])
    {'text': 'Bor i [utelatt]'}
    """
    if not streets:
        return value
    longest_first = sorted(streets, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(street) for street in longest_first), re.IGNORECASE)
    made = _replaced(value, pattern)
    return value if made == value else made


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(OMITTED, value)
    if isinstance(value, list):
        return [_replaced(one, pattern) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: _replaced(one, pattern) for name, one in value.items()}
    if text(value.get("contentType")).startswith("text/") and pattern.search(said := _said_in(text(value.get("data")))):
        data = b64encode(pattern.sub(OMITTED, said).encode()).decode()
        return {name: one for name, one in made.items() if name not in ("hash", "size")} | {"data": data}
    return made


def _said_in(data: str) -> str:
    """The text of an attachment (Base64); what is not in UTF-8 is told by its bytes."""
    try:
        said = b64decode(data)
    except ValueError:
        return ""
    try:
        return said.decode()
    except UnicodeDecodeError:
        return said.decode("latin-1")


def is_street(line: str) -> bool:
    """Whether a line is long enough to be looked for in other texts, has a number in it, and is no word of being protected."""
    said = line.strip()
    numbered = any(sign.isdigit() for sign in said) and any(sign.isalpha() for sign in said)
    return numbered and len(said) >= _SHORTEST and not level_of_texts([said])


def withheld(resource: Body, level: str) -> Body:
    """A resource of a protected patient without what gives the place away, the very same where nothing is to be taken out: of a
    Patient, or a RelatedPerson of one, wherever they stand.
    """
    if level not in LEVELS:
        return resource
    made = _person_withheld(resource)
    if within := items(made.get("contained")):
        made = {**made, "contained": [_person_withheld(one) for one in within]}  # without a label: none may be within (dom-5)
    made = _labelled(made, level) if resource.get("resourceType") == "Patient" else made
    return resource if made == resource else made


def _person_withheld(resource: Body) -> Body:
    if resource.get("resourceType") not in TYPES:
        return resource
    made: Body = _without_places(resource)
    if "address" in made:
        made = {**made, "address": [dict(MASKED)]} if made["address"] else {k: v for k, v in made.items() if k != "address"}
    return made


def for_others(task: Body) -> Body:
    """An assignment about a protected patient, or the pathway's team, as it may go to another organisation, also after acceptance.

    It names the legal entities, and who coordinates. No place, no unit, no words of anybody's own; the very same where it has none.
    """
    made: Body = {name: one for name, one in _without_places(task).items() if name not in _TOLD_FREELY}
    made |= {name: _without_words(made[name]) for name in ("statusReason", "businessStatus") if name in made}
    made |= {name: _entity(made[name]) for name in ("owner", "requester") if isinstance(made.get(name), dict)}
    inputs = [one for one in items(made.get("input")) if "valueString" not in one]
    contained = [_person(one) for one in items(made.get("contained")) if one.get("resourceType") in _PERSONS]
    made |= {name: kept for name, kept in (("input", inputs), ("contained", contained)) if name in made}
    made = {name: one for name, one in made.items() if one != []}
    return task if made == task else made


def _without_words(concept: Any) -> Any:
    """A concept by its code; where it has none, without what was written."""
    if not isinstance(concept, dict) or "text" not in concept:
        return concept
    rest = {name: one for name, one in concept.items() if name != "text"}
    return rest if rest.get("coding") else {**rest, "text": OMITTED}


def _entity(said: Body) -> Body:
    """A party by its number: a name that a client writes beside it may be a unit's."""
    return {name: one for name, one in said.items() if name in ("type", "identifier")}


def _person(contained: Body) -> Body:
    made = {name: one for name, one in contained.items() if name not in ("location", "healthcareService")}
    return {name: one for name, one in (made | {"organization": _entity(obj(made.get("organization")))}).items() if one != {}}


def _labelled(patient: Body, level: str) -> Body:
    meta = obj(patient.get("meta"))
    others = [one for one in items(meta.get("security")) if one.get("system") != LABELS]
    said = [one for one in _labels(patient) if one.get("code") == level][:1] or [label(level)]
    masked = patient if patient.get("address") else {**patient, "address": [dict(MASKED)]}
    return {**masked, "meta": {**meta, "security": [*others, *said]}}


def _without_places(value: Any, key: str = "") -> Any:
    """Without places at any depth: nested addresses, fixed telephones, extensions of places, names of units, narratives."""
    if isinstance(value, list):
        return [left for one in value if (left := _without_places(one, key)) is not None]
    if not isinstance(value, dict):
        return value
    if key == "telecom" and landline(text(value.get("value")).removeprefix("tel:")):
        return None
    if key in ("extension", "modifierExtension") and _is_place(value):
        return None
    gone = {"_address", "position", *(["display"] if key in _UNITS else []), *(["address"] if key else [])}
    gone |= {"text"} if "div" in obj(value.get("text")) else set()
    inner = {name: _without_places(one, name) for name, one in value.items() if name not in gone}
    left = {name: one for name, one in inner.items() if one not in ([], None) or one == value[name]}
    return left if left or not value or not key else None  # an object of which nothing is left is no object


def _is_place(extension: Body) -> bool:
    return any(name in extension for name in ("valueAddress", "valueGeopoint")) or bool(_PLACE.search(text(extension.get("url"))))
