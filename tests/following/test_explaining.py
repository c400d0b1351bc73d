"""Why somebody was, or was not, told: each reason by what was really done, told by the page's own JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from adapter.ports import Follower, Seen
from adapter.usecases.followers import wanted_of
from tests.fhir.test_blocks import ENH, UNIT, block
from tests.following.here import HOSPITAL, Body, Here, Hook, here

MINUTE = timedelta(minutes=1)
LATER = timedelta(minutes=6)  # than any next try


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with here(tmp_path_factory.mktemp("following")) as made:
        yield made


@pytest.fixture
def service(running: Here) -> Iterator[Here]:
    """The one service, in which nobody follows any longer what an earlier test began."""
    yield running
    for one in running.http.get("/subscriptions").json()["items"]:
        running.http.post(f"/subscriptions/{one['id']}/off")
    running.work()


def why(service: Here, id: str, about: str) -> Body:
    found: Body = service.http.get(f"/subscriptions/{id}", params={"about": about}).raise_for_status().json()["why"]
    return found


def codes(service: Here, id: str, about: str) -> list[tuple[int, str, int | None]]:
    """Version, reason and number, newest version first."""
    return [(one["version"], one["code"], one["number"]) for one in why(service, id, about)["versions"]]


def checks(service: Here, id: str, about: str, version: int = -1) -> list[tuple[bool, str]]:
    """Of the first version unless another is named."""
    return [(one["met"], one["en"]) for one in why(service, id, about)["versions"][version]["checks"]]


def until_given_up(service: Here) -> None:
    for _ in range(5):
        service.work()
        service.clock.moment += LATER
    service.work()


def asking(follower: Follower, **other: Any) -> Follower:
    """The same, asking for something else behind the back of the rules."""
    return replace(follower, asked=msgspec.json.encode(msgspec.structs.replace(wanted_of(follower), **other)))


def patient(service: Here) -> str:
    made = service.post({"resourceType": "Patient", "active": True})
    return str(made["id"])


def test_what_was_told_is_said_with_its_number_and_the_notification_it_went_in(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url, "task-change", "status=requested,accepted")
    task = service.task()
    service.work()
    about = f"Task/{task['id']}"

    assert codes(service, id, about) == [(1, "told", 1)]
    assert checks(service, id, about) == [
        (True, "Every version of a Task is an event."),
        (True, "status: it asks for requested, accepted; there stands requested."),
    ]
    told = why(service, id, f"{service.base}/fhir/{about}/_history/1")
    assert (told["about"], told["versions"][0]["en"].partition("with")[2]) == (
        about,
        " number 1.",
    )
    assert why(service, id, task["id"])["about"] == about


def test_what_was_written_before_it_began_is_said_to_be_so(service: Here, endpoint: Hook) -> None:
    task = service.task()
    service.clock.moment += MINUTE
    id = service.follow(endpoint.url)

    assert codes(service, id, f"Task/{task['id']}") == [(1, "before", None)]


def test_which_clause_does_not_hold_is_said_of_each(service: Here, endpoint: Hook) -> None:
    nobody = "11111111-2222-4333-8444-555555555555"
    id = service.follow(endpoint.url, "task-change", f"status=completed&patient=Patient/{nobody}", "intent:not=plan")
    task = service.task()
    service.work()

    assert codes(service, id, task["id"]) == [(1, "filtered", None)]
    assert checks(service, id, task["id"])[1:] == [
        (False, "status: it asks for completed; there stands requested."),
        (False, "patient: what is there does not pass."),
        (True, "intent: it asks for not plan; there stands order."),
    ]


def test_what_is_no_event_of_the_topic_is_said_with_what_stood_and_stands(service: Here, endpoint: Hook) -> None:
    deadline = service.follow(endpoint.url, "deadline-passed")
    event = service.follow(endpoint.url, "pathway-event")
    task = service.task()
    observed = service.post({"resourceType": "Observation", "status": "final", "code": {"text": "blood pressure"}})
    service.work()

    assert codes(service, deadline, task["id"]) == [(1, "not-an-event", None)]
    assert checks(service, deadline, task["id"]) == [(False, "Business status before: –; now: –.")]
    assert codes(service, event, observed["id"]) == [(1, "not-an-event", None)]
    assert checks(service, event, observed["id"]) == [(False, "It is not an event of a pathway.")]
    assert "blood pressure" not in service.http.get(f"/subscriptions/{event}", params={"about": observed["id"]}).text


def test_a_pathway_that_did_not_move_is_no_event_and_one_that_did_is(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url, "pathway-change")
    of = {"reference": f"Patient/{patient(service)}"}
    pathway = service.post({"resourceType": "EpisodeOfCare", "status": "planned", "patient": of})
    service.work()
    pathway = service.put({**pathway, "period": {"start": "2026-06-01"}})
    service.put({**pathway, "status": "active"})
    service.work()

    assert codes(service, id, pathway["id"]) == [(3, "told", 2), (2, "not-an-event", None), (1, "told", 1)]
    assert checks(service, id, pathway["id"], 0) == [(True, "Status and phase before: planned, –; now: active, –.")]
    assert checks(service, id, pathway["id"], 1) == [(False, "Status and phase before: planned, –; now: planned, –.")]


def test_another_type_than_it_follows_is_said_without_looking_for_it(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    there = patient(service)

    for name in (there, "nobody"):
        said = why(service, id, f"Patient/{name}")
        assert (said["en"], said["versions"]) == ("It follows Task, and this is Patient.", [])


def test_what_nobody_has_looked_at_yet_waits_for_the_worker(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    task = service.task()

    assert codes(service, id, task["id"]) == [(1, "not-looked-at", None)]
    service.work()
    assert codes(service, id, task["id"]) == [(1, "told", 1)]


def test_what_waits_in_the_outbox_says_when_it_is_tried_and_what_is_behind_it_how_much_is_before(
    service: Here, endpoint: Hook
) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {"Retry-After": "60"})
    first = service.task()
    service.work()
    second = service.task()
    service.work()

    assert codes(service, id, first["id"]) == [(1, "on-its-way", 1)]
    next_try = f"{service.clock.now() + MINUTE + timedelta(hours=2):%Y-%m-%d %H:%M:%S}"  # in Norway, in summer
    assert why(service, id, first["id"])["versions"][0]["en"] == f"In the outbox, tried 1 times. The next try is {next_try}."
    assert codes(service, id, second["id"]) == [(1, "behind", 2)]
    assert "told up to number 0" in why(service, id, second["id"])["versions"][0]["en"]


def test_while_it_is_in_error_what_happens_waits_and_the_error_stands_beside(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {})
    task = service.task()
    until_given_up(service)

    assert codes(service, id, task["id"]) == [(1, "in-error", 1)]
    assert "503" in why(service, id, task["id"])["versions"][0]["en"]


def test_before_the_endpoint_has_answered_the_handshake_what_happens_waits(service: Here, endpoint: Hook) -> None:
    endpoint.answer = lambda: (503, {})
    id = service.follow(endpoint.url)
    task = service.task()
    service.work()

    assert codes(service, id, task["id"]) == [(1, "asked", 1)]


def test_what_was_written_while_it_was_off_and_what_waited_when_it_was_turned_off_are_told_apart(
    service: Here, endpoint: Hook
) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {})
    waited = service.task()
    service.work()
    service.clock.moment += MINUTE
    service.put(service.read(f"Subscription/{id}") | {"status": "off"})
    service.clock.moment += MINUTE
    written = service.task()
    service.work()

    assert codes(service, id, waited["id"]) == [(1, "off", 1)]
    assert codes(service, id, written["id"]) == [(1, "off-then", None)]


def test_where_it_asked_for_something_else_then_that_is_said_and_nothing_is_judged_by_what_it_asks_now(
    service: Here, endpoint: Hook
) -> None:
    id = service.follow(endpoint.url, "task-change", "status=completed")
    task = service.task()
    service.work()
    service.clock.moment += MINUTE
    changed = service.read(f"Subscription/{id}")
    changed["_criteria"]["extension"][0]["valueString"] = "status=requested"
    service.put(changed)

    assert codes(service, id, task["id"]) == [(1, "changed", None)]


def test_what_is_kept_no_longer_is_not_guessed_at(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    task = service.task()
    service.work()
    with service.services.store.write() as unit:
        unit.forget_events(service.clock.now() + MINUTE, 1000)

    assert codes(service, id, task["id"]) == [(1, "unknown", None)]


def test_a_number_without_a_try_that_is_kept_is_said_to_be_so(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    task = service.task()
    with service.services.store.write() as unit:
        state = unit.follower_state(HOSPITAL, id)
        assert state
        unit.keep_follower_state(replace(state, told=1))
    service.work()

    assert codes(service, id, task["id"]) == [(1, "left-out", 1)]


def test_a_filter_that_is_no_search_any_longer_is_said_to_be_the_reason(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    with service.services.store.write() as unit:
        follower = unit.follower(HOSPITAL, id)
        assert follower
        unit.keep_follower(asking(follower, filters=["no-such=1"]))
    task = service.task()
    service.work()

    assert codes(service, id, task["id"]) == [(1, "unreadable", None)]
    (listed,) = [one for one in service.http.get("/subscriptions").json()["items"] if one["id"] == id]
    assert [fault["en"] for fault in listed["faults"]] == ["A filter can no longer be read, so nothing passes it."]


def alike(answers: Sequence[Any], *ids: str) -> list[str]:
    text = []
    for answer, id in zip(answers, ids, strict=True):
        text.append(answer.text.replace(id, "<id>"))
    return text


def test_what_is_closed_to_the_subscriber_is_answered_exactly_as_what_never_was(service: Here, endpoint: Hook) -> None:
    """Whether it was told before it was closed or not: page and JSON, byte for byte but for the id that was asked about."""
    id = service.follow(endpoint.url)
    with service.services.store.write() as unit:  # without login nobody is blocked by any name: it is given one
        follower = unit.follower(HOSPITAL, id)
        assert follower
        unit.keep_follower(asking(follower, who=[UNIT]))
    whose = patient(service)
    of: Body = {"for": {"reference": f"Patient/{whose}"}}
    told = service.task(**of)
    service.work()
    assert codes(service, id, told["id"]) == [(1, "told", 1)]
    service.post(block(whose, (ENH, UNIT)))
    not_told = service.task(**of)
    service.work()

    never = "00000000-0000-4000-8000-000000000000"
    for accept in ("application/json", "text/html"):
        answers = [
            service.http.get(f"/subscriptions/{id}", params={"about": f"Task/{name}"}, headers={"Accept": accept})
            for name in (told["id"], not_told["id"], never)
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        first, second, third = alike(answers, told["id"], not_told["id"], never)
        assert first == second == third
    events = service.http.get(f"/subscriptions/{id}").json()["lastEvents"]
    assert told["id"] not in str(events)


@pytest.mark.parametrize("about", ["Task/13910780123", "the referral", "Task/a b", "a/b/c d", "<script>"])
def test_what_names_no_resource_or_a_person_is_refused(service: Here, endpoint: Hook, about: str) -> None:
    id = service.follow(endpoint.url)

    answer = service.http.get(f"/subscriptions/{id}", params={"about": about})
    page = service.http.get(f"/subscriptions/{id}", params={"about": about}, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "invalid")
    assert "This names no resource" in page.text
    assert about not in page.text


def test_asking_writes_nothing_but_who_asked(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    task = service.task()
    with service.services.store.read() as unit:
        before = unit.follower_state(HOSPITAL, id), unit.attempts(HOSPITAL, id, 10), unit.changes_seen(10)
    why(service, id, task["id"])
    with service.services.store.read() as unit:
        after = unit.follower_state(HOSPITAL, id), unit.attempts(HOSPITAL, id, 10), unit.changes_seen(10)

    assert before == after
    assert [one for one in after[2] if isinstance(one, Seen)]
