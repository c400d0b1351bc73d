"""Versioned resources (https://hl7.org/fhir/R4/http.html#versioning): every version is kept, the newest can be found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from adapter.ports import Draft, Index, Query, Stored
from adapter.storage.rows import STORED, Columns, Part, add_all, to_stored
from adapter.storage.tables import Moment, message_resource, resource, resource_identifier, resource_version

Name = tuple[str, str]  # type and id
KEY = ("tenant", "type", "id")
COLUMNS = [resource_version.c[name] for name in STORED]
NEWEST = and_(*(resource_version.c[name] == resource.c[name] for name in (*KEY, "version")))
CURRENT = select(*COLUMNS).join_from(resource, resource_version, NEWEST)
NAMED = CURRENT.where(resource.c.tenant == bindparam("tenant"), resource.c.id.in_(bindparam("ids", expanding=True)))
RECORDED = select(message_resource.c.type, message_resource.c.id, message_resource.c.version).where(
    message_resource.c.tenant == bindparam("tenant"), message_resource.c.message_id == bindparam("message_id")
)
FORGET_IDENTIFIERS, FORGET = (
    delete(table).where(*(table.c[name] == bindparam(name) for name in KEY)) for table in (resource_identifier, resource)
)


class Resources(Part):
    def read(self, tenant: str, type: str, id: str, version: int | None = None) -> Stored | None:
        found = _versions(tenant, type, id)
        if version is not None:
            found = found.where(resource_version.c.version == version)
        return next(iter(self._stored_of(found.limit(1))), None)

    def read_all(self, tenant: str, names: Sequence[Name]) -> list[Stored]:
        newest = self._newest(tenant, [id for _, id in names])
        return [newest[name] for name in names if name in newest]

    def history(self, tenant: str, type: str, id: str, before: int | None, limit: int) -> list[Stored]:
        found = _versions(tenant, type, id)
        if before is not None:
            found = found.where(resource_version.c.version < before)
        return self._stored_of(found.limit(limit))

    def search(self, tenant: str, query: Query) -> list[Stored]:
        wanted = _conditions(tenant, query)
        if query.after is not None:
            updated, id = query.after
            wanted.append(tuple_(resource.c.updated, resource.c.id) < tuple_(literal(updated, Moment), literal(id)))
        newest_first = (resource.c.updated.desc(), resource.c.id.desc())
        return self._stored_of(CURRENT.where(*wanted).order_by(*newest_first).limit(query.limit))

    def count(self, tenant: str, query: Query) -> int:
        return self.connection.scalar(select(func.count()).select_from(resource).where(*_conditions(tenant, query))) or 0

    def put(self, tenant: str, drafts: Sequence[Draft], now: datetime, message_id: str = "") -> list[Stored]:
        before = self._newest(tenant, [draft.id for draft in drafts])
        newest = dict(before)
        made: list[Stored] = []
        kept: list[Stored] = []
        for draft in drafts:
            stored = newest.get((draft.type, draft.id))
            if stored is None or draft.make(stored.version, stored.updated) != stored.body:
                version = stored.version + 1 if stored else 1
                stored = newest[draft.type, draft.id] = Stored(draft.type, draft.id, version, now, draft.make(version, now))
                made.append(stored)
            kept.append(stored)
        if made:
            add_all(self.connection, resource_version, [(tenant, s.type, s.id, s.version, s.updated, s.body) for s in made])
            last = {(draft.type, draft.id): draft for draft in drafts}
            changed = [name for name in last if newest[name] is not before.get(name)]
            self._forget(tenant, [name for name in changed if name in before])
            self._find(tenant, [(newest[name], last[name].index) for name in changed])
        if message_id and kept:
            self._record(tenant, message_id, kept)
        return kept

    def message_resources(self, tenant: str, message_id: str) -> list[Stored]:
        made = and_(*(message_resource.c[name] == resource_version.c[name] for name in (*KEY, "version")))
        found = select(*COLUMNS).join_from(message_resource, resource_version, made)
        of_message = (message_resource.c.tenant == tenant, message_resource.c.message_id == message_id)
        return self._stored_of(found.where(*of_message).order_by(message_resource.c.position))

    def _stored_of(self, statement: Select[*Columns], parameters: dict[str, Any] | None = None) -> list[Stored]:
        return [to_stored(row) for row in self.connection.execute(statement, parameters)]

    def _newest(self, tenant: str, ids: Sequence[str]) -> dict[Name, Stored]:
        """What is stored under these ids, in one question. Ids are rarely shared by types."""
        named = {"tenant": tenant, "ids": list(set(ids))}
        return {(old.type, old.id): old for old in self._stored_of(NAMED, named)}

    def _forget(self, tenant: str, names: Sequence[Name]) -> None:
        """Of resources with a new version: what the old one was found by."""
        if names:
            keys = [{"tenant": tenant, "type": type, "id": id} for type, id in names]
            self.connection.execute(FORGET_IDENTIFIERS, keys)
            self.connection.execute(FORGET, keys)

    def _find(self, tenant: str, changed: Sequence[tuple[Stored, Index]]) -> None:
        """Make the newest versions found by what they hold."""
        heads = [(tenant, s.type, s.id, s.version, s.updated, index.status, index.patient) for s, index in changed]
        add_all(self.connection, resource, heads)
        named = [(tenant, s.type, s.id, *identifier) for s, index in changed for identifier in dict.fromkeys(index.identifiers)]
        add_all(self.connection, resource_identifier, named)

    def _record(self, tenant: str, message_id: str, kept: Sequence[Stored]) -> None:
        known = {tuple(row) for row in self.connection.execute(RECORDED, {"tenant": tenant, "message_id": message_id})}
        new = [key for key in dict.fromkeys((s.type, s.id, s.version) for s in kept) if key not in known]
        add_all(self.connection, message_resource, [(tenant, message_id, at, *key) for at, key in enumerate(new, len(known))])


def _versions(tenant: str, type: str, id: str) -> Select[*Columns]:
    key = (resource_version.c.tenant == tenant, resource_version.c.type == type, resource_version.c.id == id)
    return select(*COLUMNS).where(*key).order_by(resource_version.c.version.desc())


def _conditions(tenant: str, query: Query) -> list[ColumnElement[bool]]:
    wanted = [resource.c.tenant == tenant, resource.c.type == query.type]
    if query.ids:
        wanted.append(resource.c.id.in_(query.ids))
    if query.identifiers:
        wanted.append(resource.c.id.in_(_identified(tenant, query)))
    if query.patient:
        wanted.append(resource.c.patient == query.patient)
    if query.statuses:
        wanted.append(resource.c.status.in_(query.statuses))
    if query.since is not None:
        wanted.append(resource.c.updated >= query.since)
    if query.before is not None:
        wanted.append(resource.c.updated < query.before)
    return wanted


def _identified(tenant: str, query: Query) -> Select[str]:
    any_of = [
        and_(
            literal(True) if system is None else resource_identifier.c.system == system,
            literal(True) if value is None else resource_identifier.c.value == value,
        )
        for system, value in query.identifiers
    ]
    of_type = (resource_identifier.c.tenant == tenant, resource_identifier.c.type == query.type)
    return select(resource_identifier.c.id).where(*of_type, or_(*any_of))
