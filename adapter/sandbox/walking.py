"""Plays walks: sends their referrals over the simulated hub, and says each step over FHIR, as a journal system would.

    for told in play(WALKS, service, hub, clock, today): ...

| Step | What is sent |
|---|---|
| `Answers` | JSON Patch of the Task `assess-referral`, with `If-Match`: its outputs, and *completed* |
| `Does` | JSON Patch of the duty's Task, with `If-Match`: when it was done, and *completed* |
| `Registers` | POST of an Observation: code of 9322, outcome of its own list, focus on the EpisodeOfCare |
| `Replies` | PUT of the assignment's Task at the side's own FHIR server, with `If-Match` (`adapter.sandbox.handing_over`) |
| `HandsOver` | POST of a Task `handover-coordinator` |

All walks are walked together, day by day, by a clock that is moved before each step. In the end it shows the time that it is.
"""

from __future__ import annotations

import time as machine
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any, Final

import httpx

from adapter.domain import codes
from adapter.domain.identity import BASE, named
from adapter.sandbox.clock import move
from adapter.sandbox.handing_over import Wait, agreed, hand_over, reply, teams_agree
from adapter.sandbox.walks import MUNICIPALITY, Answers, Does, HandsOver, Registers, Replies, Step, Walk
from mappings.terms import OID
from mappings.times import OSLO

MORNING: Final = time(9, tzinfo=OSLO)
WAIT: Final = 30.0
URN: Final = "urn:ietf:rfc:3986|urn:uuid:"
FHIR: Final = "application/fhir+json"
PATCH: Final = "application/json-patch+json"
SYSTEM: Final = f"{BASE}/CodeSystem/"

Body = dict[str, Any]


class Stumbled(Exception):
    """A step was not taken as the walk says."""


@dataclass
class Walked:
    """A walk under way: its pathway, and the phases that it has been in, each with the day."""

    walk: Walk
    pathway: str = ""
    phases: list[tuple[int, str]] = field(default_factory=list)

    @property
    def phase(self) -> str:
        return self.phases[-1][1]


def play(
    walks: Sequence[Walk],
    service: httpx.Client,
    hub: httpx.Client,
    clock: Path,
    today: date,
    others: Mapping[str, httpx.Client] = MappingProxyType({}),
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Walked]:
    """Walk them all; yields a walk after its referral and after each step. Raises `Stumbled` where one is not taken as it says.

    `service` and `hub` are their addresses, `others` the other FHIR servers by side, `clock` the file of everybody's clock;
    `alive` is asked while we wait. A day ends when all concerned know of each answer that was given on it.
    """
    begun = {walk.name: Walked(walk) for walk in walks}
    for day, steps in groupby(sorted(_days(walks), key=lambda one: one[0]), key=lambda one: one[0]):
        on, of_day = today + timedelta(days=day), [(walk, step) for _, walk, step in steps]
        move(clock, datetime.combine(on, MORNING) if on < today else None)
        for walk, step in of_day:
            if step is None:  # all of the day's are fetched at once
                hub.post("/sandbox/messages", content=referral(walk, on)).raise_for_status()
        answers: list[tuple[Walked, Replies, str]] = []
        for walk, step in of_day:
            walked = begun[walk.name]
            if step is None:
                walked.pathway = _opened(service, walk, alive)["id"]
            elif isinstance(step, Replies):
                now = datetime.combine(on, MORNING)
                answers.append((walked, step, reply(others[step.side], walked.pathway, step, now, _patiently(walked, alive))))
            else:
                _take(service, walked, step, on)
            walked.phases.append((day + walk.ago, _phase(service, walked, step)))
            yield walked
        for walked, step, key in answers:
            concerned = [service, *(other for side, other in others.items() if step.side in (side, MUNICIPALITY))]
            agreed(concerned, key, step, _patiently(walked, alive))
            if step.move in ("accept", "name"):
                teams_agree(concerned, walked.pathway, _patiently(walked, alive))
    move(clock, None)


def _patiently(walked: Walked, alive: Callable[[], None]) -> Wait:
    """A way to wait that gives up in the end."""

    def wait(is_so: Callable[[], bool], otherwise: str) -> None:
        patience = machine.monotonic() + WAIT
        while not is_so():
            alive()
            if machine.monotonic() > patience:
                raise Stumbled(f"{walked.walk.name}: {otherwise} within {WAIT:g} s")
            machine.sleep(0.05)

    return wait


def _days(walks: Sequence[Walk]) -> Iterator[tuple[int, Walk, Step | None]]:
    """Every step with its day, counted from today; None is the referral."""
    for walk in walks:
        yield -walk.ago, walk, None
        for step in walk.steps:
            yield step.day - walk.ago, walk, step


def referral(walk: Walk, on: date) -> bytes:
    """The message that a walk begins with."""
    text = (files("adapter.sandbox") / "referral.xml").read_text("utf-8")
    return (
        Template(text)
        .substitute(
            number=walk.person.number,
            family=walk.person.family,
            given=walk.person.given,
            born=walk.person.born,
            sex=walk.person.sex,
            service=walk.service,
            day=on,
            moment=f"{on}T08:30:00",
            message=message(walk),
            document=document(walk),
        )
        .encode()
    )


def message(walk: Walk) -> str:
    """The MsgId of its referral."""
    return named("walk", walk.name, "message")


def document(walk: Walk) -> str:
    """The DocumentId of its referral."""
    return named("walk", walk.name, "document")


def _opened(service: httpx.Client, walk: Walk, alive: Callable[[], None]) -> Body:
    """The pathway that the referral opened, once it has come."""
    patience = machine.monotonic() + WAIT
    while machine.monotonic() < patience:
        alive()
        referrals = _found(service, "ServiceRequest", {"identifier": URN + document(walk)})
        if referrals and (found := _found(service, "EpisodeOfCare", {"incoming-referral": referrals[0]["id"]})):
            return found[0]
        machine.sleep(0.05)
    raise Stumbled(f"{walk.name}: its referral opened no pathway within {WAIT:g} s")


def _take(service: httpx.Client, walked: Walked, step: Step, on: date) -> None:
    match step:
        case Answers():
            _complete(service, walked, "assess-referral", outputs=_outputs(step, on))
        case Does():
            _complete(service, walked, step.duty, on=on)
        case HandsOver():
            moment = datetime.combine(on, MORNING)
            _must_be_taken(walked, step, hand_over(service, walked.pathway, walked.walk.person.number, step, moment))
        case Registers():
            episode = _read(service, f"EpisodeOfCare/{walked.pathway}").json()
            answer = service.post("/fhir/Observation", json=observation(step.code, episode, on), headers={"Content-Type": FHIR})
            _must_be_taken(walked, step, answer)


def _outputs(step: Answers, on: date) -> list[Body]:
    """The answer to a referral: what the profile assessment-task asks for."""
    said: list[tuple[str, Body]] = [
        ("right-to-care", {"valueBoolean": bool(step.outcome)}),
        ("assessed-on", {"valueDate": f"{on}"}),
    ]
    if step.outcome:
        limit = on + timedelta(days=step.limit - step.day)
        said.append(("assessment-outcome", {"valueCodeableConcept": _concept(f"{OID}8485", step.outcome)}))
        said.append(("date-limit", {"valueDate": f"{limit}"}))
    else:
        said.append(("refusal-reason", {"valueString": step.reason}))
    said.append(("settled-condition", {"valueBoolean": False}))
    return [{"type": _concept(SYSTEM + "task-output", name), **value} for name, value in said]


def observation(code: str, episode: Body, on: date) -> Body:
    """An event as an Observation: `CU` is event C with outcome U."""
    kind, outcomes = code[0], code[1:]
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": _concept(f"{OID}9322", kind),
        "subject": episode["patient"],
        "focus": [{"reference": f"EpisodeOfCare/{episode['id']}"}],
        "effectiveDateTime": f"{on}",
        "performer": [episode["managingOrganization"]],
    }
    return body | ({"valueCodeableConcept": _concept(OID + codes.OUTCOMES[kind], outcomes)} if outcomes else {})


def _complete(service: httpx.Client, walked: Walked, kind: str, on: date | None = None, outputs: Sequence[Body] = ()) -> None:
    """Complete the open Task of that kind, as it stands now."""
    asked = {"group-identifier": URN + walked.pathway, "code": SYSTEM + f"pathway-task|{kind}", "status": "requested"}
    found = _found(service, "Task", asked)
    if not found:
        raise Stumbled(f"{walked.walk.name}: there is no open Task {kind}")
    patch: list[Body] = [{"op": "replace", "path": "/status", "value": "completed"}]
    patch += [{"op": "add", "path": "/executionPeriod", "value": {"end": f"{on}"}}] if on else []
    patch += [{"op": "add", "path": "/output", "value": list(outputs)}] if outputs else []
    task = _read(service, f"Task/{found[0]['id']}")
    headers = {"Content-Type": PATCH, "If-Match": task.headers["ETag"]}
    _must_be_taken(walked, kind, service.patch(f"/fhir/Task/{found[0]['id']}", json=patch, headers=headers))


def _phase(service: httpx.Client, walked: Walked, step: Step | None) -> str:
    """The phase that the pathway has come to. Raises `Stumbled` where it is not the step's own."""
    episode = _read(service, f"EpisodeOfCare/{walked.pathway}").json()
    phase = next(e["valueCode"] for e in episode["extension"] if e["url"].endswith("/pathway-phase"))
    if step and phase != step.phase:
        raise Stumbled(f"{walked.walk.name}: after {step} the phase is {phase}, not {step.phase}")
    return str(phase)


def _read(service: httpx.Client, what: str) -> httpx.Response:
    return service.get(f"/fhir/{what}").raise_for_status()


def _found(service: httpx.Client, type: str, asked: dict[str, str]) -> list[Body]:
    bundle = service.get(f"/fhir/{type}", params=asked).raise_for_status().json()
    return [entry["resource"] for entry in bundle.get("entry", []) if entry.get("search", {}).get("mode") == "match"]


def _must_be_taken(walked: Walked, step: object, answer: httpx.Response) -> None:
    if not answer.is_success:
        told = "; ".join(issue["details"]["text"] for issue in answer.json().get("issue", []))
        raise Stumbled(f"{walked.walk.name}: {step} was answered {answer.status_code}: {told}")


def _concept(system: str, code: str) -> Body:
    return {"coding": [{"system": system, "code": code}]}
