"""Who uses the service while it is killed: the hospital's journal system over HTTP, and the municipality at its own FHIR server.

An answer that never came is asked for again, as any client must: what was acknowledged has been done, and once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import httpx

from adapter.domain.identity import BASE
from adapter.sandbox.partner_answers import answered
from mappings import times
from mappings.resources.assignment import key_of
from mappings.terms import OID
from tests.kill.feeding import Plan
from tests.kill.installation import MUNICIPALITY, House, client
from tests.kill.messages import Letters, Made

Body = dict[str, Any]

SYSTEM: Final = f"{BASE}/CodeSystem/"
URN: Final = "urn:ietf:rfc:3986|urn:uuid:"
ASSIGN: Final = f"{BASE}/CodeSystem/coordination-task|assign-coordinator"
MORE: Final = ("once more", "and again")
"""What the hospital asks besides of the municipality about each pathway, in this order."""
PATIENCE: Final = 120.0
PAUSE: Final = 0.1


class Journal:
    """The hospital's journal system. It posts messages, gives rights to care, and asks the municipality for more."""

    def __init__(self, house: House, plan: Plan, letters: Letters) -> None:
        self.house, self.plan, self.letters = house, plan, letters
        self.client = client(house.service)
        self.kept: dict[str, str] = {}  # MsgId -> our id of each message that was acknowledged
        self.assignments: list[Body] = []  # the service's own, one of each pathway
        self.answers = 0  # that it has had

    def work(self) -> None:
        posts = iter(self.plan.posted)
        granted = self.plan.answered()
        for place, number in enumerate(granted):
            for post in posts:
                self._post(self.letters.make(post))
                if post - self.plan.posted.start >= self.plan.posts * (place + 1) // len(granted):
                    break
            self._grant(self.letters.make(number))
            if place >= 2:
                self._ask(self.assignments[place - 2], MORE[0])
        for post in posts:
            self._post(self.letters.make(post))
        for more in MORE:
            for assignment in self.assignments:
                self._ask(assignment, more)

    def _post(self, made: Made) -> None:
        answer = self._again(lambda: self.client.post("/messages", content=made.data, headers={"Content-Type": "application/xml"}))
        assert answer.status_code in (200, 201), answer.text
        self.kept[made.msg_id] = answer.json()["id"]

    def _grant(self, made: Made) -> None:
        """The referral gives a right to treatment: then both sides are asked for a coordinator."""
        request = self._one("ServiceRequest", {"identifier": URN + made.document_id})
        episode = self._one("EpisodeOfCare", {"incoming-referral": request["id"]})
        pathway = {"group-identifier": URN + episode["id"]}
        task = self._one("Task", {**pathway, "code": SYSTEM + "pathway-task|assess-referral"})
        self._change(task["id"], lambda one: one["status"] == "completed", _right_to_care)
        ours = self._found("Task", {**pathway, "code": ASSIGN})
        assert len(ours) == 2, f"{len(ours)} assignments of one pathway"
        self.assignments += [one for one in ours if one["owner"]["identifier"]["value"] == MUNICIPALITY]

    def _ask(self, assignment: Body, more: str) -> None:
        """One assignment more of the same patient, with an identifier of its own; that it is there already is well."""
        key = f"urn:uuid:{uuid5(NAMESPACE_OID, key_of(assignment) + more)}"
        task = {name: value for name, value in assignment.items() if name not in ("id", "meta", "contained", "input", "extension")}
        task |= {"identifier": [{"system": "urn:ietf:rfc:3986", "value": key}], "status": "requested", "note": [{"text": more}]}
        headers = {"Content-Type": "application/fhir+json", "If-None-Exist": f"identifier=urn:ietf:rfc:3986|{key}"}
        answer = self._again(partial(self.client.post, "/fhir/Task", json=task, headers=headers))
        assert answer.status_code in (200, 201), answer.text

    def _change(self, id: str, done: Callable[[Body], bool], patch: Callable[[Body], list[Body]]) -> None:
        """Change a Task as it stands, until it has been: whoever changed it meanwhile is not written over."""
        while True:
            task = self._again(lambda: self.client.get(f"/fhir/Task/{id}"))
            if done(task.json()):
                return
            headers = {"Content-Type": "application/json-patch+json", "If-Match": task.headers["ETag"]}
            answer = self._again(partial(self.client.patch, task.url, json=patch(task.json()), headers=headers))
            assert answer.status_code in (200, 409, 412), answer.text

    def _one(self, type: str, asked: dict[str, str]) -> Body:
        deadline = time.monotonic() + PATIENCE
        while not (found := self._found(type, asked)):
            assert time.monotonic() < deadline, f"no {type} within {PATIENCE:g} s"
            time.sleep(PAUSE)
        assert len(found) == 1, f"{len(found)} of {type}"
        return found[0]

    def _found(self, type: str, asked: dict[str, str]) -> list[Body]:
        answer = self._again(lambda: self.client.get(f"/fhir/{type}", params=asked))
        return [one["resource"] for one in answer.raise_for_status().json().get("entry", []) if one["search"]["mode"] == "match"]

    def _again(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """The same request until it is answered, by the service as it ought to be."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = call()
                assert answer.status_code != 500, answer.text
                if answer.status_code < 500 and answer.status_code != 429:
                    self.answers += 1
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"no answer within {PATIENCE:g} s"
            time.sleep(PAUSE)


class Municipality:
    """Its people accept what the service asks, and mark as received what else there is, at their own server."""

    def __init__(self, house: House) -> None:
        self.client = client(f"{house.partner}/fhir")
        self.stopped = threading.Event()

    def work(self) -> None:
        while not self.stopped.wait(0.3):
            for task in self.having("Task", status="requested"):
                headers = {"Content-Type": "application/fhir+json", "If-Match": f'W/"{task["meta"]["versionId"]}"'}
                after = answered(task, "receive" if more_of(task) else "accept", datetime.now(UTC))
                answer = self.client.put(f"/Task/{task['id']}", json=after, headers=headers)
                assert answer.status_code in (200, 412), answer.text

    def having(self, type: str, **asked: str) -> Iterator[Body]:
        """What stands there."""
        return self._listed(f"/{type}", asked)

    def begun(self) -> dict[str, str]:
        """When each Task came there, by its id: the time of its first version."""
        versions = ((one["id"], one["meta"]) for one in self._listed("/Task/_history", {}))
        return {id: meta["lastUpdated"] for id, meta in versions if meta["versionId"] == "1"}

    def _listed(self, url: str, asked: dict[str, str]) -> Iterator[Body]:
        """Page by page."""
        asked = {**asked, "_count": "100"}
        while url:
            page = self.client.get(url, params=asked or None).raise_for_status().json()  # {} would take the link's own away
            yield from [entry["resource"] for entry in page.get("entry", [])]
            url, asked = next((link["url"] for link in page["link"] if link["relation"] == "next"), ""), {}


def more_of(task: Body) -> str:
    """What the hospital itself has asked with it; empty where it is the service's own."""
    return next((note["text"] for note in task.get("note", []) if note["text"] in MORE), "")


def _right_to_care(_: Body) -> list[Body]:
    """Assessed as entitled to treatment (8485: 2), as the profile assessment-task has it."""
    today = times.local_day(datetime.now(UTC))
    said: dict[str, Body] = {
        "right-to-care": {"valueBoolean": True},
        "assessed-on": {"valueDate": f"{today}"},
        "assessment-outcome": {"valueCodeableConcept": {"coding": [{"system": f"{OID}8485", "code": "2"}]}},
        "date-limit": {"valueDate": f"{today + timedelta(days=60)}"},
        "settled-condition": {"valueBoolean": False},
    }
    output = [{"type": {"coding": [{"system": SYSTEM + "task-output", "code": code}]}, **value} for code, value in said.items()]
    return [{"op": "replace", "path": "/status", "value": "completed"}, {"op": "add", "path": "/output", "value": output}]
