"""Where a value stands in a resource: its FHIRPath, and the names by which R4 knows the place.

What walks through a resource keeps the keys and positions that it went by, which costs little (`("input", 0, "valueAddress")`);
the names are worked out for the few places that are told of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapter.r4.definitions import Element, json_names, resource_types, type_named

Place = Sequence[str | int]


def objects(node: Mapping[str, Any], wanted: Callable[[str, dict[str, Any]], bool], at: list[str | int]) -> list[Place]:
    """The places, below a node that stands at `at`, of the JSON objects that are wanted by key and content."""
    found: list[Place] = []
    _objects(node, wanted, at, found)
    return found


def _objects(node: Mapping[str, Any], wanted: Callable[..., bool], at: list[str | int], found: list[Place]) -> None:
    for key, value in node.items():
        if value.__class__ is dict:
            at.append(key)
            if wanted(key, value):
                found.append(tuple(at))
            _objects(value, wanted, at, found)
            at.pop()
        elif value.__class__ is list:
            at.append(key)
            for position, each in enumerate(value):
                if each.__class__ is dict:
                    at.append(position)
                    if wanted(key, each):
                        found.append(tuple(at))
                    _objects(each, wanted, at, found)
                    at.pop()
            at.pop()


def at(resource: Mapping[str, Any], place: Place) -> Any:
    """What stands at a place."""
    node: Any = resource
    for step in place:
        node = node[step]
    return node


def names(resource: Mapping[str, Any], place: Place) -> tuple[str, frozenset[str]]:
    """The FHIRPath of a place, and its names: the element's (`CareTeam.participant`) and its datatype's (`Address`).

    >>> task = {"resourceType": "Task", "input": [{"valueAddress": {}}]}
    >>> path, known = names(task, ("input", 0, "valueAddress"))
    >>> path, sorted(known)
    ('Task.input[0].value', ['Address', 'Task.input.value'])
    """
    path = _type(resource, "")
    known = frozenset((path,))
    node: Any = resource
    for step in place:
        node = node[step]
        if isinstance(step, int):
            path = f"{path}[{step}]"
            known = frozenset(_type(node, name) for name in known)
            continue
        path, known = _below(path, known, step, node)
    return path, known


def _below(path: str, known: frozenset[str], key: str, node: Any) -> tuple[str, frozenset[str]]:
    for name in known:
        element, type = _element(name, key.removeprefix("_"))
        if element is not None:
            return f"{path}.{element.name}", frozenset((_type(node, type), f"{name}.{element.name}"))
    return f"{path}.{key}", frozenset()


def _type(node: Any, otherwise: str) -> str:
    """The type of a resource, wherever it stands; of anything else what its element says."""
    said = node.get("resourceType") if isinstance(node, Mapping) else None
    return said if isinstance(said, str) and said in resource_types() else otherwise


def _element(type: str, key: str) -> tuple[Element | None, str]:
    """The element that a JSON name stands for, and its type."""
    try:
        elements = type_named(type).elements
    except KeyError:
        return None, ""
    if key in elements:
        return elements[key], elements[key].types[0]
    return next(((e, json_names(e)[key]) for e in elements.values() if e.choice and key in json_names(e)), (None, ""))
