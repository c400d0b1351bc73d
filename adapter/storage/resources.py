"""Versioned resources (https://hl7.org/fhir/R4/http.html#versioning): every version is kept, the newest can be found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, literal, or_, select, tuple_, update

from adapter.ports import Draft, Query, Stored
from adapter.storage.rows import STORED, Columns, Part, to_stored
from adapter.storage.tables import Moment, message_resource, resource, resource_identifier, resource_version

Name = tuple[str, str]  # type and id
KEY = ("tenant", "type", "id")
COLUMNS = [resource_version.c[name] for name in STORED]
NEWEST = and_(*(resource_version.c[name] == resource.c[name] for name in (*KEY, "version")))


class Resources(Part):
    def read(self, tenant: str, type: str, id: str, version: int | None = None) -> Stored | None:
        found = _versions(tenant, type, id)
        if version is not None:
            found = found.where(resource_version.c.version == version)
        return next(iter(self._stored_of(found.limit(1))), None)

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
        found = select(*COLUMNS).join_from(resource, resource_version, NEWEST).where(*wanted)
        return self._stored_of(found.order_by(resource.c.updated.desc(), resource.c.id.desc()).limit(query.limit))

    def count(self, tenant: str, query: Query) -> int:
        return self.connection.scalar(select(func.count()).select_from(resource).where(*_conditions(tenant, query))) or 0

    def put(self, tenant: str, drafts: Sequence[Draft], now: datetime, message_id: str = "") -> list[Stored]:
        before = self._newest(tenant, drafts)
        newest = dict(before)
        made: list[Stored] = []
        kept: list[Stored] = []
        for draft in drafts:
            old = newest.get((draft.type, draft.id))
            if old is None or draft.make(old.version, old.updated) != old.body:
                version = old.version + 1 if old else 1
                old = newest[draft.type, draft.id] = Stored(draft.type, draft.id, version, now, draft.make(version, now))
                made.append(old)
            kept.append(old)
        if made:
            self._add_versions(tenant, made)
            self._change_heads(tenant, before, {(d.type, d.id): (newest[d.type, d.id], d) for d in drafts})
        if message_id and kept:
            self._record(tenant, message_id, kept)
        return kept

    def message_resources(self, tenant: str, message_id: str) -> list[Stored]:
        made = and_(*(message_resource.c[name] == resource_version.c[name] for name in (*KEY, "version")))
        found = select(*COLUMNS).join_from(message_resource, resource_version, made)
        of_message = (message_resource.c.tenant == tenant, message_resource.c.message_id == message_id)
        return self._stored_of(found.where(*of_message).order_by(message_resource.c.position))

    def _stored_of(self, statement: Select[*Columns]) -> list[Stored]:
        return [to_stored(row) for row in self.connection.execute(statement)]

    def _newest(self, tenant: str, drafts: Sequence[Draft]) -> dict[Name, Stored]:
        """What is stored of the drafts' resources, in one question: types and ids apart, for the index; ids are rarely shared."""
        types, ids = sorted({draft.type for draft in drafts}), sorted({draft.id for draft in drafts})
        named = (resource.c.tenant == tenant, resource.c.type.in_(types), resource.c.id.in_(ids))
        found = select(*COLUMNS).join_from(resource, resource_version, NEWEST).where(*named)
        return {(old.type, old.id): old for old in self._stored_of(found)}

    def _add_versions(self, tenant: str, made: Sequence[Stored]) -> None:
        rows = [{"tenant": tenant} | {name: getattr(stored, name) for name in STORED} for stored in made]
        self.connection.execute(insert(resource_version), rows)

    def _change_heads(self, tenant: str, before: dict[Name, Stored], after: dict[Name, tuple[Stored, Draft]]) -> None:
        changed = {name: pair for name, pair in after.items() if pair[0] is not before.get(name)}
        new = [_head(tenant, *pair) for name, pair in changed.items() if name not in before]
        known = [_by_key(_head(tenant, *pair)) for name, pair in changed.items() if name in before]
        identifiers = [
            {"tenant": tenant, "type": draft.type, "id": draft.id, "system": system, "value": value}
            for _, draft in changed.values()
            for system, value in dict.fromkeys(draft.index.identifiers)
        ]
        if new:
            self.connection.execute(insert(resource), new)
        if known:
            self.connection.execute(CHANGE_HEAD, known)
            self.connection.execute(FORGET_IDENTIFIERS, known)
        if identifiers:
            self.connection.execute(insert(resource_identifier), identifiers)

    def _record(self, tenant: str, message_id: str, kept: Sequence[Stored]) -> None:
        of_message = (message_resource.c.tenant == tenant, message_resource.c.message_id == message_id)
        recorded = select(message_resource.c.type, message_resource.c.id, message_resource.c.version).where(*of_message)
        known = {tuple(row) for row in self.connection.execute(recorded)}
        new = [key for key in dict.fromkeys((stored.type, stored.id, stored.version) for stored in kept) if key not in known]
        rows = [
            {"tenant": tenant, "message_id": message_id, "position": position, "type": type, "id": id, "version": version}
            for position, (type, id, version) in enumerate(new, len(known))
        ]
        if rows:
            self.connection.execute(insert(message_resource), rows)


# `of_` marks the key in the parameters of what changes a row; the columns it sets are named as they are.
CHANGE_HEAD = update(resource).where(*(resource.c[name] == bindparam(f"of_{name}") for name in KEY))
FORGET_IDENTIFIERS = delete(resource_identifier).where(*(resource_identifier.c[name] == bindparam(f"of_{name}") for name in KEY))


def _head(tenant: str, stored: Stored, draft: Draft) -> dict[str, Any]:
    named = {"tenant": tenant, "type": stored.type, "id": stored.id}
    return named | {
        "version": stored.version,
        "updated": stored.updated,
        "status": draft.index.status,
        "patient": draft.index.patient,
    }


def _by_key(row: dict[str, Any]) -> dict[str, Any]:
    return {f"of_{name}" if name in KEY else name: value for name, value in row.items()}


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


def _identified(tenant: str, query: Query) -> Select[tuple[str]]:
    any_of = [
        and_(
            literal(True) if system is None else resource_identifier.c.system == system,
            literal(True) if value is None else resource_identifier.c.value == value,
        )
        for system, value in query.identifiers
    ]
    of_type = (resource_identifier.c.tenant == tenant, resource_identifier.c.type == query.type)
    return select(resource_identifier.c.id).where(*of_type, or_(*any_of))
