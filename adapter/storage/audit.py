"""The audit: who saw and did what, in one chain that all processes write, and the proofs of possession that are spent.

A record in the chain is never changed. On SQLite its one writer makes the chain one; on PostgreSQL a lock that each append
holds until its commit.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Final

import msgspec
from sqlalchemy import Table

from adapter.domain.chain import START, seal
from adapter.domain.identity import named
from adapter.ports import NOBODY, Appended, AuditRecord, Link, Outgoing, Stored
from adapter.storage.rows import Columns, Part, insertion
from adapter.storage.tables import HIGHEST, LOWEST, audit, audit_about, audit_awaiting, key, micros, moment, proof

CHAINING: Final = 0x61756474  # PostgreSQL's advisory lock of this name
PATIENCE: Final = timedelta(seconds=60)  # for the answer of a request that has written, before its record is taken in without
CHUNK: Final = 20_000  # records dropped in one transaction: others wait for it
ROWS: Final = 100  # put in by one statement
SWEEP: Final = 256  # records between two looks for proofs that need no longer be remembered
MARK: Final = "audit-mark"
UNREADABLE: Final = datetime.min.replace(tzinfo=UTC)

LINK: Final = "a.position, a.id, a.moment, a.tenant, a.body, a.digest"
HEAD: Final = "SELECT position, digest FROM audit ORDER BY position DESC LIMIT 1"
STALE: Final = "SELECT id, tenant, moment, about, body FROM audit_awaiting WHERE moment < ? ORDER BY moment, id, tenant LIMIT 500"
LINKS: Final = f"SELECT {LINK} FROM audit a WHERE a.position > ? ORDER BY a.position LIMIT ?"
PATIENTS: Final = "SELECT position, tenant, patient FROM audit_about WHERE position > ? AND position <= ? ORDER BY position"
ABOUT: Final = (
    f"SELECT {LINK} FROM audit_about p JOIN audit a ON a.position = p.position "
    "WHERE p.tenant = ? AND p.patient = ? AND p.position > ? ORDER BY p.position LIMIT ?"
)
PATIENT_OF: Final = "SELECT patient FROM resource WHERE tenant = ? AND id = ? AND type = ?"
PATIENT_OF_MESSAGE: Final = "SELECT patient FROM message WHERE id = ?"
ADD_AWAITING: Final = insertion(
    audit_awaiting, "ON CONFLICT (id, tenant) DO UPDATE SET moment = excluded.moment, about = excluded.about, body = excluded.body"
)
SPEND: Final = insertion(proof, "ON CONFLICT (hash) DO NOTHING RETURNING hash")
FIRST_KEPT: Final = "SELECT position FROM audit WHERE moment >= ? ORDER BY position LIMIT 1"
ENDS: Final = "SELECT min(position), max(position) FROM audit"
GET_MARK: Final = "SELECT value FROM setting WHERE name = ?"
SET_MARK: Final = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

_patients: Final = msgspec.json.Decoder(list[str]).decode


class Audit(Part):
    _waits: tuple[AuditRecord, ...] = ()  # of this unit

    def await_audit(self, record: AuditRecord) -> None:
        self._waits = (*(one for one in self._waits if (one.id, one.tenant) != (record.id, record.tenant)), record)
        about = msgspec.json.encode(record.about)
        self.tell(ADD_AWAITING, [(key(record.id), key(record.tenant), micros(record.moment), about, record.body)])

    def concern(self, tenant: str, changed: Iterable[Stored]) -> None:
        """Records that wait tell also whose resources were changed in their unit."""
        patients = {stored.patient for stored in changed if stored.patient}
        for record in self._waits:
            if record.tenant == tenant and not patients <= {*record.about}:
                self.await_audit(replace(record, about=tuple(sorted({*record.about, *patients}))))

    def patient_of(self, row: Outgoing) -> str:
        type, _, id = row.about.partition("/")
        if id:
            found = self.ask(PATIENT_OF, (key(row.tenant), key(id), key(type)))
        else:
            found = self.ask(PATIENT_OF_MESSAGE, (key(row.message_id),))
        return str(found[0][0]) if found else ""

    def spend(self, proof: str, until: datetime) -> bool:
        return bool(self.ask(SPEND, (key(proof), micros(until))))

    def audit_about(self, tenant: str, patient: str, after: int = 0, limit: int = 500) -> list[Link]:
        rows = self.ask(ABOUT, (key(tenant), key(patient), after, limit))
        return [_link(row, [(row[3], patient)]) for row in rows]

    def audit_links(self, after: int | None = None, limit: int = 1000) -> list[Link]:
        """A patient that no record is for is given as a record that nothing seals."""
        begin = LOWEST if after is None else after
        rows = self.ask(LINKS, (begin, limit))
        end = rows[-1][0] if len(rows) == limit else HIGHEST
        patients: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for position, tenant, patient in self.ask(PATIENTS, (begin, end)):
            patients[position].append((tenant, patient))
        links = [_link(row, patients.pop(row[0], [])) for row in rows]
        strays = [Link(position, AuditRecord("", UNREADABLE, NOBODY, (), b""), b"") for position in patients]
        return sorted((*links, *strays), key=lambda link: link.position)

    def audit_end(self) -> tuple[int, bytes]:
        rows = self.ask(HEAD, ())
        return (rows[0][0], bytes(rows[0][1])) if rows else self.audit_mark()

    def audit_mark(self) -> tuple[int, bytes]:
        rows = self.ask(GET_MARK, (MARK,))
        if not rows:
            return 0, START
        position, _, digest = bytes(rows[0][0]).decode().partition(":")
        return int(position), bytes.fromhex(digest)

    def append(
        self,
        records: Sequence[AuditRecord],
        proofs: Sequence[tuple[str, datetime]],
        now: datetime,
        instead: Mapping[str, Sequence[AuditRecord]],
    ) -> Appended:
        """The whole of an append, in this transaction, whose end lets the next one begin."""
        fresh = self._spend_all(proofs)  # before the lock, since it may wait for a unit that spends the same one
        refused = [one for (proof, _), good in zip(proofs, fresh, strict=True) if not good for one in instead.get(proof, ())]
        records = [*(one for one in records if one.id not in {other.id for other in refused}), *refused]
        self._lock()
        told = {key(record.id) for record in records}
        left = [record for record in map(_awaited, self.ask(STALE, (micros(now - PATIENCE),))) if record.id not in told]
        before, position, digest = self._chain([*left, *records])
        self._forget({*told, *(record.id for record in left)})
        if position // SWEEP != before // SWEEP:
            self.tell("DELETE FROM proof WHERE until < ?", [(micros(now),)])
        return Appended(fresh, position, digest)

    def drop(self, before: datetime, now: datetime) -> int:
        """Remove the oldest records, at most `CHUNK`; how many. What remains begins behind a mark, of which the chain tells."""
        self._lock()
        first, last = self.ask(ENDS, ())[0]
        if first is None:
            return 0
        kept = self.ask(FIRST_KEPT, (micros(before),))
        end = min(kept[0][0] - 1 if kept else last, first + CHUNK - 1)
        if end < first:
            return 0
        digest: bytes = self.ask("SELECT digest FROM audit WHERE position = ?", (end,))[0][0]
        self._chain([_retention(end, digest, before, now)])
        for table in ("audit", "audit_about"):
            self.tell(f"DELETE FROM {table} WHERE position <= ?", [(end,)])
        self.tell(SET_MARK, [(MARK, f"{end}:{digest.hex()}".encode())])
        return int(end - first + 1)

    def _lock(self) -> None:
        if self.postgresql:  # a statement that sees nothing: the next one's view of the chain begins when the lock is ours
            self.ask("SELECT pg_advisory_xact_lock(?)", (CHAINING,))

    def _chain(self, records: Iterable[AuditRecord]) -> tuple[int, int, bytes]:
        """Put records at the chain's end. Returns the position of its end before, and now, and the seal there."""
        begin, digest = self.audit_end()
        position, links, patients = begin, [], []
        for record in records:
            position += 1
            id, tenant, about = key(record.id), key(record.tenant), sorted({key(patient) for patient in record.about})
            digest = seal(digest, position, id, record.moment, tenant, about, record.body)
            links.append((position, id, micros(record.moment), tenant, record.body, digest))
            patients += [(position, tenant, patient) for patient in about]
        self._insert(audit, links)
        self._insert(audit_about, patients)
        return begin, position, digest

    def _insert(self, table: Table, rows: Sequence[Columns]) -> None:
        """Many rows by few statements: on PostgreSQL each takes a journey."""
        for some in (rows[start : start + ROWS] for start in range(0, len(rows), ROWS)):
            self.tell(_inserting(table, len(some)), [tuple(chain.from_iterable(some))])

    def _spend_all(self, proofs: Sequence[tuple[str, datetime]]) -> list[bool]:
        """Which were fresh; of one that is given twice, the first. In one order, so that no two appends wait for each other."""
        until = {key(hash): micros(end) for hash, end in proofs}
        if not until:
            return []
        sql = f"{_inserting(proof, len(until))} ON CONFLICT (hash) DO NOTHING RETURNING hash"
        fresh = {row[0] for row in self.ask(sql, tuple(chain.from_iterable(sorted(until.items()))))}
        return [_taken(fresh, key(hash)) for hash, _ in proofs]

    def _forget(self, ids: set[str]) -> None:
        """Records that are in the chain wait no longer."""
        if ids:
            self.tell(f"DELETE FROM audit_awaiting WHERE id IN ({', '.join('?' for _ in ids)})", [tuple(ids)])


@cache
def _inserting(table: Table, rows: int) -> str:
    marks = f"({', '.join('?' for _ in table.c)})"
    return f"INSERT INTO {table.name} ({', '.join(table.c.keys())}) VALUES {', '.join([marks] * rows)}"


def _taken(fresh: set[str], hash: str) -> bool:
    if hash in fresh:
        fresh.remove(hash)
        return True
    return False


def _awaited(row: Columns) -> AuditRecord:
    return AuditRecord(row[0], moment(row[2]), row[1], tuple(_patients(row[3])), row[4])


def _link(row: Columns, patients: Sequence[tuple[str, str]]) -> Link:
    """A row as it is, even if somebody has changed it to what no record can be: then nothing seals it."""
    position, id, at, tenant, body, digest = row
    about = tuple(patient for owner, patient in patients if owner == tenant)
    try:
        if len(about) == len(patients) and isinstance(tenant, str):
            return Link(position, AuditRecord(id + "", moment(at), tenant, about, bytes(body)), bytes(digest))
    except (TypeError, OverflowError):
        pass
    return Link(position, AuditRecord("", UNREADABLE, NOBODY, (), b""), b"")


def _retention(position: int, digest: bytes, before: datetime, now: datetime) -> AuditRecord:
    id = named("audit-retention", position, digest.hex())
    what = {"position": position, "digest": digest.hex(), "before": before}
    said = {"id": id, "moment": now, "tenant": NOBODY, "action": "D", "retention": what, "outcome": "0"}
    return AuditRecord(id, now, NOBODY, (), msgspec.json.encode(said))
