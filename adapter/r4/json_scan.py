"""The same strict JSON as `adapter.r4.json` reads, one token at a time: what is wrong with a text, and where.

Slow beside the parser, so it is asked only when something is wrong. No recursion: a text of nothing but brackets costs
no more than any other of its length.

>>> check('{"a": [1]}')
>>> positions("a\\nbc", [3])
{3: (2, 2)}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

from adapter.domain.problem import Finding, Kind, Problem

Path = tuple[str | int, ...]

MAX_DEPTH: Final = 64
MAX_NUMBER: Final = 64  # characters; FHIR asks for 18 digits
MAX_EXPONENT: Final = 308  # of a double, which is what most partners have

_JSON, _STRINGS, _NUMBERS = "RFC 8259", "https://hl7.org/fhir/R4/datatypes.html#string", "https://hl7.org/fhir/R4/json.html#decimal"

_BLANK = re.compile(r"[ \t\n\r]*+")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')  # without the last quote
NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+")
_WORD = re.compile("true|false|null")
_SPECIAL = re.compile(
    r"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<letter>.)|[\ufffe\uffff]"
)
_HARMLESS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

# What to do, where the character at fault tells it.
_HINTS: Final[dict[str, tuple[str, str]]] = {
    "": (" The body ends too early.", " Innholdet slutter for tidlig."),
    "\ufeff": (" Leave the byte order mark out.", " Utelat byte order mark."),
    "'": (" Names and strings stand in double quotes.", " Navn og strenger står i doble anførselstegn."),
    "/": (" JSON has no comments.", " JSON har ikke kommentarer."),
    "#": (" JSON has no comments.", " JSON har ikke kommentarer."),
    "N": (" Where there is no number, leave the element out.", " Utelat elementet der det ikke finnes et tall."),
    "I": (" Where there is no number, leave the element out.", " Utelat elementet der det ikke finnes et tall."),
    "]": (" Is there a comma too many before it?", " Er det et komma for mye foran?"),
    "}": (" Is there a comma too many before it?", " Er det et komma for mye foran?"),
}


def number_is_kept(text: str) -> bool:
    """Whether a number of JSON is within our bounds: 64 characters, and an exponent that a double has."""
    if len(text) > MAX_NUMBER:
        return False
    try:
        return abs(Decimal(text).adjusted()) <= MAX_EXPONENT
    except InvalidOperation:  # an exponent that not even a Decimal has
        return False


def position(text: str, at: int) -> tuple[int, int]:
    """Line and column of a character, both from 1; columns count characters."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def positions(text: str, places: Iterable[int]) -> dict[int, tuple[int, int]]:
    """`position` of each of the characters, in one pass over the text: hundreds of faults in megabytes are told at once."""
    found: dict[int, tuple[int, int]] = {}
    before, line, begin = 0, 1, 0
    for at in sorted(set(places)):
        line += text.count("\n", before, at)
        begin = max(begin, text.rfind("\n", before, at) + 1)
        found[at] = line, at - begin + 1
        before = at
    return found


def check(text: str) -> None:
    """Raises the `Problem` that the text has; nothing where it has none."""
    _Scan(text).read()


class _Scan:
    """A text, and what we are in: the objects and arrays around the value at hand, with the names that each object has had."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[set[str] | None] = []  # None for an array
        self.has_odd = "\ufffe" in text or "\uffff" in text

    def read(self) -> None:
        """The whole text, one value and all. Raises `Problem`."""
        at = self.blank(0)
        while True:
            if self.text[at : at + 1] in ("{", "["):
                at, more = self.open(at)
            else:
                at, more = self.plain(at), False
            if not more:
                at = self.close(at)
                if not self.names:
                    break
            at = self.member(at)
        if at < len(self.text):
            self.refuse(at, "Nothing may follow the body.", "Ingenting kan følge etter innholdet.")

    def blank(self, at: int) -> int:
        """The first place from there that is not white space."""
        return _end(_BLANK.match(self.text, at), at)

    def open(self, at: int) -> tuple[int, bool]:
        """Into an object or array. Where its first member begins, or its end; and whether it has a member."""
        if len(self.names) == MAX_DEPTH:
            self.refuse(at, f"There are more than {MAX_DEPTH} levels.", f"Det er mer enn {MAX_DEPTH} nivåer.")
        is_object = self.text[at] == "{"
        self.names.append(set() if is_object else None)
        at = self.blank(at + 1)
        return at, self.text[at : at + 1] != ("}" if is_object else "]")

    def close(self, at: int) -> int:
        """After a value: out of all that ends here, past the comma. Where the next member begins, or the text's end."""
        while True:
            at = self.blank(at)
            if not self.names:
                return at
            end = "]" if self.names[-1] is None else "}"
            sign = self.text[at : at + 1]
            if sign == ",":
                return self.blank(at + 1)
            if sign != end:
                self.expected(at, f"a comma or {end}", f"komma eller {end}")
            self.names.pop()
            at += 1

    def member(self, at: int) -> int:
        """The next member of the object or array: where its value begins."""
        names = self.names[-1]
        if names is None:
            return at
        if self.text[at : at + 1] != '"':
            self.expected(at, "a name in double quotes", "et navn i doble anførselstegn")
        end = self.string(at)
        name = self.text[at + 1 : end - 1]
        if "\\" in name:
            name = json.loads(self.text[at:end])
        if name in names:
            shown = f" ({name})" if _HARMLESS.fullmatch(name) else ""
            self.refuse(at, f"The object has this name twice{shown}.", f"Objektet har dette navnet to ganger{shown}.", f"{_JSON} 4")
        names.add(name)
        colon = self.blank(end)
        if self.text[colon : colon + 1] != ":":
            self.expected(colon, "a colon", "kolon")
        return self.blank(colon + 1)

    def plain(self, at: int) -> int:
        """The end of a string, number, true, false or null."""
        if self.text[at : at + 1] == '"':
            return self.string(at)
        if found := NUMBER.match(self.text, at):
            if not number_is_kept(found[0]):
                self.refuse(
                    at,
                    f"The number is beyond our bounds: {MAX_NUMBER} characters, exponent {MAX_EXPONENT}.",
                    f"Tallet er utenfor grensene våre: {MAX_NUMBER} tegn, eksponent {MAX_EXPONENT}.",
                    _NUMBERS,
                )
            return found.end()
        word = _WORD.match(self.text, at)
        if not word:
            self.expected(at, "a value", "en verdi")
        return _end(word, at)

    def string(self, at: int) -> int:
        """The end of a string that holds nothing which FHIR or XML cannot."""
        end = _end(_STRING.match(self.text, at), at)
        sign = self.text[end : end + 1]
        if sign and sign < " ":
            self.refuse(end, "A control character in a string.", "Et kontrolltegn i en streng.", f"{_JSON} 7")
        if sign != '"':
            self.expected(end, "the end of the string, or an escape of JSON,", "slutten på strengen, eller en escape i JSON,")
        for special in _SPECIAL.finditer(self.text, at, end) if self.has_odd or self.text.find("\\", at, end) >= 0 else ():
            if not _is_allowed(special):
                self.refuse(
                    special.start(),
                    "A control character or half a surrogate pair in a string.",
                    "Et kontrolltegn eller et halvt surrogatpar i en streng.",
                    _STRINGS,
                )
        return end + 1

    def expected(self, at: int, en: str, nb: str) -> NoReturn:
        """Refuses what stands there, for not being what is named."""
        hint, hint_nb = _HINTS.get(self.text[at : at + 1], ("", ""))
        self.refuse(at, f"This is not JSON: {en} is expected here.{hint}", f"Dette er ikke JSON: her ventes {nb}.{hint_nb}")

    def refuse(self, at: int, en: str, nb: str, rule: str = _JSON) -> NoReturn:
        """Raises a `Problem` with line and column."""
        line, column = position(self.text, at)
        raise Problem(Finding("error", Kind.MALFORMED, en, nb, "", line, column, rule))


def _is_allowed(special: re.Match[str]) -> bool:
    """Tab, line feed and carriage return are the only control characters of a string; U+FFFE and U+FFFF are not in XML."""
    if special["pair"]:
        return True
    if special["letter"]:
        return special["letter"] not in "bf"
    code = int(special["code"], 16) if special["code"] else 0xFFFF
    return code in (9, 10, 13) or (code >= 32 and not 0xD800 <= code <= 0xDFFF and code < 0xFFFE)


def _end(found: re.Match[str] | None, at: int) -> int:
    return found.end() if found else at
