"""What a resource is found by: the values of its search parameters (https://hl7.org/fhir/R4/search.html). Pure.

>>> task = {"resourceType": "Task", "status": "requested", "owner": {"reference": "Organization/1"}}
>>> found = index(task)
>>> found.status, [(entry.parameter, entry.system, entry.value) for entry in found.entries]
('requested', [('owner', 'Organization', '1')])

What each type is found by is worked out once, from its `parameters`: which names of its JSON to look at, how to come to the
values, and what to make of them. Of numbers and quantities nothing is made, since search does not offer them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from adapter.domain.identity import BASE
from adapter.r4 import definitions
from adapter.r4.compartment import all_whose, blocks, target
from adapter.r4.fhirpath import Item, selection
from adapter.r4.intervals import interval, span, timing
from adapter.r4.parameters import PARAMETERS, Parameter
from adapter.r4.systems import canonical_system
from adapter.r4.words import fold, words

__all__ = ["Entry", "Index", "canonical_system", "fold", "index", "interval"]

BLOCKS: Final = "blocks"
"""Under this name stands whom a patient's Consent blocks. It is no search parameter: the store asks it of every caller."""

CONTENT: Final = "content"
"""Under this name, no search parameter either, stand the Binaries that a DocumentReference has its contents in."""

CONTEXT: Final = "securityContext"
"""Under this name stands what a Binary is to be as secret as (https://hl7.org/fhir/R4/binary.html): a Binary has no parameters."""


class Entry(NamedTuple):
    """One value of one search parameter.

    A token: `system` (empty: none, or implied by the parameter) and `value`. A reference: `system` is the target's type (empty
    where it is not known) and `value` its id, or the whole address where it is another server's; a Reference.identifier is a
    token under the parameter `name:identifier`. A string: `value` is folded, `system` as it was said. A uri: `value`.
    A date: from `low`, before `high` (None: open). An element that is there and has none of this (a CodeableConcept of text
    alone, a reference by identifier or to a contained resource) is an entry without a value, so that it is not missing.
    """

    parameter: str
    system: str = ""
    value: str = ""
    low: datetime | None = None
    high: datetime | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """What a resource can be found by; `status` is its code element *status*, the one that most searches narrow by.

    `patient` is whose record it is: a Patient's id, `system|value` where it says so by identifier, "" for nobody's. `names` are
    all by which it says so, where these are several.
    """

    status: str = ""
    entries: Sequence[Entry] = ()
    patient: str = ""
    names: Sequence[str] = ()


def index(resource: Mapping[str, Any], *, base: str = "") -> Index:
    """The values of all search parameters that its type is offered with, but *status*.

    `base` is our own address: what a reference says after it is as good as a relative reference.
    """
    status = resource.get("status")
    entries: list[Entry] = []
    for names, take in _takers(resource["resourceType"]):
        for name in names:
            if name in resource:
                take(resource, base, entries)
                break
    if "meta" in resource:
        _of_meta(resource["meta"], entries)
    entries.extend([Entry(BLOCKS, "", value) for value in blocks(resource)])
    entries.extend(_contents(resource, base))
    names = all_whose(resource, base)
    return Index(
        status if isinstance(status, str) else "", entries, *((names[0], names if len(names) > 1 else ()) if names else ())
    )


def _contents(resource: Mapping[str, Any], base: str) -> Iterator[Entry]:
    """What a DocumentReference has its contents in, and what a Binary is as secret as."""
    if resource["resourceType"] == "Binary" and "securityContext" in resource:
        yield Entry(CONTEXT, *target(resource["securityContext"], base))
    if resource["resourceType"] == "DocumentReference":
        addresses = (one.get("attachment", {}).get("url", "") for one in resource.get("content", ()))
        led = (target({"reference": address}, base) for address in addresses)
        yield from (Entry(CONTENT, type, id) for type, id in dict.fromkeys(led) if type == "Binary" and "/" not in id)


Take = Callable[[Mapping[str, Any], str, list[Entry]], None]


@cache
def _takers(type: str) -> tuple[tuple[tuple[str, ...], Take], ...]:
    """For each part of each parameter of the type: the names in JSON of which one must be there, and what to do then."""
    return tuple(
        (_names(type, part), _taker(type, part, parameter))
        for parameter in PARAMETERS.get(type, {}).values()
        if parameter.name != "status"
        for part in parameter.expression.split(" | ")
    )


def _names(type: str, part: str) -> tuple[str, ...]:
    """The names in JSON of the element that a path begins with: `(Goal.start as date)` with startDate, startCodeableConcept.

    The resource itself for what is no path: a Patient without a word of death is not *deceased*, and found so.
    """
    if ".exists()" in part:
        return ("resourceType",)
    first = part.lstrip("(").split(".")[1].split(" ")[0]
    return tuple(definitions.json_names(definitions.type_named(type).elements[first]))


TO_PATIENT: Final = ".where(resolve() is Patient)"


def _taker(type: str, part: str, parameter: Parameter) -> Take:
    if parameter.type == "reference":
        return _references(type, part, parameter)
    select, static = selection(part, type)
    name = parameter.name
    make = _KINDS[parameter.type]
    systems = parameter.systems

    def take(resource: Mapping[str, Any], _: str, entries: list[Entry]) -> None:
        for item in select(resource):
            if item.__class__ is Item:
                if item.value is not None:
                    make(name, item.value, item.type, systems, entries)
            else:
                make(name, item, static, systems, entries)

    return take


def _references(type: str, part: str, parameter: Parameter) -> Take:
    """A reference is judged by what it says of its target, which is not looked up: by its address, or else `Reference.type`.

    A reference by identifier that says no type may be to any: it counts also where only Patients are meant.
    """
    only = "Patient" if part.endswith(TO_PATIENT) else ""
    select = selection(part.removesuffix(TO_PATIENT), type)[0]
    name, by_identifier = parameter.name, f"{parameter.name}:identifier"

    def take(resource: Mapping[str, Any], base: str, entries: list[Entry]) -> None:
        for item in select(resource):
            value = item.value if item.__class__ is Item else item
            if value.__class__ is str:  # a canonical
                entries.extend([Entry(name, "", each) for each in _with_and_without_version(value)])
                if value.startswith(f"{BASE}/"):  # of ours
                    entries.append(Entry(name, *target({"reference": value.partition("|")[0]}, BASE)))
                continue
            if not isinstance(value, dict):
                continue
            to, address = target(value, base)
            if only and to != only and (to or address):
                continue
            entries.append(Entry(name, to if address else "", address))
            identifier = value.get("identifier")
            if identifier and "value" in identifier:
                entries.append(Entry(by_identifier, canonical_system(identifier.get("system", "")), identifier["value"]))

    return take


# what is made of a value


def _token(name: str, value: Any, type: str, systems: Mapping[str, str], entries: list[Entry]) -> None:
    """https://hl7.org/fhir/R4/search.html#token"""
    if type == "CodeableConcept":
        codings = [coding for coding in value.get("coding", ()) if "code" in coding]
        entries.extend([Entry(name, canonical_system(coding.get("system", "")), coding["code"]) for coding in codings])
        if not codings:
            entries.append(Entry(name))
    elif type == "Coding":
        entries.append(Entry(name, canonical_system(value.get("system", "")), value.get("code", "")))
    elif type == "Identifier":
        entries.append(Entry(name, canonical_system(value.get("system", "")), value.get("value", "")))
    elif type == "ContactPoint":
        entries.append(Entry(name, value.get("system", ""), value.get("value", "")))
    elif value.__class__ is bool:
        entries.append(Entry(name, "", "true" if value else "false"))
    else:
        entries.append(Entry(name, systems.get(value, ""), value))


def _date(name: str, value: Any, type: str, _: Mapping[str, str], entries: list[Entry]) -> None:
    """https://hl7.org/fhir/R4/search.html#date. What is no date, or ends before it begins, is left out."""
    bounds = span(value) if type == "Period" else timing(value) if type == "Timing" else interval(value) if type in _DATES else None
    if bounds is not None:
        entries.append(Entry(name, "", "", *bounds))


_DATES: Final = frozenset({"date", "dateTime", "instant"})


def _string(name: str, value: Any, type: str, _: Mapping[str, str], entries: list[Entry]) -> None:
    """https://hl7.org/fhir/R4/search.html#string. Of a name or an address each part counts by itself."""
    said = (value,) if value.__class__ is str else words(value, type)
    entries.extend([Entry(name, word, fold(word)) for word in said])


def _uri(name: str, value: Any, _: str, __: Mapping[str, str], entries: list[Entry]) -> None:
    entries.append(Entry(name, "", value))


_KINDS: Final = {"token": _token, "date": _date, "string": _string, "uri": _uri}


def _of_meta(meta: Mapping[str, Any], entries: list[Entry]) -> None:
    for name in ("tag", "security"):
        for coding in meta.get(name, ()):
            entries.append(Entry(f"_{name}", canonical_system(coding.get("system", "")), coding.get("code", "")))
    for profile in meta.get("profile", ()):
        entries.extend(Entry("_profile", "", form) for form in _with_and_without_version(profile))
    if "source" in meta:
        entries.append(Entry("_source", "", meta["source"]))


def _with_and_without_version(canonical: str) -> Iterable[str]:
    """A canonical is found by its address also where it names a version (https://hl7.org/fhir/R4/references.html#canonical)."""
    return (canonical, canonical.partition("|")[0]) if "|" in canonical else (canonical,)
