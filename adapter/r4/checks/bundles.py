"""The rules of a Bundle (https://hl7.org/fhir/R4/bundle.html): bdl-1 to bdl-12, and what `fullUrl` must say."""

from __future__ import annotations

import re
from typing import Any, Final

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import PAGES, Fault, moved

Json = dict[str, Any]

REQUESTS: Final = frozenset({"batch", "transaction", "history"})
RESPONSES: Final = frozenset({"batch-response", "transaction-response", "history"})
FULL_URL: Final = PAGES + "bundle.html#bundle-unique"
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
_LITERAL: Final = re.compile(r"https?://.*/([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")


def bundle_faults(bundle: Json) -> list[Fault]:
    """What is wrong with the Bundle as a whole; its parts have been checked already and may be of wrong form."""
    type = bundle.get("type")
    entries = bundle.get("entry")
    entries = [e if isinstance(e, dict) else {} for e in entries] if isinstance(entries, list) else []
    found = _head(bundle, type, entries)
    for index, entry in enumerate(entries):
        found += moved(_entry(entry, type), f".entry[{index}]")
    return found + _repeated(entries, type)


def _rule(key: str, en: str, nb: str, where: str = "") -> Fault:
    return Fault(Kind.INVARIANT, en, nb, key, where=where)


def _head(bundle: Json, type: Any, entries: list[Json]) -> list[Fault]:
    found = []
    if "total" in bundle and type not in {"searchset", "history"}:
        en, nb = "Only a searchset or a history has a total.", "Bare searchset og history har total."
        found.append(_rule("bdl-1", en, nb, ".total"))
    identifier = bundle.get("identifier")
    if type == "document":
        if not isinstance(identifier, dict) or not {"system", "value"} <= identifier.keys():
            en, nb = "A document has an identifier with system and value.", "Et dokument har identifier med system og value."
            found.append(_rule("bdl-9", en, nb, ".identifier"))
        if "timestamp" not in bundle:
            found.append(_rule("bdl-10", "A document has a timestamp.", "Et dokument har timestamp.", ".timestamp"))
    first = _type_of(entries[0]) if entries else None
    if type == "document" and first != "Composition":
        en, nb = "A document's first entry is a Composition.", "Et dokuments første entry er en Composition."
        found.append(_rule("bdl-11", en, nb, ".entry[0]" if entries else ""))
    if type == "message" and first != "MessageHeader":
        en, nb = "A message's first entry is a MessageHeader.", "En meldings første entry er en MessageHeader."
        found.append(_rule("bdl-12", en, nb, ".entry[0]" if entries else ""))
    return found


def _type_of(entry: Json) -> Any:
    resource = entry.get("resource")
    return resource.get("resourceType") if isinstance(resource, dict) else None


def _entry(entry: Json, type: Any) -> list[Fault]:
    found = []
    if "search" in entry and type != "searchset":
        en, nb = "Only the entries of a searchset have search.", "Bare entry i en searchset har search."
        found.append(_rule("bdl-2", en, nb, ".search"))
    if ("request" in entry) != (type in REQUESTS):
        en = "Each entry of a batch, transaction or history has a request, and no other."
        nb = "Hver entry i batch, transaction og history har request, og ingen andre."
        found.append(_rule("bdl-3", en, nb, ".request"))
    if ("response" in entry) != (type in RESPONSES):
        en = "Each entry of a batch-response, transaction-response or history has a response, and no other."
        nb = "Hver entry i batch-response, transaction-response og history har response, og ingen andre."
        found.append(_rule("bdl-4", en, nb, ".response"))
    if not {"resource", "request", "response"} & entry.keys():
        en, nb = "An entry needs a resource, a request or a response.", "En entry må ha resource, request eller response."
        found.append(_rule("bdl-5", en, nb))
    url = entry.get("fullUrl")
    return found + (_full_url(url, entry.get("resource")) if isinstance(url, str) else [])


def _full_url(url: str, resource: Any) -> list[Fault]:
    if "/_history/" in url:
        return [_rule("bdl-8", "fullUrl names no version.", "fullUrl oppgir ikke versjon.", ".fullUrl")]
    if not _ABSOLUTE.fullmatch(url):
        en, nb = "fullUrl is an absolute address.", "fullUrl er en fullstendig adresse."
        return [Fault(Kind.VALUE, en, nb, FULL_URL, where=".fullUrl")]
    literal = _LITERAL.fullmatch(url)
    if literal is None or not isinstance(resource, dict) or "id" not in resource:
        return []
    if (literal[1], literal[2]) == (resource.get("resourceType"), resource["id"]):
        return []
    en, nb = "fullUrl disagrees with the resource's type and id.", "fullUrl stemmer ikke med ressursens type og id."
    return [Fault(Kind.INVARIANT, en, nb, FULL_URL, where=".fullUrl")]


def _repeated(entries: list[Json], type: Any) -> list[Fault]:
    """bdl-7: an address and version stands in a Bundle once, but in a history."""
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries):
        url, resource = entry.get("fullUrl"), entry.get("resource")
        meta = resource.get("meta") if isinstance(resource, dict) else None
        version = meta.get("versionId") if isinstance(meta, dict) else None
        if not isinstance(url, str) or type == "history":
            continue
        if (url, str(version)) in seen:
            en, nb = "Two entries have this fullUrl.", "To entry har denne fullUrl."
            return [_rule("bdl-7", en, nb, f".entry[{index}].fullUrl")]
        seen.add((url, str(version)))
    return []
