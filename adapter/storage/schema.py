"""The database's version: alembic's migrations, run from the package (no alembic.ini), and whether they were run."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

MIGRATING = 0x53746166  # PostgreSQL's advisory lock of this name; SQLite has one writer anyway


def migrate(connection: Connection) -> None:
    """Run what is missing, within the connection's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": MIGRATING})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check(connection: Connection) -> list[str]:
    """Whether the tables are this version's."""
    found = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()
    if found == head:
        return []
    if found is None or found in {script.revision for script in scripts.walk_revisions()}:
        return [f"The database's tables are of version {found or 'none'}, this program's {head}. Start the service: it migrates."]
    return [f"The database's tables ({found}) are newer than this program's ({head}). Install the newer program."]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "adapter.storage:migrations")
    return config
