"""The one form in which what several servers hold is compared, and how it is laid into a resource again.

Servers change what they keep: they leave out what is empty, give elements ids, name `contained` resources anew, write a link of
their own or a display beside an identifier, sort the members of an object. So a reference is told by its identifier, else by its
absolute address; a resource that it *contains* stands in its place; codes come in a fixed order. Of people and units only what
tells who they are and how they are reached is kept, and no national number of a professional. Dates and times are compared as they
are written: 09:00+02:00 and 07:00Z are two texts, since what a server says of a time it may mean.

Nothing is taken for granted of what a partner sends: what has not the type that R4 gives it is left out, and the checker tells.
https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from mappings import terms
from mappings.resources.elements import NUMBERS

Body = dict[str, Any]
Contained = Mapping[str, Body]

_ADDRESS: Final = re.compile(r"(https?://[^\s?#]+/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/\s]+)?")
_KEPT: Final[Mapping[str, Sequence[str]]] = {
    "PractitionerRole": ("identifier", "active", "period", "practitioner", "organization", "code", "telecom"),
    "Practitioner": ("identifier", "active", "name", "telecom"),
    "Organization": ("identifier", "active", "name", "telecom"),
    "Location": ("identifier", "name", "telecom", "address"),
}
_encoder: Final = msgspec.json.Encoder(order="sorted")
_NO_ONE_ELSES: Final = frozenset(NUMBERS.values())


# --- what may be anything


def obj(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Body]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def tidy(value: Any) -> Any:
    """Without what is empty, at any depth, and without the ids of elements. A number or false is not empty."""
    if isinstance(value, dict):
        told = ((key, tidy(inner)) for key, inner in value.items() if key != "id")
        return {key: inner for key, inner in told if inner not in (None, "", [], {})}
    if isinstance(value, list):
        return [inner for inner in map(tidy, value) if inner not in (None, "", [], {})]
    return value


def order(value: Any) -> bytes:
    """By which the parts of a list are sorted where their order means nothing."""
    return _encoder.encode(value)


# --- datatypes


def identifier(value: Any) -> Body:
    return tidy({key: text(obj(value).get(key)) for key in ("system", "value")})  # type: ignore[no-any-return]


def period(value: Any) -> Body:
    return tidy({key: text(obj(value).get(key)) for key in ("start", "end")})  # type: ignore[no-any-return]


def concept(value: Any) -> Body:
    """A CodeableConcept. The name of a code that we have ourselves is left out: whoever wants it can look it up."""
    codings = []
    for coding in items(obj(value).get("coding")):
        system, code = text(coding.get("system")), text(coding.get("code"))
        known = code in (terms.displays(system) or ())
        codings.append(tidy({"system": system, "code": code, "display": "" if known else text(coding.get("display"))}))
    return tidy({"coding": sorted(codings, key=order), "text": text(obj(value).get("text"))})  # type: ignore[no-any-return]


def contained_in(resource: Mapping[str, Any]) -> dict[str, Body]:
    """The resources that it contains, by id."""
    return {one["id"]: one for one in items(resource.get("contained")) if isinstance(one.get("id"), str)}


def reference(value: Any, contained: Contained, *, named: bool = False) -> Body:
    """A Reference: by identifier, else by absolute address; what it contains stands in it as `resource`.

    `named` keeps the display: where it is the only name that a person has. A link that means something at one server alone
    says no more than the type.
    """
    said = obj(value)
    address, short = text(said.get("reference")), identifier(said.get("identifier"))
    found = _ADDRESS.fullmatch(address)
    inner = contained.get(address[1:]) if address.startswith("#") else None
    made: Body = {"type": text(said.get("type")) if short else type_of(said), "identifier": short}
    if inner is not None:
        made |= {"type": "", "resource": _person(inner, {id: one for id, one in contained.items() if one is not inner})}
    elif found and found[1] and not short:
        made["reference"] = address
    if named:
        made["display"] = text(said.get("display"))
    return tidy(made)  # type: ignore[no-any-return]


def type_of(value: Any) -> str:
    """The type that a reference says it is to, or its address does."""
    found = _ADDRESS.fullmatch(text(obj(value).get("reference")))
    return text(obj(value).get("type")) or (found[2] if found else "")


def _person(resource: Body, contained: Contained) -> Body:
    """What is said of a person, role, unit or place. Links among what is contained are followed once."""
    type = text(resource.get("resourceType"))
    made: Body = {"resourceType": type}
    for key in _KEPT.get(type, ()):
        value = resource.get(key)
        if key == "identifier":
            told = [identifier(one) for one in items(value)]
            made[key] = sorted((one for one in told if one.get("system") not in _NO_ONE_ELSES), key=order)
        elif key in ("practitioner", "organization"):
            made[key] = reference(value, contained, named=True)
        elif key == "code":
            made[key] = [concept(one) for one in items(value)]
        elif key == "telecom":
            made[key] = [{part: text(one.get(part)) for part in ("system", "value", "use")} for one in items(value)]
        elif key == "period":
            made[key] = period(value)
        else:
            made[key] = value
    return tidy(made)  # type: ignore[no-any-return]


# --- and back


class Holder:
    """A resource's `contained`, as normal forms are laid into it."""

    def __init__(self, contained: Sequence[Body] = ()) -> None:
        self.contained = list(contained)

    def place(self, value: Any) -> Any:
        """A normal form as R4 writes it: what stands in a reference is contained, and codes of ours have their names."""
        if isinstance(value, list):
            return [self.place(one) for one in value]
        if not isinstance(value, dict):
            return value
        made = {key: self.place(inner) for key, inner in value.items() if key != "resource"}
        if "resource" in value:
            inner = self.place(value["resource"])
            id = self._free(inner["resourceType"].lower())
            self.contained.append({"resourceType": inner["resourceType"], "id": id, **inner})
            return {"reference": f"#{id}", **made}
        known = terms.displays(text(made.get("system"))) or {}
        return made | ({"display": known[made["code"]]} if text(made.get("code")) in known else {})

    def _free(self, stem: str) -> str:
        taken = {one.get("id") for one in self.contained}
        return next(id for id in (f"{stem}-{number}" for number in range(1, len(taken) + 2)) if id not in taken)

    def swept(self, body: Mapping[str, Any]) -> list[Body]:
        """What is contained and referred to from `body`, directly or through what is contained (R4: dom-3)."""
        by_id, ahead, used = contained_in({"contained": self.contained}), [*_links(body)], set[str]()
        while ahead:
            id = ahead.pop()
            if id in by_id and id not in used:
                used.add(id)
                ahead += _links(by_id[id])
        return [one for one in self.contained if one.get("id") in used]


def _links(value: Any) -> Iterator[str]:
    """The ids of the contained resources that a value refers to."""
    if isinstance(value, dict):
        link = value.get("reference")
        if isinstance(link, str) and link.startswith("#"):
            yield link[1:]
        for key, inner in value.items():
            if key != "contained":
                yield from _links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _links(inner)


def absolute(value: Any, base: str) -> Any:
    """A resource as others may read it: links within its server (at `base`) as whole addresses.

    >>> absolute({"output": [{"valueReference": {"reference": "PractitionerRole/7"}}]}, "https://x.example.org/fhir")
    {'output': [{'valueReference': {'reference': 'https://x.example.org/fhir/PractitionerRole/7'}}]}
    """
    if isinstance(value, list):
        return [absolute(one, base) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: absolute(inner, base) for key, inner in value.items()}
    found = _ADDRESS.fullmatch(text(value.get("reference")))
    return made | ({"reference": f"{base}/{value['reference']}"} if found and not found[1] else {})
