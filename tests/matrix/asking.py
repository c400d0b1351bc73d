"""Requests as data, and answers made alike: what is left of two answers when ids, names and new ids are taken out must be equal."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

PATCH = "application/json-patch+json"
FHIR = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
NEW_EACH_TIME = ("date", "x-request-id", "nhn-event-id")
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PAGE = re.compile(rb"(_page=)[A-Za-z0-9_\-]+")
MOMENT = re.compile(rb"2026-06-01T[0-9:.]+(Z|\+00:00)")
IN_BUNDLE = {"If-Match": "ifMatch", "If-None-Match": "ifNoneMatch", "If-None-Exist": "ifNoneExist"}
Alike = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Request:
    """`path` is without /fhir where `fhir`; `body` is of JSON, `form` of a POST _search."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    form: str = ""
    fhir: bool = True

    def sent(self, http: httpx.Client) -> httpx.Response:
        headers = {"Accept-Encoding": "identity", **self.headers}
        content: bytes | None = None
        if self.form:
            content, headers = self.form.encode(), {"Content-Type": FORM, **headers}
        elif self.body is not None:
            kind = PATCH if self.method == "PATCH" else FHIR
            content, headers = json.dumps(self.body).encode(), {"Content-Type": kind, **headers}
        return http.request(self.method, f"/fhir/{self.path}" if self.fhir else self.path, content=content, headers=headers)

    @property
    def entry(self) -> dict[str, Any] | None:
        """The same as an entry of a Bundle; None for what Bundles do not take."""
        if self.form or not self.fhir or "$" in self.path or "_history" in self.path or self.method == "HEAD":
            return None
        if set(self.headers) - set(IN_BUNDLE):
            return None
        asked = {"method": self.method, "url": self.path, **{IN_BUNDLE[name]: said for name, said in self.headers.items()}}
        resource = self.body
        if self.method == "PATCH":
            data = b64encode(json.dumps(self.body).encode()).decode()
            resource = {"resourceType": "Binary", "contentType": PATCH, "data": data}
        return {"request": asked} if resource is None else {"request": asked, "resource": resource}


def bundle(kind: str, *entries: dict[str, Any]) -> Request:
    return Request("POST", "", body={"resourceType": "Bundle", "type": kind, "entry": list(entries)})


def alike(answer: httpx.Response, names: Mapping[str, str]) -> Alike:
    """Status, headers and body without what `names` (said -> its place) and the service make different each time."""

    def without(said: bytes) -> bytes:
        for name, place in names.items():
            said = said.replace(name.encode(), place.encode())
        return MOMENT.sub(b"<moment>", PAGE.sub(rb"\1<page>", UUID.sub(b"<new>", said)))

    headers = {name: without(said.encode()).decode() for name, said in answer.headers.items() if name not in NEW_EACH_TIME}
    return answer.status_code, headers, without(answer.content)


def difference(one: Alike, other: Alike) -> str:
    """Where two answers part, for people."""
    if one[0] != other[0]:
        return f"status {one[0]}, not {other[0]}: {one[2][:300]!r}"
    if one[1] != other[1]:
        return f"headers {set(one[1].items()) ^ set(other[1].items())}; {one[2][:200]!r}, not {other[2][:200]!r}"
    at = next((at for at, (a, b) in enumerate(zip(one[2], other[2], strict=False)) if a != b), min(len(one[2]), len(other[2])))
    return f"from byte {at}: {one[2][max(0, at - 60) : at + 200]!r}, not {other[2][max(0, at - 60) : at + 200]!r}"
