"""What the OpenAPI document says of partners and deliveries: schemas, and examples of answers.

The ids of the examples are those of deliveries that a test makes, one in each state; elsewhere they are found by GET /deliveries.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from adapter.domain.problem import Finding, Kind
from adapter.hub import described as d
from adapter.hub.examples import FIRST_ID, example

SENT_ID: Final = "5b0c3b3e-6a57-5d5c-8d0e-1f6c0a3b7e01"
DEAD_ID: Final = "5b0c3b3e-6a57-5d5c-8d0e-1f6c0a3b7e02"
ALSO_DEAD_ID: Final = "5b0c3b3e-6a57-5d5c-8d0e-1f6c0a3b7e03"
ABOUT: Final = "Task/0d1f6c0a-3b7e-5b0c-a57d-5c8d0e1f6c0a"

Kinds = Literal["share", "change", "notice"]
States = Literal["waiting", "sent", "dead", "dismissed"]


class _Shown(BaseModel):
    model_config = ConfigDict(populate_by_name=True)


class PartnerShown(_Shown):
    """A partner as an operator sees it."""

    name: str
    organisation: str = Field(description="The number of the organisation whose server it is.")
    mode: Literal["push", "wait", ""] = Field(
        description="push: takes assignments; wait: reads and answers here; empty: not known yet."
    )
    state: Literal["unknown", "reached", "failing", "paused"] = Field(
        description="paused: it failed so often that it is left alone until pausedUntil, at most 15 minutes."
    )
    reached: datetime | None = Field(description="When it last answered, noted at most once in its polling interval.")
    failing_since: datetime | None = Field(alias="failingSince")
    paused_until: datetime | None = Field(alias="pausedUntil")
    heard_until: datetime | None = Field(alias="heardUntil", description="Its changes until then are known here.")
    waiting: int = Field(description="Deliveries that wait, of the organisations that the caller may see.")
    dead: int = Field(description="Deliveries that wait for a person, of the same.")
    troubles: int = Field(description="What waits for a person about it, of the same; /pathways tells what.")


class PartnerList(_Shown):
    """The partners, as they are configured."""

    items: list[PartnerShown]


class DeliveryShown(_Shown):
    """Something for a partner, without what it says."""

    id: str
    partner: str
    organisation: str = Field(description="The number of the organisation whose it is.")
    kind: Kinds = Field(description="share creates what the partner does not have, change changes it, notice tells of it.")
    about: str = Field(description="Our resource that it is about.")
    state: States = Field(description="dead waits for a person, dismissed was put aside by one.")
    attempts: int
    created: datetime
    next_attempt: datetime | None = Field(alias="nextAttempt")
    why: str = Field(description="Why it has not left, or was given up.")
    action: str = Field(description="What to do about it; empty when nothing is.")
    earlier: str | None = Field(description="The delivery that a person sent again as this one.")
    cause: str = Field(description="The message or request that it came of, which logs here and at the partner have too.")


class DeliverySeen(DeliveryShown):
    """One delivery, with what the partner said."""

    again: str | None = Field(description="The delivery that this one was sent again as.")
    outcome: d.OperationOutcome | None = Field(description="What the partner refused it with, shortened, without its markup.")


class DeliveryList(_Shown):
    """A page of deliveries, newest first."""

    items: list[DeliveryShown]
    next: str | None = Field(description="Address of the next page; null on the last.")


PARTNER: Final[dict[str, Any]] = {
    "name": "municipality",
    "organisation": "319900304",
    "mode": "push",
    "state": "reached",
    "reached": "2026-05-18T09:30:00Z",
    "failingSince": None,
    "pausedUntil": None,
    "heardUntil": "2026-05-18T09:29:58Z",
    "waiting": 0,
    "dead": 1,
    "troubles": 1,
}


def shown_delivery(state: States = "dead") -> dict[str, Any]:
    """A delivery as the document's examples show it."""
    dead = state == "dead"
    return {
        "id": SENT_ID if state == "sent" else DEAD_ID,
        "partner": "municipality",
        "organisation": "319900101",
        "kind": "share",
        "about": ABOUT,
        "state": state,
        "attempts": 0 if state == "waiting" else 1,
        "created": "2026-05-18T09:30:00Z",
        "nextAttempt": None,
        "why": "Partner municipality refused with 422 (invalid)." if dead else "",
        "action": "Mend what the partner objects to and send it again, or put it aside." if dead else "",
        "earlier": None,
        "cause": FIRST_ID,
        "again": None,
        "outcome": OUTCOME if dead else None,
    }


OUTCOME: Final[dict[str, Any]] = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "invalid", "details": {"text": "performerType is required"}}],
}
LISTED: Final = {name: value for name, value in shown_delivery().items() if name not in ("again", "outcome")}

NO_DELIVERY: Final = d.failed(Finding("error", Kind.NOT_FOUND, "There is no such delivery.", "Leveransen finnes ikke."))
NOT_NOW: Final = d.failed(
    Finding(
        "error",
        Kind.BUSINESS_RULE,
        "The delivery is sent, and cannot be sent again.",
        "Leveransen er i tilstanden sent og kan ikke sendes på nytt.",
    )
)
NOT_ASKED_SO: Final = d.failed(Finding("error", Kind.INVALID, "Not a state.", "Ikke en tilstand.", "http.state"))


def delivery_id(description: str, examples: dict[str, tuple[str, str]]) -> Any:
    """The id in a path, with examples by name: title and value."""
    named = {name: example(int(name[:3]), title, value) for name, (title, value) in examples.items()}
    shown: Any = {**named, "404-no-such-delivery": example(404, "no such delivery", d.NO_ID)}
    return Path(description=description, openapi_examples=shown)
