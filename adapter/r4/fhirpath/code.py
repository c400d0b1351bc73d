"""What a compiled expression is made of: a function of the focus, and what is known beforehand of what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from adapter.r4.fhirpath.grammar import Node
from adapter.r4.fhirpath.tree import NOTHING, typed
from adapter.r4.fhirpath.values import TRUTH, Undecided, family, plain

BOOLEAN = "System.Boolean"
STRING = "System.String"
INTEGER = "System.Integer"
DECIMAL = "System.Decimal"


class Around:
    """What surrounds an evaluation: `%resource`, `%rootResource`, `%context`, and `$index` where it is asked for."""

    __slots__ = ("all", "context", "index", "resource", "root")

    def __init__(self, resource: Any, root: Any, context: Any) -> None:
        self.resource = resource
        self.root = root
        self.context = context
        self.index = 0
        self.all: Any = None  # %resource.descendants(), which rules ask for again at each item


Run = Callable[[Any, Around], Any]


class Code(NamedTuple):
    """A compiled part: `run(focus, around)` gives one item or None where `single`, else a sequence.

    `type` is the type of all items; where it is empty, each says its own (`tree.Item`, or a resource's JSON).
    """

    run: Run
    type: str
    single: bool
    narrow: Callable[[str], Code | None] | None = None  # of a choice: the code for its values of one type


class Scope(NamedTuple):
    """What `$this` is: of which type, and whether one item or all of a collection (as in iif)."""

    type: str
    single: bool = True


class Argument(NamedTuple):
    """What stands between a call's parentheses; the function says what it is evaluated on."""

    node: Node
    compile: Callable[[Node, Scope], Code]
    around: Scope

    def outer(self) -> Code:
        """The code of an argument that is evaluated where the call stands, as most are."""
        return self.compile(self.node, self.around)

    def inner(self, scope: Scope) -> Code:
        """The code of one that is evaluated on the input of the function."""
        return self.compile(self.node, scope)


Arguments = Sequence[Argument]
Function = Callable[[Code, Arguments], Code]


def focus_itself(focus: Any, _: Around) -> Any:
    """What `$this` runs."""
    return focus


def this(scope: Scope) -> Code:
    """The focus itself."""
    return Code(focus_itself, scope.type, scope.single)


NOTHING_AT_ALL = Code(lambda _, __: NOTHING, "", single=False)


def many(code: Code) -> Callable[[Any, Around], Sequence[Any]]:
    """The code's items as a sequence."""
    if not code.single:
        return code.run
    run = code.run

    def listed(focus: Any, around: Around) -> Sequence[Any]:
        one = run(focus, around)
        return NOTHING if one is None else (one,)

    return listed


def one(code: Code) -> Run:
    """The code's only item, None where there is none. Undecided where there are several."""
    if code.single:
        return code.run
    run = code.run

    def only(focus: Any, around: Around) -> Any:
        items = run(focus, around)
        if len(items) > 1:
            raise Undecided
        return items[0] if items else None

    return only


def value(code: Code) -> Run:
    """The JSON value of the code's only item."""
    get = one(code)
    if code.type.startswith("System."):
        return get
    return lambda focus, around: plain(get(focus, around))


def truth(code: Code) -> Run:
    """True, False or None. A single item that is no boolean counts as true (http://hl7.org/fhirpath/N1/#boolean-logic)."""
    get = value(code)
    if code.type and family(code.type) == TRUTH:
        return get

    def decide(focus: Any, around: Around) -> Any:
        found = get(focus, around)
        return found if found is None or isinstance(found, bool) else True

    return decide


def saying_type(code: Code) -> Callable[[Any, Around], Sequence[Any]]:
    """The code's items, each as one that says its own type."""
    items = many(code)
    if not code.type:
        return items
    static = code.type
    return lambda focus, around: [typed(item, static) for item in items(focus, around)]


def each(code: Code, of: str, run: Callable[[Any], Any], *, single: bool = True) -> Code:
    """What a function makes of the value of the code's only item, nothing of nothing."""
    get = value(code)

    def apply(focus: Any, around: Around) -> Any:
        found = get(focus, around)
        return (None if single else NOTHING) if found is None else run(found)

    return Code(apply, of, single)
