"""What the service itself gives to others, and takes in from them, as records of the audit: nobody's request tells of it.

    sent(unit, row, now)                            # in the unit that marks an outbox row
    taken_in(unit, message, patient, now)           # in the unit that keeps what a message made

The records wait beside the chain with the very change that they tell of, and enter it within a minute or so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from adapter.domain.identity import named
from adapter.ports import AuditRecord, Message, Outgoing, Unit


def sent(unit: Unit, row: Outgoing, now: datetime) -> None:
    """That a row was brought where it was to go, or was refused there for good, and so was read there too."""
    if row.state == "waiting":
        return
    what = {
        "kind": "export",
        "what": row.kind,
        "sender": row.sender,
        "receiver": row.receiver or row.hub,
        "asked": [row.about] if row.about else [],
        "action": "R",
        "outcome": "4" if row.state == "dead" else "0",
    }
    _keep(unit, named("audit-sent", row.id, row.attempts), row.tenant, unit.patient_of(row), what, now)


def taken_in(unit: Unit, message: Message, patient: str, now: datetime) -> None:
    """That a message from outside was made into a patient's record."""
    what = {
        "kind": "import",
        "what": message.type,
        "sender": message.sender,
        "receiver": message.receiver,
        "action": "C",
        "outcome": "0",
    }
    _keep(unit, named("audit-taken-in", message.id, message.attempts), message.tenant, patient, what, now)


def _keep(unit: Unit, id: str, tenant: str, patient: str, what: Mapping[str, Any], now: datetime) -> None:
    patients = [patient] if patient else []
    whose = {"id": id, "moment": now, "tenant": tenant, "who": {"organisations": [tenant]}}
    said = {name: value for name, value in {**whose, **what, "patients": patients}.items() if value}
    unit.await_audit(AuditRecord(id, now, tenant, tuple(patients), msgspec.json.encode(said)))
