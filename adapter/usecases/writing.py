"""What every write of a resource by a client has in common: what it goes by, what it is asked to find, and what it leaves.

https://hl7.org/fhir/R4/http.html#concurrency. No HTTP: headers arrive as words (`When`), answers leave as `Written`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.domain.identity import BASE
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.ports import Draft, Query, Stored, Unit
from adapter.r4 import json
from adapter.r4.compartment import is_denial
from adapter.r4.index import index
from adapter.r4.systems import canonical_codes
from mappings.resources import event

if TYPE_CHECKING:
    from adapter.usecases.pathways import Pathways
    from adapter.usecases.sharing import Sharing

Body = dict[str, Any]

VERSIONED: Final = {"CarePlan", "CareTeam", "EpisodeOfCare", "Task"}
"""Types that organisations work on together: a change must say which version it is of, so that none is lost."""

FOR_READING: Final = {"PlanDefinition"}
"""Types that clients read and search, and the service alone writes."""

CONCURRENCY: Final = "https://hl7.org/fhir/R4/http.html#concurrency"
EVENT: Final = f"{BASE}/StructureDefinition/pathway-event"
BLOCK: Final = f"{BASE}/StructureDefinition/patient-block"


class Check(Protocol):
    """Finds everything that is wrong with a resource, by the profiles named beside those that it claims."""

    def __call__(self, resource: Any, *, profiles: Sequence[str] = ()) -> list[Finding]: ...


@dataclass(frozen=True, slots=True)
class Follow:
    """Where followers may be told (`fault` says why an endpoint is not allowed), and what may be sent along (`headers`)."""

    fault: Callable[[str], Finding | None]
    headers: Callable[[list[str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who writes, where that counts: by which names patients may have blocked them, and which type's letter their scopes give."""

    who: tuple[str, ...] = ()
    may: Callable[[str, str], bool] = lambda _, __: True


SERVICE: Final = Subscriber()


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation writes by.

    `query_of` makes a search of a type and criteria (it raises `Problem` for criteria that are none); `new_id` gives ids.
    Without `pathways` and `sharing` a write has no consequences: a plain FHIR server, as a sandbox's partners are. Without `follow`
    nobody is told.
    """

    check: Check
    query_of: Callable[[str, str], Query]
    new_id: Callable[[], str]
    test_environment: bool = True
    allowed_persons: Collection[str] = frozenset()
    base: str = ""  # our own FHIR address: a reference that begins with it is one of ours
    pathways: Pathways | None = None
    sharing: Sharing | None = None
    follow: Follow | None = None
    subscriber: Subscriber = SERVICE


@dataclass(frozen=True, slots=True)
class When:
    """What a change is made only if: the headers' own words (RFC 9110 13.1.1 and 13.1.2), empty where nothing was said."""

    if_match: str = ""
    if_none_match: str = ""


ALWAYS: Final = When()


@dataclass(frozen=True, slots=True)
class Change:
    """A resource as a client would have it: what is to stand, and what stands now, where anything does.

    `place` says of a finding on the resource where it is in what the client sent.
    """

    type: str
    id: str
    body: Body
    before: Body | None = None
    told: tuple[Finding, ...] = ()
    place: Callable[[Finding], Finding] = lambda finding: finding


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left: the version that stands now, whether it was made as a new resource, and what is to be told."""

    stored: Stored
    created: bool = False
    findings: tuple[Finding, ...] = ()


def checked(rules: Rules, resource: Any) -> tuple[Finding, ...]:
    """What is to be told of a resource that may be kept. Raises `Problem` with every finding where it may not."""
    findings = judged(rules, resource)
    if has_errors(findings):
        raise Problem(*findings)
    return tuple(findings)


def judged(rules: Rules, resource: Any) -> list[Finding]:
    """All findings on a resource.

    The national code systems of an event may go by any of their names; it is kept with the one that the profile has.
    """
    profiles = profiles_of(rules, resource)
    return rules.check(canonical_codes(resource) if EVENT in profiles else resource, profiles=profiles)


def profiles_of(rules: Rules, resource: Any) -> list[str]:
    """The profile that this, which may not have been checked yet, is judged by whether it claims it or not: what has effects.

    An event of a pathway; and a Consent that says no to sharing, since we would hide less than a patient said if we did not
    understand all of it.
    """
    if rules.pathways is not None and is_event(resource):
        return [EVENT]
    if isinstance(resource, dict) and resource.get("resourceType") == "Consent" and is_denial(resource):
        return [BLOCK]
    return []


def is_event(resource: Any) -> bool:
    """Whether this, which may not have been checked yet, is an event of a pathway."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Observation":
        return False
    try:
        return event.is_event(resource)
    except (AttributeError, TypeError):  # it has no form, as the check will tell
        return False


def has_errors(findings: Sequence[Finding]) -> bool:
    return any(finding.severity in ("error", "fatal") for finding in findings)


def draft(type: str, id: str, resource: Mapping[str, Any], base: str = "") -> Draft:
    """The resource as it will be kept: resourceType, id and meta first, then the sender's elements in the sender's order."""
    meta = {key: value for key, value in resource.get("meta", {}).items() if key.lstrip("_") not in ("versionId", "lastUpdated")}
    rest = {key: value for key, value in resource.items() if key not in ("resourceType", "id", "meta")}
    head = b'{"resourceType":' + json.encode(type) + b',"id":' + json.encode(id) + b',"meta":{"versionId":"'
    meta_tail, tail = json.encode(meta)[1:], json.encode(rest)[1:]
    between, before = b"," if meta else b"", b"," if rest else b""

    def make(version: int, updated: datetime) -> bytes:
        moment = updated.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        own = f'{version}","lastUpdated":"{moment}"'.encode()
        return head + own + between + meta_tail + before + tail

    return Draft(type, id, index({"resourceType": type, "id": id, "meta": meta, **rest}, base=base), make)


def body_of(stored: Stored) -> Body:
    """A stored version as plain data."""
    body: Body = json.parse(stored.body)
    return body


def the_one(unit: Unit, tenant: str, query: Query) -> Stored | None:
    """The resource that matches, if there is one. Raises `Problem(AMBIGUOUS)` where there are several."""
    found = unit.search(tenant, replace(query, limit=2)).found
    if len(found) > 1:
        raise problem(
            Kind.AMBIGUOUS,
            "Several resources match the criteria: narrow them, or use an id.",
            "Flere ressurser passer med kriteriene: snevre inn, eller bruk en id.",
            rule="https://hl7.org/fhir/R4/http.html#ccreate",
        )
    return found[0] if found else None


def require_version(stored: Stored, when: When, *, needed: bool) -> None:
    """Raises `Problem(STALE)` where `when` does not hold of the version that stands, or must name it and does not.

    RFC 9110 13.2.2 has the order. Where a version is `needed`, `*` is none: whoever writes last would win.
    """
    names_one = when.if_match.strip() not in ("", "*")
    if names_one and not _is_named(stored, when.if_match):
        raise _stale(
            "If-Match does not name the version that stands: read it again, and see whether your change still holds.",
            "If-Match er ikke versjonen som gjelder: les på nytt, og se om endringen fortsatt skal gjøres.",
        )
    if when.if_none_match.strip() == "*" or _is_named(stored, when.if_none_match):
        raise _stale(
            "The resource, or this version of it, is there, and If-None-Match asks that it is not: leave it out to change it.",
            "Ressursen, eller denne versjonen, finnes, og If-None-Match krever at den ikke gjør det: utelat den for å endre.",
            "If-None-Match",
        )
    if needed and not names_one:
        raise _stale(
            f"This {stored.type} is changed by version: read it, and send its ETag in If-Match (* names none).",
            f"Denne {stored.type} endres etter versjon: les den, og send ETag-en i If-Match (* oppgir ingen).",
        )


def _is_named(stored: Stored, tags: str) -> bool:
    return str(stored.version) in re.findall(r'(?:W/)?"([^"]*)"', tags)


def _stale(en: str, nb: str, header: str = "If-Match") -> Problem:
    return problem(Kind.STALE, en, nb, where=f"http.{header}", rule=CONCURRENCY)


def require_none(when: When) -> None:
    """Raises `Problem(STALE)` where the caller changes a version of what is not there (RFC 9110 13.1.1)."""
    if when.if_match:
        raise _stale(
            "If-Match names a version, and no resource matches: leave it out to create one, or correct the criteria.",
            "If-Match oppgir en versjon, og ingen ressurs passer: utelat den for å opprette en, eller rett kriteriene.",
        )


def no_such() -> Problem:
    """An update of what is not there: ids are given by us (https://hl7.org/fhir/R4/http.html#upsert)."""
    return problem(
        Kind.NOT_ALLOWED,
        "There is no resource with this id, and a client does not choose ids: create it by POST [type].",
        "Det finnes ingen ressurs med denne id-en, og klienter velger ikke id: opprett den med POST [type].",
        rule="https://hl7.org/fhir/R4/http.html#upsert",
    )


def raise_for(findings: Sequence[Finding]) -> None:
    if findings:
        raise Problem(*findings)
