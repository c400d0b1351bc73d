"""What FHIR servers do differently, read into one form. Pure; every habit we know of is handled here, and nowhere else.

Each function takes what any server may answer and gives what we go on with. `docs/partners.md` lists the habits by server.

>>> place("https://elsewhere.example/fhir/Task/7/_history/2", "Task"), place("Task/7", "Task"), place("Patient/7", "Task")
('7', '7', '')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, Literal, TypeGuard
from urllib.parse import urljoin, urlsplit

from adapter.domain.identity import BASE
from adapter.ports import Remote

SHARED: Final = (
    *(
        (f"{BASE}/CodeSystem/coordination-task", c)
        for c in ("assign-coordinator", "handover-coordinator", "release-coordinator", "abort")
    ),
    *((f"{BASE}/CodeSystem/pathway-task", f"koord{n}") for n in range(1, 9)),
)
"""The codes of the Tasks that partners share with us, with their systems."""

COUNT: Final = 100
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ETAG: Final = re.compile(r"[\x21-\x7e]{1,200}")

Query = Sequence[tuple[str, str]]


def searches(since: datetime | None) -> list[Query]:
    """Searches for the shared Tasks changed from a moment on: the best first, then ever simpler ones.

    Some servers answer 400 for a parameter that they do not know (Medplum's, always). What a simpler search finds
    too much of, `wanted` takes away.
    """
    code = ("code", ",".join(f"{system}|{value}" for system, value in SHARED))
    count = ("_count", str(COUNT))
    changed = [] if since is None else [("_lastUpdated", f"ge{moment(since)}")]
    return [
        [code, *changed, ("_sort", "_lastUpdated"), count],
        [code, *changed, count],
        [code, count],
        [*changed, count],
        [count],
    ]


def wanted(resource: Mapping[str, Any], since: datetime | None) -> bool:
    """Whether a search result is one that was asked for; servers that ignore a parameter give what they have."""
    ours = any((c.get("system"), c.get("code")) in SHARED for c in _rows(_dict(resource.get("code")), "coding"))
    changed = updated(resource)
    return ours and (since is None or changed is None or changed >= since)


def entries(bundle: Any, type: str) -> list[Mapping[str, Any]] | None:
    """The matches of a searchset, as resources; None where it is no Bundle.

    An outcome or an included resource among them is no match (SEKMET puts an outcome there for an unknown parameter).
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        return None
    rows = bundle.get("entry", [])
    if not isinstance(rows, list):
        return None
    return [
        row["resource"]
        for row in rows
        if isinstance(row, dict)
        and _dict(row.get("search")).get("mode", "match") == "match"
        and is_resource(row.get("resource"), type)
    ]


def unable(bundle: Any) -> bool:
    """Whether a searchset tells that it was not looked for what was asked (SEKMET, for a CareTeam's identifier)."""
    rows = bundle.get("entry") if isinstance(bundle, dict) else None
    told = [_dict(_dict(row).get("resource")) for row in rows] if isinstance(rows, list) else []
    issues = [i for one in told if one.get("resourceType") == "OperationOutcome" for i in _list(one.get("issue"))]
    return any(_dict(issue).get("code") == "not-supported" for issue in issues)


def following(bundle: Mapping[str, Any], base: str, url: str) -> str:
    """The next page's address, where there is one on the same server under the same base; a relative one is taken from `url`.

    Behind a proxy some servers name themselves by an address that only they know. That one is left alone, as one
    elsewhere is: the search then goes on by moments.
    """
    try:
        address = urljoin(url, _next(bundle))
    except ValueError:
        return ""
    return address if has_next(bundle) and within(address, base) else ""


def has_next(bundle: Mapping[str, Any]) -> bool:
    return bool(_next(bundle))


def _next(bundle: Mapping[str, Any]) -> str:
    urls = [link.get("url") for link in _rows(bundle, "link") if link.get("relation") == "next"]
    return urls[0] if urls and isinstance(urls[0], str) else ""


def within(address: str, base: str) -> bool:
    """Whether an address is of the same scheme, host and port as `base`, and at its path or below.

    >>> within("https://a.example/fhir?page=2", "https://a.example/fhir"), within("https://a.example/fhirx", "https://a.example/fhir")
    (True, False)
    >>> within("https://a.example:443/fhir/../admin", "https://a.example/fhir"), within("https://a@b.example/fhir", "https://b.example/fhir")
    (False, False)
    """
    try:
        one, two = urlsplit(address), urlsplit(base)
        same = (one.scheme, one.hostname, _port(one.port, one.scheme)) == (two.scheme, two.hostname, _port(two.port, two.scheme))
    except ValueError:
        return False
    if not same or one.username is not None or one.fragment or {".", ".."} & set(one.path.split("/")) or "%2e" in one.path.lower():
        return False
    return one.path == two.path or one.path.startswith(two.path.rstrip("/") + "/")


def complete(bundle: Mapping[str, Any], found: int) -> bool:
    """Whether a page without `next` is known to be all there is. `total` is not always there, nor always a number."""
    total = bundle.get("total")
    return isinstance(total, int) and total <= found


def remote(resource: Mapping[str, Any], etag: object = None) -> Remote:
    """The version that a body is; its ETag as the server gave it, else made of `meta.versionId`, else empty.

    A version without quotes is no ETag (RFC 9110 8.8.3); HAPI has it so in a transaction's answer, and elsewhere as it should be.
    """
    version = _dict(resource.get("meta")).get("versionId")
    made = sane(f'W/"{version}"') if isinstance(version, str) and version else ""
    given = sane(etag)
    return Remote(resource["resourceType"], resource["id"], made if made and given in ("", version) else given, resource)


def sane(etag: object) -> str:
    """An ETag to give back exactly as it came: weak, strong, a uuid or without quotes (asymmetrik); what no header holds is none.

    >>> sane('W/"1"'), sane("1"), sane("1\\r\\nX: y"), sane(None)
    ('W/"1"', '1', '', '')
    """
    return etag if isinstance(etag, str) and _ETAG.fullmatch(etag) else ""


def place(location: object, type: str) -> str:
    """The id in a location of a resource of the type: relative or absolute, of a version or not, and of whatever host."""
    found = re.search(rf"(?:^|/){type}/({ID.pattern})(?:/_history/[^/?#]*)?/?$", location) if isinstance(location, str) else None
    return found[1] if found else ""


def is_resource(body: object, type: str) -> TypeGuard[dict[str, Any]]:
    """Whether a body is a resource of the type, with an id that an address can hold."""
    return isinstance(body, dict) and body.get("resourceType") == type and ID.fullmatch(str(body.get("id", ""))) is not None


def to_put(body: Mapping[str, Any], id: str) -> dict[str, Any]:
    """A body as an update has it: with its id there, and without what the server sets itself (some refuse what differs)."""
    meta = {key: value for key, value in _dict(body.get("meta")).items() if key not in ("versionId", "lastUpdated", "source")}
    rest = {key: value for key, value in body.items() if key not in ("resourceType", "id", "meta")}
    return {"resourceType": body["resourceType"], "id": id} | ({"meta": meta} if meta else {}) | rest


def has_identifier(resource: Mapping[str, Any], system: str, value: str) -> bool:
    return any(row.get("system") == system and row.get("value") == value for row in _rows(resource, "identifier"))


def answered(bundle: Any) -> Iterator[tuple[int, Mapping[str, Any], Any]]:
    """Per entry of a transaction's answer its status (0 where there is none), its `response`, and its resource.

    A transaction may answer 200 and have failed entries all the same (Medplum's server, where transactions are off).
    """
    rows = bundle.get("entry") if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle" else None
    for row in rows if isinstance(rows, list) else []:
        response = _dict(_dict(row).get("response"))
        found = re.match(r"\d{3}(?!\d)", str(response.get("status", "")))
        yield int(found[0]) if found else 0, response, _dict(row).get("resource")


def updated(resource: Mapping[str, Any]) -> datetime | None:
    """`meta.lastUpdated`, where the server tells it."""
    try:
        moment = datetime.fromisoformat(str(_dict(resource.get("meta")).get("lastUpdated")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def in_order(moments: Sequence[datetime | None]) -> bool:
    """Whether the moments are known, and none comes before the one in front of it."""
    known = [m for m in moments if m is not None]
    return len(known) == len(moments) and all(a <= b for a, b in pairwise(known))


def moment(at: datetime) -> str:
    """An instant for a search, cut down to milliseconds, which is what servers keep."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def capability(statement: Any, type: str) -> Mapping[str, Any] | None:
    """What a CapabilityStatement says of a type; None where it is no CapabilityStatement."""
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        return None
    rows = (row for rest in _rows(statement, "rest") for row in _rows(rest, "resource"))
    return next((row for row in rows if row.get("type") == type), {})


def interactions(said: Mapping[str, Any]) -> set[str]:
    return {str(row.get("code")) for row in _rows(said, "interaction")}


def system_interactions(statement: Any) -> set[str]:
    return {code for rest in _rows(_dict(statement), "rest") for code in interactions(rest)}


def mode(statement: Any) -> Literal["push", "wait"]:
    """`push` where Tasks may be created, conditionally, and updated."""
    said = capability(statement, "Task") or {}
    return "push" if {"create", "update"} <= interactions(said) and said.get("conditionalCreate") is True else "wait"


def _rows(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = body.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _port(port: int | None, scheme: str) -> int | None:
    return port or {"http": 80, "https": 443}.get(scheme)
