"""FHIRPath's functions of texts and numbers, and conversions (http://hl7.org/fhirpath/N1/#string-manipulation, #math).

All give nothing where their input, or one of their arguments, is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any, Final

import re2  # type: ignore[import-untyped]

from adapter.r4.fhirpath import times, values
from adapter.r4.fhirpath.code import BOOLEAN, DECIMAL, INTEGER, STRING, Arguments, Around, Code, Function, each, value
from adapter.r4.fhirpath.grammar import FHIRPathError, Literal, Node
from adapter.r4.fhirpath.values import TEXT, Undecided, family

LONGEST_TEXT: Final = 1_000_000  # of what one evaluation may make by replacing

# texts


def _texts(run: Callable[..., Any], result: str) -> Function:
    """A function of a text and of texts or numbers; nothing where one of them is nothing."""

    def function(of: Code, arguments: Arguments) -> Code:
        _must_be_text(of)
        source = value(of)
        given = [value(argument.outer()) for argument in arguments]

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


def _matches(of: Code, arguments: Arguments) -> Code:
    """Whether the pattern is found anywhere in the text, as HL7 has since made clear; `^` and `$` bind it to the ends."""
    _must_be_text(of)
    search = _pattern(arguments[0].node).search
    return each(of, BOOLEAN, lambda text: search(text) is not None)


def _replace_matches(of: Code, arguments: Arguments) -> Code:
    _must_be_text(of)
    pattern, source, by = _pattern(arguments[0].node), value(of), value(arguments[1].outer())

    def run(focus: Any, around: Around) -> str | None:
        text, other = source(focus, around), by(focus, around)
        if text is None or other is None:
            return None
        if (len(text) + 1) * len(other) > LONGEST_TEXT:
            raise Undecided
        return str(pattern.sub(other.replace("\\", "\\\\"), text))

    return Code(run, STRING, single=True)


def _chars(of: Code, _: Arguments) -> Code:
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
    return lambda of, _: each(of, result, run)


def _convertible(run: Callable[[Any], Any]) -> Function:
    return lambda of, _: each(of, BOOLEAN, lambda found: run(found) is not None)


# numbers


def _number(run: Callable[..., Any], result: str) -> Function:
    """A function of a number and of numbers; nothing where one is nothing or the result is no number."""

    def function(of: Code, arguments: Arguments) -> Code:
        if of.type and family(of.type) != values.NUMBER:
            raise FHIRPathError(f"a function of numbers on {of.type}")
        source = value(of)
        given = [value(argument.outer()) for argument in arguments]

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


SCALARS: Final[dict[str, tuple[int, int, Function]]] = {
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
}
"""Name -> least and most arguments, and the function."""
