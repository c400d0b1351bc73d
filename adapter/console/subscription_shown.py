"""A subscription as programs and pages show it: never a path, a query, a header or a person's data.

>>> shown_filter("Task", "Task?status=requested&patient:identifier=x|1"), shown_filter("Patient", "name=Hansen")
('status=requested&patient:identifier=…', 'name=…')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from adapter.domain.coordination import Text
from adapter.ports import Attempt, Happening
from adapter.security.trail import is_telling
from adapter.usecases.explain_telling import Explanation
from adapter.usecases.journal import masked
from adapter.usecases.see_followers import Standing, due

CODED: Final = re.compile(r"[A-Za-z0-9._:/|,$-]*")
STANDS: Final = {
    "requested": ("○", Text("bedt om, ikke bekreftet ennå", "asked for, not confirmed yet"), "received"),
    "active": ("✓", Text("aktivt", "active"), "processed"),
    "failing": ("‖", Text("aktivt, siste forsøk var forgjeves", "active, the last try was in vain"), "quarantined"),
    "error": ("▲", Text("i feil", "in error"), "refused"),
    "off": ("–", Text("av", "off"), ""),
}
"""How it stands: a sign, words, and the colour of messages that stand as well or as badly."""
NO_WORKER: Final = (
    Text("Ingen arbeider lever, så ingen varsles.", "No worker lives, so nobody is told."),
    Text("Start en (stafett serve --roles worker).", "Start one (stafett serve --roles worker)."),
)


def shown_filter(type: str, text: str) -> str:
    """A filter, its values only where they tell of no person."""
    return "&".join(_pair(name, value) for name, value in parse_qsl(text.removeprefix(f"{type}?"), keep_blank_values=True))


def _pair(name: str, value: str) -> str:
    told = is_telling(name) and CODED.fullmatch(value) and masked(value) == value
    return f"{masked(name)}={value if told else '…'}"


def name_of(one: Standing) -> str:
    """The topic that it follows, or the type."""
    return one.topic.name if one.topic else one.follower.type


def topic(one: Standing) -> Text:
    """What it follows, in words."""
    if one.topic:
        return Text(one.topic.nb, one.topic.en)
    return Text(f"Hver versjon av {one.follower.type}.", f"Every version of {one.follower.type}.")


def listed(one: Standing) -> dict[str, Any]:
    """A subscription as JSON has it."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in _listed(one)}


def _listed(one: Standing) -> Iterator[tuple[str, Any]]:
    follower, state, next_thing = one.follower, one.state, due(one)
    yield from (("id", follower.id), ("organisation", follower.tenant), ("topic", one.wanted.topic or None))
    yield ("reason", one.reason)
    yield from (("type", follower.type), ("filters", [shown_filter(follower.type, text) for text in one.wanted.filters]))
    yield from (("host", one.wanted.host), ("status", follower.status), ("stands", one.stands), ("since", one.since))
    yield from (("events", state.events), ("told", state.told), ("waiting", one.untold), ("failures", state.failures))
    yield from (("reached", state.reached), ("due", next_thing[0] if next_thing else None))
    yield ("next", next_thing[1].en if next_thing else None)
    yield ("faults", [{**_two(fault.why), "action": _two(fault.to_do)} for fault in one.faults])


def whole(one: Standing, attempts: list[Attempt], events: list[Happening], why: Explanation | None) -> dict[str, Any]:
    """One with what came of telling it, and why it was, or was not, told of what is asked about."""
    shown = {"attempts": [_attempt(tried) for tried in attempts], "lastEvents": [_event(event) for event in events]}
    return {**listed(one), **shown, "why": _why(why) if why else None}


def _attempt(tried: Attempt) -> dict[str, Any]:
    numbers = {"first": tried.first or None, "last": tried.last or None}
    said = {"kind": tried.kind, **numbers, "outcome": tried.outcome, "why": tried.why, "milliseconds": tried.milliseconds}
    return {"moment": tried.moment.isoformat(), **said}


def _event(event: Happening) -> dict[str, Any]:
    return {
        "number": event.number,
        "moment": event.moment.isoformat(),
        "about": f"{event.type}/{event.id}",
        "version": event.version,
    }


def _why(why: Explanation) -> dict[str, Any]:
    versions = [
        {
            "version": one.version,
            "moment": one.moment.isoformat(),
            "code": one.code,
            "number": one.number,
            **_two(one.said),
            "checks": [{"met": check.met, **_two(check.said)} for check in one.checks],
        }
        for one in why.versions
    ]
    return {"about": why.about, **_two(why.said), "versions": versions}


def _two(said: Text) -> dict[str, str]:
    return {"en": said.en, "nb": said.nb}
