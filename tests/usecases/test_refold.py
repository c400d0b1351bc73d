"""What stands is always what the events come to: however they arrived, whatever was retracted, and after any damage.

The services warn here, so that sequences that the gate would refuse are tried too: the fold is total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.domain.course import Event
from adapter.domain.identity import BASE
from adapter.domain.referral import Service
from adapter.fhir.face import matching
from adapter.ports import Clause, Match, Query, Unit
from adapter.r4.checker import check
from adapter.storage import DatabaseStore, open_store
from adapter.usecases.create_resource import create
from adapter.usecases.keep_changes import keep_changes
from adapter.usecases.pathways import Pathways, plain
from adapter.usecases.refold import Difference, refold, total
from adapter.usecases.update_resource import update
from adapter.usecases.writing import Change, Rules, When, body_of, draft
from mappings.resources import event
from mappings.rules import national
from tests.stores import with_tables

HERE, TENANT, NOW = "https://a.example/fhir", "319900101", datetime(2025, 12, 1, 12, tzinfo=UTC)
START = date(2024, 3, 1)
PATHWAYS = Pathways(national(), services={"1": Service("1", TENANT, "D11", care_level="poliklinikk", gate="warn")}, base=HERE)
KINDS = ("M", "L", "CU", "CP", "CK", "E", "F", "SM", "SI", "UB", "UU", "HK", "HP", "XG", "XP", "XN", "D", "T", "P", "UE", "A")

Body = dict[str, Any]
numbers = count()


def rules() -> Rules:
    return Rules(
        check, lambda type, criteria: matching(HERE, type, criteria), lambda: f"id-{next(numbers)}", True, (), HERE, PATHWAYS
    )


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[DatabaseStore]:
    opened = open_store(with_tables(tmp_path / "x.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseStore]:
    folder: Path = tmp_path_factory.mktemp("refold")
    opened = open_store(f"sqlite:///{folder}/x.db")
    opened.migrate()
    yield opened
    opened.close()


class Undone(Exception):
    """Ends a unit so that nothing of it is kept: each life begins in an empty store, with the same ids."""


@contextmanager
def life(store: DatabaseStore) -> Iterator[Patient]:
    with suppress(Undone), store.write() as unit:
        yield Patient(unit)
        raise Undone


class Patient:
    """A person in an otherwise empty store."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.put({"resourceType": "Patient", "id": "p", "birthDate": "1985-03-01"})

    def put(self, body: Body) -> None:
        self.unit.put(TENANT, [draft(body["resourceType"], body["id"], body)], NOW)

    def event(self, number: int, code: str, day: int) -> Body:
        made = event.write(
            Event("", code[0], START + timedelta(days=day), tuple(code[1:])),
            pathway_type="D11",
            pathway_id="",
            patient={"reference": "Patient/p"},
            performer={"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": TENANT}},
        )
        return {k: v for k, v in made.items() if k not in ("id", "focus")} | {"id": f"e-{number}"}

    def register(self, body: Body) -> None:
        create(self.unit, rules(), TENANT, body, NOW, id=body["id"])

    def together(self, bodies: Sequence[Body]) -> None:
        keep_changes(self.unit, rules(), TENANT, [Change("Observation", body["id"], body) for body in bodies], NOW)

    def change(self, type: str, id: str, **more: Any) -> None:
        old = self.unit.read(TENANT, type, id)
        assert old
        update(self.unit, rules(), TENANT, body_of(old) | more, NOW, id=id, when=When(f'W/"{old.version}"'))

    def found(self, type: str) -> list[Body]:
        page = self.unit.search(TENANT, Query(type, [Clause("patient", [Match("Patient", "p")])], limit=500))
        return sorted((plain(one) for one in page.found), key=lambda body: str(body["id"]))

    def focus(self) -> Body:
        (episode,) = self.found("EpisodeOfCare")
        return {"focus": [{"reference": f"EpisodeOfCare/{episode['id']}"}]}

    def stands(self) -> list[Body]:
        """All that the pathway is, but for how it came about: a Task that was cancelled may stay of a state in between, and a
        review is of what was lacking when an event came.
        """
        tasks = [body for body in self.found("Task") if body["status"] != "cancelled" and not _is_review(body)]
        left = {f"Task/{body['id']}" for body in tasks}
        made = [*self.found("EpisodeOfCare"), *self.found("CarePlan"), *tasks]
        for body in made:
            body.pop("statusHistory", None)
            body.pop("lastModified", None)
            if planned := [one for one in body.pop("activity", []) if one["reference"]["reference"] in left]:
                body["activity"] = planned
        return made

    def differences(self) -> list[str]:
        """What a refold would find."""
        gathered = PATHWAYS.gather(self.unit, TENANT, str(self.found("EpisodeOfCare")[0]["id"]))
        assert gathered
        return [f"{body['resourceType']}/{body['id']}" for body in PATHWAYS.changed(gathered, NOW)]


def _is_review(task: Body) -> bool:
    return any(coding["code"] == "review-event" for coding in task["code"]["coding"])


def differences(store: DatabaseStore) -> list[Difference]:
    return list(refold(store, [TENANT], PATHWAYS, NOW, check=True))


events = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 500)), min_size=1, max_size=8, unique=True)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(events=events, data=st.data())
def test_after_anything_that_is_registered_retracted_or_answered_a_refold_finds_nothing(
    store: DatabaseStore, events: list[tuple[str, int]], data: st.DataObject
) -> None:
    with life(store) as patient:
        patient.register(patient.event(0, "A", 0))
        for number, (code, day) in enumerate(events, 1):
            patient.register(patient.event(number, code, day) | patient.focus())
            if data.draw(st.integers(0, 3)) == 0:
                kept = [one["id"] for one in patient.found("Observation")]
                patient.change("Observation", data.draw(st.sampled_from(kept)), status="entered-in-error")
            waiting = [one["id"] for one in patient.found("Task") if _may_be_done(one)]
            if waiting and data.draw(st.booleans()):
                done = {"status": "completed", "executionPeriod": {"end": "2025-11-30"}}
                patient.change("Task", data.draw(st.sampled_from(waiting)), **done)
            assert patient.differences() == []


def _may_be_done(task: Body) -> bool:
    awaits = any(coding["system"].endswith("9322") for coding in task["code"]["coding"])
    return (
        task["status"] == "requested"
        and not awaits
        and task.get("restriction", {}).get("period", {}).get("start", "") <= "2025-11-30"
    )


@SLOW
@given(events=events, data=st.data())
def test_the_order_in_which_events_arrive_means_nothing(
    store: DatabaseStore, events: list[tuple[str, int]], data: st.DataObject
) -> None:
    said = [*enumerate(events, 1)]
    ends = []
    for order in (said, data.draw(st.permutations(said))):
        with life(store) as patient:
            patient.register(patient.event(0, "A", 0))
            for number, (code, day) in order:
                patient.register(patient.event(number, code, day) | patient.focus())
            ends.append(patient.stands())

    assert ends[0] == ends[1]


@SLOW
@given(events=events, data=st.data())
def test_a_transaction_comes_to_the_same_as_its_events_one_after_the_other(
    store: DatabaseStore, events: list[tuple[str, int]], data: st.DataObject
) -> None:
    """With an A that opens the pathway, and no X, after which an event without focus would have none."""
    said = [(0, "A", 0), *((n, code, day) for n, (code, day) in enumerate(events, 1) if code[0] not in "AX" and day)]
    ends = []
    with life(store) as patient:
        for each in said:
            patient.register(patient.event(*each))
        ends.append(patient.stands())
    with life(store) as patient:
        patient.together([patient.event(*each) for each in data.draw(st.permutations(said))])
        ends.append(patient.stands())

    assert ends[0] == ends[1]


@contextmanager
def kept(store: DatabaseStore) -> Iterator[Patient]:
    with store.write() as unit:
        yield Patient(unit)


def test_damage_is_named_element_by_element_and_made_right(empty: DatabaseStore) -> None:
    with kept(empty) as patient:
        for number, (code, day) in enumerate([("A", 0), ("M", 10)]):
            patient.register(patient.event(number, code, day))
        episode, task = patient.found("EpisodeOfCare")[0], patient.found("Task")[0]
        patient.put(episode | {"status": "finished"})
        patient.put(task | {"description": "x", "intent": "plan"})

    found = differences(empty)
    assert [(one.type, one.id, one.elements) for one in found] == [
        ("EpisodeOfCare", episode["id"], ("status",)),
        ("Task", task["id"], ("description", "intent")),
    ]
    looked: list[int] = []
    assert list(refold(empty, [TENANT], PATHWAYS, NOW, looked=looked.append)) == found

    assert sum(looked) == total(empty, [TENANT]) == 1
    assert differences(empty) == []
    with empty.read() as unit:
        standing = unit.read(TENANT, "EpisodeOfCare", episode["id"])
    assert standing
    assert (standing.version, plain(standing)) == (4, episode)


def test_a_pathway_whose_rules_are_gone_is_named(empty: DatabaseStore) -> None:
    with kept(empty) as patient:
        patient.register(patient.event(0, "A", 0))
        (episode,) = patient.found("EpisodeOfCare")
        url = f"{BASE}/StructureDefinition/rule-version"
        extensions = [e | ({"valueString": "1999"} if e["url"] == url else {}) for e in episode["extension"]]
        patient.put(episode | {"extension": extensions})

    (found,) = differences(empty)

    assert (found.id, found.fault.kind if found.fault else "") == (episode["id"], "business-rule")


def test_an_episode_of_care_that_is_no_pathway_is_left_alone(empty: DatabaseStore) -> None:
    with kept(empty) as patient:
        own = {"resourceType": "EpisodeOfCare", "id": "own", "status": "active", "patient": {"reference": "Patient/p"}}
        patient.put(own)

    assert differences(empty) == []
