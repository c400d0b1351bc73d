"""The functions of FHIRPath and those that FHIR adds (http://hl7.org/fhirpath/N1/#functions, https://hl7.org/fhir/R4/fhirpath.html#functions).

Each makes code of its input and its arguments. Not offered, and so refused: now(), today() and timeOfDay(), since the
same resource shall be judged alike at any time; htmlChecks(), since the checker judges narratives by itself; conformsTo(),
memberOf(), subsumes() and their like, since profiles and bindings are checked as such; aggregate().
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any, Final

import re2  # type: ignore[import-untyped]

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
    each,
    many,
    one,
    saying_type,
    this,
    truth,
    value,
)
from adapter.r4.fhirpath.compiler import Compiler, as_type, is_type, join, member, union
from adapter.r4.fhirpath.grammar import Call, FHIRPathError, Literal, Member, Node, Variable
from adapter.r4.fhirpath.references import resolved
from adapter.r4.fhirpath.tree import children, descendants, is_primitive, type_of
from adapter.r4.fhirpath.values import TEXT, Undecided, family, plain

Function = Callable[[Compiler, Code, tuple[Node, ...], Scope], Code]
LONGEST_TEXT: Final = 1_000_000  # of what one evaluation may make by replacing


def call(compiler: Compiler, node: Call, scope: Scope) -> Code:
    """The code of a call. FHIRPathError for a function that is not offered, or not with so many arguments."""
    if node.name not in _FUNCTIONS:
        raise FHIRPathError(f"no function {node.name[:64]}() is offered")
    least, most, function = _FUNCTIONS[node.name]
    if not least <= len(node.arguments) <= most:
        raise FHIRPathError(f"{node.name}() does not take {len(node.arguments)} arguments")
    of = this(scope) if node.of is None else compiler.compile(node.of, scope)
    return function(compiler, of, node.arguments, scope)


def _truth_of(of: Code, run: Callable[[Any], bool | None]) -> Code:
    """A boolean of the whole input collection."""
    items = many(of)
    return Code(lambda focus, around: run(items(focus, around)), BOOLEAN, single=True)


def _inner(compiler: Compiler, of: Code, argument: Node) -> Code:
    """The code of an argument that is evaluated on each item of the input."""
    code = compiler.compile(argument, Scope(of.type))
    return code if not _uses_index(argument) else code._replace(narrow=None)


def _uses_index(node: Any) -> bool:
    return node == Variable("$index") or (isinstance(node, tuple) and any(_uses_index(part) for part in node))


def _tests(compiler: Compiler, of: Code, argument: Node) -> Callable[[Any, Around], list[tuple[Any, Any]]]:
    """Each item beside what the criterion says of it."""
    items, criterion = many(of), truth(_inner(compiler, of, argument))
    if not _uses_index(argument):
        return lambda focus, around: [(item, criterion(item, around)) for item in items(focus, around)]

    def indexed(focus: Any, around: Around) -> list[tuple[Any, Any]]:
        before = around.index
        tested: list[tuple[Any, Any]] = []
        for around.index, item in enumerate(items(focus, around)):  # noqa: B020 - it is $index that counts
            tested.append((item, criterion(item, around)))
        around.index = before
        return tested

    return indexed


# existence


def _empty(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    run = of.run
    if of.single:
        return Code(lambda focus, around: run(focus, around) is None, BOOLEAN, single=True)
    return Code(lambda focus, around: not run(focus, around), BOOLEAN, single=True)


def _exists(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
    if arguments:
        of = _where(compiler, of, arguments, scope)
    run = of.run
    if of.single:
        return Code(lambda focus, around: run(focus, around) is not None, BOOLEAN, single=True)
    return Code(lambda focus, around: bool(run(focus, around)), BOOLEAN, single=True)


def _all(compiler: Compiler, of: Code, arguments: tuple[Node, ...], _: Scope) -> Code:
    tests = _tests(compiler, of, arguments[0])
    return Code(lambda focus, around: all(held is True for _, held in tests(focus, around)), BOOLEAN, single=True)


def _every(wanted: bool) -> Function:
    return lambda _, of, __, ___: _truth_of(of, lambda items: all(plain(item) is wanted for item in items))


def _some(wanted: bool) -> Function:
    return lambda _, of, __, ___: _truth_of(of, lambda items: any(plain(item) is wanted for item in items))


def _not(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    get = truth(of)

    def negate(focus: Any, around: Around) -> bool | None:
        found = get(focus, around)
        return None if found is None else not found

    return Code(negate, BOOLEAN, single=True)


def _count(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    items = many(of)
    return Code(lambda focus, around: len(items(focus, around)), INTEGER, single=True)


def _distinct(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    items, static = many(of), of.type
    return Code(lambda focus, around: values.distinct(items(focus, around), static), static, single=False)


def _is_distinct(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    static = of.type
    return _truth_of(of, lambda items: len(items) < 2 or len(values.distinct(items, static)) == len(items))


def _subset(*, turned: bool) -> Function:
    def function(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
        other = compiler.compile(arguments[0], scope)
        small, large = (other, of) if turned else (of, other)
        a, b = _keys(small), _keys(large)
        return Code(lambda focus, around: set(a(focus, around)) <= set(b(focus, around)), BOOLEAN, single=True)

    return function


def _keys(code: Code) -> Callable[[Any, Around], list[Any]]:
    items, static = many(code), code.type
    return lambda focus, around: [values.key(item, static) for item in items(focus, around)]


# filtering and projection


def _where(compiler: Compiler, of: Code, arguments: tuple[Node, ...], _: Scope) -> Code:
    tests = _tests(compiler, of, arguments[0])
    return Code(lambda focus, around: [item for item, held in tests(focus, around) if held is True], of.type, single=False)


def _select(compiler: Compiler, of: Code, arguments: tuple[Node, ...], _: Scope) -> Code:
    items, inner = many(of), _inner(compiler, of, arguments[0])
    project = many(inner)

    def run(focus: Any, around: Around) -> list[Any]:
        before = around.index
        made: list[Any] = []
        for around.index, item in enumerate(items(focus, around)):  # noqa: B020 - it is $index that counts
            made.extend(project(item, around))
        around.index = before
        return made

    return Code(run, inner.type, single=False)


def _repeat(compiler: Compiler, of: Code, arguments: tuple[Node, ...], _: Scope) -> Code:
    start = saying_type(of)
    inner = compiler.compile(arguments[0], Scope(""))  # what is found may be of another type than what it was found in
    project = saying_type(inner)

    def run(focus: Any, around: Around) -> list[Any]:
        found: dict[Any, Any] = {}
        fresh = list(start(focus, around))
        while fresh:
            met = [item for source in fresh for item in project(source, around)]
            fresh = []
            for item in met:
                key = (type_of(item, ""), values.key(item, ""))
                if key not in found:
                    found[key] = item
                    fresh.append(item)
        return list(found.values())

    return Code(run, "", single=False)


def _type_argument(node: Node) -> str:
    match node:
        case Member(of=None, name=name):
            return name
        case Member(of=Member(of=None, name=space), name=name):
            return f"{space}.{name}"
    raise FHIRPathError("the name of a type is expected")


def _of_type(_: Compiler, of: Code, arguments: tuple[Node, ...], __: Scope) -> Code:
    return as_type(of, _type_argument(arguments[0]))


def _is(_: Compiler, of: Code, arguments: tuple[Node, ...], __: Scope) -> Code:
    return is_type(of, _type_argument(arguments[0]))


# parts of collections


def _part(pick: Callable[[Any], Any]) -> Function:
    """One item of the input by its place."""

    def function(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
        items = many(of)

        def run(focus: Any, around: Around) -> Any:
            found = items(focus, around)
            return pick(found) if found else None

        return of if of.single else Code(run, of.type, single=True)

    return function


def _only(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    return Code(one(of), of.type, single=True)


def _slice(cut: Callable[[Any, int], Any], *, counted: bool = True) -> Function:
    """Some items of the input by their places."""

    def function(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
        items = many(of)
        number = value(compiler.compile(arguments[0], scope)) if counted else lambda _, __: 1
        return Code(lambda focus, around: cut(items(focus, around), max(number(focus, around) or 0, 0)), of.type, single=False)

    return function


def _shared(*, wanted: bool) -> Function:
    """intersect(): the items that are also in the other collection, each once; exclude(): those that are not."""

    def function(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
        items, static = many(of), of.type
        other = _keys(compiler.compile(arguments[0], scope))

        def run(focus: Any, around: Around) -> list[Any]:
            there = set(other(focus, around))
            found = [item for item in items(focus, around) if (values.key(item, static) in there) is wanted]
            return values.distinct(found, static) if wanted else found

        return Code(run, static, single=False)

    return function


def _joined(of_two: Callable[[Code, Code], Code]) -> Function:
    return lambda compiler, of, arguments, scope: of_two(of, compiler.compile(arguments[0], scope))


# the tree


def _children(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    items, static = many(of), of.type
    return Code(
        lambda focus, around: [child for item in items(focus, around) for child in children(item, static)], "", single=False
    )


def _descendants(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    items, static = many(of), of.type

    def run(focus: Any, around: Around) -> list[Any]:
        found = items(focus, around)
        if len(found) != 1 or found[0] is not around.resource:
            return [below for item in found for below in descendants(item, static)]
        if around.all is None:
            around.all = list(descendants(found[0], static))
        return around.all  # type: ignore[no-any-return]

    return Code(run, "", single=False)


# texts


def _texts(run: Callable[..., Any], result: str) -> Function:
    """A function of a text and of texts or numbers; nothing where one of them is nothing."""

    def function(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
        _must_be_text(of)
        source = value(of)
        given = [value(compiler.compile(argument, scope)) for argument in arguments]

        def apply(focus: Any, around: Around) -> Any:
            text = source(focus, around)
            if text is None:
                return None
            if not isinstance(text, str):
                raise Undecided
            others = [one(focus, around) for one in given]
            return None if None in others else run(text, *others)

        return Code(apply, result, single=True)

    return function


def _must_be_text(of: Code) -> None:
    if of.type and family(of.type) not in {TEXT, values.MOMENT, values.TIME}:
        raise FHIRPathError(f"a function of texts on {of.type}")


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


def _replace(text: str, what: str, by: str) -> str:
    if (text.count(what) + 1) * len(by) > LONGEST_TEXT:
        raise Undecided
    return text.replace(what, by)


def _pattern(node: Node) -> Any:
    """A regular expression, which must stand in the expression itself.

    It runs on RE2, whose time grows with the text and not with the cleverness of the pattern: no pattern can stop the
    service, which any engine that backtracks allows (`(a+)+$`). What RE2 does not have, look-around and back
    references, is refused. `.` is also a line's end (the standard's "single line" mode).
    """
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        raise FHIRPathError("a regular expression must stand there as it is")
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = 1 << 23
    try:
        return re2.compile(node.value, options)
    except re2.error:
        raise FHIRPathError("a regular expression that is not understood") from None


def _matches(_: Compiler, of: Code, arguments: tuple[Node, ...], __: Scope) -> Code:
    """Whether the pattern is found anywhere in the text, as HL7 has since made clear; `^` and `$` bind it to the ends."""
    _must_be_text(of)
    search = _pattern(arguments[0]).search
    return each(of, BOOLEAN, lambda text: search(text) is not None)


def _replace_matches(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
    _must_be_text(of)
    pattern, source, by = _pattern(arguments[0]), value(of), value(compiler.compile(arguments[1], scope))

    def run(focus: Any, around: Around) -> str | None:
        text, other = source(focus, around), by(focus, around)
        if text is None or other is None:
            return None
        if (len(text) + 1) * len(other) > LONGEST_TEXT:
            raise Undecided
        return str(pattern.sub(other.replace("\\", "\\\\"), text))

    return Code(run, STRING, single=True)


def _chars(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    _must_be_text(of)
    return each(of, STRING, list, single=False)


# conversion: what cannot be converted is nothing


def _to_integer(found: Any) -> int | None:
    if isinstance(found, str):
        sign, digits = (found[:1], found[1:]) if found[:1] in {"+", "-"} else ("", found)
        return int(sign + digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    return int(found) if isinstance(found, int) else None


def _to_decimal(found: Any) -> Decimal | None:
    if not isinstance(found, str | int | Decimal):
        return None
    try:
        number = Decimal(found) if not isinstance(found, str) or found.strip("+-0123456789.") == "" else None
    except InvalidOperation:
        return None
    return number


def _to_string(found: Any) -> str | None:
    return None if isinstance(found, dict) else values.text_of(found)


def _to_boolean(found: Any) -> bool | None:
    if isinstance(found, bool):
        return found
    word = str(found).lower()
    return (
        True if word in {"true", "t", "yes", "y", "1", "1.0"} else False if word in {"false", "f", "no", "n", "0", "0.0"} else None
    )


def _to_date(found: Any) -> str | None:
    return found[:10] if isinstance(found, str) and times.parse(found) else None


def _to_date_time(found: Any) -> str | None:
    return found if isinstance(found, str) and times.parse(found) else None


def _to_time(found: Any) -> str | None:
    return found if isinstance(found, str) and times.parse_time(found) else None


def _to_quantity(found: Any) -> dict[str, Any] | None:
    if isinstance(found, dict):
        return found
    number = _to_decimal(found)
    return None if number is None or isinstance(found, bool) else {"value": number, "code": "1"}


def _converted(run: Callable[[Any], Any], result: str) -> Function:
    return lambda _, of, __, ___: each(of, result, run)


def _convertible(run: Callable[[Any], Any]) -> Function:
    return lambda _, of, __, ___: each(of, BOOLEAN, lambda found: run(found) is not None)


# numbers


def _number(run: Callable[..., Any], result: str) -> Function:
    """A function of a number and of numbers; nothing where one is nothing or the result is no number."""

    def function(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
        if of.type and family(of.type) != values.NUMBER:
            raise FHIRPathError(f"a function of numbers on {of.type}")
        source = value(of)
        given = [value(compiler.compile(argument, scope)) for argument in arguments]

        def apply(focus: Any, around: Around) -> Any:
            found = [source(focus, around), *(one(focus, around) for one in given)]
            if None in found:
                return None
            try:
                return run(*found)
            except (ValueError, OverflowError, InvalidOperation, ZeroDivisionError):
                return None

        return Code(apply, result or (INTEGER if of.type == INTEGER else DECIMAL), single=True)

    return function


def _real(run: Callable[..., float]) -> Callable[..., Decimal]:
    return lambda *numbers: Decimal(repr(run(*map(float, numbers))))


# utility and FHIR's own


def _iif(compiler: Compiler, of: Code, arguments: tuple[Node, ...], _: Scope) -> Code:
    """One of two, by a criterion of the whole input collection; the other is not evaluated."""
    scope = Scope(of.type, of.single)
    criterion = truth(compiler.compile(arguments[0], scope))
    codes = [compiler.compile(argument, scope) for argument in arguments[1:]]
    same = len({code.type for code in codes if code is not NOTHING_AT_ALL}) == 1
    branches = [many(code) if same else saying_type(code) for code in [*codes, NOTHING_AT_ALL][:2]]
    run = of.run

    def choose(focus: Any, around: Around) -> Any:
        found = run(focus, around)
        return branches[0 if criterion(found, around) else 1](found, around)

    code = Code(choose, codes[0].type if same else "", single=False)
    return Code(one(code), code.type, single=True) if all(branch.single for branch in codes) else code


def _trace(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    return of  # what is traced may be a person's


def _has_value(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    get, static = one(of), of.type

    def run(focus: Any, around: Around) -> bool:
        item = get(focus, around)
        return item is not None and plain(item) is not None and is_primitive(type_of(item, static))

    return Code(run, BOOLEAN, single=True)


def _get_value(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    return each(of, of.type, lambda found: None if isinstance(found, dict) else found)


def _extension(compiler: Compiler, of: Code, arguments: tuple[Node, ...], scope: Scope) -> Code:
    extensions = member(of, "extension")
    items, url = many(extensions), value(compiler.compile(arguments[0], scope))

    def run(focus: Any, around: Around) -> list[Any]:
        wanted = url(focus, around)
        return [item for item in items(focus, around) if plain(item).get("url") == wanted]

    return Code(run, extensions.type, single=False)


def _resolve(_: Compiler, of: Code, __: tuple[Node, ...], ___: Scope) -> Code:
    """What references lead to: contained resources as they are, others as no more than their type, where it is known."""
    if of.type and of.type != "Reference" and family(of.type) != TEXT:
        raise FHIRPathError(f"resolve() on {of.type}")
    items = many(of)

    def run(focus: Any, around: Around) -> list[Any]:
        found = (resolved(plain(item), around.root) for item in items(focus, around))
        return [target for target in found if target is not None]

    return Code(run, "", single=False)


_FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    "empty": (0, 0, _empty),
    "exists": (0, 1, _exists),
    "all": (1, 1, _all),
    "allTrue": (0, 0, _every(True)),
    "allFalse": (0, 0, _every(False)),
    "anyTrue": (0, 0, _some(True)),
    "anyFalse": (0, 0, _some(False)),
    "not": (0, 0, _not),
    "count": (0, 0, _count),
    "distinct": (0, 0, _distinct),
    "isDistinct": (0, 0, _is_distinct),
    "subsetOf": (1, 1, _subset(turned=False)),
    "supersetOf": (1, 1, _subset(turned=True)),
    "where": (1, 1, _where),
    "select": (1, 1, _select),
    "repeat": (1, 1, _repeat),
    "ofType": (1, 1, _of_type),
    "as": (1, 1, _of_type),
    "is": (1, 1, _is),
    "first": (0, 0, _part(lambda items: items[0])),
    "last": (0, 0, _part(lambda items: items[-1])),
    "single": (0, 0, _only),
    "tail": (0, 0, _slice(lambda items, at: items[at:], counted=False)),
    "skip": (1, 1, _slice(lambda items, at: items[at:])),
    "take": (1, 1, _slice(lambda items, at: items[:at])),
    "intersect": (1, 1, _shared(wanted=True)),
    "exclude": (1, 1, _shared(wanted=False)),
    "union": (1, 1, _joined(union)),
    "combine": (1, 1, _joined(join)),
    "children": (0, 0, _children),
    "descendants": (0, 0, _descendants),
    "indexOf": (1, 1, _texts(str.find, INTEGER)),
    "substring": (1, 2, _texts(_substring, STRING)),
    "startsWith": (1, 1, _texts(str.startswith, BOOLEAN)),
    "endsWith": (1, 1, _texts(str.endswith, BOOLEAN)),
    "contains": (1, 1, _texts(str.__contains__, BOOLEAN)),
    "upper": (0, 0, _texts(str.upper, STRING)),
    "lower": (0, 0, _texts(str.lower, STRING)),
    "replace": (2, 2, _texts(_replace, STRING)),
    "matches": (1, 1, _matches),
    "replaceMatches": (2, 2, _replace_matches),
    "length": (0, 0, _texts(len, INTEGER)),
    "toChars": (0, 0, _chars),
    "toInteger": (0, 0, _converted(_to_integer, INTEGER)),
    "toDecimal": (0, 0, _converted(_to_decimal, DECIMAL)),
    "toString": (0, 0, _converted(_to_string, STRING)),
    "toBoolean": (0, 0, _converted(_to_boolean, BOOLEAN)),
    "toDate": (0, 0, _converted(_to_date, "System.Date")),
    "toDateTime": (0, 0, _converted(_to_date_time, "System.DateTime")),
    "toTime": (0, 0, _converted(_to_time, "System.Time")),
    "toQuantity": (0, 0, _converted(_to_quantity, "System.Quantity")),
    "convertsToInteger": (0, 0, _convertible(_to_integer)),
    "convertsToDecimal": (0, 0, _convertible(_to_decimal)),
    "convertsToString": (0, 0, _convertible(_to_string)),
    "convertsToBoolean": (0, 0, _convertible(_to_boolean)),
    "convertsToDate": (0, 0, _convertible(_to_date)),
    "convertsToDateTime": (0, 0, _convertible(_to_date_time)),
    "convertsToTime": (0, 0, _convertible(_to_time)),
    "convertsToQuantity": (0, 0, _convertible(_to_quantity)),
    "abs": (0, 0, _number(abs, "")),
    "ceiling": (0, 0, _number(lambda n: int(Decimal(n).to_integral_value(ROUND_CEILING)), INTEGER)),
    "floor": (0, 0, _number(lambda n: int(Decimal(n).to_integral_value(ROUND_FLOOR)), INTEGER)),
    "truncate": (0, 0, _number(int, INTEGER)),
    "round": (0, 1, _number(lambda n, places=0: values.rounded(n, places), DECIMAL)),
    "exp": (0, 0, _number(_real(math.exp), DECIMAL)),
    "ln": (0, 0, _number(_real(math.log), DECIMAL)),
    "log": (1, 1, _number(_real(math.log), DECIMAL)),
    "power": (1, 1, _number(_real(math.pow), DECIMAL)),
    "sqrt": (0, 0, _number(lambda n: Decimal(n).sqrt(), DECIMAL)),
    "iif": (2, 3, _iif),
    "trace": (1, 2, _trace),
    "hasValue": (0, 0, _has_value),
    "getValue": (0, 0, _get_value),
    "extension": (1, 1, _extension),
    "resolve": (0, 0, _resolve),
}
