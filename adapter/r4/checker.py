"""The checker: everything that is wrong with a resource, at once (https://hl7.org/fhir/R4/validation.html).

The standard's own rules come first, then the profiles that the resource claims or the caller names, then the Norwegian
rules of identifiers. Nothing is fetched, nothing is changed.

>>> [f.where for f in check({"resourceType": "Task", "status": "done", "intent": "order", "for": {"reference": "Patient/"}})]
['Task.status', 'Task.for.reference']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from adapter.domain.problem import Finding, Kind, Severity
from adapter.r4.checks import quick
from adapter.r4.checks.compiled import check_of
from adapter.r4.checks.faults import FORM, MOST, PAGES, and_more, shown
from adapter.r4.checks.resources import whole
from adapter.r4.definitions import resource_types, type_named
from adapter.r4.norwegian import check_norwegian
from adapter.r4.profiles import check_extensions, check_profile, known

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"


class Claim(NamedTuple):
    """Where a profile is claimed, and whether the caller named it."""

    where: str
    named: bool


def check(resource: Any, *, type: str = "", profiles: Sequence[str] = ()) -> list[Finding]:
    """All findings on a parsed resource, at most 500. `type` is the type it must be; `profiles` go beside meta.profile's."""
    said = resource.get("resourceType") if isinstance(resource, dict) else None
    is_known = isinstance(said, str) and said in resource_types()
    try:
        findings = [] if quick.accepts(resource) else _full(resource, str(said) if is_known else type or "Resource")
    except RecursionError:
        return [_too_deep()]
    if type and is_known and said != type:
        findings.insert(0, _other_type(str(said), type))
    elif is_known and (claims := _claimed(resource, profiles)):
        findings += _profiled(resource, claims, _stumbling(findings))
    if len(findings) <= MOST:
        return findings
    errors_first = sorted(findings, key=lambda finding: finding.severity != "error")  # no crowd of warnings hides an error
    return [*errors_first[:MOST], and_more()]


def _full(resource: Any, root: str) -> list[Finding]:
    """What R4 says, and the rules of our extensions and of Norwegian identifiers."""
    findings = [fault.finding(root) for fault in whole(resource, check_of)]
    if not isinstance(resource, dict):
        return findings
    stumbling = _stumbling(findings)
    return findings + _tried(check_extensions, stumbling, resource) + _tried(check_norwegian, stumbling, resource)


def _profiled(resource: dict[str, Any], claims: Mapping[str, Claim], stumbling: bool) -> list[Finding]:
    """What the profiles say; one that is not known is an error where the caller named it, since he is owed an answer."""
    found, own = [], str(resource["resourceType"])
    for canonical, claim in claims.items():
        core = canonical.partition("|")[0].removeprefix(CORE)
        if known(canonical):
            found += _tried(check_profile, stumbling, resource, canonical)
        elif core not in _ancestry(own):
            is_type = canonical.startswith(CORE) and core in resource_types()
            found.append(_of_other(core, own, claim) if is_type else _unknown(canonical, claim))
    return found


def _ancestry(type: str) -> Iterator[str]:
    """The type and those that it is made of, as Task, DomainResource and Resource."""
    while type:
        yield type
        type = type_named(type).base


def _stumbling(findings: Sequence[Finding]) -> bool:
    return any(finding.kind in FORM for finding in findings)


def _tried(rules: Callable[..., list[Finding]], stumbling: bool, *of: Any) -> list[Finding]:
    """What the rules say; where the form is broken they may trip over it, and it has been told already."""
    try:
        return rules(*of)
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError):
        if stumbling:
            return []
        raise


def _too_deep() -> Finding:
    en, nb = "The resource is nested too deeply.", "Ressursen er nøstet for dypt."
    return Finding("error", Kind.MALFORMED, en, nb, rule=PAGES + "json.html")


def _other_type(said: str, wanted: str) -> Finding:
    en, nb = f"This is a {said}; a {wanted} is wanted here.", f"Dette er en {said}; her skal det være en {wanted}."
    return Finding("error", Kind.INVALID, en, nb, "resourceType", rule=PAGES + "http.html")


def _claimed(resource: dict[str, Any], profiles: Sequence[str]) -> dict[str, Claim]:
    """The profiles to judge by, each once."""
    meta, place = resource.get("meta"), f"{resource['resourceType']}.meta.profile"
    claims = meta.get("profile") if isinstance(meta, dict) else None
    found: dict[str, Claim] = {}
    for index, canonical in enumerate(claims if isinstance(claims, list) else ()):
        if isinstance(canonical, str):
            found.setdefault(canonical, Claim(f"{place}[{index}]", canonical in profiles))
    for canonical in profiles:
        found.setdefault(canonical, Claim(place, True))
    return found


def _of_other(wanted: str, own: str, claim: Claim) -> Finding:
    en, nb = f"The profile is for {wanted}, not for {own}.", f"Profilen er for {wanted}, ikke for {own}."
    return Finding("error", Kind.INVARIANT, en, nb, claim.where, rule=PAGES + "profiling.html")


def _unknown(canonical: str, claim: Claim) -> Finding:
    en = f"The profile {shown(canonical)} is not known here and was not checked."
    nb = f"Profilen {shown(canonical)} er ikke kjent her og ble ikke kontrollert."
    severity: Severity = "error" if claim.named else "warning"
    return Finding(severity, Kind.NOT_UNDERSTOOD, en, nb, claim.where, rule=PAGES + "profiling.html")
