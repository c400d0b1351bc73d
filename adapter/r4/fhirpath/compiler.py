"""From the tree to closures: paths, operators and variables; functions are in `functions.py`.

What the definitions know is worked out here once, so that evaluating is little more than looking into dicts: an element
that may occur once needs no list, and the values of a choice are looked for under the name of their type.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from adapter.r4.fhirpath import times, values
from adapter.r4.fhirpath.code import (
    BOOLEAN,
    DECIMAL,
    INTEGER,
    NOTHING_AT_ALL,
    STRING,
    Around,
    Code,
    Scope,
    focus_itself,
    many,
    one,
    saying_type,
    this,
    truth,
    value,
)
from adapter.r4.fhirpath.grammar import UNITS, Call, FHIRPathError, Indexer, Literal, Member, Node, Operator, TypeTest, Variable
from adapter.r4.fhirpath.tree import ABSTRACT, NOTHING, ancestry, go, step, type_of, type_of_name
from adapter.r4.fhirpath.values import MOMENT, NUMBER, QUANTITY, TEXT, TRUTH, Undecided, family, named_type

# What `%name` stands for beside the resources: https://hl7.org/fhir/R4/fhirpath.html#variables
CONSTANTS: Final = {
    "%ucum": "http://unitsofmeasure.org",
    "%sct": "http://snomed.info/sct",
    "%loinc": "http://loinc.org",
}
_PREFIXES: Final = {"%vs-": "http://hl7.org/fhir/ValueSet/", "%ext-": "http://hl7.org/fhir/StructureDefinition/"}


class Compiler:
    """Compiles trees for one kind of evaluation: `type` is that of the node that the expression is evaluated on."""

    def __init__(self, type: str) -> None:
        self.type = type

    def compile(self, node: Node, scope: Scope) -> Code:
        """The code of a tree in a scope. FHIRPathError for what is not understood."""
        match node:
            case Literal(value=found, type=type):
                return Code(lambda _, __: found, type, single=True)
            case Member(of=None, name=name):
                return self.first(name, scope)
            case Member(of=of, name=name) if of is not None:
                return member(self.compile(of, scope), name)
            case Call(name=name):
                from adapter.r4.fhirpath.functions import call  # noqa: PLC0415 - functions compile their arguments here

                return call(self, node, scope)
            case Variable(name=name):
                return self.variable(name, scope)
            case Indexer(of=of, at=at):
                return _indexed(self.compile(of, scope), self.compile(at, scope))
            case TypeTest(name=name, of=of, type=type):
                code = self.compile(of, scope)
                return is_type(code, type) if name == "is" else as_type(code, type)
            case Operator(name=name, left=None, right=right):
                return _signed(name, self.compile(right, scope))
            case Operator(name="in", left=left, right=Operator(name="|") as right) if left is not None:
                return _in(self.compile(left, scope), self.heap(right, scope))
            case Operator(name=name, left=left, right=right) if left is not None:
                return _OPERATORS[name](self.compile(left, scope), self.compile(right, scope))
        raise FHIRPathError("not FHIRPath")

    def heap(self, node: Node, scope: Scope) -> Code:
        """The code of a union, where it does not matter how often an item comes."""
        if isinstance(node, Operator) and node.name == "|" and node.left is not None:
            return join(self.heap(node.left, scope), self.heap(node.right, scope))
        return self.compile(node, scope)

    def first(self, name: str, scope: Scope) -> Code:
        """A name that begins a path: an element of the focus, or the name of its type, which says nothing more."""
        if scope.type and step(scope.type, name) is not None:
            return member(this(scope), name)
        if name[0].isupper() and type_of_name(name) is not None:
            if not scope.type:
                return as_type(this(scope), name)
            if name in ancestry(scope.type):
                return this(scope)
            if "Resource" in ancestry(scope.type) and "Resource" in ancestry(name):
                return NOTHING_AT_ALL  # R4's search parameters name the elements of several resource types at once
        return member(this(scope), name)

    def variable(self, name: str, scope: Scope) -> Code:
        """`$this`, `$index`, and what `%` begins."""
        match name:
            case "$this":
                return this(scope)
            case "$index":
                return Code(lambda _, around: around.index, INTEGER, single=True)
            case "%context":
                return Code(lambda _, around: around.context, self.type, single=True)
            case "%resource":
                # Of an element of a datatype, only the evaluation knows the resource.
                root = self.type.split(".", maxsplit=1)[0]
                static = root if "DomainResource" in ancestry(root) or "Resource" in ancestry(root) else ""
                return Code(lambda _, around: around.resource, "" if static in ABSTRACT else static, single=True)
            case "%rootResource":
                return Code(lambda _, around: around.root, "", single=True)
        if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        for prefix, base in _PREFIXES.items():
            if name.startswith(prefix):
                return _constant(base + name.removeprefix(prefix))
        raise FHIRPathError(f"nothing is called {name[:64]}")


def _constant(text: str) -> Code:
    return Code(lambda _, __: text, STRING, single=True)


# paths


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


def _indexed(of: Code, index: Code) -> Code:
    items, at = many(of), value(index)

    def pick(focus: Any, around: Around) -> Any:
        place = at(focus, around)
        found = items(focus, around)
        return None if place is None or not 0 <= place < len(found) else found[place]

    return Code(pick, of.type, single=True)


# types


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


def _in(left: Code, right: Code) -> Code:
    a, b, of_a, of_b = one(left), many(right), left.type, right.type

    def run(focus: Any, around: Around) -> bool | None:
        x = a(focus, around)
        return None if x is None else any(values.equal(x, y, of_a, of_b) for y in b(focus, around))

    return Code(run, BOOLEAN, single=True)


def _contains(left: Code, right: Code) -> Code:
    return _in(right, left)


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


def _signed(name: str, code: Code) -> Code:
    if code.type and family(code.type) != NUMBER:
        raise FHIRPathError(f"a sign before {code.type}")
    get = value(code)
    if name == "+":
        return Code(get, code.type, single=True)

    def negate(focus: Any, around: Around) -> Any:
        found = get(focus, around)
        return None if found is None else -found

    return Code(negate, code.type, single=True)


_OPERATORS: Final[dict[str, Callable[[Code, Code], Code]]] = {
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
    "in": _in,
    "contains": _contains,
    "+": _plus,
    "-": _minus,
    "&": _together,
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(_divide, DECIMAL),
    "div": _arithmetic(_whole, INTEGER),
    "mod": _arithmetic(_rest),
}
