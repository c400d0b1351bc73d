"""What the OpenAPI document says of the message interface: schemas, and examples of requests and answers.

Every example of a request is named by the status that answers it (`201-…`); a test sends them all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapter.domain.problem import Finding, Kind
from adapter.hub.examples import FIRST_ID, GOOD, OTHER_CONTENT, OTHER_ID, REFUSED, UNREADABLE, example, shown
from adapter.ports import State
from adapter.r4.outcome import operation_outcome

XML_TYPES: Final = ("application/xml", "text/xml")
FHIR_JSON: Final = "application/fhir+json"
NO_ID: Final = "00000000-0000-4000-8000-000000000000"


class _Shown(BaseModel):
    model_config = ConfigDict(populate_by_name=True)


class OperationOutcome(_Shown):
    """What is to be told, with reasons and remedies in English and Norwegian (FHIR R4 OperationOutcome)."""

    resource_type: Literal["OperationOutcome"] = Field(alias="resourceType")
    issue: list[dict[str, Any]]


class MessageShown(_Shown):
    """A message as an operator sees it."""

    id: str = Field(description="Our id of the message, a UUID.")
    msg_id: str = Field(alias="msgId", description="MsgId, as the sender gave it.")
    document_id: str | None = Field(alias="documentId", description="Id of its document: the same in N, M and C of a referral.")
    sender: str = Field(description="HER-id of the sending service, or TYPE:value of its ident.")
    receiver: str = Field(description="HER-id of the receiving service, or TYPE:value of its ident.")
    type: str = Field(description="Message type, a code of 8279 (8263 for Henvisning 1.0).")
    received: datetime
    state: State = Field(description="refused: got a negative AppRec. quarantined waits for a person, parked for another message.")
    reason: str = Field(description="Why it is in this state.")
    action: str = Field(description="What to do about it; empty when nothing is.")
    issues: OperationOutcome = Field(description="Everything found in it: what breaks the schema, unknown codes, and so on.")


class LedTo(_Shown):
    """A delivery to a partner that came of a message; GET /deliveries/{id} tells more."""

    id: str
    partner: str
    about: str = Field(description="Our resource that it is about.")
    state: Literal["waiting", "sent", "dead", "dismissed"]


class MessageSeen(MessageShown):
    """One message, with what it led to."""

    led_to: list[LedTo] = Field(alias="ledTo", description="Deliveries to partners that came of it, newest first, at most 100.")


class MessageList(_Shown):
    """A page of messages, newest first."""

    items: list[MessageShown]
    next: str | None = Field(description="Address of the next page; null on the last.")


class StatusShown(_Shown):
    """A status that answers a referral: what it says, and what became of it."""

    msg_id: str = Field(alias="msgId", description="Its own MsgId.")
    made: datetime
    state: Literal["waiting", "unanswered", "sent", "dead"] = Field(description="unanswered awaits its AppRec, dead a person.")
    answer: Literal["ok", "rejected", "conflict"] | None = Field(description="What its AppRec says.")
    error: str = Field(description="Why it has not left, or was given up.")
    document: str = Field(description="The message, as XML.")


class StatusList(_Shown):
    """The statuses that answer a referral, newest first."""

    items: list[StatusShown]


class Node(_Shown):
    """A node of the message and what became of it."""

    xpath: str
    line: int | None
    fate: Literal["used", "not-used", "not-understood"]
    reason: str
    elements: list[str] = Field(description="Paths of the FHIR elements that it is in.")


class Element(_Shown):
    """An element of the FHIR resources and where it came from; one entry for each source."""

    path: str
    xpath: str
    line: int | None
    raw: str
    map: str = Field(description="The table or rule that made the value of what stood there.")


class Explanation(_Shown):
    """Where every element came from, and what became of every node."""

    elements: list[Element]
    nodes: list[Node]


class TranslationShown(_Shown):
    """A translation that nothing was kept of."""

    bundle: dict[str, Any] | None = Field(description="FHIR R4 transaction Bundle; null where the message was refused.")
    apprec: str = Field(description="The AppRec that would be sent, as XML.")
    explanation: Explanation


TOLD: Final[dict[str, Any]] = {
    "items": [
        {
            "msgId": "4d0b1a2c-7f0e-5b59-9d57-2b1f7f0f3a11",
            "made": "2026-05-18T09:30:00Z",
            "state": "sent",
            "answer": "ok",
            "error": "",
            "document": "<MsgHead>…</MsgHead>",
        }
    ]
}
LED_TO: Final[dict[str, Any]] = {
    "id": "5b0c3b3e-6a57-5d5c-8d0e-1f6c0a3b7e01",
    "partner": "municipality",
    "about": "Task/0d1f6c0a-3b7e-5b0c-a57d-5c8d0e1f6c0a",
    "state": "sent",
}
OUTCOME: Final[dict[str, Any]] = {"$ref": "#/components/schemas/OperationOutcome"}


def shown_message(state: State = State.PROCESSED) -> dict[str, Any]:
    """A message as the document's examples show it."""
    quarantined = state is State.QUARANTINED
    return {
        "id": OTHER_ID if quarantined else FIRST_ID,
        "msgId": "2785dde6-847b-48ae-bc8b-53a44a07647e",
        "documentId": None if quarantined else "6cfa3d45-7afe-4569-8682-01628450a3b6",
        "sender": "8000201",
        "receiver": "8000101",
        "type": "HENVISNING_NYTILSTAND",
        "received": "2026-05-11T08:42:19Z",
        "state": state.value,
        "reason": "Same MsgId as an earlier message, other content." if quarantined else "",
        "action": "Compare the two, and ask the sender which one holds." if quarantined else "",
        "issues": operation_outcome([]),
    }


def answered(description: str, value: Any, media: str = "application/json", schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A response of the document, with an example of it."""
    content: dict[str, Any] = {"example": value}
    if schema is not None:
        content["schema"] = schema
    return {"description": description, "content": {media: content}}


def message(description: str, state: State = State.PROCESSED) -> dict[str, Any]:
    """A message as an answer of the document."""
    return {**answered(description, shown_message(state)), "model": MessageShown}


def failed(finding: Finding) -> dict[str, Any]:
    """A failure of the document: an OperationOutcome."""
    return answered(finding.en, operation_outcome([finding]), FHIR_JSON, OUTCOME)


def message_body() -> dict[str, Any]:
    """The request body of POST /messages."""
    examples = {f"201-{one.word}": example(201, f"{one.title} (200 if it was received before)", one.xml) for one in shown(GOOD)}
    examples |= {f"201-{one.word}": example(201, f"refused: {one.title}", one.xml) for one in shown(REFUSED)}
    examples |= {f"201-{one.word}": example(201, f"quarantined: {one.title}", one.xml) for one in shown(UNREADABLE)}
    examples["409-other-content"] = example(409, "other content under the MsgId of the first example", OTHER_CONTENT)
    examples["400-empty"] = example(400, "an empty body", "")
    return _xml_body(examples)


def translate_body() -> dict[str, Any]:
    """The request body of POST /translate."""
    examples = {f"200-{one.word}": example(200, one.title, one.xml) for one in shown(GOOD)}
    examples |= {f"200-{one.word}": example(200, f"refused, so bundle is null: {one.title}", one.xml) for one in shown(REFUSED)}
    examples |= {f"422-{one.word}": example(422, f"no message that we read: {one.title}", one.xml) for one in shown(UNREADABLE)}
    examples["400-empty"] = example(400, "an empty body", "")
    return _xml_body(examples)


def _xml_body(examples: dict[str, Any]) -> dict[str, Any]:
    # One of the two media types carries the examples: twice would double the document.
    schema = {"type": "string", "description": "A Norwegian referral: MsgHead 1.2, or Henvisning 1.0 or 1.1."}
    return {
        "required": True,
        "content": {"application/xml": {"schema": schema, "examples": examples}, "text/xml": {"schema": schema}},
    }


def _error(kind: Kind, en: str, nb: str, where: str = "") -> Finding:
    return Finding("error", kind, en, nb, where)


EMPTY_FOUND: Final = _error(
    Kind.INCOMPLETE, "The body is empty: send the message as XML.", "Innholdet er tomt: send meldingen som XML."
)
TOO_LARGE_FOUND: Final = _error(
    Kind.TOO_LARGE,
    "The message is larger than this service takes (messages.max_bytes): send less.",
    "Meldingen er større enn tjenesten tar imot (messages.max_bytes): send mindre.",
)
NOT_XML_FOUND: Final = _error(
    Kind.UNSUPPORTED,
    "A message is sent as application/xml or text/xml, not compressed: set Content-Type.",
    "En melding sendes som application/xml eller text/xml, ukomprimert: sett Content-Type.",
    "http.Content-Type",
)
NO_MESSAGE_FOUND: Final = _error(
    Kind.NOT_FOUND,
    "There is no such message: take an id from GET /messages.",
    "Meldingen finnes ikke: bruk en id fra GET /messages.",
)

EMPTY: Final = failed(EMPTY_FOUND)
TOO_LARGE: Final = failed(TOO_LARGE_FOUND)
NOT_XML: Final = failed(NOT_XML_FOUND)
NO_MESSAGE: Final = failed(NO_MESSAGE_FOUND)
NO_RECEIPT: Final = failed(
    _error(Kind.NOT_FOUND, "No receipt has been made for this message.", "Det er ikke laget kvittering for meldingen.")
)
NO_BUNDLE: Final = failed(
    _error(
        Kind.NOT_FOUND,
        "This message was not translated: its state says why.",
        "Meldingen er ikke oversatt: tilstanden sier hvorfor.",
    )
)
NOT_NOW: Final = failed(
    _error(
        Kind.BUSINESS_RULE,
        "The message is processed: there is nothing to try again.",
        "Meldingen er behandlet: det er ingenting å prøve igjen.",
    )
)
NOT_A_STATE: Final = failed(_error(Kind.INVALID, "Not a state.", "Ikke en tilstand.", "http.state"))
UNREAD: Final = failed(
    Finding("error", Kind.MALFORMED, "Not well-formed XML: correct it.", "Ikke velformet XML: rett den.", "", 3, 3)
)

_XPATH: Final = "/MsgHead/MsgInfo/Patient/FamilyName"
EXPLAINED: Final = {
    "elements": [{"path": "Patient.name[0].family", "xpath": _XPATH, "line": 62, "raw": "Skogli", "map": ""}],
    "nodes": [{"xpath": _XPATH, "line": 62, "fate": "used", "reason": "", "elements": ["Patient.name[0].family"]}],
}
TRANSLATED: Final = {
    "bundle": {"resourceType": "Bundle", "type": "transaction"},
    "apprec": "<AppRec>…</AppRec>",
    "explanation": EXPLAINED,
}
