"""Databases as earlier programs left them (`versions/README.md`): their tables by the migrations up to theirs, and their rows.

make(url, "0003")       # a database of the third version, with something in each of its tables
rows("0003")["outbox"]  # what is in it
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Connection, MetaData, Table, insert

from adapter.storage import schema
from adapter.storage.engines import connect

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
HERE = Path(__file__).parent / "versions"
ORDER = ("setting", "message", "message_xml")  # the rest has no order

NINTH = ("subscription", "subscription_standing", "subscription_event", "subscription_attempt", "change", "export", "export_file")

# What came after a version: tables, or columns of one. From the migrations.
LATER: dict[str, dict[str, tuple[str, ...]]] = {
    "0002": {"outbox": ("about", "earlier", "outcome"), "shared": (), "partner": (), "trouble": ()},
    "0003": {"message": ("patient",), "resource": ("patient",), "resource_version": ("patient",)},
    "0004": {"audit": (), "audit_about": (), "audit_awaiting": (), "proof": ()},
    "0005": {"session": ()},
    "0006": {"process": (), "in_hand": ()},
    "0008": dict.fromkeys(NINTH, ()),
}

Rows = dict[str, list[dict[str, Any]]]


@cache
def rows(version: str) -> Rows:
    """By table, each row by its columns; bytes as bytes."""
    if version == "0001":
        return _read("v0001.json")
    found = _read("v0006.json")
    for since, by_table in tomllib.loads((HERE / "by_hand.toml").read_text("utf-8")).items():
        if since <= version[-1]:
            for table, row in by_table.items():
                found.setdefault(table, []).append({name: _value(value) for name, value in row.items()})
    for last, later in LATER.items():
        if version <= last:
            for table, columns in later.items():
                if columns:
                    found[table] = [{k: v for k, v in row.items() if k not in columns} for row in found[table]]
                else:
                    found.pop(table, None)
    if version < "0006":  # its program knew other parameters, and had not looked whom messages name
        found["setting"] = [row for row in found["setting"] if row["name"] == "installation-key"]
        found["setting"].append({"name": "index", "value": b"those of that day"})
    return found


def make(url: str, version: str) -> None:
    """The tables of `version` with its rows."""
    engine = connect(url).claiming
    with engine.begin() as connection:
        up_to(connection, version)
        put(connection, rows(version))
    engine.dispose()


def up_to(connection: Connection, version: str) -> None:
    config = schema._config()
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def put(connection: Connection, rows: Rows) -> None:
    """Rows by the tables that are there, whatever today's program takes them to be."""
    there = MetaData()
    for name in sorted(rows, key=lambda table: (ORDER.index(table) if table in ORDER else len(ORDER), table)):
        table = Table(name, there, autoload_with=connection, resolve_fks=False)
        columns = {column.name: column.type for column in table.columns}
        for row in rows[name]:  # one by one: they need not have the same columns
            connection.execute(insert(table), {k: bool(v) if str(columns[k]) == "BOOLEAN" else v for k, v in row.items()})


def _read(name: str) -> Rows:
    said = json.loads((HERE / name).read_text("utf-8"))
    return {
        table: [{k: _value(v) for k, v in zip(of["columns"], row, strict=True)} for row in of["rows"]] for table, of in said.items()
    }


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"]) if "hex" in value else value["text"].encode()
    return value
