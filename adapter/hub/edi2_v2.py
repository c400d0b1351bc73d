"""Version 2 of the hub's REST interface on the wire: paths, headers, JSON and status codes.

Norsk Helsenett, "Meldingstjener REST API" (EDI 2.0), OpenAPI document "MSH API v2". Another version of
the interface is another class with these methods; `adapter.hub.edi2` knows none of what is here.

Unknown JSON properties are ignored and absent metadata is None: the interface grows without a new version.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.http_client import TooLong, plain, read, retry_after

MOST_AT_ONCE = 100  # MessagesToFetch: "must be a number between 1 and 100"
LATER = frozenset({401, 408, 423, 425, 429})  # the 4xx that say nothing against the request itself
SMALL = 1024 * 1024  # every answer but a business document
UNKNOWN = (
    " Check auth, client_id, scope and key of the [[hub]], and whether the organisation may use it.",
    " Kontroller auth, client_id, scope og nøkkel for [[hub]], og om organisasjonen har tilgang.",
)
"""What to do where the hub does not know us, or gives us no access."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A row of the list of unread messages; all but the id may be absent."""

    id: str
    receiver: str | None
    sender: str | None
    msg_id: str | None
    is_apprec: bool


class Edi2V2:
    """The calls of version 2. Each raises `Problem`: TRANSIENT where a later try may succeed, another kind where none will.

    TOO_LARGE is also an answer longer than we are willing to read.
    """

    def __init__(self, client: httpx.Client, source_system: str, *, deadline: float = 300.0) -> None:
        self._client = client
        self._headers = {"api-version": "2", "nhn-source-system": source_system, "accept": "application/json"}
        self._deadline = deadline

    def unread(self, her_ids: Sequence[str]) -> list[Unread]:
        """The oldest unread messages to any of `her_ids`, as many as the hub gives at once."""
        query: dict[str, Any] = {
            "ReceiverHerIds": list(her_ids),
            "IncludeMetadata": "true",
            "MessagesToFetch": MOST_AT_ONCE,
            "OrderBy": "Ascending",
        }
        rows = _list(self._call("GET", "Messages", params=query))
        return [row for row in map(_unread, rows) if row]

    def one(self, id: str) -> Unread:
        """What the hub says of one message, read or not."""
        row = _object(self._call("GET", _path(id)))
        found = _unread(row | {"id": id})
        assert found  # noqa: S101 - tells the type checker: it has an id
        return found

    def document(self, id: str, max_bytes: int) -> bytes:
        """The answer that holds a message's business document; `decode_document` takes it out."""
        return self._call("GET", _path(id, "business-document"), limit=max_bytes * 4 // 3 + 4096)

    @staticmethod
    def decode_document(answer: bytes) -> bytes:
        """The business document's bytes. Raises ValueError where the answer holds none."""
        try:
            text = msgspec.json.decode(answer)["businessDocument"]
        except (msgspec.MsgspecError, KeyError, TypeError) as fault:
            raise ValueError("no businessDocument") from fault
        if not isinstance(text, str):
            raise ValueError("businessDocument is no text")
        return base64.b64decode("".join(text.split()), validate=True)

    def mark_read(self, id: str, her_id: str) -> None:
        self._call("PUT", _path(id, "read", her_id))

    def post_apprec(self, id: str, her_id: str, body: bytes) -> str:
        """Answer a message; the hub makes the AppRec XML. The id of the AppRec."""
        return _id(self._call("POST", _path(id, "apprec", her_id), content=body))

    @staticmethod
    def apprec_status(body: bytes) -> object:
        """The status in the body of an AppRec that we send, in the words of `apprecs`."""
        return msgspec.json.decode(body).get("appRecStatus")

    def apprecs(self, id: str) -> list[dict[str, Any]]:
        """The AppRecs of a message: `receiverHerId`, `appRecStatus` (None where none came), `appRecErrorList`."""
        return _list(self._call("GET", _path(id, "apprec")))

    def post_message(self, body: bytes) -> str:
        return _id(self._call("POST", "Messages", content=body))

    def status(self, id: str) -> list[dict[str, Any]]:
        """Per receiver `receiverHerId`, `transportDeliveryState` and `appRecStatus`."""
        return _list(self._call("GET", _path(id, "status")))

    def _call(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None, limit: int = SMALL
    ) -> bytes:
        headers = self._headers | ({"content-type": "application/json"} if content is not None else {})
        try:
            with self._client.stream(method, path, params=params, content=content, headers=headers) as answer:
                if answer.is_success:
                    return self._read(answer, limit)
                raise _refused(answer, self._read(answer, SMALL))
        except httpx.HTTPError as fault:  # its text may quote the request, so only its name is told
            name = type(fault).__name__
            raise problem(
                Kind.TRANSIENT,
                f"The hub did not answer ({name}). It will be tried again; check the network and the hub's address if this lasts.",
                f"Meldingstjeneren svarte ikke ({name}). Det prøves igjen; kontroller nettet og adressen hvis det varer.",
            ) from fault

    def _read(self, answer: httpx.Response, limit: int) -> bytes:
        try:
            return read(answer, limit, self._deadline)
        except TooLong:
            raise problem(
                Kind.TOO_LARGE,
                f"The hub's answer is over the limit of {limit} bytes.",
                f"Meldingstjenerens svar er over grensen på {limit} byte.",
            ) from None


def _path(id: str, *parts: str) -> str:
    return "/".join(["Messages", *(quote(part, safe="") for part in (id, *parts))])


def _unread(row: dict[str, Any]) -> Unread | None:
    id = row.get("id")
    if not isinstance(id, str) or not id:
        return None  # nothing can be fetched, answered or taken off without its id
    msg_id = row.get("businessDocumentId")
    return Unread(
        id,
        _her_id(row.get("receiverHerId")),
        _her_id(row.get("senderHerId")),
        msg_id if isinstance(msg_id, str) and msg_id else None,
        row.get("isAppRec") is True,
    )


def _her_id(value: object) -> str | None:
    return str(value) if isinstance(value, int | str) and str(value).isdecimal() else None


def _list(body: bytes) -> list[dict[str, Any]]:
    try:
        return [row for row in msgspec.json.decode(body, type=list[Any]) if isinstance(row, dict)]
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise problem(
            Kind.TRANSIENT,
            "The hub's answer is not the JSON list that its interface promises. It will be tried again.",
            "Meldingstjenerens svar er ikke JSON-listen som grensesnittet lover. Det prøves igjen.",
        ) from fault


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        return {}


def _id(body: bytes) -> str:
    """The id in an answer that says "created"; without a readable one it is created all the same."""
    try:
        return msgspec.json.decode(body, type=str)
    except (msgspec.MsgspecError, UnicodeError):
        return ""


def _refused(answer: httpx.Response, body: bytes) -> Problem:
    status = answer.status_code
    if status in LATER or not 400 <= status < 500:
        kind, wait = Kind.TRANSIENT, retry_after(answer.headers.get("retry-after", ""))
    else:
        kind = {403: Kind.NOT_ALLOWED, 404: Kind.NOT_FOUND, 410: Kind.NOT_FOUND, 413: Kind.TOO_LARGE}.get(status, Kind.INVALID)
        wait = None
    said = _said(body)
    en, nb = UNKNOWN if status in (401, 403) else ("", "")
    return Problem(
        Finding(
            "error",
            kind,
            f"The hub answered {status}{said}.{en}",
            f"Meldingstjeneren svarte {status}{said}.{nb}",
            rule="EDI 2.0 REST v2",
        ),
        retry_after=wait,
    )


def _said(body: bytes) -> str:
    """What an ErrorMessage tells, without its stack trace, its echo of our content, or anything like a national number."""
    try:
        message = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        return ""
    if not isinstance(message, dict):
        return ""
    told = (("", message.get("error")), ("error code ", message.get("errorCode")), ("request ", message.get("requestId")))
    said = ", ".join(f"{name}{plain(str(value))}" for name, value in told if value and isinstance(value, str | int))
    return f": {said}" if said else ""
