"""Copies that have had their time: which they are, and how each is taken away.

One question for each copy, walked in the order of its key, so that a round sees each row once however often it is broken off.
What has nothing left to take away does not match, and what waits for somebody never does: see `adapter.usecases.clean_up`.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from adapter.ports import Copy
from adapter.storage.rows import Columns, Part
from adapter.storage.tables import key, micros
from adapter.usecases.clean_up import CLEANED

# What a patient still has going on, by the status of its newest version: pathways (EpisodeOfCare), and what is to be done (Task).
GOING_ON: Final = (
    "('planned', 'waitlist', 'active', 'onhold', 'draft', 'requested', 'received', 'accepted', 'ready', 'in-progress', 'on-hold')"
)
# Of a sent message the receipt is awaited (`unanswered`), and a receipt that refuses it waits for a person.
UNSETTLED: Final = (
    "(o.state IN ('waiting', 'unanswered', 'dead') OR (o.state = 'sent' AND coalesce(o.answer, '') IN ('rejected', 'conflict')))"
)


def _in_use(tenant: str, patient: str) -> str:
    """Whether a patient has something going on in an organisation."""
    return (
        f"EXISTS (SELECT 1 FROM resource e WHERE e.tenant = {tenant} AND e.patient = {patient} AND e.patient <> '' "
        f"AND e.type IN ('EpisodeOfCare', 'Task') AND e.status IN {GOING_ON})"
    )


def _made_in_use(tenant: str, message: str) -> str:
    """Whether a message made something of a patient who has."""
    return (
        "EXISTS (SELECT 1 FROM message_resource w JOIN resource p ON p.tenant = w.tenant AND p.id = w.id AND p.type = w.type "
        f"WHERE w.tenant = {tenant} AND w.message_id = {message} AND {_in_use('p.tenant', 'p.patient')})"
    )


SETTLED: Final = (
    "(m.state IN ('processed', 'refused') OR m.dismissed) "
    f"AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message_id = m.id AND {UNSETTLED}) "
    f"AND NOT {_made_in_use('m.tenant', 'm.id')}"
)
KEYS: Final[dict[Copy, str]] = {
    "inbox": "x.message_id",
    "explanation": "m.id",
    "outbox": "o.position",
    "binary": "v.tenant, v.id, v.type, v.version",
    "history": "v.tenant, v.id, v.type, v.version",
}
OLD: Final[dict[Copy, str]] = {
    "inbox": f"FROM message_xml x JOIN message m ON m.id = x.message_id WHERE m.received < ? AND length(x.xml) > 0 AND {SETTLED}",
    "explanation": f"FROM message m WHERE m.received < ? AND m.issues <> ? AND {SETTLED}",
    "outbox": (
        f"FROM outbox o WHERE o.created < ? AND length(o.body) > 0 AND NOT {UNSETTLED} "
        f"AND NOT {_made_in_use('o.tenant', 'o.message_id')} "
        "AND NOT EXISTS (SELECT 1 FROM resource p WHERE p.tenant = o.tenant AND p.id = replace(o.about, 'Task/', '') "
        f"AND p.type = 'Task' AND {_in_use('p.tenant', 'p.patient')})"
    ),
    "binary": (
        "FROM resource_version v WHERE v.type = 'Binary' AND v.updated < ? AND {holds} "
        f"AND v.patient <> '' AND replace(v.patient, '|', '') = v.patient AND NOT {_in_use('v.tenant', 'v.patient')}"
    ),
    # Whose record it is must be known by id: of one who is named by number alone nobody can tell here what goes on.
    # As old as what took its place: until then it was the newest, which stays.
    "history": (
        "FROM resource_version v WHERE EXISTS (SELECT 1 FROM resource_version n WHERE n.tenant = v.tenant AND n.id = v.id "
        "AND n.type = v.type AND n.version = v.version + 1 AND n.updated < ?) "
        f"AND replace(v.patient, '|', '') = v.patient AND NOT {_in_use('v.tenant', 'v.patient')}"
    ),
}
DATA: Final = b'"data":'
HOLDS: Final = ("instr(v.body, ?) > 0", "position(? in v.body) > 0")  # in SQLite's words, in PostgreSQL's
TAKE: Final[dict[Copy, str]] = {
    "inbox": "DELETE FROM message_xml WHERE message_id = ?",
    "outbox": "UPDATE outbox SET body = ?, outcome = ? WHERE position = ?",
    "explanation": "UPDATE message SET issues = ?, context = ? WHERE id = ?",
    "history": "DELETE FROM resource_version WHERE tenant = ? AND id = ? AND type = ? AND version = ?",
}
VERSION: Final = "tenant = ? AND id = ? AND type = ? AND version = ?"


class Retention(Part):
    def old_copies(
        self, copy: Copy, before: datetime, after: Sequence[Any] = (), until: Sequence[Any] = (), limit: int = 200
    ) -> list[Columns]:
        keys, sql = KEYS[copy], OLD[copy].replace("{holds}", HOLDS[self.postgresql])
        values: list[Any] = [micros(before)]
        if copy in ("explanation", "binary"):
            values.append(CLEANED if copy == "explanation" else DATA)
        for sign, bound in ((">", after), ("<=", until)):
            if bound:
                sql, values = f"{sql} AND ({keys}) {sign} ({', '.join('?' for _ in bound)})", [*values, *bound]
        return [tuple(row) for row in self.ask(f"SELECT {keys} {sql} ORDER BY {keys} LIMIT {int(limit)}", values)]

    def take_away(self, copy: Copy, keys: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        if copy == "binary":
            return [one for one in keys if self._emptied(one)]
        given = {"outbox": (b"", b""), "explanation": (CLEANED, b"{}")}.get(copy, ())
        self.tell(TAKE[copy], [(*given, *one) for one in keys])
        return list(keys)

    def position_of(self, id: str) -> int | None:
        """The place in the outbox of a row whose id is known: the key that a removal seals."""
        return next((position for (position,) in self.ask("SELECT position FROM outbox WHERE id = ?", (key(id),))), None)

    def _emptied(self, of: Sequence[Any]) -> bool:
        """A Binary's content is taken out where it stands: what refers to it still finds it, and no version has it left."""
        body: dict[str, Any] = msgspec.json.decode(self.ask(f"SELECT body FROM resource_version WHERE {VERSION}", of)[0][0])
        had = body.pop("data", None) is not None
        if had:
            self.tell(f"UPDATE resource_version SET body = ? WHERE {VERSION}", [(msgspec.json.encode(body), *of)])
        return had
