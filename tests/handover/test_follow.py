"""One referral is followed by one id: from the hub's folder into the hospital's log, and from there into the municipality's.

The hospital is the service as its operator starts it, the municipality another process with a log of its own. Between them a
clinician's system answers the referral, by a request that has an id of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.house.processes import STAFETT, clean_environment, free_ports
from tests.kill.messages import Letters
from tests.partners.servers import Peer, start
from tests.partners.servers.ours import ORGANISATION as MUNICIPALITY

HOSPITAL, RECEIVER, SECONDS = "319900101", "8000101", 60.0
SYSTEM: Final = "https://stafett.invalid/fhir/CodeSystem/"
OUTPUTS: Final[dict[str, Any]] = {
    "right-to-care": {"valueBoolean": True},
    "assessed-on": {"valueDate": f"{date.today()}"},  # noqa: DTZ011 - any day will do
    "assessment-outcome": {"valueCodeableConcept": {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.8485", "code": "1"}]}},
    "date-limit": {"valueDate": "2030-01-01"},
    "settled-condition": {"valueBoolean": False},
}
CONFIGURATION: Final = """
environment = "test"
[store]
url = "sqlite:///{folder}/stafett.db"
[[organisation]]
number = "{hospital}"
name = "Fjordheim sykehus HF"
kind = "hospital"
[[receiver]]
her_id = "{receiver}"
organisation = "{hospital}"
pathway = "D11"
[[hub]]
kind = "folder"
path = "{folder}/hub"
poll_seconds = 0.1
[[partner]]
name = "municipality"
base_url = "{base_url}"
organisation = "{municipality}"
municipality = "3435"
mode = "push"
poll_seconds = 1
"""


@contextmanager
def hospital(folder: Path, peer: Peer) -> Iterator[httpx.Client]:
    """The service, with all of its roles."""
    (folder / "hub" / "in").mkdir(parents=True)
    said = {"hospital": HOSPITAL, "receiver": RECEIVER, "municipality": MUNICIPALITY, "base_url": peer.base_url}
    (folder / "stafett.toml").write_text(CONFIGURATION.format(folder=folder, **said), "utf-8")
    port = free_ports(1)
    command = [STAFETT, "serve", "--config", folder / "stafett.toml", "--port", str(port)]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=clean_environment()
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            until(lambda: _answers(client))
            yield client
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.mark.slow
def test_one_id_leads_from_the_hub_s_message_to_the_partner_s_log(tmp_path: Path) -> None:
    log = tmp_path / "hospital" / "service.log"
    (folder := tmp_path / "peer").mkdir()
    peer = start("ours", folder)
    try:
        with hospital(tmp_path / "hospital", peer) as client:
            (tmp_path / "hospital" / "hub" / "in" / "one.xml").write_bytes(Letters(7).make(1).data)
            (message,) = until(lambda: client.get("/messages").json()["items"])
            _answer(client)
            (led_to,) = until(lambda: [one for one in _led_to(client, message["id"]) if one["state"] == "sent"][:1])
            figures = client.get("/metrics").text
            _accept(peer)
            heard = until(lambda: [line for line in _lines(log) if line["event"] == "assignment.heard"])[0]
    finally:
        peer.close()

    assert led_to["partner"] == "municipality"
    here = [line for line in _lines(log) if message["id"] in line.values()]
    assert [line["id"] for line in here if line["event"] == "message.received"] == [message["id"]]
    asked, carried = (
        next(line for line in here if line["event"] == event and line["about"] == led_to["about"])
        for event in ("assignment.asked", "delivery.sent")
    )
    assert carried["correlation"] == message["id"]
    assert (asked["correlation"], asked["request_id"]) == (message["id"], "the-clinician-s-answer")
    there = next(file for file in (tmp_path / "peer").rglob("*") if file.is_file() and b"partner.asked" in file.read_bytes())
    assert re.search(rf"partner\.asked.*POST.*{message['id']}", there.read_text("utf-8"))
    assert heard["about"] == led_to["about"]
    assert heard["correlation"] not in ("", message["id"])
    for wanted in ('stafett_received_total{hub="folder",outcome="new",state="processed"} 1.0', 'event="assignment.asked"'):
        assert wanted in figures


def _answer(client: httpx.Client) -> None:
    """The referral is given a right to care, as a journal system does it."""
    (task,) = until(lambda: _found(client, "Task", f"code={SYSTEM}pathway-task|assess-referral&status=requested"))
    given = [{"type": {"coding": [{"system": SYSTEM + "task-output", "code": name}]}, **said} for name, said in OUTPUTS.items()]
    changes = [{"op": "replace", "path": "/status", "value": "completed"}, {"op": "add", "path": "/output", "value": given}]
    headers = {
        "Content-Type": "application/json-patch+json",
        "If-Match": f'W/"{task["meta"]["versionId"]}"',
        "X-Request-Id": "the-clinician-s-answer",
    }
    answer = client.patch(f"/fhir/Task/{task['id']}", content=json.dumps(changes), headers=headers)
    assert answer.status_code == 200, answer.text


def _accept(peer: Peer) -> None:
    """The municipality says yes, at its own server."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        (task,) = [entry["resource"] for entry in client.get(f"{peer.base_url}/Task").json()["entry"]]
        changes = [{"op": "replace", "path": "/status", "value": "accepted"}]
        headers = {"Content-Type": "application/json-patch+json", "If-Match": f'W/"{task["meta"]["versionId"]}"'}
        client.patch(f"{peer.base_url}/Task/{task['id']}", content=json.dumps(changes), headers=headers).raise_for_status()


def _led_to(client: httpx.Client, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/messages/{id}").json()["ledTo"]
    return found


def _found(client: httpx.Client, type: str, asked: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in client.get(f"/fhir/{type}?{asked}").json().get("entry", [])]


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx.TransportError:
        return False


def until(what: Callable[[], Any]) -> Any:
    """What it gives, once that is something."""
    deadline = time.monotonic() + SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found
