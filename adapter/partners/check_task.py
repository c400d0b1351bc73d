"""Assignments at a partner, tried: searches, what it makes of one of ours, and with leave one that is written there.

The one that is written is of a synthetic patient and `entered-in-error` from the first, so that nobody acts on it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from adapter.domain.problem import Kind, Problem
from adapter.partners.checks import Seen, failed, green, red, yellow
from adapter.partners.server import NOT_THERE, URI, HttpFhirServer
from adapter.partners.wire import Wire
from adapter.ports import Refusal
from adapter.r4 import json
from adapter.settings import Partner
from mappings.resources.assignment import build, outward, share_bundle

SYNTHETIC: Final = ("urn:oid:2.16.578.1.12.4.1.4.1", "14868440083")  # month + 80: no person has it
NOBODYS: Final = "urn:uuid:00000000-0000-4000-8000-000000000000"
MOST: Final = 1000  # of what changed in a minute


def searched(server: HttpFhirServer, push: bool) -> Iterator[Seen]:
    """The two searches that we live by. A partner that fetches here can do without them, but nothing that begins there is found."""
    light: Any = "red" if push else "yellow"
    try:
        server.find("Task", URI, NOBODYS)
        yield green("find", "answered as it should", "svarte som den skal")
    except Problem as fault:
        yield failed("find", fault, light)
    try:
        list(islice(server.changed(datetime.now(UTC) - timedelta(minutes=1)), MOST))
    except Problem as fault:
        yield failed("changes", fault, light)
        return
    if left := ", ".join(server.left_out):
        yield yellow(
            "changes",
            *(f"answered, but not with {left}", f"svarte, men ikke med {left}"),
            *("it works, at the cost of longer answers; ask for these", "det virker, men svarene blir lengre; be om disse"),
        )
    else:
        yield green("changes", "answered as it should", "svarte som den skal")


def validated(wire: Wire, partner: Partner, organisation: str) -> Seen:
    """`Task/$validate` of an assignment like those we send (https://hl7.org/fhir/R4/resource-operation-validate.html)."""
    write = ("in a test environment, run this with --write", "i et testmiljø: kjør dette med --write")
    try:
        address = f"{partner.base_url.rstrip('/')}/Task/$validate"
        outcome = wire.call("POST", address, content=json.encode(example(partner, organisation))).body
    except Refusal as fault:
        if fault.kind not in NOT_THERE and fault.outcome:
            return failed("validate", fault)
        return yellow("validate", "it does not judge ($validate)", "den vurderer ikke ($validate)", *write)
    except Problem:
        return yellow("validate", "it does not judge ($validate)", "den vurderer ikke ($validate)", *write)
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    worst = [i.get("severity") for i in issues if isinstance(i, dict)] if isinstance(issues, list) else []
    if {"error", "fatal"} & {s for s in worst if isinstance(s, str)}:
        return yellow("validate", "it finds errors in it", "den finner feil i det", *write)
    return green("validate", "it has nothing against it", "den har ingenting imot det")


def written(server: HttpFhirServer, partner: Partner, organisation: str) -> Iterator[Seen]:
    """Create twice, change, and change again by the version before: what every delivery rests on."""
    bundle = share_bundle(example(partner, organisation))
    try:
        first, second = server.create(bundle), server.create(bundle)
    except Problem as fault:
        yield failed("written-once", fault)
        return
    if first.id != second.id:
        yield red(
            "written-once",
            *(f"two: Task/{first.id} and Task/{second.id}", f"to: Task/{first.id} og Task/{second.id}"),
            *("If-None-Exist must be honoured there before anything is sent", "If-None-Exist må følges der før noe sendes"),
        )
        return
    yield green("written-once", f"Task/{first.id}, entered-in-error", f"Task/{first.id}, entered-in-error")
    try:
        before = server.read("Task", first.id)
        server.change(before, {**before.body, "lastModified": _now(), "priority": "routine"})  # same second: no change to many
        yield green("changed", "with If-Match", "med If-Match")
    except Problem as fault:
        yield failed("changed", fault)
        return
    try:
        server.change(before, {**before.body, "lastModified": _now(), "priority": "urgent"})
    except Problem as fault:
        yield (
            green("stale", "refused, as it should be", "avvist, som den skal")
            if fault.kind is Kind.STALE
            else failed("stale", fault)
        )
        return
    yield red(
        "stale",
        *("taken: changes of both sides can be lost there", "godtatt: endringer fra begge sider kan gå tapt der"),
        *("If-Match must be honoured there before anything is sent", "If-Match må følges der før noe sendes"),
    )


def example(partner: Partner, organisation: str) -> Mapping[str, Any]:
    """An assignment as it leaves us, that nobody is to act on."""
    pathway, now = str(uuid.uuid4()), datetime.now(UTC).replace(microsecond=0)  # `lastModified` may not be before it
    task = build(
        pathway=pathway,
        kind="assign-coordinator",
        ordinal=1,
        patient=("Patient/synthetic", *SYNTHETIC),
        requester=(organisation, "Stafett"),
        owner=(partner.organisation, partner.name),
        focus=f"https://stafett.invalid/fhir/CarePlan/{pathway}",
        now=now,
        due=now.date(),
    )
    why = {"text": "Prøve av forbindelsen (a try of the connection)"}
    return {**outward(task), "status": "entered-in-error", "statusReason": why, "lastModified": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
