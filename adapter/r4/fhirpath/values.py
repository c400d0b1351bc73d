"""When two values are equal, which comes first, and what type a value is of (http://hl7.org/fhirpath/N1/#operations).

A value is plain JSON, and its type says how to take it: a date and a string look alike. None is "cannot be said".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, Final

from adapter.r4.fhirpath import times
from adapter.r4.fhirpath.grammar import FHIRPathError
from adapter.r4.fhirpath.tree import Item, ancestry, is_primitive, type_of, type_of_name

TEXT: Final = "text"
NUMBER: Final = "number"
TRUTH: Final = "truth"
MOMENT: Final = "moment"
TIME: Final = "time"
QUANTITY: Final = "quantity"
COMPLEX: Final = "complex"
OPEN: Final = ""  # only the item tells

_FAMILIES: Final = {
    "boolean": TRUTH,
    "integer": NUMBER,
    "decimal": NUMBER,
    "date": MOMENT,
    "dateTime": MOMENT,
    "instant": MOMENT,
    "time": TIME,
    "Quantity": QUANTITY,
    "System.Boolean": TRUTH,
    "System.Integer": NUMBER,
    "System.Decimal": NUMBER,
    "System.String": TEXT,
    "System.Date": MOMENT,
    "System.DateTime": MOMENT,
    "System.Time": TIME,
    "System.Quantity": QUANTITY,
}
# The primitives of FHIR that a type of FHIRPath itself stands for. The standard's own rule que-7 asks a FHIR boolean
# whether it `is Boolean`, and means yes.
_SYSTEM: Final = {
    "System.Boolean": ("boolean",),
    "System.Integer": ("integer",),
    "System.Decimal": ("decimal",),
    "System.String": ("string", "uri", "base64Binary", "xhtml"),
    "System.Date": ("date",),
    "System.DateTime": ("dateTime", "instant"),
    "System.Time": ("time",),
    "System.Quantity": ("Quantity",),
}


class Undecided(Exception):
    """An evaluation that FHIRPath calls an error: several values where one was meant, or of the wrong type."""


@cache
def family(type: str) -> str:
    """How values of a type are compared."""
    if not type:
        return OPEN
    found = next((_FAMILIES[name] for name in ancestry(type) if name in _FAMILIES), None)
    return found or (TEXT if is_primitive(type) else COMPLEX)


def family_of(item: Any, static: str) -> str:
    """How this item is compared."""
    return family(static or type_of(item, ""))


@cache
def named_type(name: str) -> str:
    """The type that `is`, `as` and ofType() name: FHIR's, or FHIRPath's own (`System.String`, `String`)."""
    short = name.removeprefix("FHIR.")
    if type_of_name(short) is not None:
        return short
    system = name if name.startswith("System.") else f"System.{name}"
    if system in _SYSTEM:
        return system
    raise FHIRPathError(f"no type is called {name[:64]}")


@cache
def is_a(type: str, wanted: str) -> bool:
    """Whether values of the first type are values of the second."""
    line = ancestry(type)
    return wanted in line or any(name in line for name in _SYSTEM.get(wanted, ()))


def plain(item: Any) -> Any:
    """The JSON value of an item."""
    return item.value if type(item) is Item else item


def key(item: Any, static: str) -> Hashable:
    """What two equal items have in common, and no others."""
    value = plain(item)
    kind = family_of(item, static)
    if kind == MOMENT and isinstance(value, str):
        moment = times.parse(value)
        return (MOMENT, times.in_utc(moment) if moment else value)
    return _frozen(value)


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return frozenset((name, _frozen(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return (TRUTH, value) if isinstance(value, bool) else value


def equal(left: Any, right: Any, left_static: str, right_static: str) -> bool | None:
    """Whether two items are equal; None where what was said of a date, or a quantity's unit, leaves it open."""
    a, b = family_of(left, left_static), family_of(right, right_static)
    x, y = plain(left), plain(right)
    if x is None or y is None:
        return None
    if {a, b} <= {MOMENT, TEXT} and MOMENT in {a, b}:
        order = times.compare_texts(x, y)
        return None if order is None else order == 0
    if a == b == TIME:
        order = times.compare(times.parse_time(x), times.parse_time(y))
        return None if order is None else order == 0
    if a == b == QUANTITY:
        return equal_quantities(x, y)
    return _frozen(x) == _frozen(y)


def equal_quantities(left: dict[str, Any], right: dict[str, Any]) -> bool | None:
    """Whether two quantities of one unit are of one size. Units are not converted."""
    if _unit(left) != _unit(right):
        return None
    return bool(left.get("value") == right.get("value") and left.get("comparator") == right.get("comparator"))


def _unit(quantity: dict[str, Any]) -> Any:
    return quantity.get("code") or quantity.get("unit") or "1"


def compare(left: Any, right: Any, left_static: str, right_static: str) -> int | None:
    """-1, 0 or 1; None where it is open. Undecided where the two have no order."""
    a, b = family_of(left, left_static), family_of(right, right_static)
    x, y = plain(left), plain(right)
    if x is None or y is None:
        return None
    if {a, b} <= {MOMENT, TEXT} and MOMENT in {a, b}:
        return times.compare_texts(x, y)
    if a != b:
        raise Undecided
    if a == TIME:
        return times.compare(times.parse_time(x), times.parse_time(y))
    if a == QUANTITY:
        if _unit(x) != _unit(y) or "value" not in x or "value" not in y:
            return None
        x, y = x["value"], y["value"]
    elif a not in {TEXT, NUMBER}:
        raise Undecided
    return int(x > y) - int(x < y)


def equivalent(left: Any, right: Any, left_static: str, right_static: str) -> bool:
    """Whether two items are as good as equal: texts but for case and white space, numbers to the lesser's precision."""
    a, b = family_of(left, left_static), family_of(right, right_static)
    x, y = plain(left), plain(right)
    if a == b == NUMBER:
        places = max(min(-exponent(x), -exponent(y)), 0)
        return rounded(x, places) == rounded(y, places)
    if MOMENT in {a, b} or a == b == TIME:
        return equal(left, right, left_static, right_static) is True
    return _loose(x) == _loose(y)


def _loose(value: Any) -> Hashable:
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    if isinstance(value, dict):
        return frozenset((name, _loose(part)) for name, part in value.items() if name != "id")
    if isinstance(value, list):
        return frozenset(map(_loose, value))
    return _frozen(value)


def exponent(number: Any) -> int:
    """The power of ten of a number's last digit as it is written, 0 for whole numbers."""
    found = Decimal(number).as_tuple().exponent
    return found if isinstance(found, int) else 0


def rounded(number: Any, places: int) -> Decimal:
    """To so many places, halves away from zero."""
    return Decimal(number).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def distinct(items: Iterable[Any], static: str) -> list[Any]:
    """Each once, in their order."""
    seen: dict[Hashable, Any] = {}
    for item in items:
        seen.setdefault(key(item, static), item)
    return list(seen.values())


def text_of(value: Any) -> str:
    """A primitive value as FHIRPath writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(getattr(value, "text", value))
