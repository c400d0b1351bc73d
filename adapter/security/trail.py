"""What one request saw and did, gathered as it goes, and given as a record of the audit.

    trail = Trail(id, method="GET", moment=clock.now())     # when the request comes
    trail.caller, trail.route = caller, "/fhir/{type}/{id}"
    trail.saw("R", [stored])
    trail.records(200)                                      # one for each organisation whose data it was

What is written down is `docs/audit.md`: who, for whom, when, what, about whom, on which ground, and with what outcome; ids and
versions, but no name of a patient and nothing of what a resource says.
(Pasientjournalloven § 22, pasientjournalforskriften § 14.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from adapter.ports import NOBODY, AuditRecord, Stored
from adapter.security.caller import Caller
from adapter.usecases.journal import masked

Action = Literal["C", "R", "U", "D", "S", "E"]
"""Created, read, updated, deleted (ended), found by a search; or E for what is none of these."""

MOST: Final = 1_000  # versions named in one record; the others are counted
LONGEST: Final = 200  # characters of any one text that a caller chose
TELLING: Final = frozenset(
    (
        *("_count", "_elements", "_id", "_include", "_lastUpdated", "_revinclude", "_since", "_sort", "_summary", "_total"),
        *("_format", "_pretty"),
        *("authored-on", "based-on", "business-status", "category", "code", "date", "deadline", "encounter", "episode", "focus"),
        *("intent", "owner", "part-of", "patient", "period", "phase", "priority", "requester", "status", "subject", "type"),
    )
)
"""Search parameters whose values tell of no person by name or number: the others are named without their value."""
_CODED: Final = re.compile(r"[A-Za-z0-9._:/|,$-]*")  # ids, codes, dates and addresses: no words of anybody's
_encode: Final = msgspec.json.Encoder().encode


Seen = tuple[Action, str, str, int]
"""What was done with a version: type, id and number."""


@dataclass(slots=True)
class Space:
    """What was seen of one organisation's data."""

    patients: dict[str, None] = field(default_factory=dict)
    seen: dict[Seen, str] = field(default_factory=dict)  # and whose it is
    more: int = 0


@dataclass(slots=True)
class Trail:
    """`id` is the record's own, `request` the one that the answer carries. Of one request, and one thread at a time.

    `caller` is None until one is let in, `route` is a template, never an address.
    """

    id: str
    method: str
    moment: datetime
    request: str = ""
    caller: Caller | None = None
    route: str = ""
    named: list[tuple[str, str]] = field(default_factory=list)  # types and ids that the request names
    _asked: list[str] = field(default_factory=list)
    _criteria: list[str] = field(default_factory=list)
    _spaces: dict[str, Space] = field(default_factory=dict)

    def asked(self, type: str, id: str = "") -> None:
        """What the request names, whether or not it is there."""
        self._asked.append(_text(f"{type}/{id}" if id else type))
        if id:
            self.named.append((type, id))

    def at(self, path: str) -> None:
        """Where a request knocked that came no further: there is no route yet."""
        self.route = _text(path)

    def missing(self) -> list[tuple[str, str]]:
        """What the request names and has not seen."""
        seen = {(type, id) for space in self._spaces.values() for _, type, id, _ in space.seen}
        return [name for name in dict.fromkeys(self.named) if name not in seen]

    def query(self, criteria: Iterable[tuple[str, str]]) -> None:
        """What a search asked for. A value is kept where it tells of no person; `name=Hansen` is kept as `name`."""
        for name, value in criteria:
            kept = is_telling(name) and _CODED.fullmatch(value)
            self._criteria.append(_text(f"{name}={value}" if kept else name))

    def saw(self, action: Action, found: Iterable[Stored], tenant: str = "") -> None:
        """What was seen or done of an organisation's data: the caller's own, unless `tenant` names another."""
        space = self._space(tenant)
        for stored in found:
            if stored.patient:
                space.patients[stored.patient] = None
            what = (action, stored.type, stored.id, stored.version)
            if len(space.seen) < MOST:
                space.seen[what] = stored.patient
            elif what not in space.seen:
                space.more += 1

    def withheld(self, patient: str, tenant: str = "") -> None:
        """Something of a patient's was asked for and not given; of nobody's where `patient` is empty."""
        if patient:
            self._space(tenant).patients[patient] = None

    def records(self, status: int = 0) -> list[AuditRecord]:
        """What happened so far, with the answer's HTTP status: 0 while there is none, which is how a write says it before.

        One record for the caller's own organisation, and one for each other whose data it was.
        """
        own = self.caller.tenant if self.caller else NOBODY
        shared = self._shared(status)
        return [
            AuditRecord(
                self.id, self.moment, tenant, tuple(sorted(space.patients)), _encode({**shared, "tenant": tenant, **_told(space)})
            )
            for tenant, space in (self._spaces or {own: Space()}).items()
        ]

    def refused(self, status: int) -> list[AuditRecord]:
        """The same, where nothing of what was found was given."""
        for space in self._spaces.values():
            space.seen.clear()
        return self.records(status)

    def _space(self, tenant: str) -> Space:
        named = tenant or (self.caller.tenant if self.caller else NOBODY)
        return self._spaces.setdefault(named, Space())

    def _shared(self, status: int) -> dict[str, Any]:
        """What all records of the request say alike."""
        shared: dict[str, Any] = {
            "id": self.id,
            "request": masked(self.request),
            "moment": self.moment,
            "who": _who(self.caller) if self.caller else {},
            "method": self.method,
            "route": self.route,
            "asked": self._asked,
            "criteria": self._criteria,
            "ground": _ground(self.caller) if self.caller else {},
            "status": status,
            "outcome": outcome_of(status),
        }
        return {name: value for name, value in shared.items() if value not in ("", None, [], {}, 0)}


def is_telling(parameter: str) -> bool:
    """Whether a search parameter, with its modifier or chain, may be repeated with its value.

    >>> [is_telling(name) for name in ("status:not", "patient", "patient:identifier", "patient.name", "birthdate")]
    [True, True, False, False, False]
    """
    first, _, chained = parameter.partition(".")
    plain, _, modifier = first.partition(":")
    return plain in TELLING and not chained and modifier not in ("identifier", "text")


def outcome_of(status: int) -> str | None:
    """The code of http://hl7.org/fhir/audit-event-outcome for an HTTP status: it went well, it was refused, it failed.

    None where no answer is known. (The system's fourth code says that all of the service went down, which no request tells.)
    """
    if not status:
        return None
    return "0" if status < 400 else "4" if status < 500 else "8"


def _told(space: Space) -> dict[str, Any]:
    """What was seen of one organisation's data. Each version has the number of its patient behind it, from 0, if it has one."""
    patients = sorted(space.patients)
    numbers = {patient: (number,) for number, patient in enumerate(patients)}
    seen = [(*what, *numbers.get(patient, ())) for what, patient in space.seen.items()]
    actions = {what[0] for what in space.seen}
    told = {"action": actions.pop() if len(actions) == 1 else "E", "patients": patients, "seen": seen, "more": space.more}
    return {name: value for name, value in told.items() if value}


def _who(caller: Caller) -> dict[str, Any]:
    person = caller.person
    said = {
        "client": caller.client,
        "organisations": list(caller.numbers),
        "supplier": caller.supplier,
        "person": _filled({"pid": person.pid, "hpr": person.hpr, "name": person.name}) if person else {},
        "practitioner": _plain(caller.attest.get("practitioner")),
    }
    return _filled(said)


def _ground(caller: Caller) -> dict[str, Any]:
    said = {
        "purpose": caller.purpose,
        "scope": _text(caller.scope),
        "care": _plain(caller.attest.get("care_relation")),  # with the decision that it refers to
        "toa": caller.attest.get("toa"),
    }
    return _filled(said)


def _filled(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in ("", None, [], {})}


def _plain(said: object, depth: int = 4) -> Any:
    """A part of the attest, as far as one is expected to go: its texts are cut, its depth and breadth bounded."""
    if isinstance(said, Mapping) and depth:
        return _filled({str(name)[:LONGEST]: _plain(value, depth - 1) for name, value in list(said.items())[:20]})
    return said if isinstance(said, bool | int) else said[:LONGEST] if isinstance(said, str) else None


def _text(said: str) -> str:
    """What a caller wrote where a person's number may stand in spite of all."""
    return masked(said)[:LONGEST]
