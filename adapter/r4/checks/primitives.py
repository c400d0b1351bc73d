"""The primitive types of R4 (https://hl7.org/fhir/R4/datatypes.html#primitive): one check each, quick where all is well."""

from __future__ import annotations

import binascii
import re
from calendar import monthrange
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import PAGES, Check, Fault, empty, value_fault, wrong_json

LONGEST: Final = 1024 * 1024
PRIMITIVES_PAGE: Final = "json.html#primitive"

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CODE: Final = re.compile(r"\S+(\s\S+)*")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID: Final = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_YEAR: Final = r"(?!0000)([0-9]{4})"
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE: Final = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DAY: Final = r"(0[1-9]|[12][0-9]|3[01])"
_MONTH: Final = r"(0[1-9]|1[0-2])"
_DATE: Final = re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?", re.ASCII)
_DATE_TIME: Final = re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_ZONE})?)?)?", re.ASCII)
_INSTANT: Final = re.compile(rf"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}", re.ASCII)
_TIME: Final = re.compile(_CLOCK, re.ASCII)
_WITHOUT_ZONE: Final = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}", re.ASCII)
MIME: Final = re.compile(r"[A-Za-z0-9][\w!#$&^.+\-]*/[\w!#$&^.+*\-]+(\s*;.*)?", re.ASCII)
LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*|[xXiI](-[A-Za-z0-9]{1,8})+")


def string(value: Any, _: Any) -> list[Fault] | None:
    """A text: not empty, no control characters, at most 1 MB."""
    if value.__class__ is str and value.isprintable() and value[:1] > " " and len(value) <= LONGEST:
        return None
    return _text(value, "string")


def markdown(value: Any, _: Any) -> list[Fault] | None:
    """A text with mark-up; the same rules as a string."""
    if value.__class__ is str and value.isprintable() and value[:1] > " " and len(value) <= LONGEST:
        return None
    return _text(value, "markdown")


def _text(value: Any, type: str) -> list[Fault] | None:
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if not value:
        return empty("A string", "En tekst")
    if len(value) > LONGEST:
        return value_fault("The text is longer than 1 MB.", "Teksten er lengre enn 1 MB.", type)
    if _CONTROL.search(value):
        return value_fault(
            "The text holds a control character; only tab, line feed and carriage return are allowed.",
            "Teksten inneholder et kontrolltegn; bare tabulator og linjeskift er tillatt.",
            type,
        )
    if not value.strip(" \t\r\n"):
        en, nb = "The text is white space alone; leave the element out.", "Teksten er bare mellomrom; utelat elementet."
        return [Fault(Kind.VALUE, en, nb, f"{PAGES}datatypes.html#{type}", severity="warning")]
    return None


def code(value: Any, _: Any) -> list[Fault] | None:
    """A code: no white space at its ends, single blanks within."""
    if value.__class__ is str and value.isprintable() and value[:1] > " " and " " not in value:
        return None
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if not value:
        return empty("A code", "En kode")
    if _CONTROL.search(value) or not _CODE.fullmatch(value):
        return value_fault(
            "A code has no white space at its ends, and no more than a single blank within.",
            "En kode har ikke mellomrom i endene, og ikke mer enn ett mellomrom inni.",
            "code",
        )
    return None


def uri(value: Any, scope: Any) -> list[Fault] | None:
    """An address: no white space; OIDs and UUIDs well formed. One within the resource (`#id`) is noted in the scope."""
    if value.__class__ is str and value.isprintable() and value and " " not in value and value[0] != "u":
        if value[0] == "#":
            scope.local.add(value)
        return None
    return _address(value, "uri")


def _address(value: Any, type: str) -> list[Fault] | None:
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if not value:
        return empty("An address", "En adresse")
    if not value.isprintable() or " " in value:
        return value_fault(
            "An address (uri, url, canonical) holds no white space or control characters.",
            "En adresse (uri, url, canonical) har ikke mellomrom eller kontrolltegn.",
            type,
        )
    bare = value.partition("|")[0]  # a canonical may name its version
    if bare.startswith("urn:oid:"):
        return oid(bare, None)
    return uuid(bare.lower(), None) if bare.startswith("urn:uuid:") else None


def oid(value: Any, _: Any) -> list[Fault] | None:
    """An OID as address: `urn:oid:2.16.578`."""
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if _OID.fullmatch(value):
        return None
    return value_fault("An OID is written urn:oid:1.2.3.", "En OID skrives urn:oid:1.2.3.", "oid")


def uuid(value: Any, _: Any) -> list[Fault] | None:
    """A UUID as address: `urn:uuid:` and 36 characters in lower case."""
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if _UUID.fullmatch(value):
        return None
    return value_fault(
        "A UUID is written urn:uuid: and 32 hexadecimal digits in lower case, with four hyphens.",
        "En UUID skrives urn:uuid: og 32 heksadesimale sifre med små bokstaver og fire bindestreker.",
        "uuid",
    )


def id(value: Any, _: Any) -> list[Fault] | None:
    """A resource's id: at most 64 letters, digits, hyphens and points."""
    if value.__class__ is str and _ID.fullmatch(value):
        return None
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    return value_fault(
        "An id is 1 to 64 of the characters A-Z, a-z, 0-9, hyphen and point.",
        "En id er 1 til 64 av tegnene A-Z, a-z, 0-9, bindestrek og punktum.",
        "id",
    )


def element_id(value: Any, scope: Any) -> list[Fault] | None:
    """The id of an element, which no other element of the resource has."""
    found = any_element_id(value, scope)
    if found:
        return found
    if value not in scope.ids:
        scope.ids.add(value)
        return None
    en, nb = "Another element of the resource has this id.", "Et annet element i ressursen har denne id-en."
    return [Fault(Kind.INVARIANT, en, nb, PAGES + "element.html#id")]


def any_element_id(value: Any, scope: Any) -> list[Fault] | None:
    """The id of an element, for references within the resource: any text without blanks."""
    if value.__class__ is str and " " in value:
        en, nb = "An element's id holds no blanks.", "Et elements id har ikke mellomrom."
        return [Fault(Kind.VALUE, en, nb, PAGES + "element.html#id")]
    return string(value, scope)


def boolean(value: Any, _: Any) -> list[Fault] | None:
    """`true` or `false`."""
    if value is True or value is False:
        return None
    return wrong_json(value, "true or false without quotes", "true eller false uten anførselstegn", PRIMITIVES_PAGE)


def _whole(least: int, type: str) -> Check:
    most = 2**31 - 1

    def check(value: Any, _: Any) -> list[Fault] | None:
        if value.__class__ is int and least <= value <= most:
            return None
        if not isinstance(value, int | float | Decimal) or value.__class__ is bool:
            return wrong_json(value, "a whole number without quotes", "et heltall uten anførselstegn", PRIMITIVES_PAGE)
        return value_fault(
            f"This must be a whole number from {least} to {most}, without decimals or exponent.",
            f"Dette må være et heltall fra {least} til {most}, uten desimaler eller eksponent.",
            type,
        )

    return check


def decimal(value: Any, _: Any) -> list[Fault] | None:
    """A number."""
    if value.__class__ is int or (isinstance(value, Decimal | float) and isfinite(value)):
        return None
    return wrong_json(value, "a number without quotes", "et tall uten anførselstegn", PRIMITIVES_PAGE)


def date(value: Any, _: Any) -> list[Fault] | None:
    """A year, a month or a day that the calendar has."""
    if value.__class__ is str and (match := _DATE.fullmatch(value)) and (not match[3] or match[3] < "29" or _in_calendar(match)):
        return None
    return _moment(value, "date", "A date is written 2024, 2024-05 or 2024-05-17", "En dato skrives 2024, 2024-05 eller 2024-05-17")


def date_time(value: Any, _: Any) -> list[Fault] | None:
    """A date, or a moment with seconds and zone."""
    if value.__class__ is str and (match := _DATE_TIME.fullmatch(value)):
        if not match[3] or match[3] < "29" or _in_calendar(match):
            return None
    elif value.__class__ is str and _WITHOUT_ZONE.fullmatch(value):
        return value_fault(
            "A time of day must say its zone: Z, +01:00 or +02:00 at the end.",
            "Et klokkeslett må si tidssone: Z, +01:00 eller +02:00 til slutt.",
            "dateTime",
        )
    return _moment(
        value,
        "dateTime",
        "A moment is written 2024, 2024-05, 2024-05-17 or 2024-05-17T09:30:00+02:00",
        "Et tidspunkt skrives 2024, 2024-05, 2024-05-17 eller 2024-05-17T09:30:00+02:00",
    )


def instant(value: Any, _: Any) -> list[Fault] | None:
    """A moment to the second or finer, with zone."""
    if value.__class__ is str and (match := _INSTANT.fullmatch(value)) and (match[3] < "29" or _in_calendar(match)):
        return None
    return _moment(
        value,
        "instant",
        "An instant is written 2024-05-17T09:30:00.000+02:00, seconds and zone included",
        "Et øyeblikk skrives 2024-05-17T09:30:00.000+02:00, med sekunder og tidssone",
    )


def time(value: Any, _: Any) -> list[Fault] | None:
    """A time of day, without zone."""
    if value.__class__ is str and _TIME.fullmatch(value):
        return None
    return _moment(
        value, "time", "A time of day is written 09:30:00, without zone", "Et klokkeslett skrives 09:30:00, uten tidssone"
    )


def _in_calendar(match: re.Match[str]) -> bool:
    return int(match[3]) <= monthrange(int(match[1]), int(match[2]))[1]


def _moment(value: Any, type: str, en: str, nb: str) -> list[Fault]:
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if not value:
        return empty("A string", "En tekst")
    return value_fault(f"{en}, and is a day that the calendar has.", f"{nb}, og er en dag som finnes.", type)


def base64_binary(value: Any, _: Any) -> list[Fault] | None:
    """Bytes in base64; white space between is allowed."""
    if value.__class__ is not str:
        return wrong_json(value, "a string", "en tekst", PRIMITIVES_PAGE)
    if not value:
        return empty("A string", "En tekst")
    try:
        binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        bare = "".join(value.split())
        if bare == value or not bare or _undecodable(bare):
            return value_fault("This is not base64 (RFC 4648).", "Dette er ikke base64 (RFC 4648).", "base64Binary")
    return None


def _undecodable(text: str) -> bool:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return True
    return False


PRIMITIVES: Final[dict[str, Check]] = {
    "base64Binary": base64_binary,
    "boolean": boolean,
    "canonical": uri,
    "code": code,
    "date": date,
    "dateTime": date_time,
    "decimal": decimal,
    "id": id,
    "instant": instant,
    "integer": _whole(-(2**31), "integer"),
    "markdown": markdown,
    "oid": oid,
    "positiveInt": _whole(1, "positiveInt"),
    "string": string,
    "time": time,
    "unsignedInt": _whole(0, "unsignedInt"),
    "uri": uri,
    "url": uri,
    "uuid": uuid,
}
"""The check of each primitive type but xhtml, which `adapter.r4.checks.narrative` judges."""
