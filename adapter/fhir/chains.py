"""Parameters of what lies beyond a reference: chains (https://hl7.org/fhir/R4/search.html#chaining) and `_has` (#has). Pure.

`patient.family=hansen` on Task asks for Tasks of Patients that `family=hansen` finds; `subject:Patient.family` where a
reference may lead to several types. `_has:Task:patient:status=requested` on Patient asks the other way: for Patients whom a
Task that `status=requested` finds refers to as its *patient*. Either may go on behind the other.

>>> chained("Task", "patient.family", "hansen", base="").ends[0].type
'Patient'
>>> has = chained("Patient", "_has:Task:patient:owner.name", "klinikken", base="")
>>> has.reverse, has.ends[0].type, has.ends[0].through[0].parameter
(True, 'Task', 'owner')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from adapter.fhir.clauses import clause, fault, shown
from adapter.fhir.types import TYPES, targets
from adapter.ports import Query, Through

HAS: Final = "_has"
STEPS: Final = 3
RULE: Final = "https://hl7.org/fhir/R4/search.html#chaining"
HAS_RULE: Final = "https://hl7.org/fhir/R4/search.html#has"


def is_chain(type: str, name: str) -> bool:
    """Whether a parameter's name is `_has`, or begins with one of the type's parameters and goes on behind a full stop."""
    first, stop, _ = name.partition(".")
    return _says_has(name) or (bool(stop) and first.partition(":")[0] in TYPES[type])


def chained(type: str, name: str, value: str, *, base: str, steps: int = STEPS) -> Through:
    """What `name=value` asks of what lies beyond. INVALID where no such chain is possible."""
    if _says_has(name):
        return _has(type, name, value, base, steps)
    first, _, rest = name.partition(".")
    bare, _, wanted = first.partition(":")
    able = [target for target in targets(type, bare) if wanted in ("", target) and _knows(target, rest)]
    if not able or not steps:
        raise fault(name, *_impossible(type, bare), rule=RULE)
    return Through(bare, tuple(_end(target, rest, value, base, steps - 1) for target in able))


def ends(through: Iterable[Through]) -> Iterator[Query]:
    """All that is searched on the way, and at its end."""
    for one in through:
        for end in one.ends:
            yield end
            yield from ends(end.through)


def _has(type: str, name: str, value: str, base: str, steps: int) -> Through:
    """`_has:Task:patient:status`: the type that refers, by which of its parameters, and what is asked of it."""
    _, source, parameter, rest = [*name.split(":", 3), "", "", ""][:4]
    if not steps or type not in targets(source, parameter) or not _knows(source, rest):
        raise fault(name, *_no_has(type), rule=HAS_RULE)
    return Through(parameter, (_end(source, rest, value, base, steps - 1),), reverse=True)


def _end(type: str, name: str, value: str, base: str, steps: int) -> Query:
    if is_chain(type, name):
        return Query(type, through=(chained(type, name, value, base=base, steps=steps),))
    asked = clause(type, name, value, base=base)
    return Query(type, () if asked is None else (asked,))


def _knows(type: str, name: str) -> bool:
    return _says_has(name) or _bare(name) in TYPES[type]


def _says_has(name: str) -> bool:
    return _bare(name) == HAS


def _bare(name: str) -> str:
    return name.partition(".")[0].partition(":")[0]


def _impossible(type: str, name: str) -> tuple[str, str]:
    able = ", ".join(targets(type, name)) or "no type that is served"
    kan = ", ".join(targets(type, name)) or "ingen type som tilbys"
    return (
        f"is no chain that can be followed: {shown(name)} leads to {able}; go on with a parameter of it, {STEPS} steps at most",
        f"er ingen kjede som kan følges: {shown(name)} går til {kan}; fortsett med en parameter for den typen, høyst {STEPS} ledd",
    )


def _no_has(type: str) -> tuple[str, str]:
    return (
        f"cannot be followed: write _has:[type]:[its reference to {type}]:[a parameter of it], {STEPS} steps at most",
        f"kan ikke følges: skriv _has:[type]:[dens referanse til {type}]:[en parameter for den], høyst {STEPS} ledd",
    )
