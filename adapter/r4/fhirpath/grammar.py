"""FHIRPath's grammar (http://hl7.org/fhirpath/N1/#grammar): text to a tree, by operator precedence.

>>> parse("status = 'done'")
Operator(name='=', left=Member(of=None, name='status'), right=Literal(value='done', type='System.String'))
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

LONGEST: Final = 10_000  # characters; the longest rule of R4 has 500


class FHIRPathError(ValueError):
    """An expression that cannot be used: it is not FHIRPath, names what the type lacks, or asks for what is not offered here.

    The message says which, for whoever wrote the expression; it holds no value of any resource.
    """


class Literal(NamedTuple):
    """A value as written; a quantity is `{"value": …, "code": …}`, nothing (`{}`) is None."""

    value: Any
    type: str


class Member(NamedTuple):
    """`of.name`; without `of`, the name is looked for in the present focus."""

    of: Node | None
    name: str


class Call(NamedTuple):
    """`of.name(arguments)`"""

    of: Node | None
    name: str
    arguments: tuple[Node, ...]


class Variable(NamedTuple):
    """`$this`, `$index`, or `%name`."""

    name: str


class Indexer(NamedTuple):
    """`of[at]`"""

    of: Node
    at: Node


class Operator(NamedTuple):
    """`left name right`; a sign has no left side."""

    name: str
    left: Node | None
    right: Node


class TypeTest(NamedTuple):
    """`of is type` or `of as type`."""

    name: str
    of: Node
    type: str


Node = Literal | Member | Call | Variable | Indexer | Operator | TypeTest

_TOKEN: Final = re.compile(
    r"""(?:\s+|//[^\n]*|/\*.*?\*/)*(?:
    (?P<time>@T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)
  | (?P<date>@\d{4}(?:-\d\d(?:-\d\d)?)?(?P<clock>T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<variable>%(?:`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'|[A-Za-z_]\w*)|\$(?:this|index|total))
  | (?P<quoted>`(?:[^`\\]|\\.)*`)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign><=|>=|!=|!~|[-+*/&|<>=~.,()\[\]{}])
  | (?P<end>\Z)
)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_PLAIN: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"} | {letter: letter for letter in "\\/'\"`"}

# From loose to tight: http://hl7.org/fhirpath/N1/#operator-precedence
_LEVELS: Final = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "~", "!=", "!~"),
    ("<=", "<", ">", ">="),
    ("|",),
    ("is", "as"),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
_PRECEDENCE: Final = {name: level for level, names in enumerate(_LEVELS) for name in names}
_TYPE_LEVEL: Final = _PRECEDENCE["is"]
_UNITS: Final = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
UNITS: Final = {unit + ending: unit for unit in _UNITS for ending in ("", "s")}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(expression: str) -> Node:
    """The tree of an expression. FHIRPathError where it is not FHIRPath."""
    if len(expression) > LONGEST:
        raise FHIRPathError(f"a FHIRPath expression of more than {LONGEST} characters")
    try:
        return _Parser(_tokens(expression)).whole()
    except RecursionError:
        raise FHIRPathError("a FHIRPath expression that is nested too deeply") from None


def _tokens(expression: str) -> list[_Token]:
    tokens = []
    at = 0
    while True:
        found = _TOKEN.match(expression, at)
        if found is None:
            raise FHIRPathError(f"not FHIRPath from character {at + 1}")
        kind = found.lastgroup or ""
        kind = "date" if kind == "clock" else kind
        tokens.append(_Token(kind, found.group(kind), found.start(kind)))
        if kind == "end":
            return tokens
        at = found.end()


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found.group(1):
            return chr(int(found.group(1), 16))
        if found.group(2) not in _PLAIN:
            raise FHIRPathError(f"an unknown escape \\{found.group(2)}")
        return _PLAIN[found.group(2)]

    return _ESCAPED.sub(one, text)


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def whole(self) -> Node:
        tree = self.expression(0)
        if self.next.kind != "end":
            raise self.unexpected()
        return tree

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def unexpected(self) -> FHIRPathError:
        what = f"{self.next.text[:20]!r}" if self.next.text else "the end"
        return FHIRPathError(f"{what} is not expected at character {self.next.at + 1}")

    def take(self, *kinds: str) -> str:
        if self.next.kind not in kinds:
            raise self.unexpected()
        self.at += 1
        return self.tokens[self.at - 1].text

    def sign(self, text: str) -> bool:
        """Whether the next token is this sign, which is then taken."""
        if self.next.kind != "sign" or self.next.text != text:
            return False
        self.at += 1
        return True

    def must(self, text: str) -> None:
        if not self.sign(text):
            raise self.unexpected()

    def expression(self, level: int) -> Node:
        left = self.unary()
        while self.next.kind in {"sign", "name"}:
            operator = self.next.text
            tightness = _PRECEDENCE.get(operator, -1)
            if tightness < level:
                break
            self.at += 1
            if tightness == _TYPE_LEVEL:
                left = TypeTest(operator, left, self.type_name())
            else:
                left = Operator(operator, left, self.expression(tightness + 1))
        return left

    def unary(self) -> Node:
        for sign in "+-":
            if self.sign(sign):
                return Operator(sign, None, self.unary())
        return self.path()

    def path(self) -> Node:
        node = self.term()
        while True:
            if self.sign("."):
                node = self.invocation(node)
            elif self.sign("["):
                node = Indexer(node, self.expression(0))
                self.must("]")
            else:
                return node

    def invocation(self, of: Node | None) -> Node:
        quoted = self.next.kind == "quoted"
        name = self.identifier()
        if quoted or not self.sign("("):
            return Member(of, name)
        arguments: list[Node] = []
        while not self.sign(")"):
            if arguments:
                self.must(",")
            arguments.append(self.expression(0))
        return Call(of, name, tuple(arguments))

    def identifier(self) -> str:
        text = self.take("name", "quoted")
        return _unescape(text[1:-1]) if text[0] == "`" else text

    def type_name(self) -> str:
        parts = [self.identifier()]
        while self.sign("."):
            parts.append(self.identifier())
        return ".".join(parts)

    def term(self) -> Node:
        kind, text, _ = self.next
        if kind == "name" and text in {"true", "false"}:
            self.at += 1
            return Literal(text == "true", "System.Boolean")
        if kind in {"name", "quoted"}:
            return self.invocation(None)
        if self.sign("("):
            inner = self.expression(0)
            self.must(")")
            return inner
        if self.sign("{"):
            self.must("}")
            return Literal(None, "")
        self.at += 1
        match kind:
            case "string":
                return Literal(_unescape(text[1:-1]), "System.String")
            case "number":
                return self.number(text)
            case "date":
                return Literal(text[1:].removesuffix("T"), "System.DateTime" if "T" in text else "System.Date")
            case "time":
                return Literal(text[2:], "System.Time")
            case "variable":
                return Variable(text[0] + _unescape(text[2:-1]) if text[1] in "`'" else text)
        self.at -= 1
        raise self.unexpected()

    def number(self, text: str) -> Node:
        value = Decimal(text) if "." in text else int(text)
        kind, unit, _ = self.next
        if kind == "string":
            self.at += 1
            return Literal({"value": value, "code": _unescape(unit[1:-1])}, "System.Quantity")
        if kind == "name" and unit in UNITS:
            self.at += 1
            return Literal({"value": value, "code": UNITS[unit]}, "System.Quantity")
        return Literal(value, "System.Decimal" if "." in text else "System.Integer")
