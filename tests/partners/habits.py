"""What each server does in its own way, as it is seen over plain HTTP; `docs/partners.md` shows the same table to people.

The rows were written down from what the servers answered when they were tried by hand; a server that changes its ways, or a line
of the documents that does, fails a test.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from adapter.r4 import json

Body = dict[str, Any]
Habits = dict[str, str]
URI = "urn:ietf:rfc:3986"
NEW = {"cache-control": "no-cache"}  # HAPI answers the same search with the same for a minute, unless it is told

HABITS: dict[str, Habits] = {
    "sekmet": {
        "ETag": 'W/"1"',
        "ETag in a transaction": 'W/"1"',
        "stale If-Match": "412",
        "delete": "200",
        "deleted": "410",
        "unknown code in a required binding": "taken",
        "no status": "400",
        "unknown element": "400",
        "date that is none": "400",
        "transaction with a fault in one entry": "412, nothing kept",
        "created at once": "one",
        "several match If-None-Exist": "412",
        "total": "always",
        "next": "page by page",
        "unknown parameter": "ignored",
        "CareTeam by identifier": "not known",
        "search again at once": "new",
        "If-None-Match": "304",
        "/metadata": "CapabilityStatement",
    },
    "medplum": {
        "ETag": 'W/"uuid"',
        "ETag in a transaction": "none",
        "stale If-Match": "412",
        "delete": "200",
        "deleted": "404",
        "unknown code in a required binding": "taken",
        "no status": "taken",
        "unknown element": "taken",
        "date that is none": "taken",
        "transaction with a fault in one entry": "200, the rest kept",
        "created at once": "one",
        "several match If-None-Exist": "412 within 200",
        "total": "always",
        "next": "never",
        "unknown parameter": "nothing found",
        "CareTeam by identifier": "found",
        "search again at once": "new",
        "If-None-Match": "200",
        "/metadata": "searchset",
    },
    "hapi": {
        "ETag": 'W/"1"',
        "ETag in a transaction": "1",
        "stale If-Match": "409",
        "delete": "200",
        "deleted": "410",
        "unknown code in a required binding": "400",
        "no status": "taken",
        "unknown element": "taken",
        "date that is none": "400",
        "transaction with a fault in one entry": "412, nothing kept",
        "created at once": "409",
        "several match If-None-Exist": "412",
        "total": "on demand",
        "next": "page by page",
        "unknown parameter": "400",
        "CareTeam by identifier": "found",
        "search again at once": "as before",
        "If-None-Match": "304",
        "/metadata": "CapabilityStatement",
    },
    "ours": {
        "ETag": 'W/"1"',
        "ETag in a transaction": 'W/"1"',
        "stale If-Match": "412",
        "delete": "405",
        "deleted": "405",
        "unknown code in a required binding": "422",
        "no status": "400",
        "unknown element": "400",
        "date that is none": "400",
        "transaction with a fault in one entry": "412, nothing kept",
        "created at once": "one",
        "several match If-None-Exist": "412",
        "total": "always",
        "next": "page by page",
        "unknown parameter": "ignored",
        "CareTeam by identifier": "found",
        "search again at once": "new",
        "If-None-Match": "304",
        "/metadata": "CapabilityStatement",
    },
}
"""`created at once`: what those see who come second. 409: they try again, and find the one."""


def observed(base: str) -> Habits:
    """Each habit as the server shows it now. `created at once` is left to a test of its own: a race need not be lost each time."""
    with httpx.Client(base_url=f"{base}/", timeout=60, trust_env=False) as http:
        seen = {name: look(http) for name, look in LOOKS.items()}
    return {name: seen[name] for name in HABITS["ours"] if name in seen}


def task(**other: Any) -> Body:
    identifier = {"system": URI, "value": f"urn:uuid:{uuid.uuid4()}"}
    return {"resourceType": "Task", "identifier": [identifier], "status": "requested", "intent": "order", **other}


def transaction(*tasks: Body) -> Body:
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(one) for one in tasks]}


def _entry(one: Body) -> Body:
    request = {"method": "POST", "url": "Task", "ifNoneExist": f"identifier={URI}|{one['identifier'][0]['value']}"}
    return {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": one, "request": request}


def _post(http: httpx.Client, *tasks: Body) -> httpx.Response:
    return http.post("", content=json.encode(transaction(*tasks)), headers={"content-type": "application/fhir+json"})


def _made(http: httpx.Client) -> Body:
    made: Body = http.post("Task", json=task()).json()
    return made


def _found(http: httpx.Client, one: Body) -> int:
    answer = http.get("Task", params={"identifier": f"{URI}|{one['identifier'][0]['value']}"})
    return len(answer.json().get("entry", []))


def _form(etag: str | None) -> str:
    """With the version as it is written where that is a number, else by its kind."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid", etag or "none")


def _etag(http: httpx.Client) -> str:
    return _form(http.get(f"Task/{_made(http)['id']}").headers.get("etag"))


def _etag_within(http: httpx.Client) -> str:
    return _form(_post(http, task()).json()["entry"][0]["response"].get("etag"))


def _stale(http: httpx.Client) -> str:
    one = _made(http)
    etag = http.get(f"Task/{one['id']}").headers["etag"]
    for status in ("accepted", "rejected"):
        answer = http.put(f"Task/{one['id']}", json={**one, "status": status}, headers={"if-match": etag})
    return str(answer.status_code)


def _delete(http: httpx.Client) -> str:
    return str(http.delete(f"Task/{_made(http)['id']}").status_code)


def _deleted(http: httpx.Client) -> str:
    id = _made(http)["id"]
    done = http.delete(f"Task/{id}")
    return str((http.get(f"Task/{id}") if done.is_success else done).status_code)


def _taken(**other: Any) -> Callable[[httpx.Client], str]:
    """What becomes of a Task with something in it, or without what is None."""

    def look(http: httpx.Client) -> str:
        answer = _post(http, {key: value for key, value in task(**other).items() if value is not None})
        return "taken" if answer.is_success else str(answer.status_code)

    return look


def _atomic(http: httpx.Client) -> str:
    good, bad = task(), task()
    for _ in range(2):
        http.post("Task", json=bad)  # now its condition has several matches
    status = _post(http, good, bad).status_code
    return f"{status}, {'the rest' if _found(http, good) else 'nothing'} kept"


def _several(http: httpx.Client) -> str:
    one = task()
    for _ in range(2):
        http.post("Task", json=one)
    answer = _post(http, one)
    within = answer.json()["entry"][0]["response"]["status"][:3] if answer.is_success else ""
    return f"{within} within {answer.status_code}" if within else str(answer.status_code)


def _total(http: httpx.Client) -> str:
    for _ in range(20):  # HAPI looks a little ahead, and counts what it sees
        _made(http)
    return "always" if "total" in http.get("Task", params={"_count": "1"}, headers=NEW).json() else "on demand"


def _next(http: httpx.Client) -> str:
    _made(http), _made(http)
    links = http.get("Task", params={"_count": "1"}, headers=NEW).json().get("link", [])
    return "page by page" if any(link["relation"] == "next" for link in links) else "never"


def _unknown(http: httpx.Client) -> str:
    _made(http)
    answer = http.get("Task", params={"nonsense": "1"})
    if not answer.is_success:
        return str(answer.status_code)
    return "ignored" if answer.json().get("entry") else "nothing found"


def _team(http: httpx.Client) -> str:
    team = {key: value for key, value in task().items() if key == "identifier"}
    http.post("CareTeam", json={"resourceType": "CareTeam", **team})
    rows = http.get("CareTeam", params={"identifier": f"{URI}|{team['identifier'][0]['value']}"}).json()["entry"]
    return "not known" if any(row["resource"]["resourceType"] == "OperationOutcome" for row in rows) else "found"


def _again(http: httpx.Client) -> str:
    one = task()
    assert _found(http, one) == 0
    time.sleep(0.05)
    http.post("Task", json=one)
    return "new" if _found(http, one) else "as before"


def _not_modified(http: httpx.Client) -> str:
    id = _made(http)["id"]
    etag = http.get(f"Task/{id}").headers["etag"]
    return str(http.get(f"Task/{id}", headers={"if-none-match": etag}).status_code)


def _metadata(http: httpx.Client) -> str:
    said: Body = http.get("metadata").json()
    return str(said.get("type", said["resourceType"]))


LOOKS: dict[str, Callable[[httpx.Client], str]] = {
    "ETag": _etag,
    "ETag in a transaction": _etag_within,
    "stale If-Match": _stale,
    "delete": _delete,
    "deleted": _deleted,
    "unknown code in a required binding": _taken(status="done"),
    "no status": _taken(status=None),
    "unknown element": _taken(unheardOf="x"),
    "date that is none": _taken(restriction={"period": {"end": "tomorrow"}}),
    "transaction with a fault in one entry": _atomic,
    "several match If-None-Exist": _several,
    "total": _total,
    "next": _next,
    "unknown parameter": _unknown,
    "CareTeam by identifier": _team,
    "search again at once": _again,
    "If-None-Match": _not_modified,
    "/metadata": _metadata,
}
