"""`stafett audit` as its own process: the chain is judged, and a patient's own extract is given and written down."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapter.ports import Draft, Stored
from adapter.r4.checker import check
from adapter.r4.index import index
from adapter.security.caller import Caller, Person
from adapter.security.trail import Trail
from adapter.storage import DatabaseStore, open_store
from tests.house.processes import STAFETT, clean_environment
from tests.national_numbers import make

pytestmark = pytest.mark.slow
HOSPITAL, OTHER = "319900101", "319900202"
CONFIGURATION = f"""
[[organisation]]
number = "{HOSPITAL}"
name = "Fjordheim HF"

[[organisation]]
number = "{OTHER}"
name = "Lia kommune"
"""
NOW = datetime(2026, 5, 11, 8, 42, 19, tzinfo=UTC)
NUMBER = make(13, 12, 1992, "female")
FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
ONE = ("--organisation", HOSPITAL)


def seen(id: str, *patients: str, minutes: int = 0, tenant: str = HOSPITAL, person: Person | None = None, status: int = 200) -> Any:
    trail = Trail(id, "GET", NOW + timedelta(minutes=minutes), route="/fhir/{type}")
    trail.caller = Caller(tenant, (tenant,), client="epj-1", numbers=(tenant,), person=person, purpose="TREAT" if person else "")
    for patient in patients:
        if status == 200:
            trail.saw("R", [Stored("Task", f"task-of-{patient[-2:]}", 1, NOW, b"{}", patient)])
        else:
            trail.withheld(patient)
    return trail.records(status)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stafett.toml").write_text(CONFIGURATION, "utf-8")
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[DatabaseStore]:
    store = open_store(f"sqlite:///{folder / 'stafett.db'}")
    store.migrate()
    patient = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": FNR, "value": NUMBER}]}
    with store.write() as unit:
        unit.put(HOSPITAL, [Draft("Patient", "p1", index(patient), lambda *_: json.dumps(patient).encode())], NOW)
    doctor = Person(hpr="9144897", name="Line\x1b[31m Danser")
    records = [
        *seen("a1", "p1", "p2", person=doctor),
        *seen("a2", "p2", minutes=1),
        *seen("a3", "p1", minutes=2, tenant=OTHER),
        *seen("a4", f"{FNR}|{NUMBER}", minutes=3),
        *seen("a5", "p1", minutes=4, status=404),
    ]
    store.append_audit(records, [], NOW)
    yield store
    store.close()


def run(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [STAFETT, "audit", *arguments],
        cwd=folder,
        env=clean_environment(PYTHONIOENCODING="utf-8"),
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def tamper(store: DatabaseStore, statement: str) -> None:
    with store.write() as unit:
        assert unit.connection.execute(text(statement)).rowcount == 1


def test_a_chain_that_holds_is_told_with_its_head_by_which_it_can_be_verified_again(store: DatabaseStore, folder: Path) -> None:
    first = run(folder, "verify")

    assert (first.returncode, first.stderr) == (0, "")
    head = re.fullmatch(r"The chain holds from 1 up to (5:[0-9a-f]{64})", first.stdout.splitlines()[0])
    assert head is not None
    assert run(folder, "verify", "--head", head[1]).returncode == 0

    tamper(store, "DELETE FROM audit WHERE position = 5")
    with store.write() as unit:
        unit.connection.execute(text("DELETE FROM audit_about WHERE position = 5"))

    assert run(folder, "verify").returncode == 0
    cut = run(folder, "verify", "--head", head[1])
    assert (cut.returncode, cut.stdout.splitlines()[0][:21]) == (1, "Record 5 is missing. ")


def test_a_chain_that_does_not_hold_is_told_with_where_and_how(store: DatabaseStore, folder: Path) -> None:
    tamper(store, "UPDATE audit SET moment = moment + 1 WHERE position = 3")

    broken = run(folder, "verify")

    assert broken.returncode == 1
    assert broken.stdout.startswith("Record 3 is not what was sealed: it was changed. The chain holds up to 2:")
    assert "Oppføring 3" in broken.stdout


def test_a_head_before_what_retention_dropped_is_not_said_to_hold(store: DatabaseStore, folder: Path) -> None:
    store.drop_audit(NOW + timedelta(minutes=3), NOW + timedelta(minutes=5))

    assert run(folder, "verify").returncode == 0
    ended = run(folder, "verify", "--head", f"1:{'00' * 32}")
    assert (ended.returncode, "can no longer be compared" in ended.stdout) == (1, True)


@pytest.mark.parametrize("head", ["5", "x:y", "5:abc", f"x:{'00' * 32}"])
def test_a_head_that_is_none_is_refused(folder: Path, head: str) -> None:
    ended = run(folder, "verify", "--head", head)

    assert (ended.returncode, "POSITION:DIGEST" in ended.stderr) == (1, True)


def test_a_database_that_is_not_there_is_not_made(folder: Path) -> None:
    assert [run(folder, "verify").returncode, run(folder, "patient", *ONE, said=NUMBER).returncode] == [1, 1]
    assert not (folder / "stafett.db").exists()


def test_a_patient_is_shown_in_norwegian_who_looked_when_at_what_and_why(store: DatabaseStore, folder: Path) -> None:
    shown = run(folder, "patient", *ONE, said=f"{NUMBER}\n")

    assert (shown.returncode, shown.stderr) == (0, "")
    rows = [re.split(r"\s{2,}", line.strip()) for line in shown.stdout.splitlines() if line.strip()]
    assert rows == [
        ["Når", "Hvem", "Virksomhet", "Hva", "Grunnlag", "Utfall"],
        ["11.05.2026 10:42:19", "Line\ufffd[31m Danser (HPR 9144897)", HOSPITAL, "leste Task", "helsehjelp", "gitt"],
        ["11.05.2026 10:45:19", "epj-1", HOSPITAL, "leste Task", "ikke oppgitt", "gitt"],
        ["11.05.2026 10:46:19", "epj-1", HOSPITAL, "ble nektet /fhir/{type}", "ikke oppgitt", "avvist"],
        ["3 oppføringer"],
    ]


def test_the_extract_is_written_down_itself_before_it_is_given(store: DatabaseStore, folder: Path) -> None:
    run(folder, "patient", *ONE, said=NUMBER)

    with store.read() as unit:
        last = unit.audit_links()[-1].record
    said = json.loads(last.body)
    assert (last.tenant, said["what"], said["ground"], said["action"]) == (HOSPITAL, "audit extract", {"purpose": "PATRQT"}, "R")
    assert {"p1", f"{FNR}|{NUMBER}"} < set(last.about)
    assert "pasientens innsyn" in run(folder, "patient", *ONE, said=NUMBER).stdout
    assert run(folder, "verify").returncode == 0


def test_as_json_each_line_is_an_audit_event_and_as_fhir_all_are_a_bundle(store: DatabaseStore, folder: Path) -> None:
    lines = [json.loads(line) for line in run(folder, "patient", *ONE, "--json", said=NUMBER).stdout.splitlines()]
    bundle = json.loads(run(folder, "patient", *ONE, "--fhir", said=NUMBER).stdout)

    assert [(event["resourceType"], event["id"]) for event in lines] == [
        ("AuditEvent", "1"),
        ("AuditEvent", "4"),
        ("AuditEvent", "5"),
    ]
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["1", "4", "5", "6"]  # and the first extract
    assert [finding for finding in check(bundle) if finding.severity == "error"] == []
    assert "p2" not in json.dumps(lines)


def test_a_write_that_was_never_answered_is_shown_with_an_outcome_that_is_not_known(store: DatabaseStore, folder: Path) -> None:
    trail = Trail("w1", "PUT", NOW, route="", caller=Caller(HOSPITAL, (HOSPITAL,), client="epj-1", numbers=(HOSPITAL,)))
    trail.asked("Task", "t9")
    task = {"resourceType": "Task", "id": "t9", "status": "requested", "intent": "order", "for": {"reference": "Patient/p9"}}
    with store.write() as unit:
        unit.await_audit(trail.records()[0])
        unit.put(HOSPITAL, [Draft("Task", "t9", index(task), lambda *_: json.dumps(task).encode())], NOW)
    store.append_audit([], [], NOW + timedelta(minutes=5))

    shown = run(folder, "patient", *ONE, "--id", said="p9").stdout
    assert re.split(r"\s{2,}", shown.splitlines()[1].strip())[1:] == [
        *("epj-1", HOSPITAL, "annet: Task/t9", "ikke oppgitt", "ukjent: tjenesten stoppet")
    ]
    assert run(folder, "patient", *ONE, "--id", "--json", said="p9").stdout.count('"AuditEvent"') == 2  # and the first extract


def test_a_patient_can_be_named_by_id(store: DatabaseStore, folder: Path) -> None:
    assert "2 oppføringer" in run(folder, "patient", *ONE, "--id", said="p1").stdout
    assert "1 oppføringer" in run(folder, "patient", "--organisation", OTHER, "--id", said="p1").stdout
    assert "0 oppføringer" in run(folder, "patient", *ONE, "--id", said="nobody").stdout


@pytest.mark.parametrize("said", ["", "13129250000", "abc", NUMBER[:-1]])
def test_what_is_no_national_number_is_refused_and_not_repeated(store: DatabaseStore, folder: Path, said: str) -> None:
    ended = run(folder, "patient", *ONE, said=said)

    assert ended.returncode == 1
    assert "fødselsnummer" in ended.stderr
    assert not said or said not in ended.stdout + ended.stderr


def test_of_several_organisations_one_is_to_be_named_and_a_known_one(store: DatabaseStore, folder: Path) -> None:
    for arguments in ([], ["--organisation", "999999999"]):
        ended = run(folder, "patient", *arguments, said=NUMBER)

        assert (ended.returncode, HOSPITAL in ended.stderr, ended.stdout) == (1, True, "")


def test_a_number_is_never_taken_as_an_argument(folder: Path) -> None:
    assert run(folder, "patient", NUMBER).returncode == 1
