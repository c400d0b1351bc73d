r"""One search parameter, from its text to the store's words (https://hl7.org/fhir/R4/search.html). Pure.

>>> found = clause("Task", "status:not", "completed,cancelled", base="")
>>> found.parameter, [match.value for match in found.any_of], found.negated
('status', ['completed', 'cancelled'], True)

A comma divides alternatives, `|` a system from its code; `\,` `\|` `\$` and `\\` are the characters themselves. All else is
literal: no character is a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.fhir.dates import matches
from adapter.fhir.types import TYPES, modifiers
from adapter.ports import Clause, Match
from adapter.r4.parameters import Parameter
from adapter.r4.systems import canonical_system
from adapter.r4.words import fold

ALTERNATIVES: Final = 500  # of a search: more than a page of ids, less than a database minds
STEPS: Final = 50  # of an address that `:above` is asked of
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
RELATIVE: Final = re.compile(r"([A-Z][A-Za-z]{1,40})/([A-Za-z0-9\-.]{1,64})")
VERSION: Final = re.compile(r"/_history/[A-Za-z0-9\-.]{1,64}$")
ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
NOTHING: Final = Clause("_id", (Match(value=""),))
"""No resource has it: what a parameter becomes that nothing can match."""


def clause(type: str, name: str, value: str, *, base: str) -> Clause | None:
    """What `name=value` asks of resources of the type; None where it asks nothing.

    `name` may carry a modifier; its bare form must be a parameter of the type. A modifier that the parameter does not have
    is `Problem` (INVALID): the standard has it refused, since what is meant would be turned around or widened.
    """
    bare, colon, modifier = name.partition(":")
    parameter = TYPES[type][bare]
    if colon and modifier not in modifiers(type, bare):
        raise fault(bare, *_no_modifier(type, bare), rule="https://hl7.org/fhir/R4/search.html#modifiers")
    if modifier == "missing":
        return Clause(bare, (Match(),), negated=_boolean(bare, value))
    kind = "token" if modifier == "identifier" else parameter.type
    any_of = tuple(match for item in alternatives(bare, value) for match in _matches(parameter, kind, modifier, item, base))
    if not any_of:
        return None if modifier == "not" else NOTHING
    return Clause(f"{bare}:identifier" if modifier == "identifier" else bare, any_of, negated=modifier == "not")


def alternatives(name: str, value: str) -> list[str]:
    """What stands between the commas, still escaped; empty ones count for nothing. INVALID where they are too many."""
    items = [item for item in _cut(value, ",") if item]
    if len(items) > ALTERNATIVES:
        raise too_many(name)
    return items


def too_many(name: str) -> Problem:
    """What is wrong where alternatives are more than `ALTERNATIVES`."""
    en = f"has more than {ALTERNATIVES} alternatives, alone or with the others: send fewer"
    return fault(name, en, f"har flere enn {ALTERNATIVES} alternativer, alene eller med de andre: send færre")


def plain(item: str) -> str:
    """An item without its escapes."""
    return re.sub(r"\\([\\,|$])", r"\1", item)


def parts(item: str) -> tuple[str | None, str]:
    """A token's system and code: None for the system where no `|` stands before the code."""
    system, *code = _cut(item, "|")
    return (plain(system), plain("|".join(code))) if code else (None, plain(system))


def _cut(text: str, mark: str) -> list[str]:
    """The text divided at each mark that no backslash escapes."""
    if "\\" not in text:
        return text.split(mark)
    pieces = [""]
    for unit in re.findall(r"\\.|.", text, re.DOTALL):
        if unit == mark:
            pieces.append("")
        else:
            pieces[-1] += unit
    return pieces


def _matches(parameter: Parameter, kind: str, modifier: str, item: str, base: str) -> Iterable[Match]:
    if parameter.name == "_id":
        return [Match(value=item)] if ID.fullmatch(item) else []
    match kind:
        case "token":
            return _token(parameter, item)
        case "reference":
            return _reference(parameter.name, modifier, plain(item), base)
        case "date":
            return matches(item, name=parameter.name, moment=parameter.name == "_lastUpdated")
        case "string":
            return [_string(modifier, plain(item))]
        case _:
            return _uri(parameter.name, modifier, plain(item))


def _token(parameter: Parameter, item: str) -> list[Match]:
    """system|code, |code (without a system), code (of any system), system| (any code): search.html#token."""
    system, code = parts(item)
    if not code and not system:
        raise fault(parameter.name, "is empty: write system|code", "er tom: skriv system|kode")
    system = canonical_system(system) if system else system
    if parameter.system and system is not None:  # a code element: its binding implies the system, which is not stored
        return [Match(value=code or None)] if system == parameter.system else []
    return [Match(system, code or None)]


def _reference(name: str, modifier: str, text: str, base: str) -> list[Match]:
    """id, Type/id or an address (search.html#reference); whatever version it names, its resource is meant."""
    text = VERSION.sub("", text.removeprefix(f"{base}/"))
    if relative := RELATIVE.fullmatch(text):
        type, id = relative.groups()
        return [Match(type, id)] if modifier in ("", type) else []
    if not ID.fullmatch(text) and not ABSOLUTE.fullmatch(text):
        raise fault(
            name, "is no reference: write an id, Type/id or an address", "er ingen referanse: skriv id, Type/id eller adresse"
        )
    return [Match(modifier or None, text)]


def _string(modifier: str, text: str) -> Match:
    """From its beginning, whatever the case and accents; `:contains` anywhere; `:exact` as it was said (search.html#string)."""
    if modifier == "exact":
        return Match(text, fold(text))
    return Match(value=fold(text), how="contains" if modifier == "contains" else "prefix")


def _uri(name: str, modifier: str, text: str) -> list[Match]:
    """As it is written; `:below` what lies under it, `:above` what it lies under, by whole steps (search.html#uri)."""
    if not modifier:
        return [Match(value=text)]
    address = text.rstrip("/")
    if "://" not in address:
        raise fault(name, f"takes :{modifier} of an address only, not of a URN", f"tar :{modifier} bare for en adresse")
    if modifier == "below":
        return [Match(value=address), Match(value=f"{address}/", how="prefix")]
    scheme, _, path = address.partition("://")
    steps = path.split("/")
    if len(steps) > STEPS:
        raise fault(name, f"has more than {STEPS} steps", f"har flere enn {STEPS} ledd")
    above = [f"{scheme}://{'/'.join(steps[:count])}" for count in range(1, len(steps) + 1)]
    return [Match(value=one + end) for one in above for end in ("", "/")]


def _boolean(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise fault(name, "takes true or false with :missing", "tar true eller false med :missing")
    return value == "true"


def _no_modifier(type: str, name: str) -> tuple[str, str]:
    known = ", ".join(f":{modifier}" for modifier in modifiers(type, name))
    if not known:
        return "takes no modifier: leave it out", "tar ingen modifikator: utelat den"
    return f"has not that modifier: use one of {known}, or none", f"har ikke den modifikatoren: bruk en av {known}, eller ingen"


def fault(name: str, en: str, nb: str, *, rule: str = "") -> Problem:
    """A parameter that cannot be understood. Its value is not repeated: it may be a person's."""
    said = shown(name)
    return problem(Kind.INVALID, f"{said} {en}.", f"{said} {nb}.", where=f"http.{said}", rule=rule)


def warning(name: str, en: str, nb: str) -> Finding:
    """Something that was asked for and left out."""
    said = shown(name)
    return Finding("warning", Kind.INVALID, f"{said} {en}.", f"{said} {nb}.", f"http.{said}")


def shown(name: str) -> str:
    """A parameter's name, as far as it is harmless to repeat: no markup, and no number that may be a person's."""
    return re.sub(r"[^A-Za-z0-9_.:-]|[0-9]{5,}", "?", name)[:64]
