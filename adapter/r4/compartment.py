"""Whose record a resource is, whom its patient has blocked from it, and where a reference leads. Pure.

A record is a patient's by the element that R4's patient compartment goes by (https://hl7.org/fhir/R4/compartmentdefinition-patient.html):
what the search parameter *patient* of its type is taken from. A Task, which that compartment leaves out, is by it too; a Binary
is by its `securityContext` (https://hl7.org/fhir/R4/binary.html).

>>> whose({"resourceType": "Task", "for": {"reference": "Patient/1"}}), whose({"resourceType": "Organization", "id": "1"})
('1', '')
>>> whose({"resourceType": "Flag", "subject": {"identifier": {"system": "urn:a", "value": "2"}}})
'urn:a|2'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from adapter.r4.fhirpath.references import type_in
from adapter.r4.parameters import PARAMETERS
from adapter.r4.systems import canonical_system
from mappings.resources.elements import NUMBERS

OPT_OUT: Final = {"OPTOUT", "OPTOUTE"}
"""Policies (v3-ActCode) by which a patient does not share, or does but for exceptions."""


def whose(resource: Mapping[str, Any], base: str = "") -> str:
    """The id of the Patient whose record the resource is, `system|value` where it is said by identifier, "" for nobody's.

    Of several the first counts (a Provenance names a Patient among its targets). `base` is our own address.
    """
    return next(iter(all_whose(resource, base)), "")


def all_whose(resource: Mapping[str, Any], base: str = "") -> tuple[str, ...]:
    """As `whose`, every name that the resource has for its patient or patients.

    >>> person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:a", "value": "1"}, {"value": "2"}]}
    >>> all_whose({"resourceType": "Flag", "subject": {"reference": "#p"}, "contained": [person]})
    ('urn:a|1', '|2')
    """
    if resource["resourceType"] == "Patient":
        return (resource["id"],) if resource.get("id") else ()
    said = resource.get(_element(resource["resourceType"]), ())
    references = said if isinstance(said, list) else (said,)
    return tuple(dict.fromkeys(name for one in references if one for name in _patient(one, resource, base) if name))


def names_of(identifiers: Iterable[Mapping[str, Any]]) -> list[str]:
    """What somebody is named by through these identifiers: national numbers first, by which others know them too."""
    known = [(canonical_system(one.get("system", "")), one["value"]) for one in identifiers if "value" in one]
    return [f"{system}|{value}" for system, value in sorted(known, key=lambda one: one[0] not in NUMBERS.values())]


@cache
def _element(type: str) -> str:
    """The element by which resources of a type are a patient's; "" where there is none."""
    if type == "Binary":
        return "securityContext"
    parameter = PARAMETERS.get(type, {}).get("patient")
    return parameter.expression.split(".")[1] if parameter else ""


def _patient(reference: Mapping[str, Any], resource: Mapping[str, Any], base: str) -> Sequence[str]:
    """The Patient that a reference leads to: here, else by its identifier or those of the contained one, else elsewhere."""
    type, address = target(reference, base)
    if type not in {"", "Patient"}:
        return ()
    if address and "/" not in address:
        return (address,)
    local: str = reference.get("reference", "")
    within: Mapping[str, Any] = next((one for one in resource.get("contained", ()) if local == f"#{one.get('id')}"), {})
    if within and within["resourceType"] != "Patient":
        return ()
    return names_of([reference.get("identifier", {}), *within.get("identifier", ())]) or [address]


def blocks(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """The organisation, HPR and national numbers that a Consent is a block against; none of any other resource.

    A block is a Consent about privacy (https://hl7.org/fhir/R4/valueset-consent-scope.html) that denies: the profile
    *patient-block*. It is in force while its status is active, which is not looked at here.
    """
    if resource["resourceType"] != "Consent" or not is_denial(resource):
        return ()
    actors = resource.get("provision", {}).get("actor", ())
    return tuple(one["value"] for actor in actors if "value" in (one := actor.get("reference", {}).get("identifier", {})))


def is_denial(consent: Mapping[str, Any]) -> bool:
    """Whether a Consent about privacy says no, anywhere in its provisions or by its policy; also one with no form."""
    about = _codings(consent.get("scope"))
    if not any(one.get("code") == "patient-privacy" for one in about):
        return False
    return _denies(consent.get("provision")) or any(one.get("code") in OPT_OUT for one in _codings(consent.get("policyRule")))


def _denies(provision: Any) -> bool:
    if not isinstance(provision, Mapping):
        return False
    within = provision.get("provision")
    return provision.get("type") == "deny" or any(_denies(one) for one in (within if isinstance(within, list) else ()))


def _codings(concept: Any) -> list[Mapping[str, Any]]:
    codings = concept.get("coding") if isinstance(concept, Mapping) else None
    return [one for one in codings if isinstance(one, Mapping)] if isinstance(codings, list) else []


def target(reference: Mapping[str, Any], base: str) -> tuple[str, str]:
    """The type that a reference leads to, as far as it says so, and its id or its whole address; empty where it has none."""
    address: str = reference.get("reference", "")
    said: str = reference.get("type", "")
    if not address or address[0] == "#":
        return said, ""
    if base:
        address = address.removeprefix(base.rstrip("/") + "/")
    address = address.partition("/_history/")[0]
    type, slash, id = address.partition("/")
    if slash and "/" not in id and ":" not in type:
        return type, id
    return type_in(address) or said, address
