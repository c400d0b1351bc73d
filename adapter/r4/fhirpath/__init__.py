"""FHIRPath (http://hl7.org/fhirpath/N1), compiled to functions of plain JSON: for invariants and search parameters.

>>> overdue = compile("restriction.period.end < '2026-11-21'", "Task")
>>> task = {"resourceType": "Task", "restriction": {"period": {"end": "2026-11-01"}}}
>>> overdue(task, task)
[True]

What the definitions of R4 say of a type is worked out when compiling, so that a misspelt element, an unknown function or
a regular expression beyond our means is a `FHIRPathError` then, and never a rule that always holds.

Evaluating never fails: what FHIRPath calls an error at evaluation (several values where one is meant, the order of a
boolean), and a node whose JSON has not its type's form, which the checker has found already, give the empty result.
A rule is broken where it says `[False]`; empty is "cannot be said".

What is known of the type from elsewhere helps little with a resource that another refers to: see `references.py`.
Quantities are compared within one unit, none is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from adapter.r4.fhirpath.code import Around, Code, Scope, many, truth
from adapter.r4.fhirpath.compiler import Compiler
from adapter.r4.fhirpath.grammar import FHIRPathError, Member, TypeTest, parse
from adapter.r4.fhirpath.tree import Item, type_of_name
from adapter.r4.fhirpath.values import Undecided, plain

__all__ = ["FHIRPathError", "Item", "compile", "parse", "rule", "selection"]

# What a node that is not of its type's form makes of an evaluation.
_FORM: Final = (Undecided, AttributeError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)


@lru_cache(maxsize=4096)
def compile(expression: str, of: str) -> Callable[..., list[Any]]:
    """The function (node, resource, root) of an expression on nodes of a type ("Task", "Task.restriction", "Quantity").

    `resource` is `%resource`, the one around the node; `root` is `%rootResource`, where that is a contained one. The
    results are JSON values; an element that has extensions and no value is left out. A primitive node with an extension
    beside it is given as `Item(value, type, beside)`. Raises `FHIRPathError`.
    """
    run = many(_compiled(expression, of))

    def evaluate(node: Any, resource: Any, root: Any = None) -> list[Any]:
        try:
            found = run(node, Around(resource, resource if root is None else root, node))
        except _FORM:
            return []
        return [value for item in found if (value := plain(item)) is not None]

    return evaluate


@lru_cache(maxsize=4096)
def rule(expression: str, of: str) -> Callable[..., bool | None]:
    """As `compile`, for an expression that says whether a rule holds: True, False, or None where it cannot be said."""
    run = truth(_compiled(expression, of))

    def holds(node: Any, resource: Any, root: Any = None) -> bool | None:
        try:
            return run(node, Around(resource, resource if root is None else root, node))  # type: ignore[no-any-return]
        except _FORM:
            return None

    return holds


def selection(expression: str, of: str) -> tuple[Callable[[Any], Sequence[Any]], str]:
    """The function of a resource that gives the elements an expression selects, and the type that all of them have.

    The type is empty where each says its own, as an `Item` or as a resource. Elements with extensions alone are kept.
    """
    code = _compiled(expression, of)
    run, single = code.run, code.single
    nowhere = Around(None, None, None) if _is_path(parse(expression)) else None

    def select(resource: Any) -> Sequence[Any]:
        try:
            found = run(resource, nowhere or Around(resource, resource, resource))
        except _FORM:
            return ()
        return ((found,) if found is not None else ()) if single else found

    return select, code.type


def _is_path(tree: Any) -> bool:
    """Whether an expression is of steps alone, so that what surrounds the evaluation does not matter."""
    return isinstance(tree, Member | TypeTest) and (tree.of is None or _is_path(tree.of))


def _compiled(expression: str, of: str) -> Code:
    if type_of_name(of) is None:
        raise FHIRPathError(f"R4 has no type {of[:64]}")
    return Compiler(of).compile(parse(expression), Scope(of))
