"""History of a resource and of a type: every version, newest first, in pages (https://hl7.org/fhir/R4/http.html#history)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from adapter.fhir import bundles
from adapter.fhir.dates import matches
from adapter.fhir.face import Answer, Asked, Face, invalid, not_found
from adapter.fhir.gathering import FORM
from adapter.fhir.links import seal, unseal
from adapter.fhir.search import MOST, PAGE, USUAL
from adapter.ports import Page, Unit

KNOWN: Final = {"_count", "_since", "_at", "_format", "_pretty", PAGE}
RULE: Final = "https://hl7.org/fhir/R4/http.html#history"


def history(face: Face, asked: Asked, unit: Unit) -> Answer:
    """Versions of one resource, or without an id of all of the type. NOT_FOUND where the resource never was.

    `_count`, `_since` (an instant), and for one resource `_at` (a date or time: the versions that stood then).
    """
    given = _given(asked)
    tenant, type, id = asked.caller.tenant, asked.type, asked.id or None
    newest = unit.read(tenant, type, id) if id else None
    if id and newest is None:
        raise not_found()
    count, since = min(int(given.get("_count", USUAL)), MOST), _since(given)
    now, of = face.clock.now(), f"history/{asked.id}"
    after: Sequence[object] | None = None
    at = given.get("_at", "")
    if PAGE in given:
        page = unseal(face.key, asked.caller.mark, given[PAGE], now)
        if (page["of"], page["type"]) != (of, type):
            raise invalid(PAGE, "This page link is of another history.", "Denne sidelenken hører til en annen historikk.")
        after, at = page["after"], page.get("at", "")
        since = datetime.fromisoformat(page["since"]) if page["since"] else None
    found = Page(())
    if count:
        found = _standing(unit, asked, at, count, after) if at else unit.history(tenant, type, id, count, after, since)
    asked.trail.saw("R", found.found)
    links = [("self", _address(face, asked, given))]
    if found.next is not None:
        content = {"of": of, "type": type, "after": list(found.next), "since": since.isoformat() if since else "", "at": at}
        token = seal(face.key, asked.caller.mark, content, now)
        form = {name: value for name, value in given.items() if name in FORM}
        links.append(("next", _address(face, asked, {PAGE: token, "_count": str(count), **form})))
    total = newest.version if newest and since is None and not at else None  # of a type, or a time, nobody counted
    return Answer(200, bundles.history(face.base, found.found, total, links))


def _given(asked: Asked) -> dict[str, str]:
    given = dict(asked.pairs)
    if asked.wish.strict and (unknown := set(given) - KNOWN):
        name = re.sub(r"[^A-Za-z0-9_]", "?", min(unknown))[:64]
        en, nb = "History takes _count, _since and _at only: leave it out.", "Historikk tar bare _count, _since og _at: utelat den."
        raise invalid(name, en, nb, RULE)
    kept = {name: value for name, value in given.items() if name in KNOWN}
    if not re.fullmatch(r"[0-9]{1,18}", kept.get("_count", "0"), re.ASCII):
        raise invalid("_count", f"_count is a number from 0 to {MOST}.", f"_count er et tall fra 0 til {MOST}.")
    if "_at" in kept and not asked.id:
        en = "_at is offered for the history of one resource: use _since here."
        raise invalid("_at", en, "_at tilbys for historikken til én ressurs: bruk _since her.", RULE)
    if "_at" in kept and "_since" in kept:
        raise invalid("_at", "Use one of _since and _at.", "Bruk enten _since eller _at.", RULE)
    return kept


def _since(given: dict[str, str]) -> datetime | None:
    return _moments("_since", given["_since"])[0] if "_since" in given else None


def _moments(name: str, value: str) -> tuple[datetime, datetime]:
    """The first moment of what is written, and the first after it."""
    if not value[:1].isdigit():
        raise invalid(
            name, f"{name} is a date or a time, without a prefix.", f"{name} er en dato eller et tidspunkt, uten prefiks."
        )
    (match,) = matches(value, name=name, moment=True)
    assert match.low_from is not None and match.low_before is not None  # noqa: S101, PT018 - as `dates` makes them
    return match.low_from, match.low_before


def _standing(unit: Unit, asked: Asked, at: str, count: int, after: Sequence[object] | None) -> Page:
    """A page of the versions of one resource that stood at some moment of `at`, newest first."""
    first, last = _moments("_at", at)
    page = unit.history(asked.caller.tenant, asked.type, asked.id, count, after, before=last)
    for number, version in enumerate(page.found, 1):
        if version.updated <= first:  # what came before it had been replaced by then
            return Page(page.found[:number])
    return page


def _address(face: Face, asked: Asked, parameters: dict[str, str]) -> str:
    path = "/".join(part for part in (face.base, asked.type, asked.id, "_history") if part)
    return f"{path}?{urlencode(parameters)}" if parameters else path
