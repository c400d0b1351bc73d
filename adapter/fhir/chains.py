"""Chained parameters: resources by what they refer to (https://hl7.org/fhir/R4/search.html#chaining).

`patient.family=hansen` on Task asks for Tasks of Patients that `family=hansen` finds; `subject:Patient.family` where a
reference may lead to several types. It is two searches: what is referred to is found first, within the caller's own
organisation, and the answer is an ordinary clause of the reference.

>>> chained("Task", "patient.family", "hansen", base="").targets[0].type
'Patient'
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from adapter.domain.problem import Kind, problem
from adapter.fhir.clauses import clause, fault, shown
from adapter.fhir.types import TYPES, targets
from adapter.ports import Clause, Match, Query, Unit

MOST: Final = 500  # resources that one step may lead through: as many as a parameter may have alternatives
STEPS: Final = 3
RULE: Final = "https://hl7.org/fhir/R4/search.html#chaining"


class Chain(NamedTuple):
    """The reference `parameter` leads to a resource that one of `targets` finds."""

    parameter: str
    targets: tuple[Target, ...]


class Target(NamedTuple):
    """Resources of a type for which a further step holds; None where it asks nothing of them."""

    type: str
    step: Clause | Chain | None


def is_chain(type: str, name: str) -> bool:
    """Whether a parameter's name begins with one of the type's parameters and goes on behind a full stop."""
    first, stop, _ = name.partition(".")
    return bool(stop) and first.partition(":")[0] in TYPES[type]


def chained(type: str, name: str, value: str, *, base: str, steps: int = STEPS) -> Chain:
    """What `name=value` asks of the resources that are referred to. INVALID where no such chain is possible."""
    first, _, rest = name.partition(".")
    bare, _, wanted = first.partition(":")
    able = [target for target in targets(type, bare) if wanted in ("", target) and _has(target, rest)]
    if not able or not steps:
        raise fault(name, *_impossible(type, bare), rule=RULE)
    return Chain(bare, tuple(Target(target, _step(target, rest, value, base, steps - 1)) for target in able))


def leaves(chain: Chain) -> Iterator[Clause]:
    """What is asked at the chain's ends."""
    for target in chain.targets:
        if isinstance(target.step, Chain):
            yield from leaves(target.step)
        elif target.step is not None:
            yield target.step


def types_of(chain: Chain) -> Iterator[str]:
    """The types that are searched on the way."""
    for target in chain.targets:
        yield target.type
        if isinstance(target.step, Chain):
            yield from types_of(target.step)


def followed(unit: Unit, tenant: str, chain: Chain) -> Clause:
    """The chain as a clause of its reference, by the resources that its targets are now. TOO_COSTLY where they are many."""
    found = list(_found(unit, tenant, chain))
    if len(found) > MOST:
        name = shown(chain.parameter)
        raise problem(
            Kind.TOO_COSTLY,
            f"{name} leads through more than {MOST} resources: narrow the chain, or search for them first.",
            f"{name} går gjennom mer enn {MOST} ressurser: snevre inn kjeden, eller søk etter dem først.",
            where=f"http.{name}",
            rule=RULE,
        )
    return Clause(chain.parameter, found)


def _found(unit: Unit, tenant: str, chain: Chain) -> Iterator[Match]:
    for target in chain.targets:
        step = followed(unit, tenant, target.step) if isinstance(target.step, Chain) else target.step
        clauses = () if step is None else (step,)
        for one in unit.search(tenant, Query(target.type, clauses, limit=MOST + 1)).found:
            yield Match(target.type, one.id)


def _step(type: str, name: str, value: str, base: str, steps: int) -> Clause | Chain | None:
    return chained(type, name, value, base=base, steps=steps) if is_chain(type, name) else clause(type, name, value, base=base)


def _has(type: str, name: str) -> bool:
    return name.partition(".")[0].partition(":")[0] in TYPES[type]


def _impossible(type: str, name: str) -> tuple[str, str]:
    able = ", ".join(targets(type, name)) or "no type that is served"
    kan = ", ".join(targets(type, name)) or "ingen type som tilbys"
    return (
        f"is no chain that can be followed: {shown(name)} leads to {able}; go on with a parameter of it, {STEPS} steps at most",
        f"er ingen kjede som kan følges: {shown(name)} går til {kan}; fortsett med en parameter for den typen, høyst {STEPS} ledd",
    )
