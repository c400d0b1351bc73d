"""An assignment's way between two servers and our service: who answers where, what follows, and that all sides end alike.

what follows, and that in the end all sides say the same. Expectations are the life of an assignment, told by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import PartnerState, Remote
from mappings.resources import assignment
from tests.national_numbers import make
from tests.usecases.handover import HOSPITAL, MUNICIPALITY, World, converged, coordinator, organisation, unreachable

EARLY, LATE = ({"lastUpdated": moment} for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"))
REASON = {"text": "Vi har ikke kapasitet."}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_what_the_hospital_asks_stands_at_both_servers_under_one_identifier(world: World) -> None:
    key = world.hospital_asks()

    world.settle()

    ids = {world.mirror(key)["id"], world.specialist.task(key)["id"], world.municipality.task(key)["id"]}
    assert len(ids) == 3
    assert world.municipality.calls.count("create") == world.specialist.calls.count("create") == 1
    converged(world, key)
    assert not world.troubles()


def test_nothing_but_what_may_be_told_is_sent(world: World) -> None:
    key = world.hospital_asks(note=[{"text": "Ring før åtte."}])

    world.settle()

    sent = world.municipality.task(key)
    assert "reference" not in sent["for"]
    assert "display" not in sent["owner"]
    assert set(sent) <= {
        *("resourceType", "id", "meta", "identifier", "groupIdentifier", "status", "intent", "code", "description", "focus", "for"),
        *("authoredOn", "requester", "owner", "performerType", "restriction", "note", "input"),
    }


def test_an_acceptance_gives_the_organisation_its_place_in_the_team_and_completion_the_person(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()

    (accepted,) = world.team()["participant"]  # type: ignore[index]
    assert accepted["member"]["identifier"]["value"] == MUNICIPALITY
    assert accepted["period"] == {"start": "2026-08-03"}
    assert accepted["role"][0]["coding"][0]["code"] == "municipal-coordinator"

    world.clock.pass_(days=2)
    world.municipality.answers(key, "in-progress")
    world.settle()
    world.municipality.answers(key, "completed", **coordinator())
    world.settle()

    team = world.team()
    assert team
    (named,) = team["participant"]
    assert named["period"] == {"start": "2026-08-03"}  # since it was accepted
    assert named["member"]["reference"].startswith("#")
    assert team["contained"][0]["telecom"] == [{"system": "phone", "value": "+47 61 00 00 00"}]
    assert world.specialist.task(key)["status"] == "completed"
    converged(world, key)


def test_steps_that_no_look_saw_are_no_matter(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.municipality.answers(key, "received")
    world.municipality.answers(key, "accepted")
    world.municipality.answers(key, "completed", **coordinator())
    world.settle()

    assert world.mirror(key)["status"] == world.specialist.task(key)["status"] == "completed"
    converged(world, key)
    assert not world.troubles()


def test_the_mirror_is_read_only_and_says_where_to_go(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    with pytest.raises(Problem) as refused:
        world.writes({**world.mirror(key), "status": "cancelled", "statusReason": REASON})

    assert refused.value.kind is Kind.BUSINESS_RULE
    there = world.municipality.task(key)["id"]
    assert f"https://municipality.example/fhir/Task/{there}" in refused.value.findings[0].en


def test_the_requester_calls_off_at_its_own_server(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.specialist.answers(key, "cancelled", statusReason=REASON)
    world.settle()

    assert world.municipality.task(key)["status"] == world.mirror(key)["status"] == "cancelled"
    converged(world, key)
    assert not world.troubles()


def test_what_is_in_progress_is_not_called_off_so_and_the_copy_is_put_back(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "in-progress")
    world.settle()

    world.specialist.answers(key, "cancelled", statusReason=REASON)
    world.settle()

    assert world.specialist.task(key)["status"] == world.municipality.task(key)["status"] == "in-progress"
    (trouble,) = world.troubles()
    assert (trouble.kind, trouble.partner) == ("conflict", "specialist")
    assert "abort" in trouble.en
    converged(world, key)


def test_where_both_answer_at_once_one_wins_and_the_other_is_told(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.municipality.answers(key, "in-progress")
    world.specialist.answers(key, "cancelled", statusReason=REASON)
    world.lines[0].round()  # the requester's wish is heard first; the home has moved on
    world.settle()

    assert world.specialist.task(key)["status"] == world.municipality.task(key)["status"] == "in-progress"
    assert {trouble.kind for trouble in world.troubles()} == {"conflict"}
    converged(world, key)


def test_both_at_once_may_end_well(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.municipality.answers(key, "accepted")
    world.specialist.answers(key, "cancelled", statusReason=REASON)
    world.settle()

    assert world.municipality.task(key)["status"] == world.specialist.task(key)["status"] == "cancelled"  # from accepted too
    converged(world, key)
    assert not world.troubles()


def test_a_move_that_the_life_forbids_is_told_and_not_followed(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "in-progress")
    world.settle()

    world.municipality.answers(key, "rejected", statusReason=REASON)
    world.settle()

    assert world.mirror(key)["status"] == world.specialist.task(key)["status"] == "in-progress"
    (trouble,) = world.troubles()
    assert (trouble.kind, trouble.partner) == ("illegal", "municipality")

    world.municipality.answers(key, "failed", statusReason=REASON)
    world.settle()
    assert not world.troubles()
    converged(world, key)


def test_another_patients_task_in_its_place_is_refused(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    other = {
        "type": "Patient",
        "identifier": {**world.municipality.task(key)["for"]["identifier"], "value": make(3, 4, 1990, "male")},
    }
    world.municipality.answers(key, "accepted", **{"for": other})
    world.settle()

    assert world.mirror(key)["status"] == "requested"
    (trouble,) = world.troubles()
    assert trouble.kind == "foreign"
    assert world.team() is None


def test_an_unknown_status_is_refused(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.municipality.answers(key, "done")
    world.settle()

    assert world.mirror(key)["status"] == "requested"
    assert [trouble.kind for trouble in world.troubles()] == ["foreign"]


def test_it_may_begin_at_the_hospitals_server(world: World) -> None:
    key = world.specialist.begins(world.asked())

    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()

    assert world.specialist.task(key)["status"] == "accepted"
    assert world.team()
    converged(world, key)


def test_it_may_begin_at_the_municipalitys_server_and_is_answered_at_the_hospitals(world: World) -> None:
    asked = world.asked(requester=organisation(MUNICIPALITY), owner=organisation(HOSPITAL))
    key = world.municipality.begins(asked)
    world.settle()

    world.specialist.answers(key, "completed", **coordinator("Per Psykolog", HOSPITAL))
    world.settle()

    assert world.municipality.task(key)["status"] == "completed"
    roles = [one["role"][0]["coding"][0]["code"] for one in world.team()["participant"]]  # type: ignore[index]
    assert roles == ["specialist-coordinator"]
    converged(world, key)


def test_a_task_in_another_organisations_name_is_not_begun(world: World) -> None:
    world.municipality.begins(world.asked())  # the requester is the hospital

    world.settle()

    assert not world.tasks()
    assert [trouble.kind for trouble in world.troubles()] == ["foreign"]


def test_a_handover_ends_the_old_where_the_new_begins(world: World) -> None:
    first = world.hospital_asks()
    world.settle()
    world.municipality.answers(first, "completed", **coordinator())
    world.settle()
    world.clock.pass_(days=10)
    previous = {
        "type": {"coding": [{"system": "https://stafett.invalid/fhir/CodeSystem/task-input", "code": "previous-assignment"}]},
        "valueReference": {"type": "Task", "identifier": {"system": "urn:ietf:rfc:3986", "value": first}},
    }
    second = world.hospital_asks("handover-coordinator", input=[previous])
    world.settle()
    world.municipality.answers(second, "accepted")
    world.settle()

    periods = [one["period"] for one in world.team()["participant"]]  # type: ignore[index]
    assert periods == [{"start": "2026-08-03", "end": "2026-08-13"}, {"start": "2026-08-13"}]
    converged(world, second)


# a side that reads and answers here


def test_a_partner_that_waits_reads_and_answers_here(tmp_path: Path) -> None:
    world = World(tmp_path, modes={"municipality": "wait"})
    key = world.hospital_asks()
    world.settle()

    assert not world.municipality.has(key)
    assert len(world.municipality.told) == 1
    assert b"Task/" in world.municipality.told[0]
    theirs = world.mirror(key, MUNICIPALITY)
    world.writes({**theirs, "status": "accepted"}, MUNICIPALITY)
    world.settle()

    assert world.mirror(key)["status"] == world.specialist.task(key)["status"] == "accepted"
    assert world.team(MUNICIPALITY) is not None
    assert world.team() is not None
    converged(world, key)
    world.store.close()


def test_where_ours_is_the_home_the_requester_calls_off_here(tmp_path: Path) -> None:
    world = World(tmp_path, modes={"municipality": "wait"}, hospital_has_server=False)
    key = world.hospital_asks()

    world.writes({**world.mirror(key), "status": "cancelled", "statusReason": REASON})

    assert world.mirror(key, MUNICIPALITY)["status"] == "cancelled"
    world.store.close()


def test_the_mode_is_learnt_where_it_is_not_configured(tmp_path: Path) -> None:
    world = World(tmp_path, modes={"municipality": ""})
    world.municipality.takes = "wait"
    key = world.hospital_asks()
    world.settle()

    assert not world.municipality.has(key)
    world.writes({**world.mirror(key, MUNICIPALITY), "status": "accepted"}, MUNICIPALITY)
    world.settle()
    assert world.specialist.task(key)["status"] == "accepted"
    world.store.close()


def test_a_partner_may_not_do_more_here_than_answer(tmp_path: Path) -> None:
    world = World(tmp_path, modes={"municipality": "wait"})
    world.hospital_asks()

    with pytest.raises(Problem) as refused:
        world.writes({"resourceType": "Task", "status": "requested", "intent": "order"}, MUNICIPALITY)

    assert refused.value.kind is Kind.FORBIDDEN
    world.store.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("accepted", Kind.FORBIDDEN),  # the owner's move
        ("in-progress", Kind.BUSINESS_RULE),  # nobody's
    ],
)
def test_a_move_that_is_not_the_requesters_is_refused(tmp_path: Path, status: str, kind: Kind) -> None:
    world = World(tmp_path, modes={"municipality": "wait"}, hospital_has_server=False)
    key = world.hospital_asks()

    with pytest.raises(Problem) as refused:
        world.writes({**world.mirror(key), "status": status})

    assert refused.value.kind is kind
    world.store.close()


# faults


def test_a_lost_answer_makes_no_second_task(world: World) -> None:
    world.municipality.after.append(unreachable)
    key = world.hospital_asks()

    world.settle(40)

    assert [one for (type, _), one in world.municipality.kept.items() if type == "Task"] == [world.municipality.task(key)]
    converged(world, key)


def test_a_refused_creation_waits_for_a_person_and_is_marked(world: World) -> None:
    def refuse(what: str) -> None:
        raise problem(Kind.INVALID, "It is not as we want it.", "Den er ikke slik vi vil ha den.")

    world.municipality.faults.append(refuse)
    key = world.hospital_asks()
    world.settle()

    assert assignment.standing(world.mirror(key)) == "delivery-failed"
    assert [(t.kind, t.partner) for t in world.troubles()] == [("refused", "municipality")]
    assert len(world.dead()) == 1
    assert world.specialist.has(key)  # the other side was not held up


def test_a_version_that_moves_under_us_is_read_again_and_asked_once_more(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    def move(what: str) -> None:
        if what == "change":
            world.municipality.answers(key, "accepted")
        else:
            world.municipality.faults.append(move)

    world.municipality.faults.append(move)
    world.specialist.answers(key, "cancelled", statusReason=REASON)
    world.settle()

    assert world.municipality.task(key)["status"] == "cancelled"
    converged(world, key)


@pytest.mark.parametrize("mode", ["push", "wait"])
def test_a_draft_that_is_called_off_is_nobody_elses_affair(tmp_path: Path, mode: Literal["push", "wait"]) -> None:
    world = World(tmp_path, modes={"municipality": mode})
    world.writes(world.asked(status="draft"))
    (draft,) = world.tasks()

    world.writes({**draft, "status": "cancelled", "statusReason": {"text": "Likevel ikke."}})
    world.writes({**world.tasks()[0], "note": [{"text": "Ble ikke sendt."}]})
    world.settle()

    assert (world.municipality.kept, world.specialist.kept, world.municipality.told) == ({}, {}, [])
    assert world.tasks(MUNICIPALITY) == []
    assert world.tasks()[0]["status"] == "cancelled"


def test_a_partner_whose_clock_ran_ahead_is_heard_all_the_same(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    there = world.municipality.task(key)
    world.municipality.answers(key, "received")
    world.municipality.kept["Task", there["id"]]["meta"]["lastUpdated"] = "2031-01-01T00:00:00+00:00"
    world.settle()

    world.municipality.answers(key, "accepted")
    world.settle()

    assert world.mirror(key)["status"] == "accepted"


@pytest.mark.parametrize("meta", [None, [1], {"lastUpdated": 5}, {"lastUpdated": "yesterday"}, EARLY, LATE])
def test_a_task_whose_meta_is_anything_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch, meta: object) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    there = world.municipality.changed

    def changed(since: datetime | None) -> Iterator[Remote]:
        yield Remote("Task", "odd", 'W/"1"', {"resourceType": "Task", "id": "odd", "meta": meta})
        yield from there(since)

    monkeypatch.setattr(world.municipality, "changed", changed)
    world.settle()

    assert world.mirror(key)["status"] == "accepted"


def test_a_task_that_is_kept_from_us_does_not_end_the_comparison(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = world.hospital_asks()
    world.settle()
    there = world.municipality.task(key)
    del world.municipality.kept["Task", there["id"]]

    def read(type: str, id: str) -> Remote:
        raise problem(Kind.FORBIDDEN, "You may not.", "Ikke lov.")

    monkeypatch.setattr(world.municipality, "read", read)
    world.clock.pass_(days=1)
    world.settle()

    with world.store.read() as unit:
        state = unit.partner_state("municipality")
    assert state.compared is not None
    assert (world.clock.now() - state.compared).total_seconds() < 60
    assert [(one.about, one.kind) for one in world.troubles()] == [(f"Task/{world.mirror(key)['id']}", "foreign")]


def test_a_partner_that_notifies_without_end_and_answers_slowly_holds_up_one_thread(world: World) -> None:
    (line,) = (one for one in world.lines if one.name == "municipality")
    asked: list[str] = []

    def slow(what: str) -> None:
        asked.append(what)
        for _ in range(3):  # it notifies again, and again, while it has not answered: each of these comes back at once
            other = Thread(target=line.told, args=(["a", "b"],))
            other.start()
            other.join(timeout=5)
            assert not other.is_alive()

    world.municipality.faults = [slow]
    line.told(["first"])

    assert asked == ["read"]
    assert world.municipality.calls == ["read"] * 3  # what was named meanwhile is read once, by the thread that is at it


def test_a_notification_from_a_partner_that_does_not_answer_calls_nobody(world: World) -> None:
    (line,) = (one for one in world.lines if one.name == "municipality")
    with world.store.write() as unit:
        unit.keep_partner_state(PartnerState("municipality", failures=5, open_until=world.clock.now() + timedelta(minutes=5)))

    line.told(["first"])

    assert world.municipality.calls == []


# what is another's, and what is compared


def test_what_the_municipality_has_put_into_its_own_copy_of_the_team_stays(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()
    team = world.municipality.team()
    assert team
    doctor = {"role": [{"text": "Fastlege"}], "member": {"display": "Fastlegen"}}
    world.municipality._put(
        "CareTeam", team["id"], {**team, "participant": [*team["participant"], doctor], "note": [{"text": "Vårt."}]}
    )

    world.municipality.answers(key, "completed", **coordinator())
    world.settle()

    now = world.municipality.team()
    assert now
    assert doctor in now["participant"]
    assert now["note"] == [{"text": "Vårt."}]
    converged(world, key)
    assert not world.troubles()


def test_a_coordinator_changed_in_a_copy_of_the_team_is_put_back_and_told(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()
    team = world.specialist.team()
    assert team
    world.specialist._put("CareTeam", team["id"], {**team, "participant": []})

    world.clock.pass_(days=1.1)  # the slow comparison
    world.settle()

    converged(world, key)
    assert [trouble.kind for trouble in world.troubles()] == ["conflict"]


def test_a_team_that_a_partner_no_longer_has_is_told(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()
    team = world.specialist.team()
    assert team
    del world.specialist.kept["CareTeam", team["id"]]

    world.clock.pass_(days=1.1)
    world.settle()

    assert [(trouble.kind, trouble.about.partition("/")[0]) for trouble in world.troubles()] == [("foreign", "CareTeam")]


def test_a_task_does_not_come_into_another_patients_pathway(world: World) -> None:
    first = world.hospital_asks()
    world.settle()
    world.municipality.answers(first, "accepted")
    world.settle()

    other = world.asked(make(3, 4, 1990, "male"), requester=organisation(MUNICIPALITY), owner=organisation(HOSPITAL))
    other["for"]["identifier"]["value"] = make(3, 4, 1990, "male")
    other["code"]["coding"][0]["code"] = "assign-coordinator"
    second = world.municipality.begins(other)
    world.settle()

    assert not world.specialist.has(second)
    assert [trouble.kind for trouble in world.troubles()] == ["foreign"]
    assert "another patient" in world.troubles()[0].en
    with pytest.raises(Problem) as refused:
        world.hospital_asks(number=make(3, 4, 1990, "male"))
    assert refused.value.findings[0].where == "Task.groupIdentifier"


def test_a_server_that_was_restored_from_an_older_copy_is_found_out(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "accepted")
    world.settle()
    there = world.municipality.task(key)
    world.municipality.kept["Task", there["id"]] = {**there, "status": "received"}  # under the version's own name

    world.clock.pass_(days=1.1)
    world.settle()

    assert world.mirror(key)["status"] == "accepted"
    assert [trouble.kind for trouble in world.troubles()] == ["illegal"]


def test_a_copy_that_was_refused_is_not_sent_again_every_day(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    def refuse(what: str) -> None:
        if what == "change":
            raise problem(Kind.INVALID, "Not here.", "Ikke her.")
        world.specialist.faults.append(refuse)

    world.specialist.faults.append(refuse)
    world.municipality.answers(key, "accepted")
    for _ in range(4):
        world.settle()
        world.clock.pass_(days=1.1)

    assert len([row for row in world.dead() if row.about.startswith("Task/")]) == 1


def test_an_abort_tells_its_owner_what_to_end_and_is_not_the_end_itself(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "in-progress")
    world.settle()
    mine = f"https://stafett.example/fhir/Task/{world.mirror(key)['id']}"
    abort = world.hospital_asks("abort", focus={"reference": mine, "type": "Task"})
    world.settle()

    assert world.municipality.task(abort)["focus"]["identifier"]["value"] == key
    world.municipality.answers(abort, "completed")
    world.settle()
    assert [trouble.kind for trouble in world.troubles()] == ["conflict"]
    world.municipality.answers(key, "failed", statusReason=REASON)
    world.settle()
    assert not world.troubles()
