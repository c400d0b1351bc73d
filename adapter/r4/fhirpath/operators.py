"""FHIRPath's operators (http://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from adapter.r4.fhirpath import times, values
from adapter.r4.fhirpath.code import BOOLEAN, DECIMAL, INTEGER, STRING, Around, Code, many, one, truth, value
from adapter.r4.fhirpath.grammar import UNITS, FHIRPathError
from adapter.r4.fhirpath.paths import union
from adapter.r4.fhirpath.values import MOMENT, NUMBER, QUANTITY, TEXT, TRUTH, Undecided, family

# logic: http://hl7.org/fhirpath/N1/#boolean-logic


def _and(left: Code, right: Code) -> Code:
    a, b = truth(left), truth(right)

    def run(focus: Any, around: Around) -> bool | None:
        x = a(focus, around)
        if x is False:
            return False
        y = b(focus, around)
        return False if y is False else None if x is None or y is None else True

    return Code(run, BOOLEAN, single=True)


def _or(left: Code, right: Code) -> Code:
    a, b = truth(left), truth(right)

    def run(focus: Any, around: Around) -> bool | None:
        x = a(focus, around)
        if x:
            return True
        y = b(focus, around)
        return True if y else None if x is None or y is None else False

    return Code(run, BOOLEAN, single=True)


def _xor(left: Code, right: Code) -> Code:
    a, b = truth(left), truth(right)

    def run(focus: Any, around: Around) -> bool | None:
        x, y = a(focus, around), b(focus, around)
        return None if x is None or y is None else x is not y

    return Code(run, BOOLEAN, single=True)


def _implies(left: Code, right: Code) -> Code:
    a, b = truth(left), truth(right)

    def run(focus: Any, around: Around) -> bool | None:
        x = a(focus, around)
        if x is False:
            return True
        y = b(focus, around)
        return True if y else y if x else None

    return Code(run, BOOLEAN, single=True)


# equality and order


def equals(left: Code, right: Code) -> Callable[[Any, Around], bool | None]:
    """Whether both give the same items in the same order; None where one gives nothing or it is open."""
    a, b, of_a, of_b = many(left), many(right), left.type, right.type
    families = {family(of_a), family(of_b)}
    if left.single and right.single and families in ({TEXT}, {NUMBER}, {TRUTH}):
        x, y = value(left), value(right)

        def same(focus: Any, around: Around) -> bool | None:
            first, second = x(focus, around), y(focus, around)
            return None if first is None or second is None else bool(first == second)

        return same

    def run(focus: Any, around: Around) -> bool | None:
        first, second = a(focus, around), b(focus, around)
        if not first or not second:
            return None
        if len(first) != len(second):
            return False
        pairs = [values.equal(x, y, of_a, of_b) for x, y in zip(first, second, strict=True)]
        return False if False in pairs else None if None in pairs else True

    return run


def _equal(left: Code, right: Code) -> Code:
    return Code(equals(left, right), BOOLEAN, single=True)


def _unequal(left: Code, right: Code) -> Code:
    return _not(Code(equals(left, right), BOOLEAN, single=True))


def _not(code: Code) -> Code:
    run = code.run

    def negate(focus: Any, around: Around) -> bool | None:
        found = run(focus, around)
        return None if found is None else not found

    return Code(negate, BOOLEAN, single=True)


def _equivalent(left: Code, right: Code) -> Code:
    a, b, of_a, of_b = many(left), many(right), left.type, right.type

    def run(focus: Any, around: Around) -> bool:
        rest = list(b(focus, around))
        first = a(focus, around)
        if len(first) != len(rest):
            return False
        for x in first:
            found = next((at for at, y in enumerate(rest) if values.equivalent(x, y, of_a, of_b)), None)
            if found is None:
                return False
            del rest[found]
        return True

    return Code(run, BOOLEAN, single=True)


def _inequivalent(left: Code, right: Code) -> Code:
    return _not(_equivalent(left, right))


def _ordered(holds: Callable[[int, int], bool]) -> Callable[[Code, Code], Code]:
    def compiled(left: Code, right: Code) -> Code:
        a, b, of_a, of_b = one(left), one(right), left.type, right.type

        def run(focus: Any, around: Around) -> bool | None:
            x, y = a(focus, around), b(focus, around)
            if x is None or y is None:
                return None
            order = values.compare(x, y, of_a, of_b)
            return None if order is None else holds(order, 0)

        return Code(run, BOOLEAN, single=True)

    return compiled


def within(left: Code, right: Code) -> Code:
    a, b, of_a, of_b = one(left), many(right), left.type, right.type

    def run(focus: Any, around: Around) -> bool | None:
        x = a(focus, around)
        return None if x is None else any(values.equal(x, y, of_a, of_b) for y in b(focus, around))

    return Code(run, BOOLEAN, single=True)


def _contains(left: Code, right: Code) -> Code:
    return within(right, left)


# arithmetic: http://hl7.org/fhirpath/N1/#math


def _arithmetic(of: Callable[[Any, Any], Any], result: str = "") -> Callable[[Code, Code], Code]:
    """Of two numbers; division by zero, as all that no number answers, is nothing."""

    def compiled(left: Code, right: Code) -> Code:
        a, b = value(left), value(right)
        for code in (left, right):
            if code.type and family(code.type) != NUMBER:
                raise FHIRPathError(f"arithmetic with {code.type}")

        def run(focus: Any, around: Around) -> Any:
            x, y = a(focus, around), b(focus, around)
            return None if x is None or y is None else of(x, y)

        return Code(run, result or (INTEGER if left.type == right.type == INTEGER else DECIMAL), single=True)

    return compiled


def _divide(x: Any, y: Any) -> Any:
    return Decimal(x) / y if y else None


def _whole(x: Any, y: Any) -> Any:
    return int(Decimal(x) / y) if y else None  # towards zero


def _rest(x: Any, y: Any) -> Any:
    return x - y * int(Decimal(x) / y) if y else None


def _plus(left: Code, right: Code) -> Code:
    """Of numbers, of texts, or of a time and a span (`start + 14 days`)."""
    a, b = family(left.type), family(right.type)
    if a == b == TEXT:
        return _combined(left, right, operator.add, STRING)
    if a == MOMENT and b == QUANTITY:
        return _combined(left, right, _later, left.type)
    if not left.type or not right.type:
        return _combined(left, right, _sum, "")
    return _arithmetic(operator.add)(left, right)


def _sum(x: Any, y: Any) -> Any:
    """Of two values whose types are known only now: numbers, or texts."""
    if isinstance(x, bool | dict) or isinstance(x, str) is not isinstance(y, str):
        raise Undecided
    return x + y


def _minus(left: Code, right: Code) -> Code:
    if family(left.type) == MOMENT and family(right.type) == QUANTITY:
        return _combined(left, right, lambda when, span: _later(when, span | {"value": -span["value"]}), left.type)
    return _arithmetic(operator.sub)(left, right)


def _later(when: str, span: dict[str, Any]) -> str | None:
    # UCUM's own codes for spans up to the week are as good as the words; its years and months are of another length.
    unit = {"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "ms": "millisecond"}.get(
        span["code"], span["code"]
    )
    if unit not in UNITS:
        raise Undecided
    return times.plus(when, span["value"], unit)


def _combined(left: Code, right: Code, of: Callable[[Any, Any], Any], result: str) -> Code:
    a, b = value(left), value(right)

    def run(focus: Any, around: Around) -> Any:
        x, y = a(focus, around), b(focus, around)
        return None if x is None or y is None else of(x, y)

    return Code(run, result, single=True)


def _together(left: Code, right: Code) -> Code:
    """`&`: texts one after the other, nothing as the empty text."""
    a, b = value(left), value(right)
    return Code(lambda focus, around: (a(focus, around) or "") + (b(focus, around) or ""), STRING, single=True)


def signed(name: str, code: Code) -> Code:
    if code.type and family(code.type) != NUMBER:
        raise FHIRPathError(f"a sign before {code.type}")
    get = value(code)
    if name == "+":
        return Code(get, code.type, single=True)

    def negate(focus: Any, around: Around) -> Any:
        found = get(focus, around)
        return None if found is None else -found

    return Code(negate, code.type, single=True)


OPERATORS: Final[dict[str, Callable[[Code, Code], Code]]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
    "=": _equal,
    "!=": _unequal,
    "~": _equivalent,
    "!~": _inequivalent,
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "|": union,
    "in": within,
    "contains": _contains,
    "+": _plus,
    "-": _minus,
    "&": _together,
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(_divide, DECIMAL),
    "div": _arithmetic(_whole, INTEGER),
    "mod": _arithmetic(_rest),
}
