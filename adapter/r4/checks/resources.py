"""Resources within resources: contained ones (https://hl7.org/fhir/R4/references.html#contained), and those that Bundle and
Parameters carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks.bundles import bundle_faults
from adapter.r4.checks.faults import PAGES, Check, Fault, empty, moved, shown, wrong_json
from adapter.r4.checks.scope import BundleScope, Scope
from adapter.r4.definitions import resource_types

PAGE: Final = PAGES + "references.html#contained"
Checks = Callable[[str], Check]


def whole(value: Any, check_of: Checks, bundle: BundleScope | None = None) -> list[Fault]:
    """All that is wrong with a resource that stands by itself."""
    found, type = _type(value)
    if found:
        return found
    scope = Scope(value, bundle)
    faults = check_of(type)(value, scope) or []
    if scope.contained:
        faults += _unreferenced(value, scope)
    if type == "Bundle":
        faults += bundle_faults(value)
    return faults


def any_resource(check_of: Checks) -> Check:
    """The check of an element that may hold any resource: `Bundle.entry.resource`, `Parameters.parameter.resource`."""

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        return whole(value, check_of, scope.within) or None

    return check


def contained(check_of: Checks) -> Check:
    """The check of one contained resource."""

    def check(value: Any, scope: Scope) -> list[Fault] | None:
        found, type = _type(value)
        if found:
            return found
        if scope.root is not scope.resource:
            return [_rule("dom-2", "A contained resource contains no others.", "En ressurs i contained har ikke selv contained.")]
        inner = Scope(value, scope.bundle, scope)
        faults = check_of(type)(value, inner) or []
        scope.local |= {*inner.local, *(f"#{value.get('id')}" for to_container in inner.local if to_container == "#")}
        return faults + _contained_rules(value) or None

    return check


def _type(value: Any) -> tuple[list[Fault], str]:
    if value.__class__ is not dict:
        return wrong_json(value, "a resource (an object)", "en ressurs (et objekt)", "json.html"), ""
    if not value:
        return empty("A resource", "En ressurs"), ""
    type = value.get("resourceType")
    if type is None:
        en, nb = "A resource says its type: resourceType is missing.", "En ressurs oppgir typen sin: resourceType mangler."
        return [Fault(Kind.REQUIRED, en, nb, PAGES + "json.html#resources")], ""
    if type.__class__ is not str or type not in resource_types():
        en, nb = f"{shown(type)} is no resource type of R4.", f"{shown(type)} er ingen ressurstype i R4."
        return [Fault(Kind.INVALID, en, nb, PAGES + "resourcelist.html")], ""
    return [], type


def _contained_rules(value: dict[str, Any]) -> list[Fault]:
    meta = value.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    found = []
    if "id" not in value:
        en, nb = (
            "A contained resource needs an id, so that it can be referred to.",
            "En ressurs i contained må ha id, så den kan vises til.",
        )
        found.append(Fault(Kind.REQUIRED, en, nb, PAGE, where=".id"))
    if "versionId" in meta or "lastUpdated" in meta:
        en = "A contained resource has no meta.versionId or meta.lastUpdated."
        found += [_rule("dom-4", en, "En ressurs i contained har ikke meta.versionId eller meta.lastUpdated.")]
    if "security" in meta:
        found += [_rule("dom-5", "A contained resource has no meta.security.", "En ressurs i contained har ikke meta.security.")]
    return found


def _rule(key: str, en: str, nb: str) -> Fault:
    return Fault(Kind.INVARIANT, en, nb, key)


def _unreferenced(value: dict[str, Any], scope: Scope) -> list[Fault]:
    """dom-3: what is contained is referred to from the resource, or refers to it; and no two have one id."""
    found = []
    seen: set[str] = set()
    for index, inner in enumerate(value["contained"]):
        id = inner.get("id") if isinstance(inner, dict) else None
        if not isinstance(id, str):
            continue
        fault = None
        if id in seen:
            fault = _rule("dom-3", "Two contained resources have this id.", "To ressurser i contained har denne id-en.")
        elif f"#{id}" not in scope.local:
            en = "Nothing refers to this contained resource. Refer to it by # and its id, or leave it out."
            nb = "Ingenting viser til denne ressursen i contained. Vis til den med # og id-en, eller utelat den."
            fault = _rule("dom-3", en, nb)
        seen.add(id)
        if fault:
            found += moved([fault], f".contained[{index}]")
    return found
