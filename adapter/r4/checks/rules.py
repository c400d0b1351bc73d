"""The standard's invariants: those of the commonest types by hand, all others by their FHIRPath.

A rule takes the element that bears it and says whether it holds. By hand is a hundred times quicker, and where FHIRPath
cannot tell (dates of unlike precision) it says what the rule means. The forms that every element must have (ele-1) and the
rules of contained resources, references, narratives and Bundles stand beside what they judge.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4 import fhirpath
from adapter.r4.checks.faults import Fault
from adapter.r4.checks.moments import may_precede
from adapter.r4.checks.rule_texts import TEXTS
from adapter.r4.checks.scope import Scope
from adapter.r4.definitions import invariant

Rule = Callable[[Any, Scope], bool]
Json = dict[str, Any]

UCUM: Final = "http://unitsofmeasure.org"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"

ELSEWHERE: Final = frozenset(
    ("ele-1", "dom-2", "dom-3", "dom-4", "dom-5", "dom-6", "ref-1", "txt-1", "txt-2", "cid-0", *(f"bdl-{n}" for n in range(1, 13)))
)
"""Judged beside what they are about; dom-6 ("should have a narrative") by nobody, since it would be said of every resource,
and cid-0, since it is about an element that ChargeItemDefinition has not."""


def fault_of(name: str) -> Fault:
    """What to say of a broken rule."""
    rule = invariant(name)
    en, nb = TEXTS.get(name, (rule.human, f"Standardens regel {rule.key} er brutt: {rule.human}"))
    return Fault(Kind.INVARIANT, en, nb, rule.key, severity="warning" if rule.severity == "warning" else "error")


def rule_of(name: str, type: str) -> Rule:
    """The rule of that name, for elements of that type."""
    return BY_HAND.get(name) or _by_fhirpath(name, type)


def _by_fhirpath(name: str, type: str) -> Rule:
    """The rule as the standard writes it, compiled when first asked. What cannot be said is not held against anybody."""

    @cache
    def compiled() -> Callable[..., bool | None]:
        return fhirpath.rule(invariant(name).expression, type)

    return lambda value, scope: compiled()(value, scope.resource, scope.root) is not False


# --- what the rules have in common


def _is(name: str, value: Json) -> bool:
    """Is the element there, be it with an extension in place of its value?"""
    return name in value or "_" + name in value


def _value_or_parts(value: Json, _: Scope) -> bool:
    """ext-1: an extension has a value or extensions, never both."""
    return ("extension" in value) != any(name.startswith(("value", "_value")) for name in value)


def _several(value: Json, *names: str) -> int:
    return sum(_is(name, value) for name in names)


def _any_of(prefix: str, value: Json) -> bool:
    """Is the choice there, with whatever type?"""
    return any(name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isupper() for name in value)


def _has_coding(concept: Any, system: str, *codes: str) -> bool:
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return any(coding.get("system") == system and coding.get("code") in codes for coding in codings)


def _needs(*names: str) -> Rule:
    """At least one of these elements."""
    return lambda value, _: any(_is(name, value) for name in names)


def _at_most_one(*names: str) -> Rule:
    return lambda value, _: _several(value, *names) < 2


def _with(name: str, *needed: str) -> Rule:
    """Where the one is, the others are."""
    return lambda value, _: name not in value or all(_is(other, value) for other in needed)


def _in_order(earlier: str, later: str) -> Rule:
    def holds(value: Json, _: Scope) -> bool:
        first, last = value.get(earlier), value.get(later)
        return first is None or last is None or may_precede(first, last)

    return holds


def _not_negative(name: str) -> Rule:
    return lambda value, _: value.get(name) is None or value[name] >= 0


# --- datatypes


def _age(value: Json, _: Scope) -> bool:
    return _ucum(value) and (value.get("value") is None or value["value"] > 0)


def _ucum(value: Json) -> bool:
    return ("code" in value or "value" not in value) and value.get("system", UCUM) == UCUM


def _count(value: Json, _: Scope) -> bool:
    return _ucum(value) and value.get("code", "1") == "1" and "." not in str(value.get("value", ""))


def _duration(value: Json, _: Scope) -> bool:
    return "code" not in value or (value.get("system") == UCUM and "value" in value)


def _range(value: Json, _: Scope) -> bool:
    """Quantities of unlike units cannot be compared here, so they are not judged."""
    low, high = value.get("low"), value.get("high")
    if low is None or high is None or low.get("value") is None or high.get("value") is None:
        return True
    alike = all(low.get(unit) == high.get(unit) for unit in ("system", "code", "unit"))
    return not alike or low["value"] <= high["value"]


def _ratio(value: Json, _: Scope) -> bool:
    both = _several(value, "numerator", "denominator")
    return both == 2 or (both == 0 and "extension" in value)


def _offset(value: Json, _: Scope) -> bool:
    return "offset" not in value or ("when" in value and not {"C", "CM", "CD", "CV"} & set(value["when"]))


# --- resources


def _allergy_status(there: bool) -> Rule:
    """ait-1 and ait-2, con-5: a clinical status, unless the whole was entered in error; then none."""

    def holds(value: Json, _: Scope) -> bool:
        wrong = _has_coding(value.get("verificationStatus"), TERMINOLOGY + "allergyintolerance-verification", "entered-in-error")
        return wrong or "clinicalStatus" in value if there else not wrong or "clinicalStatus" not in value

    return holds


def _condition_entered_in_error(value: Json) -> bool:
    return _has_coding(value.get("verificationStatus"), TERMINOLOGY + "condition-ver-status", "entered-in-error")


def _condition_status(value: Json, _: Scope) -> bool:
    """con-3. The expression compares a concept with a text; what is meant is the coding."""
    listed = any(_has_coding(c, TERMINOLOGY + "condition-category", "problem-list-item") for c in value.get("category", ()))
    return "clinicalStatus" in value or not listed or _condition_entered_in_error(value)


def _abatement(value: Json, _: Scope) -> bool:
    ended = ("resolved", "remission", "inactive")
    return not _any_of("abatement", value) or _has_coding(value.get("clinicalStatus"), TERMINOLOGY + "condition-clinical", *ended)


def _on_behalf(value: Json, scope: Scope) -> bool:
    """ctm-1, as far as the address tells: only a Practitioner acts on behalf of an organisation."""
    if "onBehalfOf" not in value:
        return True
    member = value.get("member", {})
    address = member.get("reference", "")
    if address.startswith("#"):
        return bool(scope.contained.get(address[1:], "Practitioner") == "Practitioner")
    if scope.bundle is not None and address in scope.bundle.targets:
        return scope.bundle.targets[address] == "Practitioner"
    if address.count("/") > 0 and not address.startswith("urn:"):
        return "Practitioner" in address.split("/")
    return bool(member.get("type", "Practitioner") == "Practitioner")


def _patient_where(code: str) -> Rule:
    """ppc-2 to ppc-5: the consent of a patient names the patient."""
    return lambda value, _: "patient" in value or not _has_coding(value.get("scope"), TERMINOLOGY + "consentscope", code)


def _target_measure(value: Json, _: Scope) -> bool:
    return not _any_of("detail", value) or "measure" in value


def _value_or_reason(value: Json, _: Scope) -> bool:
    return "dataAbsentReason" not in value or not _any_of("value", value)


def _components(value: Json, _: Scope) -> bool:
    """obs-7: a value of its own only where no component has the same code."""
    if "component" not in value or not _any_of("value", value):
        return True
    own = {(c.get("system"), c.get("code")) for c in value.get("code", {}).get("coding", ())}
    parts = (c for component in value["component"] for c in component.get("code", {}).get("coding", ()))
    return not any((c.get("system"), c.get("code")) in own for c in parts)


def _not_home(value: Json, _: Scope) -> bool:
    return value.get("use") != "home"


BY_HAND: Final[dict[str, Rule]] = {
    "age-1": _age,
    "ait-1": _allergy_status(True),
    "ait-2": _allergy_status(False),
    "att-1": _with("data", "contentType"),
    "cnt-3": _count,
    "con-1": _needs("summary", "assessment"),
    "con-2": _needs("code", "detail"),
    "con-3": _condition_status,
    "con-4": _abatement,
    "con-5": lambda value, _: not _condition_entered_in_error(value) or "clinicalStatus" not in value,
    "cpl-3": _at_most_one("detail", "reference"),
    "cpt-2": _with("value", "system"),
    "ctm-1": _on_behalf,
    "dis-1": lambda value, _: _ucum(value),
    "drt-1": _duration,
    "ext-1": _value_or_parts,
    "exp-1": _needs("expression", "reference"),
    "gol-1": _target_measure,
    "obs-3": _needs("low", "high", "text"),
    "obs-6": _value_or_reason,
    "obs-7": _components,
    "org-1": _needs("identifier", "name"),
    "org-2": _not_home,
    "org-3": _not_home,
    "pat-1": _needs("name", "telecom", "address", "organization"),
    "per-1": _in_order("start", "end"),
    "ppc-1": _needs("policy", "policyRule"),
    "ppc-2": _patient_where("patient-privacy"),
    "ppc-3": _patient_where("research"),
    "ppc-4": _patient_where("adr"),
    "ppc-5": _patient_where("treatment"),
    "prr-1": _with("orderDetail", "code"),
    "qty-3": _with("code", "system"),
    "rat-1": _ratio,
    "rng-2": _range,
    "sqty-1": lambda value, _: "comparator" not in value,
    "Task.inv-1": _in_order("authoredOn", "lastModified"),
    "tim-1": _with("duration", "durationUnit"),
    "tim-2": _with("period", "periodUnit"),
    "tim-4": _not_negative("duration"),
    "tim-5": _not_negative("period"),
    "tim-6": _with("periodMax", "period"),
    "tim-7": _with("durationMax", "duration"),
    "tim-8": _with("countMax", "count"),
    "tim-9": _offset,
    "tim-10": _at_most_one("timeOfDay", "when"),
}
