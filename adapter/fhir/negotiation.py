"""What a request's headers ask for: the format, how much comes back, strictness, and whether the version is known already.

https://hl7.org/fhir/R4/http.html#mime-type, #ops, #cond-read; RFC 9110 (12.5.1 and 13) and RFC 7240 (Prefer).

>>> wish({"accept": "application/fhir+xml, application/fhir+json;q=0.9", "prefer": "return=minimal; handling=strict"}, [])
Wish(xml=True, pretty=False, returned='minimal', strict=True)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import FHIR_JSON, Refused
from adapter.fhir.bundles import etag
from adapter.ports import Stored
from adapter.r4.bundle import PATCH

FHIR_XML: Final = "application/fhir+xml"
JSON: Final = {FHIR_JSON, "application/json", "text/json", "application/json+fhir", "json"}
XML: Final = {FHIR_XML, "application/xml", "text/xml", "application/xml+fhir", "xml"}
ANY: Final = {"*/*", "application/*"}
VERSIONS: Final = ("4.0", "4.0.1")
RETURNED: Final = {"minimal", "representation", "operationoutcome"}
MIME: Final = "https://hl7.org/fhir/R4/http.html#mime-type"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wish:
    """How the answer is to be given. `returned` is what Prefer says comes back of a write; empty where it says nothing."""

    xml: bool = False
    pretty: bool = False
    returned: str = ""
    strict: bool = False


PLAIN: Final = Wish()


def wish(headers: Mapping[str, str], pairs: Pairs) -> Wish:
    """What is asked for by Accept, Prefer, `_format` and `_pretty`. Raises `Refused` (406) where neither JSON nor XML will do.

    A browser asks for text/html first, and for XML that it can show; FHIR's it would save as a file. It is given JSON, indented.
    """
    formats = [value.replace(" ", "+") for name, value in pairs if name == "_format"]
    kinds = accepted(headers)
    if browser := "text/html" in kinds:
        kinds.sort(key=XML.__contains__)
    preferred = {name.strip(): value.strip().strip('"') for name, value in _preferences(headers.get("prefer", ""))}
    returned = preferred.get("return", "").lower()
    return Wish(
        xml=_is_xml(kinds, formats),
        pretty=next((value == "true" for name, value in pairs if name == "_pretty"), browser),
        returned=returned if returned in RETURNED else "",
        strict=preferred.get("handling", "").lower() == "strict",
    )


def accepted(headers: Mapping[str, str]) -> list[str]:
    """Media types of Accept that are wanted, the most wanted first, without parameters; empty for one that is not.

    >>> accepted({"accept": "text/csv;q=0.1, application/json, application/fhir+json;fhirVersion=5.0"})
    ['application/json', 'text/csv', '']
    """
    kinds = []
    for item in headers.get("accept", "").lower().split(","):
        kind, *parameters = [part.strip() for part in item.split(";")]
        said = {name.strip(): value.strip().strip('"') for name, _, value in (p.partition("=") for p in parameters)}
        weight = _weight(said.get("q", "1")) if said.get("fhirversion", "4.0") in VERSIONS else 0.0
        if kind:
            kinds.append((weight, kind if weight else ""))
    return [kind for _, kind in sorted(kinds, key=lambda one: -one[0])]


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether the caller takes an answer that is compressed (RFC 9110 12.5.3).

    >>> takes_gzip({"accept-encoding": "br, gzip;q=0.5"}), takes_gzip({"accept-encoding": "gzip;q=0, *"})
    (True, False)
    """
    for item in headers.get("accept-encoding", "").lower().split(","):
        coding, *parameters = [part.strip() for part in item.split(";")]
        if coding == "gzip":
            return all(_weight(one.removeprefix("q=")) for one in parameters if one.startswith("q="))
    return False


def body_is_xml(headers: Mapping[str, str]) -> bool:
    """Whether the body of a write is XML rather than JSON. Raises `Problem` (415) for what is neither, or of another version."""
    kind, said = _content_type(headers)
    if said.get("fhirversion", "4.0") not in VERSIONS:
        raise _unsupported("This service is of FHIR 4.0: send fhirVersion=4.0.", "Tjenesten er FHIR 4.0: send fhirVersion=4.0.")
    if kind in XML:
        return True
    if kind in JSON:
        return False
    raise _unsupported(
        f"A resource is sent as {FHIR_JSON} or {FHIR_XML}: set Content-Type.",
        f"En ressurs sendes som {FHIR_JSON} eller {FHIR_XML}: sett Content-Type.",
    )


def require_patch(headers: Mapping[str, str]) -> None:
    """Raises `Problem` (415) where the body is said to be something else than a JSON Patch."""
    if _content_type(headers)[0] not in (PATCH, "application/json"):
        raise _unsupported(
            f"A patch is a JSON Patch: send {PATCH}. FHIRPath and XML patches are not offered.",
            f"En patch er en JSON Patch: send {PATCH}. FHIRPath- og XML-patch tilbys ikke.",
        )


def require_form(headers: Mapping[str, str]) -> None:
    """Raises `Problem` (415) where the body is no form."""
    if _content_type(headers)[0] != "application/x-www-form-urlencoded":
        raise _unsupported(
            "A search is posted as application/x-www-form-urlencoded: set Content-Type.",
            "Et søk sendes som application/x-www-form-urlencoded: sett Content-Type.",
        )


def unchanged(headers: Mapping[str, str], stored: Stored) -> bool:
    """Whether the caller has this version already (304). If-Modified-Since counts only without If-None-Match."""
    if (tags := headers.get("if-none-match")) is not None:
        weak = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in weak or etag(stored).removeprefix("W/") in weak
    since = _http_date(headers.get("if-modified-since", ""))
    return since is not None and stored.updated.replace(microsecond=0) <= since


def _is_xml(kinds: Sequence[str], formats: Sequence[str]) -> bool:
    """`_format` wins over Accept; of several the first that we have. Without either it is JSON."""
    asked = [value.partition(";")[0].strip().lower() for value in formats] or kinds or [FHIR_JSON]
    for kind in asked:
        if kind in JSON or kind in ANY:
            return False
        if kind in XML:
            return True
    en = f"Only FHIR JSON and XML are offered: ask for {FHIR_JSON} or {FHIR_XML}."
    nb = f"Bare FHIR JSON og XML tilbys: be om {FHIR_JSON} eller {FHIR_XML}."
    raise Refused(406, Finding("error", Kind.UNSUPPORTED, en, nb, "http._format" if formats else "http.Accept", rule=MIME))


def _preferences(prefer: str) -> list[tuple[str, str]]:
    """`return=minimal, handling=strict`; some senders part them by semicolons."""
    return [(name.lower(), value) for name, _, value in (item.partition("=") for item in re.split("[,;]", prefer))]


def _weight(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.[0-9]{0,3})?", text) else 1.0


def _content_type(headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The media type of the body, and its parameters; all in lower case."""
    kind, *parameters = headers.get("content-type", "").lower().split(";")
    said = {name.strip(): value.strip().strip('"') for name, _, value in (p.partition("=") for p in parameters)}
    if said.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise _unsupported("A body is sent in UTF-8.", "Innhold sendes i UTF-8.")
    return kind.strip(), said


def _unsupported(en: str, nb: str) -> Problem:
    return problem(Kind.UNSUPPORTED, en, nb, where="http.Content-Type", rule=MIME)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None
