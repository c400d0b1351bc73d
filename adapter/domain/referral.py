"""What a referral means to us: who, about whom, why, and what the message asks us to do.

The meaning is the same for Henvisning 1.0, 1.1 and 2.0. Leaves are *said* values: they hold the value as the
message said it and know their place in it (`Said`), so that whatever is built from them can be explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from adapter.domain.problem import Finding

ServType = Literal["N", "M", "C"]


class Said(Protocol):
    """A value as a message said it. Anything with a `value` that the mapping can trace to its node."""

    @property
    def value(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Service:
    """One of our receiving services, as configured (`[[receiver]]`): HER-id, organisation and what a referral to it opens."""

    her_id: str
    organisation: str
    pathway: str = ""
    rule_set: str = ""
    care_level: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """The pathway that a new referral opens: 9321 type, rule set, and who decided (`receiver`, `message` or `by-hand`)."""

    pathway: str
    rule_set: str
    decided_by: Literal["receiver", "message", "by-hand"]
    care_level: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that a person must do about a referral. `kind` is a code of pathway-task."""

    kind: str
    en: str
    nb: str
    pathway: str = ""  # id of the EpisodeOfCare that it is about, where there is one


@dataclass(frozen=True, slots=True)
class Decision:
    """What a referral leads to beside its own resources."""

    opening: Opening | None = None
    duties: tuple[Duty, ...] = ()
    linked_pathway: str = ""  # id of an already open EpisodeOfCare that the referral belongs to
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """A code of 8221 with the detail that must be shown to the sender (AppRec Error/@OT)."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent what to whom. HER-ids (or `TYPE:value` keys where a party has none) are text, empty where unreadable."""

    format: Literal["2.0", "1.1", "1.0"]
    type: str  # code of 8279 (or 8263 for 1.0)
    msg_id: str
    gen_date: str  # as it stands in the message; AppRec mirrors it
    generated: datetime | None
    document_id: str
    serv_type: str
    sender: str
    receiver: str
    copies: tuple[str, ...] = ()
    conversation: tuple[str, str] | None = None  # (RefToParent, RefToConversation)
    emergency: bool = False  # priority 0: ø-hjelp
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows that the decision needs."""

    copy: bool = False  # we are a copy receiver
    open_pathways: Sequence[tuple[str, str]] = field(default_factory=tuple)  # (9321 type, EpisodeOfCare id) of the patient at the organisation


@dataclass(frozen=True, slots=True)
class Receipt:
    """When and as whom a message was received: everything a translation needs that is not in the message."""

    received: datetime
    receiver: str  # HER-id (or key) of the receiving service that is ours
    organisation: str  # its organisation number: the tenant
    day: date  # the date in Europe/Oslo on which it was received
