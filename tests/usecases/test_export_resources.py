"""An export is made a file at a time, by whichever process has it in hand, and gives what stood when it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from threading import Thread
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Export, Store, Stored
from adapter.usecases import export_resources
from adapter.usecases.at_work import Hand, Pulse
from adapter.usecases.clean_up import Retention, clean_up
from adapter.usecases.export_resources import AT_ONCE, HAND, KEPT, MOST, SETTLED, Wanted, ask, find, line, lines, make_some
from tests.storage.test_blocking import UNIT, block, draft, patient
from tests.usecases.house import HOSPITAL, OTHER, House

TASKS = [f"t{number:02}" for number in range(12)]
ALL = Wanted("https://a.example/fhir/$export", ("Flag", "Patient", "Task"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three, files of five."""
    monkeypatch.setattr(export_resources, "PAGE", 3)
    monkeypatch.setattr(export_resources, "FILE_RESOURCES", 5)


def fill(house: House) -> None:
    with house.store.write() as unit:
        unit.put(HOSPITAL, [patient("p1"), patient("p2"), *(task(id) for id in TASKS)], house.clock.now())
        unit.put(OTHER, [task("theirs")], house.clock.now())


def task(id: str, of: str = "p1", status: str = "requested") -> Any:
    return draft("Task", id, status=status, **{"for": {"reference": f"Patient/{of}"}})


def asked(house: House, id: str = "e1", wanted: Wanted = ALL, tenant: str = HOSPITAL) -> None:
    now = house.clock.now()
    house.store.run(lambda unit: ask(unit, wanted, tenant=tenant, mark="mark", id=id, now=now))


def hand(house: House, process: str = "ours") -> Hand:
    return Hand(house.store, house.clock, HAND, process)


def made(house: House, process: str = "ours", id: str = "e1") -> Export:
    """The export when nothing is left to be done."""
    house.clock.at += SETTLED
    for _ in range(50):
        if not make_some(house.store, house.clock, hand(house, process)):
            break
    with house.store.read() as unit:
        export = unit.export(id)
    assert export
    return export


def files(store: Store, id: str = "e1") -> list[tuple[str, list[Stored]]]:
    with store.read() as unit:
        numbers = [one.number for one in unit.export_files(id)]
        whole = [file for number in numbers if (file := unit.export_file(id, number))]
        return [(one.type, lines(unit, one)) for one in whole]


def names(store: Store, id: str = "e1") -> list[tuple[str, list[str]]]:
    return [(type, [one.id for one in found]) for type, found in files(store, id)]


def test_each_file_is_of_one_type_and_all_together_hold_each_resource_once(house_on: House) -> None:
    fill(house_on)
    asked(house_on)
    with capture_logs() as logs:
        export = made(house_on)

    assert export.state == "made"
    assert names(house_on.store) == [("Patient", ["p1", "p2"]), ("Task", TASKS[:5]), ("Task", TASKS[5:10]), ("Task", TASKS[10:])]
    assert [one for one in logs if one["event"] == "export.made"] == [
        {"event": "export.made", "log_level": "info", "export": "e1", "files": 4, "resources": 14}
    ]


def test_a_file_ends_before_it_is_too_large_and_holds_what_is_too_large_by_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)
    with house.store.read() as unit:
        size = len(files_of(unit.read(HOSPITAL, "Task", "t00")))
    for room, expected in ((2 * size, [2] * 6), (2 * size - 1, [1] * 12), (1, [1] * 12)):
        monkeypatch.setattr(export_resources, "FILE_BYTES", room)
        asked(house, f"e{room}", Wanted("", ("Task",)))
        made(house, id=f"e{room}")
        assert [len(found) for _, found in files(house.store, f"e{room}")] == expected, room


def files_of(stored: Stored | None) -> bytes:
    assert stored
    return line(stored.body) + b"\n"


def test_what_is_changed_or_made_while_it_is_made_comes_as_it_stood(house: House) -> None:
    """Not one that stood lacks, though each moves to the end of all lists as it is changed."""
    fill(house)
    asked(house, wanted=Wanted("", ("Task",)))
    house.clock.at += SETTLED
    for number, id in enumerate(TASKS):
        with house.store.write() as unit:
            changed = [task(id, status="completed"), task(f"new{number}")]
            unit.put(HOSPITAL, changed, house.clock.now() + timedelta(seconds=number))
        make_some(house.store, house.clock, hand(house))

    assert made(house).state == "made"
    found = [one for _, some in files(house.store) for one in some]
    assert [(one.id, one.version) for one in found] == [(id, 1) for id in TASKS]


def test_of_what_has_lost_the_version_that_stood_the_newest_is_given_and_what_is_gone_is_not(house: House) -> None:
    fill(house)
    asked(house, wanted=Wanted("", ("Task",)))
    made(house)
    with house.store.write() as unit:
        unit.put(HOSPITAL, [task("t00", status="completed")], house.clock.now())
        unit.take_away("history", [(HOSPITAL, "t00", "Task", 1)])
        unit.remove(HOSPITAL, "Task", "t01")

    assert [(one.id, one.version) for one in files(house.store)[0][1]] == [("t00", 2), ("t02", 1), ("t03", 1), ("t04", 1)]


def test_since_leaves_out_what_has_not_changed(house: House) -> None:
    fill(house)
    house.clock.at += timedelta(minutes=1)
    moment = house.clock.now()
    with house.store.write() as unit:
        unit.put(HOSPITAL, [task("t05", status="completed")], moment)
    asked(house, wanted=Wanted("", ("Patient", "Task"), since=moment))
    made(house)

    assert names(house.store) == [("Task", ["t05"])]


def test_what_a_patient_has_closed_is_not_listed_nor_given_when_it_is_closed_later(house: House) -> None:
    fill(house)
    with house.store.write() as unit:
        unit.put(HOSPITAL, [task("other", "p2"), block("c1", "p1", UNIT)], house.clock.now())
    blind = Wanted("", ("Consent", "Patient", "Task"), (HOSPITAL,), (UNIT,))
    asked(house, wanted=blind)
    asked(house, "open", Wanted("", blind.types, (HOSPITAL,), ("319900777",)))
    made(house)
    with house.store.write() as unit:
        unit.put(HOSPITAL, [block("c2", "p2", UNIT)], house.clock.now())
        counts = [one.resources for one in unit.export_files("e1")]

    assert (names(house.store), counts) == ([("Patient", ["p2"]), ("Task", ["other"])], [1, 1])
    assert names(house.store.seen_by([HOSPITAL], [UNIT])) == [("Patient", []), ("Task", [])]
    assert names(house.store, "open")[0] == ("Consent", ["c1"])


def test_nothing_is_made_before_what_was_underway_has_had_time_to_end(house: House) -> None:
    asked(house)
    assert make_some(house.store, house.clock, hand(house)) == 0
    house.clock.at += SETTLED
    assert make_some(house.store, house.clock, hand(house)) == 1


def test_what_one_died_of_is_gone_on_with_by_another_from_where_it_was(house_on: House) -> None:
    """The first made two files, and has the third in hand when it dies."""
    fill(house_on)
    asked(house_on)
    house_on.clock.at += SETTLED
    seconds = 0.0
    first, second = (Pulse(house_on.store, house_on.clock, "worker", 1, lambda: seconds) for _ in range(2))
    for one in (first, second):
        one.beat()
    for _ in range(2):
        make_some(house_on.store, house_on.clock, hand(house_on, first.id))
    before = names(house_on.store)
    hand(house_on, first.id).take(["e1"])

    while_it_lives = make_some(house_on.store, house_on.clock, hand(house_on, second.id))
    seconds = 2.0
    second.beat()  # it stood still as long: nobody is buried
    seconds = 2.5
    second.beat()
    seconds = 3.5
    second.beat()

    assert (while_it_lives, len(before)) == (0, 2)
    assert made(house_on, second.id).state == "made"
    assert names(house_on.store)[:2] == before
    assert sorted(id for _, some in names(house_on.store) for id in some) == sorted([*TASKS, "p1", "p2"])


def test_what_ends_whoever_makes_it_is_given_up(house: House) -> None:
    asked(house)
    house.clock.at += SETTLED
    for number in range(export_resources.DEATHS):
        hand(house, f"dead {number}").take(["e1"])

    with capture_logs() as logs:
        assert made(house).state == "failed"
    assert [one["why"] for one in logs if one["event"] == "export.failed"] == ["5 processes ended while they were making it"]


def test_a_fault_of_ours_ends_the_export_and_one_of_the_databases_does_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house)
    asked(house)
    house.clock.at += SETTLED
    busy = problem(Kind.TRANSIENT, "busy", "opptatt")

    def fails(error: Exception) -> None:
        def stood(*_: Any, **__: Any) -> Sequence[Any]:
            raise error

        monkeypatch.setattr("adapter.storage.exports.Exports.stood", stood)

    fails(busy)
    with pytest.raises(Problem, match="busy"):
        make_some(house.store, house.clock, hand(house))
    fails(KeyError("somebody's data"))
    export = made(house)

    assert (export.state, export.error) == ("failed", "KeyError")


@pytest.mark.slow
def test_many_at_once_make_each_file_once(house_on: House) -> None:
    """Each believes that it has the export in hand, as one does that stood still while it was buried."""
    fill(house_on)
    asked(house_on)
    house_on.clock.at += SETTLED
    with house_on.store.read() as unit:
        seen = unit.exports()

    def work(number: int) -> None:
        for _ in range(8):
            with house_on.store.read() as unit:
                now = unit.exports()
            for export in now or seen:
                export_resources._go_on(house_on.store, export, house_on.clock.now(), deadly=False)

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made(house_on).state == "made"
    assert [len(some) for _, some in names(house_on.store)] == [2, 5, 5, 2]
    assert sorted(id for _, some in names(house_on.store) for id in some) == sorted([*TASKS, "p1", "p2"])


def test_so_many_are_made_at_once_and_kept_and_another_organisation_is_no_concern(house: House) -> None:
    for number in range(AT_ONCE):
        asked(house, f"e{number}")
    with pytest.raises(Problem) as refused:
        asked(house, "more")
    asked(house, "theirs", tenant=OTHER)

    assert (refused.value.kind, refused.value.retry_after) == (Kind.THROTTLED, 10)
    for number in range(MOST - AT_ONCE):
        made(house, id="e0")
        asked(house, f"again{number}")
    made(house, id="e0")
    with pytest.raises(Problem, match="DELETE one that has been fetched"):
        asked(house, "too many")
    house.clock.at += KEPT + timedelta(seconds=1)
    asked(house, "a day later")


def test_an_export_is_for_who_asked_for_it_and_for_a_day(house: House) -> None:
    asked(house)
    ended = made(house).ended
    assert ended

    def found(tenant: str = HOSPITAL, mark: str = "mark", after: timedelta = KEPT) -> bool:
        with house.store.read() as unit:
            return find(unit, "e1", tenant=tenant, mark=mark, now=ended + after) is not None

    moment = timedelta(microseconds=1)
    assert [found(), found(OTHER), found(mark="other"), found(after=KEPT + moment)] == [True, False, False, False]
    for now, left in ((ended + KEPT, True), (ended + KEPT + moment, False)):
        clean_up(house.store, Retention(), now)
        with house.store.read() as unit:
            assert (unit.export("e1") is not None) == left


def test_what_is_cancelled_is_not_made_any_further(house: House) -> None:
    fill(house)
    asked(house)
    house.clock.at += SETTLED
    with house.store.read() as unit:
        (export,) = unit.exports()
    house.store.run(lambda unit: unit.drop_export("e1"))
    export_resources._go_on(house.store, export, house.clock.now(), deadly=False)

    with house.store.read() as unit:
        assert (unit.export("e1"), unit.export_files("e1")) == (None, [])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (b'{"a":  1.50, "b":"x\\ny  z"}', b'{"a":  1.50, "b":"x\\ny  z"}'),
        (b'{\n  "a": 1.50,\r\n  "b": [ 1e2 ],\n "c": "x\\ny  z \\u00e6"\n}', b'{"a":1.50,"b":[1e2],"c":"x\\ny  z \\u00e6"}'),
        (b'{"a":123456789012345678901234567890.10,\r"b":{} }', b'{"a":123456789012345678901234567890.10,"b":{}}'),
    ],
)
def test_a_line_is_what_was_stored_and_without_line_breaks_between_its_elements(stored: bytes, expected: bytes) -> None:
    assert line(stored) == expected
    assert msgspec.json.decode(line(stored)) == msgspec.json.decode(stored)
