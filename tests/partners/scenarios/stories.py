"""What happens between two sides: each story is told to a pair of servers with the service between them.

All but the last are told side by side, each of its own patient. What is expected is HL7's Clinical Order Workflow and the life of
an assignment (docs/coordination.md): the owner moves it at its own server, the requester calls it off at its own, and in the end
both servers and the service have the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adapter.sandbox.walking import referral
from adapter.sandbox.walks import Person, Walk
from mappings.times import local_day
from tests.partners.scenarios.house import Pair, child
from tests.partners.scenarios.sides import (
    BASE,
    KARI,
    OLA,
    Body,
    Coordinator,
    assignment,
    concept,
    handing_over,
    naming,
    shown,
    today,
    until,
)

MUNICIPAL, SPECIALIST = "municipal-coordinator", "specialist-coordinator"
Story = Callable[[Pair], None]


def told_of(who: Coordinator) -> tuple[str, str, str]:
    return who.hpr, who.name, who.phone


def pathway_of(task: Body) -> str:
    return str(task["groupIdentifier"]["value"]).removeprefix("urn:uuid:")


def begun_here(pair: Pair) -> None:
    """The hospital asks at this service; the municipality receives, accepts, works on it, and names its coordinator."""
    task = assignment(pair.hospital, pair.municipality, child())
    key, pathway = pair.service.post(task), pathway_of(task)
    pair.stands(key, "requested")
    assert pair.service.try_change(key, priority="urgent") == 422  # it is the municipality's now

    pair.municipal.change(key, status="received")
    pair.stands(key, "received")
    pair.municipal.change(key, status="accepted")
    pair.stands(key, "accepted")
    pair.coordinate(pathway, (MUNICIPAL, (pair.municipality,), today(), ""))

    pair.municipal.change(key, status="in-progress", businessStatus=concept("business-status", "coordinator-proposed"))
    pair.stands(key, "in-progress", business="coordinator-proposed")
    pair.municipal.change(key, **naming(pair.municipality, KARI))
    pair.stands(key, "completed", business="coordinator-proposed", coordinator=[told_of(KARI)])
    pair.coordinate(pathway, (MUNICIPAL, told_of(KARI), today(), ""))
    assert pair.troubles(key) == []


def begun_at_the_hospitals_server(pair: Pair) -> None:
    """It is found there, and asked of the municipality as if it had begun here. Steps that no look has seen are no matter."""
    task = assignment(pair.hospital, pair.municipality, child())
    key = pair.specialist.post(task)
    pair.stands(key, "requested")

    for status in ("received", "accepted", "in-progress"):
        pair.municipal.change(key, status=status)
    pair.stands(key, "in-progress")
    pair.coordinate(pathway_of(task), (MUNICIPAL, (pair.municipality,), today(), ""))


def begun_at_the_municipalitys_server(pair: Pair) -> None:
    """The municipality asks the hospital, which answers at its own server: then the coordinator is the specialist one."""
    task = assignment(pair.municipality, pair.hospital, child())
    key = pair.municipal.post(task)
    pair.stands(key, "requested", owner=pair.hospital)

    pair.specialist.change(key, status="accepted")
    pair.stands(key, "accepted", owner=pair.hospital)
    pair.specialist.change(key, **naming(pair.hospital, OLA))
    pair.stands(key, "completed", owner=pair.hospital, coordinator=[told_of(OLA)])
    pair.coordinate(pathway_of(task), (SPECIALIST, told_of(OLA), today(), ""))


def refused_and_the_next_is_asked(pair: Pair) -> None:
    """A child's right to care is granted: Vågå's rules ask the health station, then the coordinating unit, then a person."""
    patient = child()
    _granted(pair, patient)
    asked: list[Body] = []
    for rule in ("health-station", "coordinating-unit"):
        until(lambda: len(pair.municipal.asked_of(pair.municipality, patient)), 1)
        [task] = pair.municipal.asked_of(pair.municipality, patient)
        key = task["identifier"][0]["value"]
        asked.append(pair.service.find(key) or {})
        assert rule in {part.get("valueString") for e in asked[-1]["extension"] for part in e.get("extension", [])}
        pair.municipal.change(key, status="rejected", statusReason={"text": "Ingen kapasitet."})
        pair.stands(key, "rejected", reason="Ingen kapasitet.", due=task["restriction"]["period"]["end"])

    def told_a_person() -> list[str]:
        system = f"{BASE}/CodeSystem/pathway-task|contact-municipality"
        rows = pair.service.http.get("/Task", params={"code": system}).json().get("entry", [])
        return [row["resource"]["for"]["reference"] for row in rows if row["search"]["mode"] == "match"]

    until(lambda: asked[0]["for"]["reference"] in told_a_person(), wanted=True)
    assert asked[0]["identifier"] != asked[1]["identifier"]


def handed_over(pair: Pair) -> None:
    """The period of the one ends where that of the next begins."""
    first = assignment(pair.hospital, pair.municipality, child())
    key, pathway = pair.service.post(first), pathway_of(first)
    until(lambda: pair.municipal.find(key) is not None, wanted=True)
    pair.municipal.change(key, status="accepted")
    pair.municipal.change(key, **naming(pair.municipality, KARI))
    pair.coordinate(pathway, (MUNICIPAL, told_of(KARI), today(), ""))

    patient = first["for"]["identifier"]["value"]
    next_ = assignment(pair.hospital, pair.municipality, patient, "handover-coordinator", pathway, **handing_over(key))
    key = pair.service.post(next_)
    pair.stands(key, "requested")
    pair.coordinate(pathway, (MUNICIPAL, told_of(KARI), today(), ""))
    pair.municipal.change(key, status="accepted")
    pair.coordinate(pathway, (MUNICIPAL, told_of(KARI), today(), today()), (MUNICIPAL, (pair.municipality,), today(), ""))
    pair.municipal.change(key, **naming(pair.municipality, OLA))
    pair.coordinate(pathway, (MUNICIPAL, told_of(KARI), today(), today()), (MUNICIPAL, told_of(OLA), today(), ""))


def called_off_in_time(pair: Pair) -> None:
    """The hospital calls it off at its own server, before anybody has taken it on."""
    key = pair.specialist.post(assignment(pair.hospital, pair.municipality, child()))
    pair.stands(key, "requested")

    pair.specialist.change(key, status="cancelled", statusReason={"text": "Flyttet."})
    pair.stands(key, "cancelled", reason="Flyttet.")
    assert pair.troubles(key) == []


def called_off_too_late(pair: Pair) -> None:
    """What is under way is the owner's to end: the hospital's copy is put back, and a person is told."""
    key = pair.service.post(assignment(pair.hospital, pair.municipality, child()))
    pair.stands(key, "requested")
    for status in ("accepted", "in-progress"):
        pair.municipal.change(key, status=status)
    pair.stands(key, "in-progress")

    pair.specialist.change(key, status="cancelled", statusReason={"text": "Flyttet."})
    until(lambda: [one.kind for one in pair.troubles(key)], ["conflict"])
    pair.stands(key, "in-progress")


def both_at_once(pair: Pair) -> None:
    """The hospital calls it off while the municipality says no: one holds, everywhere, and who did not prevail is told."""
    key = pair.service.post(assignment(pair.hospital, pair.municipality, child()))
    pair.stands(key, "requested")
    ready, said = threading.Barrier(2), dict[str, int]()

    def say(side: str, status: str) -> None:
        ready.wait(20)
        said[status] = getattr(pair, side).try_change(key, status=status, statusReason={"text": side})

    sides = [threading.Thread(target=say, args=one) for one in (("specialist", "cancelled"), ("municipal", "rejected"))]
    for side in sides:
        side.start()
    for side in sides:
        side.join()
    assert any(200 <= status < 300 for status in said.values())

    ends = {"cancelled": "specialist", "rejected": "municipal"}
    until(lambda: (shown(pair.municipal.find(key)) or {})["status"] in ends, wanted=True)
    until(lambda: (shown(pair.service.find(key)) or {})["status"] in ends, wanted=True)
    status = str((shown(pair.service.find(key)) or {})["status"])
    pair.stands(key, status, reason=ends[status])
    lost = {200 <= code < 300 for end, code in said.items() if end != status}
    until(lambda: [one.kind for one in pair.troubles(key)], ["conflict"] if lost == {True} else [])


def moved_as_the_life_forbids(pair: Pair) -> None:
    """What the municipality has accepted it rejects: nothing of it is taken over, a person is told, until it is put right."""
    key = pair.service.post(assignment(pair.hospital, pair.municipality, child()))
    pair.stands(key, "requested")
    pair.municipal.change(key, status="accepted")
    pair.stands(key, "accepted")

    pair.municipal.change(key, status="rejected", statusReason={"text": "Likevel ikke."})
    until(lambda: [one.kind for one in pair.troubles(key)], ["illegal"])
    time.sleep(1)  # long enough for some looks
    pair.stands(key, "accepted", where=("service", "specialist"))

    task = pair.municipal.find(key) or {}
    pair.municipal.change(key, status="failed", statusReason=task["statusReason"])
    pair.stands(key, "failed", reason="Likevel ikke.")
    until(lambda: pair.troubles(key), [])


def of_another_patient(pair: Pair) -> None:
    """The municipality's Task comes to be another patient's: it is no answer to what was asked."""
    task = assignment(pair.hospital, pair.municipality, child())
    key = pair.service.post(task)
    pair.stands(key, "requested")

    other = {**task["for"], "identifier": {**task["for"]["identifier"], "value": child()}}
    pair.municipal.change(key, **{"for": other, "status": "accepted"})
    until(lambda: [one.kind for one in pair.troubles(key)], ["foreign"])
    pair.stands(key, "requested", where=("service", "specialist"))

    pair.municipal.change(key, **{"for": task["for"]})
    pair.stands(key, "accepted")
    until(lambda: pair.troubles(key), [])


def answered_here(pair: Pair) -> None:
    """A partner that takes nothing: it is told where there is something, reads it here, and answers here."""
    mine = ("service", "reading", "specialist")
    for number in range(2):  # that it takes nothing is learnt by the first
        task = assignment(pair.hospital, pair.waiting, child())
        key = pair.service.post(task)
        until(lambda key=key: pair.reading.find(key) is not None, wanted=True)
        pair.stands(key, "requested", owner=pair.waiting, where=mine)
        assert pair.reading.try_change(key, status="cancelled", statusReason={"text": "x"}) == 403  # the requester's move
        pair.reading.change(key, status="accepted")
        pair.stands(key, "accepted", owner=pair.waiting, where=mine)
        pair.coordinate(pathway_of(task), (MUNICIPAL, (pair.waiting,), today(), ""), where=("service", "specialist"))
        pair.reading.change(key, **naming(pair.waiting, KARI))
        pair.stands(key, "completed", owner=pair.waiting, where=mine, coordinator=[told_of(KARI)])
        if number:
            link = f"Task/{(pair.service.find(key) or {})['id']}".encode()
            until(lambda link=link: any(link in one for one in pair.notices), wanted=True)
        assert not any(task["for"]["identifier"]["value"].encode() in one for one in pair.notices)


def started_again_in_between(pair: Pair) -> None:
    """The municipality's server is ended and started again. What was asked while it was away is there once it is tried anew."""
    before, after = (assignment(pair.hospital, pair.municipality, child()) for _ in range(2))
    key = pair.service.post(before)
    pair.stands(key, "requested")

    restart = threading.Thread(target=pair.peers["municipal"].restart)
    restart.start()
    time.sleep(0.5)
    asked = pair.service.post(after)
    restart.join()
    pair.municipal.change(key, status="accepted")
    pair.stands(key, "accepted")
    pair.stands(asked, "requested")
    pair.coordinate(pathway_of(before), (MUNICIPAL, (pair.municipality,), today(), ""))


SIDE_BY_SIDE: dict[str, Story] = {
    story.__name__: story
    for story in (
        *(begun_here, begun_at_the_hospitals_server, begun_at_the_municipalitys_server, refused_and_the_next_is_asked),
        *(handed_over, called_off_in_time, called_off_too_late, both_at_once),
        *(moved_as_the_life_forbids, of_another_patient, answered_here),
    )
}
LAST: Story = started_again_in_between


def _granted(pair: Pair, patient: str) -> None:
    """A referral comes, and the hospital's journal system answers that there is a right to care."""
    now = datetime.now(UTC)
    born = f"20{patient[4:6]}-{int(patient[2:4]) - 80:02d}-{patient[:2]}"
    walk = Walk(f"child-{patient}", "D12", "", "8000102", Person(patient, "Lysåsen", "Prøve Kvikk", born, "2"), 0, "", ())
    base = str(pair.service.http.base_url).removesuffix("/fhir/")
    sent = pair.service.http.post(
        f"{base}/messages", content=referral(walk, local_day(now)), headers={"content-type": "application/xml"}
    )
    assert sent.status_code == 201, sent.text
    assess = {"code": f"{BASE}/CodeSystem/pathway-task|assess-referral", "status": "requested"}
    rows = pair.service.http.get("/Task", params=assess).json()["entry"]
    [task] = [row["resource"] for row in rows if row["search"]["mode"] == "match"]
    said: list[tuple[str, dict[str, Any]]] = [
        ("right-to-care", {"valueBoolean": True}),
        ("assessed-on", {"valueDate": today()}),
        ("assessment-outcome", {"valueCodeableConcept": {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.8485", "code": "1"}]}}),
        ("date-limit", {"valueDate": today()}),
        ("settled-condition", {"valueBoolean": False}),
    ]
    outputs = [{"type": concept("task-output", name), **value} for name, value in said]
    done = {**task, "status": "completed", "output": outputs}
    answer = pair.service.http.put(f"/Task/{task['id']}", json=done, headers={"if-match": f'W/"{task["meta"]["versionId"]}"'})
    assert answer.is_success, answer.text
