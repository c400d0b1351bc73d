"""Resources for the tests of writing: the least that R4 asks of each, made valid by hand."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from adapter.domain.identity import BASE
from adapter.ports import Store
from adapter.usecases.writing import draft
from tests.http.service import HOSPITAL
from tests.serving import NOON

Body = dict[str, Any]

XHTML = "http://www.w3.org/1999/xhtml"
FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
SYNTHETIC = "21858999992"  # month 05 + 80
UNBORN = "01013950187"  # in the ordinary series, but of someone born in 2039
COMPUTED = {"system": f"{BASE}/CodeSystem/tag", "code": "computed"}


def identifier() -> Body:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid4()}"}


def task(**more: Any) -> Body:
    return {"resourceType": "Task", "status": "requested", "intent": "order", **more}


def patient(**more: Any) -> Body:
    return {"resourceType": "Patient", "name": [{"family": "Prøve", "given": ["Åse"]}], **more}


def organization(**more: Any) -> Body:
    return {"resourceType": "Organization", "name": "Fjordheim sykehus HF", **more}


def computed(store: Store, body: Body, id: str = "") -> str:
    """Keeps a resource as the service itself does, with the tag; returns its id."""
    made = {**body, "meta": {"tag": [COMPUTED]}}
    with store.write() as unit:
        (stored,) = unit.put(HOSPITAL, [draft(body["resourceType"], id or str(uuid4()), made)], NOON)
    return stored.id


def issues(answer: httpx.Response) -> list[tuple[str, str]]:
    """Code and place of every issue of an OperationOutcome, which must say what is wrong in both languages."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome", answer.text
    for issue in outcome["issue"]:
        assert issue["details"]["text"]
        assert issue["details"]["_text"]["extension"][0]["extension"][0] == {"url": "lang", "valueCode": "nb"}
    return [(i["code"], next(iter(i.get("expression") or i.get("location") or [""]))) for i in outcome["issue"]]
