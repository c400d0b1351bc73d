"""Whether the database's tables are as `adapter.storage.tables` says: a version number alone says that a migration was run, not
what it left, nor what somebody has done since.

What is there beside (an operator's table or index) is no fault, unless it could refuse a row of ours: a column that we do not
know, or a further unique index. The database's own tables about tables are asked, two questions that take some milliseconds
(https://www.sqlite.org/pragma.html#pragfunc, https://www.postgresql.org/docs/current/catalogs.html), so that it is affordable at
every start and every look at the service's health.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Dialect, Index, Table, UniqueConstraint, text

from adapter.storage.tables import metadata

# table, column, type, whether it must have a value, and its place in the primary key
COLUMNS: Final = {
    "sqlite": """SELECT t.name, c.name, upper(c.type), c."notnull", nullif(c.pk, 0)
        FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'""",
    "postgresql": """SELECT t.relname, c.attname, upper(format_type(c.atttypid, c.atttypmod)), c.attnotnull,
          1 + array_position(k.indkey::int2[], c.attnum)
        FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary
        WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
          AND c.attnum > 0 AND NOT c.attisdropped""",
}
# table, index, whether it is unique, whether it is of some rows only, and a column, in the index's order; no primary keys, and
# none that PostgreSQL could not finish
INDEXES: Final = {
    "sqlite": """SELECT t.name, i.name, i."unique", i.partial, c.name
        FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
        WHERE t.type = 'table' AND i.origin <> 'pk' ORDER BY i.name, c.seqno""",
    "postgresql": """SELECT t.relname, x.relname, i.indisunique, i.indpred IS NOT NULL, c.attname
        FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.number
        WHERE t.relnamespace = current_schema()::regnamespace AND i.indisvalid AND NOT i.indisprimary
        ORDER BY x.relname, k.place""",
}


class Indexed(NamedTuple):
    """What an index is of."""

    unique: bool
    partial: bool
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'unique ' if self.unique else ''}of {', '.join(self.columns)}{', of some rows' if self.partial else ''}"


def unlike(connection: Connection) -> list[str]:
    """What is missing or other than it should be, each by its name; empty where the tables are ours.

    >>> unlike(connection)  # doctest: +SKIP
    ['the column outbox.cause is missing', 'the column message.due is TEXT, not BIGINT']
    """
    name, columns, indexes = connection.dialect.name, defaultdict[str, list[Any]](list), defaultdict[str, list[Any]](list)
    for table, *column in connection.execute(text(COLUMNS[name])):
        columns[table].append(column)
    for table, *indexed in connection.execute(text(INDEXES[name])):
        indexes[table].append(indexed)
    told: list[str] = []
    for table in metadata.sorted_tables:
        if table.name in columns:
            told += [*_of_columns(table, columns[table.name], connection.dialect), *_of_indexes(table, indexes[table.name])]
        else:
            told.append(f"the table {table.name} is missing")
    return told


def _of_columns(table: Table, rows: list[Any], dialect: Dialect) -> Iterator[str]:
    theirs = {name: (type, bool(filled)) for name, type, filled, _ in rows}
    for column in table.columns:
        # Without the order of its texts, which SQLite does not tell.
        type, name = column.type.compile(dialect).split(" COLLATE")[0], f"{table.name}.{column.name}"
        if column.name not in theirs:
            yield f"the column {name} is missing"
        elif theirs[column.name][0] != type:
            yield f"the column {name} is {theirs[column.name][0]}, not {type}"
        elif theirs[column.name][1] == column.nullable:
            yield f"the column {name} {'must' if column.nullable else 'need not'} have a value"
    yield from (f"the column {table.name}.{name} is not ours" for name in theirs if name not in table.c)
    if (key := [c.name for c in table.primary_key]) != [row[0] for row in sorted(filter(_in_key, rows), key=_in_key)]:
        yield f"the primary key of {table.name} is not {', '.join(key)}"


def _in_key(row: Any) -> Any:
    return row[3]


def _of_indexes(table: Table, rows: list[Any]) -> Iterator[str]:
    columns: dict[str, list[str]] = {}
    for name, _, _, column in rows:
        columns.setdefault(name, []).append(column)
    theirs = {name: Indexed(bool(unique), bool(partial), tuple(columns[name])) for name, unique, partial, _ in rows}
    ours = {str(i.name): Indexed(bool(i.unique), _is_partial(i), tuple(c.name for c in i.columns)) for i in table.indexes}
    # SQLite names what a constraint makes by itself: there the columns alone tell.
    rules = {
        str(r.name): Indexed(True, False, tuple(r.columns.keys())) for r in table.constraints if isinstance(r, UniqueConstraint)
    }
    for name, wanted in ours.items():
        if name not in theirs:
            yield f"the index {name} of {table.name} is missing"
        elif theirs[name] != wanted:
            yield f"the index {name} of {table.name} is {theirs[name]}, not {wanted}"
    found = set(theirs.values())
    yield from (f"the constraint {name} of {table.name} is missing" for name, rule in rules.items() if rule not in found)
    strange = (name for name, it in theirs.items() if it.unique and name not in ours and it not in rules.values())
    yield from (f"the unique index {name} of {table.name} is not ours" for name in strange)


def _is_partial(index: Index) -> bool:
    return index.dialect_options["sqlite"]["where"] is not None
