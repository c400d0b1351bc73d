"""EDI 2.0 over real HTTP between two processes: our client here, the simulated hub there.

Every request of our client and every answer of the hub is held against the official OpenAPI document.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from adapter.domain.problem import Kind, Problem
from adapter.hub.edi2 import Edi2Hub
from adapter.ports import Delivery, Outgoing
from adapter.sandbox.hub_document import Envelope, read_envelope
from tests import xsd
from tests.hub.referral import referral
from tests.sandbox.conftest import start_hub
from tests.sandbox.contract import Contract, Watched

pytestmark = pytest.mark.slow

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
MSG_ID = "11111111-1111-4111-8111-111111111111"
NOBODY = "00000000-0000-4000-8000-000000000000"
OURS, THEIRS, COPY = 8000101, 8000201, 8000301
HEADERS = {"api-version": "2", "nhn-source-system": "Test, v1"}
OK = json.dumps({"appRecStatus": "Ok", "appRecErrorList": None}).encode()
REFUSED = json.dumps({"appRecStatus": "Rejected", "appRecErrorList": [{"errorCode": "E10", "details": "Ingen <UUID>"}]}).encode()

Connect = Callable[..., Edi2Hub]


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def connect(running_hub: str, judge: Contract | None) -> Iterator[Connect]:
    """Makes clients of the hub for a HER-id; in the end, no message between them broke the contract."""
    wire = Watched(judge)

    def make(her_id: int = OURS, **options: Any) -> Edi2Hub:
        return Edi2Hub(running_hub, [str(her_id)], "Stafett, v0", clock=Noon(), transport=wire, **options)

    yield make
    assert wire.seen
    assert wire.faults == []


@pytest.fixture
def raw(running_hub: str, judge: Contract | None) -> Iterator[httpx.Client]:
    """A client that may ask anything; the hub's answers must be as foreseen all the same."""
    wire = Watched(judge, requests=False)
    with httpx.Client(base_url=running_hub, transport=wire, headers=HEADERS) as client:
        yield client
    assert wire.seen
    assert wire.faults == []


def put(sandbox: httpx.Client, data: bytes | None = None, **query: Any) -> str:
    answer = sandbox.post("/sandbox/messages", content=referral() if data is None else data, params=query)
    return str(answer.raise_for_status().json()["id"])


def state(sandbox: httpx.Client) -> list[dict[str, Any]]:
    return list(sandbox.get("/sandbox/messages").json()["messages"])


def answer_to(id: str, body: bytes = OK, **changes: Any) -> Outgoing:
    row = Outgoing("o-1", "319900101", "k", "edi2", "apprec", "m-1", id, str(OURS), str(THEIRS), body, "application/json", NOW)
    return replace(row, **{"attempts": 1} | changes)


def letter(data: bytes, **more: Any) -> bytes:
    text = base64.b64encode(data).decode()
    return json.dumps(
        {"businessDocument": text, "contentType": "application/xml", "contentTransferEncoding": "base64"} | more
    ).encode()


def test_a_message_is_fetched_answered_read_and_then_no_longer_listed(sandbox: httpx.Client, connect: Connect) -> None:
    hub_id = put(sandbox)
    hub = connect()

    assert hub.fetch(10) == [Delivery(referral(), NOW, "edi2", hub_id, str(OURS), str(THEIRS), MSG_ID, False)]
    assert hub.deliver(answer_to(hub_id, REFUSED))
    assert len(hub.fetch(10)) == 1
    hub.confirm(hub_id, str(OURS))
    hub.confirm(hub_id, str(OURS))
    assert hub.fetch(10) == []

    loaded = state(sandbox)[0]
    assert (loaded["read"], [(a["appRecSenderHerId"], a["appRecStatus"]) for a in loaded["appRecs"]]) == (
        [OURS],
        [(OURS, "Rejected")],
    )


def test_a_message_that_we_send_is_answered_and_its_apprec_comes_to_us(sandbox: httpx.Client, connect: Connect) -> None:
    ours, theirs = connect(), connect(THEIRS)
    sent = ours.deliver(answer_to("", letter(referral(sender=OURS, receivers=(THEIRS,))), kind="message", hub_id=None))

    assert ours.status(sent) == [{"receiverHerId": THEIRS, "transportDeliveryState": "Unconfirmed", "appRecStatus": None}]
    assert [d.hub_id for d in theirs.fetch(10)] == [sent]
    theirs.confirm(sent, str(THEIRS))
    assert ours.status(sent) == [{"receiverHerId": THEIRS, "transportDeliveryState": "Acknowledged", "appRecStatus": None}]
    apprec_id = theirs.deliver(answer_to(sent, REFUSED, sender=str(THEIRS)))
    error = {"errorCode": "E10", "details": "Ingen <UUID>", "description": None, "oid": None}
    assert ours.status(sent) == [
        {"receiverHerId": THEIRS, "transportDeliveryState": "Acknowledged", "appRecStatus": "Rejected", "appRecErrorList": [error]}
    ]
    apprec = ours.fetch(10)[0]
    assert replace(apprec, data=b"") == Delivery(b"", NOW, "edi2", apprec_id, str(OURS), str(THEIRS), apprec_id, True)
    assert read_envelope(apprec.data) == Envelope("APPREC", apprec_id, ANY, THEIRS, (OURS,), is_apprec=True)


def test_the_apprec_that_the_hub_writes_is_valid(sandbox: httpx.Client, connect: Connect, standards: Path) -> None:
    hub_id = put(sandbox)
    connect().deliver(answer_to(hub_id, REFUSED))

    assert xsd.faults("apprec-1.1", connect(THEIRS).fetch(1)[0].data) == []


def test_an_apprec_whose_answer_was_lost_is_not_sent_twice(sandbox: httpx.Client, connect: Connect) -> None:
    hub_id = put(sandbox)
    hub = connect()
    sandbox.post("/sandbox/faults", json={"match": "POST */apprec/*", "drop": True})

    with pytest.raises(Problem) as told:
        hub.deliver(answer_to(hub_id))
    assert told.value.kind is Kind.TRANSIENT
    assert hub.deliver(answer_to(hub_id, attempts=2)) == ""
    assert len(state(sandbox)[0]["appRecs"]) == 1


def test_a_second_apprec_is_recorded_so_that_it_can_be_seen(sandbox: httpx.Client, connect: Connect) -> None:
    hub_id = put(sandbox)
    hub = connect()

    assert hub.deliver(answer_to(hub_id)) != hub.deliver(answer_to(hub_id))
    assert len(state(sandbox)[0]["appRecs"]) == 2


def test_an_apprec_is_not_answered_with_an_apprec(sandbox: httpx.Client, connect: Connect) -> None:
    hub_id = put(sandbox, isAppRec="true")

    with pytest.raises(Problem, match="error code 1100") as told:
        connect().deliver(answer_to(hub_id))
    assert told.value.kind is Kind.INVALID


def test_each_receiver_reads_and_answers_for_itself(sandbox: httpx.Client, connect: Connect) -> None:
    hub_id = put(sandbox, referral(receivers=(OURS, COPY)))
    ours, copy = connect(), connect(COPY)

    ours.deliver(answer_to(hub_id))
    ours.confirm(hub_id, str(OURS))

    assert ([d.receiver for d in ours.fetch(10)], [d.receiver for d in copy.fetch(10)]) == ([], [str(COPY)])
    assert copy.deliver(answer_to(hub_id, sender=str(COPY), attempts=2))
    assert [a["appRecSenderHerId"] for a in state(sandbox)[0]["appRecs"]] == [OURS, COPY]


def test_what_the_hub_says_of_a_message_may_differ_from_the_message(sandbox: httpx.Client, connect: Connect) -> None:
    hub_id = put(sandbox, sender=8000999, msgId="other", genDate="2026-01-01T00:00:00+01:00")
    broken = put(sandbox, b"<!DOCTYPE a><a/>", receiver=OURS, sender="")

    assert connect().fetch(10) == [
        Delivery(referral(), NOW, "edi2", hub_id, str(OURS), "8000999", "other", False),
        Delivery(b"<!DOCTYPE a><a/>", NOW, "edi2", broken, str(OURS)),
    ]


def test_the_oldest_message_by_its_own_date_comes_first(sandbox: httpx.Client, connect: Connect) -> None:
    dates = ("2026-03-01T00:00:00", "2026-01-01T00:00:00", "2026-02-01T00:00:00")
    march, january, february = (put(sandbox, genDate=date) for date in dates)

    assert [d.hub_id for d in connect().fetch(2)] == [january, february]
    assert march not in {d.hub_id for d in connect().fetch(2)}


def test_one_broken_document_does_not_stop_the_others(sandbox: httpx.Client, connect: Connect) -> None:
    broken, fine = put(sandbox), put(sandbox)
    sandbox.post("/sandbox/faults", json={"match": f"GET /Messages/{broken}/*", "status": 500, "count": 1})
    hub = connect()

    assert [d.hub_id for d in hub.fetch(10)] == [fine]
    assert [d.hub_id for d in hub.fetch(10)] == [broken, fine]


def test_a_document_over_our_limit_is_delivered_with_its_fault(sandbox: httpx.Client, connect: Connect) -> None:
    put(sandbox, referral() + b" " * 100_000)

    assert [(d.data, d.fault and d.fault.kind) for d in connect(max_bytes=50_000).fetch(10)] == [(b"", Kind.TOO_LARGE)]


def test_a_busy_hub_is_waited_for(running_hub: str, sandbox: httpx.Client) -> None:
    sandbox.post("/sandbox/faults", json=[{"status": 503, "retry_after": "7"}, {"delay": 0.5}])
    hub = Edi2Hub(running_hub, [str(OURS)], "Stafett, v0", clock=Noon(), timeout=0.2)

    with pytest.raises(Problem) as busy:
        hub.fetch(10)
    with pytest.raises(Problem, match="ReadTimeout") as slow:
        hub.fetch(10)
    assert [(p.value.kind, p.value.retry_after) for p in (busy, slow)] == [(Kind.TRANSIENT, 7.0), (Kind.TRANSIENT, None)]
    assert sandbox.get("/sandbox/faults").json() == {"faults": []}


def test_a_hub_that_is_down_is_tried_again() -> None:
    hub = Edi2Hub("http://127.0.0.1:9", [str(OURS)], "Stafett, v0", clock=Noon())

    with pytest.raises(Problem, match="ConnectError") as told:
        hub.fetch(10)
    assert told.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("GET /Messages", 400, 1000),
        ("GET /Messages?ReceiverHerIds=x", 400, 1000),
        ("GET /Messages?ReceiverHerIds=1&ReceiverHerIds=1", 400, 1000),
        ("GET /Messages?ReceiverHerIds=99999999999", 400, 1000),
        ("GET /Messages?ReceiverHerIds=1&MessagesToFetch=0", 400, 1000),
        ("GET /Messages?ReceiverHerIds=1&MessagesToFetch=101", 400, 1000),
        ("GET /Messages?ReceiverHerIds=1&OrderBy=3", 400, 1000),
        ("GET /Messages?ReceiverHerIds=1&IncludeMetadata=yes", 400, 1000),
        (f"GET /Messages?ReceiverHerIds=1&BusinessDocumentId={'x' * 101}", 400, 1000),
        ("GET /Messages/no-guid", 400, 1000),
        (f"GET /Messages/{NOBODY}", 404, 0),
        (f"GET /Messages/{NOBODY}/business-document", 404, 0),
        (f"GET /Messages/{NOBODY}/status", 404, 0),
        (f"GET /Messages/{NOBODY}/apprec", 404, 0),
        (f"POST /Messages/{NOBODY}/apprec/{OURS}", 404, 0),
        (f"PUT /Messages/{NOBODY}/read/{OURS}", 404, 0),
        ("PUT /Messages/ID/read/1", 404, 0),
        ("PUT /Messages/ID/read/x", 400, 1000),
        ("PUT /Messages/ID/read/0", 400, 1000),
        ("POST /Messages/ID/apprec/1", 403, 0),
    ],
)
def test_a_wrong_request_gets_the_foreseen_error(
    sandbox: httpx.Client, raw: httpx.Client, asked: str, status: int, code: int
) -> None:
    answer = raw.request(*asked.replace("ID", put(sandbox)).split())

    assert (answer.status_code, answer.json()["errorCode"], answer.json()["stackTrace"]) == (status, code, None)
    assert answer.json()["requestId"]


@pytest.mark.parametrize("header", ["api-version", "nhn-source-system"])
def test_both_headers_are_required(raw: httpx.Client, header: str) -> None:
    del raw.headers[header]
    answer = raw.get("/Messages", params={"ReceiverHerIds": OURS})

    assert (answer.status_code, header in answer.json()["validationErrors"][0]) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        letter(referral(), businessDocument="?"),
        letter(referral(), contentType=""),
        letter(referral(), contentTransferEncoding="gzip"),
        letter(referral(), receiverHerIdsSubset=[1]),
        letter(referral().replace(b' encoding="UTF-8"', b"")),
        letter(referral().replace(b"<MsgHead", b"<!DOCTYPE MsgHead><MsgHead", 1)),
        letter(referral().replace(b"</MsgHead>", b"")),
        letter(b'<?xml version="1.0" encoding="UTF-8"?><Unknown/>'),
        letter(referral().replace(b'V="HER"', b'V="ENH"')),
    ],
)
def test_a_message_that_cannot_be_routed_is_refused(sandbox: httpx.Client, raw: httpx.Client, body: bytes) -> None:
    answer = raw.post("/Messages", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["errorCode"], state(sandbox)) == (400, 1000, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"appRecStatus": "ok"},
        {"appRecStatus": "OkErrorInMessagePart"},
        {"appRecStatus": "Rejected"},
        {"appRecStatus": "Rejected", "appRecErrorList": [{"errorCode": "E10"}]},
        {"appRecStatus": "Ok", "appRecErrorList": [{"errorCode": "E10", "details": ""}]},
        {"appRecStatus": "Ok", "appRecErrorList": "E10"},
    ],
)
def test_an_apprec_that_says_nothing_clear_is_refused(sandbox: httpx.Client, raw: httpx.Client, body: dict[str, Any]) -> None:
    answer = raw.post(f"/Messages/{put(sandbox)}/apprec/{OURS}", json=body)

    assert (answer.status_code, answer.json()["errorCode"], state(sandbox)[0]["appRecs"]) == (400, 1000, [])


def test_what_the_document_allows_besides_is_answered_as_it_says(sandbox: httpx.Client, raw: httpx.Client) -> None:
    created = raw.post(
        "/Messages",
        content=letter(referral(receivers=(OURS, COPY)), receiverHerIdsSubset=[COPY], ebXmlOverrides={}),
        headers={"content-type": "text/json"},
    )
    hub_id = created.json()

    assert (created.status_code, created.headers["location"]) == (201, str(raw.base_url.join(f"/Messages/{hub_id}")))
    assert raw.get(created.headers["location"]).json() == {
        "id": hub_id,
        "contentType": "application/xml",
        "receiverHerId": COPY,
        "senderHerId": THEIRS,
        "businessDocumentId": MSG_ID,
        "businessDocumentGenDate": "2026-05-11T10:42:17",
        "isAppRec": False,
    }
    query = {"ReceiverHerIds": [OURS, COPY], "SenderHerId": THEIRS, "BusinessDocumentId": MSG_ID, "OrderBy": "Descending"}
    assert raw.get("/Messages", params=query).json() == [{"id": hub_id, "receiverHerId": COPY}]
    assert raw.get("/Messages", params=query | {"SenderHerId": 1}).json() == []
    assert raw.get(f"/Messages/{hub_id}/apprec").json() == [{"receiverHerId": COPY, "appRecStatus": None, "appRecErrorList": []}]


def test_the_page_shows_what_came_and_how_it_was_answered_and_loads_nothing_from_elsewhere(
    sandbox: httpx.Client, connect: Connect
) -> None:
    hub_id = put(sandbox, msgId="<script>alert(1)</script>")
    connect().deliver(answer_to(hub_id, REFUSED))

    page = sandbox.get("/")

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert '<span class="rejected">Rejected</span> by 8000101 E10 Ingen &lt;UUID&gt;' in page.text
    assert ("<script" in page.text, "Prøvesen" in page.text, page.text.count("://")) == (False, False, 1)
    assert sandbox.get("/sandbox/style.css").headers["content-type"].startswith("text/css")
    document = sandbox.get(f"/sandbox/messages/{hub_id}/document")
    assert (document.content, document.headers["content-type"]) == (referral(), "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sandbox/messages", b"<a/>"),
        ("/sandbox/messages?receiver=x", b"<a/>"),
        ("/sandbox/messages?genDate=soon", referral()),
        ("/sandbox/faults", b"{"),
        ("/sandbox/faults", b'{"unknown": 1}'),
        ("/sandbox/faults", b'{"count": 0}'),
    ],
)
def test_the_controls_refuse_what_they_do_not_understand(sandbox: httpx.Client, path: str, body: bytes) -> None:
    assert sandbox.post(path, content=body).status_code == 400
    assert state(sandbox) == []


def test_a_hub_can_start_with_files_and_says_which_it_cannot_load(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.xml").write_bytes(referral())
    (tmp_path / "broken.xml").write_bytes(b"<MsgHead>")
    process, url = start_hub("--load", str(tmp_path))
    try:
        assert [m["businessDocumentId"] for m in httpx.get(f"{url}/sandbox/messages", trust_env=False).json()["messages"]] == [
            MSG_ID
        ]
    finally:
        process.terminate()
        process.wait(10)
    assert "broken.xml: not well-formed XML" in capfd.readouterr().err
