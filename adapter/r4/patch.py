"""JSON Patch (RFC 6902, its pointers RFC 6901) on FHIR JSON: the patched copy, or a `Problem` that names the operation.

https://hl7.org/fhir/R4/http.html#patch: a patch is carried out whole or not at all. What copies add is bounded: each can
double a resource, so that thirty short operations would fill any memory.

Ours, since the well-known library takes true for 1 in a test, bounds nothing and does not say which operation failed; it is
the second opinion in the tests.

>>> apply({"status": "draft"}, [{"op": "replace", "path": "/status", "value": "requested"}])
{'status': 'requested'}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any, Final, NamedTuple, NoReturn

from adapter.domain.problem import Finding, Kind, Problem
from adapter.r4.json import encode, is_deeper
from adapter.r4.json_scan import MAX_DEPTH

MAX_OPERATIONS: Final = 100
MAX_COPIED: Final = 1024 * 1024  # bytes of JSON that all copies of a patch may add

_RULE: Final = "RFC 6902"
_NEEDS: Final = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from", "remove": ""}
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_HARMLESS = re.compile(r"(?:/(?:[A-Za-z_]{1,40}|[0-9]{1,4}|-)){1,8}")

Pointer = tuple[str, ...]


class _Step(NamedTuple):
    """One operation: its name for the reader, and its pointers taken apart."""

    shown: str
    op: str
    path: Pointer
    source: Pointer  # `from`
    value: Any


def apply(body: Any, operations: Any) -> Any:
    """The body after all operations, in their order; the body itself stays as it was.

    Problems: INVALID (400) with all that is no JSON Patch; TOO_COSTLY (413); BUSINESS_RULE (422) for the first operation
    that cannot be carried out or whose test does not hold, as the page above asks.
    """
    result, copied = deepcopy(body), 0
    for step in _read(operations):
        if step.op == "copy":
            copied += len(encode(_found(result, step, step.source)))
            if copied > MAX_COPIED:
                _refuse(step, "the patch copies too much", "patchen kopierer for mye", Kind.TOO_COSTLY)
        result = _OPERATIONS[step.op](result, step)
    return result


def _read(operations: Any) -> list[_Step]:
    """The operations, each checked; raises all that is wrong with them at once."""
    if not isinstance(operations, list):
        raise Problem(_invalid("A JSON Patch is an array of operations.", "En JSON Patch er en liste av operasjoner."))
    if len(operations) > MAX_OPERATIONS:
        en, nb = f"A patch has at most {MAX_OPERATIONS} operations.", f"En patch har høyst {MAX_OPERATIONS} operasjoner."
        raise Problem(Finding("error", Kind.TOO_COSTLY, en, nb, rule=_RULE))
    findings = [finding for at, operation in enumerate(operations, 1) for finding in _faults(at, operation)]
    if findings:
        raise Problem(*findings)
    return [_step(at, operation) for at, operation in enumerate(operations, 1)]


def _faults(at: int, operation: Any) -> list[Finding]:
    if not isinstance(operation, dict):
        return [_invalid(f"Operation {at} is no object.", f"Operasjon {at} er ikke et objekt.")]
    op = operation.get("op")
    if not isinstance(op, str) or op not in _NEEDS:
        return [_invalid(f"Operation {at}: op is one of {', '.join(_NEEDS)}.", f"Operasjon {at}: op er en av {', '.join(_NEEDS)}.")]
    found = []
    for name in ("path", "from") if _NEEDS[op] == "from" else ("path",):
        pointer = operation.get(name)
        if not isinstance(pointer, str) or not _POINTER.fullmatch(pointer):
            en = f"Operation {at} ({op}): {name} must be a JSON Pointer such as /note/0/text."
            found.append(_invalid(en, f"Operasjon {at} ({op}): {name} må være en JSON Pointer som /note/0/text."))
    if _NEEDS[op] == "value" and "value" not in operation:
        found.append(_invalid(f"Operation {at} ({op}) has no value.", f"Operasjon {at} ({op}) har ingen value."))
    return found


def _invalid(en: str, nb: str) -> Finding:
    return Finding("error", Kind.INVALID, en, nb, rule=_RULE)


def _step(at: int, operation: dict[str, Any]) -> _Step:
    op, path = operation["op"], operation["path"]
    place = f" {path}" if _HARMLESS.fullmatch(path) else ""
    source = _taken_apart(operation["from"]) if _NEEDS[op] == "from" else ()
    return _Step(f"{at} ({op}{place})", op, _taken_apart(path), source, operation.get("value"))


def _taken_apart(pointer: str) -> Pointer:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _add(body: Any, step: _Step) -> Any:
    return _put(body, step, deepcopy(step.value))


def _replace(body: Any, step: _Step) -> Any:
    _found(body, step, step.path)
    return _put(body, step, deepcopy(step.value), instead=True)


def _remove(body: Any, step: _Step) -> Any:
    return _without(body, step, step.path)


def _copy(body: Any, step: _Step) -> Any:
    return _put(body, step, deepcopy(_found(body, step, step.source)))


def _move(body: Any, step: _Step) -> Any:
    value = _found(body, step, step.source)
    if step.path == step.source:
        return body
    if step.path[: len(step.source)] == step.source:
        _refuse(step, "nothing can be moved into itself", "ingenting kan flyttes inn i seg selv")
    return _put(_without(body, step, step.source), step, value)


def _test(body: Any, step: _Step) -> Any:
    if not _same(_found(body, step, step.path), step.value):
        _refuse(step, "the test does not hold", "testen holder ikke")
    return body


_OPERATIONS: Final[dict[str, Callable[[Any, _Step], Any]]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
    "copy": _copy,
    "move": _move,
    "test": _test,
}


def _found(body: Any, step: _Step, pointer: Pointer) -> Any:
    """What the pointer leads to."""
    for part in pointer:
        if isinstance(body, dict) and part in body:
            body = body[part]
        elif isinstance(body, list) and _INDEX.fullmatch(part) and int(part) < len(body):
            body = body[int(part)]
        else:
            _refuse(step, "there is nothing at that place", "det er ingenting på det stedet")
    return body


def _put(body: Any, step: _Step, value: Any, *, instead: bool = False) -> Any:
    """The body with the value: a member set, an item set in (or `instead` of the one that is there), or all of it."""
    if not step.path:
        return value
    if is_deeper(value, MAX_DEPTH - len(step.path)):
        _refuse(step, f"there would be more than {MAX_DEPTH} levels", f"det ville bli mer enn {MAX_DEPTH} nivåer", Kind.TOO_COSTLY)
    around, last = _found(body, step, step.path[:-1]), step.path[-1]
    if isinstance(around, dict):
        around[last] = value
    elif isinstance(around, list) and last == "-":
        around.append(value)
    elif isinstance(around, list) and _INDEX.fullmatch(last) and int(last) <= len(around):
        around[int(last) : int(last) + instead] = [value]
    else:
        _refuse(step, "nothing can be put at that place", "ingenting kan settes på det stedet")
    return body


def _without(body: Any, step: _Step, pointer: Pointer) -> Any:
    _found(body, step, pointer)
    if not pointer:
        _refuse(step, "nothing would be left", "ingenting ville bli igjen")
    around = _found(body, step, pointer[:-1])
    del around[int(pointer[-1]) if isinstance(around, list) else pointer[-1]]
    return body


def _same(one: Any, other: Any) -> bool:
    """RFC 6902 4.6: numbers by their value, all else by type and content; `true` is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and _sort(one) == _sort(other)


def _sort(value: Any) -> type:
    return Decimal if type(value) is int or isinstance(value, Decimal) else type(value)


def _refuse(step: _Step, en: str, nb: str, kind: Kind = Kind.BUSINESS_RULE) -> NoReturn:
    text = (
        f"Operation {step.shown} of the patch: {en}. Nothing is changed.",
        f"Operasjon {step.shown} i patchen: {nb}. Ingenting er endret.",
    )
    raise Problem(Finding("error", kind, *text, rule=_RULE))
