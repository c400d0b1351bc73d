"""$export over HTTP: asked for, made by a worker, told of and fetched (https://hl7.org/fhir/uv/bulkdata/export.html)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from adapter.usecases import export_resources
from adapter.usecases.at_work import Hand
from adapter.usecases.export_resources import HAND, KEPT, SETTLED, make_some
from tests.fhir.conftest import FNR, NUMBER, draft
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service
from tests.security.issuer import Issuer
from tests.storage.test_blocking import block

OTHER = "319900209"
ASYNC = {"Prefer": "respond-async"}
PRETTY = b'{\n  "resourceType" : "Task",\r\n  "id":"pretty", "x": 1.50\n}'
Json = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service: a patient's Tasks, one with line breaks, an organisation, and another organisation's Task."""
    with real_service(tmp_path_factory.mktemp("export"), others=[OTHER]) as running:
        fill(running)
        yield running


def fill(service: Service) -> None:
    pretty = draft("Task", "pretty", status="requested")
    with service.store.write() as unit:
        unit.put(HOSPITAL, [patient("p1"), patient("p2"), *(task(f"t{n}", "p1") for n in range(3))], service.clock.now())
        unit.put(HOSPITAL, [draft("Organization", "o1", name="Ørland")], service.clock.now())
        unit.put(HOSPITAL, [type(pretty)(pretty.type, pretty.id, pretty.index, lambda *_: PRETTY)], service.clock.now())
        unit.put(OTHER, [task("theirs", "p9")], service.clock.now())


def patient(id: str) -> Any:
    return draft("Patient", id, identifier=[{"system": FNR, "value": NUMBER}])


def task(id: str, of: str, **body: Any) -> Any:
    return draft("Task", id, **{"status": "requested", "for": {"reference": f"Patient/{of}"}, **body})


@pytest.fixture(autouse=True)
def none_before(service: Service) -> None:
    for tenant in (HOSPITAL, OTHER):
        service.store.run(lambda unit, tenant=tenant: [unit.drop_export(one.id) for one in unit.exports(tenant)])  # type: ignore[misc]


def asked(http: httpx.Client, query: str = "", path: str = "/fhir/$export", **headers: str) -> httpx.Response:
    return http.get(path + query, headers={**ASYNC, **headers})


def work(service: Service) -> None:
    """What a worker does."""
    service.clock.moment += SETTLED
    while make_some(service.store, service.clock, Hand(service.store, service.clock, HAND, "worker")):
        pass


def made(service: Service, query: str = "", path: str = "/fhir/$export", http: httpx.Client | None = None) -> Json:
    """The manifest of what is asked for."""
    http = http or service.http
    kicked = asked(http, query, path)
    assert kicked.status_code == 202, kicked.text
    work(service)
    answer = http.get(kicked.headers["Content-Location"])
    assert answer.status_code == 200, answer.text
    manifest: Json = answer.json()
    return manifest


def fetched(http: httpx.Client, manifest: Json) -> dict[str, list[Json]]:
    """What the files hold, by type."""
    found: dict[str, list[Json]] = {}
    for one in manifest["output"]:
        answer = http.get(one["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+ndjson"), answer.text
        assert answer.content.endswith(b"\n")
        found.setdefault(one["type"], []).extend(json.loads(line) for line in answer.content.split(b"\n")[:-1])
    return found


def ids(http: httpx.Client, manifest: Json) -> set[str]:
    return {one["id"] for some in fetched(http, manifest).values() for one in some if one["resourceType"] != "PlanDefinition"}


def test_from_the_request_to_the_files(service: Service) -> None:
    """Each step's status and headers are those that the standard asks for."""
    moment = service.clock.now()
    kicked = asked(service.http, "?_type=Task,Patient&_outputFormat=ndjson")
    place = kicked.headers["Content-Location"]
    underway = service.http.get(place)
    work(service)
    done = service.http.get(place, headers={"Accept": "application/json"})

    assert (kicked.status_code, place.rpartition("/")[0]) == (202, f"{service.base}/fhir/$export-status")
    assert kicked.json()["issue"][0]["code"] == "informational"
    assert (underway.status_code, underway.headers["X-Progress"]) == (202, "0 resources in 0 files")
    assert int(underway.headers["Retry-After"]) > 0
    assert (done.status_code, done.headers["content-type"]) == (200, "application/json")
    ended = service.clock.now().replace(microsecond=0)
    assert parsedate_to_datetime(done.headers["Expires"]) == ended + KEPT
    file = place.replace("-status", "-file")
    assert done.json() == {
        "transactionTime": moment.isoformat().replace("+00:00", "Z"),
        "request": f"{service.base}/fhir/$export?_type=Task%2CPatient&_outputFormat=ndjson",
        "requiresAccessToken": False,
        "output": [{"type": "Task", "url": f"{file}/1"}, {"type": "Patient", "url": f"{file}/2"}],  # no count: see `_manifest`
        "error": [],
    }
    assert {type: [one["id"] for one in some] for type, some in fetched(service.http, done.json()).items()} == {
        "Task": ["pretty", "t0", "t1", "t2"],
        "Patient": ["p1", "p2"],
    }


def test_a_line_is_the_very_bytes_that_a_read_gives_and_what_has_line_breaks_is_written_without(service: Service) -> None:
    content = service.http.get(made(service, "?_type=Task")["output"][0]["url"]).content.split(b"\n")

    assert content[0] == b'{"resourceType":"Task","id":"pretty","x":1.50}'
    assert content[1:-1] == [service.http.get(f"/fhir/Task/t{number}").content for number in range(3)]


def test_all_that_there_is_of_an_organisation_and_of_no_other(service: Service) -> None:
    manifest = made(service)

    assert ids(service.http, manifest) == {"p1", "p2", "t0", "t1", "t2", "pretty", "o1"}
    theirs = httpx.Client(base_url=service.base, headers={"X-Stafett-Organisation": OTHER}, trust_env=False)
    with theirs:
        assert ids(theirs, made(service, http=theirs)) == {"theirs"}


def test_of_patients_is_what_is_in_their_records(service: Service) -> None:
    assert ids(service.http, made(service, path="/fhir/Patient/$export")) == {"p1", "p2", "t0", "t1", "t2"}


def test_by_post_parameters_stand_in_the_body(service: Service) -> None:
    said = [{"name": "_type", "valueString": "Organization"}, {"name": "_since", "valueInstant": "2020-01-01T00:00:00Z"}]
    body = {"resourceType": "Parameters", "parameter": said}
    for sent in ({"json": body}, {"content": as_xml("Organization"), "headers": {"Content-Type": "application/fhir+xml"}}):
        kicked = service.http.post("/fhir/$export", **{**sent, "headers": {**ASYNC, **sent.get("headers", {})}})
        work(service)
        manifest = service.http.get(kicked.headers["Content-Location"]).json()
        assert [one["type"] for one in manifest["output"]] == ["Organization"]
        assert manifest["request"] == f"{service.base}/fhir/$export"
    assert service.http.post("/fhir/Patient/$export", headers=ASYNC).status_code == 202


def as_xml(type: str) -> str:
    named = f'<parameter><name value="_type"/><valueString value="{type}"/></parameter>'
    return f'<Parameters xmlns="http://hl7.org/fhir">{named}</Parameters>'


def test_since_gives_what_has_changed_from_then_on(service: Service) -> None:
    service.clock.moment += timedelta(minutes=1)
    since = service.clock.now()
    with service.store.write() as unit:
        unit.put(HOSPITAL, [task("t2", "p1", status="completed")], since)

    said = since.isoformat().replace("+00:00", "Z")
    assert ids(service.http, made(service, f"?_since={said}")) == {"t2"}
    assert ids(service.http, made(service, "?_since=2099-01-01T00:00:00Z")) == set()
    assert made(service, "?_since=2099-01-01T00:00:00Z")["output"] == []


NO_PREFER = {"Prefer": "return=minimal"}
REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("", NO_PREFER, "respond-async"),
    ("?_outputFormat=text/csv", ASYNC, "_outputFormat"),
    ("?_outputFormat=", ASYNC, "_outputFormat"),
    ("?_type=Basic", ASYNC, "_type"),
    ("?_type=Task,", ASYNC, "_type"),
    ("?_type=Basic", {"Prefer": "respond-async, handling=lenient"}, "_type"),
    ("?_since=yesterday", ASYNC, "_since"),
    ("?_since=gt2026-01-01", ASYNC, "_since"),
    ("?_typeFilter=Task%3Fstatus%3Drequested", ASYNC, "_typeFilter"),
    ("?_elements=id", ASYNC, "_elements"),
    ("?patient=Patient/p1", ASYNC, "patient"),
    ("?includeAssociatedData=LatestProvenanceResources", ASYNC, "includeAssociatedData"),
    ("?a%22b%3C=1", ASYNC, "a?b?"),
    (f"?_since={NUMBER}", ASYNC, "identifier"),
]


@pytest.mark.parametrize(("query", "headers", "named"), REFUSED)
def test_what_is_not_offered_is_refused_by_name(service: Service, query: str, headers: dict[str, str], named: str) -> None:
    for path in ("/fhir/$export", "/fhir/Patient/$export"):
        answer = service.http.get(path + query, headers=headers)
        assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome"), answer.text
        assert named in json.dumps(answer.json()["issue"][0])
    with service.store.read() as unit:
        assert unit.exports(HOSPITAL) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Prefer": "respond-async; handling=lenient"},
        {"Prefer": 'handling="lenient",respond-async'},
        [("Prefer", "respond-async"), ("Prefer", "handling=lenient")],
    ],
)
def test_what_is_not_offered_is_ignored_for_who_says_so(service: Service, headers: Any) -> None:
    query = "?_type=Task,Basic&_typeFilter=Task%3Fstatus%3Dx&_elements=id"
    kicked = service.http.get(f"/fhir/$export{query}", headers=headers)
    assert kicked.status_code == 202, kicked.text
    work(service)

    assert len(fetched(service.http, service.http.get(kicked.headers["Content-Location"]).json())["Task"]) == 4


@pytest.mark.parametrize("body", [b"[]", b'{"resourceType":"Task"}', b'{"resourceType":"Parameters","parameter":[1]}', b"{"])
def test_a_body_that_is_no_parameters_is_refused(service: Service, body: bytes) -> None:
    headers = {**ASYNC, "Content-Type": "application/fhir+json"}
    answer = service.http.post("/fhir/$export", content=body, headers=headers)

    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")


def test_a_name_in_the_body_that_is_no_text_and_a_value_that_is_none_are_refused(service: Service) -> None:
    for one in ({"name": "patient", "valueReference": {"reference": "Patient/p1"}}, {"valueString": "x"}, {"name": "_type"}):
        answer = service.http.post("/fhir/$export", json={"resourceType": "Parameters", "parameter": [one]}, headers=ASYNC)
        assert answer.status_code == 400, one


def test_more_than_two_at_once_are_refused_for_a_while(service: Service) -> None:
    assert [asked(service.http).status_code for _ in range(3)] == [202, 202, 429]
    refused = asked(service.http)
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["issue"][0]["code"] == "throttled"
    assert asked(service.http, **{"X-Stafett-Organisation": OTHER}).status_code == 202
    work(service)
    assert asked(service.http).status_code == 202


def test_what_is_deleted_is_gone_underway_or_made(service: Service) -> None:
    for done in (False, True):
        place = asked(service.http, "?_type=Task").headers["Content-Location"]
        if done:
            work(service)
        deleted = service.http.delete(place)
        work(service)
        assert deleted.status_code == 202
        assert [service.http.get(place).status_code, service.http.delete(place).status_code] == [404, 404]
        assert service.http.get(f"{place.replace('-status', '-file')}/1").status_code == 404


def test_nobody_else_is_told_of_it(service: Service) -> None:
    """Another organisation is answered of what is there as of what never was."""
    place = asked(service.http, "?_type=Task").headers["Content-Location"]
    work(service)
    file = service.http.get(place).json()["output"][0]["url"]
    never = f"{service.base}/fhir/$export-status/00000000-0000-4000-8000-000000000000"
    headers = {"X-Stafett-Organisation": OTHER}

    for method, there, absent in (
        ("GET", place, never),
        ("GET", file, f"{never}/1".replace("status", "file")),
        ("DELETE", place, never),
    ):
        answers = [service.http.request(method, address, headers=headers) for address in (there, absent)]
        assert [(one.status_code, one.content) for one in answers] == [(404, answers[0].content)] * 2
    assert service.http.get(file).status_code == 200


def test_after_a_day_there_is_nothing_left(service: Service) -> None:
    place = asked(service.http, "?_type=Task").headers["Content-Location"]
    work(service)
    file, before = service.http.get(place).json()["output"][0]["url"], service.clock.moment
    service.clock.moment += KEPT
    at_the_end = service.http.get(file).status_code
    service.clock.moment += timedelta(seconds=1)
    after = [service.http.get(address).status_code for address in (place, file)]
    service.clock.moment = before

    assert (at_the_end, after) == (200, [404, 404])


@pytest.mark.parametrize("number", ["0", "2", "01", "-1", "x", "1.0", "²", "1" * 30])
def test_there_is_no_other_file(service: Service, number: str) -> None:
    file = made(service, "?_type=Task")["output"][0]["url"]
    assert service.http.get(f"{file.rpartition('/')[0]}/{number}").status_code == 404


def test_no_file_is_given_before_all_are_there(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_resources, "FILE_RESOURCES", 1)
    place = asked(service.http, "?_type=Task").headers["Content-Location"]
    service.clock.moment += SETTLED
    make_some(service.store, service.clock, Hand(service.store, service.clock, HAND, "worker"))

    assert service.http.get(place).headers["X-Progress"] == "1 resources in 1 files"
    assert service.http.get(f"{place.replace('-status', '-file')}/1").status_code == 404


def test_what_cannot_be_made_is_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    place = asked(service.http, "?_type=Task").headers["Content-Location"]
    with monkeypatch.context() as broken:
        broken.setattr("adapter.storage.exports.Exports.stood", lambda *_, **__: 1 / 0)
        work(service)
    answer = service.http.get(place)

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (500, "exception")
    assert "ZeroDivision" not in answer.text
    assert service.http.delete(place).status_code == 202


@pytest.mark.parametrize("path", ["/fhir/$export", "/fhir/Patient/$export"])
def test_asking_for_the_head_begins_no_export(service: Service, path: str) -> None:
    """HEAD is safe (RFC 9110 9.2.1): whoever only looks whether an address answers has asked for nothing."""
    answer = service.http.head(path, headers=ASYNC)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    with service.store.read() as unit:
        assert unit.exports(HOSPITAL) == []


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
@pytest.mark.parametrize("path", ["/fhir/$export", "/fhir/Patient/$export", "/fhir/Patient/p1/$everything"])
def test_the_address_of_an_operation_is_no_type_and_no_id(service: Service, method: str, path: str) -> None:
    """The characters of an id are letters, digits, - and . (https://hl7.org/fhir/R4/datatypes.html#id)."""
    answer = service.http.request(method, path, json={})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST" if "every" in path else "GET, POST")


def test_answers_in_other_forms(service: Service) -> None:
    """HEAD has no body, the manifest is always JSON, a file is compressed for who takes that, and refusals are XML for who asks."""
    with service.store.write() as unit:
        unit.put(HOSPITAL, [draft("Organization", "o1", name="Ørland " * 1000)], service.clock.now())
    place = asked(service.http, "?_type=Organization").headers["Content-Location"]
    work(service)
    manifest = service.http.get(place, headers={"Accept": "application/fhir+xml"})
    file = manifest.json()["output"][0]["url"]

    head = service.http.head(file)
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/fhir+ndjson")
    assert manifest.headers["content-type"] == "application/json"
    with service.http.stream("GET", file, headers={"Accept-Encoding": "gzip", "Accept": "application/fhir+ndjson"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    plain = service.http.get(file, headers={"Accept-Encoding": "identity"})
    assert (gzip.decompress(raw), plain.headers.get("content-encoding")) == (plain.content, None)
    refused = service.http.get(f"{place}x", headers={"Accept": "application/fhir+xml"})
    assert (refused.status_code, refused.headers["content-type"]) == (404, "application/fhir+xml; charset=utf-8")
    assert {"DELETE", "GET", "HEAD"} <= {*service.http.post(place).headers["allow"].split(", ")}


def test_the_statement_says_so(service: Service) -> None:
    statement = service.http.get("/fhir/metadata").json()
    (patient,) = (one for one in statement["rest"][0]["resource"] if one["type"] == "Patient")

    assert "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data" in statement["instantiates"]
    of = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
    assert {"name": "export", "definition": f"{of}/export"} in statement["rest"][0]["operation"]
    assert {"name": "export", "definition": f"{of}/patient-export"} in patient["operation"]


# --- with tokens


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Issuer]]:
    issuer = Issuer()
    with issuer.served(), real_service(tmp_path_factory.mktemp("guarded"), others=[OTHER], issuer=issuer) as running:
        fill(running)
        yield running, issuer


def client(guarded: tuple[Service, Issuer], *scopes: str, **claims: Any) -> httpx.Client:
    service, issuer = guarded
    more = {"parent": HOSPITAL, "seconds": 36000, "scopes": scopes or ("system/*.rs",), **claims}
    return httpx.Client(base_url=service.base, auth=issuer.client(**more), trust_env=False, timeout=10)


def test_what_the_caller_may_not_read_and_search_is_left_out_or_refused_by_name(guarded: tuple[Service, Issuer]) -> None:
    service, _ = guarded
    with client(guarded, "system/Task.rs", "system/Patient.r", "system/Organization.s") as some:
        manifest = made(service, http=some)
        assert [one["type"] for one in manifest["output"]] == ["Task"]
        assert manifest["requiresAccessToken"] is True
        for type in ("Patient", "Organization", "Task,Observation"):
            assert asked(some, f"?_type={type}").status_code == 403, type
        some.delete(manifest["output"][0]["url"].rpartition("/")[0].replace("-file", "-status"))
    with client(guarded, "system/*.c") as none:
        for path in ("/fhir/$export", "/fhir/Patient/$export"):
            answer = asked(none, path=path)
            assert answer.status_code == 403
            assert "insufficient_scope" in answer.headers["www-authenticate"]


def test_another_client_or_the_same_with_other_rights_is_told_nothing(guarded: tuple[Service, Issuer]) -> None:
    service, _ = guarded
    with client(guarded) as own, client(guarded, client_id="colleague") as other, client(guarded, "system/Task.rs") as fewer:
        place = asked(own, "?_type=Task").headers["Content-Location"]
        work(service)
        file = own.get(place).json()["output"][0]["url"]

        for one in (other, fewer):
            assert [one.get(place).status_code, one.get(file).status_code, one.delete(place).status_code] == [404, 404, 404]
        assert (own.get(file).status_code, own.delete(place).status_code) == (200, 202)


def test_nothing_is_exported_in_an_emergency(guarded: tuple[Service, Issuer]) -> None:
    """It would lift all blocks at once."""
    with client(guarded, "system/*.rs", "nhn:pakkeforlop/emergency", hpr="9144900") as saver:
        answer = asked(saver, **{"X-Stafett-Purpose": "ETREAT"})
    assert (answer.status_code, "Nothing is exported" in answer.text) == (403, True)


def test_what_is_closed_is_in_no_file_whether_it_was_closed_before_or_after(guarded: tuple[Service, Issuer]) -> None:
    service, _ = guarded
    nurse = "9144900"
    with client(guarded, hpr=nurse) as blocked, client(guarded) as own:
        before = made(service, "?_type=Patient,Task", http=blocked)
        assert ids(blocked, before) == {"p1", "p2", "pretty", "t0", "t1", "t2"}
        with service.store.write() as unit:
            unit.put(HOSPITAL, [block("c1", "p1", nurse)], service.clock.now())

        assert ids(blocked, before) == {"p2", "pretty"}
        after = made(service, "?_type=Consent,Patient,Task", http=blocked)
        assert [one["type"] for one in after["output"]] == ["Patient", "Task"]
        assert not any("count" in one for one in before["output"])  # it would tell that a record was closed
        assert ids(blocked, after) == {"p2", "pretty"}
        assert "p1" in ids(own, made(service, "?_type=Patient", http=own))
    with service.store.write() as unit:
        unit.put(HOSPITAL, [block("c1", "p1", nurse, status="inactive")], service.clock.now())


def records(service: Service, after: int) -> list[tuple[tuple[str, ...], Json]]:
    with service.store.read() as unit:
        return [(link.record.about, json.loads(link.record.body)) for link in unit.audit_links(after)]


def test_the_audit_has_who_asked_for_what_and_each_file_with_those_whom_it_was_about(guarded: tuple[Service, Issuer]) -> None:
    service, _ = guarded
    with client(guarded) as own:
        with service.store.read() as unit:
            end, _ = unit.audit_end()
        place = asked(own, "?_type=Patient,Organization&_since=2020-01-01").headers["Content-Location"]
        work(service)
        for one in own.get(place).json()["output"]:
            own.get(one["url"])
        own.delete(place)

    kicked, status, patients, organisations, gone = records(service, end)
    assert (kicked[0], kicked[1]["asked"], kicked[1]["route"]) == ((), ["Patient", "Organization"], "/fhir/$export")
    assert kicked[1]["criteria"] == ["_type", "_since=2020-01-01"]
    assert [status[1]["route"], gone[1]["route"]] == ["/fhir/$export-status/{id}"] * 2
    assert (status[0], gone[0], gone[1]["method"]) == ((), (), "DELETE")
    assert patients[0] == ("p1", "p2")
    assert [one[:4] for one in patients[1]["seen"]] == [["R", "Patient", "p1", 1], ["R", "Patient", "p2", 1]]
    assert (organisations[0], organisations[1]["seen"]) == ((), [["R", "Organization", "o1", 1]])
    assert patients[1]["route"] == "/fhir/$export-file/{id}/{number}"
    assert {one["outcome"] for _, one in (kicked, status, patients, organisations, gone)} == {"0"}


def test_a_proof_is_used_once_for_what_changes_something(guarded: tuple[Service, Issuer]) -> None:
    service, issuer = guarded
    shows = issuer.client(parent=HOSPITAL, scopes=["system/*.rs"])
    address = f"{service.base}/fhir/$export"
    headers = {**shows.headers("GET", address), **ASYNC}

    kicked = [httpx.get(address, headers=headers, trust_env=False).status_code for _ in range(2)]

    assert kicked == [202, 401]
    with service.store.read() as unit:
        left = [one.id for one in unit.exports(HOSPITAL) if one.state == "asked"]
    assert len(left) == 1
    service.store.run(lambda unit: unit.drop_export(left[0]))
