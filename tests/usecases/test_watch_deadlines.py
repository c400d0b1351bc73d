"""The deadline watch, on both engines: a Task's standing goes with the days in Norway, and is the same wherever it is asked for.

The days are counted by hand: 42 days from 7 September 2026 end on 19 October (V5 of the state machine), 80 % of them are 33.6,
so that it is near from the 34th day, 11 October.
"""

from __future__ import annotations

import doctest
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapter.domain.identity import BASE
from adapter.ports import Clause, Match, Query, Stored, Unit
from adapter.usecases import watch_deadlines
from adapter.usecases.pathways import Pathways
from adapter.usecases.watch_deadlines import PAGE, until_next, watch
from adapter.usecases.writing import body_of, draft
from adapter.worker import Worker
from mappings.rules import national
from tests.serving import until
from tests.usecases.house import HOSPITAL, OTHER, House
from tests.usecases.stored_pathways import pathway, put

START, NEAR, DUE = "2026-09-07", "2026-10-11", "2026-10-19"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def task(id: str, start: str = START, end: str = DUE, *, status: str = "requested", standing: str = "on-time") -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": id,
        "meta": {"tag": [{"system": f"{BASE}/CodeSystem/tag", "code": "computed"}]},
        "status": status,
        "businessStatus": {"coding": [{"system": f"{BASE}/CodeSystem/business-status", "code": standing}]},
        "intent": "order",
        "code": {"coding": [{"system": f"{BASE}/CodeSystem/pathway-task", "code": "deadline"}]},
        "restriction": {"period": {"start": start, "end": end}},
        "note": [{"text": "Ringt 3.10."}],
    }


def keep(house: House, *bodies: dict[str, Any], now: str = "2026-09-07T10:00:00+02:00", tenant: str = HOSPITAL) -> None:
    with house.store.write() as unit:
        unit.put(tenant, [draft("Task", body["id"], body) for body in bodies], moment(now))


def look(house: House, now: str, *tenants: str) -> int:
    return watch(house.store, tenants or (HOSPITAL,), moment(now))


def standing(stored: Stored) -> str:
    return str(body_of(stored)["businessStatus"]["coding"][0]["code"])


def versions(house: House, id: str = "t") -> list[tuple[str, str]]:
    """How a Task has stood, oldest first, and since when."""
    with house.store.read() as unit:
        found = unit.history(HOSPITAL, "Task", id, 50).found
        newest = unit.read(HOSPITAL, "Task", id)
        assert newest == found[0]
        clause = Clause("business-status", [Match(f"{BASE}/CodeSystem/business-status", standing(newest))])
        assert id in {one.id for one in unit.search(HOSPITAL, Query("Task", [clause], limit=1000)).found}
    return [(standing(one), one.updated.astimezone(UTC).isoformat(timespec="minutes")[:16]) for one in reversed(found)]


def test_a_deadline_comes_near_and_passes_and_read_search_and_history_say_so(house_on: House) -> None:
    keep(house_on, task("t"))
    changed = [
        look(house_on, f"{day}T12:00:00+02:00") for day in ("2026-10-10", NEAR, "2026-10-12", DUE, "2026-10-20", "2026-10-21")
    ]
    assert changed == [0, 1, 0, 0, 1, 0]
    assert versions(house_on) == [
        ("on-time", "2026-09-07T08:00"),
        ("due-soon", "2026-10-11T10:00"),
        ("overdue", "2026-10-20T10:00"),
    ]


def test_after_a_long_stop_it_goes_straight_to_where_it_stands(house_on: House) -> None:
    keep(house_on, task("t"))
    assert look(house_on, "2026-12-01T12:00:00+01:00") == 1
    assert [said for said, _ in versions(house_on)] == ["on-time", "overdue"]


@pytest.mark.parametrize(
    ("due", "last", "first"),
    [
        ("2026-08-10", "2026-08-10T21:59:59+00:00", "2026-08-10T22:00:00+00:00"),  # summer time
        ("2026-12-10", "2026-12-10T22:59:59+00:00", "2026-12-10T23:00:00+00:00"),  # winter time
        ("2026-10-25", "2026-10-25T22:59:59+00:00", "2026-10-25T23:00:00+00:00"),  # the day of 25 hours
        ("2026-03-29", "2026-03-29T21:59:59+00:00", "2026-03-29T22:00:00+00:00"),  # the day of 23 hours
        ("2026-03-28", "2026-03-28T22:59:59+00:00", "2026-03-28T23:00:00+00:00"),  # the day before
    ],
)
def test_the_last_day_ends_at_midnight_in_norway(house: House, due: str, last: str, first: str) -> None:
    keep(house, task("t", "2026-03-01", due, standing="due-soon"))
    assert (look(house, last), look(house, first)) == (0, 1)


def test_only_the_standing_is_changed(house: House) -> None:
    keep(house, task("t"))
    look(house, f"{NEAR}T12:00:00+02:00")
    with house.store.read() as unit:
        stored = unit.read(HOSPITAL, "Task", "t")
    assert stored
    body = body_of(stored)
    assert body.pop("meta") == {
        "versionId": "2",
        "lastUpdated": "2026-10-11T10:00:00.000Z",
        "tag": [{"system": f"{BASE}/CodeSystem/tag", "code": "computed"}],
    }
    coding = {"system": f"{BASE}/CodeSystem/business-status", "code": "due-soon", "display": "Frist nærmer seg"}
    before = task("t")
    del before["meta"]
    assert body == {**before, "businessStatus": {"coding": [coding]}}


def test_what_is_closed_met_without_a_limit_or_not_ours_is_left_alone(house_on: House) -> None:
    theirs, unlimited, named = task("theirs", end="2026-10-19T10:00:00+02:00"), task("unlimited"), task("named")
    del theirs["meta"], unlimited["restriction"]
    named["businessStatus"] = {"coding": [{"system": "https://epj.invalid/status", "code": "on-time"}]}
    closed = [task(status, status=status) for status in ("completed", "cancelled", "entered-in-error")]
    stands = [task(code, standing=code) for code in ("met", "met-late", "overdue")]
    keep(house_on, theirs, unlimited, named, *closed, *stands)
    assert look(house_on, "2026-12-01T12:00:00+01:00") == 0


@pytest.mark.parametrize("status", ["requested", "received", "accepted", "rejected", "in-progress", "on-hold"])
def test_time_runs_whatever_a_unit_has_answered_so_far(house: House, status: str) -> None:
    keep(house, task("t", status=status))
    assert look(house, "2026-12-01T12:00:00+01:00") == 1


def test_each_organisation_is_looked_through_and_no_other(house_on: House) -> None:
    keep(house_on, task("t"))
    keep(house_on, task("t"), tenant=OTHER)
    assert look(house_on, f"{DUE}T12:00:00+02:00", HOSPITAL) == 1
    assert look(house_on, f"{DUE}T12:00:00+02:00", HOSPITAL, OTHER) == 1


def test_many_are_taken_page_by_page_each_once(house_on: House) -> None:
    """Every third is far off; those that change move to the front while the pages go on behind."""
    many = [task(f"t{n:04}", end="2027-09-07" if n % 3 == 0 else DUE) for n in range(2 * PAGE + 3)]
    keep(house_on, *many)
    late = len([one for one in many if one["restriction"]["period"]["end"] == DUE])
    assert [look(house_on, "2026-12-01T12:00:00+01:00") for _ in range(2)] == [late, 0]
    assert {len(versions(house_on, one["id"])) for one in many[1::3]} == {2}


def test_a_task_that_is_answered_while_it_is_looked_at_is_judged_again(house_on: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(house_on, task("t"), task("u"))
    run = house_on.store.run

    def meanwhile(job: Any) -> Any:
        done = task("t", status="completed", standing="met")
        run(lambda unit: unit.put(HOSPITAL, [draft("Task", "t", done)], moment("2026-12-01T11:59:59+01:00")))
        return run(job)

    monkeypatch.setattr(house_on.store, "run", meanwhile)
    assert look(house_on, "2026-12-01T12:00:00+01:00") == 1
    assert [said for said, _ in versions(house_on, "t")] == ["on-time", "met"]
    assert [said for said, _ in versions(house_on, "u")] == ["on-time", "overdue"]


def test_writers_and_several_watches_at_once_do_no_harm(house_on: House) -> None:
    """Three watches and somebody who takes the Tasks on, all at once: each becomes overdue once, and no answer is lost."""
    ids = [f"t{n:03}" for n in range(60)]
    keep(house_on, *(task(id) for id in ids))
    now = "2026-12-01T12:00:00+01:00"

    def take_on(unit: Unit, id: str) -> None:
        stored = unit.read(HOSPITAL, "Task", id)
        assert stored
        unit.put(HOSPITAL, [draft("Task", id, body_of(stored) | {"status": "accepted"})], moment(now))

    def answer() -> None:
        for id in ids:
            house_on.store.run(lambda unit, id=id: take_on(unit, id))

    faults: list[BaseException] = []

    def kept(action: Any) -> None:
        try:
            action()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=kept, args=(action,)) for action in (answer, *[lambda: look(house_on, now)] * 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    look(house_on, now)  # what was written with the standing that had been read before
    assert not faults
    for id in ids:
        with house_on.store.read() as unit:
            history = [body_of(one) for one in unit.history(HOSPITAL, "Task", id, 50).found]
        stood = [(one["status"], one["businessStatus"]["coding"][0]["code"]) for one in reversed(history)]
        assert (stood[0], stood[-1], len(stood)) == (("requested", "on-time"), ("accepted", "overdue"), 3)


def test_what_the_watch_leaves_is_what_a_refold_would_make(house_on: House) -> None:
    """Day by day through the limits, also where a unit rejected a Task (its time runs on) or called it off (it does not).

    On 26 June a's decision is long overdue, b's first evaluation is due that day, and c's and d's next, of 84 days, on
    18 September, near from 2 September: one change of b's and two of c's.
    """
    pathways, store = Pathways(national()), house_on.store
    events = ("2023-03-13 A", "2023-04-03 M", "2023-05-15 C P", "2023-06-26 E")
    for id, number in (("a", 2), ("b", 3), ("c", 4), ("d", 4)):
        put(store, HOSPITAL, pathway(id, *events[:number]))
        refold(house_on, pathways, id, moment("2023-06-26T12:00:00+02:00"))
    for id, status in (("c", "rejected"), ("d", "cancelled")):
        open_ = [one for one in house_on.bodies("Task") if one["groupIdentifier"]["value"] == f"urn:uuid:{id}"]
        (body,) = [one for one in open_ if one["status"] == "requested" and one["restriction"]["period"].get("end") == "2023-09-18"]
        put(store, HOSPITAL, [body | {"status": status, "lastModified": "2023-06-26T12:00:00+02:00"}])
        refold(house_on, pathways, id, moment("2023-06-26T13:00:00+02:00"))
    changed = 0
    for day in range(90):
        now = moment("2023-06-27T00:00:01+02:00") + timedelta(days=day)
        changed += watch(store, [HOSPITAL], now)
        for id in "abcd":
            assert refold(house_on, pathways, id, now) == []
    assert changed == 3


def refold(house: House, pathways: Pathways, id: str, now: datetime) -> list[Stored]:
    """What changes where a pathway is worked out anew."""
    with house.store.write() as unit:
        gathered = pathways.gather(unit, HOSPITAL, id)
        assert gathered
        return pathways.keep(unit, HOSPITAL, gathered, now)


def test_it_stops_between_two_pages_when_it_is_asked_to(house: House) -> None:
    keep(house, *(task(f"t{n:04}") for n in range(PAGE + 1)))
    answers = iter([True, False])
    changed = watch(house.store, [HOSPITAL], moment("2026-12-01T12:00:00+01:00"), going=lambda: next(answers))
    assert changed == PAGE


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(watch_deadlines).failed == 0
    assert doctest.testmod(watch_deadlines).attempted > 0


@pytest.mark.parametrize(
    ("now", "pause"),
    [
        ("2026-11-02T12:00:00+01:00", 3600),
        ("2026-11-02T23:40:00+01:00", 20 * 60),
        ("2026-07-02T23:40:00+02:00", 20 * 60),
        ("2026-10-24T23:59:00+02:00", 60),
        ("2026-10-25T02:30:00+02:00", 3600),  # the hour that comes twice
        ("2026-10-25T23:59:00+01:00", 60),  # 25 hours after the last midnight
        ("2026-03-29T23:59:00+02:00", 60),  # 23 hours after
        ("2026-03-29T00:00:00+01:00", 3600),
    ],
)
def test_the_next_look_is_at_midnight_or_in_an_hour(now: str, pause: int) -> None:
    assert until_next(moment(now).astimezone(UTC)) == pause


def test_the_worker_looks_at_its_start_and_outlives_a_fault(house: House) -> None:
    keep(house, task("t"))
    house.clock.at = moment(f"{DUE}T12:00:00+02:00")
    asked: list[datetime] = []

    def looking(now: datetime, going: Any) -> int:
        asked.append(now)
        assert going()
        return watch(house.store, [HOSPITAL], now, going=going)

    working = Worker(house.store, house.reception, [], house.clock, watch=looking)
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        until(lambda: len(versions(house)) == 2)
    finally:
        working.stop()
        thread.join(20)
    assert not thread.is_alive()
    assert asked == [house.clock.at]
    assert [said for said, _ in versions(house)] == ["on-time", "due-soon"]
