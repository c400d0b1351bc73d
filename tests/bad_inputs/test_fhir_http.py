"""Bad requests to /fhir over real HTTP. The rows are the table's; what each must get is its own column."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from adapter.fhir.limits import Limits
from tests.bad_inputs.canary import Canary
from tests.bad_inputs.cost import SECONDS, measured
from tests.bad_inputs.test_fhir_json import REFUSED, SECRET
from tests.fhir.made import COMPUTED, computed, identifier, issues, patient, task
from tests.http.service import HOSPITAL, MUNICIPALITY, Service, service

JSON = {"Content-Type": "application/fhir+json"}
LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
MANY = 10_001


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("bad"), limits=Limits(body_seconds=1.0)) as running:
        running.http.post("/fhir/$validate", json=task())  # the tables are read once
        yield running


@pytest.fixture(autouse=True)
def _no_number_in_any_log_line(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """As for the other bad inputs; by the logger itself, since the server is a thread that may print while stdout is read.

    (CPython 3.11's TextIOWrapper does not survive that: https://github.com/python/cpython/issues/119506.)
    """
    with capture_logs() as lines:
        yield
    assert re.findall(r"(?<!\d)\d{11}(?!\d)", f"{caplog.text}\n{lines}") == []


def bundle(type: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def entry(method: str, url: str, resource: Any = None, **more: Any) -> dict[str, Any]:
    made = {"request": {"method": method, "url": url}, **more}
    return made if resource is None else {**made, "resource": resource}


def count(here: Service) -> int:
    return sum(int(here.http.get(f"/fhir/{t}?_summary=count").json()["total"]) for t in ("Task", "Patient"))


def test_b057_to_b067_bodies_that_are_no_fhir_json_are_refused_with_their_place(here: Service) -> None:
    for name, body in REFUSED.items():
        began = time.monotonic()
        for answer in (
            here.http.post("/fhir/Task", content=body, headers=JSON),
            here.http.post("/fhir", content=body, headers=JSON),
        ):
            assert answer.status_code == 400, name
            outcome = answer.json()["issue"][0]
            assert outcome["code"] in ("structure", "invalid", "required", "value"), name
            assert SECRET not in answer.text, name
        assert time.monotonic() - began < 2 * SECONDS, name


def test_b067_a_decimal_comes_back_as_it_was_sent(here: Service) -> None:
    for number in ("0.10", "1.000000000000000001", "123456789012345.678", "1E+2", "-0.0"):
        sent = '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":NUMBER}}'
        answer = here.http.post("/fhir/Observation", content=sent.replace("NUMBER", number), headers=JSON)
        assert (answer.status_code, answer.text.endswith(f'"value":{number}}}}}')) == (201, True)


def connection(here: Service, *headers: str) -> socket.socket:
    address = urlsplit(here.base)
    opened = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10)
    lines = ["POST /fhir/Task HTTP/1.1", f"Host: {address.netloc}", "Content-Type: application/fhir+json", *headers, "", ""]
    opened.sendall("\r\n".join(lines).encode())
    return opened


def pour(into: socket.socket) -> None:
    """A gigabyte, in chunks."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(2**14):
        into.sendall(chunk)


def test_b068_a_body_that_is_large_endless_or_slow_ends_and_costs_no_memory(here: Service) -> None:
    with measured() as cost:
        with connection(here, "Content-Length: 52428800") as large:
            assert large.recv(64).startswith(b"HTTP/1.1 413")
        with connection(here, "Transfer-Encoding: chunked") as endless, pytest.raises(OSError):  # noqa: PT011 - of any kind
            pour(endless)
    with connection(here, "Content-Length: 1000") as slow:
        slow.sendall(b"{")
        assert slow.recv(64).startswith(b"HTTP/1.1 408")

    assert cost.megabytes < 64
    assert here.http.get("/fhir/metadata").status_code == 200


def test_b069_a_compressed_body_is_not_unpacked(here: Service) -> None:
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=1)
    with measured() as cost:
        answer = here.http.post("/fhir/Task", content=bomb, headers={**JSON, "Content-Encoding": "gzip"})

    assert answer.status_code == 415
    assert cost.seconds < SECONDS
    assert cost.megabytes < 20


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/html"]
)
def test_b070_what_a_page_can_send_by_itself_is_no_resource(here: Service, kind: str) -> None:
    assert here.http.post("/fhir/Task", content=json.dumps(task()), headers={"Content-Type": kind}).status_code == 415


def test_b071_ten_thousand_entries_are_too_costly_and_nothing_is_written(here: Service) -> None:
    before = count(here)
    sent = json.dumps(bundle("transaction", *[entry("POST", "Task", task())] * MANY)).encode()
    began = time.monotonic()
    answer = here.http.post("/fhir", content=sent, headers=JSON)

    assert (answer.status_code, issues(answer)) == (413, [("too-costly", "Bundle.entry")])
    assert time.monotonic() - began < SECONDS
    assert count(here) == before


def test_b072_a_circle_of_references_is_legal_and_ends(here: Service) -> None:
    names = [f"urn:uuid:{uuid4()}" for _ in range(20)]
    entries = [
        entry("POST", "Task", task(partOf=[{"reference": names[n - 1]}, {"reference": name}]), fullUrl=name)
        for n, name in enumerate(names)
    ]
    answer = here.http.post("/fhir", json=bundle("transaction", *entries))

    assert [one["response"]["status"] for one in answer.json()["entry"]] == ["201 Created"] * 20


def test_b073_two_conditional_updates_of_one_thing_are_refused_and_nothing_is_written(here: Service) -> None:
    own, before = identifier(), count(here)
    put = entry("PUT", f"Task?identifier={own['system']}|{own['value']}", task(identifier=[own]))
    answer = here.http.post("/fhir", json=bundle("transaction", put, put))

    assert (answer.status_code, issues(answer)[0][0], count(here)) == (400, "invalid", before)


@pytest.mark.parametrize(
    "url", ["https://evil.example/fhir/Task", "//evil.example/Task", "../../admin", "Task/../../admin", "Task/%2e%2e/admin"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_b074_an_entry_leads_nowhere_else(here: Service, url: str, method: str) -> None:
    resource = None if method == "GET" else task(id="1")
    answer = here.http.post("/fhir", json=bundle("transaction", entry(method, url, resource)))

    assert (answer.status_code, issues(answer)) == (400, [("invalid", "Bundle.entry[0].request.url")])


@pytest.mark.parametrize("url", ["/", "Bundle", "batch"])
def test_b075_a_bundle_within_a_bundle_is_refused(here: Service, url: str) -> None:
    inner = bundle("batch", entry("POST", "Task", task()))
    answer = here.http.post("/fhir", json=bundle("transaction", entry("POST", url, inner)))

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:{}/latest/meta-data", "file:///etc/passwd", "gopher://127.0.0.1:{}/x", "http://127.0.0.1:{}/fhir/Patient/1"],
)
def test_b076_a_reference_is_stored_as_it_stands_or_refused_and_never_followed(
    here: Service, address: str, listener: Canary
) -> None:
    sent = address.format(listener.port)
    body = task(**{"for": {"reference": sent}})
    answers = [here.http.post("/fhir/Task", json=body), here.http.post("/fhir/Task/$validate", json=body)]
    answers.append(here.http.post("/fhir", json=bundle("transaction", entry("POST", "Task", body))))

    assert {answer.status_code for answer in answers} <= {200, 201, 400, 422}
    assert answers[0].status_code >= 400 or answers[0].json()["for"] == {"reference": sent}
    assert listener.visits() == 0


def test_b084_what_is_the_servers_to_say_is_not_the_clients(here: Service) -> None:
    meta = {"versionId": "99", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [{"system": "urn:tenant", "code": MUNICIPALITY}]}
    made = here.http.post("/fhir/Patient", json=patient(id="mine", meta=meta))
    id = made.json()["id"]

    assert (made.json()["meta"]["versionId"], made.json()["meta"]["lastUpdated"][:4]) == ("1", "2026")
    assert id != "mine"
    assert here.http.get(f"/fhir/Patient/{id}", headers={"X-Stafett-Organisation": MUNICIPALITY}).status_code == 404
    assert here.http.get(f"/fhir/Patient/{id}", headers={"X-Stafett-Organisation": HOSPITAL}).status_code == 200
    assert here.http.post("/fhir/Patient", json=patient(meta={"tag": [COMPUTED]})).status_code == 422
    labelled = here.http.post("/fhir/Patient", json=patient(meta={"security": [LABEL]})).json()
    without = here.http.put(f"/fhir/Patient/{labelled['id']}", json=patient(id=labelled["id"]))
    assert without.json()["meta"]["security"] == [LABEL]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/meta/security/0"},
        {"op": "replace", "path": "/identifier/0/value", "value": f"urn:uuid:{uuid4()}"},
        {"op": "remove", "path": "/identifier"},
        {"op": "replace", "path": "/id", "value": "another"},
    ],
)
def test_b085_a_patch_takes_away_neither_labels_nor_identity(here: Service, operation: dict[str, Any]) -> None:
    made = here.http.post("/fhir/Task", json=task(identifier=[identifier()], meta={"security": [LABEL]})).json()
    headers = {"Content-Type": "application/json-patch+json", "If-Match": 'W/"1"'}
    binary = {
        "resourceType": "Binary",
        "contentType": headers["Content-Type"],
        "data": b64encode(json.dumps([operation]).encode()).decode(),
    }
    within = {"request": {"method": "PATCH", "url": f"Task/{made['id']}", "ifMatch": 'W/"1"'}, "resource": binary}

    assert here.http.patch(f"/fhir/Task/{made['id']}", json=[operation], headers=headers).status_code == 422
    assert here.http.post("/fhir", json=bundle("transaction", within)).status_code == 422
    assert here.http.get(f"/fhir/Task/{made['id']}").json() == made


def test_b087_no_update_is_lost(here: Service) -> None:
    made = here.http.post("/fhir/Patient", json=patient()).json()
    path = f"/fhir/Patient/{made['id']}"

    def put(number: int) -> int:
        body = patient(id=made["id"], multipleBirthInteger=number)
        return here.http.put(path, json=body, headers={"If-Match": 'W/"1"'}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(put, range(8))) == [200] + [412] * 7
    assert here.http.get(path).headers["etag"] == 'W/"2"'


NARRATIVES = {
    "script": "<script>alert(1)</script>",
    "handler": '<p onclick="alert(1)">x</p>',
    "error handler": '<img src="x" onerror="alert(1)"/>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "link": '<a href="javascript:alert(1)">x</a>',
    "link with a tab": '<a href="&#9;javascript:alert(1)">x</a>',
    "link with a tab inside": '<a href="java&#9;script:alert(1)">x</a>',
    "data": '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
    "style": "<p style=\"background:url('http://evil.example/x')\">x</p>",
    "frame": '<iframe src="https://evil.example"/>',
    "form": '<form action="https://evil.example"><input name="a"/></form>',
}


@pytest.mark.parametrize("div", NARRATIVES.values(), ids=list(NARRATIVES))
def test_b092_a_narrative_that_acts_is_refused(here: Service, div: str) -> None:
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{div}</div>'}
    alone = here.http.post("/fhir/Task", json=task(text=text))
    inside = here.http.post("/fhir", json=bundle("transaction", entry("POST", "Task", task(text=text))))

    assert alone.status_code in (400, 422)
    assert inside.status_code in (400, 422)
    assert "alert" not in alone.text + inside.text
    assert "<" not in alone.text + inside.text


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE div [<!ENTITY x SYSTEM "http://127.0.0.1:{}/x">]>',
        '<!DOCTYPE div SYSTEM "http://127.0.0.1:{}/x">',
        '<!DOCTYPE div [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_b093_a_narrative_declares_nothing(here: Service, declared: str, listener: Canary) -> None:
    div = f'{declared.format(listener.port)}<div xmlns="http://www.w3.org/1999/xhtml">&x;</div>'
    answer = here.http.post("/fhir/Task", json=task(text={"status": "generated", "div": div}))
    as_xml = here.http.post(
        "/fhir/Task",
        content=f'{declared.format(listener.port)}<Task xmlns="http://hl7.org/fhir"><status value="requested"/></Task>',
        headers={"Content-Type": "application/fhir+xml"},
    )

    assert (answer.status_code, as_xml.status_code) == (400, 400)
    assert answer.json()["issue"][0]["code"] in ("structure", "invalid", "value")
    assert "passwd" not in answer.text + as_xml.text
    assert listener.visits() == 0


def test_b094_an_outcome_repeats_no_markup(here: Service) -> None:
    mark = "<img src=x onerror=alert(1)>"
    answers = [
        here.http.get("/fhir/Task", params={mark: "1"}, headers={"Prefer": "handling=strict"}),
        here.http.get("/fhir/Task", params={"_lastUpdated": mark}),
        here.http.get(f"/fhir/{mark}"),
        here.http.get(f"/fhir/Task/{mark}"),
        here.http.get("/fhir/Task", params={"_format": mark}),
        here.http.post("/fhir/Task", json={**task(), mark: 1}),
        here.http.post("/fhir/Task", json=task(status=mark)),
        here.http.post("/fhir/Task", json={"resourceType": mark}),
        here.http.post("/fhir/Task", json=task(), headers={"If-None-Exist": mark}),
        here.http.post("/fhir/$validate", json=task(), params={"mode": mark}),
        here.http.post("/fhir", json=bundle(mark)),
        here.http.post("/fhir", json=bundle("batch", entry("GET", mark))),
        here.http.patch(
            "/fhir/Patient/1", json=[{"op": mark, "path": mark}], headers={"Content-Type": "application/json-patch+json"}
        ),
    ]

    for answer in answers:
        assert "<" not in answer.text, answer.text
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_b095_a_profile_that_nobody_knows_is_told_of_and_never_fetched(here: Service, listener: Canary) -> None:
    profile = f"http://127.0.0.1:{listener.port}/StructureDefinition/x"
    told = [
        here.http.post("/fhir/Task", json=task(meta={"profile": [profile]}), headers={"Prefer": "return=OperationOutcome"}),
        here.http.post("/fhir/Task/$validate", params={"profile": profile}, json=task()),
    ]

    for answer in told:
        assert answer.status_code in (200, 201, 422)
        assert answer.json()["issue"][0]["severity"] in ("warning", "error")
    assert listener.visits() == 0


@pytest.mark.parametrize("accept", ["text/csv", "application/pdf", "application/fhir+turtle"])
def test_b107_a_format_that_is_not_offered_is_not_acceptable_and_no_header_changes_the_method(here: Service, accept: str) -> None:
    made = here.http.post("/fhir/Patient", json=patient(), headers={"X-HTTP-Method-Override": "DELETE"})
    assert made.status_code == 201
    path = f"/fhir/Patient/{made.json()['id']}"

    assert here.http.get(path, headers={"Accept": accept}).status_code == 406
    assert here.http.get(path, headers={"X-HTTP-Method-Override": "PUT"}).status_code == 200
    assert re.fullmatch(r'W/"1"', here.http.get(path).headers["etag"])


def test_what_the_service_worked_out_stays_under_every_method(here: Service) -> None:
    id = computed(
        here.store, {"resourceType": "CarePlan", "status": "draft", "intent": "plan", "subject": {"reference": "Patient/1"}}
    )
    path, headers = f"/fhir/CarePlan/{id}", {"If-Match": 'W/"1"'}
    body = here.http.get(path).json()
    patch = [{"op": "replace", "path": "/status", "value": "active"}]
    answers: list[httpx.Response] = [
        here.http.put(path, json={**body, "status": "active"}, headers=headers),
        here.http.put(f"/fhir/CarePlan?_id={id}", json={**body, "status": "active"}, headers=headers),
        here.http.patch(path, json=patch, headers={**headers, "Content-Type": "application/json-patch+json"}),
        here.http.delete(path, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 405]
    assert here.http.get(path).headers["etag"] == 'W/"1"'
