"""What is not to be kept any longer: a resource taken away with its history, bodies and messages changed in place.

SQLite leaves what is deleted in its file until the place is used again, unless told to write over it: it is told
(`engines.PRAGMAS`; https://www.sqlite.org/pragma.html#pragma_secure_delete). Its log (WAL) is written over from the next checkpoint
on. PostgreSQL writes over nothing: see docs/operating.md. Backups are the operator's.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Callable

from adapter.storage.resources import OF_KEY
from adapter.storage.rows import Part
from adapter.storage.tables import key

GONE = ("resource_index", "resource_version", "resource", "change", "subscription_event")
VERSIONS = f"SELECT version, body FROM resource_version WHERE {OF_KEY}"
CHANGE = f"UPDATE resource_version SET body = ? WHERE {OF_KEY} AND version = ?"
OF_PATIENT = "SELECT type, id FROM resource WHERE tenant = ? AND patient = ?"
ABOUT_PATIENT = "SELECT id FROM message WHERE tenant = ? AND patient = ?"
XML = "SELECT xml FROM message_xml WHERE message_id = ?"
CHANGE_XML = "UPDATE message_xml SET xml = ? WHERE message_id = ?"


class Secrecy(Part):
    def remove(self, tenant: str, type: str, id: str) -> bool:
        named = (key(tenant), key(id), key(type))
        if not self.ask(f"SELECT 1 FROM resource WHERE {OF_KEY}", named):
            return False
        for table in GONE:
            self.tell(f"DELETE FROM {table} WHERE {OF_KEY}", [named])
        return True

    def rewrite(self, tenant: str, type: str, id: str, change: Callable[[bytes], bytes]) -> int:
        named = (key(tenant), key(id), key(type))
        changed = [
            (new, *named, version) for version, body in self.ask(VERSIONS, named) if (new := change(bytes(body))) != bytes(body)
        ]
        self.tell(CHANGE, changed)
        return len(changed)

    def resources_of(self, tenant: str, patient: str, type: str = "") -> list[tuple[str, str]]:
        whose, of_type = (key(tenant), key(patient)), (key(type),) if type else ()
        found = self.ask(f"{OF_PATIENT} AND type = ?" if type else OF_PATIENT, (*whose, *of_type))
        return [(type, id) for type, id in found]

    def messages_of(self, tenant: str, patient: str) -> list[str]:
        return [id for (id,) in self.ask(ABOUT_PATIENT, (key(tenant), key(patient)))]

    def rewrite_message(self, id: str, change: Callable[[bytes], bytes]) -> None:
        for (xml,) in self.ask(XML, (key(id),)):
            if (new := change(bytes(xml))) != bytes(xml):
                self.tell(CHANGE_XML, [(new, key(id))])
