"""Versioned resources (https://hl7.org/fhir/R4/http.html#versioning): every version is kept, the newest can be found."""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapter.domain.problem import Problem
from adapter.ports import Draft, Page, Query, Stored
from adapter.r4.index import CONTENT, Index
from adapter.storage.conditions import ALL
from adapter.storage.engines import OVERTAKEN
from adapter.storage.following import Following
from adapter.storage.rows import Columns, insertion
from adapter.storage.search import Search
from adapter.storage.tables import (
    HIGHEST,
    LOWEST,
    key,
    message_resource,
    micros,
    moment,
    resource,
    resource_index,
    resource_version,
)
from adapter.storage.through import followed

Name = tuple[str, str]  # type and id

VERSION = "v.type, v.id, v.version, v.updated, v.body, v.patient"
CURRENT = (
    f"SELECT {VERSION} FROM resource r JOIN resource_version v "
    "ON v.tenant = r.tenant AND v.id = r.id AND v.type = r.type AND v.version = r.version WHERE r.tenant = ?"
)
# PostgreSQL is told the way: without statistics of tables that have just been filled it reads all of them.
NAMES = "unnest(?::text[], ?::text[]) AS n (type, id)"
CURRENT_THERE = (
    f"SELECT {VERSION} FROM {NAMES} CROSS JOIN LATERAL (SELECT * FROM resource_version w WHERE w.tenant = ? "
    'AND w.id = n.id COLLATE "C" AND w.type = n.type COLLATE "C" ORDER BY w.version DESC LIMIT 1) v'
)
OF_KEY = "tenant = ? AND id = ? AND type = ?"
NEWEST = f"SELECT version, updated, body, patient FROM resource_version WHERE {OF_KEY} ORDER BY version DESC LIMIT 1"
NAMED = f"SELECT version, updated, body, patient FROM resource_version WHERE {OF_KEY} AND version = ?"
OF_ONE = f"SELECT {VERSION} FROM resource_version v WHERE {OF_KEY}"
OF_TYPE = f"SELECT {VERSION} FROM resource_version v WHERE tenant = ? AND type = ?"
OF_MESSAGE = (
    f"SELECT {VERSION} FROM message_resource m JOIN resource_version v "
    "ON v.tenant = m.tenant AND v.id = m.id AND v.type = m.type AND v.version = m.version "
    "WHERE m.tenant = ? AND m.message_id = ? ORDER BY m.position"
)
RECORDED = "SELECT type, id, version FROM message_resource WHERE tenant = ? AND message_id = ?"
MISSING = (
    "SELECT count(*) FROM message_resource m WHERE m.tenant = ? AND m.message_id = ? "
    "AND NOT EXISTS (SELECT 1 FROM resource_version v "
    "WHERE v.tenant = m.tenant AND v.id = m.id AND v.type = m.type AND v.version = m.version)"
)
SET_NEWEST = insertion(
    resource,
    "ON CONFLICT (tenant, id, type) DO UPDATE SET version = excluded.version, updated = excluded.updated, "
    "status = excluded.status, patient = excluded.patient",
)
IS_ABOUT = "UPDATE message SET patient = ? WHERE id = ? AND tenant = ?"
OWNER = f"SELECT patient FROM resource WHERE {OF_KEY}"
OWNED = "SELECT type, id, patient FROM resource WHERE tenant = ? AND id IN ({}) AND patient <> ''"
OWNED_THERE = (
    "SELECT r.type, r.id, r.patient FROM unnest(?::text[]) AS n (id) CROSS JOIN LATERAL (SELECT * FROM resource o "
    "WHERE o.tenant = ? AND o.id = n.id COLLATE \"C\" AND o.patient <> '' OFFSET 0) r"
)
KNOWN = (
    "SELECT i.system FROM resource_index i WHERE i.tenant = ? AND i.type = 'Patient' AND i.parameter = 'identifier' "
    "AND i.value = ? AND i.low IS NULL"
)
OF_CONTENT = (  # the first record that a Binary is a content of
    "SELECT r.patient FROM resource_index i JOIN resource r ON r.tenant = i.tenant AND r.id = i.id AND r.type = i.type "
    f"WHERE i.tenant = ? AND i.type = 'DocumentReference' AND i.parameter = '{CONTENT}' AND i.system = 'Binary' AND i.value = ? "
    "AND i.low IS NULL AND r.patient <> '' ORDER BY r.updated, r.id LIMIT 1"
)
OWN = [f"UPDATE {table} SET patient = ? WHERE {OF_KEY} AND patient = ''" for table in ("resource", "resource_version")]
FORGET = f"DELETE FROM resource_index WHERE {OF_KEY}"
BLOCKED_BY = ("Consent", "Patient")  # types that say who is hidden from whom
PATIENT = "(SELECT h.patient FROM resource h WHERE h.tenant = r.tenant AND h.id = r.id AND h.type = r.type)"  # of a candidate


class Resources(Following):
    def read(self, tenant: str, type: str, id: str, version: int | None = None) -> Stored | None:
        named = (key(tenant), key(id), key(type))
        rows = self.ask(NEWEST, named) if version is None else self.ask(NAMED, (*named, version))
        stored, hidden = stored_as(type, id, rows), self.hidden(tenant)  # asked in any case, so that all takes as long
        if stored is None or not hidden:
            return stored
        owners = {stored.patient, *(row[0] for row in self.ask(OWNER, named))}  # an older version may have been another's
        return None if owners & hidden else stored

    def read_all(self, tenant: str, names: Sequence[Name]) -> list[Stored]:
        newest, hidden = self._newest(tenant, names), self.hidden(tenant)
        return [newest[name] for name in names if name in newest and newest[name].patient not in hidden]

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
        values: list[Any] = [key(tenant), key(type)] if id is None else [key(tenant), key(id), key(type)]
        sql = OF_TYPE if id is None else OF_ONE
        order = ("v.version",) if id is not None else ("v.updated", "v.id", "v.version")
        for owner in ("v.patient", PATIENT.replace("r.", "v.")):  # of the version, and of what it has become
            if (shown := self.shown(tenant, owner)) is not ALL:
                sql, values = f"{sql} AND {shown.text}", [*values, *shown.values]
        if since is not None:
            sql, values = f"{sql} AND v.updated >= ?", [*values, micros(since)]
        if before is not None:
            sql, values = f"{sql} AND v.updated < ?", [*values, micros(before)]
        if after is not None:
            sql, values = f"{sql} AND ({', '.join(order)}) < ({', '.join('?' for _ in order)})", [*values, *after]
        newest_first = ", ".join(f"{column} DESC" for column in order)
        rows = self.ask(f"{sql} ORDER BY {newest_first} LIMIT ?", (*values, limit + 1))
        found = rows[:limit]
        last = ([found[-1][2]] if id is not None else [found[-1][3], found[-1][1], found[-1][2]]) if found else None
        return Page([_stored(row) for row in found], last if len(rows) > limit else None)

    def search(self, tenant: str, query: Query) -> Page:
        return self._search(tenant, query).page()

    def count(self, tenant: str, query: Query, most: int | None = None) -> int:
        return self._search(tenant, query).count(most)

    def _search(self, tenant: str, query: Query) -> Search:
        ask = self.asking_in_time()
        shown = self.shown(tenant, PATIENT)
        found = followed(ask, self.postgresql, tenant, query, shown)
        return Search(ask, self.postgresql, tenant, found, shown)

    def put(self, tenant: str, drafts: Sequence[Draft], now: datetime, message_id: str = "") -> list[Stored]:
        before = self._newest(tenant, [(draft.type, draft.id) for draft in drafts if not draft.new])
        if any(stored.patient and stored.patient in self.hidden(tenant) for stored in before.values()):
            raise Problem(OVERTAKEN)  # an id that we work out, of what the caller's work did not see: it is not to be laid over
        newest, indexes = dict(before), _indexes(drafts, before)
        owners = self._owners(tenant, indexes)
        made: list[Stored] = []
        kept: list[Stored] = []
        for draft in drafts:
            name = draft.type, draft.id
            stored = newest.get(name)
            if stored is None or (name in indexes and draft.make(stored.version, stored.updated) != stored.body):
                version = stored.version + 1 if stored else 1
                stored = newest[name] = Stored(*name, version, now, draft.make(version, now), owners[name])
                made.append(stored)
            kept.append(stored)
        if made:
            self.add(resource_version, [version_of(tenant, stored) for stored in made])
            changed = [name for name in indexes if newest[name] is not before.get(name)]
            self.tell(FORGET, [(key(tenant), key(id), key(type)) for type, id in changed if (type, id) in before])
            self.find(tenant, [(newest[name], indexes[name]) for name in changed])
            self._own_contents(tenant, made, indexes)
            self.note_changes(tenant, made)
            if any(name[0] in BLOCKED_BY for name in indexes):
                self._found.clear()
        if message_id and kept:
            self._record(tenant, message_id, kept)
        return kept

    def _owners(self, tenant: str, indexes: Mapping[Name, Index]) -> dict[Name, str]:
        """Whose record each resource belongs to. What names no patient belongs with the first record that it refers to: a
        Provenance of a Task with that Task, so that who does not see the one does not see the other.
        """
        owners = {name: self._whose(tenant, index) for name, index in indexes.items()}
        leads = {
            name: [(e.system, e.value) for e in index.entries if e.system and e.value]
            for name, index in indexes.items()
            if not index.patient
        }
        ids = list({key(id) for names in leads.values() for type, id in names if type.isalpha() and not owners.get((type, id))})
        there: dict[Name, str] = {}
        for some in _bounded(ids):
            if self.postgresql:
                rows = self.ask(OWNED_THERE, (some, key(tenant)))
            else:
                rows = self.ask(OWNED.format(", ".join("?" for _ in some)), (key(tenant), *some))
            there |= {(type, id): patient for type, id, patient in rows}
        for name, names in leads.items():
            owners[name] = next((found for one in names if (found := owners.get(one) or there.get(one))), "")
            if not owners[name] and name[0] == "Binary":
                owners[name] = next((row[0] for row in self.ask(OF_CONTENT, (key(tenant), key(name[1])))), "")
        return owners

    def _whose(self, tenant: str, index: Index) -> str:
        """Whose record it is: of several names of a contained Patient the one that a Patient here has, else the first."""
        for name in index.names:
            system, bar, value = name.rpartition("|")
            if not bar or any(system in ("", row[0]) for row in self.ask(KNOWN, (key(tenant), key(value)))):
                return name
        return index.patient

    def _own_contents(self, tenant: str, made: Sequence[Stored], indexes: Mapping[Name, Index]) -> None:
        """What a record's DocumentReferences have as their contents is of that record, where it was nobody's."""
        for one in made:
            if one.type == "DocumentReference" and one.patient:
                entries = indexes[one.type, one.id].entries
                named = [(key(one.patient), key(tenant), key(e.value), "Binary") for e in entries if e.parameter == CONTENT]
                for own in OWN:
                    self.tell(own, named)

    def find(self, tenant: str, changed: Sequence[tuple[Stored, Index]]) -> None:
        """Make the newest versions found by what they hold."""
        self.tell(SET_NEWEST, [head_of(tenant, stored, index) for stored, index in changed])
        self.add(resource_index, [row for stored, index in changed for row in entries_of(tenant, stored, index)])

    def message_resources(self, tenant: str, message_id: str) -> list[Stored]:
        found, hidden = self.ask(OF_MESSAGE, (key(tenant), key(message_id))), self.hidden(tenant)
        return [_stored(row) for row in found if row[-1] not in hidden]

    def missing_of_message(self, tenant: str, message_id: str) -> int:
        return int(self.ask(MISSING, (key(tenant), key(message_id)))[0][0])

    def _newest(self, tenant: str, names: Sequence[Name]) -> dict[Name, Stored]:
        """What is stored under these names, in one question. Ids are rarely shared by types."""
        if len(names) == 1:
            ((type, id),) = names
            stored = stored_as(type, id, self.ask(NEWEST, (key(tenant), key(id), key(type))))
            return {} if stored is None else {names[0]: stored}
        if self.postgresql:
            kept = list(dict.fromkeys((key(type), key(id)) for type, id in names))
            types, ids = [type for type, _ in kept], [id for _, id in kept]
            return {(row[0], row[1]): _stored(row) for row in self.ask(CURRENT_THERE, (types, ids, key(tenant)))}
        found: dict[Name, Stored] = {}
        for some in _bounded(list(dict.fromkeys(key(id) for _, id in names))):
            rows = self.ask(f"{CURRENT} AND r.id IN ({', '.join('?' for _ in some)})", (key(tenant), *some))
            found |= {(row[0], row[1]): _stored(row) for row in rows}
        return found

    def _record(self, tenant: str, message_id: str, kept: Sequence[Stored]) -> None:
        owner, message = key(tenant), key(message_id)
        known = self._made.get(message)  # by this unit, which added the message
        if known is None:
            known = set(self.ask(RECORDED, (owner, message)))
        names = dict.fromkeys((key(s.type), key(s.id), s.version) for s in kept)
        new = [name for name in names if name not in known]
        self.add(message_resource, [(owner, message, at, *name) for at, name in enumerate(new, len(known))])
        known.update(new)
        if patient := next((one.patient for one in kept if one.patient), ""):
            self.tell(IS_ABOUT, [(key(patient), message, owner)])


def _indexes(drafts: Sequence[Draft], before: Mapping[Name, Stored]) -> dict[Name, Index]:
    """What the drafts that differ from what is stored are found by; of several of one name the last."""

    def differs(draft: Draft) -> bool:
        stored = before.get((draft.type, draft.id))
        return stored is None or draft.make(stored.version, stored.updated) != stored.body

    names = {(draft.type, draft.id) for draft in drafts if differs(draft)}
    last = {name: draft for draft in drafts if (name := (draft.type, draft.id)) in names}
    return {name: draft.index if isinstance(draft.index, Index) else draft.index() for name, draft in last.items()}


def _bounded(ids: list[str]) -> Iterator[list[str]]:
    """SQLite bounds the marks of a statement."""
    return (ids[start : start + 500] for start in range(0, len(ids), 500))


def version_of(tenant: str, stored: Stored) -> Columns:
    """The row of `resource_version`."""
    return (key(tenant), key(stored.type), key(stored.id), stored.version, micros(stored.updated), stored.body, key(stored.patient))


def head_of(tenant: str, stored: Stored, index: Index) -> Columns:
    """The row of `resource`."""
    named = (key(tenant), key(stored.type), key(stored.id))
    return (*named, stored.version, micros(stored.updated), key(index.status), key(stored.patient))


def entries_of(tenant: str, stored: Stored, index: Index) -> Iterator[Columns]:
    """The rows of `resource_index`."""
    named, of = (key(tenant), stored.type, key(stored.id)), (key(index.status), micros(stored.updated))
    for position, (parameter, system, value, low, high) in enumerate(dict.fromkeys(index.entries)):
        if low is None and high is None:
            yield (*named, parameter, position, key(system), key(value), None, None, *of)
        else:
            bounds = (LOWEST if low is None else micros(low), HIGHEST if high is None else micros(high))
            yield (*named, parameter, position, "", "", *bounds, *of)


def stored_as(type: str, id: str, rows: Sequence[Columns]) -> Stored | None:
    """What `NEWEST` and `NAMED` have found."""
    return Stored(type, id, rows[0][0], moment(rows[0][1]), rows[0][2], rows[0][3]) if rows else None


def _stored(row: Columns) -> Stored:
    return Stored(row[0], row[1], row[2], moment(row[3]), row[4], row[5])
