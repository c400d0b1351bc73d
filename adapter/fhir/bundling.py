"""Batch and transaction at the base (https://hl7.org/fhir/R4/http.html#transaction), and what each entry answers.

A transaction is one unit of work, and its refusal one OperationOutcome. A batch's entries stand alone, each with its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final

import msgspec

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import Refused
from adapter.fhir import history, reading
from adapter.fhir.bundles import etag, instant
from adapter.fhir.face import Answer, Asked, Face, outcome
from adapter.fhir.negotiation import body_is_xml
from adapter.fhir.rights import lawful, of_caller, require_step
from adapter.fhir.search import pairs_of
from adapter.fhir.searching import search
from adapter.fhir.types import TYPES
from adapter.fhir.writing import located
from adapter.ports import Unit
from adapter.r4.bundle import Step, measured, require_moderate, skeleton, steps
from adapter.r4.document import read as parse
from adapter.r4.outcome import status
from adapter.usecases.carry_out_bundle import carry_out, prepare
from adapter.usecases.writing import Written, checked

SECONDS: Final = 5.0  # in which all looks of a Bundle begin
ANSWERED: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Done:
    """What one entry came to: its answer, and where it is of a resource, its place."""

    status: int
    body: bytes = b""
    etag: str = ""
    modified: str = ""
    location: str = ""
    findings: Sequence[Finding] = ()


@dataclass(slots=True)
class _Room:
    """How much more may be read by one Bundle's entries: a thousand of the largest resources would fill any memory."""

    bytes: int = ANSWERED
    until: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def held(self, look: Callable[[], Answer]) -> Answer:
        """What the look gives, if there is time and room for it. Raises `Problem` (TOO_COSTLY)."""
        if time.monotonic() > self.until:
            en = f"The Bundle takes more than {SECONDS:g} seconds: ask for the rest in another."
            raise problem(Kind.TOO_COSTLY, en, f"Bundle tar mer enn {SECONDS:g} sekunder: be om resten i en annen.")
        answer = look()
        if len(answer.body) > self.bytes:
            en = f"The Bundle reads more than {ANSWERED >> 20} MiB: ask for the rest in another."
            nb = f"Bundle leser mer enn {ANSWERED >> 20} MiB: be om resten i en annen."
            raise problem(Kind.TOO_COSTLY, en, nb)
        self.bytes -= len(answer.body)
        return answer


def carry_out_bundle(face: Face, asked: Asked, data: bytes) -> Answer:
    """POST [base]: 200 with an answer for each entry, in the order of the entries."""
    document = parse(data, xml=body_is_xml(asked.headers))
    bundle = document.body
    with located(document):
        kind = measured(bundle, face.limits.max_entries)
        checked(face.rules, skeleton(bundle))
        entries = steps(bundle, base=face.base, types=TYPES)
        require_moderate(entries)
        together, room = kind == "transaction", _Room()
        done = _together(face, asked, entries, room) if together else [_alone(face, asked, step, room) for step in entries]
    return Answer(200, _response(kind, [_entry(one, asked) for one in done]))


def _together(face: Face, asked: Asked, entries: Sequence[Step], room: _Room) -> list[Done]:
    for step in entries:
        asked.trail.asked(step.type, step.id)
        require_step(asked.caller, step)
    rules = of_caller(face.rules, asked.caller)
    ready, now, tenant = prepare(entries, lawful(face.rules, asked.caller)), face.clock.now(), asked.caller.tenant

    def job(unit: Unit) -> list[Any]:
        return carry_out(unit, rules, tenant, ready, now, lambda unit, step: room.held(lambda: _look(face, asked, unit, step)))

    run = asked.store.run if any(step.writes for step in entries) else lambda job: _reading(asked, job)
    done = run(job)
    for written in done:
        if isinstance(written, Written):
            asked.trail.saw("C" if written.created else "U", [written.stored])
    return [_done(answer) for answer in done]


def _alone(face: Face, asked: Asked, step: Step, room: _Room) -> Done:
    """One entry of a batch: whatever is wrong with it is its own answer."""
    try:
        return _together(face, asked, [step], room)[0]
    except Refused as refused:
        return Done(refused.status, findings=refused.findings)
    except Problem as fault:
        return Done(status(fault.findings), findings=fault.findings)


def _reading(asked: Asked, job: Any) -> Any:
    with asked.store.read() as unit:
        return job(unit)


def _look(face: Face, asked: Asked, unit: Unit, step: Step) -> Answer:
    """A GET within a Bundle. Its criteria stand in a body, where a person's number may be."""
    headers = {"if-none-match": step.if_none_match, "if-modified-since": step.if_modified_since}
    mine = replace(
        asked,
        type=step.type,
        id=step.id if step.name else "",
        pairs=pairs_of(step.criteria),
        headers={name: value for name, value in headers.items() if value},
        private=True,
    )
    match step.parts:
        case (type,):
            now, strict = face.clock.now(), asked.wish.strict
            found = search(unit, mine.visit, type, mine.pairs, base=face.base, key=face.key, strict=strict, private=True, now=now)
            return Answer(200, found)
        case (_, _, "_history", version):
            return reading.read(face, mine, unit, version)
        case (*_, "_history"):
            return history.history(face, mine, unit)
        case _:
            return reading.read(face, mine, unit)


def _done(answer: Answer | Written) -> Done:
    if isinstance(answer, Answer):
        read = answer.stored
        return Done(answer.status, answer.body, etag(read) if read else "", instant(read.updated) if read else "")
    stored = answer.stored
    return Done(
        201 if answer.created else 200,
        stored.body,
        etag(stored),
        instant(stored.updated),
        f"{stored.type}/{stored.id}/_history/{stored.version}",
        answer.findings,
    )


def _entry(done: Done, asked: Asked) -> bytes:
    """The answer's entry. What was written comes back only where Prefer asks for it; what was read always does."""
    response: dict[str, Any] = {"status": f"{done.status} {HTTPStatus(done.status).phrase}"}
    response |= {
        name: value for name, value in (("location", done.location), ("etag", done.etag), ("lastModified", done.modified)) if value
    }
    told = msgspec.json.encode(response)[:-1]
    if done.findings or (asked.wish.returned == "operationoutcome" and done.location):
        told += b',"outcome":' + outcome(done.findings)
    shown = done.body if not done.location or asked.wish.returned == "representation" else b""
    return (b'{"resource":' + shown + b"," if shown else b"{") + b'"response":' + told + b"}}"


def _response(kind: str, entries: Sequence[bytes]) -> bytes:
    head = b'{"resourceType":"Bundle","type":"' + f"{kind}-response".encode() + b'"'
    return head + (b',"entry":[' + b",".join(entries) + b"]" if entries else b"") + b"}"
