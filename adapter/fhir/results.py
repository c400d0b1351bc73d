"""How the result of a search is to be given (https://hl7.org/fhir/R4/search.html#return): order, pages, parts, what lies beside.

>>> result = read("Task", [("_sort", "-authored-on"), ("_count", "1000000000"), ("_include", "Task:focus")])
>>> result.sort, result.count, result.includes[0].parameter
((('authored-on', True),), 200, 'focus')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from adapter.domain.problem import Finding, Problem
from adapter.fhir.clauses import fault, warning
from adapter.fhir.types import RESULT, TYPES, targets
from adapter.r4.definitions import type_named

MOST: Final = 200  # resources on a page
USUAL: Final = 50
SORTS: Final = 5
INCLUDES: Final = 30
SUMMARIES: Final = ("true", "text", "data", "count", "false")
TOTALS: Final = ("none", "estimate", "accurate")

Pairs = Sequence[tuple[str, str]]


class Include(NamedTuple):
    """Resources to give beside those found: what `parameter` of `source` points to, or with `reverse` those that point here.

    `target` narrows the types pointed to; `iterate` follows what was included too.
    """

    source: str
    parameter: str
    target: str = ""
    reverse: bool = False
    iterate: bool = False


@dataclass
class Result:
    """What was asked for. `count` is 0 where only the number is wanted; `total` and `summary` are empty where not said.

    `kept` are the parameters as they are used, for the link *self*; `ignored` tells of what was left out.
    """

    sort: tuple[tuple[str, bool], ...] = ()
    count: int = USUAL
    total: str = ""
    summary: str = ""  # true, text or data
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    kept: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[Finding] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)


def read(type: str, pairs: Pairs) -> Result:
    """The parameters of the result among `pairs`; those of another kind are passed over. What is wrong is in `faults`."""
    result = Result()
    said = {bare: [(name, value) for name, value in pairs if name.partition(":")[0] == bare] for bare in RESULT}
    for bare, given in said.items():
        if given:
            try:
                _READERS[bare](result, type, given)
            except Problem as problem:
                result.faults += problem.findings
    if result.summary and result.elements:
        result.faults += fault("_elements", "and _summary are two ways: use one", "og _summary er to måter: bruk én").findings
    if result.summary == "text" and result.includes:  # search.html#summary
        result.faults += fault("_include", "does not go with _summary=text", "går ikke sammen med _summary=text").findings
    return result


def _sort(result: Result, type: str, given: Pairs) -> None:
    """`_sort=status,-date`: most significant first, `-` for descending (search.html#sort)."""
    names = [name for pair in _plain(given) for name in pair[1].split(",") if name]
    if len(names) > SORTS:
        raise fault("_sort", f"takes {SORTS} parameters at most", f"tar høyst {SORTS} parametere")
    known = [name for name in names if name.removeprefix("-") in TYPES[type]]
    if len(known) < len(names):
        en, nb = (
            "names what cannot be sorted by: use search parameters",
            "nevner noe som ikke kan sorteres etter: bruk søkeparametere",
        )
        result.ignored.append(warning("_sort", en, nb))
    result.sort = tuple((name.removeprefix("-"), name.startswith("-")) for name in known)
    if known:
        result.kept.append(("_sort", ",".join(known)))


def _count(result: Result, _type: str, given: Pairs) -> None:
    value = _once(given)
    if not re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
        raise fault("_count", f"is a number from 0 to {MOST}", f"er et tall fra 0 til {MOST}")
    result.count = 0 if _counted_only(result) else min(MOST, int(value))
    result.kept.append(("_count", str(min(MOST, int(value)))))


def _total(result: Result, _type: str, given: Pairs) -> None:
    result.total = _one_of(given, TOTALS)
    result.kept.append(("_total", result.total))


def _summary(result: Result, _type: str, given: Pairs) -> None:
    value = _one_of(given, SUMMARIES)
    if value == "count":
        result.count = 0
    elif value != "false":
        result.summary = value
    result.kept.append(("_summary", value))


def _counted_only(result: Result) -> bool:
    return ("_summary", "count") in result.kept


def _elements(result: Result, type: str, given: Pairs) -> None:
    """Names of elements at the resource's top (search.html#elements)."""
    names = [name.strip().removesuffix("[x]") for _, value in _plain(given) for name in value.split(",") if name.strip()]
    known = tuple(name for name in dict.fromkeys(names) if name in type_named(type).elements)
    if len(known) < len(set(names)):
        result.ignored.append(warning("_elements", f"names what {type} has not", f"nevner noe som {type} ikke har"))
    result.elements = known
    if known:
        result.kept.append(("_elements", ",".join(known)))


def _include(result: Result, type: str, given: Pairs) -> None:
    """`Task:focus`, `Task:focus:CarePlan`; `:iterate` follows what was included too (search.html#include)."""
    for name, value in given:
        bare, _, modifier = name.partition(":")
        if modifier not in ("", "iterate"):
            raise fault(bare, "takes no modifier but :iterate", "tar ingen annen modifikator enn :iterate")
        wanted = _wanted(type, value, reverse=bare == "_revinclude", iterate=bool(modifier))
        if wanted is None:
            en = "names what cannot be included: /fhir/metadata lists what can"
            result.ignored.append(warning(bare, en, "nevner noe som ikke kan tas med: /fhir/metadata lister det som kan"))
        else:
            result.includes += (wanted,)
            if len(result.includes) > INCLUDES:
                raise fault(
                    bare, f"is given more than {INCLUDES} times: ask for less", f"er gitt mer enn {INCLUDES} ganger: be om mindre"
                )
            result.kept.append((name, value))


def _wanted(type: str, value: str, *, reverse: bool, iterate: bool) -> Include | None:
    """None for what the searched type does not have, or what does not point to it."""
    source, parameter, target = [*value.split(":"), "", ""][:3]
    served = targets(source, parameter)
    possible = [one for one in served if target in ("", one)]
    here = iterate or (type in possible if reverse else source == type)
    return Include(source, parameter, target, reverse, iterate) if possible and here and value.count(":") < 3 else None


def _passed(result: Result, _type: str, given: Pairs) -> None:
    """`_format` and `_pretty`, which HTTP's side reads."""
    result.kept += given


_READERS: Final[dict[str, Callable[[Result, str, Pairs], None]]] = {
    "_summary": _summary,
    "_count": _count,
    "_sort": _sort,
    "_total": _total,
    "_elements": _elements,
    "_include": _include,
    "_revinclude": _include,
    "_format": _passed,
    "_pretty": _passed,
}


def _plain(given: Pairs) -> Pairs:
    """As given, where no modifier was."""
    for name, _ in given:
        bare, colon, _ = name.partition(":")
        if colon:
            raise fault(bare, "takes no modifier: leave it out", "tar ingen modifikator: utelat den")
    return given


def _once(given: Pairs) -> str:
    values = {value for _, value in _plain(given)}
    if len(values) > 1:
        raise fault(given[0][0], "is given twice: give it once", "er gitt to ganger: gi den én gang")
    return values.pop()


def _one_of(given: Pairs, values: Sequence[str]) -> str:
    value = _once(given)
    if value not in values:
        raise fault(given[0][0], f"is one of {', '.join(values)}", f"er en av {', '.join(values)}")
    return value
