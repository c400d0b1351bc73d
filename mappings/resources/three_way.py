"""A change that was made of one version of an assignment, brought to another: three-way, element by element, of views.

    merged({"note": [a]}, {"note": [a, b]}, {"note": [c, a]}, {"note"})     # ({"note": [c, a, b]}, frozenset()): nothing is lost

Where each side has added to a list both additions stay. Where each has said something else of one element neither is chosen. Of
`status` the life judges instead (`adapter.domain.assignment`): a move holds from wherever it may begin.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

Body = dict[str, Any]

LISTS: Final = frozenset({"note", "relevantHistory", "input", "output"})


def merged(
    was: Mapping[str, Any], wanted: Mapping[str, Any], now: Mapping[str, Any], names: Collection[str]
) -> tuple[Body, frozenset[str]]:
    """`now` with the change from `was` to `wanted` in those elements, and the elements that `now` itself has changed otherwise."""
    made, against = dict(now), set()
    for name in names:
        if name in LISTS:
            value: Any = _united(was.get(name, []), wanted.get(name, []), now.get(name, []))
        else:
            value = wanted.get(name)
            if name != "status" and now.get(name) not in (was.get(name), value):
                against.add(name)
        made[name] = value
    return {name: value for name, value in made.items() if value not in (None, [], {})}, frozenset(against)


def _united(was: list[Any], wanted: list[Any], now: list[Any]) -> list[Any]:
    """What is there now, without what was taken away, and then what was added."""
    gone, new = _without(was, wanted), _without(wanted, was)
    return [*_without(now, gone), *_without(new, _without(now, was))]


def _without(some: list[Any], others: list[Any]) -> list[Any]:
    """Some without others, one for one."""
    left, kept = list(others), []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            kept.append(one)
    return kept
