"""The pages of the subscriptions: who follows, what is wrong and what to do, and what an operator may decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import html

from adapter.ports import Process
from tests.following.here import HOSPITAL, OTHER, Body, Here, Hook, here, hook, subscription

LATER = timedelta(minutes=6)  # than any next try
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SECRETS: Body = {"channel": {"header": ["X-Secret: hemmelig"]}}


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


@pytest.fixture
def endpoint() -> Iterator[Hook]:
    with hook() as listening:
        yield listening


def page(service: Here, path: str = "/subscriptions", organisation: str = HOSPITAL) -> html.HtmlElement:
    headers = {**PAGE, "X-Stafett-Organisation": organisation}
    return html.fromstring(service.http.get(path, headers=headers).raise_for_status().text)


def rows(read: html.HtmlElement, table: str) -> list[list[str]]:
    """Every row of a table, as it reads."""
    found = read.xpath(f"//table[@class='{table}']/tbody/tr")
    return [[" ".join(" ".join(cell.itertext()).split()) for cell in row.iter("td")] for row in found]


def followed(service: Here) -> list[list[str]]:
    """The rows of those that are not off."""
    return [one for one in rows(page(service), "followers") if not one[1].startswith("– off")]


def items(service: Here, **headers: str) -> list[Body]:
    return [one for one in service.http.get("/subscriptions", headers=headers).json()["items"] if one["stands"] != "off"]


def until_given_up(service: Here) -> None:
    for _ in range(5):
        service.work()
        service.clock.moment += LATER
    service.work()


def live(service: Here) -> None:
    with service.services.store.write() as unit:
        unit.beat(Process("w1", "worker", service.clock.now(), service.clock.now()))


def decide(service: Here, id: str, verb: str, **headers: str) -> int:
    return service.http.post(f"/subscriptions/{id}/{verb}", headers=headers).status_code


def test_none_is_said_to_be_so(service: Here) -> None:
    assert "There is none." in page(service, organisation=OTHER).text_content()


def test_who_follows_is_listed_with_how_it_stands_and_what_is_wrong_first(service: Here, endpoint: Hook) -> None:
    live(service)
    well = service.follow(endpoint.url, "task-change", "status=requested")
    with hook() as away:
        away.answer = lambda: (503, {})
        asked = service.follow(away.url, "pathway-event")
    service.task()
    service.work()

    first, second = followed(service)
    assert first[0].startswith("pathway-event to follow An event of a pathway is registered, corrected or retracted.")
    assert first[1].startswith("○ asked for, not confirmed yet")
    assert "Tries in vain in a row: 1. " in first[1]
    assert "503" in first[1]
    assert second[1].startswith("✓ active aktivt since 2026-")
    assert "status=requested" in second[0]
    assert second[2] == "last number 1 told up to 1 none waits"
    assert second[4:] == ["the next event"]
    shown = [(one["id"], one["stands"], one["waiting"]) for one in items(service)]
    assert shown == [(asked, "requested", 0), (well, "active", 0)]
    assert service.http.get("/subscriptions").json()["faults"] == []


def test_one_in_error_says_since_when_why_what_to_do_and_when_it_is_asked_again(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {})
    service.task()
    until_given_up(service)

    ((_, stands, counts, _, due),) = followed(service)
    assert stands.startswith("▲ in error i feil since 2026-")
    assert counts == "last number 1 told up to 0 1 waits"
    assert due.startswith("the endpoint is asked again endepunktet spørres igjen 2026-")
    assert "503" in stands
    assert "Call whoever runs it." in stands
    tries = rows(page(service, f"/subscriptions/{id}"), "tries")
    told = [(one[2], one[3]) for one in tries if one[1] == "event-notification"]
    assert told == [("1", "× given up"), *(("1", "‖ failed, tried again"),) * 2]
    assert tries[-1][1:4] == ["handshake", "–", "✓ sent"]
    assert all("503" in one[4] for one in tries[:-1])


def ended(service: Here, id: str) -> list[str]:
    """The row of one that is off."""
    address = f"/subscriptions/{id}"
    (found,) = page(service).xpath(f"//table[@class='followers']//tr[.//a/@href='{address}']")
    return [" ".join(" ".join(cell.itertext()).split()) for cell in found.iter("td")]


def test_one_that_ended_after_a_try_in_vain_was_not_in_error_and_nothing_of_it_waits(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {})
    for _ in range(2):
        service.task()
        service.work()
    service.put(service.read(f"Subscription/{id}") | {"status": "off"})

    _, stands, counts, _, due = ended(service, id)
    assert f"It ended with the last try in vain: {endpoint.url.split('/')[2]} answered 503." in stands
    assert "error" not in stands
    assert "tried again" not in stands
    assert (counts, due) == ("last number 2 told up to 0 2 were not told", "nothing")


def test_one_that_ended_in_error_is_said_to_have(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {})
    service.task()
    until_given_up(service)
    service.put(service.read(f"Subscription/{id}") | {"status": "off"})

    _, stands, counts, _, _ = ended(service, id)
    assert "It ended while it was in error: " in stands
    assert counts == "last number 1 told up to 0 1 was not told"


def test_which_one_it_is_is_told_by_its_topic_and_its_reason(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url, reason="The ward's list <b>")

    read = page(service, f"/subscriptions/{id}")
    assert [one.text_content() for one in read.iter("h1")] == ["task-change"]
    assert "The ward's list <b>" in read.xpath("//dl")[0].text_content()
    assert [one["reason"] for one in items(service)] == ["The ward's list <b>"]


def test_an_endpoint_is_shown_by_its_host_alone(service: Here, endpoint: Hook) -> None:
    id = service.follow(f"{endpoint.url}/skjult-sti?nokkel=skjult-nokkel", **SECRETS)
    service.task()
    service.work()

    for path in ("/subscriptions", f"/subscriptions/{id}"):
        for headers in (PAGE, {"Accept": "application/json"}):
            text = service.http.get(path, headers=headers).raise_for_status().text
            assert endpoint.url.split("/")[2] in text
            assert not [secret for secret in ("skjult-sti", "skjult-nokkel", "hemmelig") if secret in text]


def test_a_filter_that_may_name_a_person_is_shown_without_its_value(service: Here, endpoint: Hook) -> None:
    service.post({**subscription(endpoint.url), "criteria": "Patient?family=Hemmelig&active=true"})

    (one,) = items(service)
    assert (one["topic"], one["type"], one["filters"]) == (None, "Patient", ["family=…&active=…"])
    assert "Hemmelig" not in page(service).text_content()


def test_of_another_organisation_nothing_is_told_nor_that_it_is(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    other = {"X-Stafett-Organisation": OTHER}
    assert ([one["id"] for one in items(service)], items(service, **other)) == ([id], [])
    for path in (id, "nobody"):
        assert service.http.get(f"/subscriptions/{path}", headers=other).status_code == 404
        assert decide(service, path, "off", **other) == 404
        assert decide(service, path, "retry", **other) == 404


def test_without_a_worker_it_is_said_that_nobody_is_told(service: Here, endpoint: Hook) -> None:
    service.follow(endpoint.url)
    service.clock.moment += timedelta(minutes=2)

    assert "No worker lives, so nobody is told." in page(service).text_content()
    assert [one["en"] for one in service.http.get("/subscriptions").json()["faults"]] == ["No worker lives, so nobody is told."]
    live(service)
    assert "No worker lives" not in page(service).text_content()
    service.clock.moment += timedelta(minutes=2)
    assert "No worker lives" in page(service).text_content()


def test_an_endpoint_that_is_no_longer_allowed_is_said_to_be_so_before_anything_is_tried(tmp_path: Path, endpoint: Hook) -> None:
    with here(tmp_path) as service:
        service.follow(endpoint.url)
    with here(tmp_path, f"sqlite:///{tmp_path}/stafett.db", subscriptions={"private_hosts": ["10.0.0.1"]}) as later:
        (one,) = later.http.get("/subscriptions").json()["items"]

    assert one["stands"] == "active"
    assert "is not among the hosts that notifications may be sent to" in one["faults"][0]["en"]
    assert one["faults"][0]["action"]["nb"]


def test_an_operator_asks_an_endpoint_again_and_all_that_waited_is_told(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    assert decide(service, id, "retry") == 409  # it answers
    endpoint.answer = lambda: (503, {})
    service.task()
    until_given_up(service)
    endpoint.answer = lambda: (200, {})

    assert [form.get("action") for form in page(service, f"/subscriptions/{id}").forms] == [
        *(f"/subscriptions/{id}/{verb}" for verb in ("retry", "off")),
        f"/subscriptions/{id}",
    ]
    answer = service.http.post(f"/subscriptions/{id}/retry")
    assert (answer.status_code, answer.json()["status"]) == (202, "requested")
    assert decide(service, id, "retry") == 409  # it is being asked
    service.work()
    assert service.read(f"Subscription/{id}")["status"] == "active"
    assert endpoint.numbers() == [1]


def test_an_operator_turns_one_off_and_comes_back_to_its_page(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    refused = service.http.post(f"/subscriptions/{id}/off", headers={**PAGE, "Sec-Fetch-Site": "cross-site"})
    done = service.http.post(f"/subscriptions/{id}/off", headers={**PAGE, "Origin": service.base})

    assert refused.status_code == 403
    assert (done.status_code, done.headers["location"]) == (303, f"/subscriptions/{id}")
    assert service.read(f"Subscription/{id}")["status"] == "off"
    service.task()
    service.work()
    assert endpoint.numbers() == []
    for verb in ("off", "retry"):
        assert decide(service, id, verb) == 409
    assert [form.get("action") for form in page(service, f"/subscriptions/{id}").forms] == [f"/subscriptions/{id}"]
    assert service.read(f"Subscription/{id}")["meta"]["versionId"] == "3"  # requested, active, off


def test_the_page_explains_by_its_form_and_every_link_leads_somewhere(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url, "task-change", "status=completed")
    done, other = service.task("completed"), service.task()
    service.work()
    read = page(service, f"/subscriptions/{id}?about=Task/{other['id']}")

    (why,) = rows(read, "explained")
    assert why[1].startswith("A filter does not let it through.")
    assert why[1].endswith("not counted")
    assert "× status: it asks for completed; there stands requested." in why[2]
    assert [sign.get("aria-label") for sign in read.xpath("//ul[@class='checks']/li/span")] == ["holds", "does not hold"]
    assert read.xpath("//input[@id='about']/@value") == [f"Task/{other['id']}"]
    assert read.xpath("//label/@for") == ["about"]
    assert done["id"] in read.text_content()
    told = page(service, f"/subscriptions/{id}?about=Task/{done['id']}")
    assert [one.text_content().count("closed to the subscriber when it was told") for one in (read, told)] == [0, 1]
    for path in ("/subscriptions", f"/subscriptions/{id}"):
        for address in {a.get("href") for a in page(service, path).iter("a")} - {"#content"}:
            where = f"{path}{address}" if address.startswith("?") else address
            assert service.http.get(where, headers=PAGE).status_code == 200, where


def test_an_endpoint_that_is_away_disturbs_neither_readiness_nor_the_figures_of_others(service: Here, endpoint: Hook) -> None:
    service.follow(endpoint.url)
    endpoint.answer = lambda: (503, {"Retry-After": "3600"})
    service.task()
    service.work()
    service.clock.moment += timedelta(minutes=30)

    told = service.http.get("/metrics").text
    assert (service.http.get("/health/ready").status_code, 'to="subscriptions",state=' in told) == (200, False)
    assert 'stafett_subscription_event_oldest_seconds{status="active"} 1800.0' in told
    assert "Not arrived" not in service.http.get("/", headers=PAGE).text


def records(service: Here) -> list[Body]:
    """What the audit says, the newest last."""
    with service.services.store.read() as unit:
        return [json.loads(link.record.body) | {"about": link.record.about} for link in unit.audit_links(limit=10_000)]


def test_what_an_operator_looked_at_and_decided_is_written_down_with_whose_it_was(service: Here, endpoint: Hook) -> None:
    patient = service.post({"resourceType": "Patient", "active": True})["id"]
    of: Body = {"for": {"reference": f"Patient/{patient}"}}
    id, task = service.follow(endpoint.url), service.task(**of)
    service.http.get(f"/subscriptions/{id}", params={"about": task["id"]})
    looked = records(service)[-1]
    service.http.post(f"/subscriptions/{id}/off")
    decided = records(service)[-1]

    assert (looked["route"], looked["asked"]) == ("/subscriptions/{id}", [f"Subscription/{id}", f"Task/{task['id']}"])
    assert looked["about"] == (patient,)
    assert ["R", "Task", task["id"], 1, 0] in looked["seen"]
    assert (decided["route"], decided["status"], decided["about"]) == ("/subscriptions/{id}/off", 202, ())
    assert decided["seen"] == [["U", "Subscription", id, 3]]


def test_pages_and_programs_are_told_apart_by_what_they_take(service: Here) -> None:
    for accept, kind in (("*/*", "application/json"), ("application/json", "application/json"), (PAGE["Accept"], "text/html")):
        answer = service.http.get("/subscriptions", headers={"Accept": accept})
        assert answer.headers["content-type"].startswith(kind)
        assert "Accept" in answer.headers["vary"]
