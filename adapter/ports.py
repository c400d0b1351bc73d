"""What the use cases need of the world: a store, hubs, other FHIR servers and a clock. No behaviour.

All methods that touch a patient's data take the organisation (`tenant`, its number) first.
`NOBODY` owns what arrived for a service that is not ours. It is long because the whole contract with the world stands in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from threading import Event
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from adapter.domain.problem import Finding, Problem
from adapter.r4.index import Index

NOBODY = ""
Copy = Literal["inbox", "outbox", "binary", "history", "explanation"]
"""What is kept of a patient's data beside the newest version of each resource; each is kept for as long as `[retention]` says."""
T = TypeVar("T")


class State(StrEnum):
    """A message's life. `refused` has a negative AppRec; `quarantined` waits for a person."""

    RECEIVED = "received"
    PARKED = "parked"
    PROCESSED = "processed"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a hub hands over. HER-ids are the hub's own metadata; None where it has none.

    `fault` is set where the hub has the message but its document cannot be had (too large, not decodable, gone):
    `data` is then what could be read, often nothing. It is quarantined and confirmed, so that it never fills the list.
    """

    data: bytes
    received: datetime
    hub: str
    hub_id: str | None = None
    receiver: str | None = None
    sender: str | None = None
    msg_id: str | None = None
    is_apprec: bool = False
    fault: Finding | None = None
    digest: str = ""  # of what came, where `data` is what was kept of it: told of by `Message.digest`


@dataclass(frozen=True, slots=True)
class Message:
    """A received message as the operator sees it; its XML is read apart (`Unit.message_xml`).

    `issues` is an OperationOutcome as JSON; `context` is JSON of what the translation was made
    with, so that the same message explains itself the same way later; `due` is when a parked
    message is given up, or a received one is tried again. `patient` is whom it speaks of, as `Stored.patient`; of what made
    nothing by national number. "" where it names none that we can read, and may speak of anybody.
    """

    id: str
    tenant: str
    hub: str
    hub_id: str | None
    receiver: str
    sender: str
    msg_id: str
    document_id: str | None
    type: str
    received: datetime
    state: State
    reason: str
    action: str
    digest: str
    issues: bytes = b""
    context: bytes = b"{}"
    attempts: int = 0
    due: datetime | None = None
    dismissed: bool = False
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to send, with the very bytes that will be sent.

    Rows with the same `key` leave in the order they were made. `hub` names the hub or the partner. `answer` is what AppRec
    said of a sent message: None, `ok`, `rejected` or `conflict`. A message is `unanswered` from when it left until that comes,
    then `sent`; what waits for a person is `dead`, and what a person has put aside `dismissed`.

    To whoever follows goes a `notification`, which is gone from here when it was sent. To a partner go `share` (a transaction
    that creates what it does not have), `change` (elements to lay over what it has) and `notice` (that something is to be read
    here). `about` is our own resource (`Task/id`), `earlier` the row that a person
    sent again as this one, `outcome` the OperationOutcome that a partner refused it with. `cause` is what it came of, wherever
    it led in between: the id of the message or of the request, by which logs here and there are held together.
    """

    id: str
    tenant: str
    key: str
    hub: str
    kind: Literal["apprec", "message", "share", "change", "notice", "notification"]
    message_id: str
    hub_id: str | None
    sender: str
    receiver: str
    body: bytes
    content_type: str
    created: datetime
    msg_id: str = ""
    state: Literal["waiting", "unanswered", "sent", "dead", "dismissed"] = "waiting"
    attempts: int = 0
    next_attempt: datetime | None = None
    error: str = ""
    answer: str | None = None
    about: str = ""
    earlier: str = ""
    outcome: bytes = b""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a resource: the bytes that were stored and will be served.

    `patient` is whose record it is: the Patient's id, `system|value` where it says so by identifier, "" for nobody's.
    """

    type: str
    id: str
    version: int
    updated: datetime
    body: bytes
    patient: str = ""


class Match(NamedTuple):
    """One alternative of a search parameter; what is None does not restrict.

    `how` is of the value: equal, beginning with, or containing. The four bounds are of a date's interval [low, high).
    """

    system: str | None = None
    value: str | None = None
    how: Literal["equal", "prefix", "contains"] = "equal"
    low_from: datetime | None = None  # low >= it
    low_before: datetime | None = None  # low < it
    high_after: datetime | None = None  # high > it
    high_to: datetime | None = None  # high <= it


@dataclass(frozen=True, slots=True)
class Clause:
    """One occurrence of a search parameter: one of `any_of` holds, or with `negated` none of them. `Match()` is any value.

    `parameter` is an `Entry.parameter`, or `_id`, `_lastUpdated` (its interval is the one moment) or `status`, which the
    store keeps with the resource itself. `others` are parameters of which it may hold as well; none of the resource's own.
    """

    parameter: str
    any_of: Sequence[Match]
    negated: bool = False
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Through:
    """That at the other end of a reference stands what one of `ends` finds (their types, clauses and through count, no more).

    The resource refers to it by its own `parameter`; with `reverse` it refers to the resource, by a parameter of its type.
    """

    parameter: str
    ends: Sequence[Query]
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A FHIR search in the store's words: all of the clauses hold, and all of `through`.

    `sort` are (parameter, descending), by default last update, newest first; then by id, in the direction of the last. Of
    several values the least counts when ascending, the greatest when descending; a date is its beginning or its end.
    Resources without the parameter come last. `after` is `Page.next` of the same clauses and sort.
    """

    type: str
    clauses: Sequence[Clause] = ()
    sort: Sequence[tuple[str, bool]] = ()
    after: Sequence[Any] | None = None
    limit: int = 50
    through: Sequence[Through] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, and where to go on: JSON values for `after`; None where there is no more."""

    found: Sequence[Stored]
    next: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """A search among messages, newest first; `after` is the (received, id) of the last row seen."""

    msg_id: str = ""
    sender: str = ""
    receiver: str = ""
    type: str = ""
    state: str = ""
    since: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource to keep. `make(version, updated)` gives the bytes to serve, with these two in its `meta`.

    `make` must be pure: the same arguments give the same bytes. The store asks it twice: for the stored version, to see
    whether anything changed, and for the next. `index` may be what works it out: of what has not changed nobody asks. `new` says
    that there is none yet, which the store then does not look for: should there be one, the unit is overtaken.
    """

    type: str
    id: str
    index: Index | Callable[[], Index]
    make: Callable[[int, datetime], bytes]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """A resource of ours that another FHIR server has too, or is to have.

    `home`: the partner's is the authoritative one, and ours follows it. `remote` is its id there (empty until we know it),
    `etag` and `seen` (the shared elements, as JSON) what it was when both sides last agreed.
    """

    tenant: str
    type: str
    id: str
    partner: str
    home: bool = False
    remote: str = ""
    etag: str = ""
    seen: bytes = b""


@dataclass(frozen=True, slots=True)
class PartnerState:
    """What is remembered of a partner. `mode` as its CapabilityStatement has it; no call before `open_until` (circuit breaker).

    Changes until `heard` have been taken in; all that is shared was last compared when `compared` says.
    """

    name: str
    mode: Literal["", "push", "wait"] = ""
    failures: int = 0
    open_until: datetime | None = None
    failing_since: datetime | None = None
    reached: datetime | None = None
    heard: datetime | None = None
    compared: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that waits for a person. There is one open of the same tenant, partner, `about` (`Task/id`) and kind.

    `kind`: `refused` (by the partner), `conflict`, `illegal` (a change that the life forbids), `foreign` (not what we asked for),
    `overdue`, `unreachable`, `no-one-to-ask`. `detail` is the partner's OperationOutcome.
    """

    tenant: str
    partner: str
    about: str
    kind: str
    en: str
    nb: str
    since: datetime
    detail: bytes = b""
    settled: datetime | None = None


class Queue(NamedTuple):
    """What waits in one state at one hub or partner, by the oldest there. `hub` names either, or the channel of a message."""

    hub: str
    state: str
    oldest: datetime


class Process(NamedTuple):
    """A process that shares the database: `roles` joined by a comma, and when it last told that it lives."""

    id: str
    roles: str
    started: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Follower:
    """A Subscription that has been begun: whose, of resources of which type, its status, and JSON of how it is to be told
    (`adapter.usecases.subscribing.Wanted`).
    """

    tenant: str
    id: str
    type: str
    status: str
    asked: bytes


@dataclass(frozen=True, slots=True)
class FollowerState:
    """How far a follower is: `events` counted and `told` of, by their numbers. `underway` is the number that it is told of once
    what is in the outbox has come there, `NO_EVENTS` where that has none, 0 where nothing is. `failures` are the tries in vain
    since it was `reached`, `error` why the last one was; `due` is when something is to be done without an event.
    """

    tenant: str
    id: str
    begun: datetime
    events: int = 0
    told: int = 0
    underway: int = 0
    failures: int = 0
    reached: datetime | None = None
    due: datetime | None = None
    error: str = ""


NO_EVENTS = -1


@dataclass(frozen=True, slots=True)
class Happening:
    """What a follower is told of: a version of a resource, under a number of its own (from 1). `patient` as `Stored.patient`, of
    the resource as it stands now.
    """

    number: int
    moment: datetime
    type: str
    id: str
    version: int
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """That a follower was told, or was not and why. `first` and `last` are the numbers of the events in it (0: none); `outcome` is
    `sent`, `failed` (it will be tried again), `given-up` or `withheld` (nothing was tried).
    """

    tenant: str
    subscription: str
    moment: datetime
    kind: str
    first: int
    last: int
    outcome: str
    why: str = ""
    milliseconds: int = 0


class Seen(NamedTuple):
    """A version that somebody may follow, in the order of the writing; `cause` as `Outgoing.cause`."""

    position: int
    tenant: str
    type: str
    id: str
    version: int
    moment: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """That somebody saw or changed something, or was refused it: never changed once it is in the chain.

    `about` are the patients (as `Stored.patient`), `body` is JSON of what happened, by whom and on which ground, as
    `docs/audit.md` has it. Several records may have one `id`: what is told more than once was told more than once.
    """

    id: str
    moment: datetime
    tenant: str
    about: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A record in the audit's chain, at its position (from 1). `digest` seals it and all before it (`adapter.domain.chain`)."""

    position: int
    record: AuditRecord
    digest: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in at a browser. `digest` is the SHA-256 of the session's id, which only the browser has.

    `subject` is who the issuer says it is, `claims` JSON of what it said of them.
    """

    digest: str
    subject: str
    begun: datetime
    used: datetime
    claims: bytes


@dataclass(frozen=True, slots=True)
class InHand:
    """That a process has taken something up: how many have, the last among them, and whether that one lives."""

    process: str
    tries: int
    alive: bool


@dataclass(frozen=True, slots=True)
class Export:
    """Something asked for in bulk, by a caller (`Caller.mark`) of an organisation. `asked` is JSON of what, and as whom it is
    looked for; `progress` JSON of how far that has come. It is given as of `requested`.

    `asked`: it is made, or waits for that; `made`: until a day after `ended`; `failed`: `error` says why.
    """

    id: str
    tenant: str
    mark: str
    state: Literal["asked", "made", "failed"]
    asked: bytes
    requested: datetime
    ended: datetime | None = None
    progress: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file of an export, numbered from 1: of one type, with how many resources. `body` is JSON of their ids and versions: what
    they say stays where it is kept, and is looked up, as the caller then sees it, for whoever fetches the file.
    """

    export: str
    number: int
    tenant: str
    type: str
    resources: int
    body: bytes = b""


class Stood(NamedTuple):
    """The version of a resource that stood at a moment, and how many bytes it has."""

    updated: datetime
    id: str
    version: int
    size: int


class Appended(NamedTuple):
    """What an append came to: which of the proofs were fresh, and where the chain ends now."""

    fresh: list[bool]
    position: int
    digest: bytes


class Unit(Protocol):
    """One transaction: all of it is kept, or nothing. Reads see the unit's own writes.

    Units that write are serialisable on every engine: what a unit has read cannot have been changed by another when it
    commits. So read, decide and write within one unit needs no version check of its own; where two units meet, one of
    them is ended with `Problem(CONFLICT)` and is to be run again from its start.
    """

    def savepoint(self) -> AbstractContextManager[None]: ...

    # messages
    def message(self, id: str) -> Message | None: ...
    def message_xml(self, id: str) -> bytes | None: ...  # empty where none was kept, or it may speak of whoever blocks the caller
    def messages_with_key(self, receiver: str, sender: str, msg_id: str) -> list[Message]: ...  # oldest first
    def message_from_hub(self, hub: str, hub_id: str, receiver: str) -> Message | None: ...
    def messages(self, tenants: Sequence[str], query: MessageQuery) -> list[Message]: ...
    def referral_messages(self, tenant: str, sender: str, document_id: str) -> list[Message]: ...  # oldest first
    def due_messages(self, now: datetime, limit: int) -> list[Message]: ...  # received or parked, `due` passed
    def count_messages(self, tenants: Sequence[str]) -> dict[State, int]: ...  # of every state; dismissed ones left out
    def add_message(self, message: Message, xml: bytes, again: bool = False) -> None:
        """Keep a message. `again` says that its key or its hub id is known to be taken, and that it is kept all the same.

        Without it a second message of the same (receiver, sender, msg_id) or (hub, hub_id, receiver) is
        `Problem(CONFLICT)`. A message without msg_id has no such key, nor one without hub_id the other.
        """
        ...

    def change_message(self, message: Message) -> None: ...

    # resources
    def read(self, tenant: str, type: str, id: str, version: int | None = None) -> Stored | None: ...
    def read_all(self, tenant: str, names: Sequence[tuple[str, str]]) -> list[Stored]: ...  # those of (type, id) that there are
    def history(
        self, tenant: str, type: str, id: str | None, limit: int, after: Sequence[Any] | None = None, since: datetime | None = None
    ) -> Page:
        """Versions, newest first: of one resource, or without `id` of all of the type; `since` is inclusive."""
        ...

    def search(self, tenant: str, query: Query) -> Page: ...
    def count(self, tenant: str, query: Query, most: int | None = None) -> int:
        """How many resources match; no more than `most` are counted (sort, after and limit do not matter)."""
        ...

    def put(self, tenant: str, drafts: Sequence[Draft], now: datetime, message_id: str = "") -> list[Stored]:
        """Keep resources, each as its next version (from 1); returns what is stored now, in the order of the drafts.

        A draft equal to the stored version but for `meta.versionId` and `meta.lastUpdated` makes no new one. Made or left
        as it was, the version is recorded for the message where there is one.
        """
        ...

    def message_resources(self, tenant: str, message_id: str) -> list[Stored]: ...  # in the order put
    def missing_of_message(self, tenant: str, message_id: str) -> int: ...  # versions that it made and that are kept no longer

    # what is asked for in bulk
    def stood(
        self,
        tenant: str,
        type: str,
        at: datetime,
        *,
        since: datetime | None = None,
        of_patients: bool = False,
        after: Stood | None = None,
        limit: int = 1000,
    ) -> list[Stood]:
        """Which version of each resource of a type stood at a moment, in the order of their time, from behind `after` on: those
        from `since` on, or those in some patient's record. What happens later changes nothing of it.
        """
        ...

    def ask_export(self, asked: Export) -> None: ...
    def export(self, id: str) -> Export | None: ...
    def exports(self, tenant: str | None = None) -> list[Export]: ...  # an organisation's, or all that are to be made; oldest first
    def go_on_with_export(self, now: Export, was: Export, file: ExportFile | None = None) -> bool:
        """Keep what has become of it, with a file that is ready; False, and nothing, where it no longer is what it `was`."""
        ...

    def export_files(self, id: str) -> list[ExportFile]: ...  # in order, without their bodies
    def export_file(self, id: str, number: int) -> ExportFile | None: ...
    def drop_export(self, id: str) -> None: ...
    def drop_old_exports(self, before: datetime) -> int: ...  # those that ended before then; how many

    # what is not to be kept any longer
    def remove(self, tenant: str, type: str, id: str) -> bool:
        """Take a resource away with its history, as if it had never been in that space; whether it was there."""
        ...

    def rewrite(self, tenant: str, type: str, id: str, change: Callable[[bytes], bytes]) -> int:
        """Change the kept bodies of a resource's versions in place; how many differed. Versions and search stay as they are."""
        ...

    def resources_of(self, tenant: str, patient: str, type: str = "") -> list[tuple[str, str]]:
        """Type and id of all that is in a patient's record (`Stored.patient`), or of one type."""
        ...

    def messages_of(self, tenant: str, patient: str) -> list[str]: ...  # ids of the messages that made some of these
    def rewrite_message(self, id: str, change: Callable[[bytes], bytes]) -> None: ...  # the kept XML, in place

    def old_copies(
        self, copy: Copy, before: datetime, after: Sequence[Any] = (), until: Sequence[Any] = (), limit: int = 200
    ) -> list[tuple[Any, ...]]:
        """Keys of the copies that are older and that nothing needs any longer, in order, from behind `after` up to `until`.

        Needed is what waits for somebody or for an answer, and all of a patient with a pathway or a Task that is not ended.
        """
        ...

    def take_away(self, copy: Copy, keys: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Remove these copies, and nothing of what tells that there were such; the keys of those that there were."""
        ...

    # outbox
    def enqueue(self, row: Outgoing) -> None: ...
    def outgoing(self, id: str) -> Outgoing | None: ...
    def outgoing_for(self, message_id: str) -> list[Outgoing]: ...
    def sent_with(self, msg_id: str) -> list[Outgoing]: ...  # kind message, by our own MsgId
    def unanswered(self, limit: int) -> list[Outgoing]: ...  # messages whose AppRec is awaited, oldest first
    def change_outgoing(self, row: Outgoing) -> None:
        """Keep what has become of it: state, attempts, next_attempt, error, hub_id, answer, outcome. All else stays as made."""
        ...

    def count_outgoing(self) -> dict[str, int]: ...  # of every state
    def hurry(self, hub: str, after: datetime) -> int: ...  # what waits for it until later than that is due now; how many
    def waiting_about(self, about: str, hub: str) -> list[Outgoing]: ...  # waiting for that partner, in order
    def deliveries(
        self,
        tenants: Sequence[str],
        *,
        hub: str = "",
        state: str = "",
        about: str = "",
        cause: str = "",
        after: str = "",
        limit: int = 50,
    ) -> list[Outgoing]:
        """What goes to partners (`share`, `change`, `notice`), newest first; `after` is the id of the last row seen."""
        ...

    def count_deliveries(self, tenants: Sequence[str]) -> dict[tuple[str, str], int]: ...  # waiting and dead, by (partner, state)

    # what partners have too
    def shared(self, tenant: str, type: str, id: str) -> list[Shared]: ...
    def shared_there(self, partner: str, type: str, remote: str) -> list[Shared]: ...  # by its id there
    def shared_with(
        self, partner: str, after: str, limit: int
    ) -> list[Shared]: ...  # a page; `after`: `tenant type id` of the last
    def keep_shared(self, shared: Shared) -> None: ...
    def drop_shared(self, shared: Shared) -> None: ...
    def partner_state(self, name: str) -> PartnerState: ...  # a new one where there is none
    def keep_partner_state(self, state: PartnerState) -> None: ...
    def raise_trouble(self, trouble: Trouble) -> bool:
        """Keep it, unless one like it is open: that one keeps its `since` and gets the words. True where it is new."""
        ...

    def settle(self, tenant: str, about: str, now: datetime, *, kinds: Collection[str] = (), partner: str = "") -> int:
        """Close the open troubles about a resource, or those of some kinds or a partner; returns how many."""
        ...

    def troubles(self, tenants: Sequence[str], about: Sequence[str] = (), limit: int = 100) -> list[Trouble]:
        """The open ones, oldest first; only those about some resources where any are named."""
        ...

    def count_troubles(self, tenants: Sequence[str]) -> dict[str, int]: ...  # open ones, by partner

    # what is counted for whoever watches over the service: of all organisations, and nobody's name
    # of hubs and partners: what does not reach a subscriber is the subscriber's own trouble
    def queues(self, state: str) -> list[Queue]: ...  # waiting, unanswered, dead; received, parked, quarantined not put aside
    def lengths(self, state: str) -> dict[str, int]: ...  # how many there are in each of these queues, by hub
    def standing_tasks(self, tenants: Sequence[str], standing: str) -> dict[str, int]: ...  # open Tasks so, by kind
    def count_followers(self) -> dict[str, int]: ...  # by status
    def untold_since(self) -> dict[str, datetime]:
        """The oldest event that is not told, by the status of who is to be told; by "" the oldest that nobody has looked at."""
        ...

    def received_at(self, ids: Sequence[str]) -> dict[str, datetime]: ...  # of messages that there are
    def open_troubles(self) -> dict[tuple[str, str], int]: ...  # by partner and kind
    def partner_states(self) -> list[PartnerState]: ...
    def audit_waits(self) -> tuple[int, datetime | None]: ...  # records that wait to be chained, and since when the first does
    def size(self) -> int: ...  # of the database, in bytes
    def schema(self) -> str: ...  # the tables' version; empty where there are none

    # who follows what
    def follower(self, tenant: str, id: str) -> Follower | None: ...
    def followers(self, tenants: Sequence[str], type: str = "") -> list[Follower]:
        """All, by id; with a type those of it that events are counted for: all that are not off."""
        ...

    def keep_follower(self, follower: Follower) -> None: ...
    def follower_state(self, tenant: str, id: str) -> FollowerState | None: ...
    def keep_follower_state(self, standing: FollowerState) -> None: ...
    def follower_states_due(self, now: datetime, limit: int) -> list[FollowerState]: ...
    def follower_states_left(self, limit: int) -> list[FollowerState]:
        """Those with something underway of which nothing waits in the outbox: it was given up."""
        ...

    def changes_seen(self, limit: int) -> list[Seen]: ...  # what is followed and nobody has looked at, in order
    def forget_changes(self, seen: Sequence[Seen]) -> None: ...
    def add_events(self, tenant: str, subscription: str, events: Sequence[Happening]) -> None: ...
    def follower_events(self, tenant: str, subscription: str, first: int, last: int, limit: int) -> list[Happening]: ...
    def count_untold(self, tenants: Sequence[str]) -> dict[str, int]: ...  # events after the number up to which each was told
    def told_of(self, tenant: str, subscription: str, type: str, id: str) -> dict[int, int]: ...  # numbers, by version
    def unseen(self, tenant: str, type: str, id: str) -> frozenset[int]: ...  # versions that nobody has looked at
    def notification(self, tenant: str, subscription: str) -> Outgoing | None: ...  # what waits for it in the outbox
    def closed_to(self, tenant: str, who: Sequence[str]) -> frozenset[str]: ...  # patients (`Stored.patient`) who block one of them
    def add_attempt(self, attempt: Attempt) -> None: ...
    def attempts(self, tenant: str, subscription: str, limit: int) -> list[Attempt]: ...  # newest first
    def drop_outgoing(self, key: str) -> None: ...  # what waits for a follower, and what was given up
    def skip_numbers(self, by: int) -> None: ...  # of every follower's events
    def forget_events(self, before: datetime) -> int: ...  # and attempts, that are older; how many

    # who saw and did what
    def await_audit(self, record: AuditRecord) -> None:
        """Keep a record that is not in the chain yet, with the very change that it tells of.

        It comes to be about those too whose resources are put in the unit afterwards.
        `Store.append_audit` of a record with its id and tenant takes its place. Where that never comes, since the service
        ended before it answered, it enters the chain as it is.
        """
        ...

    def patient_of(self, row: Outgoing) -> str: ...  # whose record a row of the outbox tells of (`Stored.patient`)
    def spend(self, proof: str, until: datetime) -> bool:
        """Use up a proof of possession, which is remembered until then. False where it was used before."""
        ...

    def audit_about(self, tenant: str, patient: str, after: int = 0, limit: int = 500) -> list[Link]:
        """The chain's records about a patient, oldest first, from those behind position `after` on."""
        ...

    # who is logged in at a browser
    def session(self, digest: str) -> Session | None: ...
    def begin_session(self, begun: Session) -> None: ...
    def use_session(self, digest: str, now: datetime) -> None: ...
    def end_session(self, digest: str) -> None: ...
    def end_sessions(self, subject: str) -> int: ...  # all of one person's; how many
    def end_old_sessions(self, begun: datetime, used: datetime) -> int: ...  # those begun, or last used, before

    def audit_links(self, after: int | None = None, limit: int = 1000) -> list[Link]:
        """The chain as it is stored, in order, from behind a position on, for whoever verifies it; what is no record is given
        as one with an empty seal.
        """
        ...

    def audit_end(self) -> tuple[int, bytes]: ...  # position and seal of the last record
    def audit_mark(self) -> tuple[int, bytes]: ...  # the same of the last that was dropped; 0 and zeros where none was

    # the processes that share the work
    def beat(self, process: Process) -> None: ...
    def processes(self) -> list[Process]: ...
    def bury(self, id: str) -> None: ...  # what it had in hand stays, for others to take over
    def in_hand(
        self, hub: str, names: Sequence[str], now: datetime
    ) -> dict[str, InHand]: ...  # those of the names that somebody took up
    def take_in_hand(self, hub: str, wanted: Mapping[str, InHand | None], process: str, now: datetime) -> set[str]:
        """Take these up, each as it was found (None: in nobody's hand); those that nobody was faster with."""
        ...

    def put_down(self, hub: str, names: Sequence[str], process: str) -> None: ...
    def put_down_of_the_dead(self, before: datetime) -> None:
        """What processes that are no more took up before then: it never came again."""
        ...

    # what the installation keeps about itself (its key)
    def setting(self, name: str) -> bytes | None: ...
    def set_setting(self, name: str, value: bytes) -> None: ...


class Store(Protocol):
    """The database. `write` serialises writers (SQLite) or detects conflicts and raises `Problem(CONFLICT)` (PostgreSQL).

    A database that cannot be reached, is busy or full is `Problem(TRANSIENT)`. `read` gives one snapshot of everything
    committed, and refuses to write. Do not open a `write` inside another in the same thread.
    """

    quick: bool
    """Whether `newest` answers within microseconds, so that it may be asked where nothing may wait (an event loop)."""

    def seen_by(self, tenants: Sequence[str], who: Sequence[str]) -> Store:
        """The same database without the record of any patient who blocks one of `who` in one of these spaces.

        `who` are organisation, HPR and national numbers; a block is an active Consent (profile *patient-block*). What is in that
        patient's record does not exist for `newest` and for the units (the Consent neither): not for counts, pages or figures.
        Left whole is what only the service's own work asks for: what it receives, sends and shares.
        """
        ...

    def write(self) -> AbstractContextManager[Unit]: ...
    def read(self) -> AbstractContextManager[Unit]: ...
    def run(self, job: Callable[[Unit], T]) -> T:
        """Do a job in a unit that writes, and return what it returns once that is safely stored.

        The way for many small jobs from many threads: SQLite commits those that meet as one, PostgreSQL runs a job again
        that another one overtook. So a job may run several times, and in another thread; what it raises undoes it alone.
        Do not call it within a unit of the same thread.
        """
        ...

    def run_each(self, jobs: Sequence[Callable[[Unit], T]]) -> list[T | Exception]:
        """Do several jobs, each as `run` would, with as few commits as may be. What one raises stands in its place and undoes it
        alone. A job may run again after it was committed, where the database went away before it could say so.
        """
        ...

    def newest(self, tenant: str, type: str, id: str) -> Stored | None:
        """The newest version of one resource that is committed, by the shortest way."""
        ...

    def claim(self, now: datetime, lease: float, limit: int, hubs: Sequence[str]) -> list[Outgoing]:
        """Head rows of their keys that are due, marked as attempted (`attempts` + 1) and held for `lease` seconds.

        Committed before it returns, so that after a crash the next attempt knows that there was one.
        """
        ...

    def bell(self, name: str) -> Event:
        """Set whenever something is put in the outbox for a hub or partner, here or in another process; whoever waits clears it."""
        ...

    def listen(self, stopped: Event) -> None:
        """Hear of what other processes put there, until `stopped`: for a thread of its own."""
        ...

    def append_audit(
        self,
        records: Sequence[AuditRecord],
        proofs: Sequence[tuple[str, datetime]],
        now: datetime,
        instead: Mapping[str, Sequence[AuditRecord]] = MappingProxyType({}),
    ) -> Appended:
        """Chain the records and spend the proofs (each with the time until which it is remembered) in one commit.

        Where a proof was spent before, the records that it has in `instead` go in place of those with their ids. What units have
        kept waiting for a minute is chained as well.
        """
        ...

    def drop_audit(self, before: datetime, now: datetime) -> int:
        """Remove the oldest records, up to the first that is not older; how many. The chain itself tells where it begins now."""
        ...

    def migrate(self, base: str = "") -> None: ...  # `base`: our own FHIR address
    def check(self) -> list[Finding]:
        """What is wrong with the database; nothing where it is well. Kind INCOMPLETE: it is new, and has no tables yet."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """Of some names those that are ours now, and those that nobody has and that are to be asked for again."""

    ours: AbstractSet[str]
    left: AbstractSet[str] = frozenset()


Take = Callable[[Sequence[str]], Taken]
"""Takes messages of a hub up, so that no other process does, by names that the hub makes of what it lists."""


def take_all(names: Sequence[str]) -> Taken:
    """Where nobody else takes any."""
    return Taken(frozenset(names))


class Hub(Protocol):
    """A channel to the national message hub."""

    name: str
    apprec_format: Literal["xml", "edi2"]

    def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
        """Messages not yet confirmed, oldest first, of those that `take` gives us. May give one again that was not confirmed.

        A short list does not mean that no more wait; an empty one does. Raises `Problem` where the hub cannot be asked.
        """
        ...

    def confirm(self, hub_id: str, receiver: str) -> None:
        """Take a message off the hub, once it is safely stored. Repeating it does nothing."""
        ...

    def deliver(self, row: Outgoing) -> str:
        """Send an outbox row's bytes and return the hub's id for it; `row.attempts` > 1 means it may have been sent before.

        Raises `Problem(TRANSIENT)` (`retry_after`: as the hub asks) where a later try may succeed, any other where none will.
        """
        ...

    def status(self, hub_id: str) -> list[dict[str, object]]:
        """What the hub knows of a message that we sent: per receiver its transport state and AppRec."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Remote:
    """A version of a resource as another FHIR server has it. `body` is empty where it gave none back."""

    type: str
    id: str
    etag: str
    body: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Problem):
    """A partner that refused, with its OperationOutcome where it gave one."""

    outcome: bytes = b""


class FhirServer(Protocol):
    """A partner's FHIR server. What servers do differently ends here.

    Every method raises `Problem(TRANSIENT)` (`retry_after`: as it asks) where a later try may succeed: no answer, 429, 5xx, an
    answer that cannot be read; `Refusal` where none will.
    """

    name: str
    base_url: str

    def mode(self) -> Literal["push", "wait"]:
        """What its CapabilityStatement allows: `push` where Tasks can be created there (conditionally) and updated."""
        ...

    def create(self, bundle: bytes) -> Remote:
        """Post a transaction whose only entry is a conditional create; what was created, or was there. Every entry's own
        status counts. Kind AMBIGUOUS: several match.
        """
        ...

    def find(self, type: str, system: str, value: str) -> list[Remote]: ...  # by identifier
    def read(self, type: str, id: str) -> Remote: ...  # kind NOT_FOUND: it is not there, or no longer
    def change(self, remote: Remote, body: Mapping[str, Any]) -> Remote:
        """Put `body` in the stead of the version that was read; kind STALE where that is no longer the newest."""
        ...

    def changed(self, since: datetime | None) -> Iterator[Remote]:
        """The assignments there that changed from a moment on (all, without one), oldest first, each once."""
        ...

    def notify(self, address: str, body: bytes) -> None: ...
    def close(self) -> None: ...


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...
