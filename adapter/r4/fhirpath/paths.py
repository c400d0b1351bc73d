"""Steps along a path, types, and collections put together: what operators and functions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapter.r4.fhirpath import values
from adapter.r4.fhirpath.code import BOOLEAN, NOTHING_AT_ALL, Around, Code, focus_itself, many, one, saying_type, value
from adapter.r4.fhirpath.grammar import FHIRPathError
from adapter.r4.fhirpath.tree import ABSTRACT, NOTHING, go, step, type_of
from adapter.r4.fhirpath.values import named_type


def member(of: Code, name: str) -> Code:
    """The elements of that name of all items."""
    if of is NOTHING_AT_ALL:
        return of
    if not of.type:
        items = many(of)
        return Code(
            lambda focus, around: [found for item in items(focus, around) for found in go(item, "", name)], "", single=False
        )
    found = step(of.type, name)
    if found is None:
        raise FHIRPathError(f"{of.type} has no element {name[:64]}")
    code = Code(_walk(of, found.get, single=found.single), found.type, of.single and found.single)
    if found.narrow is None:
        return code
    narrow = found.narrow

    def to(type: str) -> Code | None:
        found = narrow(type)
        return found and Code(_walk(of, found.get, single=True), found.type, of.single)

    return code._replace(narrow=to)


def _walk(of: Code, get: Callable[[Any], Any], *, single: bool) -> Callable[[Any, Around], Any]:
    run = of.run
    if of.single and run is focus_itself:
        return lambda focus, _: get(focus)
    if of.single:
        nothing = None if single else NOTHING

        def from_one(focus: Any, around: Around) -> Any:
            node = run(focus, around)
            return nothing if node is None else get(node)

        return from_one
    if single:
        return lambda focus, around: [found for node in run(focus, around) if (found := get(node)) is not None]
    return lambda focus, around: [found for node in run(focus, around) for found in get(node)]


def indexed(of: Code, index: Code) -> Code:
    items, at = many(of), value(index)

    def pick(focus: Any, around: Around) -> Any:
        place = at(focus, around)
        found = items(focus, around)
        return None if place is None or not 0 <= place < len(found) else found[place]

    return Code(pick, of.type, single=True)


def is_type(of: Code, name: str) -> Code:
    """Whether the one item is of the type."""
    wanted, get, static = named_type(name), one(of), of.type

    def check(focus: Any, around: Around) -> bool | None:
        item = get(focus, around)
        return None if item is None else values.is_a(type_of(item, static), wanted)

    return Code(check, BOOLEAN, single=True)


def as_type(of: Code, name: str) -> Code:
    """The items of the type; of several, those that are (R4's own rules and search parameters count on that)."""
    wanted = named_type(name)
    if of.narrow is not None and (narrow := of.narrow(wanted)) is not None:
        return narrow
    if of.type and of.type not in ABSTRACT:
        return of if values.is_a(of.type, wanted) else NOTHING_AT_ALL
    items = many(of)

    def pick(focus: Any, around: Around) -> list[Any]:
        return [item for item in items(focus, around) if values.is_a(type_of(item, ""), wanted)]

    if not of.single:
        return Code(pick, "", single=False)
    return Code(lambda focus, around: next(iter(pick(focus, around)), None), "", single=True)


# collections


def union(left: Code, right: Code) -> Code:
    """All items of both, each once."""
    if left is NOTHING_AT_ALL or right is NOTHING_AT_ALL:
        other = right if left is NOTHING_AT_ALL else left
        return other if other.single else Code(_once(many(other), other.type), other.type, single=False)
    joined = join(left, right)
    return Code(_once(joined.run, joined.type), joined.type, single=False)


def join(left: Code, right: Code) -> Code:
    """All items of both, as often as they come."""
    same = left.type == right.type
    a, b = (many(left), many(right)) if same else (saying_type(left), saying_type(right))
    return Code(lambda focus, around: [*a(focus, around), *b(focus, around)], left.type if same else "", single=False)


def _once(items: Callable[[Any, Around], Any], static: str) -> Callable[[Any, Around], Any]:
    return lambda focus, around: values.distinct(items(focus, around), static)
