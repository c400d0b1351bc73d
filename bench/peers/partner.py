"""A partner's FHIR server that does as little as can be done: what it is sent is created at once, and forgotten.

uvicorn bench.peers.partner:app. A search finds the Tasks of the file that STAFETT_FOUND names (a searchset), or nothing.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import msgspec

FHIR = (b"content-type", b"application/fhir+json")
FOUND = Path(os.environ["STAFETT_FOUND"]).read_bytes() if "STAFETT_FOUND" in os.environ else b""
NOTHING = b'{"resourceType":"Bundle","type":"searchset","total":0,"entry":[]}'
numbers = itertools.count(1)
encoder, decoder = msgspec.json.Encoder(), msgspec.json.Decoder()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = _created(await _read(receive)) if scope["method"] == "POST" else FOUND or NOTHING
    headers = [FHIR, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _read(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return body


def _created(bundle: bytes) -> bytes:
    """The answer to a transaction of one entry: the resource with an id and a version, and where it is."""
    resource = decoder.decode(bundle)["entry"][0]["resource"]
    type, id = resource["resourceType"], f"there-{next(numbers)}"
    meta = {**resource.get("meta", {}), "versionId": "1", "lastUpdated": "2026-11-02T12:00:00.000Z"}
    response = {"status": "201 Created", "location": f"{type}/{id}/_history/1", "etag": 'W/"1"'}
    entry = {"resource": {**resource, "id": id, "meta": meta}, "response": response}
    return encoder.encode({"resourceType": "Bundle", "type": "transaction-response", "entry": [entry]})
