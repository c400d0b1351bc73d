"""From the tables of every version, with something in each, to today's by the service's own start; and all is read by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import inspect

from adapter.cli_refold import _run
from adapter.domain.identity import BASE
from adapter.ports import Shared
from adapter.settings import HubSettings, Organisation, Receiver, Settings, StoreSettings
from adapter.storage import open_store
from adapter.storage.engines import connect
from adapter.usecases.verify_audit import verify
from adapter.wiring import Services, build
from tests.serving import NOON, StillClock, served
from tests.upgrade.old import VERSIONS, make, rows, up_to

pytestmark = pytest.mark.slow
HOSPITAL = "319900101"
MESSAGE = "c258e557-e422-5410-91ea-c0d602822140"
PATIENT = "992ce092-5fab-597a-a284-45a6eba50b00"


def settings(folder: Path, url: str, base: str = "http://127.0.0.1:8000") -> Settings:
    return Settings(
        public_base=base,
        store=StoreSettings(url=url),
        organisation=(Organisation(number=HOSPITAL, name="Fjordheim sykehus HF"),),
        receiver=(Receiver(her_id="8000101", organisation=HOSPITAL, pathway="D11"),),
        hub=(HubSettings(kind="folder", path=folder / "hub"),),
    )


@contextmanager
def started(folder: Path, url: str) -> Iterator[tuple[Services, httpx.Client]]:
    """The service as it starts, over HTTP; its clock stands when the message was received."""
    made: list[Services] = []

    def app(base: str) -> FastAPI:
        made.append(build(settings(folder, url, base), StillClock()))
        return made[0].app

    with served(app) as client:
        try:
            yield made[0], client
        finally:
            made[0].close()


def test_each_version_has_something_in_each_of_its_tables(tmp_path: Path) -> None:
    for version in VERSIONS:
        engine = connect(f"sqlite:///{tmp_path}/{version}.db").claiming
        with engine.begin() as connection:
            up_to(connection, version)
            made = set(inspect(connection).get_table_names()) - {"alembic_version"}
        engine.dispose()
        assert {table for table, found in rows(version).items() if found} == made
    assert VERSIONS[-1] == last_version(tmp_path)


def last_version(folder: Path) -> str:
    store = open_store(f"sqlite:///{folder}/new.db")
    store.migrate()
    with store.read() as unit:
        version = unit.schema()
    store.close()
    return version


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_kept_is_read_by_todays_program(version: str, url: str, tmp_path: Path) -> None:
    before = rows(version)
    make(url, version)

    with started(tmp_path, url) as (services, http):
        assert services.store.check() == []
        messages_are_as_before(before, http)
        resources_are_as_before(before, http)
        what_waited_is_sent(before, services, tmp_path)
        with services.store.read() as unit:
            for row in before.get("shared", ()):
                assert unit.shared(HOSPITAL, "Task", row["id"]) == [Shared(**row | {"home": bool(row["home"])})]
            assert [one.failures for one in unit.partner_states()] == [row["failures"] for row in before.get("partner", ())]
            assert sum(unit.open_troubles().values()) == len(before.get("trouble", ()))
            assert [one.id for one in unit.processes()] == [row["id"] for row in before.get("process", ())]
            for row in before.get("session", ()):
                assert (found := unit.session(row["digest"]))
                assert found.subject == row["subject"]
        the_audit_holds(before, services)


def messages_are_as_before(before: Any, http: httpx.Client) -> None:
    [row], [kept] = before["message"], before["message_xml"]
    found = http.get(f"/messages/{MESSAGE}").json()
    assert (found["msgId"], found["state"], found["documentId"]) == (row["msg_id"], "processed", row["document_id"])
    assert http.get(f"/messages/{MESSAGE}/xml").content == kept["xml"]
    assert http.get(f"/messages/{MESSAGE}/apprec").content == before["outbox"][0]["body"]
    assert [one["id"] for one in http.get("/messages", params={"msgId": row["msg_id"]}).json()["items"]] == [MESSAGE]


def resources_are_as_before(before: Any, http: httpx.Client) -> None:
    """Each in its own bytes; and found by what the bodies of that day say of themselves."""
    bodies = [json.loads(row["body"]) for row in before["resource_version"]]
    for row in before["resource_version"]:
        assert http.get(f"/fhir/{row['type']}/{row['id']}").content == row["body"]
    patient = f"Patient/{PATIENT}"
    for type, parameter, element in (("Task", "patient", "for"), ("EpisodeOfCare", "patient", "patient")):
        wanted = {one["id"] for one in bodies if one["resourceType"] == type and one.get(element, {}).get("reference") == patient}
        assert wanted
        assert found_by(http, type, {parameter: patient}) == wanted
    tagged = {(one["resourceType"], one["id"]) for one in bodies if computed(one)}
    assert {(type, id) for type in {t for t, _ in tagged} for id in found_by(http, type, {"_tag": TAG})} == tagged


TAG = f"{BASE}/CodeSystem/tag|computed"


def computed(body: Any) -> bool:
    return any(f"{tag['system']}|{tag['code']}" == TAG for tag in body["meta"].get("tag", ()))


def found_by(http: httpx.Client, type: str, asked: dict[str, str]) -> set[str]:
    answer = http.get(f"/fhir/{type}", params=asked | {"_count": "100"})
    assert answer.status_code == 200, answer.text
    return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}


def what_waited_is_sent(before: Any, services: Services, folder: Path) -> None:
    """The receipt, in the bytes of that day; what is for a partner waits for its time."""
    services.worker.serve(services.hubs[0])
    assert [file.read_bytes() for file in (folder / "hub" / "out").glob("*.xml")] == [before["outbox"][0]["body"]]
    with services.store.read() as unit:
        waiting = unit.deliveries([HOSPITAL])
    assert [one.id for one in waiting] == [row["id"] for row in before["outbox"] if row.get("about")]


def the_audit_holds(before: Any, services: Services) -> None:
    """From the first record on, over the head that was there before, to what awaited its place then, and what we have read."""
    chained, awaiting = before.get("audit", []), before.get("audit_awaiting", [])
    verdict = verify(services.store, (len(chained), chained[-1]["digest"]) if chained else None)
    assert verdict.broken is None
    assert verdict.head[0] >= len(chained) + len(awaiting)


@pytest.mark.parametrize("version", ["0006", "0008"])
def test_every_pathway_is_what_its_events_come_to_by_todays_rules(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the message was received: later its deadlines stand otherwise. Programs before the sixth's made other Tasks of it."""
    monkeypatch.setattr("adapter.cli_refold.datetime", SimpleNamespace(now=lambda _: NOON))
    url = f"sqlite:///{tmp_path}/stafett.db"
    make(url, version)
    build(settings(tmp_path, url), StillClock()).close()

    assert _run(settings(tmp_path, url), check=True) == (0, 0)
