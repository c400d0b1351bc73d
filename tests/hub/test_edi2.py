"""The EDI 2.0 client against every answer that the hub's document names, and some that it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from adapter.domain.problem import Kind, Problem
from adapter.hub.edi2 import Edi2Hub
from adapter.ports import Delivery, Outgoing
from adapter.storage import open_store
from adapter.usecases.at_work import Hand
from tests.hub.referral import referral
from tests.stores import with_tables

HUB = "https://hub.example"
NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
ONE, TWO, THREE, FOUR = (str(UUID(int=n)) for n in (1, 2, 3, 4))
NUMBER = "14868440083"
ERROR = {
    "error": f"Model validation error\noccurred for {NUMBER}",
    "errorCode": 1000,
    "validationErrors": ["value Prøvesen is not valid"],
    "stackTrace": "at Nhn.Secret.Method()",
    "requestId": "e6098c42-46b5-48c2-8a22-7ea0cd75ebd3",
}


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=HUB, assert_all_called=False) as router:
        yield router


def hub(**options: Any) -> Edi2Hub:
    return Edi2Hub(HUB, options.pop("her_ids", ["8000101", "8000102", "LAV:8750"]), "Stafett, v0", clock=Noon(), **options)


def listed(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "receiverHerId": 8000101,
        "senderHerId": 8000201,
        "businessDocumentId": "11111111-1111-4111-8111-111111111111",
        "businessDocumentGenDate": "2026-05-11T10:42:17",
        "isAppRec": False,
    } | changes


def document(data: bytes) -> dict[str, str]:
    return {
        "businessDocument": base64.b64encode(data).decode(),
        "contentType": "application/xml",
        "contentTransferEncoding": "base64",
    }


def serve(api: respx.MockRouter, **documents: httpx.Response | Exception) -> None:
    """The list of the messages ONE, TWO … with these answers for their documents."""
    ids = {"one": ONE, "two": TWO, "three": THREE, "four": FOUR}
    api.get("/Messages").respond(json=[listed(ids[name]) for name in documents])
    for name, answer in documents.items():
        api.get(f"/Messages/{ids[name]}/business-document").mock(side_effect=[answer] * 9)


def row(**changes: Any) -> Outgoing:
    body = json.dumps({"appRecStatus": "Ok", "appRecErrorList": None}).encode()
    made = Outgoing("o-1", "319900101", "k", "edi2", "apprec", "m-1", ONE, "8000101", "8000201", body, "application/json", NOW)
    return replace(made, **{"attempts": 1} | changes)


def test_unread_messages_come_with_the_hubs_metadata_and_their_documents(api: respx.MockRouter) -> None:
    serve(api, one=httpx.Response(200, json=document(referral())))

    assert hub().fetch(10) == [
        Delivery(referral(), NOW, "edi2", ONE, "8000101", "8000201", "11111111-1111-4111-8111-111111111111", False)
    ]
    asked = api.calls[0].request
    assert dict(asked.url.params.multi_items()) | {"ReceiverHerIds": asked.url.params.get_list("ReceiverHerIds")} == {
        "ReceiverHerIds": ["8000101", "8000102"],
        "IncludeMetadata": "true",
        "MessagesToFetch": "100",
        "OrderBy": "Ascending",
    }
    assert (asked.headers["api-version"], asked.headers["nhn-source-system"]) == ("2", "Stafett, v0")


def test_absent_metadata_is_none_and_unknown_properties_are_ignored(api: respx.MockRouter) -> None:
    api.get("/Messages").respond(json=[{"id": ONE, "unknownProperty": "value"}, "no row", {"receiverHerId": 8000101}])
    api.get(f"/Messages/{ONE}/business-document").respond(json=document(b"<a/>") | {"unknownProperty": [1]})

    assert hub().fetch(10) == [Delivery(b"<a/>", NOW, "edi2", ONE)]


def test_no_more_documents_are_fetched_than_asked_for(api: respx.MockRouter) -> None:
    fine = httpx.Response(200, json=document(b"<a/>"))
    serve(api, one=fine, two=fine, three=fine)

    assert [d.hub_id for d in hub().fetch(2)] == [ONE, TWO]
    assert len(api.calls) == 3


def test_an_id_that_is_longer_than_a_key_of_the_database_is_taken_in_hand_and_fetched(
    api: respx.MockRouter, tmp_path: Path
) -> None:
    id = "x" * 200
    api.get("/Messages").respond(json=[listed(id)])
    api.get(f"/Messages/{id}/business-document").respond(json=document(b"<a/>"))
    with closing(open_store(with_tables(tmp_path / "store.db"))) as store:
        hand = Hand(store, Noon(), "edi2", "ours")
        assert [d.hub_id for d in hub().fetch(10, hand.take)] == [id]


def test_without_a_her_id_the_hub_is_not_asked(api: respx.MockRouter) -> None:
    assert hub(her_ids=["LAV:8750"]).fetch(10) == []
    assert len(api.calls) == 0


@pytest.mark.parametrize("answer", [httpx.Response(500, json=ERROR), httpx.ReadTimeout("slow"), httpx.Response(403, json=ERROR)])
def test_a_document_that_cannot_be_had_now_blocks_no_other(api: respx.MockRouter, answer: httpx.Response | Exception) -> None:
    serve(api, one=answer, two=httpx.Response(200, json=document(b"<b/>")))

    assert [d.hub_id for d in hub().fetch(10)] == [TWO]


def test_messages_whose_documents_cannot_be_had_come_last_the_next_time(api: respx.MockRouter) -> None:
    broken = httpx.Response(500, json=ERROR)
    serve(api, one=broken, two=broken, three=broken, four=httpx.Response(200, json=document(b"<d/>")))
    channel = hub()

    with pytest.raises(Problem) as told:
        channel.fetch(10)
    assert told.value.kind is Kind.TRANSIENT
    assert [d.hub_id for d in channel.fetch(10)] == [FOUR]


def test_of_many_documents_that_cannot_be_had_each_gets_its_turn(api: respx.MockRouter) -> None:
    broken = httpx.Response(500, json=ERROR)
    serve(api, one=broken, two=broken, three=broken, four=broken)
    channel = hub()
    for _ in range(2):
        with pytest.raises(Problem):
            channel.fetch(10)
    api.get(f"/Messages/{FOUR}/business-document").respond(json=document(b"<d/>"))

    assert [d.hub_id for d in channel.fetch(10)] == [FOUR]


def test_messages_that_are_never_confirmed_do_not_stand_before_the_others(api: respx.MockRouter) -> None:
    fine = httpx.Response(200, json=document(b"<a/>"))
    serve(api, one=fine, two=fine, three=fine)
    channel = hub()

    assert [[d.hub_id for d in channel.fetch(2)] for _ in range(3)] == [[ONE, TWO], [THREE, ONE], [TWO, THREE]]


@pytest.mark.parametrize(
    ("answer", "kind", "kept"),
    [
        (httpx.Response(404, json=ERROR), Kind.NOT_FOUND, b""),
        (httpx.Response(200, json=document(b"x" * 5000)), Kind.TOO_LARGE, b""),
        (httpx.Response(200, json=document(b"x" * 1001)), Kind.TOO_LARGE, b""),
        (httpx.Response(200, json={"businessDocument": "not/base64!"}), Kind.MALFORMED, b'{"businessDocument":"not/base64!"}'),
        (httpx.Response(200, json={"businessDocument": None}), Kind.MALFORMED, b'{"businessDocument":null}'),
        (httpx.Response(200, text="<html>"), Kind.MALFORMED, b"<html>"),
        (httpx.Response(200, json=[1]), Kind.MALFORMED, b"[1]"),
    ],
)
def test_a_document_that_never_can_be_had_is_delivered_with_its_fault(
    api: respx.MockRouter, answer: httpx.Response, kind: Kind, kept: bytes
) -> None:
    serve(api, one=answer, two=httpx.Response(200, json=document(b"<b/>")))

    faulty, other = hub(max_bytes=1000).fetch(10)

    assert (faulty.hub_id, faulty.data, faulty.fault and faulty.fault.kind) == (ONE, kept, kind)
    assert (other.hub_id, other.data, other.fault) == (TWO, b"<b/>", None)


def test_a_document_of_just_the_limit_passes(api: respx.MockRouter) -> None:
    serve(api, one=httpx.Response(200, json=document(b"x" * 1000)))

    assert [(len(d.data), d.fault) for d in hub(max_bytes=1000).fetch(1)] == [(1000, None)]


def test_an_endless_document_is_not_read_to_its_end(api: respx.MockRouter) -> None:
    read = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            nonlocal read
            while True:
                read += 1000
                yield b"x" * 1000

    serve(api, one=httpx.Response(200, stream=Endless()))

    assert [d.fault and d.fault.kind for d in hub(max_bytes=10_000).fetch(1)] == [Kind.TOO_LARGE]
    assert read < 100_000


def test_a_document_that_trickles_is_given_up(api: respx.MockRouter) -> None:
    class Trickle(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"x" * 70_000 for _ in range(3))

    serve(api, one=httpx.Response(200, stream=Trickle()))

    with pytest.raises(Problem, match="ReadTimeout"):
        hub(deadline=-1).fetch(1)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"id": ONE})])
def test_a_list_that_is_no_list_is_tried_again(api: respx.MockRouter, answer: httpx.Response) -> None:
    api.get("/Messages").mock(return_value=answer)

    with pytest.raises(Problem) as told:
        hub().fetch(10)
    assert told.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize("status", [204, 200, 404])
def test_a_message_is_marked_as_read_or_gone(api: respx.MockRouter, status: int) -> None:
    put = api.put(f"/Messages/{ONE}/read/8000101").respond(status)

    hub().confirm(ONE, "8000101")

    assert put.call_count == 1


def test_without_a_her_id_a_message_is_marked_as_read_for_all_of_ours(api: respx.MockRouter) -> None:
    puts = [api.put(f"/Messages/{ONE}/read/{h}").respond(204) for h in (8000101, 8000102)]

    hub().confirm(ONE, "LAV:8750")

    assert [put.call_count for put in puts] == [1, 1]


def test_marking_as_read_says_when_it_fails(api: respx.MockRouter) -> None:
    api.put(f"/Messages/{ONE}/read/8000101").respond(500, json=ERROR)

    with pytest.raises(Problem) as told:
        hub().confirm(ONE, "8000101")
    assert told.value.kind is Kind.TRANSIENT


def test_an_apprec_is_posted_with_the_rows_very_bytes(api: respx.MockRouter) -> None:
    post = api.post(f"/Messages/{ONE}/apprec/8000101").respond(201, json=TWO)

    assert hub().deliver(row(body=b'{ "appRecStatus":"Ok" }')) == TWO
    request = post.calls[0].request
    assert (request.content, request.headers["content-type"]) == (b'{ "appRecStatus":"Ok" }', "application/json")


@pytest.mark.parametrize(
    "known", [[], [{"receiverHerId": 8000101, "appRecStatus": None}], [{"receiverHerId": 8000102, "appRecStatus": "Ok"}]]
)
def test_a_repeated_apprec_that_did_not_arrive_is_posted(api: respx.MockRouter, known: list[dict[str, Any]]) -> None:
    api.get(f"/Messages/{ONE}/apprec").respond(json=known)
    post = api.post(f"/Messages/{ONE}/apprec/8000101").respond(201, json=TWO)

    assert hub().deliver(row(attempts=2)) == TWO
    assert post.call_count == 1


def test_a_repeated_apprec_that_arrived_is_not_posted_again(api: respx.MockRouter) -> None:
    api.get(f"/Messages/{ONE}/apprec").respond(json=[{"receiverHerId": 8000101, "appRecStatus": "Ok", "appRecErrorList": []}])
    post = api.post(f"/Messages/{ONE}/apprec/8000101")

    assert hub().deliver(row(attempts=2)) == ""
    assert post.call_count == 0


def test_a_repeated_apprec_never_follows_another_one(api: respx.MockRouter) -> None:
    api.get(f"/Messages/{ONE}/apprec").respond(json=[{"receiverHerId": 8000101, "appRecStatus": "Rejected"}])
    post = api.post(f"/Messages/{ONE}/apprec/8000101")

    with pytest.raises(Problem) as told:
        hub().deliver(row(attempts=2))
    assert (told.value.kind, post.call_count) == (Kind.CONFLICT, 0)


def test_a_message_is_posted_with_the_rows_very_bytes_also_when_repeated(api: respx.MockRouter) -> None:
    body = json.dumps(document(referral())).encode()
    post = api.post("/Messages").respond(201, json=TWO)

    assert hub().deliver(row(kind="message", hub_id=None, body=body, attempts=2)) == TWO
    assert post.calls[0].request.content == body


@pytest.mark.parametrize("answer", [httpx.Response(201), httpx.Response(201, text="created")])
def test_a_message_is_sent_though_its_id_cannot_be_read(api: respx.MockRouter, answer: httpx.Response) -> None:
    api.post("/Messages").mock(return_value=answer)

    assert hub().deliver(row(kind="message")) == ""


@pytest.mark.parametrize("changes", [{"hub_id": None}, {"sender": "LAV:8750"}])
def test_an_apprec_that_has_no_address_is_never_tried_again(api: respx.MockRouter, changes: dict[str, Any]) -> None:
    with pytest.raises(Problem) as told:
        hub().deliver(row(**changes))
    assert told.value.kind is Kind.INVALID


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.INVALID),
        (403, Kind.NOT_ALLOWED),
        (404, Kind.NOT_FOUND),
        (413, Kind.TOO_LARGE),
        (422, Kind.INVALID),
        (401, Kind.TRANSIENT),
        (408, Kind.TRANSIENT),
        (423, Kind.TRANSIENT),
        (429, Kind.TRANSIENT),
        (500, Kind.TRANSIENT),
        (502, Kind.TRANSIENT),
        (503, Kind.TRANSIENT),
        (307, Kind.TRANSIENT),
    ],
)
def test_a_refusal_is_final_or_not_by_its_status(api: respx.MockRouter, status: int, kind: Kind) -> None:
    api.post(f"/Messages/{ONE}/apprec/8000101").respond(status, json=ERROR)

    with pytest.raises(Problem) as told:
        hub().deliver(row())
    assert told.value.kind is kind


def test_a_refusal_tells_the_hubs_words_but_no_stack_trace_and_no_content(api: respx.MockRouter) -> None:
    api.post(f"/Messages/{ONE}/apprec/8000101").respond(400, json=ERROR)

    with pytest.raises(Problem) as told:
        hub().deliver(row())
    assert [f.en for f in told.value.findings] == [
        "The hub answered 400: Model validation error occurred for ***, error code 1000, "
        "request e6098c42-46b5-48c2-8a22-7ea0cd75ebd3."
    ]


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[1]", b'{"error": 7, "requestId": null}', b"\xff"])
def test_a_refusal_without_a_readable_reason_tells_its_status(api: respx.MockRouter, answer: bytes) -> None:
    api.post(f"/Messages/{ONE}/apprec/8000101").respond(400, content=answer)

    with pytest.raises(Problem, match=r"The hub answered 400(: 7)?\."):
        hub().deliver(row())


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.WriteError("cut")]
)
def test_a_broken_connection_is_tried_again_and_named(api: respx.MockRouter, fault: Exception) -> None:
    api.post(f"/Messages/{ONE}/apprec/8000101").mock(side_effect=fault)

    with pytest.raises(Problem, match=type(fault).__name__) as told:
        hub().deliver(row())
    assert told.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("value", "seconds"), [("17", 17.0), ("0", 0.0), ("99999", 3600.0), ("", None), ("soon", None), ("-5", None)]
)
def test_the_wait_that_the_hub_asks_for_is_told(api: respx.MockRouter, value: str, seconds: float | None) -> None:
    api.post("/Messages").respond(503, headers={"Retry-After": value})

    with pytest.raises(Problem) as told:
        hub().deliver(row(kind="message"))
    assert told.value.retry_after == seconds


def test_the_wait_may_be_a_date(api: respx.MockRouter) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    api.post("/Messages").respond(429, headers={"Retry-After": later})

    with pytest.raises(Problem) as told:
        hub().deliver(row(kind="message"))
    assert 90 < (told.value.retry_after or 0) <= 100


def test_status_tells_transport_and_apprec_per_receiver(api: respx.MockRouter) -> None:
    error = {"errorCode": "E10", "details": "Ugyldig meldingsidentifikator"}
    api.get(f"/Messages/{ONE}/status").respond(
        json=[
            {"receiverHerId": 1111, "transportDeliveryState": "Acknowledged", "appRecStatus": "Rejected"},
            {"receiverHerId": 2222, "transportDeliveryState": "Unconfirmed", "appRecStatus": None},
        ]
    )
    api.get(f"/Messages/{ONE}/apprec").respond(
        json=[{"receiverHerId": 1111, "appRecStatus": "Rejected", "appRecErrorList": [error]}]
    )

    assert hub().status(ONE) == [
        {"receiverHerId": 1111, "transportDeliveryState": "Acknowledged", "appRecStatus": "Rejected", "appRecErrorList": [error]},
        {"receiverHerId": 2222, "transportDeliveryState": "Unconfirmed", "appRecStatus": None, "appRecErrorList": []},
    ]


def test_an_id_from_the_hub_cannot_leave_its_place_in_the_path(api: respx.MockRouter) -> None:
    odd = "../sandbox?x=#/é"
    api.get("/Messages").respond(json=[listed(odd)])
    route = api.route(method="GET", path__regex="business-document$").respond(json=document(b"<a/>"))

    assert [d.hub_id for d in hub().fetch(1)] == [odd]
    assert route.calls[0].request.url.raw_path == b"/Messages/..%2Fsandbox%3Fx%3D%23%2F%C3%A9/business-document"


def test_tokens_can_be_laid_on_every_request(api: respx.MockRouter) -> None:
    serve(api, one=httpx.Response(200, json=document(b"<a/>")))

    hub(auth=httpx.BasicAuth("a", "b")).fetch(1)

    assert ["authorization" in call.request.headers for call in api.calls] == [True, True]


def test_no_log_line_and_no_error_holds_a_persons_number(api: respx.MockRouter, capfd: pytest.CaptureFixture[str]) -> None:
    serve(api, one=httpx.Response(500, json=ERROR), two=httpx.Response(200, json=document(referral())))

    hub().fetch(10)

    said = "".join(capfd.readouterr())
    assert (NUMBER in said, "Prøvesen" in said, ONE in said) == (False, False, True)


def samples(standards: Path) -> Path:
    return standards / "samples" / "edi-2.0"


def test_the_public_samples_are_read(api: respx.MockRouter, standards: Path) -> None:
    def sample(name: str) -> Any:
        return json.loads((samples(standards) / name).read_text(encoding="utf-8"))

    rows = [sample(n) for n in ("get-message-apprec-response.json", "get-message-response-with-unknown-property.json")]
    documents = [sample(n) for n in ("get-business-document-apprec-response.json", "get-business-document-response.json")]
    api.get("/Messages").respond(json=rows)
    for listed_row, answer in zip(rows, documents, strict=True):
        api.get(f"/Messages/{listed_row['id']}/business-document").respond(json=answer)
    data = [base64.b64decode(d["businessDocument"]) for d in documents]

    assert hub().fetch(10) == [
        Delivery(data[0], NOW, "edi2", rows[0]["id"], "8143060", "8094866", "9ebaaf44-7317-41b7-892a-2a568acd5111", True),
        Delivery(data[1], NOW, "edi2", rows[1]["id"], "8143060", "8094866", "c88389b7-f8ad-40b2-81e1-090e715b7530", False),
    ]


def test_the_public_sample_of_a_list_without_metadata_is_read(api: respx.MockRouter, standards: Path) -> None:
    api.get("/Messages").respond(json=json.loads((samples(standards) / "get-messages-response.json").read_text()))
    api.route(method="GET", path__regex="business-document$").respond(json=document(b"<a/>"))

    assert [(d.hub_id, d.receiver, d.sender, d.msg_id) for d in hub().fetch(10)] == [
        ("0c8f3d36-f9e7-4e3f-9d5c-c820fa9b5773", "8143060", None, None),
        ("99607d81-18bd-45ee-a96f-85e3687a5e05", "8143060", None, None),
    ]


@pytest.mark.parametrize(
    ("name", "her_id", "posted"),
    [
        ("get-apprecinfo-ok.json", "8094866", False),
        ("get-apprecinfo-multi.json", "2222", False),
        ("get-apprecinfo-multi.json", "3333", True),
    ],
)
def test_the_public_samples_of_apprec_info_decide_a_repeat(
    api: respx.MockRouter, standards: Path, name: str, her_id: str, posted: bool
) -> None:
    api.get(f"/Messages/{ONE}/apprec").respond(json=json.loads((samples(standards) / name).read_text(encoding="utf-8")))
    created = (samples(standards) / "post-apprec-response.txt").read_text()
    api.post(f"/Messages/{ONE}/apprec/{her_id}").respond(201, text=created)

    assert hub().deliver(row(sender=her_id, attempts=2)) == (json.loads(created) if posted else "")


def test_the_public_samples_of_status_are_read(api: respx.MockRouter, standards: Path) -> None:
    for name in ("get-status.json", "get-status-acked.json"):
        answer = json.loads((samples(standards) / name).read_text())
        api.get(f"/Messages/{ONE}/status").respond(json=answer)
        assert hub().status(ONE) == answer
