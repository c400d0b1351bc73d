"""What the OpenAPI document says of subscriptions: schemas, and examples of answers.

The ids of the examples are those of subscriptions that a test makes; elsewhere they are found by GET /subscriptions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from adapter.domain.problem import Finding, Kind
from adapter.fhir.describing import yours
from adapter.hub import described as d
from adapter.hub.examples import example

ACTIVE_ID: Final = "7c1e4d2a-5b7f-5d5c-8d0e-2f6c0a3b7e01"
ERROR_ID: Final = "7c1e4d2a-5b7f-5d5c-8d0e-2f6c0a3b7e02"
ALSO_ACTIVE_ID: Final = "7c1e4d2a-5b7f-5d5c-8d0e-2f6c0a3b7e03"
OFF_ID: Final = "7c1e4d2a-5b7f-5d5c-8d0e-2f6c0a3b7e04"
ABOUT: Final = "Task/0d1f6c0a-3b7e-5b0c-a57d-5c8d0e1f6c0a"


class _Shown(BaseModel):
    model_config = ConfigDict(populate_by_name=True)


class InBoth(_Shown):
    """Words for people."""

    en: str
    nb: str


class FaultShown(InBoth):
    """What is wrong, by the configuration or by what was tried."""

    action: InBoth = Field(description="What to do about it.")


class SubscriptionShown(_Shown):
    """A Subscription as an operator sees it."""

    id: str
    organisation: str = Field(description="The number of the organisation whose it is.")
    topic: str | None = Field(description="The topic that it follows; null: every version of the type.")
    reason: str = Field(description="What its client says that it is for, without anything like a national identity number.")
    type: str
    filters: list[str] = Field(description="What it is narrowed by; a value that may be a person's is an ellipsis.")
    host: str = Field(description="Where it is told, without path and query.")
    status: Literal["requested", "active", "error", "off"]
    stands: Literal["requested", "active", "failing", "error", "off"] = Field(
        description="failing: it is active, and the last try was in vain."
    )
    since: datetime | None = Field(description="When the status began.")
    events: int = Field(description="The number of the last event that was counted for it.")
    told: int = Field(description="The number up to which it was told.")
    waiting: int = Field(description="Events that it is yet to be told of; of one that is off, those that it was not told of.")
    failures: int = Field(description="Tries in vain, one after another.")
    reached: datetime | None = Field(description="When it last took what it was sent.")
    due: datetime | None = Field(description="When the next thing is done without an event.")
    next: str | None = Field(description="What that is.")
    faults: list[FaultShown]


class AttemptShown(_Shown):
    """A try to tell it, or that none was made, and why."""

    moment: datetime
    kind: str = Field(description="handshake, heartbeat or event-notification.")
    first: int | None = Field(description="The number of its first event; null without any.")
    last: int | None
    outcome: Literal["sent", "failed", "given-up", "withheld"]
    why: str
    milliseconds: int


class EventShown(_Shown):
    """An event that it was, or is to be, told of."""

    number: int
    moment: datetime
    about: str
    version: int


class CheckShown(InBoth):
    """The topic, or one clause of a filter."""

    met: bool


class VersionShown(InBoth):
    """What became of one version of the resource."""

    version: int
    moment: datetime
    code: str = Field(
        description="Counted: told, left-out, on-its-way, behind, in-error, asked, off. Not counted: not-looked-at, before, "
        "off-then, changed, not-an-event, filtered, unreadable, unknown."
    )
    number: int | None
    checks: list[CheckShown]


class WhyShown(InBoth):
    """Why it was, or was not, told of a resource; what is closed to it is answered as what never was."""

    about: str
    versions: list[VersionShown] = Field(description="The last five, newest first.")


class SubscriptionSeen(SubscriptionShown):
    """One Subscription, with what came of telling it."""

    attempts: list[AttemptShown] = Field(description="The last hundred, newest first.")
    last_events: list[EventShown] = Field(alias="lastEvents", description="The last fifty, newest first, without what is closed.")
    why: WhyShown | None = Field(description="Where `about` asks.")


class All(_Shown):
    """The Subscriptions of the caller's organisations."""

    items: list[SubscriptionShown]
    faults: list[InBoth] = Field(description="What keeps all of them from being told.")


LISTED: Final[dict[str, Any]] = {
    "id": ERROR_ID,
    "organisation": "319900101",
    "topic": "task-change",
    "reason": "The hospital's list of tasks",
    "type": "Task",
    "filters": ["status=requested"],
    "host": "epj.example.no",
    "status": "error",
    "stands": "error",
    "since": "2026-06-01T09:58:00Z",
    "events": 4,
    "told": 1,
    "waiting": 3,
    "failures": 10,
    "reached": "2026-06-01T09:30:00Z",
    "due": "2026-06-01T10:13:00Z",
    "next": "the endpoint is asked again",
    "faults": [
        {
            "en": "The endpoint does not take it: It answered 503.",
            "nb": "Endepunktet tar ikke imot det som sendes (svaret står over).",
            "action": {"en": "Call whoever runs it.", "nb": "Ring dem som driver det."},
        }
    ],
}
SEEN: Final[dict[str, Any]] = {
    **LISTED,
    "attempts": [
        {
            "moment": "2026-06-01T09:58:00Z",
            "kind": "event-notification",
            "first": 2,
            "last": 4,
            "outcome": "failed",
            "why": "It answered 503.",
            "milliseconds": 12,
        }
    ],
    "lastEvents": [{"number": 2, "moment": "2026-06-01T09:50:00Z", "about": ABOUT, "version": 1}],
    "why": {
        "about": ABOUT,
        "en": "Versions, newest first: all.",
        "nb": "Versjoner, nyeste først: alle.",
        "versions": [
            {
                "version": 1,
                "moment": "2026-06-01T09:50:00Z",
                "code": "filtered",
                "number": None,
                "en": "A filter does not let it through.",
                "nb": "Et filter slipper den ikke gjennom.",
                "checks": [
                    {"met": True, "en": "Every version of a Task is an event.", "nb": "Hver versjon av en oppgave er en hendelse."},
                    {
                        "met": False,
                        "en": "status: it asks for requested; there stands draft.",
                        "nb": "status: ber om requested; der står draft.",
                    },
                ],
            }
        ],
    },
}

NO_SUBSCRIPTION: Final = d.failed(Finding("error", Kind.NOT_FOUND, "There is no such subscription.", "Abonnementet finnes ikke."))
NO_NAME: Final = d.failed(Finding("error", Kind.INVALID, "This names no resource.", "Dette er ikke en ressurs.", "http.about"))
NOT_NOW: Final = d.failed(
    Finding("error", Kind.BUSINESS_RULE, "Nothing to ask: the endpoint answers.", "Ingenting å spørre om: endepunktet svarer.")
)
OFF_ALREADY: Final = d.failed(
    Finding("error", Kind.BUSINESS_RULE, "The subscription is off already.", "Abonnementet er allerede slått av.")
)
ABOUTS: Final = {
    "200-nothing-asked": example(200, "nothing", ""),
    "200-a-task": example(200, "a Task", ABOUT),
    "400-no-resource": example(400, "no name of a resource", "the referral of yesterday"),
}


def _id(description: str, examples: dict[str, tuple[str, str]]) -> Any:
    """The id in a path, with examples by name: of what, and the value."""
    named = {name: yours(int(name[:3]), what, "/subscriptions", value) for name, (what, value) in examples.items()}
    shown: Any = {**named, "404-no-such-subscription": example(404, "no such subscription", d.NO_ID)}
    return Path(description=description, openapi_examples=shown, pattern=r"^[A-Za-z0-9.-]{1,64}$")


AnyId = Annotated[str, _id("The id of the Subscription.", {"200-a-subscription": ("one", ERROR_ID)})]
ErrorId = Annotated[
    str,
    _id("A Subscription that is in error.", {"202-in-error": ("one in error", ERROR_ID), "409-off": ("one that is off", OFF_ID)}),
]
AliveId = Annotated[
    str,
    _id("A Subscription that is not off.", {"202-an-active": ("an active one", ACTIVE_ID), "409-off": ("one that is off", OFF_ID)}),
]
