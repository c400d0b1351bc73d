"""Who follows is told, in order and of everything, by https://hl7.org/fhir/uv/subscriptions-backport/."""

from __future__ import annotations

from tests.following.here import Here, Hook, events, numbers, said


def test_an_endpoint_is_greeted_and_then_told(service: Here, endpoint: Hook) -> None:
    id = service.follow(endpoint.url)
    assert service.read(f"Subscription/{id}")["status"] == "active"
    (greeting,) = endpoint.bundles("handshake")
    assert said(greeting, "subscription") == {"reference": f"{service.base}/fhir/Subscription/{id}"}
    task = service.task()
    service.work()
    (bundle,) = endpoint.bundles()
    (event,) = events(bundle)
    assert event["focus"] == {"reference": f"{service.base}/fhir/Task/{task['id']}"}
    assert numbers(bundle) == [1]
    assert "resource" not in bundle["entry"][1]
