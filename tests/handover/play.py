"""A play of both sides, faults and time: a list of operations that a world goes through, and what must be so when it ends.

    play = Play(tmp_path, "push/push")
    play.act([("asks", 0, 0, 0), ("owner", 0, 1, 0), ("round", 1, 0, 0)])
    play.end()                # faults stop, time passes, persons do what is left to persons
    play.judge()              # everything is as it must be

An operation is a word and three numbers, so that any list of them can be played: a number chooses among what there is to choose
from at that moment. What a user does is lawful as that user sees it, but for `unlawful`, which a server does not mind.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from adapter.domain import assignment as life
from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Clause, Match, Outgoing, Query
from adapter.usecases.assignments import Work, stand
from adapter.usecases.end_assignments import _move
from adapter.usecases.operate_deliveries import resend
from adapter.usecases.pathways import Body, plain
from adapter.usecases.push_assignment import remake
from mappings.resources import assignment, care_team
from tests.national_numbers import make
from tests.usecases.handover import (
    FNR,
    HOSPITAL,
    MUNICIPALITY,
    PATHWAY,
    NaiveServer,
    World,
    coordinator,
    organisation,
    unreachable,
)

Operation = tuple[str, int, int, int]

MODES: Final[dict[str, dict[str, Any]]] = {
    "push/push": {},
    "push/wait": {"modes": {"municipality": "wait"}},
    "push/unknown that receives": {"modes": {"municipality": ""}},
    "push/unknown that waits": {"modes": {"municipality": ""}},
    "none/push": {"hospital_has_server": False},
    "none/wait": {"modes": {"municipality": "wait"}, "hospital_has_server": False},
}
WORDS: Final = (
    *("owner",) * 5,
    *("requester",) * 4,
    *("both",) * 3,
    *("round",) * 6,
    *("meanwhile",) * 4,
    *("fault", "notified", "time") * 2,
    *("asks", "begins", "handover", "service", "told", "unlawful", "stale", "refusal", "killed", "other", "restart", "calls_off"),
)
PATHWAYS: Final = (PATHWAY, "11111111-1111-4111-8111-111111111112")
"""One of each of the two patients."""
BOTH: Final[frozenset[life.Actor]] = frozenset({"requester", "owner"})
REASON: Final = {"text": "Derfor."}
AWAITING: Final = {
    "coding": [{"system": "https://stafett.invalid/fhir/CodeSystem/business-status", "code": "awaiting-information"}]
}
INPUT: Final = "https://stafett.invalid/fhir/CodeSystem/task-input"
PASSES: Final = (1, 5, 40, 130, 1000, 90_000)
AHEAD: Final = 40  # looks ahead of what may still be due at the end


class Killed(BaseException):
    """The process ends here, without another word."""


class Play:
    def __init__(self, folder: Path, mode: str, *, terse: bool = False) -> None:
        self.mode = mode
        self.world = World(folder, **MODES[mode])
        self.database = folder / "world.db"
        if mode == "push/unknown that waits":
            self.world.municipality.takes = "wait"
        for server in self.world.servers:
            server.terse = terse
        self.keys: list[str] = []
        self.notes: dict[str, set[str]] = {}  # what users have written, by assignment
        self.strange: set[str] = set()  # where an owner has done what the life does not have
        self.asked = 0
        self.others = self.world.lines
        self.world.restart()  # so that there are two processes of ours

    # playing

    def act(self, operations: Sequence[Operation]) -> None:
        for word, *numbers in operations:
            getattr(self, f"do_{word}")(*numbers)

    def end(self) -> None:
        """Faults stop, and everything goes its way; what waits for a person is done by persons."""
        for server in self.world.servers:
            server.faults.clear()
            server.after.clear()
            server.amid.clear()
        self.settle()
        for key in self.keys:
            self._put_right(key)
        self.settle()
        for row in self.world.dead():
            self._send_again(row)
        self.settle()

    def settle(self) -> None:
        """Until nothing waits and everything has been compared: a day and more."""
        self.world.clock.pass_(hours=25)
        for _ in range(AHEAD):
            self.world.settle(3)
            if not self.world.waiting():
                return
            self.world.clock.pass_(minutes=20)

    # what may be done

    def do_asks(self, patient: int, _b: int, _c: int) -> None:
        """The hospital's journal system asks, at our service."""
        self._ask(lambda task: self._write(HOSPITAL, task), patient, HOSPITAL, MUNICIPALITY)

    def do_service(self, patient: int, ordinal: int, _c: int) -> None:
        """The service asks by itself, as it does when a right to care is given."""
        world = self.world
        self.asked += 1
        task = assignment.build(
            pathway=PATHWAYS[patient % 2],
            kind="assign-coordinator",
            ordinal=self.asked,
            patient=("", FNR, self._number(patient)),
            requester=(HOSPITAL, "Fjordheim sykehus HF"),
            owner=(MUNICIPALITY, "Vågå kommune"),
            focus=f"{world.sharing.base}/CarePlan/plan",
            now=world.clock.now(),
            due=world.clock.now().date(),
        )
        del task["for"]["reference"]
        world.store.run(lambda unit: stand(Work(unit, world.sharing, world.clock.now()), None, task))
        self.keys.append(assignment.key_of(task))

    def do_begins(self, server: int, patient: int, _c: int) -> None:
        """An assignment begins at a server of either side: there its requester is at home."""
        chosen = self._server(server)
        if chosen is self.world.municipality:
            if self._reads_here(MUNICIPALITY):
                self._ask(lambda task: self._write(MUNICIPALITY, task), patient, MUNICIPALITY, HOSPITAL)
            else:
                self._ask(chosen.begins, patient, MUNICIPALITY, HOSPITAL)
        else:
            self._ask(chosen.begins, patient, HOSPITAL, MUNICIPALITY)

    def do_handover(self, which: int, patient: int, release: int) -> None:
        if not self.keys:
            return
        previous = {
            "type": {"coding": [{"system": INPUT, "code": "previous-assignment"}]},
            "valueReference": {"type": "Task", "identifier": {"system": "urn:ietf:rfc:3986", "value": self._key(which)}},
        }
        code = ("handover-coordinator", "release-coordinator")[release % 2]
        self._ask(lambda task: self._write(HOSPITAL, task), patient, HOSPITAL, MUNICIPALITY, code, input=[previous])

    def do_owner(self, which: int, move: int, how: int) -> None:
        """The owner does something that it may, as it sees its Task."""
        if place := self._place(which, "owner"):
            key, task, put = place
            moves = [to for to, by in life.MOVES.get(task["status"], {}).items() if "owner" in by]
            if moves and move % 4:
                put(self._moved(key, task, moves[move % len(moves)]))
            elif task["status"] not in life.TERMINAL or how % 4 == 0:
                put(self._told_by_owner(key, task, how))

    def do_requester(self, which: int, move: int, how: int) -> None:
        """The requester does something that it may, as it sees its Task: calls off, takes back, or tells."""
        if place := self._place(which, "requester"):
            key, task, put = place
            moves = [to for to, by in life.MOVES.get(task["status"], {}).items() if "requester" in by]
            if moves and move % 3 == 0:
                put(self._moved(key, task, moves[move % len(moves)]))
            elif task["status"] not in life.TERMINAL or how % 3 == 0:
                put(self._told_by_requester(key, task, how))

    def do_told(self, which: int, side: int, _c: int) -> None:
        """A note, from either side, whatever else goes on."""
        if place := self._place(which, ("owner", "requester")[side % 2]):
            key, task, put = place
            put({**task, "note": [*task.get("note", []), self._note(key)]})

    def do_both(self, which: int, owner: int, requester: int) -> None:
        """Each side does something before it can know of the other's."""
        self.do_owner(which, owner % 2 * requester, owner)
        self.do_requester(which, requester % 2 * owner + 1, requester)

    def do_unlawful(self, which: int, to: int, _c: int) -> None:
        """The owner does what the life does not have, and its server does not mind."""
        place = self._place(which, "owner")
        if place and isinstance(self._where(place[1], "owner"), NaiveServer):
            key, task, put = place
            statuses = [s for s in (*life.STATUSES, "done") if not life.reachable("", task["status"], s, BOTH)]
            if statuses:
                self.strange.add(key)
                put(self._moved(key, task, statuses[to % len(statuses)]))

    def do_calls_off(self, which: int, _b: int, _c: int) -> None:
        """The pathway is closed, and the service calls off what nobody has taken on."""
        if not self.keys:
            return
        world, key = self.world, self._key(which)
        mirror = self._here(HOSPITAL, key)
        if mirror and mirror["status"] in ("requested", "received") and assignment.party(mirror, "requester") == HOSPITAL:
            world.store.run(lambda unit: _move(Work(unit, world.sharing, world.clock.now()), mirror, "cancelled"))

    def do_fault(self, server: int, when: int, times: int) -> None:
        """No answer: before anything was done, or after it had its effect."""
        chosen = self._server(server)
        (chosen.after if when % 2 else chosen.faults).extend([unreachable] * (1 + times % 4))

    def do_stale(self, server: int, times: int, _c: int) -> None:
        def stale(what: str) -> None:
            if what == "change":
                raise problem(Kind.STALE, "It has changed.", "Den er endret.")

        self._server(server).faults.extend([stale] * (1 + times % 6))

    def do_refusal(self, server: int, _b: int, _c: int) -> None:
        def refuse(what: str) -> None:
            raise problem(Kind.INVALID, "It is not as we want it.", "Den er ikke slik vi vil ha den.")

        self._server(server).faults.append(refuse)

    def do_killed(self, server: int, when: int, _c: int) -> None:
        def kill(what: str) -> None:
            raise Killed

        chosen = self._server(server)
        (chosen.amid if when % 2 else chosen.faults).append(kill)

    def do_meanwhile(self, server: int, what: int, which: int) -> None:
        """While an answer of a server is on its way a user does something, or another process of ours goes its round."""
        words = ("owner", "requester", "told", "other", "notified")

        def happen(_: str) -> None:
            self.act([(words[what % len(words)], which, what, which)])

        self._server(server).amid.append(happen)

    def do_round(self, line: int, times: int, _c: int) -> None:
        self.world.clock.pass_(seconds=2)
        for _ in range(1 + times % 3):
            self._living(self.world.lines[line % len(self.world.lines)].round)

    def do_other(self, line: int, _b: int, _c: int) -> None:
        """A round of the other process."""
        self._living(self.others[line % len(self.others)].round)

    def do_notified(self, line: int, which: int, _c: int) -> None:
        chosen = self.world.lines[line % len(self.world.lines)]
        server = self._server(line)
        if self.keys and server.has(key := self._key(which)):
            self._living(lambda: chosen.told([server.task(key)["id"]]))

    def do_time(self, much: int, _b: int, _c: int) -> None:
        self.world.clock.pass_(seconds=PASSES[much % len(PASSES)])

    def do_restart(self, _a: int, _b: int, _c: int) -> None:
        self.others = self.world.lines
        self.world.restart()

    # judging

    def judge(self) -> None:
        """Asserts all that must be so in the end."""
        troubled = {(about, partner) for about, partner, _ in self._told()}
        for row in self.world.dead():
            assert (row.about, row.hub) in troubled, f"a dead {row.kind} about {row.about} that nobody is told of: {row.error}"
        assert not self.world.waiting()
        for server in self.world.servers:
            tasks = Counter(assignment.key_of(one) for (type, _), one in server.kept.items() if type == "Task")
            assert set(tasks.values()) <= {1}, "one Task by one identifier"
            for key, story in server.story.items():
                self._lawful(server, key, story)
        for key in self.keys:
            mirror = self._here(HOSPITAL, key)
            if mirror is None:
                self._never_begun(key)
                continue
            alarms = {kind for about, _, kind in self._told() if about == f"Task/{mirror['id']}"} & {"illegal", "foreign"}
            assert not alarms or key in self.strange, "nobody did anything that is not theirs to do"
            self._alike(key, mirror)
            self._reachable(mirror)
            if f"Task/{mirror['id']}" not in {about for about, _ in troubled}:
                written = {note["text"] for note in mirror.get("note", [])}
                assert self.notes.get(key, set()) <= written, "what somebody wrote is gone, and nobody was told"
        for pathway in PATHWAYS:
            self._one_team(pathway)

    def _alike(self, key: str, mirror: Body) -> None:
        """Both servers, and both spaces here, have the Task as ours stands."""
        wanted = assignment.view(mirror)
        for number, server in ((HOSPITAL, self.world.specialist), (MUNICIPALITY, self.world.municipality)):
            if server in self.world.servers and number in (
                assignment.party(mirror, "requester"),
                assignment.party(mirror, "owner"),
            ):
                if self._reads_here(number):
                    assert assignment.view(self.world.mirror(key, number)) == wanted, number
                else:
                    assert assignment.view(server.task(key)) == wanted, server.name

    def _one_team(self, pathway: str) -> None:
        """A pathway's team is one and the same everywhere."""
        key, team = care_team.identifier_of(pathway), self._team(HOSPITAL, pathway)
        for server in self.world.servers:
            theirs = [one for (type, _), one in server.kept.items() if type == "CareTeam" and care_team.key_of(one) == key]
            assert len(theirs) <= 1
            if team and not self._reads_here(server.number):
                assert [care_team.view(one) for one in theirs] == [care_team.view(team)], server.name
        if team and self._reads_here(MUNICIPALITY) and (there := self._team(MUNICIPALITY, pathway)):
            assert care_team.view(there) == care_team.view(team)

    def _team(self, tenant: str, pathway: str) -> Body | None:
        with self.world.store.read() as unit:
            stored = unit.read(tenant, "CareTeam", care_team.id_of(pathway))
        return plain(stored) if stored else None

    def _lawful(self, server: NaiveServer, key: str, story: Sequence[tuple[str, str]]) -> None:
        """What we made of a Task at a server: at its home single lawful steps of the requester, at a copy the steps of the life."""
        mirror = self._here(HOSPITAL, key)
        if mirror is None:
            return
        home = assignment.party(mirror, "owner") == server.number
        ours = ""
        for place, (by, status) in enumerate(story):
            if by != "service":
                continue
            was = story[place - 1][1] if place else ""
            if home and place:
                assert life.refusal("", was, status, {"requester", "service"}) is None, (server.name, story)
            elif ours:
                assert life.reachable("", ours, status, BOTH), (server.name, story)
            ours = status

    def _reachable(self, mirror: Body) -> None:
        """Each version of our own Task follows from the one before it."""
        with self.world.store.read() as unit:
            versions = [plain(one)["status"] for one in unit.history(HOSPITAL, "Task", mirror["id"], 1000).found][::-1]
        for before, after in pairwise(versions):
            assert life.reachable("", before, after, BOTH), versions

    def _never_begun(self, key: str) -> None:
        """Only what was no longer waiting for an answer when it was first seen is not ours; it has gone nowhere else."""
        at = [server for server in self.world.servers if server.has(key)]
        assert len(at) == 1
        assert at[0].task(key)["status"] != "requested"

    # persons

    def _put_right(self, key: str) -> None:
        """The owner takes back what the life does not have."""
        mirror = self._here(HOSPITAL, key)
        where = mirror and self._where(mirror, "owner")
        if mirror and isinstance(where, NaiveServer) and where.has(key):
            there = where.task(key)
            if assignment.view(there) != assignment.view(mirror):
                told = {one.kind for one in self.world.troubles(key)}
                assert ("illegal" if there["status"] in life.STATUSES else "foreign") in told, told
                where.writes(key, assignment.laid(there, assignment.view(mirror)))

    def _send_again(self, row: Outgoing) -> None:
        world = self.world
        made = lambda unit, row: remake(world.sharing, world.clock, unit, row)  # noqa: E731
        world.store.run(lambda unit: resend(unit, [HOSPITAL], row.id, made, world.clock.now()))

    # parts

    def _ask(
        self, begin: Callable[[Body], Any], patient: int, requester: str, owner: str, code: str = "assign-coordinator", **more: Any
    ) -> None:
        self.asked += 1
        key = f"urn:uuid:33333333-3333-4333-8333-{self.asked:012d}"
        task = self.world.asked(
            code,
            self._number(patient),
            identifier=[{"system": "urn:ietf:rfc:3986", "value": key}],
            requester=organisation(requester),
            owner=organisation(owner),
            groupIdentifier={"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{PATHWAYS[patient % 2]}"},
            **more,
        )
        if begin(task) is not None:
            self.keys.append(key)

    def _write(self, tenant: str, task: Body) -> object:
        """A client writes here; it may be told that it may not now."""
        try:
            return self.world.writes(task, tenant)
        except Problem as told:
            if told.kind not in (Kind.BUSINESS_RULE, Kind.STALE, Kind.FORBIDDEN):
                raise
            return None

    def _place(self, which: int, who: str) -> tuple[str, Body, Callable[[Body], Any]] | None:
        """An assignment as its requester or owner has it before them, and how they change it."""
        if not self.keys:
            return None
        key = self._key(which)
        known = next((t for s in self.world.servers if s.has(key) for t in [s.task(key)]), None) or self._here(HOSPITAL, key)
        where = self._where(known, who) if known else None
        if isinstance(where, NaiveServer):
            return (key, where.task(key), lambda task: where.writes(key, task)) if where.has(key) else None
        task = self._here(where, key) if where else None
        if where is None or task is None or self._answered_elsewhere(task):
            return None
        return key, task, lambda task: self._write(where, task)

    def _where(self, task: Body, who: str) -> NaiveServer | str:
        """Where a side has its Task: at its own server, or here in its space."""
        number = assignment.party(task, who)
        server = next((one for one in self.world.servers if one.number == number), None)
        return number if server is None or self._reads_here(number) else server

    def _reads_here(self, number: str) -> bool:
        return number == MUNICIPALITY and (self.mode.endswith("/wait") or self.mode.endswith("waits"))

    def _answered_elsewhere(self, task: Body) -> bool:
        with self.world.store.read() as unit:
            return any(one.home for one in unit.shared(HOSPITAL, "Task", task["id"]))

    def _here(self, tenant: str, key: str) -> Body | None:
        with self.world.store.read() as unit:
            clause = Clause("identifier", [Match("urn:ietf:rfc:3986", key)])
            found = unit.search(tenant, Query("Task", [clause])).found
        assert len(found) <= 1
        return plain(found[0]) if found else None

    def _moved(self, key: str, task: Body, status: str) -> Body:
        more: Body = {"statusReason": REASON} if status in life._REASON else {}
        if status == "completed":
            named = coordinator(number=assignment.party(task, "owner"))
            more |= {"contained": [*task.get("contained", []), *named["contained"]], "output": named["output"]}
        rest = {k: v for k, v in task.items() if k != "statusReason"}
        return {**rest, **more, "status": status}

    def _told_by_owner(self, key: str, task: Body, how: int) -> Body:
        if how % 4 == 1 and "businessStatus" not in task:
            return {**task, "businessStatus": AWAITING}
        if how % 4 == 1:
            return {name: value for name, value in task.items() if name != "businessStatus"}
        if how % 4 == 2:
            return {**task, "executionPeriod": {"start": self.world.clock.now().date().isoformat()}}
        if how % 4 == 3 and task["status"] in ("accepted", "in-progress"):
            unit = {"resourceType": "Organization", "id": "unit", "name": "Tildelingskontoret"}
            rest = [one for one in task.get("contained", []) if one["id"] != "unit"]
            return {**task, "contained": [*rest, unit], "owner": {**task["owner"], "reference": "#unit"}}
        return {**task, "note": [*task.get("note", []), self._note(key)]}

    def _told_by_requester(self, key: str, task: Body, how: int) -> Body:
        if how % 3 == 1:
            return {**task, "priority": ("urgent", "asap", "routine")[how % 5 % 3]}
        if how % 3 == 2 and task.get("businessStatus") == AWAITING:
            given = {"type": {"coding": [{"system": INPUT, "code": "further-information"}]}, "valueString": f"Mer {how}."}
            return {**task, "input": [*task.get("input", []), given]}
        return {**task, "note": [*task.get("note", []), self._note(key)]}

    def _note(self, key: str) -> Body:
        written = self.notes.setdefault(key, set())
        text = f"Merknad {len(written) + 1}"
        written.add(text)
        return {"text": text}

    def _living(self, round_: Callable[[], Any]) -> None:
        """A round of a process; where it is killed another begins in its stead, and its lease runs out in time."""
        try:
            round_()
        except Killed:
            self.do_restart(0, 0, 0)

    def _told(self) -> set[tuple[str, str, str]]:
        """What persons have been told of, settled or not: about what, of which partner, of what kind."""
        with sqlite3.connect(self.database) as connection:
            return {
                (about, partner, kind) for about, partner, kind in connection.execute("SELECT about, partner, kind FROM trouble")
            }

    def _server(self, number: int) -> NaiveServer:
        return self.world.servers[number % len(self.world.servers)]

    def _key(self, number: int) -> str:
        return self.keys[number % len(self.keys)]

    def _number(self, patient: int) -> str:
        return make(1, 2, 1985 + patient % 2, "female")
