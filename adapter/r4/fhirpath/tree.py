"""Where a type's elements lie in JSON: the steps that a path takes (https://hl7.org/fhir/R4/json.html).

An element that may have several types stands under a name that tells which (`valueQuantity`); what else is said of a
primitive value stands beside it (`_status`). A step is made once for a type and a name, and then asks a node for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from adapter.r4 import definitions

ABSTRACT: Final = frozenset({"Resource", "DomainResource"})
NOTHING: Final[Sequence[Any]] = ()


class Item(NamedTuple):
    """A value that does not speak for itself: of a type that only this item knows, or with an extension or id beside it."""

    value: Any  # None: nothing but what stands beside it
    type: str
    beside: Any = None  # of a primitive: `{"extension": …, "id": …}`


class Step(NamedTuple):
    """How to get an element from its parent's JSON: one value or None where `single`, else a sequence.

    `type` is the type of all values, or empty where each says its own: as an `Item`, or as a resource.
    """

    get: Callable[[Any], Any]
    type: str
    single: bool
    narrow: Callable[[str], Step | None] | None = None  # of a choice: the step to those of one type


@cache
def type_of_name(name: str) -> definitions.Type | None:
    """The type of that name, or None."""
    try:
        return definitions.type_named(name)
    except KeyError:
        return None


@cache
def ancestry(name: str) -> tuple[str, ...]:
    """A type and all that it is a specialisation of: Task, DomainResource, Resource."""
    found = type_of_name(name)
    return (name, *ancestry(found.base)) if found and found.base else (name,)


@cache
def is_primitive(name: str) -> bool:
    """Whether the type's values are plain JSON values."""
    found = type_of_name(name)
    return name.startswith("System.") if found is None else found.kind == "primitive"


@cache
def step(type: str, name: str) -> Step | None:
    """The step from a type to its element of that name, without the `[x]` of a choice. None where it has none."""
    if is_primitive(type):
        return _beside(name)
    parent = type_of_name(type)
    element = parent.elements.get(name) if parent else None
    if element is None:
        return None
    if element.choice and len(element.types) > 1:
        return _choice(definitions.json_names(element))
    [(key, kind)] = definitions.json_names(element).items()
    return _plain(key, kind, single=element.most == 1)


def _plain(key: str, type: str, *, single: bool) -> Step:
    of = "" if type in ABSTRACT else type
    if single:
        return Step(_primitive(key, type) if is_primitive(type) else lambda node: node.get(key), of, single=True)
    if is_primitive(type):
        return Step(_primitives(key, type), of, single=False)
    return Step(lambda node: node.get(key, NOTHING), of, single=False)


def _primitive(key: str, type: str) -> Callable[[Any], Any]:
    sibling = "_" + key

    def get(node: Any) -> Any:
        if sibling in node:
            return Item(node.get(key), type, node[sibling])
        return node.get(key)

    return get


def _primitives(key: str, type: str) -> Callable[[Any], Sequence[Any]]:
    sibling = "_" + key

    def get(node: Any) -> Sequence[Any]:
        values: Sequence[Any] = node.get(key, NOTHING)
        if sibling not in node:
            return values
        return [Item(value, type, beside) for value, beside in zip_longest(values, node[sibling])]

    return get


def _choice(types: dict[str, str]) -> Step:
    """A choice of types. A node has few names and a choice may have fifty, so that the node's are gone through."""
    keys = types | {"_" + key: type for key, type in types.items() if is_primitive(type)}

    def get(node: Any) -> Any:
        for key in node:
            if key in keys:
                plain = key.removeprefix("_")
                return Item(node.get(plain), keys[key], node.get("_" + plain))
        return None

    def narrow(type: str) -> Step | None:
        return next((_plain(key, type, single=True) for key, kind in types.items() if kind == type), None)

    return Step(get, "", single=True, narrow=narrow)


def _beside(name: str) -> Step | None:
    inner = step("Element", name)
    if inner is None:
        return None
    nothing = None if inner.single else NOTHING
    return inner._replace(get=lambda item: inner.get(item.beside) if type(item) is Item and item.beside else nothing)


def type_of(item: Any, static: str) -> str:
    """The type of an item, where `static` is what is known of all items of its collection."""
    if type(item) is Item:
        return item.type
    if static:
        return static
    if type(item) is dict:
        return str(item.get("resourceType", ""))
    return {bool: "System.Boolean", str: "System.String", int: "System.Integer"}.get(type(item), "System.Decimal")


def typed(item: Any, static: str) -> Any:
    """The item as one that says its own type."""
    if type(item) is Item or (type(item) is dict and "resourceType" in item) or not static:
        return item
    return Item(item, static)


def go(item: Any, static: str, name: str) -> Iterable[Any]:
    """The elements of that name of one item whose type is known only now; each says its own type."""
    kind = type_of(item, static)
    found = step(kind, name)
    if found is None:
        return NOTHING
    got = found.get(item if is_primitive(kind) or type(item) is not Item else item.value)
    if found.single:
        return NOTHING if got is None else (typed(got, found.type),)
    return [typed(one, found.type) for one in got]


def children(item: Any, static: str) -> Iterator[Any]:
    """All that the item is made of, in the order of its JSON."""
    kind = type_of(item, static)
    node = item.value if type(item) is Item else item
    if is_primitive(kind):
        kind, node = "Element", item.beside if type(item) is Item else None
    if not node:
        return
    steps = _steps(kind)
    for key in node:
        found = steps.get(key)
        if found is None or (key[0] == "_" and key[1:] in node):
            continue
        got = found.get(node)
        if found.single:
            yield typed(got, found.type)
        else:
            yield from [typed(one, found.type) for one in got]


@cache
def _steps(kind: str) -> dict[str, Step]:
    """The step to what each name in the JSON of a type stands for. A node has few of the names that its type allows."""
    found = type_of_name(kind)
    steps: dict[str, Step] = {}
    for element in found.elements.values() if found else ():
        for key, type in definitions.json_names(element).items():
            steps[key] = steps["_" + key] = _plain(key, type, single=element.most == 1)
    return steps


def descendants(item: Any, static: str) -> Iterator[Any]:
    """The children, their children, and so on, parents first."""
    for child in children(item, static):
        yield child
        yield from descendants(child, "")
