"""Create, update and patch: https://hl7.org/fhir/R4/http.html#create, #ccreate, #update, #cond-update, #patch.

Each takes the request's body as bytes; what is wrong with it is told with line and column of the sender's text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.fhir.face import Answer, Asked, Face, invalid, matching, of_version, outcome
from adapter.fhir.negotiation import body_is_xml, require_patch
from adapter.fhir.rights import of_caller, require
from adapter.fhir.search import criteria, names_person, query_of
from adapter.ports import Query, Unit
from adapter.r4 import json
from adapter.r4.bundle import IF_NONE_EXIST
from adapter.r4.document import Document
from adapter.r4.document import read as parse
from adapter.usecases.create_resource import create as create_resource
from adapter.usecases.update_resource import patch_resource, update_matching
from adapter.usecases.update_resource import update as update_resource
from adapter.usecases.writing import When, Written, checked

FORM = {"_format", "_pretty"}


def create(face: Face, asked: Asked, data: bytes) -> Answer:
    """POST [type]: 201 and where it now is; with If-None-Exist 200 where one like it exists already, 412 where several do."""
    if conditions(asked):
        raise invalid("If-None-Exist", *IF_NONE_EXIST, rule="https://hl7.org/fhir/R4/http.html#ccreate")
    unless = _unless(face, asked)
    with checked_body(face, asked, data) as (resource, told):
        rules, id, now = of_caller(face.rules, asked.caller), face.rules.new_id(), face.clock.now()
        written = asked.store.run(
            lambda unit: create_resource(unit, rules, asked.caller.tenant, resource, now, id=id, unless=unless)
        )
    return answered(face, asked, written, told, location=True)


def update(face: Face, asked: Asked, data: bytes) -> Answer:
    """PUT [type]/[id], or PUT [type]?criteria: 200 with the version that now stands, 201 where the criteria matched nothing."""
    which = _which(face, asked)
    rules, when, tenant = of_caller(face.rules, asked.caller), _when(asked), asked.caller.tenant
    with checked_body(face, asked, data) as (resource, told):
        now = face.clock.now()
        if isinstance(which, str):
            if resource.get("id") != which:
                raise Problem(other_id(asked.type))
            written = asked.store.run(lambda unit: update_resource(unit, rules, tenant, resource, now, id=which, when=when))
        else:
            id = face.rules.new_id()
            written = asked.store.run(
                lambda unit: update_matching(unit, rules, tenant, resource, now, query=which, new_id=id, when=when)
            )
    return answered(face, asked, written, told)


def patch(face: Face, asked: Asked, data: bytes) -> Answer:
    """PATCH [type]/[id], or PATCH [type]?criteria, by JSON Patch: as an update of what comes of it."""
    require_patch(asked.headers)
    operations, which = json.parse(data), _which(face, asked)
    rules, now, when = of_caller(face.rules, asked.caller), face.clock.now(), _when(asked)

    def job(unit: Unit) -> Written:
        return patch_resource(unit, rules, asked.caller.tenant, operations, now, type=asked.type, which=which, when=when)

    return answered(face, asked, asked.store.run(job))


def answered(face: Face, asked: Asked, written: Written, told: Sequence[Finding] = (), *, location: bool = False) -> Answer:
    """What a write answers, as Prefer says (https://hl7.org/fhir/R4/http.html#ops): the resource, where it says nothing."""
    stored, findings = written.stored, (*told, *written.findings)
    asked.trail.saw("C" if written.created else "U", [stored])
    here = f"{face.base}/{stored.type}/{stored.id}/_history/{stored.version}"
    # A client that wants no body back (HAPI asks for none) learns from the address which version now stands.
    headers = {**of_version(stored), "Location" if location or written.created else "Content-Location": here}
    body = {"minimal": b"", "operationoutcome": outcome(findings)}.get(asked.wish.returned, stored.body)
    if body is stored.body and not asked.caller.access.allows(stored.type, "r"):
        body = b""  # who may only write is not shown what was there
    return Answer(201 if written.created else 200, body, headers)


@contextmanager
def checked_body(face: Face, asked: Asked, data: bytes) -> Iterator[tuple[dict[str, Any], tuple[Finding, ...]]]:
    """The resource of a request's body, checked, and what the check tells of it; faults get their line and column."""
    document = parse(data, xml=body_is_xml(asked.headers))
    with located(document):
        resource = of_type(document.body, asked.type)
        yield resource, checked(face.rules, resource)


def of_type(body: Any, type: str) -> dict[str, Any]:
    """The body, where it is a resource of the type in the address."""
    said = body.get("resourceType") if isinstance(body, dict) else None
    if said == type:
        return dict(body)
    raise problem(
        Kind.INVALID,
        f"The body is no {type}, as the address says: send one, or correct the address.",
        f"Innholdet er ingen {type}, som adressen sier: send en slik, eller rett adressen.",
        where=type,
        rule="https://hl7.org/fhir/R4/http.html#create",
    )


def other_id(type: str) -> Finding:
    """A resource says which one it is, and the address says so too (#update)."""
    en, nb = (
        "The resource's id is not the one in the address: correct the one that is wrong.",
        "Ressursens id er ikke den i adressen: rett den som er feil.",
    )
    return Finding("error", Kind.INVALID, en, nb, f"{type}.id", rule="https://hl7.org/fhir/R4/http.html#update")


@contextmanager
def located(document: Document) -> Iterator[None]:
    """Gives what is raised within its line and column."""
    try:
        yield
    except Problem as fault:
        fault.findings = tuple(document.located(fault.findings))
        raise


def conditions(asked: Asked) -> list[tuple[str, str]]:
    """The parameters of the address that say which resource is meant."""
    return [(name, value) for name, value in asked.pairs if name not in FORM]


def _when(asked: Asked) -> When:
    return When(asked.headers.get("if-match", ""), asked.headers.get("if-none-match", ""))


def _unless(face: Face, asked: Asked) -> Query | None:
    """If-None-Exist, as criteria or as a whole address; no person's number in it, since headers are kept in logs too."""
    text = asked.headers.get("if-none-exist")
    if text is None:
        return None
    require(asked.caller, asked.type, "s")
    _refuse_person("If-None-Exist", criteria(text, asked.type, base=face.base))
    return matching(face.base, asked.type, text)


def _which(face: Face, asked: Asked) -> str | Query:
    """The id in the address, or what its criteria mean."""
    if asked.id:
        return asked.id
    require(asked.caller, asked.type, "s")
    pairs = conditions(asked)
    _refuse_person(pairs[0][0] if pairs else "", pairs)
    return query_of(asked.type, pairs, base=face.base)


def _refuse_person(place: str, pairs: Sequence[tuple[str, str]]) -> None:
    if any(names_person(value) for _, value in pairs):
        en = (
            "A national identity number may not stand in an address or a header: post a transaction with the criteria in its entry."
        )
        nb = "Et fødselsnummer kan ikke stå i en adresse eller header: send en transaction med kriteriene i oppføringen."
        raise invalid(place, en, nb, "HL7 Norway best practice: FNR and DNR, GET versus POST")
