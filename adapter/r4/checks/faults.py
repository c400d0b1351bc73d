"""What a check says, in both languages, and how it gets its place.

A check returns None where all is well, else a list of `Fault`s whose `where` is relative to what it was given; whoever
called it puts his own part before it. So a resource without faults costs no text at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from adapter.domain.problem import Finding, Kind, Severity

PAGES: Final = "https://hl7.org/fhir/R4/"
MOST: Final = 500
"""So many findings are enough for anybody; whoever has more of them stops looking."""
FORM: Final = frozenset({Kind.MALFORMED, Kind.REQUIRED, Kind.VALUE, Kind.INVALID})


class Fault:
    """A finding on its way up to the resource's root: `where` grows at its left end."""

    __slots__ = ("en", "kind", "nb", "rule", "severity", "where")

    def __init__(self, kind: Kind, en: str, nb: str, rule: str, *, where: str = "", severity: Severity = "error") -> None:
        self.kind, self.en, self.nb, self.rule, self.where, self.severity = kind, en, nb, rule, where, severity

    def finding(self, root: str) -> Finding:
        """The finding, with its place in the resource of that type."""
        return Finding(self.severity, self.kind, self.en, self.nb, root + self.where, rule=self.rule)


def and_more() -> Finding:
    """What is told behind `MOST` findings."""
    return Finding("information", Kind.INVALID, "There are more findings than these.", "Det er flere funn enn disse.")


Check = Callable[[Any, Any], "list[Fault] | None"]
"""A check of one JSON value within a `Scope`."""


def moved(faults: list[Fault], step: str) -> list[Fault]:
    """The same faults, one step further from where they were found: `.name` or `[0]`."""
    for fault in faults:
        fault.where = step + fault.where
    return faults


def next_bound(faults: list[Fault]) -> int:
    """At how many faults to ask again whether to stop; 0 where the errors among them are enough. Warnings never are."""
    return 0 if sum(fault.severity == "error" for fault in faults) > MOST else 2 * len(faults)


def broken_form(faults: Iterable[Fault]) -> bool:
    """Is anything wrong with the shape, so that rules about the content may stumble?"""
    return any(fault.kind in FORM for fault in faults)


_HARMLESS: Final = re.compile(r"[^\w.:/#|\-]", re.ASCII)
_PERSONAL: Final = re.compile(r"\s|\d{5}")


def shown(text: Any) -> str:
    """A code, name or address of the sender's as it may stand in a finding: short, and harmless characters only.

    What has a blank or five digits in a row may be a person's name or number in the wrong place, and is not repeated.

    >>> shown("done"), shown("Kari Nordmann")
    ('done', '[…]')
    """
    return "[…]" if _PERSONAL.search(str(text)) else _HARMLESS.sub("?", str(text)[:64])


JSON_NAMES: Final = {
    dict: ("an object", "et objekt"),
    list: ("an array", "en liste"),
    str: ("a string", "en tekst"),
    bool: ("true or false", "true eller false"),
    type(None): ("null", "null"),
}


def wrong_json(value: Any, en: str, nb: str, page: str) -> list[Fault]:
    """The value is of another JSON type than the element's: `en` and `nb` name the right one."""
    got_en, got_nb = JSON_NAMES.get(type(value), ("a number", "et tall"))
    return [Fault(Kind.MALFORMED, f"This must be {en}, not {got_en}.", f"Dette må være {nb}, ikke {got_nb}.", PAGES + page)]


def empty(en: str, nb: str) -> list[Fault]:
    """An object, array or string with nothing in it."""
    return [
        Fault(
            Kind.MALFORMED,
            f"{en} must not be empty. Leave the element out.",
            f"{nb} kan ikke være tomt. Utelat elementet.",
            PAGES + "json.html#null",
        )
    ]


def value_fault(en: str, nb: str, type: str) -> list[Fault]:
    """A value that the primitive type does not allow."""
    return [Fault(Kind.VALUE, en, nb, f"{PAGES}datatypes.html#{type}")]
