"""$status and $events: how a Subscription stands, and what it was told, for whoever has missed some of it.

https://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-status.html and
OperationDefinition-backport-subscription-events.html. Both answer also while a subscription is in error: events are counted on.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.fhir.face import Answer, Asked, Face, invalid, not_found
from adapter.fhir.inputs import inputs
from adapter.ports import Follower, FollowerState, Unit
from adapter.r4 import json
from adapter.usecases.followers import shown_of, subject, told, wanted_of
from mappings.resources import notification
from mappings.resources.notification import Told

MOST_EVENTS: Final = 1_000
"""In one answer; who wants more asks again from where it ends."""


def status(face: Face, asked: Asked, data: bytes) -> Answer:
    """A Bundle of how the Subscription stands, or all of the organisation's, or those with the ids and statuses asked for."""
    given = inputs(asked, data, {"id": "texts", "status": "texts"})  # which are ignored where one is asked about
    with asked.store.read() as unit:
        if asked.id:
            found = [_follower(unit, asked)]
        else:
            ids, statuses = given.texts("id"), given.texts("status")
            found = [
                one
                for one in unit.followers([asked.caller.tenant])
                if (not ids or one.id in ids) and (not statuses or one.status in statuses)
            ]
        entries = [_entry(face, follower, _state(unit, follower)) for follower in found]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return Answer(200, json.encode({**bundle, **({"entry": entries} if entries else {})}))


def events(face: Face, asked: Asked, data: bytes) -> Answer:
    """The events from one number to another, as a notification would tell them; what is closed to the caller now is left out.

    What is older than the installation keeps is gone: then the first number is a later one. `content` is a hint: more than where to
    look is never given. Who got `MOST_EVENTS` asks again from behind the last.
    """
    given = inputs(asked, data, {"eventsSinceNumber": "text", "eventsUntilNumber": "text", "content": "text"})
    first = _number("eventsSinceNumber", given.text("eventsSinceNumber"), 1)
    last = _number("eventsUntilNumber", given.text("eventsUntilNumber"), 2**62)
    content = given.text("content")
    if content not in ("", "empty", "id-only", "full-resource"):
        en, nb = "content is empty, id-only or full-resource.", "content er empty, id-only eller full-resource."
        raise invalid("content", en, nb)
    with asked.store.read() as unit:
        follower = _follower(unit, asked)
        state, wanted = _state(unit, follower), wanted_of(follower)
        closed = unit.closed_to(follower.tenant, asked.caller.blocked_as)
        said: list[Told] = []
        while first <= last and len(said) < MOST_EVENTS:
            found = unit.follower_events(follower.tenant, follower.id, first, last, MOST_EVENTS)
            if not found:
                break
            shown = [told(event) for event in shown_of(unit, follower, wanted, found) if event.patient not in closed]
            said += shown[: MOST_EVENTS - len(said)]
            first = found[-1].number + 1
    focus = content != "empty" and (wanted.focus or content != "")
    of = subject(follower, state, face.base)
    return Answer(200, json.encode(notification.bundle(of, "query-event", face.clock.now(), said, focus=focus)))


def _follower(unit: Unit, asked: Asked) -> Follower:
    found = unit.follower(asked.caller.tenant, asked.id)
    if found is None:
        raise not_found()
    return found


def _state(unit: Unit, follower: Follower) -> FollowerState:
    found = unit.follower_state(follower.tenant, follower.id)
    assert found  # noqa: S101 - tells the type checker: both are kept together
    return found


def _entry(face: Face, follower: Follower, state: FollowerState) -> dict[str, Any]:
    said = notification.status(subject(follower, state, face.base), "query-status")
    return {"fullUrl": f"urn:uuid:{said['id']}", "resource": said, "search": {"mode": "match"}}


def _number(name: str, text: str, usual: int) -> int:
    """An event's number. A text in R4, whose integers end at 2,147,483,647."""
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise invalid(name, f"{name} is a whole number.", f"{name} er et helt tall.")
    return int(text)
