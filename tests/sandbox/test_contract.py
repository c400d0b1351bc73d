"""The judge is judged: it refuses what the official document does not allow, and takes its own examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.contract import Contract

HUB = "https://hub.example"
ID = "e8ea3e89-4ee4-4d28-9b4a-246495a97834"
HEADERS = {"api-version": "2", "nhn-source-system": "Test, v1"}
LETTER = {"businessDocument": "YQ==", "contentType": "application/xml", "contentTransferEncoding": "base64"}


@pytest.mark.parametrize(
    ("method", "path", "options", "faults"),
    [
        ("GET", "/Messages?ReceiverHerIds=42", {}, []),
        ("POST", "/Messages", {"json": LETTER}, []),
        ("GET", "/Messages?ReceiverHerIds=42", {"headers": {"api-version": "2"}}, ["header nhn-source-system is missing"]),
        ("GET", "/Messages", {}, ["query ReceiverHerIds is missing"]),
        ("GET", "/Messages?ReceiverHerIds=x", {}, ["ReceiverHerIds[0]: 'x' is no integer"]),
        ("GET", "/Messages?ReceiverHerIds=1&ReceiverHerIds=1", {}, ["ReceiverHerIds: [1, 1] breaks uniqueItems True"]),
        ("GET", "/Messages?ReceiverHerIds=1&MessagesToFetch=101", {}, ["MessagesToFetch: 101 breaks maximum 100"]),
        ("GET", "/Messages?ReceiverHerIds=1&OrderBy=3", {}, ["OrderBy: '3' breaks enum ['Ascending', 'Descending']"]),
        ("GET", "/Messages?ReceiverHerIds=1&Limit=3", {}, ["query Limit is not foreseen"]),
        ("GET", "/Messages/1", {}, ["id: '1' is no uuid"]),
        ("GET", "/Messages?ReceiverHerIds=99999999999", {}, ["ReceiverHerIds[0]: 99999999999 is no int32"]),
        ("PUT", f"/Messages/{ID}/read/1", {"content": b"x"}, ["a body where none is foreseen"]),
        ("DELETE", f"/Messages/{ID}", {}, ["DELETE 'delete' is not offered"]),
        ("POST", "/Messages", {"content": b"{}"}, ["media type '' is not foreseen"]),
        ("POST", "/Messages", {"json": LETTER | {"more": 1}}, ["$: more is not foreseen"]),
        ("POST", "/Messages", {"json": LETTER | {"contentType": ""}}, ["$.contentType: '' breaks minLength 1"]),
        ("POST", f"/Messages/{ID}/apprec/1", {"json": {"appRecErrorList": None}}, ["$: appRecStatus is missing"]),
    ],
)
def test_a_request_is_judged_by_the_document(
    contract: Contract, method: str, path: str, options: dict[str, Any], faults: list[str]
) -> None:
    assert contract.request_faults(httpx.Request(method, HUB + path, **{"headers": HEADERS} | options)) == faults


@pytest.mark.parametrize(
    ("path", "answer", "faults"),
    [
        (f"/Messages/{ID}", httpx.Response(200, json={"id": ID, "senderHerId": None}), []),
        (f"/Messages/{ID}", httpx.Response(200, json={"id": 1}), ["$.id: 1 is no string"]),
        (f"/Messages/{ID}", httpx.Response(200, json={"isAppRec": "no"}), ["$.isAppRec: 'no' is no boolean"]),
        (f"/Messages/{ID}", httpx.Response(200, json={"senderHerId": True}), ["$.senderHerId: True is no integer"]),
        (
            f"/Messages/{ID}",
            httpx.Response(200, json={"businessDocumentGenDate": "soon"}),
            ["$.businessDocumentGenDate: 'soon' is no date-time"],
        ),
        (f"/Messages/{ID}", httpx.Response(200, text="x", headers={"content-type": "application/json"}), ["the body is not JSON"]),
        (f"/Messages/{ID}", httpx.Response(404, json={"error": "x"}), ["$: requestId is missing"]),
        (f"/Messages/{ID}", httpx.Response(418), [f"GET /Messages/{ID}: status 418 is not foreseen"]),
        (f"/Messages/{ID}/status", httpx.Response(200, json=[{"receiverHerId": 1}]), ["$[0]: transportDeliveryState is missing"]),
    ],
)
def test_an_answer_is_judged_by_the_document(contract: Contract, path: str, answer: httpx.Response, faults: list[str]) -> None:
    assert contract.answer_faults(httpx.Request("GET", HUB + path), answer) == faults


def test_the_documents_own_examples_pass(contract: Contract) -> None:
    for path, operations in contract.document["paths"].items():
        for operation in operations.values():
            for told in operation["responses"].values():
                for media in told.get("content", {}).values():
                    assert list(contract.faults(media["example"], media["schema"], path)) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("get-messages-response.json", "/Messages"),
        ("get-message-response.json", f"/Messages/{ID}"),
        ("get-business-document-response.json", f"/Messages/{ID}/business-document"),
        ("get-status.json", f"/Messages/{ID}/status"),
        ("get-apprecinfo-multi.json", f"/Messages/{ID}/apprec"),
    ],
)
def test_the_public_samples_pass(contract: Contract, standards: Path, name: str, path: str) -> None:
    sample = json.loads((standards / "samples" / "edi-2.0" / name).read_text(encoding="utf-8"))

    assert contract.answer_faults(httpx.Request("GET", HUB + path), httpx.Response(200, json=sample)) == []
