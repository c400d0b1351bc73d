"""The functions of FHIRPath and those that FHIR adds (http://hl7.org/fhirpath/N1/#functions, https://hl7.org/fhir/R4/fhirpath.html#functions).

Each makes code of its input and its arguments. Not offered, and so refused: now(), today() and timeOfDay(), since the
same resource shall be judged alike at any time; htmlChecks(), since the checker judges narratives by itself; conformsTo(),
memberOf(), subsumes() and their like, since profiles and bindings are checked as such; aggregate().

It is long because the language has many of them: each is a few lines, and they stand in the order of the specification.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adapter.r4.fhirpath import values
from adapter.r4.fhirpath.code import (
    BOOLEAN,
    INTEGER,
    NOTHING_AT_ALL,
    Argument,
    Arguments,
    Around,
    Code,
    Function,
    Scope,
    each,
    many,
    one,
    saying_type,
    truth,
    value,
)
from adapter.r4.fhirpath.grammar import FHIRPathError, Member, Node, Variable
from adapter.r4.fhirpath.paths import as_type, is_type, join, member, union
from adapter.r4.fhirpath.references import resolved
from adapter.r4.fhirpath.scalars import SCALARS
from adapter.r4.fhirpath.tree import children, descendants, is_primitive, type_of
from adapter.r4.fhirpath.values import TEXT, family, plain


def call(name: str, of: Code, arguments: Arguments) -> Code:
    """The code of a call. FHIRPathError for a function that is not offered, or not with so many arguments."""
    if name not in _FUNCTIONS:
        raise FHIRPathError(f"no function {name[:64]}() is offered")
    least, most, function = _FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        raise FHIRPathError(f"{name}() does not take {len(arguments)} arguments")
    return function(of, arguments)


def _truth_of(of: Code, run: Callable[[Any], bool | None]) -> Code:
    """A boolean of the whole input collection."""
    items = many(of)
    return Code(lambda focus, around: run(items(focus, around)), BOOLEAN, single=True)


def _uses_index(node: Any) -> bool:
    return node == Variable("$index") or (isinstance(node, tuple) and any(_uses_index(part) for part in node))


def _tests(of: Code, argument: Argument) -> Callable[[Any, Around], list[tuple[Any, Any]]]:
    """Each item beside what the criterion says of it."""
    items, criterion = many(of), truth(argument.inner(Scope(of.type)))
    if not _uses_index(argument.node):
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


def _empty(of: Code, _: Arguments) -> Code:
    run = of.run
    if of.single:
        return Code(lambda focus, around: run(focus, around) is None, BOOLEAN, single=True)
    return Code(lambda focus, around: not run(focus, around), BOOLEAN, single=True)


def _exists(of: Code, arguments: Arguments) -> Code:
    if arguments:
        of = _where(of, arguments)
    run = of.run
    if of.single:
        return Code(lambda focus, around: run(focus, around) is not None, BOOLEAN, single=True)
    return Code(lambda focus, around: bool(run(focus, around)), BOOLEAN, single=True)


def _all(of: Code, arguments: Arguments) -> Code:
    tests = _tests(of, arguments[0])
    return Code(lambda focus, around: all(held is True for _, held in tests(focus, around)), BOOLEAN, single=True)


def _every(wanted: bool) -> Function:
    return lambda of, _: _truth_of(of, lambda items: all(plain(item) is wanted for item in items))


def _some(wanted: bool) -> Function:
    return lambda of, _: _truth_of(of, lambda items: any(plain(item) is wanted for item in items))


def _not(of: Code, _: Arguments) -> Code:
    get = truth(of)

    def negate(focus: Any, around: Around) -> bool | None:
        found = get(focus, around)
        return None if found is None else not found

    return Code(negate, BOOLEAN, single=True)


def _count(of: Code, _: Arguments) -> Code:
    items = many(of)
    return Code(lambda focus, around: len(items(focus, around)), INTEGER, single=True)


def _distinct(of: Code, _: Arguments) -> Code:
    items, static = many(of), of.type
    return Code(lambda focus, around: values.distinct(items(focus, around), static), static, single=False)


def _is_distinct(of: Code, _: Arguments) -> Code:
    static = of.type
    return _truth_of(of, lambda items: len(items) < 2 or len(values.distinct(items, static)) == len(items))


def _subset(*, turned: bool) -> Function:
    def function(of: Code, arguments: Arguments) -> Code:
        other = arguments[0].outer()
        small, large = (other, of) if turned else (of, other)
        a, b = _keys(small), _keys(large)
        return Code(lambda focus, around: set(a(focus, around)) <= set(b(focus, around)), BOOLEAN, single=True)

    return function


def _keys(code: Code) -> Callable[[Any, Around], list[Any]]:
    items, static = many(code), code.type
    return lambda focus, around: [values.key(item, static) for item in items(focus, around)]


# filtering and projection


def _where(of: Code, arguments: Arguments) -> Code:
    tests = _tests(of, arguments[0])
    return Code(lambda focus, around: [item for item, held in tests(focus, around) if held is True], of.type, single=False)


def _select(of: Code, arguments: Arguments) -> Code:
    items, inner = many(of), arguments[0].inner(Scope(of.type))
    project = many(inner)

    def run(focus: Any, around: Around) -> list[Any]:
        before = around.index
        made: list[Any] = []
        for around.index, item in enumerate(items(focus, around)):  # noqa: B020 - it is $index that counts
            made.extend(project(item, around))
        around.index = before
        return made

    return Code(run, inner.type, single=False)


def _repeat(of: Code, arguments: Arguments) -> Code:
    start = saying_type(of)
    inner = arguments[0].inner(Scope(""))  # what is found may be of another type than what it was found in
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


def _of_type(of: Code, arguments: Arguments) -> Code:
    return as_type(of, _type_argument(arguments[0].node))


def _is(of: Code, arguments: Arguments) -> Code:
    return is_type(of, _type_argument(arguments[0].node))


# parts of collections


def _part(pick: Callable[[Any], Any]) -> Function:
    """One item of the input by its place."""

    def function(of: Code, _: Arguments) -> Code:
        items = many(of)

        def run(focus: Any, around: Around) -> Any:
            found = items(focus, around)
            return pick(found) if found else None

        return of if of.single else Code(run, of.type, single=True)

    return function


def _only(of: Code, _: Arguments) -> Code:
    return Code(one(of), of.type, single=True)


def _slice(cut: Callable[[Any, int], Any], *, counted: bool = True) -> Function:
    """Some items of the input by their places."""

    def function(of: Code, arguments: Arguments) -> Code:
        items = many(of)
        number = value(arguments[0].outer()) if counted else lambda _, __: 1
        return Code(lambda focus, around: cut(items(focus, around), max(number(focus, around) or 0, 0)), of.type, single=False)

    return function


def _shared(*, wanted: bool) -> Function:
    """intersect(): the items that are also in the other collection, each once; exclude(): those that are not."""

    def function(of: Code, arguments: Arguments) -> Code:
        items, static = many(of), of.type
        other = _keys(arguments[0].outer())

        def run(focus: Any, around: Around) -> list[Any]:
            there = set(other(focus, around))
            found = [item for item in items(focus, around) if (values.key(item, static) in there) is wanted]
            return values.distinct(found, static) if wanted else found

        return Code(run, static, single=False)

    return function


def _joined(of_two: Callable[[Code, Code], Code]) -> Function:
    return lambda of, arguments: of_two(of, arguments[0].outer())


# the tree


def _children(of: Code, _: Arguments) -> Code:
    items, static = many(of), of.type
    return Code(
        lambda focus, around: [child for item in items(focus, around) for child in children(item, static)], "", single=False
    )


def _descendants(of: Code, _: Arguments) -> Code:
    items, static = many(of), of.type

    def run(focus: Any, around: Around) -> list[Any]:
        found = items(focus, around)
        if len(found) != 1 or found[0] is not around.resource:
            return [below for item in found for below in descendants(item, static)]
        if around.all is None:
            around.all = list(descendants(found[0], static))
        return around.all  # type: ignore[no-any-return]

    return Code(run, "", single=False)


# utility and FHIR's own


def _iif(of: Code, arguments: Arguments) -> Code:
    """One of two, by a criterion of the whole input collection; the other is not evaluated."""
    scope = Scope(of.type, of.single)
    criterion = truth(arguments[0].inner(scope))
    codes = [argument.inner(scope) for argument in arguments[1:]]
    same = len({code.type for code in codes if code is not NOTHING_AT_ALL}) == 1
    branches = [many(code) if same else saying_type(code) for code in [*codes, NOTHING_AT_ALL][:2]]
    run = of.run

    def choose(focus: Any, around: Around) -> Any:
        found = run(focus, around)
        return branches[0 if criterion(found, around) else 1](found, around)

    code = Code(choose, codes[0].type if same else "", single=False)
    return Code(one(code), code.type, single=True) if all(branch.single for branch in codes) else code


def _trace(of: Code, _: Arguments) -> Code:
    return of  # what is traced may be a person's


def _has_value(of: Code, _: Arguments) -> Code:
    items, static = many(of), of.type

    def run(focus: Any, around: Around) -> bool:
        found = items(focus, around)
        return len(found) == 1 and plain(found[0]) is not None and is_primitive(type_of(found[0], static))

    return Code(run, BOOLEAN, single=True)


def _get_value(of: Code, _: Arguments) -> Code:
    return each(of, of.type, lambda found: None if isinstance(found, dict) else found)


def _extension(of: Code, arguments: Arguments) -> Code:
    extensions = member(of, "extension")
    items, url = many(extensions), value(arguments[0].outer())

    def run(focus: Any, around: Around) -> list[Any]:
        wanted = url(focus, around)
        return [item for item in items(focus, around) if plain(item).get("url") == wanted]

    return Code(run, extensions.type, single=False)


def _resolve(of: Code, _: Arguments) -> Code:
    """What references lead to: contained resources as they are, others as no more than their type, where it is known."""
    if of.type and of.type != "Reference" and family(of.type) != TEXT:
        raise FHIRPathError(f"resolve() on {of.type}")
    items = many(of)

    def run(focus: Any, around: Around) -> list[Any]:
        found = (resolved(plain(item), around.root) for item in items(focus, around))
        return [target for target in found if target is not None]

    return Code(run, "", single=False)


_FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = SCALARS | {
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
    "iif": (2, 3, _iif),
    "trace": (1, 2, _trace),
    "hasValue": (0, 0, _has_value),
    "getValue": (0, 0, _get_value),
    "extension": (1, 1, _extension),
    "resolve": (0, 0, _resolve),
}
