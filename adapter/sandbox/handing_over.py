"""Plays the sides of an assignment: each answers at its own server, and the hospital asks for a hand-over.

    key = reply(server, pathway, step, now, wait)      # somebody at the hospital or in the municipality answers
    agreed([service, *servers], key, step, wait)       # until the service and the servers say the same

A side writes as its own journal system does, to its own server alone; the service carries it to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from adapter.domain.identity import BASE, named
from adapter.sandbox.partner_answers import MOVES, Coordinator, answered
from adapter.sandbox.walks import MUNICIPALITY, SPECIALIST, HandsOver, Replies
from mappings import times

Body = dict[str, Any]
Wait = Callable[[Callable[[], bool], str], None]
"""Until something is so; it raises, with what was waited for, when that takes too long."""

NUMBERS: Final = {SPECIALIST: "319900101", MUNICIPALITY: "319900306"}
"""Whose the servers are."""

ENH: Final = "urn:oid:2.16.578.1.12.4.1.4.101"
FNR: Final = "urn:oid:2.16.578.1.12.4.1.4.1"
URI: Final = "urn:ietf:rfc:3986"
FHIR: Final = "application/fhir+json"
ANSWERABLE: Final = "requested,received,accepted,in-progress,on-hold"
CODES: Final = ",".join(f"{BASE}/CodeSystem/coordination-task|{code}" for code in ("assign-coordinator", "handover-coordinator"))


def reply(server: httpx.Client, pathway: str, step: Replies, now: datetime, wait: Wait) -> str:
    """Answer what this server's own organisation was asked last, once it has come there; returns its business identifier."""
    mine: list[Body] = []

    def has_come() -> bool:
        mine[:] = [one for one in asked(server, pathway) if _number(one, "owner") == NUMBERS[step.side]]
        return bool(mine)

    wait(has_come, f"nothing was asked of the {step.side}")
    task = mine[0]
    after = answered(task, step.move, now, reason=step.reason, coordinator=Coordinator(*step.who) if step.who else None)
    headers = {"Content-Type": FHIR, "If-Match": f'W/"{task["meta"]["versionId"]}"'}
    server.put(f"/fhir/Task/{task['id']}", json=after, headers=headers).raise_for_status()
    return key_of(task)


def asked(server: httpx.Client, pathway: str, statuses: str = ANSWERABLE) -> list[Body]:
    """The assignments of a pathway that a server has and that wait for somebody, the newest first."""
    said = {"group-identifier": f"{URI}|urn:uuid:{pathway}", "code": CODES, "status": statuses}
    return list(_resources(server, "Task", said))


def hand_over(service: httpx.Client, walked: str, number: str, step: HandsOver, now: datetime) -> httpx.Response:
    """The hospital asks the municipality to let somebody else take over as coordinator."""
    done = [one for one in asked(service, walked, "completed") if _number(one, "owner") == NUMBERS[MUNICIPALITY]]
    plan = service.get("/fhir/CarePlan", params={"episode": f"EpisodeOfCare/{walked}"}).raise_for_status().json()
    due = times.local_day(now) + timedelta(days=step.days)
    return service.post("/fhir/Task", json=_hand_over(walked, number, plan, done[0], now, f"{due}"), headers={"Content-Type": FHIR})


def _hand_over(pathway: str, number: str, plan: Body, before: Body, now: datetime, due: str) -> Body:
    previous = {"coding": [{"system": f"{BASE}/CodeSystem/task-input", "code": "previous-assignment"}]}
    return {
        "resourceType": "Task",
        "meta": {"profile": [f"{BASE}/StructureDefinition/assignment-task"]},
        "identifier": [{"system": URI, "value": f"urn:uuid:{named(pathway, 'sandbox', 'hand-over')}"}],
        "groupIdentifier": {"system": URI, "value": f"urn:uuid:{pathway}"},
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": f"{BASE}/CodeSystem/coordination-task", "code": "handover-coordinator"}]},
        "focus": {"reference": plan["entry"][0]["fullUrl"], "type": "CarePlan"},
        "for": {"type": "Patient", "identifier": {"system": FNR, "value": number}},
        "authoredOn": times.utc(now),
        "requester": {"type": "Organization", "identifier": {"system": ENH, "value": NUMBERS[SPECIALIST]}},
        "owner": {"type": "Organization", "identifier": {"system": ENH, "value": NUMBERS[MUNICIPALITY]}},
        "restriction": {"period": {"end": due}},
        "input": [{"type": previous, "valueReference": {"type": "Task", "identifier": before["identifier"][0]}}],
    }


def agreed(servers: Sequence[httpx.Client], key: str, step: Replies, wait: Wait) -> None:
    """Wait until all servers have the assignment as it was answered."""
    status = MOVES[step.move][0]

    def is_so() -> bool:
        tasks = [_the_one(server, "Task", key) for server in servers]
        return all(task and task["status"] == status for task in tasks)

    wait(is_so, f"what the {step.side} answered ({status}) did not come to all servers")


def teams_agree(servers: Sequence[httpx.Client], pathway: str, wait: Wait) -> None:
    """Wait until all servers have the team as the service, the first of them, has it."""

    def is_so() -> bool:
        ours = next(_resources(servers[0], "CareTeam", {"_id": named(pathway, "care-team", 1)}), None)
        if ours is None:
            return False
        theirs = [_the_one(server, "CareTeam", key_of(ours)) for server in servers[1:]]
        return all(team and _periods(team) == _periods(ours) for team in theirs)

    wait(is_so, "the servers do not have the team as the service has it")


def _periods(team: Body) -> list[tuple[str, str, str]]:
    found = team.get("participant", [])
    return [(one["role"][0]["coding"][0]["code"], one["period"]["start"], one["period"].get("end", "")) for one in found]


def _the_one(server: httpx.Client, type: str, key: str) -> Body | None:
    return next(_resources(server, type, {"identifier": f"{URI}|{key}"}), None)


def _resources(server: httpx.Client, type: str, asked: Mapping[str, str]) -> Iterator[Body]:
    bundle = server.get(f"/fhir/{type}", params=dict(asked)).raise_for_status().json()
    yield from (entry["resource"] for entry in bundle.get("entry", []) if entry.get("search", {}).get("mode") == "match")


def key_of(resource: Body) -> str:
    return next(str(one["value"]) for one in resource["identifier"] if one["value"].startswith("urn:uuid:"))


def _number(task: Body, side: str) -> str:
    return str(task[side]["identifier"]["value"])
