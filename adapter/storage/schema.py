"""The database's version: alembic's migrations, run from the package (no alembic.ini), and whether they were run."""

from __future__ import annotations

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from adapter.domain.problem import Finding, Kind, Problem
from adapter.storage.likeness import unlike

MIGRATING = 0x53746166  # PostgreSQL's advisory lock of this name; SQLite has one writer anyway

# What SQLite takes the tables to hold (https://www.sqlite.org/fileformat2.html#stat1tab): rows, then rows that share the
# index's first column, its first two, and so on. Given by hand, for a large installation, so that a database chooses
# the right index from its first row on, and chooses the same one ever after: without, a patient's Tasks were looked for
# among all Tasks. PostgreSQL counts by itself (autovacuum).
STATISTICS = {
    ("message", "message_newest"): "1000000 300000 1 1",
    ("message", "message_by_state"): "1000000 300000 50000 1 1",
    ("message", "message_by_msg_id"): "1000000 300000 1",
    ("message", "message_of_referral"): "1000000 300000 1000 2",
    ("message", "message_due"): "1000000 200000 1",
    ("message", "message_open"): "10000 3000 1000 1000 1",
    ("resource", "resource"): "20000000 5000000 1 1",
    ("resource", "resource_newest"): "20000000 5000000 500000 1 1",
    ("resource", "resource_by_status"): "20000000 5000000 500000 100000 1 1",
    ("resource", "resource_of_patient"): "20000000 5000000 20 2 1",
    ("resource_index", "resource_index"): "300000000 75000000 15 15 2 1",
    ("resource_index", "resource_index_value"): "200000000 50000000 5000000 500000 100 10 2 1 1 1",
    ("resource_index", "resource_index_low"): "100000000 25000000 2500000 500000 2 1 1 1 1",
    ("resource_index", "resource_index_high"): "100000000 25000000 2500000 500000 2 1 1 1 1",
    ("resource_version", "sqlite_autoindex_resource_version_1"): "40000000 10000000 2 2 1",
    ("resource_version", "resource_version_newest"): "40000000 10000000 1000000 2 1 1",
    ("message_resource", "message_resource"): "20000000 5000000 20 1",
    ("outbox", "outbox_order"): "1000000 300000 1",
    ("outbox", "outbox_waiting"): "10000 5000 1 1 1 1",
    ("outbox", "outbox_waiting_of_key"): "10000 2 1",
    ("outbox", "outbox_left_open"): "10000 3000 1000 1",
    ("outbox", "outbox_of_message"): "1000000 1",
    ("outbox", "outbox_about"): "1000000 10 1",
    ("outbox", "outbox_of_cause"): "1000000 5 1",
    ("outbox", "outbox_of_tenant"): "1000000 300000 1",
    ("outbox", "outbox_by_partner"): "1000000 300000 100000 1",
    ("outbox", "outbox_by_state"): "1000000 300000 10000 1 1",
    ("shared", "sqlite_autoindex_shared_1"): "1000000 300000 150000 2 1",
    ("shared", "shared_there"): "1000000 100000 50000 1",
    ("shared", "shared_with"): "1000000 100000 50000 25000 1",
    ("trouble", "trouble_open"): "1000 300 2 1 1",
    ("trouble", "trouble_oldest"): "1000 300 1 1",
    ("audit_about", "audit_about"): "100000000 2 1",
    ("audit_about", "audit_of_patient"): "100000000 25000000 100 1",
    ("audit_awaiting", "audit_awaiting"): "100 1 1",
    ("audit_awaiting", "audit_awaiting_oldest"): "100 1",
    ("in_hand", "in_hand"): "100 50 1",
    ("in_hand", "in_hand_of_process"): "100 50",
    ("proof", "proof"): "100000 1",
    ("change", "change_of"): "100 50 2 1",
    ("export", "export"): "1000 1",
    ("export", "export_by_state"): "1000 300 1",
    ("export", "export_of_tenant"): "1000 300 1",
    ("export_file", "sqlite_autoindex_export_file_1"): "10000 10 1",
    ("subscription", "subscription"): "1000 100 1",
    ("subscription", "subscription_of_type"): "1000 100 50 20",
    ("subscription_attempt", "subscription_attempt_of"): "1000000 100000 1000 1",
    ("subscription_attempt", "subscription_attempt_oldest"): "1000000 1",
    ("subscription_event", "subscription_event"): "1000000 100000 1000 1",
    ("subscription_event", "subscription_event_about"): "1000000 100000 10 10",
    ("subscription_event", "subscription_event_oldest"): "1000000 1",
    ("subscription_standing", "subscription_standing"): "1000 100 1",
    ("subscription_standing", "subscription_standing_due"): "1000 2",
    ("subscription_standing", "subscription_standing_underway"): "10 2 1",
    ("proof", "proof_until"): "100000 2",
}


def is_of_us(connection: Connection) -> bool:
    """Whether there are tables, of a version that this program knows."""
    return version(connection) in _known()


def is_behind(connection: Connection) -> bool:
    """Whether `migrate` would change the tables."""
    return version(connection) != _scripts().get_current_head()


def migrate(connection: Connection) -> None:
    """Run what is missing, within the connection's transaction. `Problem`, and nothing changed, where a newer program has been
    here (UNSUPPORTED), or where the tables are not ours even so (INTERNAL).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": MIGRATING})
    config = _config()
    config.attributes["connection"] = connection
    if newer := _newer(connection):
        raise Problem(*newer)
    command.upgrade(config, "head")
    if unlike_ours := _unlike(connection):
        raise Problem(*unlike_ours)


def check(connection: Connection) -> list[Finding]:
    """Whether the tables are this version's, by their number and by what they are. INCOMPLETE where there are none yet."""
    found, head = version(connection), _scripts().get_current_head()
    if newer := _newer(connection):
        return newer
    if found is None:
        en = "There are no tables yet: they are made at the first start."
        nb = "Det er ingen tabeller ennå: de lages ved første start."
        return [Finding("error", Kind.INCOMPLETE, en, nb, "store.url")]
    if found != head:
        en = f"The database's tables are of version {found}, this program's {head}. Start the service: it migrates."
        nb = f"Databasens tabeller er av versjon {found}, programmets er {head}. Start tjenesten: den oppdaterer dem."
        return [Finding("error", Kind.UNSUPPORTED, en, nb, "store.url")]
    return _unlike(connection)


def _unlike(connection: Connection) -> list[Finding]:
    if not (found := unlike(connection)):
        return []
    told = "; ".join(found)
    en = f"The database's tables are not as this program makes them. Restore its backup, or mend it in the database: {told}."
    nb = (
        "Databasens tabeller er ikke som dette programmet lager dem. Hent den tilbake fra sikkerhetskopien, eller rett det i "
        f"databasen: {told}."
    )
    return [Finding("error", Kind.INTERNAL, en, nb, "store.url")]


def _newer(connection: Connection) -> list[Finding]:
    """What is told where the tables are of a version that this program does not know."""
    found, head = version(connection), _scripts().get_current_head()
    if found is None or found in _known():
        return []
    en = f"The database's tables ({found}) are newer than this program's ({head}). Install the newer program."
    nb = f"Databasens tabeller ({found}) er nyere enn programmets ({head}). Installer det nyere programmet."
    return [Finding("error", Kind.UNSUPPORTED, en, nb, "store.url")]


def version(connection: Connection) -> str | None:
    """Of the tables that are there."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


def state_statistics(connection: Connection) -> None:
    """Tell SQLite what the tables hold. Whoever drops an index, drops what was said of it."""
    if connection.dialect.name != "sqlite":
        return
    connection.execute(text("ANALYZE sqlite_schema"))  # makes the table, if need be
    connection.execute(text("DELETE FROM sqlite_stat1"))
    rows = [{"table": table, "index": index, "counts": counts} for (table, index), counts in STATISTICS.items()]
    connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:table, :index, :counts)"), rows)
    connection.execute(text("ANALYZE sqlite_schema"))  # reads it again on this connection; others do when they open


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "adapter.storage:migrations")
    return config
