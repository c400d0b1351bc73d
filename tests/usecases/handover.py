"""A hospital, a municipality, and our service between their FHIR servers: all in one process, by a clock that is set.

    world = World(tmp_path)
    task = world.hospital_asks()          # an assignment that the hospital's journal system makes at our service
    world.settle()                        # everything that waits is carried, everything that is new is heard
    world.municipality.answers(task, "accepted")

The servers are naive ones of the tests' own: versions, conditional creation, If-Match, and nothing that judges a Task. A fault is
something that the next call to a server does instead of, or after, what it was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from adapter.domain.identity import BASE, DEMONSTRATION_KEY, keyed
from adapter.domain.problem import Kind, problem
from adapter.fhir.face import matching
from adapter.partners.hearing import Line
from adapter.ports import Clause, Match, Outgoing, Query, Remote, Trouble, Unit
from adapter.r4.checker import check
from adapter.storage import open_store
from adapter.usecases.create_resource import create
from adapter.usecases.pathways import Body, plain
from adapter.usecases.push_assignment import Courier
from adapter.usecases.sharing import Partner, Sharing
from adapter.usecases.update_resource import update
from adapter.usecases.writing import Rules, When, Written
from mappings import municipal_rules
from mappings.resources import assignment, care_team
from tests.national_numbers import make
from tests.stores import with_tables
from tests.usecases.house import SetClock

HOSPITAL, MUNICIPALITY = "319900101", "319900306"
FNR, ENH = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.101"
BASE_URL = "https://stafett.example/fhir"
PATHWAY = "11111111-1111-4111-8111-111111111111"
COORDINATION = f"{BASE}/CodeSystem/coordination-task"


def organisation(number: str, name: str = "") -> Body:
    return {"type": "Organization", "identifier": {"system": ENH, "value": number}, **({"display": name} if name else {})}


def coordinator(name: str = "Kari Koordinator", number: str = MUNICIPALITY) -> Body:
    """What completes an assignment: the output, and the role that it contains."""
    role = {
        "resourceType": "PractitionerRole",
        "id": "named",
        "practitioner": {"display": name},
        "organization": organisation(number),
        "telecom": [{"system": "phone", "value": "+47 61 00 00 00"}],
    }
    output = {
        "type": {"coding": [{"system": f"{BASE}/CodeSystem/task-output", "code": "assigned-coordinator"}]},
        "valueReference": {"reference": "#named", "display": name},
    }
    return {"contained": [role], "output": [output]}


class NaiveServer:
    """A FHIR server in memory: `adapter.ports.FhirServer`, and what its own users do there."""

    def __init__(self, name: str, number: str, clock: SetClock) -> None:
        self.name, self.number, self.clock = name, number, clock
        self.base_url = f"https://{name}.example/fhir"
        self.kept: dict[tuple[str, str], Body] = {}
        self.ids: dict[tuple[str, str], list[str]] = {}  # by type and identifier
        self.was: list[Body] = []  # every version of every Task
        self.faults: list[Callable[[str], None]] = []  # before the call does anything
        self.after: list[Callable[[str], None]] = []  # after it has
        self.amid: list[Callable[[str], None]] = []  # while its answer is on the way, whatever was asked
        self.terse = False  # whether a change is answered without the resource
        self.story: dict[str, list[tuple[str, str]]] = {}  # by identifier of a Task: who (user, service) made it stand how
        self.calls: list[str] = []
        self.takes: Literal["push", "wait"] = "push"
        self.told: list[bytes] = []

    # FhirServer

    def mode(self) -> Literal["push", "wait"]:
        return self.takes

    def create(self, bundle: bytes) -> Remote:
        self._called("create", self.faults)
        entry = json.loads(bundle)["entry"][0]
        resource, wanted = entry["resource"], entry["request"]["ifNoneExist"].partition("|")[2]
        found = self._having(resource["resourceType"], wanted)
        made = found[0] if found else self._put(resource["resourceType"], f"{self.name}-{len(self.kept) + 1}", resource, "service")
        self._called("create", self.after)
        self._called("create", self.amid)
        return made

    def find(self, type: str, system: str, value: str) -> list[Remote]:
        self._called("find", self.faults)
        found = self._having(type, value)
        self._called("find", self.amid)
        return found

    def read(self, type: str, id: str) -> Remote:
        self._called("read", self.faults)
        if (type, id) not in self.kept:
            raise problem(Kind.NOT_FOUND, "There is none.", "Finnes ikke.")
        found = self._remote(self.kept[type, id])
        self._called("read", self.amid)
        return found

    def change(self, remote: Remote, body: Mapping[str, Any]) -> Remote:
        self._called("change", self.faults)
        there = self.kept[remote.type, remote.id]
        if f'W/"{there["meta"]["versionId"]}"' != remote.etag:
            raise problem(Kind.STALE, "It has changed.", "Den er endret.")
        made = self._put(remote.type, remote.id, dict(body), "service")
        self._called("change", self.after)
        self._called("change", self.amid)
        return replace(made, body={}) if self.terse else made

    def changed(self, since: datetime | None) -> Iterator[Remote]:
        self._called("changed", self.faults)
        moment = since.isoformat() if since else ""
        tasks = [one for (type, _), one in self.kept.items() if type == "Task" and one["meta"]["lastUpdated"] >= moment]
        found = [*map(self._remote, sorted(tasks, key=lambda one: one["meta"]["lastUpdated"]))]
        self._called("changed", self.amid)
        yield from found

    def notify(self, address: str, body: bytes) -> None:
        self._called("notify", self.faults)
        self.told.append(body)

    def close(self) -> None:
        pass

    # its own users

    def task(self, key: str) -> Body:
        """The Task of that identifier as it stands here."""
        (found,) = self._having("Task", key)
        return deepcopy(dict(found.body))

    def versions(self, key: str) -> list[Body]:
        return [one for one in self.was if assignment.key_of(one) == key]

    def has(self, key: str) -> bool:
        return bool(self._having("Task", key))

    def team(self) -> Body | None:
        return next((one for (type, _), one in self.kept.items() if type == "CareTeam"), None)

    def answers(self, key: str, status: str, **more: Any) -> None:
        """A user here moves the Task on, whatever anybody thinks of that."""
        there = self.task(key)
        self._put("Task", there["id"], {**there, **more, "status": status})

    def writes(self, key: str, task: Body) -> None:
        """A user here puts the Task, whole."""
        self._put("Task", self.task(key)["id"], task)

    def begins(self, task: Body) -> str:
        """A user here makes a Task."""
        self._put("Task", f"{self.name}-{len(self.kept) + 1}", task)
        return assignment.key_of(task)

    def _having(self, type: str, value: str) -> list[Remote]:
        return [self._remote(self.kept[type, id]) for id in self.ids.get((type, value), ())]

    def _put(self, type: str, id: str, resource: Body, by: str = "user") -> Remote:
        version = int(self.kept.get((type, id), {}).get("meta", {}).get("versionId", 0)) + 1
        now = self.clock.now().astimezone(UTC).isoformat()
        meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": now}
        self.kept[type, id] = deepcopy({**resource, "id": id, "meta": meta})
        named = self.ids.setdefault((type, resource["identifier"][0]["value"]), [])
        named += [] if id in named else [id]
        if type == "Task":
            self.was.append(self.kept[type, id])
            self.story.setdefault(assignment.key_of(resource), []).append((by, resource["status"]))
        return self._remote(self.kept[type, id])

    def _remote(self, resource: Body) -> Remote:
        return Remote(resource["resourceType"], resource["id"], f'W/"{resource["meta"]["versionId"]}"', deepcopy(resource))

    def _called(self, what: str, faults: list[Callable[[str], None]]) -> None:
        if faults is self.faults:
            self.calls.append(what)
        if faults:
            faults.pop(0)(what)


def unreachable(what: str) -> None:
    """The network fails."""
    raise problem(Kind.TRANSIENT, "No answer.", "Ikke noe svar.")


@dataclass
class World:
    """Our service between two servers. A side without a server of its own (`None` in `sides`) reads and answers here."""

    path: Path
    url: str = ""
    clock: SetClock = field(default_factory=SetClock)
    modes: Mapping[str, Literal["", "push", "wait"]] = field(default_factory=dict)
    hospital_has_server: bool = True

    def __post_init__(self) -> None:
        self.store = open_store(self.url or with_tables(self.path / "world.db"))
        if self.url:
            self.store.migrate(BASE_URL)
        self.specialist = NaiveServer("specialist", HOSPITAL, self.clock)
        self.municipality = NaiveServer("municipality", MUNICIPALITY, self.clock)
        self.servers = [self.specialist, self.municipality] if self.hospital_has_server else [self.municipality]
        partners = [
            Partner(
                one.name,
                one.number,
                one.base_url,
                self.modes.get(one.name, "push"),
                "3435" if one is self.municipality else "",
                f"{one.base_url}/told" if self.modes.get(one.name) == "wait" else "",
            )
            for one in self.servers
        ]
        key = keyed(DEMONSTRATION_KEY)
        followups = municipal_rules.followups()
        self.sharing = Sharing([HOSPITAL], {MUNICIPALITY}, partners, municipal_rules.rules_for, followups, key, BASE_URL)
        ids = (f"00000000-0000-4000-9000-{n:012d}" for n in range(1, 10**6))
        query_of = lambda type, text: matching(BASE_URL, type, text)  # noqa: E731
        self.rules = Rules(check, query_of, lambda: next(ids), True, (), BASE_URL, None, self.sharing)
        self.restart()

    def restart(self) -> None:
        """The service's own processes begin anew: all that they knew is in the database."""
        self.lines = [
            Line(Courier(partner, server, self.store, self.sharing, check, self.clock), poll_seconds=1)
            for partner, server in zip(self.sharing.partners, self.servers, strict=True)
        ]

    def settle(self, rounds: int = 12) -> None:
        """Time passes, and everything that waits or is new goes its way."""
        for _ in range(rounds):
            self.clock.pass_(seconds=2)
            for line in self.lines:
                line.round()

    # journal systems that use our service

    def asked(self, code: str = "assign-coordinator", number: str = "", **more: Any) -> Body:
        """A Task as a journal system would write it."""
        value = f"22222222-2222-4222-8222-{abs(hash((code, number, repr(more)))) % 10**12:012d}"
        return {
            "resourceType": "Task",
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{value}"}],
            "groupIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{PATHWAY}"},
            "status": "requested",
            "intent": "order",
            "code": {"coding": [{"system": COORDINATION, "code": code}]},
            "focus": {"reference": f"{BASE_URL}/CarePlan/plan", "type": "CarePlan"},
            "for": {"type": "Patient", "identifier": {"system": FNR, "value": number or make(1, 2, 1985, "female")}},
            "authoredOn": "2026-08-03T09:00:00+02:00",
            "requester": organisation(HOSPITAL, "Fjordheim sykehus HF"),
            "owner": organisation(MUNICIPALITY, "Vågå kommune"),
            "restriction": {"period": {"end": (date(2026, 8, 3) + timedelta(days=7)).isoformat()}},
            **more,
        }

    def writes(self, task: Body, tenant: str = HOSPITAL, when: str = "") -> Written:
        """A client's PUT where the Task has an id, else its POST."""
        now, id = self.clock.now(), task.get("id", "")
        task = {key: value for key, value in task.items() if value != {}}

        def job(unit: Unit) -> Written:
            if id:
                return update(
                    unit, self.rules, tenant, task, now, id=id, when=When(if_match=when or self.version(task, unit, tenant))
                )
            return create(unit, self.rules, tenant, task, now, id=self.rules.new_id())

        return self.store.run(job)

    def version(self, task: Body, unit: Unit, tenant: str) -> str:
        stored = unit.read(tenant, "Task", task["id"])
        return f'W/"{stored.version}"' if stored else ""

    def hospital_asks(self, code: str = "assign-coordinator", **more: Any) -> str:
        task = self.asked(code, **more)
        self.writes(task)
        return assignment.key_of(task)

    # what stands

    def mirror(self, key: str, tenant: str = HOSPITAL) -> Body:
        with self.store.read() as unit:
            clause = Clause("identifier", [Match("urn:ietf:rfc:3986", key)])
            (found,) = unit.search(tenant, Query("Task", [clause])).found
        return plain(found)

    def tasks(self, tenant: str = HOSPITAL) -> list[Body]:
        with self.store.read() as unit:
            return [plain(one) for one in unit.search(tenant, Query("Task", limit=1000)).found]

    def team(self, tenant: str = HOSPITAL) -> Body | None:
        with self.store.read() as unit:
            stored = unit.read(tenant, "CareTeam", care_team.id_of(PATHWAY))
        return plain(stored) if stored else None

    def troubles(self, key: str = "") -> list[Trouble]:
        """What waits for a person: all of it, or what is about one assignment."""
        about = [f"Task/{self.mirror(key)['id']}"] if key else []
        with self.store.read() as unit:
            return unit.troubles([HOSPITAL], about)

    def waiting(self) -> list[Outgoing]:
        with self.store.read() as unit:
            return unit.deliveries([HOSPITAL], state="waiting", limit=10_000)

    def dead(self) -> list[Outgoing]:
        with self.store.read() as unit:
            return unit.deliveries([HOSPITAL], state="dead", limit=10_000)


def converged(world: World, key: str) -> None:
    """Asserts that all sides have the Task and the team alike."""
    mine = assignment.view(world.mirror(key))
    for server in world.servers:
        if server.has(key):
            assert assignment.view(server.task(key)) == mine, server.name
    team = world.team()
    for server in world.servers:
        if team and (theirs := server.team()):
            assert care_team.view(theirs) == care_team.view(team), server.name
