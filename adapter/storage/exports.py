"""What was asked for in bulk: which versions stood at a moment, and the exports that are made of them."""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from adapter.ports import Export, ExportFile, Stood
from adapter.storage.blocking import Blocking
from adapter.storage.conditions import ALL
from adapter.storage.resources import PATIENT
from adapter.storage.rows import given, keeping
from adapter.storage.tables import export, export_file, key, micros, moment

# One walk through an index. It is of versions, which never change their time, while a resource moves with each change.
STOOD: Final = (
    "SELECT v.updated, v.id, v.version, length(v.body) FROM resource_version v WHERE v.tenant = ? AND v.type = ? "
    "AND v.updated <= ? AND v.version = (SELECT max(n.version) FROM resource_version n WHERE n.tenant = v.tenant AND n.id = v.id "
    "AND n.type = v.type AND n.updated <= ?)"
)
OWNERS: Final = ("v.patient", PATIENT.replace("r.", "v."))
"""Whose record it is: of the version, and of what it has become."""

EXPORT: Final = tuple(field.name for field in fields(Export))
FILE: Final = tuple(field.name for field in fields(ExportFile))
FOUND: Final = f"SELECT {', '.join(EXPORT)} FROM export"
CHANGE: Final = (
    "UPDATE export SET state = ?, ended = ?, progress = ?, error = ? WHERE id = ? AND state = ? AND progress = ? RETURNING id"
)
_kept, _export = keeping(export, export.c.keys()), given(export, EXPORT)
_file_kept, _file = keeping(export_file, export_file.c.keys()), given(export_file, FILE)


class Exports(Blocking):
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
        sql, values = STOOD, list[Any]([key(tenant), key(type), micros(at), micros(at)])
        if of_patients:
            sql += " AND v.patient <> ''"
        for owner in OWNERS:
            if (shown := self.shown(tenant, owner)) is not ALL:
                sql, values = f"{sql} AND {shown.text}", [*values, *shown.values]
        if since is not None:
            sql, values = f"{sql} AND v.updated >= ?", [*values, micros(since)]
        if after is not None:
            sql, values = f"{sql} AND (v.updated, v.id, v.version) > (?, ?, ?)", [*values, micros(after[0]), *after[1:3]]
        rows = self.ask(f"{sql} ORDER BY v.updated, v.id, v.version LIMIT ?", (*values, limit))
        return [Stood(moment(row[0]), *row[1:]) for row in rows]

    def ask_export(self, asked: Export) -> None:
        self.add(export, [_kept(asked)])

    def export(self, id: str) -> Export | None:
        return next((Export(*_export(row)) for row in self.ask(f"{FOUND} WHERE id = ?", (key(id),))), None)

    def exports(self, tenant: str | None = None) -> list[Export]:
        which, value = ("state", "asked") if tenant is None else ("tenant", key(tenant))
        return [Export(*_export(row)) for row in self.ask(f"{FOUND} WHERE {which} = ? ORDER BY requested, id", (value,))]

    def go_on_with_export(self, now: Export, was: Export, file: ExportFile | None = None) -> bool:
        ended = None if now.ended is None else micros(now.ended)
        found = self.ask(CHANGE, (now.state, ended, now.progress, now.error, key(was.id), was.state, was.progress))
        if found and file is not None:
            self.add(export_file, [_file_kept(file)])
        return bool(found)

    def export_files(self, id: str) -> list[ExportFile]:
        rows = self.ask(f"SELECT {', '.join(FILE[:-1])} FROM export_file WHERE export = ? ORDER BY number", (key(id),))
        return [ExportFile(*row) for row in rows]

    def export_file(self, id: str, number: int) -> ExportFile | None:
        rows = self.ask(f"SELECT {', '.join(FILE)} FROM export_file WHERE export = ? AND number = ?", (key(id), number))
        return next((ExportFile(*_file(row)) for row in rows), None)

    def drop_export(self, id: str) -> None:
        self.tell("DELETE FROM export_file WHERE export = ?", [(key(id),)])
        self.tell("DELETE FROM export WHERE id = ?", [(key(id),)])

    def drop_old_exports(self, before: datetime) -> int:
        old = self.ask("SELECT id FROM export WHERE ended < ?", (micros(before),))
        for (id,) in old:
            self.drop_export(id)
        return len(old)
