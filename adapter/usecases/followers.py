"""What is known of whoever follows, and what is put in the outbox for them.

There is one notification of each in the outbox at a time, in the order of the numbers: an endpoint that is slow or away holds up
itself alone, and finds all that happened meanwhile in its next ones.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from adapter.correlation import cause
from adapter.ports import NO_EVENTS, Follower, FollowerState, Happening, Outgoing, Unit
from adapter.r4 import json, xml
from adapter.usecases.writing import Body, body_of, draft
from mappings import times
from mappings.resources import notification
from mappings.resources.notification import Kind, Subject, Told
from mappings.topics import TOPICS, Topic

OUTBOX: Final = "subscriptions"
"""Stands for a hub in the outbox."""
MIME: Final = {"json": "application/fhir+json", "xml": "application/fhir+xml"}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody is to be told, and of what: of a topic, or without one of every version of a type. `filters` are searches of
    the type, `headers` go with each notification; `heartbeat` and `timeout` are seconds, 0 for none and the usual; `most` are the
    events in one notification, `who` the names by which patients may have blocked the subscriber.
    """

    topic: str
    endpoint: str
    filters: list[str] = []
    payload: str = "json"
    focus: bool = True
    headers: dict[str, str] = {}
    heartbeat: int = 0
    timeout: int = 0
    most: int = 20
    end: str = ""
    who: list[str] = []

    @property
    def host(self) -> str:
        """Where the endpoint is, which may be told; its path and query may be secrets."""
        return urlsplit(self.endpoint).netloc.rpartition("@")[2]


def wanted_of(follower: Follower) -> Wanted:
    return msgspec.json.decode(follower.asked, type=Wanted)


def without_secrets(follower: Follower) -> Follower:
    """One that is off, without what was kept only for telling it: the endpoint's secrets, and whom patients may have blocked."""
    return replace(follower, asked=msgspec.json.encode(msgspec.structs.replace(wanted_of(follower), headers={}, who=[])))


def topic_named(name: str) -> Topic | None:
    return next((topic for topic in TOPICS if topic.name == name), None)


def key_of(tenant: str, id: str) -> str:
    """The outbox key of a follower. The store knows its form."""
    return f"subscription|{tenant}|{id}"


def subject(follower: Follower, standing: FollowerState, base: str, status: str = "") -> Subject:
    """Who is told, as a notification says it."""
    topic = topic_named(wanted_of(follower).topic)
    return Subject(base, follower.id, topic.url if topic else "", status or follower.status, standing.events, standing.error)


def told(event: Happening) -> Told:
    return Told(event.number, event.moment, event.type, event.id, event.version)


def greet(unit: Unit, follower: Follower, standing: FollowerState, now: datetime, base: str) -> None:
    """Ask the endpoint whether it is there; whatever else was on its way to it is not any more."""
    unit.drop_outgoing(key_of(follower.tenant, follower.id))
    _put_out(unit, follower, replace(standing, underway=NO_EVENTS, due=ends(wanted_of(follower))), "handshake", (), now, base)


def beat(unit: Unit, follower: Follower, standing: FollowerState, now: datetime, base: str) -> None:
    """Say that there is nothing to say."""
    _put_out(unit, follower, replace(standing, underway=NO_EVENTS, due=ends(wanted_of(follower))), "heartbeat", (), now, base)


def tell_next(unit: Unit, follower: Follower, standing: FollowerState, now: datetime, base: str) -> FollowerState:
    """Put the next events in the outbox, where nothing is there yet; the standing as it is kept then.

    What a patient has closed to the subscriber since it was counted is passed over: its number is missing, and no notification
    spans it, so that what is found closed in one that is on its way was closed meanwhile.
    """
    wanted = wanted_of(follower)
    while follower.status == "active" and not standing.underway and standing.told < standing.events:
        events = unit.follower_events(follower.tenant, follower.id, standing.told + 1, standing.events, wanted.most)
        open_, told_of = _first_of(events, shown_of(unit, follower, wanted, events))
        if open_:
            return _put_out(
                unit, follower, replace(standing, underway=told_of[-1].number), "event-notification", told_of, now, base
            )
        standing = replace(standing, told=told_of[-1].number if told_of else standing.events)
    unit.keep_follower_state(standing)
    return standing


def _first_of(events: Sequence[Happening], shown: Sequence[Happening]) -> tuple[bool, list[Happening]]:
    """The first events that are all to be told, or all not; and which."""
    for open_, some in groupby(events, shown.__contains__):
        return open_, list(some)
    return False, []


def shown_of(unit: Unit, follower: Follower, wanted: Wanted, events: Sequence[Happening]) -> list[Happening]:
    """The events that are about nobody who blocks the subscriber."""
    hidden = unit.closed_to(follower.tenant, wanted.who)
    return [event for event in events if event.patient not in hidden]


def _put_out(
    unit: Unit, follower: Follower, standing: FollowerState, kind: Kind, events: Sequence[Happening], now: datetime, base: str
) -> FollowerState:
    wanted = wanted_of(follower)
    said = notification.bundle(subject(follower, standing, base), kind, now, [*map(told, events)], focus=wanted.focus)
    unit.enqueue(
        Outgoing(
            id=str(uuid.uuid4()),
            tenant=follower.tenant,
            key=key_of(follower.tenant, follower.id),
            hub=OUTBOX,
            kind="notification",
            message_id="",
            hub_id=None,
            sender=follower.tenant,
            receiver=wanted.host,
            body=xml.encode(said) if wanted.payload == "xml" else json.encode(said),
            content_type=MIME[wanted.payload],
            created=now,
            msg_id=kind,
            about=f"Subscription/{follower.id}",
            cause=cause(),
        )
    )
    unit.keep_follower_state(standing)
    return standing


def next_due(wanted: Wanted, now: datetime) -> datetime | None:
    """When something is to be done of which no event tells: a heartbeat, or the end."""
    beats = [now + timedelta(seconds=wanted.heartbeat)] if wanted.heartbeat else []
    return min([*beats, *([ending] if (ending := ends(wanted)) else [])], default=None)


def ends(wanted: Wanted) -> datetime | None:
    """When the subscription ends by itself."""
    return times.moment(wanted.end)


def set_status(unit: Unit, follower: Follower, status: str, error: str, now: datetime, base: str) -> Follower:
    """Give the Subscription another status, for all to see, with what is wrong where something is."""
    changed = replace(follower, status=status)
    unit.keep_follower(without_secrets(changed) if status == "off" else changed)
    stored = unit.read(follower.tenant, "Subscription", follower.id)
    if stored is not None:
        body: Body = {name: value for name, value in body_of(stored).items() if name != "error"} | {"status": status}
        said: dict[str, Any] = {"error": error} if error else {}
        unit.put(follower.tenant, [draft("Subscription", follower.id, body | said, base)], now)
    return changed
