"""One contract for every FHIR server that assignments are shared with, whatever its habits: `HttpFhirServer` over real ones.

What `FhirServer` promises (https://hl7.org/fhir/R4/http.html: conditional create, If-Match, search) is tried at servers that know
nothing of us. What they do differently stands in `HABITS` and in docs/partners.md, and is held against each server too.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapter.domain.problem import Kind, Problem
from adapter.partners.server import HttpFhirServer
from adapter.ports import Refusal, Remote
from adapter.r4 import json
from mappings.resources.assignment import build, key_of, outward, share_bundle
from mappings.resources.elements import ENH, URI
from tests.national_numbers import make
from tests.partners.habits import HABITS, observed
from tests.partners.servers import NAMES, Peer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HOSPITAL, MUNICIPALITY = ("319900101", "Fjordheim sykehus HF"), ("319900306", "Fjordvik kommune")
Body = dict[str, Any]


@pytest.fixture(scope="module", params=NAMES)
def peer(request: pytest.FixtureRequest, have: Callable[..., Peer]) -> Peer:
    return have(request.param)


@pytest.fixture
def server(peer: Peer) -> Iterator[HttpFhirServer]:
    made = HttpFhirServer(peer.name, peer.base_url)
    yield made
    made.close()


def assignment(**other: Any) -> Body:
    """A new assignment as it leaves us."""
    pathway = str(uuid.uuid4())
    task = build(
        pathway=pathway,
        kind="assign-coordinator",
        ordinal=1,
        patient=("Patient/1", "urn:oid:2.16.578.1.12.4.1.4.1", make(12, 5, 1990, "female")),
        requester=HOSPITAL,
        owner=MUNICIPALITY,
        focus=f"https://adapter.example/fhir/CarePlan/{pathway}",
        now=datetime(2026, 6, 1, 10, 0, tzinfo=UTC),
        due=date(2026, 6, 8),
    )
    return {**outward(task), **other}


def team() -> Body:
    """A new team as it leaves us, but for its profile."""
    participant = {"member": {"type": "Organization", "identifier": {"system": ENH, "value": MUNICIPALITY[0]}}}
    return {
        "resourceType": "CareTeam",
        "identifier": [{"system": URI, "value": f"urn:uuid:{uuid.uuid4()}"}],
        "status": "active",
        "participant": [{**participant, "period": {"start": "2026-06-02"}}],
    }


def there(server: HttpFhirServer, resource: Mapping[str, Any]) -> list[Remote]:
    return server.find(resource["resourceType"], URI, key_of(resource))


@pytest.mark.parametrize("make", [assignment, team])
def test_what_is_created_twice_is_there_once(server: HttpFhirServer, make: Callable[[], Body]) -> None:
    resource = make()
    assert there(server, resource) == []

    first, second = server.create(share_bundle(resource)), server.create(share_bundle(resource))

    assert (second.type, second.id, second.etag) == (first.type, first.id, first.etag)
    assert [(one.id, one.etag) for one in there(server, resource)] == [(first.id, first.etag)]


def test_the_same_bytes_after_an_answer_that_was_lost_make_no_second(server: HttpFhirServer, peer: Peer) -> None:
    task = assignment()
    headers = {"content-type": "application/fhir+json"}
    httpx.post(peer.base_url, content=share_bundle(task), headers=headers, timeout=30, trust_env=False)

    made = server.create(share_bundle(task))

    assert [one.id for one in there(server, task)] == [made.id]


def test_a_look_tells_what_is_there_now(server: HttpFhirServer) -> None:
    task = assignment()
    assert there(server, task) == []

    made = server.create(share_bundle(task))
    assert [one.body["status"] for one in there(server, task)] == ["requested"]

    server.change(made, {**made.body, "status": "accepted"})
    assert [one.body["status"] for one in there(server, task)] == ["accepted"]


def test_what_is_read_is_what_was_sent(server: HttpFhirServer) -> None:
    task = assignment()

    read = server.read("Task", server.create(share_bundle(task)).id)

    assert {key: value for key, value in read.body.items() if key not in ("id", "meta", "text")} == {
        key: value for key, value in task.items() if key != "meta"
    }
    assert {label["code"] for label in read.body["meta"]["security"]} == {label["code"] for label in task["meta"]["security"]}


def test_a_change_is_made_of_the_newest_version_and_of_no_other(server: HttpFhirServer) -> None:
    first = server.create(share_bundle(assignment()))

    second = server.change(first, {**first.body, "status": "received"})
    with pytest.raises(Refusal) as stale:
        server.change(first, {**first.body, "status": "accepted"})
    third = server.change(second, {**server.read("Task", first.id).body, "status": "in-progress"})

    assert stale.value.kind is Kind.STALE
    now = server.read("Task", first.id)
    assert (now.body["status"], now.etag, now.id) == ("in-progress", third.etag, first.id)
    assert len({first.etag, second.etag, third.etag}) == 3


def test_of_two_who_change_at_once_one_wins_and_the_other_is_told(server: HttpFhirServer) -> None:
    first = server.create(share_bundle(assignment()))

    def change(status: str) -> str:
        try:
            return str(server.change(first, {**first.body, "status": status}).body.get("status", status))
        except Refusal as fault:
            return str(fault.kind)

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(change, ["received", "accepted"] * 4))

    won = [one for one in said if one != Kind.STALE]
    assert won == [server.read("Task", first.id).body["status"]]


def test_what_is_refused_is_a_refusal_with_the_servers_reasons(server: HttpFhirServer, peer: Peer) -> None:
    bundle = json.parse(share_bundle(assignment()))
    if HABITS[peer.name]["date that is none"] == "taken":
        bundle["entry"][0]["request"]["url"] = "CareTeam"  # Medplum's router looks at the type, and no further
    else:
        bundle["entry"][0]["resource"]["authoredOn"] = "tomorrow"

    with pytest.raises(Refusal) as refused:
        server.create(json.encode(bundle))

    assert refused.value.kind is Kind.INVALID
    assert json.parse(refused.value.outcome)["resourceType"] == "OperationOutcome"


def test_several_with_one_identifier_are_nobodys_to_choose_among(server: HttpFhirServer, peer: Peer) -> None:
    task = assignment()
    for _ in range(2):
        httpx.post(f"{peer.base_url}/Task", json=task, timeout=30, trust_env=False)

    with pytest.raises(Refusal) as refused:
        server.create(share_bundle(task))

    assert refused.value.kind is Kind.AMBIGUOUS


def test_what_is_not_there_or_no_longer_is_not_found(server: HttpFhirServer, peer: Peer) -> None:
    made = server.create(share_bundle(assignment()))
    gone = httpx.delete(f"{peer.base_url}/Task/{made.id}", timeout=30, trust_env=False).is_success

    for id in ("nobody-has-this", *([made.id] if gone else [])):
        with pytest.raises(Refusal) as refused:
            server.read("Task", id)
        assert refused.value.kind is Kind.NOT_FOUND
    assert gone == (HABITS[peer.name]["deleted"] != "405")


def test_each_change_is_heard_once_and_in_order_also_past_a_page(server: HttpFhirServer, peer: Peer) -> None:
    begun = datetime.now(UTC) - timedelta(milliseconds=1)
    tasks = [assignment() for _ in range(230)]
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(server.create, map(share_bundle, tasks)))
    newest = server.change(made[0], {**made[0].body, "status": "received"})
    server.create(share_bundle(team()))
    httpx.post(f"{peer.base_url}/Task", json={"resourceType": "Task", "status": "draft", "intent": "plan"}, trust_env=False)

    heard = list(server.changed(begun))

    assert sorted(one.id for one in heard) == sorted(one.id for one in made)
    assert (heard[-1].id, heard[-1].etag, heard[-1].body["status"]) == (newest.id, newest.etag, "received")
    moments = [datetime.fromisoformat(one.body["meta"]["lastUpdated"]) for one in heard]
    assert moments == sorted(moments)
    assert {one.id for one in server.changed(None)} >= {one.id for one in made}
    assert list(server.changed(moments[-1] + timedelta(milliseconds=1))) == []


def test_a_change_is_heard_of_at_the_next_look(server: HttpFhirServer) -> None:
    begun = datetime.now(UTC) - timedelta(milliseconds=1)
    made = server.create(share_bundle(assignment()))

    for status in ("received", "accepted", "in-progress"):
        made = server.change(made, {**server.read("Task", made.id).body, "status": status})
        assert [one.body["status"] for one in server.changed(begun) if one.id == made.id] == [status]


def test_sixteen_who_create_the_same_at_once_make_one(server: HttpFhirServer, peer: Peer) -> None:
    task, again = assignment(), list[Kind]()

    def create(_: int) -> str:
        for _attempt in range(50):
            try:
                return server.create(share_bundle(task)).id
            except Problem as fault:  # as the outbox does: what may be mended is tried again
                again.append(fault.kind)
        raise AssertionError("never made")

    with ThreadPoolExecutor(16) as threads:
        ids = set(threads.map(create, range(16)))

    assert ids == {one.id for one in there(server, task)}
    assert len(ids) == 1
    assert set(again) <= ({Kind.TRANSIENT} if HABITS[peer.name]["created at once"] == "409" else set())


def test_the_mode_is_read_where_the_server_tells_it(server: HttpFhirServer, peer: Peer) -> None:
    if HABITS[peer.name]["/metadata"] == "CapabilityStatement":
        assert server.mode() == "push"
    else:
        with pytest.raises(Refusal) as refused:
            server.mode()
        assert refused.value.kind is Kind.NOT_FOUND


def test_what_it_kept_is_there_when_it_is_started_again(server: HttpFhirServer, peer: Peer) -> None:
    made = server.create(share_bundle(assignment()))

    peer.restart()

    assert server.read("Task", made.id) == server.read("Task", made.id)
    assert server.read("Task", made.id).etag == made.etag


def test_a_server_has_the_habits_that_are_told_of_it(peer: Peer) -> None:
    assert observed(peer.base_url) == {name: what for name, what in HABITS[peer.name].items() if name != "created at once"}


def test_the_documents_tell_the_same_habits(root: Path) -> None:
    _, _, after = (root / "docs" / "partners.md").read_text("utf-8").partition("## What servers do differently\n")
    table = re.search(r"^\| \| .*?(?=\n\n)", after, re.MULTILINE | re.DOTALL)
    assert table
    rows = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]

    assert rows == [[name, *(HABITS[server][name] for server in NAMES)] for name in HABITS["ours"]]
