"""What several searches find, one after the other, in pages: for all of a compartment, and for `$everything`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from adapter.fhir.face import Asked, Face, invalid
from adapter.fhir.links import seal, unseal
from adapter.fhir.search import PAGE
from adapter.ports import Query, Stored, Unit

OF: Final = "all"
FORM: Final = ("_format", "_pretty")  # which HTTP's side reads of the address, on every page


class Place(NamedTuple):
    """Where a page begins: which of the searches, where in it, and what was asked for."""

    number: int
    after: Sequence[Any] | None
    kept: list[tuple[str, str]]


def gathered(unit: Unit, tenant: str, queries: Sequence[Query], place: Place, limit: int) -> tuple[list[Stored], Place | None]:
    """As many as go on a page, and where the next begins; None after the last."""
    found: list[Stored] = []
    after = place.after
    for number in range(place.number, len(queries)):
        if len(found) == limit:
            return found, Place(number, None, place.kept)
        page = unit.search(tenant, replace(queries[number], after=after, limit=limit - len(found)))
        found += page.found
        after = page.next
        if after is not None:
            return found, Place(number, after, place.kept)
    return found, None


def opened(face: Face, asked: Asked, path: str, token: str) -> Place:
    """Where a link of ours leads. INVALID for one of something else, NOT_FOUND for what is none."""
    page = unseal(face.key, asked.caller.mark, token, face.clock.now())
    if (page["of"], page["type"]) != (OF, path):
        raise invalid(PAGE, "This page link is of something else.", "Denne sidelenken hører til noe annet.")
    return Place(page["number"], page["after"], [(name, value) for name, value in page["kept"]])


def next_link(face: Face, asked: Asked, path: str, place: Place | None) -> Iterator[tuple[str, str]]:
    """The link to where the next page begins; `path` is that of what is asked for, below /fhir."""
    if place is not None:
        token = seal(face.key, asked.caller.mark, {"of": OF, "type": path, **place._asdict()}, face.clock.now())
        form = [(name, value) for name, value in asked.pairs if name in FORM]
        yield "next", f"{face.base}/{path}?{urlencode([(PAGE, token), *form])}"
