"""Who follows is told, in order and of everything, by https://hl7.org/fhir/uv/subscriptions-backport/."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from lxml import etree

from adapter.domain.identity import BASE
from adapter.usecases.watch_deadlines import watch
from adapter.usecases.writing import draft
from mappings.topics import TOPICS
from tests.fhir.epj import Epj
from tests.following.here import HOSPITAL, OTHER, PACKAGE, Here, Hook, events, hook, numbers, parameters, said, subscription

Body = dict[str, Any]

ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def test_an_endpoint_is_greeted_and_then_told_where_to_look_and_no_more(on_both: Here, endpoint: Hook) -> None:
    id = on_both.follow(endpoint.url)
    assert on_both.read(f"Subscription/{id}")["status"] == "active"
    (greeting,) = endpoint.bundles("handshake")
    assert said(greeting, "subscription") == {"reference": f"{on_both.base}/fhir/Subscription/{id}"}
    assert said(greeting, "topic") == f"{BASE}/SubscriptionTopic/task-change"
    assert greeting["entry"][1:] == []
    task = on_both.task(description="Snakk med Kari om onsdag")
    on_both.work()
    (bundle,) = endpoint.bundles()
    assert (bundle["type"], said(bundle, "status"), said(bundle, "events-since-subscription-start")) == ("history", "active", "1")
    (event,) = events(bundle)
    assert (event["event-number"], event["focus"]) == ("1", {"reference": f"{on_both.base}/fhir/Task/{task['id']}"})
    # https://hl7.org/fhir/uv/subscriptions-backport/payloads.html#id-only: an entry with its address, and no resource
    assert bundle["entry"][1:] == [
        {
            "fullUrl": f"{on_both.base}/fhir/Task/{task['id']}",
            "request": {"method": "POST", "url": "Task"},
            "response": {"status": "201"},
        }
    ]
    assert b"Kari" not in b"".join(body for _, body in endpoint.told)


def test_every_change_is_told_once_and_in_order_however_many_write_at_once(on_both: Here, endpoint: Hook) -> None:
    """The law: the numbers that come are 1, 2, 3 …, and the resources are those that were written."""
    on_both.follow(endpoint.url)
    made: list[str] = []

    def write() -> None:
        made.extend(on_both.task()["id"] for _ in range(10))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        on_both.work()
    on_both.work()
    assert endpoint.numbers() == list(range(1, 41))
    told = [event["focus"]["reference"].rpartition("/")[2] for bundle in endpoint.bundles() for event in events(bundle)]
    assert sorted(told) == sorted(made)


def test_each_topic_tells_of_its_own(service: Here, endpoint: Hook) -> None:
    """By hand: a pathway that begins and is attended has two events and is in two phases; its first time limit passes later."""
    ids = {topic.name: service.follow(endpoint.url, topic.name) for topic in TOPICS}
    endpoint.told.clear()
    epj = Epj(cast(Any, service))
    pathway = epj.register(("D11A", "2026-05-18"), ("D11M", "2026-05-19"))
    service.work()
    assert [event["focus"]["reference"] for event in _of(service, endpoint, ids["pathway-event"])] == [
        f"{service.base}/fhir/Observation/{one['id']}" for one in sorted(epj.events(), key=lambda one: one["effectiveDateTime"])
    ]
    phases = _of(service, endpoint, ids["pathway-change"])
    assert [event["focus"]["reference"] for event in phases] == [f"{service.base}/fhir/EpisodeOfCare/{pathway}"] * 2
    assert _of(service, endpoint, ids["deadline-passed"]) == []
    assert _of(service, endpoint, ids["task-change"]) != []


def test_a_passed_time_limit_is_told_once(service: Here, endpoint: Hook) -> None:
    """A pathway that began in 2024 follows the rules of 2019, whose lengths are known."""
    service.clock.moment = datetime(2024, 5, 21, 10, tzinfo=UTC)
    service.follow(endpoint.url, "deadline-passed")
    epj = Epj(cast(Any, service))
    pathway = epj.register(("D11A", "2024-05-20"), ("D11M", "2024-05-21"))
    service.work()
    assert endpoint.bundles() == []
    late = service.clock.moment + timedelta(days=200)
    for day in (0, 1):
        service.clock.moment = late + timedelta(days=day)
        watch(service.services.store, [HOSPITAL], service.clock.moment, base=f"{service.base}/fhir")
        service.work()
    overdue = [task for task in epj.tasks(pathway) if "overdue" in str(task.get("businessStatus"))]
    told = [event["focus"]["reference"].rpartition("/")[2] for bundle in endpoint.bundles() for event in events(bundle)]
    assert sorted(told) == sorted(task["id"] for task in overdue) != []


def _of(service: Here, endpoint: Hook, id: str) -> list[Body]:
    mine = [b for b in endpoint.bundles() if said(b, "subscription")["reference"].endswith(f"/{id}")]
    return [event for bundle in mine for event in events(bundle)]


def test_filters_narrow_and_all_of_them_hold(service: Here, endpoint: Hook) -> None:
    service.follow(endpoint.url, "task-change", "Task?status=requested,accepted", "Task?intent=order&priority:not=urgent")
    service.task("draft")
    service.task("requested", priority="urgent")
    wanted = service.task("accepted")
    service.work()
    (bundle,) = endpoint.bundles()
    assert [event["focus"]["reference"].rpartition("/")[2] for event in events(bundle)] == [wanted["id"]]


def test_r4_s_own_criteria_follow_every_version_of_a_type(service: Here, endpoint: Hook) -> None:
    """https://hl7.org/fhir/R4/subscription.html: criteria is a search; a version that matches it is told of."""
    body = subscription(endpoint.url)
    del body["channel"]["_payload"]
    service.post({**body, "criteria": "Encounter?status=in-progress"})
    service.work()
    encounter = {"resourceType": "Encounter", "class": {"code": "AMB"}}
    service.post({**encounter, "status": "planned"})
    begun = service.post({**encounter, "status": "in-progress"})
    service.work()
    (bundle,) = endpoint.bundles()
    assert [event["focus"]["reference"].rpartition("/")[2] for event in events(bundle)] == [begun["id"]]
    assert "topic" not in [one["name"] for one in parameters(bundle)]


def test_another_organisation_s_changes_are_told_to_nobody_here(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    service.post({"resourceType": "Task", "status": "requested", "intent": "order"}, organisation=OTHER)
    service.work()
    assert endpoint.bundles() == []
    assert service.state(id).events == 0
    for path in (f"Subscription/{id}/$status", f"Subscription/{id}/$events", f"Subscription/{id}"):
        assert service.http.get(f"/fhir/{path}", headers={"X-Stafett-Organisation": OTHER}).status_code == 404
    assert service.http.get("/fhir/Subscription/$status", headers={"X-Stafett-Organisation": OTHER}).json()["total"] == 0


def test_many_changes_come_in_few_notifications_of_as_many_as_are_wanted(service: Here, endpoint: Hook) -> None:
    most = {"url": f"{PACKAGE}/backport-max-count", "valuePositiveInt": 4}
    service.follow(endpoint.url, channel={"extension": [most]})
    for _ in range(10):
        service.task()
    service.work()
    assert [numbers(bundle) for bundle in endpoint.bundles()] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_xml_is_told_in_xml(service: Here, endpoint: Hook) -> None:
    service.follow(endpoint.url, channel={"payload": "application/fhir+xml"})
    service.task()
    service.work()
    assert {headers["content-type"] for headers, _ in endpoint.told} == {"application/fhir+xml"}
    root = etree.fromstring(endpoint.told[-1][1])
    kinds = [one.get("value") for one in root.iter("{http://hl7.org/fhir}valueCode")]
    assert kinds == ["active", "event-notification"]


def test_empty_tells_that_something_happened_and_not_what(service: Here, endpoint: Hook) -> None:
    service.follow(endpoint.url, content="empty")
    service.task()
    service.work()
    (bundle,) = endpoint.bundles()
    assert numbers(bundle) == [1]
    assert b"Task/" not in endpoint.told[-1][1]
    # the profile of the status, at topic: it should not be present when using empty payloads
    assert not [body for _, body in endpoint.told if b'"topic"' in body]


def test_a_heartbeat_comes_when_nothing_happens_and_the_end_ends_it(service: Here, endpoint: Hook) -> None:
    beat = {"url": f"{PACKAGE}/backport-heartbeat-period", "valueUnsignedInt": 60}
    end = service.clock.moment + timedelta(seconds=150)
    id = service.follow(endpoint.url, channel={"extension": [beat]}, end=end.isoformat())
    for seconds, beats in ((59, 0), (2, 1), (58, 1), (3, 2)):
        service.clock.moment += timedelta(seconds=seconds)
        service.work()
        assert len(endpoint.bundles("heartbeat")) == beats
    service.clock.moment = end + timedelta(seconds=1)
    service.work()
    assert service.read(f"Subscription/{id}")["status"] == "off"
    service.task()
    service.work()
    assert endpoint.bundles() == []


def test_one_that_was_kept_before_anybody_was_told_is_greeted_first(service: Here, endpoint: Hook) -> None:
    id, body = "5b000000-0000-4000-8000-000000000002", subscription(endpoint.url) | {"status": "active"}
    kept = draft("Subscription", id, body, f"{service.base}/fhir")
    service.services.store.run(lambda unit: unit.put(HOSPITAL, [kept], service.clock.now()))
    service.put(service.read(f"Subscription/{id}"), 422)
    service.put(service.read(f"Subscription/{id}") | {"status": "requested"})
    service.work()
    assert len(endpoint.bundles("handshake")) == 1


def test_how_one_stands_is_told_whatever_ids_and_statuses_are_asked_for(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    found = service.read(f"Subscription/{id}/$status?id={HOSPITAL}&status=off")  # the guide: ignored at the instance level
    assert said(found, "status") == "active"
    assert service.read("Subscription/$status?status=off")["total"] == 0


def test_what_was_missed_is_asked_for_by_number(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    for _ in range(5):
        service.task()
    service.work()
    answer = service.http.get(
        f"/fhir/Subscription/{id}/$events", params={"eventsSinceNumber": "2", "eventsUntilNumber": "4"}
    ).json()
    assert (said(answer, "type"), numbers(answer), len(answer["entry"])) == ("query-event", [2, 3, 4], 4)
    asked = {"resourceType": "Parameters", "parameter": [{"name": "eventsSinceNumber", "valueString": "4"}]}
    assert numbers(service.http.post(f"/fhir/Subscription/{id}/$events", json=asked).json()) == [4, 5]
    status = service.http.get(f"/fhir/Subscription/{id}/$status").json()
    assert [one["valueString"] for one in parameters(status) if one["name"] == "events-since-subscription-start"] == ["5"]
    assert service.http.get("/fhir/Subscription/$status", params={"status": "off"}).json()["total"] == 0
    assert service.http.get(f"/fhir/Subscription/{id}/$events", params={"eventsSinceNumber": "-1"}).status_code == 400


def test_who_has_had_enough_is_told_nothing_more(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    service.task()
    service.put(service.read(f"Subscription/{id}") | {"status": "off"})
    service.work()
    service.task()
    service.work()
    assert endpoint.bundles() == []
    service.put(service.read(f"Subscription/{id}") | {"status": "requested"})
    wanted = service.task()
    service.work()
    told = [event["focus"]["reference"] for bundle in endpoint.bundles() for event in events(bundle)]
    assert told == [f"{service.base}/fhir/Task/{wanted['id']}"]


def test_a_secret_is_sent_and_shown_to_nobody(service: Here, endpoint: Hook, capfd: pytest.CaptureFixture[str]) -> None:
    id = service.follow(endpoint.url, channel={"header": ["Authorization: Bearer hemmelig"]})
    assert endpoint.told[0][0]["authorization"] == "Bearer hemmelig"
    kept = service.read(f"Subscription/{id}")
    assert kept["channel"]["header"] == ["Authorization: ***"]
    service.put({**kept, "reason": "another"})  # the mask stands for what is kept
    service.task()
    service.work()
    assert endpoint.told[-1][0]["authorization"] == "Bearer hemmelig"
    moved = {**kept, "status": "requested", "channel": {**kept["channel"], "endpoint": endpoint.url + "/other"}}
    moved["meta"] = service.read(f"Subscription/{id}")["meta"]
    service.put(moved, 422)  # whoever may change the address does not learn it so
    out, err = capfd.readouterr()
    seen = [out, err, str(service.attempts(id)), service.http.get("/fhir/Subscription/_history").text]
    with service.services.store.read() as unit:
        seen += [str(row) for row in unit.deliveries([HOSPITAL])]
    assert "hemmelig" not in "".join(seen)


def test_one_that_hangs_holds_up_no_other(service: Here, endpoint: Hook) -> None:
    """Two seconds is what each is given; the others are told meanwhile."""
    with hook() as slow:
        hangs = service.follow(slow.url)
        service.follow(endpoint.url)
        slow.answer = lambda: (time.sleep(1.5), (200, {}))[1]
        service.task()
        notifier, began = service.services.notifier, time.monotonic()
        while not endpoint.bundles():
            notifier.round()
            assert time.monotonic() - began < 1.4, "it waited for the other"
            time.sleep(0.005)
        service.work()
        assert slow.numbers() == [1]
    assert service.state(hangs).told == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"criteria": f"{BASE}/SubscriptionTopic/anything"}, "Subscription.criteria"),
        ({"status": "active"}, "Subscription.status"),
        ({"end": "2026-01-01T00:00:00Z"}, "Subscription.end"),
        ({"end": "2026-12-31T23:59:60Z"}, "Subscription.end"),  # a leap second, which no clock of ours has
        ({"end": "9999-12-31T23:59:59-14:00"}, "Subscription.end"),  # which UTC has no year for
        ({"channel": {"type": "email"}}, "Subscription.channel.type"),
        ({"channel": {"payload": "text/plain"}}, "Subscription.channel.payload"),
        ({"content": "full-resource"}, "Subscription.channel.payload"),
        ({"channel": {"header": ["Host: evil.example"]}}, "Subscription.channel.header[0]"),
        ({"channel": {"header": ["Authorization: ***"]}}, "Subscription.channel.header"),
        ({"filters": ["Task?code:in=x"]}, "Subscription.criteria"),
        ({"filters": ["Task?patient.family=Hansen"]}, "Subscription.criteria"),
        ({"filters": ["Task?patient:identifier=21858999992"]}, "Subscription.criteria"),
        ({"filters": ["Task?identifier=218589-99992"]}, "Subscription.criteria"),
        ({"filters": ["Task?identifier=http://a|%3218589  99992"]}, "Subscription.criteria"),
        ({"filters": ["Task?identifier=21858999992|"]}, "Subscription.criteria"),
        ({"filters": ["Task?patient:identifier=urn:oid:2.16.578.1.12.4.1.4.1|x"]}, "Subscription.criteria"),
        ({"channel": {"endpoint": "http://127.0.0.1:9/hook?of=218589%2099992"}}, "Subscription.channel.endpoint"),
        ({"filters": ["Task?_has:Provenance:target:recorded=gt2026"]}, "Subscription.criteria"),
        ({"filters": ["Task?authored-on=gt2026"]}, "Subscription.criteria"),
        ({"filters": ["Patient?family=Hansen"]}, "Subscription.criteria"),
        ({"filters": ["Task?status=draft"] * 11}, "Subscription.criteria"),
        (
            {"channel": {"extension": [{"url": f"{PACKAGE}/backport-heartbeat-period", "valueUnsignedInt": 1}]}},
            "Subscription.channel.extension",
        ),
        (
            {"channel": {"extension": [{"url": f"{PACKAGE}/backport-timeout", "valueBoolean": True}]}},
            "Subscription.channel.extension",
        ),
        # an extension may stand where a value does (https://hl7.org/fhir/R4/json.html#primitive)
        ({"status": None, "_status": ABSENT}, "Subscription.status"),
        ({"criteria": None, "_criteria": ABSENT}, "Subscription.criteria"),
        ({"channel": {"header": [None], "_header": [ABSENT]}}, "Subscription.channel.header[0]"),
    ],
)
def test_what_is_wrong_with_a_subscription_is_told_with_its_place(
    service: Here, endpoint: Hook, change: Callable[..., Any] | dict[str, Any], where: str
) -> None:
    filters = cast(dict[str, Any], change).pop("filters", [])
    asked = subscription(endpoint.url, "task-change", *filters, **cast(dict[str, Any], change))
    body = {name: value for name, value in asked.items() if value is not None}
    outcome = service.post(body, 422)
    assert where in [place for issue in outcome["issue"] for place in issue.get("expression", [])]
    assert endpoint.told == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254/latest/meta-data",  # B077
        "http://10.0.0.1/hook",
        "http://[fd00::1]/hook",
        "https://epj.example.no.evil.example/hook",  # B078: a prefix of an allowed host is another host
        "https://epj.example.no@evil.example/hook",
        "https://evil.example/hook#https://epj.example.no",
        "ftp://epj.example.no/hook",
        "/hook",
    ],
)
def test_an_endpoint_that_is_not_allowed_is_refused_and_never_called(service: Here, endpoint: str) -> None:
    outcome = service.post(subscription(endpoint), 422)
    assert {place for issue in outcome["issue"] for place in issue["expression"]} == {"Subscription.channel.endpoint"}
    service.work()
    assert service.http.get("/fhir/Subscription").json()["total"] == 0
