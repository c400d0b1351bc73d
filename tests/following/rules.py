"""What a client's writes go by, for a client of the test's own making."""

from __future__ import annotations

from uuid import uuid4

from adapter.partners.endpoints import Allowed, headers_of
from adapter.r4.checker import check
from adapter.usecases.writing import Follow, Rules, Subscriber
from adapter.wiring import make_matching
from tests.following.here import Here


def rules_of(service: Here, subscriber: Subscriber) -> Rules:
    base = f"{service.base}/fhir"
    follow = Follow(Allowed(private=frozenset({"127.0.0.1:*"})).fault, headers_of)
    return Rules(check, make_matching(base), lambda: str(uuid4()), base=base, follow=follow, subscriber=subscriber)
