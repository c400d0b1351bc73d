"""The checker: everything that is wrong with a resource, at once (https://hl7.org/fhir/R4/validation.html).

The standard's own rules come first, then the profiles that the resource claims or the caller names, then the Norwegian
rules of identifiers. Nothing is fetched, nothing is changed.

>>> [f.where for f in check({"resourceType": "Task", "status": "done", "intent": "order", "for": {"reference": "Patient/"}})]
['Task.status', 'Task.for.reference']
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from adapter.domain.problem import Finding, Kind
from adapter.r4 import profiles as profile_rules
from adapter.r4.checks.compiled import check_of
from adapter.r4.checks.faults import FORM, PAGES, shown
from adapter.r4.checks.resources import whole
from adapter.r4.definitions import resource_types

MOST: Final = 500
CORE: Final = "http://hl7.org/fhir/StructureDefinition/"


def check(resource: Any, *, type: str = "", profiles: Sequence[str] = ()) -> list[Finding]:
    """All findings on a parsed resource, at most 500. `type` is the type it must be; `profiles` go beside meta.profile's."""
    try:
        faults = whole(resource, check_of)
    except RecursionError:
        return [_too_deep()]
    said = resource.get("resourceType") if isinstance(resource, dict) else None
    root = said if isinstance(said, str) and said in resource_types() else type or "Resource"
    findings = [fault.finding(root) for fault in faults]
    if type and said in resource_types() and said != type:
        findings.insert(0, _other_type(str(said), type))
    elif isinstance(resource, dict) and said in resource_types():
        findings += _beyond(resource, profiles, any(finding.kind in FORM for finding in findings))
    return findings if len(findings) <= MOST else [*findings[:MOST], _and_more(len(findings) - MOST)]


def _too_deep() -> Finding:
    en, nb = "The resource is nested too deeply.", "Ressursen er nøstet for dypt."
    return Finding("error", Kind.MALFORMED, en, nb, rule=PAGES + "json.html")


def _other_type(said: str, wanted: str) -> Finding:
    en, nb = f"This is a {said}; a {wanted} is wanted here.", f"Dette er en {said}; her skal det være en {wanted}."
    return Finding("error", Kind.INVALID, en, nb, "resourceType", rule=PAGES + "http.html")


def _and_more(count: int) -> Finding:
    en, nb = f"There are {count} findings more.", f"Det er {count} funn til."
    return Finding("information", Kind.INVALID, en, nb)


def _beyond(resource: dict[str, Any], profiles: Sequence[str], stumbling: bool) -> list[Finding]:
    """What profiles, extensions and the Norwegian rules say; where the form is broken, as far as they get."""
    rules = [partial(profile_rules.check_extensions, resource), partial(profile_rules.check_norwegian, resource)]
    found: list[Finding] = []
    for canonical in _claimed(resource, profiles):
        if profile_rules.known(canonical):
            rules.append(partial(profile_rules.check_profile, resource, canonical))
        elif canonical.partition("|")[0] != CORE + str(resource["resourceType"]):
            found.append(_unknown(canonical, resource))
    for rule in rules:
        try:
            found += rule()
        except (TypeError, ValueError, AttributeError, LookupError, RecursionError):
            if not stumbling:
                raise
    return found


def _claimed(resource: dict[str, Any], profiles: Sequence[str]) -> list[str]:
    """The profiles to judge by, each once."""
    meta = resource.get("meta")
    claims = meta.get("profile") if isinstance(meta, dict) else None
    said = [claim for claim in claims if isinstance(claim, str)] if isinstance(claims, list) else []
    return list(dict.fromkeys([*said, *profiles]))


def _unknown(canonical: str, resource: dict[str, Any]) -> Finding:
    en = f"The profile {shown(canonical)} is not known here and was not checked."
    nb = f"Profilen {shown(canonical)} er ikke kjent her og ble ikke kontrollert."
    return Finding(
        "warning", Kind.NOT_UNDERSTOOD, en, nb, f"{resource['resourceType']}.meta.profile", rule=PAGES + "profiling.html"
    )
