"""Bundles of stored resources (https://hl7.org/fhir/R4/bundle.html), spliced from the stored bytes, which nobody parses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from adapter.domain.problem import Finding
from adapter.ports import Stored
from adapter.r4.outcome import operation_outcome

Links = Sequence[tuple[str, str]]


def searchset(
    base: str,
    found: Iterable[Stored],
    total: int | None,
    links: Links,
    *,
    included: Iterable[Stored] = (),
    told: Sequence[Finding] = (),
) -> bytes:
    """What a search found, what is given beside it, and what is told of it; `total` of all pages, where it is known."""
    entries = [_entry(base, one, b'"search":{"mode":"match"}') for one in found]
    entries += [_entry(base, one, b'"search":{"mode":"include"}') for one in included]
    if told:
        entries.append(msgspec.json.encode({"resource": operation_outcome(told), "search": {"mode": "outcome"}}))
    return _bundle("searchset", total, links, entries)


def history(base: str, versions: Iterable[Stored], total: int | None, links: Links) -> bytes:
    """Versions of one resource, or of a type's resources, newest first."""
    return _bundle("history", total, links, [_entry(base, one, _interaction(one)) for one in versions])


def etag(stored: Stored) -> str:
    return f'W/"{stored.version}"'


def _interaction(stored: Stored) -> bytes:
    """How a version came to be: all are put by us, the first creates."""
    response = {
        "status": "201" if stored.version == 1 else "200",
        "etag": etag(stored),
        "lastModified": instant(stored.updated),
    }
    interaction = {"request": {"method": "PUT", "url": f"{stored.type}/{stored.id}"}, "response": response}
    return msgspec.json.encode(interaction)[1:-1]


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry(base: str, stored: Stored, rest: bytes) -> bytes:
    url = msgspec.json.encode(f"{base}/{stored.type}/{stored.id}")
    return b'{"fullUrl":' + url + b',"resource":' + stored.body + b"," + rest + b"}"


def _bundle(type: str, total: int | None, links: Links, entries: list[bytes]) -> bytes:
    head: dict[str, Any] = {"resourceType": "Bundle", "type": type}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links]
    listed = b',"entry":[' + b",".join(entries) + b"]" if entries else b""  # FHIR has no empty lists
    return msgspec.json.encode(head)[:-1] + listed + b"}"
