"""What goes on at both sides at once is brought together: nobody's word is lost, none is written over, and who lost is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapter.domain.problem import Kind, problem
from adapter.usecases.deliver import MOST
from mappings.resources import assignment
from tests.national_numbers import make
from tests.usecases.handover import HOSPITAL, MUNICIPALITY, World, converged, coordinator

REASON = {"text": "Vi har ikke kapasitet."}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[World]:
    """The municipality reads and answers here."""
    made = World(tmp_path, modes={"municipality": "wait"})
    yield made
    made.store.close()


@pytest.fixture
def unknown(tmp_path: Path) -> Iterator[World]:
    """The municipality's mode is not configured; it turns out to read and answer here."""
    made = World(tmp_path, modes={"municipality": ""})
    made.municipality.takes = "wait"
    yield made
    made.store.close()


def texts(task: dict[str, object]) -> list[str]:
    return sorted(note["text"] for note in assignment.view(task).get("note", []))


def refuse(what: str) -> None:
    raise problem(Kind.INVALID, "It is not as we want it.", "Den er ikke slik vi vil ha den.")


def test_notes_that_both_write_at_once_both_stay(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.municipality.answers(key, "requested", note=[{"text": "fra kommunen"}])
    world.specialist.answers(key, "requested", note=[{"text": "fra sykehuset"}])
    world.settle()

    assert texts(world.municipality.task(key)) == texts(world.mirror(key)) == ["fra kommunen", "fra sykehuset"]
    converged(world, key)
    assert not world.troubles()


def test_a_note_written_while_another_change_waits_for_the_copy_stays(waiting: World) -> None:
    key = waiting.hospital_asks()
    waiting.settle()

    waiting.writes({**waiting.mirror(key, MUNICIPALITY), "status": "accepted"}, MUNICIPALITY)
    waiting.specialist.answers(key, "requested", note=[{"text": "fra sykehuset"}])
    waiting.settle()

    assert texts(waiting.mirror(key)) == ["fra sykehuset"]
    assert waiting.specialist.task(key)["status"] == "accepted"
    assert ["note" in one for one in waiting.specialist.versions(key)] == [False, True, True]  # it was never away
    converged(waiting, key)


def test_where_both_sides_say_something_else_of_one_thing_the_owners_stands_and_the_other_is_told(waiting: World) -> None:
    key = waiting.hospital_asks()
    waiting.settle()

    waiting.writes({**waiting.mirror(key), "priority": "urgent"})  # the requester, here
    waiting.specialist.answers(key, "requested", priority="asap")  # and at its own server, before it could know
    waiting.settle()

    assert waiting.mirror(key)["priority"] == waiting.specialist.task(key)["priority"] == "urgent"
    assert [(t.kind, t.partner) for t in waiting.troubles()] == [("conflict", "specialist")]
    converged(waiting, key)


def test_a_note_on_what_has_ended_is_taken_home(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    world.municipality.answers(key, "completed", **coordinator())
    world.settle()

    world.specialist.answers(key, "completed", note=[{"text": "Takk."}])
    world.settle()

    assert texts(world.municipality.task(key)) == ["Takk."]
    converged(world, key)
    assert not world.troubles()


def test_a_change_that_is_answered_without_the_resource_is_no_news(world: World) -> None:
    world.municipality.terse = world.specialist.terse = True
    key = world.hospital_asks()
    world.settle()

    world.specialist.answers(key, "requested", priority="urgent")
    for _ in range(5):
        world.settle(1)
        assert not world.troubles()

    assert world.municipality.task(key)["priority"] == world.mirror(key)["priority"] == "urgent"
    converged(world, key)


def test_an_older_look_of_another_process_undoes_nothing(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    others = world.lines
    world.restart()

    def meanwhile(what: str) -> None:
        """While our list of what changed is on its way the owner writes, and the other process carries that to the copy."""
        world.municipality.answers(key, "accepted", note=[{"text": "fra kommunen"}])
        world.clock.pass_(seconds=2)
        for line in (others[1], others[0]):
            line.round()

    world.specialist.answers(key, "requested", note=[{"text": "fra sykehuset"}])
    world.specialist.amid.append(meanwhile)
    world.clock.pass_(seconds=2)
    world.lines[0].round()
    world.settle()

    assert texts(world.mirror(key)) == ["fra kommunen", "fra sykehuset"]
    converged(world, key)
    assert not world.troubles()


def test_an_older_read_of_another_process_undoes_nothing(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    others = world.lines
    world.restart()
    world.municipality.answers(key, "requested", note=[{"text": "fra kommunen"}])
    world.clock.pass_(seconds=2)
    world.lines[1].round()  # now a change waits for the copy

    def meanwhile(what: str) -> None:
        """While what we have read is on its way the other process hears it too, takes it home, and levels the copy."""
        for line in (others[0], others[1], others[0]):
            world.clock.pass_(seconds=2)
            line.round()
        assert texts(world.specialist.task(key)) == ["fra kommunen"]

    world.specialist.answers(key, "requested", priority="urgent")
    world.specialist.amid.append(meanwhile)
    world.lines[0].told([world.specialist.task(key)["id"]])
    world.settle()

    assert world.municipality.task(key)["priority"] == "urgent"
    assert texts(world.municipality.task(key)) == ["fra kommunen"]
    converged(world, key)


def test_what_is_done_to_a_copy_just_after_it_was_changed_is_put_back_too(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    others = world.lines
    world.restart()
    world.municipality.answers(key, "accepted")
    world.clock.pass_(seconds=2)
    world.lines[1].round()  # now a change waits for the copy

    def meanwhile(what: str) -> None:
        """The change stands there, and its answer is on the way: a user there does what is not theirs, and we are told of it."""
        if what != "change":
            world.specialist.amid.append(meanwhile)
            return
        world.specialist.answers(key, "on-hold", statusReason=REASON)
        others[0].told([world.specialist.task(key)["id"]])

    world.specialist.amid.append(meanwhile)
    world.lines[0].round()
    world.settle()

    assert world.specialist.task(key)["status"] == "accepted"
    assert {(t.kind, t.partner) for t in world.troubles()} == {("conflict", "specialist")}
    converged(world, key)


def test_an_older_read_on_the_way_to_a_change_undoes_nothing(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    others = world.lines
    world.restart()
    world.specialist.answers(key, "requested", note=[{"text": "en"}])
    world.clock.pass_(seconds=2)
    world.lines[0].round()  # hears it, and proposes it to the home

    def meanwhile(what: str) -> None:
        if what == "read":
            world.municipality.answers(key, "in-progress")
            others[1].told([world.municipality.task(key)["id"]])
        else:
            world.municipality.amid.append(meanwhile)

    world.municipality.answers(key, "accepted")
    world.municipality.amid.append(meanwhile)
    with capture_logs() as logs:
        world.settle()

    assert world.municipality.task(key)["status"] == world.mirror(key)["status"] == "in-progress"
    assert texts(world.municipality.task(key)) == ["en"]
    converged(world, key)
    alarms = [one for one in logs if one["event"].startswith("assignment.") and one["log_level"] != "info"]
    assert not alarms  # on the way


def test_a_new_assignment_costs_each_server_one_call(world: World) -> None:
    world.hospital_asks()
    world.settle()

    for server in world.servers:
        assert [call for call in server.calls if call != "changed"] == ["create"]


# what is another's


def test_nothing_is_written_over_another_patients_task(world: World) -> None:
    key = world.hospital_asks()
    world.settle()
    patient = {"identifier": {**world.specialist.task(key)["for"]["identifier"], "value": make(3, 4, 1990, "male")}}
    world.specialist.answers(key, "requested", **{"for": patient})
    there = world.specialist.task(key)

    world.municipality.answers(key, "accepted")
    world.settle()

    assert world.specialist.task(key) == there
    assert {trouble.kind for trouble in world.troubles()} == {"foreign", "refused"}


def test_a_creation_that_is_answered_with_another_patients_task_is_not_taken_for_ours(world: World) -> None:
    key = world.hospital_asks()
    patient = {"type": "Patient", "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": make(3, 4, 1990, "male")}}
    world.municipality.begins({**world.asked(), "identifier": [{"value": key, "system": "urn:ietf:rfc:3986"}], "for": patient})
    there = world.municipality.task(key)

    world.settle()

    assert world.municipality.task(key) == there
    assert assignment.standing(world.mirror(key)) == "delivery-failed"
    assert "municipality" in {trouble.partner for trouble in world.troubles()}


def test_a_copy_with_a_status_that_there_is_not_is_put_back(world: World) -> None:
    key = world.hospital_asks()
    world.settle()

    world.specialist.answers(key, "done")
    world.settle()

    assert world.specialist.task(key)["status"] == "requested"
    assert [(t.kind, t.partner) for t in world.troubles()] == [("conflict", "specialist")]
    converged(world, key)


# a partner that turns out to read and answer here


def test_what_waits_for_a_partner_that_turns_out_to_answer_here_is_done_here(unknown: World) -> None:
    key = unknown.hospital_asks()
    unknown.clock.pass_(seconds=2)
    unknown.lines[0].round()  # it is at the hospital's server, and nobody has asked the municipality's yet
    unknown.specialist.answers(key, "cancelled", statusReason=REASON)
    unknown.clock.pass_(seconds=2)
    unknown.lines[0].round()  # which is taken to be where it is answered

    unknown.settle()

    assert unknown.mirror(key)["status"] == unknown.mirror(key, MUNICIPALITY)["status"] == "cancelled"
    converged(unknown, key)
    assert not unknown.dead()
    assert not unknown.troubles()


# what a person is told


def test_a_notification_that_is_refused_is_told(waiting: World) -> None:
    waiting.municipality.faults += [refuse] * 2
    key = waiting.hospital_asks()
    waiting.settle()

    (row,) = waiting.dead()
    assert row.kind == "notice"
    assert ("refused", "municipality", f"Task/{waiting.mirror(key)['id']}") in {
        (t.kind, t.partner, t.about) for t in waiting.troubles()
    }


def test_a_fault_of_our_own_is_told_when_it_is_given_up(world: World) -> None:
    def stumble(what: str) -> None:
        world.municipality.faults.append(stumble)
        if what in ("create", "find"):
            raise KeyError(what)

    world.municipality.faults.append(stumble)
    world.hospital_asks()
    for _ in range(MOST):
        world.clock.pass_(hours=25)
        world.lines[1].round()

    (row,) = world.dead()
    assert "KeyError" in row.error
    assert ("refused", "municipality") in {(t.kind, t.partner) for t in world.troubles()}


def test_a_partner_that_does_not_let_us_hear_is_told_once_and_settled_when_it_does(world: World) -> None:
    world.municipality.faults += [refuse] * 3
    for _ in range(3):
        world.settle(1)

    (trouble,) = world.troubles()
    assert (trouble.tenant, trouble.partner, trouble.about, trouble.kind) == (
        *(HOSPITAL, "municipality", "Partner/municipality", "refused"),
    )

    world.settle()
    assert not world.troubles()
