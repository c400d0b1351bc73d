"""The outbox: what is to be sent, in the bytes that will be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to send, with the very bytes that will be sent.

    Rows with the same `key` leave in the order they were made. `hub` names the hub or the partner. `answer` is what AppRec
    said of a sent message: None, `ok`, `rejected` or `conflict`. A message is `unanswered` from when it left until that comes,
    then `sent`; what waits for a person is `dead`, and what a person has put aside `dismissed`.

    To whoever follows goes a `notification`, which is gone from here when it was sent. To a partner go `share` (a transaction
    that creates what it does not have), `change` (elements to lay over what it has) and `notice` (that something is to be read
    here). `about` is our own resource (`Task/id`), `earlier` the row that a person
    sent again as this one, `outcome` the OperationOutcome that a partner refused it with. `cause` is what it came of, wherever
    it led in between: the id of the message or of the request, by which logs here and there are held together.
    """

    id: str
    tenant: str
    key: str
    hub: str
    kind: Literal["apprec", "message", "share", "change", "notice", "notification"]
    message_id: str
    hub_id: str | None
    sender: str
    receiver: str
    body: bytes
    content_type: str
    created: datetime
    msg_id: str = ""
    state: Literal["waiting", "unanswered", "sent", "dead", "dismissed"] = "waiting"
    attempts: int = 0
    next_attempt: datetime | None = None
    error: str = ""
    answer: str | None = None
    about: str = ""
    earlier: str = ""
    outcome: bytes = b""
    cause: str = ""


class Outbox(Protocol):
    """What is to be sent, and was. A part of `Unit`."""

    def enqueue(self, row: Outgoing) -> None: ...
    def outgoing(self, id: str) -> Outgoing | None: ...
    def outgoing_for(self, message_id: str) -> list[Outgoing]: ...
    def sent_with(self, msg_id: str) -> list[Outgoing]: ...  # kind message, by our own MsgId
    def unanswered(self, limit: int) -> list[Outgoing]: ...  # messages whose AppRec is awaited, oldest first
    def change_outgoing(self, row: Outgoing) -> None:
        """Keep what has become of it: state, attempts, next_attempt, error, hub_id, answer, outcome. All else stays as made."""
        ...

    def count_outgoing(self) -> dict[str, int]: ...  # of every state
    def hurry(self, hub: str, after: datetime) -> int: ...  # what waits for it until later than that is due now; how many
    def waiting_about(self, about: str, hub: str) -> list[Outgoing]: ...  # waiting for that partner, in order
    def deliveries(
        self,
        tenants: Sequence[str],
        *,
        hub: str = "",
        state: str = "",
        about: str = "",
        cause: str = "",
        after: str = "",
        limit: int = 50,
    ) -> list[Outgoing]:
        """What goes to partners (`share`, `change`, `notice`), newest first; `after` is the id of the last row seen."""
        ...

    def count_deliveries(self, tenants: Sequence[str]) -> dict[tuple[str, str], int]: ...  # waiting and dead, by (partner, state)
