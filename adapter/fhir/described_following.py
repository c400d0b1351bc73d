"""What the OpenAPI document says of Subscriptions: how one is made, how it stands, and what it was told.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapter.domain.identity import BASE
from adapter.failures import FHIR_JSON
from adapter.fhir.describing import NOTHING, ORGANISATION, PERSON, example, fault, in_path, operation, query, resource, yours
from adapter.fhir.following import MOST_EVENTS
from adapter.usecases.subscribing import BOUNDS, CONTENT, FILTER, PAYLOADS
from mappings.resources.notification import PACKAGE
from mappings.topics import TOPICS

FOLLOWED: Final = "5b3f6b0e-9a1f-4c58-9d5e-2f0c6f3f6a21"
ENDPOINT: Final = "https://epj.example/stafett"
ASKED: Final = {
    "resourceType": "Subscription",
    "meta": {"profile": [f"{PACKAGE}/backport-subscription"]},
    "status": "requested",
    "reason": "Frister som er overskredet, i arbeidslisten",
    "criteria": f"{BASE}/SubscriptionTopic/deadline-passed",
    "_criteria": {"extension": [{"url": FILTER, "valueString": "Task?status=requested"}]},
    "channel": {
        "type": "rest-hook",
        "endpoint": ENDPOINT,
        "payload": next(iter(PAYLOADS)),
        "_payload": {"extension": [{"url": CONTENT, "valueCode": "id-only"}]},
        "header": ["Authorization: Bearer synthetic"],
    },
}
PLAIN: Final = {
    "resourceType": "Subscription",
    "status": "requested",
    "reason": "Alle henvisninger",
    "criteria": "ServiceRequest?status=active",
    "channel": {"type": "rest-hook", "endpoint": ENDPOINT, "payload": next(iter(PAYLOADS))},
}
STANDING: Final = {
    "resourceType": "Parameters",
    "meta": {"profile": [f"{PACKAGE}/backport-subscription-status-r4"]},
    "parameter": [
        {"name": "subscription", "valueReference": {"reference": f"https://stafett.example/fhir/Subscription/{FOLLOWED}"}},
        {"name": "topic", "valueCanonical": ASKED["criteria"]},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": "query-status"},
        {"name": "events-since-subscription-start", "valueString": "212"},
    ],
}
METHODS: Final = ("get", "post")


def paths() -> dict[str, Any]:
    """The paths for the document."""
    return {
        "/fhir/Subscription": {"post": _subscribe()},
        "/fhir/Subscription/$status": {method: _statuses(method) for method in METHODS},
        "/fhir/Subscription/{id}/$status": {method: _status(method) for method in METHODS},
        "/fhir/Subscription/{id}/$events": {method: _events(method) for method in METHODS},
    }


def _subscribe() -> dict[str, Any]:
    topics = "\n".join(
        f"- `{topic.url}`: {topic.en} Filters: {', '.join(f'`{name}`' for name in topic.filters)}." for topic in TOPICS
    )
    bounds = ", ".join(f"`{url.rpartition('/')[2]}` {least} to {most}" for url, (least, most) in BOUNDS.items())
    examples = {
        "201-a-topic": example(201, "time limits that pass", ASKED),
        "201-plain": example(201, "every version of a type that is found by a search, as R4 has it", PLAIN),
        "422-no-topic": example(422, "a topic that is not offered", {**ASKED, "criteria": f"{BASE}/SubscriptionTopic/weather"}),
        "422-not-let": example(422, "an endpoint that is not let be called", _at("https://elsewhere.example/hook")),
    }
    content = {FHIR_JSON: {"schema": {"type": "object", "description": "A Subscription."}, "examples": examples}}
    return operation(
        "fhir_subscribe",
        "Follow",
        "The R5 subscriptions in R4: a rest-hook that is told where to look and no more (*id-only*, or *empty*). It is greeted "
        f"first, and active once it has answered. `criteria` is a topic, or a search of a type:\n\n{topics}\n\n"
        f"Extensions of the channel: {bounds}. Its headers are shown to nobody (`***`).",
        [ORGANISATION],
        {"201": resource("It is begun.", {**ASKED, "id": FOLLOWED}), **{str(code): fault(code) for code in (400, 413, 415, 422)}},
    ) | {"requestBody": {"required": True, "content": content}}


def _at(endpoint: str) -> dict[str, Any]:
    return {**PLAIN, "channel": {"type": "rest-hook", "endpoint": endpoint, "payload": next(iter(PAYLOADS))}}


def _statuses(method: str) -> dict[str, Any]:
    taken = {
        "id": ("Id of a Subscription; again for another.", FOLLOWED, PERSON),
        "status": ("requested, active, error or off; again for another.", "active", ""),
    }
    said = "Of all the organisation's, or of those with the ids and statuses asked for."
    return _called(method, "statuses", "How Subscriptions stand", said, taken, _standing())


def _status(method: str) -> dict[str, Any]:
    said = "Its status, how many events there have been, and why it is in error where it is."
    return _called(method, "status", "How a Subscription stands", said, {}, _standing(), one=True)


def _events(method: str) -> dict[str, Any]:
    taken = {
        "eventsSinceNumber": ("The first number; 1 without it.", "1", "first"),
        "eventsUntilNumber": ("The last number; the newest without it.", "20", "-1"),
        "content": ("empty or id-only; as the Subscription has it without it.", "id-only", "everything"),
    }
    said = (
        "Of events from one number to another, as a notification tells them. What a patient has closed to the caller is left out, "
        f"and what is older than the installation keeps is gone. At most {MOST_EVENTS} in an answer."
    )
    told = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": STANDING}]}
    return _called(method, "events", "What a Subscription was told", said, taken, told, one=True)


def _standing() -> dict[str, Any]:
    entry = {"fullUrl": "urn:uuid:0b7e7c34-5c54-4e7b-8d0a-0f8a4f0f7b11", "resource": STANDING, "search": {"mode": "match"}}
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [entry]}


Taken = Mapping[str, tuple[str, str, str]]
"""Name of a parameter -> what it is, a value that is right, and one that is wrong where there is one."""


def _called(
    method: str, name: str, summary: str, said: str, taken: Taken, answer: dict[str, Any], *, one: bool = False
) -> dict[str, Any]:
    """By GET or by POST; of `one` Subscription, or of the type."""
    of_yours = yours(200, "a Subscription", "/fhir/Subscription", FOLLOWED)
    ids = {"200-one": of_yours, "404-none": example(404, "no such Subscription", NOTHING)}
    path = [in_path("id", "Id of the Subscription.", ids)] if one else []
    asked = [_query(*each) for each in taken.items()] if method == "get" else []
    answers = {"200": resource("The answer.", answer), "400": fault(400), "404": fault(404)}
    described = operation(f"fhir_subscription_{name}_{method}", summary, said, [*path, *asked, ORGANISATION], answers)
    if method == "get":
        return described
    answers = {**described["responses"], **{str(code): fault(code) for code in (408, 413, 415)}}
    return {**described, "responses": answers, "requestBody": _body(taken)}


def _query(name: str, said: tuple[str, str, str]) -> dict[str, Any]:
    what, right, wrong = said
    examples = {"200-without": example(200, "without", None), "200-with": example(200, "with", right)}
    return query(name, what, examples | ({"400-wrong": example(400, "wrong", wrong)} if wrong else {}))


def _body(taken: Taken) -> dict[str, Any]:
    named = [{"name": name, "valueString": right} for name, (_, right, _) in taken.items()]
    wrong = {"resourceType": "Parameters", "parameter": [{"name": "colour", "valueString": "red"}]}
    right = {"resourceType": "Parameters", **({"parameter": named} if named else {})}
    examples = {"200-right": example(200, "right", right), "400-not-offered": example(400, "not offered", wrong)}
    return {"content": {FHIR_JSON: {"schema": {"type": "object", "description": "Parameters."}, "examples": examples}}}
