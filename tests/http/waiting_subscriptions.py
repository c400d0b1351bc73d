"""Subscriptions under the ids that the OpenAPI document shows: one that was told of two changes, one in error, one that is off."""

from __future__ import annotations

import msgspec

from adapter.console.subscription_described import ACTIVE_ID, ALSO_ACTIVE_ID, ERROR_ID, OFF_ID
from adapter.fhir.described_following import ASKED, ENDPOINT, FOLLOWED
from adapter.ports import Clock, Follower, FollowerState, Happening, Store
from adapter.usecases.followers import Wanted
from tests.fhir.world import draft
from tests.http.real import HOSPITAL

HOSTS = ("epj.example",)
"""What the installation lets be called, for the document's examples; the worker that would call is not running."""
STANDING = {FOLLOWED: "active", ACTIVE_ID: "active", ALSO_ACTIVE_ID: "active", ERROR_ID: "error", OFF_ID: "off"}


def make(store: Store, clock: Clock) -> None:
    now = clock.now()
    asked = msgspec.json.encode(Wanted(topic="deadline-passed", endpoint=ENDPOINT))
    told = [Happening(number, now, "Task", f"t{number}", 1) for number in (1, 2)]
    with store.write() as unit:
        for id, status in STANDING.items():
            unit.put(HOSPITAL, [draft("Subscription", id, {**ASKED, "status": status})], now)
            unit.keep_follower(Follower(HOSPITAL, id, "Task", status, asked))
            unit.keep_follower_state(FollowerState(HOSPITAL, id, now, events=2, told=2))
            unit.add_events(HOSPITAL, id, told)
