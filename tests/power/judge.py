"""What must hold of a disk after a power cut, looked at with SQLite alone."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from tests.power.installation import Told

Contents = Mapping[str, bytearray | None]


def lay_out(folder: Path, contents: Contents, before: Contents = MappingProxyType({})) -> None:
    """Make the folder hold these files and no others. `before` is what was laid out there the last time: of the hub's files,
    which nobody has changed since, the same are left.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        if str(path.relative_to(folder)) not in contents:
            path.rmdir() if path.is_dir() else path.unlink()
    for name, content in contents.items():
        if content is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if content is not None and not (name.startswith("hub/") and before.get(name) == content):
            (folder / name).write_bytes(content)


def faults(folder: Path, contents: Contents, told: Sequence[Told], dropped: Mapping[str, bytes]) -> list[str]:
    """What is wrong with it. `told` are the answers that clients had before the cut, `dropped` the files they had put in."""
    if "stafett.db" not in contents:
        return ["lost: the database"] if told else []
    with closing(sqlite3.connect(folder / "stafett.db")) as database:
        database.execute("PRAGMA synchronous = OFF")  # what it does at the end is not looked at
        if unsound := list(_unsound(database)):
            return unsound
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'").fetchone():
            return ["lost: the tables"] if told else []
        return [*_told(database, told), *_files(database, contents, dropped), *_wholes(database)]


def _unsound(database: sqlite3.Connection) -> Iterator[str]:
    """What `PRAGMA integrity_check` finds. SQLite 3.40.0 to 3.41.0 (Debian 12) sees NULL in tables WITHOUT ROWID whose key has
    another order than their columns, where there is none: that is asked for itself.
    """
    for (found,) in database.execute("PRAGMA integrity_check(100000)").fetchall():
        table, _, column = found.removeprefix("NULL value in ").partition(".")
        if found == "ok" or (column and not database.execute(f"SELECT 1 FROM {table} WHERE typeof({column}) = 'null'").fetchone()):
            continue
        yield f"integrity_check: {found}"


def _told(database: sqlite3.Connection, told: Sequence[Told]) -> Iterator[str]:
    messages = dict(database.execute("SELECT m.id, x.xml FROM message m JOIN message_xml x ON x.message_id = m.id"))
    versions = {
        ("Organization", id, str(version)): body
        for id, version, body in database.execute("SELECT id, version, body FROM resource_version WHERE type = 'Organization'")
    }
    for one in told:
        kept = messages.get(one.name[0]) if one.kind == "message" else versions.get(one.name)
        if kept is None:
            yield f"lost: {one.kind} {'/'.join(one.name)}"
        elif kept != one.body:
            yield f"other bytes: {one.kind} {'/'.join(one.name)}"


def _files(database: sqlite3.Connection, contents: Contents, dropped: Mapping[str, bytes]) -> Iterator[str]:
    files = {name: bytes(content) for name, content in contents.items() if content is not None}
    rows = {
        f"hub/out/{id}.xml": (state, body)
        for id, state, body in database.execute("SELECT id, state, body FROM outbox WHERE hub = 'folder'")
    }
    out = {name: data for name, data in files.items() if name.startswith("hub/out/") and name.endswith(".xml")}
    for name, data in out.items():
        if name not in rows or rows[name][1] != data:
            yield f"not what the outbox says: {name}"
    for name, (state, _) in rows.items():
        if state == "sent" and name not in out:
            yield f"sent, and not there: {name}"
    kept = {
        xml
        for (xml,) in database.execute(
            "SELECT x.xml FROM message m JOIN message_xml x ON x.message_id = m.id WHERE m.hub = 'folder'"
        )
    }
    for name, data in files.items():
        if name.startswith("hub/done/") and data not in kept:
            yield f"done, and not kept: {name}"
    there = {data for name, data in files.items() if name.startswith(("hub/in/", "hub/done/"))}
    for name, data in dropped.items():
        if data not in there:
            yield f"vanished: {name}"


def _wholes(database: sqlite3.Connection) -> Iterator[str]:
    """A message that was processed has its effect and its answer: they are of one commit."""
    halves = """
        SELECT id FROM message WHERE state = 'processed'
        AND NOT (EXISTS (SELECT 1 FROM outbox o WHERE o.message_id = message.id)
        AND EXISTS (SELECT 1 FROM message_resource r WHERE r.message_id = message.id AND r.type = 'ServiceRequest'))
    """
    for (id,) in database.execute(halves):
        yield f"half: message {id}"


def effects(folder: Path, sent: Collection[str]) -> Iterator[str]:
    """What is wrong when all is done: each message (MsgId) has been received once, has its effect once and one answer."""
    asked = {
        "received": "SELECT msg_id FROM message WHERE state = 'processed'",
        "answered": "SELECT m.msg_id FROM outbox o JOIN message m ON m.id = o.message_id WHERE o.kind = 'apprec'",
        "referred": "SELECT m.msg_id FROM message_resource r JOIN message m ON m.id = r.message_id WHERE r.type = 'ServiceRequest'",
    }
    with closing(sqlite3.connect(folder / "stafett.db")) as database:
        for what, sql in asked.items():
            found = Counter(msg_id for (msg_id,) in database.execute(sql))
            for msg_id in {*sent, *found}:
                if found[msg_id] != 1:
                    yield f"{what} {found[msg_id]} times: {msg_id}"
        for type in ("ServiceRequest", "EpisodeOfCare"):
            kept = database.execute("SELECT count(*), count(DISTINCT id) FROM resource_version WHERE type = ?", (type,)).fetchone()
            if kept != (len(sent), len(sent)):
                yield f"{type}: {kept[0]} versions of {kept[1]}, not of {len(sent)}"
