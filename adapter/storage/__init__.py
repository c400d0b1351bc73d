"""The database behind `adapter.ports.Store`: one code path, on SQLite or PostgreSQL.

store = open_store("sqlite:///stafett.db")  # or postgresql://user@host/name
store.migrate()
with store.write() as unit:
    unit.add_message(message, xml)
"""

from adapter.storage.store import DatabaseStore, open_store

__all__ = ["DatabaseStore", "open_store"]
