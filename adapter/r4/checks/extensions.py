"""Extensions that R4 itself defines (https://hl7.org/fhir/R4/extensibility-registry.html): their value has the type they say,
and is a code of the value set that they require.

Others with the same beginning have been defined since; what R4 does not know is let be.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from adapter.domain.problem import Kind
from adapter.r4.checks import bindings
from adapter.r4.checks.faults import PAGES, Check, Fault, moved
from adapter.r4.checks.references import reference
from adapter.r4.checks.scope import Scope
from adapter.r4.definitions import KnownExtension, known_extension


def known_extension_faults(value: dict[str, Any], scope: Scope) -> list[Fault] | None:
    """What is wrong with the value of an extension whose form is right."""
    known = known_extension(str(value.get("url")))
    given = next((name for name in value if name.startswith("value")), None)
    if known is None or (given is None and any(name.startswith("_value") for name in value)):
        return None
    allowed = [f"value{type[0].upper()}{type[1:]}" for type in known.types]
    if given in allowed:
        check = _beyond_its_form(known, given.removeprefix("value"))
        return None if check is None else moved(check(value[given], scope) or [], ".value")
    if given is None and not allowed:
        return None
    needed = " or ".join(allowed) or "extensions, and no value"
    kreves = " eller ".join(allowed) or "utvidelser, og ingen verdi"
    en, nb = f"R4 defines this extension: it has {needed}.", f"R4 definerer denne utvidelsen: den har {kreves}."
    return [Fault(Kind.INVARIANT, en, nb, PAGES + "extensibility-registry.html")]


@cache
def _beyond_its_form(known: KnownExtension, type: str) -> Check | None:
    """What is asked of a value of that type whose form has been checked: where it may lead, or which codes it may be of."""
    if type == "Reference" and known.targets:
        return reference(_of_sound_form, known.targets)
    if type == "Code" and known.binding:
        return bindings.code_of(known.binding)
    if type == "CodeableConcept" and known.binding:
        return bindings.concept_of(known.binding, _of_sound_form)
    return None


def _of_sound_form(_: Any, __: Any) -> None:
    """Nothing more to say."""
