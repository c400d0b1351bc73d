"""FHIR JSON, strictly: bytes become plain data, or a `Problem` that says where they are no JSON; and back, number for number.

RFC 8259 leaves open what a parser does with a name given twice, with numbers beyond its means and with half a surrogate
pair; parsers that differ there see different patients. So all of it is refused, with line and column, never the value:
names given twice, NaN and Infinity, numbers of more than 64 characters or beyond what a double can hold, half a surrogate
pair, control characters (https://hl7.org/fhir/R4/datatypes.html#string), a byte order mark, more than 64 levels. So are
more values than any resource has.

A decimal keeps its text, since its precision matters (https://hl7.org/fhir/R4/json.html#decimal).

>>> encode(parse(b'{"value": 12.50}'))
b'{"value":12.50}'
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final, Self

import msgspec

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.r4 import json_scan
from adapter.r4.json_scan import MAX_DEPTH, NUMBER, number_is_kept

MAX_VALUES: Final = 500_000
"""At most, counted by brackets and commas: as many as ten megabytes of ordinary FHIR have. A few bytes of JSON become hundreds."""


class Number(Decimal):
    """A number that is not a whole number of at most 18 digits: a Decimal that keeps the text it was read from.

    >>> Number("0.10") == Decimal("0.1"), Number("0.10").text
    (True, '0.10')
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """InvalidOperation for what is no number."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any, /) -> Self:  # Decimal's own would lose the text
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.text,)


def parse(data: bytes) -> Any:
    """What the bytes say. Objects are dicts in the sender's order, whole numbers int, others `Number`. Raises `Problem`."""
    brackets = data.count(b"{") + data.count(b"[")
    if brackets + data.count(b",") > MAX_VALUES:
        raise problem(
            Kind.TOO_COSTLY,
            f"The body has more than {MAX_VALUES} values: send it in parts.",
            f"Innholdet har flere enn {MAX_VALUES} verdier: send det i deler.",
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as fault:
        raise _not_utf8(data, fault.start) from None
    try:
        body = _DECODER.decode(text)
    except (ValueError, RecursionError):
        json_scan.check(text)
        raise
    if _SUSPECT.search(text) or "\ufffe" in text or "\uffff" in text or (brackets > MAX_DEPTH and is_deeper(body, MAX_DEPTH)):
        json_scan.check(text)
    return body


def encode(body: Any) -> bytes:
    """The body as JSON without white space; every `Number` in the text that it was read from."""
    return _ENCODER.encode(body)


def number(text: str) -> int | Number | None:
    """The number that a body with this text in it would hold; None where it is no number of JSON within our bounds.

    >>> number("7"), number("0.50").text, number("+7"), number("1e999")
    (7, '0.50', None, None)
    """
    if not NUMBER.fullmatch(text) or not number_is_kept(text):
        return None
    return Number(text) if set(".eE") & set(text) else _whole(text)


def is_deeper(body: Any, levels: int) -> bool:
    """Whether objects and arrays lie in each other more than so many levels deep, counted without recursion.

    >>> is_deeper([{}], 1), is_deeper([{}], 2)
    (True, False)
    """
    level: list[Any] = [[body]]
    for _ in range(levels + 1):
        level = [v for c in level for v in (c.values() if type(c) is dict else c) if type(v) is dict or type(v) is list]
        if not level:
            return False
    return True


# An escape for a control character, for a surrogate, which may be half a pair, or for what XML cannot hold.
_SUSPECT: Final = re.compile(r"\\(?:u00[01]|u[dD][89a-fA-F]|[bf]|u[fF]{3}[eEfF])")
_WHOLE: Final = 18


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _whole(text: str) -> int | Number:
    return int(text) if len(text) <= _WHOLE and text != "-0" else _decimal(text)


def _decimal(text: str) -> Number:
    if not number_is_kept(text):
        raise ValueError
    return Number(text)


def _constant(_: str) -> Any:
    raise ValueError


# The C scanner calls back for each object and each odd number only: half the time of any scanner in Python.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_constant)


def _raw(value: Any) -> msgspec.Raw:
    if isinstance(value, Number):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"no JSON for {type(value).__name__}")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_raw, decimal_format="number")


def _not_utf8(data: bytes, at: int) -> Problem:
    start = data.rfind(b"\n", 0, at) + 1
    return Problem(
        Finding(
            "error",
            Kind.MALFORMED,
            "The body is not UTF-8 from here on. Send UTF-8.",
            "Innholdet er ikke UTF-8 fra dette stedet. Send UTF-8.",
            line=data.count(b"\n", 0, at) + 1,
            column=len(data[start:at].decode()) + 1,
            rule="RFC 8259 8.1",
        )
    )
