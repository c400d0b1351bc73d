"""Versioned resources, and how they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from adapter.r4.index import Index


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


class Resources(Protocol):
    """What is kept, and found. A part of `Unit`."""

    def read(self, tenant: str, type: str, id: str, version: int | None = None) -> Stored | None: ...
    def read_all(self, tenant: str, names: Sequence[tuple[str, str]]) -> list[Stored]: ...  # those of (type, id) that there are
    def history(
        self,
        tenant: str,
        type: str,
        id: str | None,
        limit: int,
        after: Sequence[Any] | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> Page:
        """Versions, newest first: of one resource, or without `id` of all of the type; made at `since` or later, and `before`."""
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
