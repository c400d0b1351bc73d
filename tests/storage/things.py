"""Things to store, with every field filled, so that one that gets lost is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.ports import Clause, Draft, Match, Message, Outgoing, State, Stored
from adapter.r4.index import Entry, Index

NOW = datetime(2025, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)
OURS, THEIRS = "974633574", "974557746"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_message(id: str = "m1", **changes: Any) -> Message:
    """A message whose key and hub id follow its id, unless given."""
    message = Message(
        id=id,
        tenant=OURS,
        hub="edi2",
        hub_id=f"hub-{id}",
        receiver="8094866",
        sender="8142520",
        msg_id=f"msg-{id}",
        document_id="doc-1",
        type="REF",
        received=NOW,
        state=State.PROCESSED,
        reason="referral accepted",
        action="nothing",
        digest="sha256:aa",
        issues=b'{"resourceType":"OperationOutcome"}',
        context=b'{"rule_set":"2025"}',
        attempts=2,
        due=later(60),
        dismissed=False,
    )
    return replace(message, **changes)


def a_row(id: str = "o1", **changes: Any) -> Outgoing:
    row = Outgoing(
        id=id,
        tenant=OURS,
        key="key-1",
        hub="edi2",
        kind="apprec",
        message_id="m1",
        hub_id="hub-m1",
        sender="8094866",
        receiver="8142520",
        body=b"<AppRec>\xc3\xa6\x00</AppRec>",
        content_type="application/xml",
        created=NOW,
        msg_id="own-1",
        error="none",
        answer="ok",
    )
    return replace(row, **changes)


def body(id: str, content: str, version: int, updated: datetime) -> bytes:
    meta = f'{{"versionId":"{version}","lastUpdated":"{updated.isoformat()}"}}'
    return f'{{"id":"{id}","meta":{meta},"x": 1.50,"c":"{content}"}}'.encode()


def a_draft(
    id: str = "r1",
    content: str = "a",
    *entries: Entry,
    type: str = "ServiceRequest",
    patient: str = "",
    status: str = "",
    identifiers: Sequence[tuple[str, str]] = (),
) -> Draft:
    """A resource that is found by `entries`, its identifiers and its patient."""
    usual = [Entry("identifier", *identifier) for identifier in identifiers]
    usual += [Entry("patient", "Patient", patient)] if patient else []
    index = Index(status, (*usual, *entries))
    return Draft(type, id, index, lambda version, updated: body(id, content, version, updated))


def identified(*tokens: tuple[str | None, str | None]) -> Clause:
    return Clause("identifier", [Match(*token) for token in tokens])


def of_patient(*ids: str) -> Clause:
    return Clause("patient", [Match("Patient", id) for id in ids])


def in_status(*codes: str) -> Clause:
    return Clause("status", [Match(value=code) for code in codes])


def named(*ids: str) -> Clause:
    return Clause("_id", [Match(value=id) for id in ids])


def a_stored(id: str = "r1", content: str = "a", version: int = 1, updated: datetime = NOW, type: str = "ServiceRequest") -> Stored:
    return Stored(type, id, version, updated, body(id, content, version, updated))
