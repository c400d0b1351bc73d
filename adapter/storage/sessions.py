"""Who is logged in at a browser: sessions, each known by the SHA-256 of its id alone."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from adapter.ports import Session
from adapter.storage.rows import Part
from adapter.storage.tables import session

FOUND = select(*(session.c[field.name] for field in fields(Session)))


class Sessions(Part):
    def session(self, digest: str) -> Session | None:
        row = self.connection.execute(FOUND.where(session.c.digest == digest)).first()
        return Session(*row) if row else None

    def begin_session(self, begun: Session) -> None:
        self.connection.execute(insert(session), asdict(begun))

    def use_session(self, digest: str, now: datetime) -> None:
        self.connection.execute(update(session).where(session.c.digest == digest), {"used": now})

    def end_session(self, digest: str) -> None:
        self.connection.execute(delete(session).where(session.c.digest == digest))

    def end_sessions(self, subject: str) -> int:
        return self.connection.execute(delete(session).where(session.c.subject == subject)).rowcount

    def end_old_sessions(self, begun: datetime, used: datetime) -> int:
        over = or_(session.c.begun < begun, session.c.used < used)
        return self.connection.execute(delete(session).where(over)).rowcount
