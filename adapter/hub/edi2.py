"""The national message hub by REST: Norsk Helsenett's EDI 2.0.

Fetching, answering and sending, whatever the interface's version (`adapter.hub.edi2_v2` is version 2).
What the hub refuses for good is a `Problem` of another kind than TRANSIENT; everything else is tried again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import count, zip_longest
from typing import Literal

import httpx
import structlog

from adapter.correlation import caused_by
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.http_client import client
from adapter.hub.edi2_v2 import Edi2V2, Unread
from adapter.ports import Clock, Delivery, Outgoing, Take, take_all
from adapter.security.acting import acting_for

log = structlog.get_logger(__name__)

ROOM = 64 * 1024 * 1024  # bytes of a round: many large documents must not be in memory at once
MOST_FAILURES = 3  # documents that cannot be had before a round is over: then it may be the hub, not the document

ABSENT = {
    Kind.NOT_FOUND: ("The hub lists the message but has no document for it", "Meldingstjeneren har meldingen, men ikke dokumentet"),
    Kind.TOO_LARGE: ("The document is over the limit for messages", "Dokumentet er over grensen for meldinger"),
}
"""Why a document is not there, and never will be: a message that is taken off, not one that is tried again."""


class Edi2Hub:
    """A channel to EDI 2.0 for the services `her_ids` (those that are HER-ids: others cannot be addressed here).

    `auth` lays access tokens on every request; `organisations` says of each service whose it is, for those tokens: then each
    organisation's messages are asked for by themselves. `timeout` bounds each step of a request, `deadline` a whole answer.
    """

    apprec_format: Literal["xml", "edi2"] = "edi2"

    def __init__(
        self,
        base_url: str,
        her_ids: Sequence[str],
        source_system: str,
        *,
        clock: Clock,
        name: str = "edi2",
        auth: httpx.Auth | None = None,
        organisations: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        max_bytes: int = 35 * 1024 * 1024,
        timeout: float = 30.0,
        deadline: float = 300.0,
    ) -> None:
        self.name = name
        self._client = client(base_url, timeout=timeout, auth=auth, transport=transport)
        self._api = Edi2V2(self._client, source_system, deadline=deadline)
        self._her_ids = tuple(dict.fromkeys(h for h in her_ids if h.isdecimal()))
        self._organisations = organisations or {}
        self._clock = clock
        self._max_bytes = max_bytes
        self._tries = count(1)
        self._tried: dict[Unread, int] = {}

    def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
        """The oldest unread messages with their documents.

        What was tried in an earlier round and is still listed comes after the others, the longest waiting first: neither a
        document that cannot be had nor a message that cannot be kept stands before the rest. Raises only when nothing
        at all could be had.
        """
        if not self._her_ids:
            return []
        rows = self._unread()
        listed = set(rows)
        self._tried = {row: turn for row, turn in self._tried.items() if row in listed}
        waiting = sorted(rows, key=lambda row: self._tried.get(row, 0))
        while waiting:
            names = {_name(row): row for row in waiting[:limit]}
            taken = take([*names])
            if ours := [row for name, row in names.items() if name in taken.ours]:
                return self._documents(ours)
            waiting = [row for name, row in names.items() if name in taken.left] + waiting[limit:]
        return []

    def _documents(self, rows: Sequence[Unread]) -> list[Delivery]:
        deliveries: list[Delivery] = []
        faults: list[Problem] = []
        room = ROOM
        for row in rows:
            if len(faults) == MOST_FAILURES or room <= 0:
                break
            self._tried[row] = next(self._tries)
            try:
                with acting_for(self._organisation(row.receiver)):
                    deliveries.append(self._delivery(row))
                room -= len(deliveries[-1].data)
            except Problem as fault:
                log.warning("hub.document_not_fetched", hub=self.name, hub_id=row.id, reason=str(fault))
                faults.append(fault)
        if faults and not deliveries:
            raise faults[-1]
        return deliveries

    def confirm(self, hub_id: str, receiver: str) -> None:
        """Mark as read. A message that the hub no longer has is read enough."""
        for her_id in (receiver,) if receiver.isdecimal() else self._her_ids:
            try:
                with acting_for(self._organisation(her_id)):
                    self._api.mark_read(hub_id, her_id)
            except Problem as fault:
                if fault.kind is not Kind.NOT_FOUND:
                    raise

    def deliver(self, row: Outgoing) -> str:
        """Send the row's bytes.

        A repeated message is told apart by its MsgId at the receiver (HIS 80415). An AppRec has none that we choose, so
        before a repeated one the hub is asked; the id of one that is there already is not told, and "" is returned.
        """
        with acting_for(row.tenant), caused_by(row.cause):
            return self._deliver(row)

    def _deliver(self, row: Outgoing) -> str:
        if row.kind == "message":
            return self._api.post_message(row.body)
        if not row.hub_id or not row.sender.isdecimal():
            raise problem(
                Kind.INVALID,
                "This AppRec cannot be sent over EDI 2.0: it lacks the hub's id of its message, or our HER-id.",
                "Kvitteringen kan ikke sendes med EDI 2.0: den mangler tjenerens id for meldingen, eller vår HER-id.",
            )
        if row.attempts > 1 and self._answered(row, row.hub_id):
            return ""
        return self._api.post_apprec(row.hub_id, row.sender, row.body)

    def status(self, hub_id: str) -> list[dict[str, object]]:
        """Per receiver `receiverHerId`, `transportDeliveryState`, `appRecStatus`, and `appRecErrorList` where it was refused."""
        rows = self._api.status(hub_id)
        if all(row.get("appRecStatus") in {None, "Ok"} for row in rows):
            return rows
        errors = {info.get("receiverHerId"): info.get("appRecErrorList") for info in self._api.apprecs(hub_id)}
        return [row | {"appRecErrorList": errors.get(row.get("receiverHerId")) or []} for row in rows]

    def close(self) -> None:
        self._client.close()

    def _organisation(self, her_id: str | None) -> str:
        return self._organisations.get(her_id or "", "")

    def _unread(self) -> list[Unread]:
        """What is listed, each organisation's in turn. Raises where nobody's is: one without a token holds up no other."""
        listed: list[list[Unread]] = []
        faults: dict[str, Problem] = {}
        organisations = list(dict.fromkeys(map(self._organisation, self._her_ids)))
        for organisation in organisations:
            try:
                with acting_for(organisation):
                    listed.append(self._api.unread([h for h in self._her_ids if self._organisation(h) == organisation]))
            except Problem as fault:
                faults[organisation] = fault
        if len(faults) == len(organisations):
            raise faults[organisations[-1]]
        for organisation, reason in faults.items():
            log.warning("hub.not_listed", hub=self.name, organisation=organisation, reason=str(reason))
        return [row for turn in zip_longest(*listed) for row in turn if row]

    def _answered(self, row: Outgoing, hub_id: str) -> bool:
        """Whether our AppRec is there. An AppRec is final: where another is there, ours must not follow it."""
        there = {info.get("appRecStatus") for info in self._api.apprecs(hub_id) if str(info.get("receiverHerId")) == row.sender} - {
            None
        }
        if there and there != {self._api.apprec_status(row.body)}:
            raise problem(
                Kind.CONFLICT,
                "The hub has another AppRec for this message already: find out which system answered.",
                "Meldingstjeneren har alt en annen kvittering for meldingen: finn ut hvilket system som svarte.",
            )
        return bool(there)

    def _delivery(self, row: Unread) -> Delivery:
        data, fault = self._document(row.id)
        return Delivery(data, self._clock.now(), self.name, row.id, row.receiver, row.sender, row.msg_id, row.is_apprec, fault)

    def _document(self, id: str) -> tuple[bytes, Finding | None]:
        """The business document, or what can be kept of it and why there is no more."""
        try:
            answer = self._api.document(id, self._max_bytes)
        except Problem as fault:
            if fault.kind not in ABSENT:
                raise
            return b"", _fault(fault.kind, *ABSENT[fault.kind])
        try:
            data = self._api.decode_document(answer)
        except ValueError:
            return answer[: self._max_bytes], _fault(
                Kind.MALFORMED,
                "The hub's answer holds no document in base64",
                "Meldingstjenerens svar har ikke noe dokument i base64",
            )
        return (data, None) if len(data) <= self._max_bytes else (b"", _fault(Kind.TOO_LARGE, *ABSENT[Kind.TOO_LARGE]))


def _fault(kind: Kind, en: str, nb: str) -> Finding:
    return Finding(
        "fatal",
        kind,
        f"{en}. The message is kept aside: ask its sender to send it anew.",
        f"{nb}. Meldingen er lagt til side: be avsender sende den på nytt.",
        rule="EDI 2.0 REST",
    )


def _name(row: Unread) -> str:
    """By which it is taken in hand: as short however long the hub's id is."""
    return hashlib.sha256(f"{row.id} {row.receiver}".encode()).hexdigest()
