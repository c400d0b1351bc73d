"""What a request's headers ask for: the format, strictness, and whether the version is known already.

https://hl7.org/fhir/R4/http.html#mime-type, #cond-read; RFC 9110, sections 12.5.1 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from adapter.domain.problem import Finding, Kind
from adapter.failures import Refused
from adapter.fhir.bundles import etag
from adapter.ports import Stored

JSON: Final = {"application/fhir+json", "application/json", "text/json", "json"}
ANY: Final = {"*/*", "application/*"}


def require_json(headers: Mapping[str, str], formats: Sequence[str]) -> None:
    """Raises `Refused` (406) where JSON will not do; `formats` are the values of `_format`, which win over Accept."""
    asked = [value.replace(" ", "+") for value in formats] or accepted(headers)
    if asked and not any(kind in JSON or kind in ANY for kind in asked):
        raise Refused(
            406,
            Finding(
                "error",
                Kind.UNSUPPORTED,
                "Only FHIR JSON is offered: ask for application/fhir+json.",
                "Bare FHIR JSON tilbys: be om application/fhir+json.",
                "http._format" if formats else "http.Accept",
            ),
        )


def accepted(headers: Mapping[str, str]) -> list[str]:
    """Media types of Accept that are wanted, without parameters; another FHIR version than 4.0 is not."""
    kinds = []
    for item in headers.get("accept", "").lower().split(","):
        kind, *parameters = [part.strip() for part in item.split(";")]
        said = dict(parameter.partition("=")[::2] for parameter in parameters)
        unwanted = said.get("q", "1").strip("0.") == "" or said.get("fhirversion", "4.0").strip('"') not in ("4.0", "4.0.1")
        if kind:
            kinds.append("" if unwanted else kind)
    return kinds


def strict(headers: Mapping[str, str]) -> bool:
    """Whether the caller wants unknown parameters refused: `Prefer: handling=strict`."""
    return "handling=strict" in headers.get("prefer", "").replace(" ", "").lower()


def unchanged(headers: Mapping[str, str], stored: Stored) -> bool:
    """Whether the caller has this version already (304). If-Modified-Since counts only without If-None-Match."""
    if (tags := headers.get("if-none-match")) is not None:
        weak = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in weak or etag(stored).removeprefix("W/") in weak
    since = _http_date(headers.get("if-modified-since", ""))
    return since is not None and stored.updated.replace(microsecond=0) <= since


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
