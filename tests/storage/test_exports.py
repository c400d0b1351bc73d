"""What stood at a moment, page by page, and exports that several processes make."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from adapter.ports import Export, ExportFile, Stood, Unit
from adapter.storage import DatabaseStore
from tests.storage.test_blocking import UNIT, block, draft, patient
from tests.storage.things import NOW, OURS, THEIRS, a_draft, later

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))
ASKED = Export("e1", OURS, "mark", "asked", b"{}", NOW, progress="0")


def pages(unit: Unit, type: str, at: datetime, limit: int, **more: Any) -> list[Stood]:
    """All pages, one after another."""
    found: list[Stood] = []
    while page := unit.stood(OURS, type, at, after=found[-1] if found else None, limit=limit, **more):
        found += page
    return found


def test_what_stood_is_the_last_version_of_each_until_then_and_what_comes_later_changes_nothing(store: DatabaseStore) -> None:
    """Against a list in memory of what was put when, with pages that are asked for while more is put."""
    chance, put = random.Random(SEED), dict[str, list[tuple[datetime, int]]]()

    def change(second: int) -> None:
        id, moment = f"r{chance.randrange(12)}", later(second)
        with store.write() as unit:
            (stored,) = unit.put(OURS, [a_draft(id, f"at {second}")], moment)
            unit.put(THEIRS, [a_draft(id)], moment)
            unit.put(OURS, [a_draft(id, type="Task")], moment)
        put.setdefault(id, []).append((moment, stored.version))

    for second in range(40):
        change(second)
    at, since, found = later(29), later(11), list[Stood]()
    while True:
        with store.read() as unit:
            page = unit.stood(OURS, "ServiceRequest", at, since=since, after=found[-1] if found else None, limit=3)
        if not page:
            break
        found += page
        change(50 + len(found))

    stood = [(*max(one for one in versions if one[0] <= at), id) for id, versions in put.items() if versions[0][0] <= at]
    expected = sorted((moment, id, version) for moment, version, id in stood if moment >= since)
    assert [tuple(one)[:3] for one in found] == expected, SEED
    with store.read() as unit:
        bodies = {one.id: unit.read(OURS, "ServiceRequest", one.id, one.version) for one in found}
        assert all(one.size == len(stored.body) for one in found if (stored := bodies[one.id])), SEED


def test_of_patients_is_what_is_in_a_patients_record(store: DatabaseStore) -> None:
    with store.write() as unit:
        mine = draft("Task", "t1", **{"for": {"reference": "Patient/p1"}})
        unit.put(OURS, [patient("p1"), mine, draft("Task", "t2"), draft("Organization", "o1")], NOW)

    with store.read() as unit:
        given = {
            type: [one.id for one in pages(unit, type, NOW, 9, of_patients=True)] for type in ("Patient", "Task", "Organization")
        }
    assert given == {"Patient": ["p1"], "Task": ["t1"], "Organization": []}


def test_what_is_of_whoever_blocks_the_caller_did_not_stand(store: DatabaseStore) -> None:
    """Nor what was of another when it stood, and has become theirs."""
    with store.write() as unit:
        unit.put(OURS, [patient("p1"), patient("p2"), *(_task(f"t{n}", f"p{n}") for n in (1, 2)), _task("t3", "p2")], NOW)
        unit.put(OURS, [block("c1", "p1", UNIT)], later(1))
        unit.put(OURS, [_task("t3", "p1")], later(2))

    def seen(at: datetime, tenants: Sequence[str] = (OURS,)) -> list[str]:
        with store.seen_by(tenants, [UNIT]).read() as unit:
            return [one.id for type in ("Patient", "Task", "Consent") for one in pages(unit, type, at, 1)]

    assert (seen(NOW), seen(later(9))) == (["p2", "t2"], ["p2", "t2"])
    assert seen(later(9), [THEIRS]) == ["p1", "p2", "t1", "t2", "t3", "c1"]


def _task(id: str, of: str) -> Any:
    return draft("Task", id, **{"for": {"reference": f"Patient/{of}"}})


def a_file(number: int = 1, **changes: Any) -> ExportFile:
    return replace(ExportFile("e1", number, OURS, "Task", 2, b'[["t1",1]]'), **changes)


def test_an_export_is_kept_as_it_was_asked_for_and_found_by_those_who_make_it(store: DatabaseStore) -> None:
    second = replace(ASKED, id="e2", tenant=THEIRS, requested=later(-1))
    made = replace(second, id="e3", state="made", ended=later(9), error="x")
    with store.write() as unit:
        for one in (ASKED, second, made):
            unit.ask_export(one)

    with store.read() as unit:
        assert [unit.export(id) for id in ("e1", "e3", "e4")] == [ASKED, made, None]
        assert (unit.exports(), unit.exports(THEIRS)) == ([second, ASKED], [second, made])


def test_of_two_who_make_the_same_file_one_keeps_it(store: DatabaseStore) -> None:
    further = replace(ASKED, progress="1")
    with store.write() as unit:
        unit.ask_export(ASKED)
        kept = [unit.go_on_with_export(further, ASKED, a_file(body=body)) for body in (b"first", b"second")]
        again = unit.go_on_with_export(replace(further, state="failed", ended=NOW, error="why"), further)
        late = unit.go_on_with_export(replace(further, progress="2"), further, a_file(2))

    with store.read() as unit:
        assert (kept, again, late) == ([True, False], True, False)
        assert unit.export_files("e1") == [a_file(body=b"")]
        assert [unit.export_file("e1", number) for number in (1, 2)] == [a_file(body=b"first"), None]
        assert unit.export("e1") == replace(further, state="failed", ended=NOW, error="why")


@pytest.mark.parametrize("old", [True, False])
def test_what_ended_long_ago_goes_with_its_files_and_what_is_being_made_stays(store: DatabaseStore, old: bool) -> None:
    made = replace(ASKED, state="made", ended=later(1))
    with store.write() as unit:
        for one in (ASKED, replace(made, id="e2")):
            unit.ask_export(one)
        unit.go_on_with_export(replace(made, progress="1"), ASKED, a_file())
        unit.ask_export(replace(ASKED, id="e3"))
        assert unit.drop_old_exports(later(2) if old else later(1)) == (2 if old else 0)

    with store.write() as unit:
        assert len(unit.export_files("e1")) == (0 if old else 1)
        unit.drop_export("e1")
        assert [one.id for one in unit.exports(OURS)] == (["e3"] if old else ["e2", "e3"])
        assert unit.export_files("e1") == []
