"""The way in, over real HTTP: who is let in, to what, what others are told, and that it is written down before it is answered.

RFC 9449 (DPoP), RFC 6750 3 (how a refusal is told), HelseID's rules for services.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from adapter.domain.problem import Kind, problem
from adapter.ports import NOBODY
from tests.bad_inputs.message import GOOD, MSG_ID, fresh, spoil
from tests.fhir.made import patient, task
from tests.http.real import HOSPITAL, VAAGAA, WAITS, real_service
from tests.http.service import Service
from tests.security.issuer import Client, Issuer

OTHER = "999977774"
EXAMPLES = Path(__file__).parents[2] / "profiles" / "examples" / "good"
SEARCHED = "urn:oid:2.16.578.1.12.4.1.4.1|21858999992"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with issuer.served():
        yield issuer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], scope="module")
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Service]:
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    folder = tmp_path_factory.mktemp(request.param)
    called = {"hosts": ["epj.example"]}
    with real_service(folder, url, others=[OTHER], partners=[WAITS], issuer=issuer, subscriptions=called) as service:
        yield service


@pytest.fixture
def own(issuer: Issuer) -> Client:
    return issuer.client(parent=HOSPITAL, hpr="1234567", pid="21858999992", scopes=["system/*.cruds", "nhn:pakkeforlop/messages"])


@pytest.fixture
def made(guarded: Service, own: Client) -> str:
    """A Patient of the hospital: its place."""
    answer = guarded.http.post("/fhir/Patient", json=patient(), auth=own)
    assert answer.status_code == 201, answer.text
    return "/".join(urlsplit(answer.headers["location"]).path.split("/")[:4])


def records(service: Service) -> list[dict[str, Any]]:
    """What the audit says, oldest first."""
    with service.store.read() as unit:
        found = [link.record for link in unit.audit_links(limit=10_000)]
    return [msgspec.json.decode(record.body) | {"about": record.about, "tenant": record.tenant} for record in found]


def kept_messages(service: Service) -> int:
    with service.store.read() as unit:
        return sum(unit.count_messages([HOSPITAL, OTHER, NOBODY]).values())


# who is let in


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/fhir/Patient",
        "/fhir/Patient/x",
        "/messages",
        "/pathways",
        "/deliveries",
        "/partners",
        "/subscriptions",
        "/subscriptions/x",
        "/nowhere",
        "/console/messages/x",
        # what only begins as an open address does
        "/fhir/metadata/x",
        "/health/live/x",
        "/metrics/x",
        "/docs/x",
        "/openapi.json/x",
        "/package.tgz/x",
        "/profiles/pathway/x",
        "/profiles/",
        "/login/x",
        "/logout/x",
        "/partners/x/notifications/y",
    ],
)
def test_nobody_is_let_in_without_a_token_wherever_they_knock(guarded: Service, path: str) -> None:
    answer = guarded.http.get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("DPoP ")
    assert answer.json()["issue"][0]["code"] == "login"


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/metadata",
        "/fhir/.well-known/smart-configuration",
        "/health/live",
        "/docs",
        "/openapi.json",
        "/package.tgz",
        "/profiles",
        "/profiles/pathway",
    ],
)
def test_what_tells_of_no_patient_is_open(guarded: Service, path: str) -> None:
    assert guarded.http.get(path).status_code == 200


def test_how_a_token_is_had_is_told(guarded: Service, issuer: Issuer) -> None:
    told = guarded.http.get("/fhir/.well-known/smart-configuration").json()

    assert told["token_endpoint"] == f"{issuer.url}/connect/token"
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(told["capabilities"])
    security = guarded.http.get("/fhir/metadata").json()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"


@pytest.mark.parametrize(
    "kind", ["application/x-python-serialize", "application/x-yaml", "application/xml", "application/fhir+json"]
)
def test_b110_nothing_of_a_body_is_read_before_the_sender_is_known(guarded: Service, kind: str) -> None:
    for path in (
        "/messages",
        "/fhir",
        "/fhir/Task",
        "/messages/x/retry",
        "/deliveries/x/resend",
        "/subscriptions/x/off",
        "/translate",
    ):
        answer = guarded.http.post(path, content=b"\x80\x04cposix\nsystem\n", headers={"Content-Type": kind})

        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (401, "login"), path


def test_a_token_and_its_proof_let_their_organisation_in(guarded: Service, made: str, own: Client) -> None:
    answer = guarded.http.get(made, auth=own)

    assert answer.status_code == 200
    assert guarded.http.get(f"{made}/_history/1", auth=own).status_code == 200


def test_a_head_request_shows_a_proof_for_head(guarded: Service, made: str, own: Client) -> None:
    assert guarded.http.head(made, auth=own).status_code == 200
    assert guarded.http.head(made, headers=own.headers("GET", guarded.base + made)).status_code == 401


def test_a_token_without_its_proof_is_refused(guarded: Service, made: str, own: Client) -> None:
    for header in (f"Bearer {own.token}", f"DPoP {own.token}"):
        assert guarded.http.get(made, headers={"Authorization": header}).status_code == 401


def test_a_proof_is_for_the_configured_address_whatever_the_host_header_says(guarded: Service, made: str, own: Client) -> None:
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Forwarded"):
        lied = own.headers("GET", f"https://evil.example{made}") | {name: "evil.example"}
        assert guarded.http.get(made, headers=lied).status_code == 401
        honest = own.headers("GET", guarded.base + made) | {name: "evil.example"}
        assert guarded.http.get(made, headers=honest).status_code == 200


def test_an_organisation_without_a_space_here_is_told_so(guarded: Service, issuer: Issuer) -> None:
    answer = guarded.http.get("/fhir/Task", auth=issuer.client(parent="974706490"))

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "forbidden")


def test_the_unit_decides_before_its_enterprise(guarded: Service, issuer: Issuer, made: str) -> None:
    unit_of_another = issuer.client(parent=HOSPITAL, child=OTHER)

    assert guarded.http.get(made, auth=unit_of_another).status_code == 404
    assert guarded.http.get(made, auth=issuer.client(parent="974706490", child=HOSPITAL)).status_code == 200


def test_a_guest_sees_its_own_space(guarded: Service, issuer: Issuer, made: str) -> None:
    guest = issuer.client(parent=VAAGAA)

    assert guarded.http.get(made, auth=guest).status_code == 404
    assert guarded.http.get("/fhir/Patient?_total=accurate", auth=guest).json()["total"] == 0


# a proof is good for one request


def test_a_proof_that_was_used_is_refused(guarded: Service, made: str, own: Client) -> None:
    shown = own.headers("GET", guarded.base + made)

    assert guarded.http.get(made, headers=shown).status_code == 200
    again = guarded.http.get(made, headers=shown)
    assert (again.status_code, 'error="invalid_dpop_proof"' in again.headers["www-authenticate"]) == (401, True)
    assert "Prøve" not in again.text


def test_nothing_is_written_with_a_proof_that_was_used(guarded: Service, own: Client) -> None:
    shown = own.headers("POST", f"{guarded.base}/fhir/Task")
    before = guarded.http.get("/fhir/Task?_summary=count", auth=own).json()["total"]

    assert guarded.http.post("/fhir/Task", json=task(), headers=shown).status_code == 201
    assert guarded.http.post("/fhir/Task", json=task(), headers=shown).status_code == 401
    assert guarded.http.get("/fhir/Task?_summary=count", auth=own).json()["total"] == before + 1


def test_a_refused_write_uses_up_its_proof_too(guarded: Service, own: Client) -> None:
    shown = own.headers("POST", f"{guarded.base}/fhir/Task")

    assert guarded.http.post("/fhir/Task", json={"resourceType": "Task"}, headers=shown).status_code == 400
    assert guarded.http.post("/fhir/Task", json=task(), headers=shown).status_code == 401


def test_a_message_is_not_sent_with_a_proof_that_was_used(guarded: Service, own: Client) -> None:
    shown = own.headers("POST", f"{guarded.base}/messages") | {"Content-Type": "application/xml"}

    assert guarded.http.post("/messages", content=GOOD.encode(), headers=shown).status_code == 201
    before = kept_messages(guarded)
    another = spoil((MSG_ID, fresh("proof"))).encode()
    assert guarded.http.post("/messages", content=another, headers=shown).status_code == 401
    assert kept_messages(guarded) == before > 0


def test_a_used_proof_is_known_to_every_process_and_after_a_restart(tmp_path: Path, issuer: Issuer) -> None:
    client = issuer.client(parent=HOSPITAL)
    with real_service(tmp_path, issuer=issuer) as one:
        shown = client.headers("GET", f"{one.base}/fhir/Task")
        assert one.http.get("/fhir/Task", headers=shown).status_code == 200
        (used,) = [proof for proof, _ in proofs(tmp_path)]
    with real_service(tmp_path, issuer=issuer) as other:
        assert [proof for proof, _ in proofs(tmp_path)] == [used]
        assert other.store.append_audit([], [(used, other.clock.now())], other.clock.now()).fresh == [False]


def proofs(folder: Path) -> list[tuple[str, int]]:
    import sqlite3

    with sqlite3.connect(folder / "stafett.db") as database:
        return database.execute("SELECT * FROM proof").fetchall()


# scopes


def test_scopes_give_what_they_say_and_no_more(guarded: Service, issuer: Issuer, made: str) -> None:
    reads_tasks = issuer.client(parent=HOSPITAL, scopes=["system/Task.rs"])
    http = guarded.http

    assert http.get("/fhir/Task", auth=reads_tasks).status_code == 200
    for method, path, body in (
        ("GET", made, None),
        ("GET", "/fhir/Patient", None),
        ("GET", f"{made}/_history", None),
        ("GET", f"{made}/_history/1", None),
        ("GET", f"{made}/$validate", None),
        ("GET", "/fhir/EpisodeOfCare/x/$findings", None),
        ("GET", "/fhir/EpisodeOfCare/x/$everything", None),
        ("GET", "/fhir/Patient/x/$everything", None),
        ("GET", "/fhir/Patient/x/Observation", None),
        ("POST", "/fhir/Patient/x/Observation/_search", None),
        ("GET", "/fhir/Patient?_has:Task:patient:status=requested", None),
        ("GET", "/fhir/Measure/right-refused/$evaluate-measure?periodStart=2026&periodEnd=2026", None),
        ("GET", "/fhir/Subscription/$status", None),
        ("GET", "/fhir/Subscription/x/$status", None),
        ("GET", "/fhir/Subscription/x/$events", None),
        ("POST", "/fhir/Task", task()),
        ("PUT", "/fhir/Task/x", task(id="x")),
        ("POST", "/fhir/Patient/_search", None),
        ("GET", "/fhir/Task?patient.name=x", None),
    ):
        answer = http.request(method, path, json=body, auth=reads_tasks, headers={} if body else {"Content-Type": FORM})
        assert answer.status_code == 403, (method, path, answer.text)
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    for path in ("/messages", "/", "/pathways", "/deliveries", "/partners", "/subscriptions"):
        assert http.get(path, auth=reads_tasks).status_code == 403, path


def test_who_may_search_for_nothing_is_told_so_of_a_whole_compartment(guarded: Service, issuer: Issuer) -> None:
    """An empty answer would say that there is no record."""
    for scopes, status in ((["system/Task.cu"], 403), (["system/Patient.r"], 403), (["system/Flag.s"], 200)):
        assert guarded.http.get("/fhir/Patient/x/*", auth=issuer.client(parent=HOSPITAL, scopes=scopes)).status_code == status


FORM = "application/x-www-form-urlencoded"


def test_what_may_not_be_read_is_not_given_beside_either(guarded: Service, issuer: Issuer, made: str, own: Client) -> None:
    guarded.http.post("/fhir/Task", json=task(**{"for": {"reference": made.removeprefix("/fhir/")}}), auth=own)
    address = "/fhir/Task?_include=Task:patient&patient=" + made.removeprefix("/fhir/")

    def types(client: Client) -> set[str]:
        return {entry["resource"]["resourceType"] for entry in guarded.http.get(address, auth=client).json()["entry"]}

    assert types(own) == {"Task", "Patient"}
    assert types(issuer.client(parent=HOSPITAL, scopes=["system/Task.rs"])) == {"Task"}


def test_who_may_not_look_for_it_does_not_follow_it(guarded: Service, issuer: Issuer) -> None:
    """What follows is asked of everything that is written; so it takes what a search takes, and a read."""
    body = {"resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": "Task?status=requested"}
    body |= {"channel": {"type": "rest-hook", "endpoint": "https://epj.example/hook"}}
    follows = "system/Subscription.cru"

    def outcome(*scopes: str) -> tuple[int, bool]:
        client = issuer.client(parent=HOSPITAL, scopes=[follows, *scopes])
        answer = guarded.http.post("/fhir/Subscription", json=body, auth=client)
        return answer.status_code, "it takes system/Task.rs" in answer.text

    assert [outcome(), outcome("system/Task.r"), outcome("system/Task.s")] == [(403, True)] * 3
    assert outcome("system/Task.rs") == (201, False)


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_each_entry_of_a_bundle_takes_its_own_scopes(guarded: Service, issuer: Issuer, made: str, kind: str) -> None:
    client = issuer.client(parent=HOSPITAL, scopes=["system/Task.crus"])
    for request, resource in (
        ({"method": "GET", "url": made.removeprefix("/fhir/")}, None),
        ({"method": "GET", "url": f"Patient?identifier={SEARCHED}"}, None),
        ({"method": "POST", "url": "Patient"}, patient()),
        ({"method": "PUT", "url": f"Patient?identifier={SEARCHED}"}, patient()),
        ({"method": "POST", "url": "Task"}, task(**{"for": {"reference": f"Patient?identifier={SEARCHED}"}})),
    ):
        entry = {
            "request": request,
            **({"resource": resource, "fullUrl": "urn:uuid:5f1cbbd1-5dd3-4cf3-b8b5-0f2a3e4ce9d9"} if resource else {}),
        }
        answer = guarded.http.post("/fhir", json={"resourceType": "Bundle", "type": kind, "entry": [entry]}, auth=client)

        status = answer.status_code if kind == "transaction" else int(answer.json()["entry"][0]["response"]["status"][:3])
        assert status == 403, (request, answer.text)


def test_a_conditional_create_takes_the_right_to_search(guarded: Service, issuer: Issuer) -> None:
    creates = issuer.client(parent=HOSPITAL, scopes=["system/Task.c"])
    unless = {"If-None-Exist": "identifier=urn:a|1"}

    assert guarded.http.post("/fhir/Task", json=task(), auth=creates, headers=unless).status_code == 403
    assert guarded.http.put("/fhir/Task?identifier=urn:a|1", json=task(), auth=creates).status_code == 403
    assert guarded.http.post("/fhir/Task", json=task(), auth=creates).status_code == 201


def test_b083_a_pages_link_is_for_the_client_that_it_was_given_to(guarded: Service, issuer: Issuer, own: Client) -> None:
    for _ in range(2):
        guarded.http.post("/fhir/Task", json=task(), auth=own)
    bundle = guarded.http.get("/fhir/Task?_count=1", auth=own).json()
    (link,) = [one["url"] for one in bundle["link"] if one["relation"] == "next"]

    assert guarded.http.get(link, auth=own).status_code == 200
    for other in (
        issuer.client(parent=HOSPITAL, hpr="1234567", pid="21858999992", client_id="another"),
        issuer.client(parent=HOSPITAL, hpr="1234567", pid="21858999992", scopes=["system/Task.rs"]),
        issuer.client(parent=HOSPITAL, hpr="7654321", pid="21858999992"),
        issuer.client(parent=OTHER),
    ):
        assert guarded.http.get(link, auth=other).status_code == 404


# emergency


def test_emergency_access_takes_a_person_and_the_right_to_it(guarded: Service, issuer: Issuer, made: str) -> None:
    scopes = ["system/*.rs", "nhn:pakkeforlop/emergency"]
    asked = {"X-Stafett-Purpose": "ETREAT"}

    def status(**claims: Any) -> int:
        return guarded.http.get(made, auth=issuer.client(parent=HOSPITAL, **claims), headers=asked).status_code

    assert status(hpr="1234567", scopes=scopes) == 200
    assert status(scopes=scopes) == 403
    assert status(hpr="1234567") == 403
    assert status(hpr="1234567", attest={"care_relation": {"purpose_of_use": {"code": "ETREAT"}}}) == 403
    assert records(guarded)[-4]["ground"]["purpose"] == "ETREAT"
    assert guarded.http.get(made, auth=issuer.client(parent=HOSPITAL), headers={"X-Stafett-Purpose": "FUN"}).status_code == 400


# what is written down


def test_what_was_read_stands_in_the_audit_when_the_answer_comes(guarded: Service, made: str, own: Client) -> None:
    guarded.http.get(made, auth=own)

    last = records(guarded)[-1]
    id = made.rpartition("/")[2]
    assert (last["method"], last["route"], last["status"], last["outcome"]) == ("GET", "/fhir/{type}/{id}", 200, "0")
    assert last["who"] == {"client": "epj", "organisations": [HOSPITAL], "person": {"pid": "21858999992", "hpr": "1234567"}}
    assert last["seen"] == [["R", "Patient", id, 1, 0]]
    assert (last["about"], last["tenant"]) == ((id,), HOSPITAL)


def test_what_was_written_stands_there_once(guarded: Service, own: Client) -> None:
    before = len(records(guarded))
    answer = guarded.http.post("/fhir/Patient", json=patient(), auth=own)

    new = records(guarded)[before:]
    assert [(one["status"], one["seen"]) for one in new] == [(201, [["C", "Patient", answer.json()["id"], 1, 0]])]


def test_what_was_refused_stands_there_too(guarded: Service, issuer: Issuer, made: str) -> None:
    before = len(records(guarded))
    guarded.http.get(made, auth=issuer.client(parent=OTHER))
    guarded.http.get(made, auth=issuer.client(parent=HOSPITAL, scopes=["system/Task.rs"]))
    guarded.http.get(made)

    assert [(one["status"], one["outcome"]) for one in records(guarded)[before:]] == [(404, "4"), (403, "4"), (401, "4")]


def test_nothing_is_answered_that_cannot_be_written_down(tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = issuer.client(parent=HOSPITAL)
    with real_service(tmp_path, issuer=issuer) as service:
        made = service.http.post("/fhir/Patient", json=patient(), auth=client).json()["id"]

        def full(*_: object) -> None:
            raise problem(Kind.TRANSIENT, "full", "full")

        monkeypatch.setattr(type(service.store), "append_audit", full)
        for path in (f"/fhir/Patient/{made}", "/fhir/Patient", f"/fhir/Patient/{made}/_history"):
            answer = service.http.get(path, auth=client)
            assert (answer.status_code, "Prøve" in answer.text) == (503, False), path
        monkeypatch.undo()
        assert service.http.get(f"/fhir/Patient/{made}", auth=client).status_code == 200


def test_a_flood_of_strangers_does_not_fill_the_disk(guarded: Service) -> None:
    before = len(records(guarded))
    with httpx.Client(base_url=guarded.base, trust_env=False) as client:
        for _ in range(150):
            client.get("/fhir/Patient/x")

    assert len(records(guarded)) - before <= 60


def test_a_known_caller_who_is_refused_is_written_down_as_such(guarded: Service, issuer: Issuer) -> None:
    before = len(records(guarded))
    scopes = ["system/*.rs"]
    guarded.http.get("/fhir/Task/x", auth=issuer.client(parent="974706490", client_id="elsewhere"))
    asked = {"X-Stafett-Purpose": "ETREAT"}
    guarded.http.get("/fhir/Task/x", auth=issuer.client(parent=HOSPITAL, hpr="1234567", scopes=scopes), headers=asked)
    guarded.http.get("/fhir/Task/x", auth=issuer.client(parent=HOSPITAL, hpr="1234567", scopes=["nothing"]))

    told = [(one["status"], one["who"]["client"], one["route"], one["tenant"]) for one in records(guarded)[before:]]
    path = "/fhir/Task/x"
    assert told == [(403, "elsewhere", path, ""), (403, "epj", path, HOSPITAL), (403, "epj", path, HOSPITAL)]


def test_a_patient_is_told_who_tried_in_whatever_way(guarded: Service, issuer: Issuer, own: Client, made: str) -> None:
    id = made.rpartition("/")[2]
    actor = {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "7654321"}}
    consent = json.loads((EXAMPLES / "patient-block.json").read_bytes())
    consent |= {"patient": {"reference": f"Patient/{id}"}}
    consent["provision"]["actor"] = [{**consent["provision"]["actor"][0], "reference": actor}]
    del consent["id"]
    assert guarded.http.post("/fhir/Consent", json=consent, auth=own).status_code == 201
    blocked = issuer.client(parent=HOSPITAL, hpr="7654321")
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": f"Patient/{id}"}}]}
    before = len(records(guarded))

    assert guarded.http.get(made, auth=blocked).status_code == 404
    assert guarded.http.post("/fhir", json=batch, auth=blocked).json()["entry"][0]["response"]["status"][:3] == "404"
    assert guarded.http.put(made, json=patient(id=id), auth=blocked).status_code == 405
    assert guarded.http.get(made, auth=issuer.client(parent=HOSPITAL, hpr="7654321", scopes=["system/Task.rs"])).status_code == 403

    assert [one["about"] for one in records(guarded)[before:]] == [(id,)] * 4
    assert all("seen" not in one for one in records(guarded)[before:])


def test_a_proof_that_was_used_shows_in_the_audit_as_refused(guarded: Service, made: str, own: Client) -> None:
    shown, before = own.headers("GET", guarded.base + made), len(records(guarded))
    assert [guarded.http.get(made, headers=shown).status_code for _ in range(2)] == [200, 401]

    one, other = records(guarded)[before:]
    assert (one["status"], "seen" in one, other["status"], other["outcome"], "seen" in other) == (200, True, 401, "4", False)
    assert one["about"] == other["about"] == (made.rpartition("/")[2],)


@pytest.mark.parametrize("counted", ["", "&_summary=count"])
def test_whoever_is_searched_for_is_told_of_it_whatever_is_found(guarded: Service, own: Client, made: str, counted: str) -> None:
    id = made.rpartition("/")[2]
    for path in (
        f"/fhir/Flag?patient={id}&code=x{counted}",
        f"/fhir/Task?patient._id={id}{counted}",
        f"/fhir/Patient?_id={id}{counted}",
    ):
        assert guarded.http.get(path, auth=own).status_code == 200, path
        assert records(guarded)[-1]["about"] == (id,), path
    form = {"Content-Type": FORM}
    guarded.http.post("/fhir/Patient/_search", content=f"identifier={SEARCHED}&_summary=count", auth=own, headers=form)
    assert records(guarded)[-1]["about"] == (SEARCHED,)


def test_whoever_may_only_write_is_not_shown_what_was_there(guarded: Service, issuer: Issuer, own: Client) -> None:
    made = guarded.http.post("/fhir/Flag", json=FLAG, auth=own)
    writes = issuer.client(parent=HOSPITAL, scopes=["system/Flag.cu"])
    headers = {"Content-Type": "application/json-patch+json"}

    answer = guarded.http.patch(f"/fhir/Flag/{made.json()['id']}", content=b"[]", auth=writes, headers=headers)

    assert (answer.status_code, answer.content) == (200, b"")


FLAG = {"resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"display": "somebody"}}
