"""The sandbox as it is started: the patients' ways through their pathways, phase by phase, as the national guide has them.

Expectations are made by hand. The phases are those of the national diagram, with FHIR's status for each: referred (planned), right
granted (waitlist), assessment, planning, treatment and closing (active), closed or followed up in the municipality (finished),
right refused (cancelled). Days are the walks' own, counted from the referral; the limits of 2019 are the national tables': D11 and
D12 42 days for a decision, for one after extended assessment and for a first evaluation, 84 for the next; D01 21, unknown, 7 and
56, and 3 from detoxification. For 2025 none of these is known.
"""

from __future__ import annotations

import html
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from os import killpg
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from adapter.domain import persons
from adapter.sandbox.handing_over import NUMBERS
from adapter.sandbox.walking import Stumbled, document, message, play, referral
from adapter.sandbox.walks import WALKS, Registers, Walk
from mappings.times import OSLO
from tests import xsd
from tests.house.processes import STAFETT, clean_environment, free_ports, running, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

BY_NAME = {walk.name: walk for walk in WALKS}
WHOLE = [
    *("referred", "waiting", "basic-assessment", "extended-assessment"),
    *("planning", "treatment", "closing", "municipal-follow-up"),
]
MENTAL = [("planned", 0, 6), ("waitlist", 6, 20), ("active", 20, 288)]
SUBSTANCE = [("planned", 0, 4), ("waitlist", 4, 15), ("active", 15, 170)]
CALENDAR = ("date-limit", "decision", "extended-decision", "first-evaluation", "next-evaluation", "detox-to-treatment")


@dataclass(frozen=True)
class Sandbox:
    fhir: httpx.Client
    hub: httpx.Client
    others: dict[str, httpx.Client]
    screen: str
    folder: Path
    today: date

    def all(self, type: str, **asked: str) -> list[dict[str, Any]]:
        bundle = self.fhir.get(f"/fhir/{type}", params={**asked, "_count": "200"}).raise_for_status().json()
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def pathway(self, name: str) -> dict[str, Any]:
        (referral,) = self.all("ServiceRequest", identifier=f"urn:ietf:rfc:3986|urn:uuid:{document(BY_NAME[name])}")
        (episode,) = self.all("EpisodeOfCare", **{"incoming-referral": referral["id"]})
        return episode

    def day(self, name: str, on: str) -> int:
        """A date as the walk counts it."""
        return (date.fromisoformat(on[:10]) - (self.today - timedelta(days=BY_NAME[name].ago))).days

    def tasks(self, name: str) -> list[dict[str, Any]]:
        return self.all("Task", **{"group-identifier": f"urn:ietf:rfc:3986|urn:uuid:{self.pathway(name)['id']}"})


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    port, log, today = free_ports(4), folder / "log", datetime.now(OSLO).date()
    with running([sys.executable, "-m", "adapter.sandbox.run", "--port", str(port)], folder, log) as process:
        wait_for(lambda: b"Ctrl-C ends it." in log.read_bytes(), process, 120)
        screen = log.read_text("utf-8")
        where = Path(re.findall(r"gone when it ends +(\S+)", screen)[0])
        with ExitStack() as stack:
            clients = [
                stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port + place}", trust_env=False, timeout=20))
                for place in range(4)
            ]
            fhir, hub, specialist, municipality = clients
            yield Sandbox(fhir, hub, {"specialist": specialist, "municipality": municipality}, screen, where, today)
        killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0


def extension(resource: dict[str, Any], name: str) -> Any:
    return next(
        (v for e in resource.get("extension", []) if e["url"].endswith(f"/{name}") for k, v in e.items() if k != "url"), None
    )


def kind(task: dict[str, Any]) -> str:
    """Which limit or duty a Task is."""
    if rule := extension(task, "limit-source"):
        return str(next(part["valueString"] for part in rule if part["url"] == "rule").rpartition("/")[2])
    return str(task["code"]["coding"][0]["code"])


@pytest.mark.parametrize(
    ("name", "phases", "statuses"),
    [
        *((name, WHOLE, MENTAL) for name in ("adult-2019", "adult-2025", "child-2019", "child-2025")),
        *((name, WHOLE, SUBSTANCE) for name in ("substance-use-2019", "substance-use-2025")),
        ("adult-refused", ["referred", "refused"], [("planned", 0, 5)]),
        ("child-overdue", [*WHOLE[:3], "planning", "treatment"], [("planned", 0, 4), ("waitlist", 4, 15)]),
        ("child-handed-over", [*WHOLE[:3], "planning", "treatment"], [("planned", 0, 6), ("waitlist", 6, 20)]),
        ("adult-waiting", ["referred", "waiting"], [("planned", 0, 5)]),
    ],
)
def test_each_phase_is_reached_and_each_status_has_its_days(
    sandbox: Sandbox, name: str, phases: list[str], statuses: list[tuple[str, int, int]]
) -> None:
    episode = sandbox.pathway(name)
    versions = sandbox.fhir.get(f"/fhir/EpisodeOfCare/{episode['id']}/_history?_count=100").json()["entry"]
    seen = [extension(entry["resource"], "pathway-phase") for entry in reversed(versions)]
    past = [one for one in episode["statusHistory"] if "end" in one["period"]]

    assert list(dict.fromkeys(seen)) == phases
    assert [
        (one["status"], sandbox.day(name, one["period"]["start"]), sandbox.day(name, one["period"]["end"])) for one in past
    ] == statuses
    ends = {"municipal-follow-up": "finished", "refused": "cancelled", "treatment": "active", "waiting": "waitlist"}
    assert episode["status"] == ends[phases[-1]] == BY_NAME[name].status
    assert extension(episode, "rule-version") == BY_NAME[name].rules


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        (
            "adult-2019",
            [
                ("date-limit", 6, 60, "met"),
                ("decision", 20, 62, "met"),
                ("extended-decision", 55, 97, "met-late"),
                ("first-evaluation", 104, 146, "met"),
                ("next-evaluation", 140, 224, "met"),
                ("next-evaluation", 215, 299, "cancelled"),
            ],
        ),
        (
            "substance-use-2019",
            [
                ("date-limit", 4, 30, "met"),
                ("decision", 15, 36, "met"),
                ("detox-to-treatment", 24, 27, "met"),
                ("first-evaluation", 60, 67, "met"),
                ("next-evaluation", 66, 122, "met-late"),
                ("next-evaluation", 125, 181, "cancelled"),
            ],
        ),
        (
            "child-overdue",
            [
                ("date-limit", 4, 45, "met"),
                ("decision", 15, 57, "met-late"),
                ("first-evaluation", 70, 112, "overdue"),
            ],
        ),
        ("adult-waiting", [("date-limit", 5, 25, "due-soon")]),
        ("adult-2025", [("date-limit", 6, 60, "met")]),
        ("substance-use-2025", [("date-limit", 4, 30, "met")]),
    ],
)
def test_the_time_limits_run_and_stand_as_the_tables_say(
    sandbox: Sandbox, name: str, limits: list[tuple[str, int, int, str]]
) -> None:
    found = []
    for task in sandbox.tasks(name):
        if kind(task) in CALENDAR:
            period = task["restriction"]["period"]
            stands = "cancelled" if task["status"] == "cancelled" else task["businessStatus"]["coding"][0]["code"]
            found.append((kind(task), sandbox.day(name, period["start"]), sandbox.day(name, period["end"]), stands))

    assert sorted(found, key=lambda limit: limit[1:3]) == limits


def test_what_the_patient_put_off_is_marked_as_the_patients(sandbox: Sandbox) -> None:
    tasks = {kind(task): task for task in sandbox.tasks("child-overdue")}
    (put_off,) = sandbox.all("Observation", code="urn:oid:2.16.578.1.12.4.1.1.9322|L")

    assert extension(tasks["decision"], "patient-caused") == {"reference": f"Observation/{put_off['id']}"}
    assert extension(tasks["first-evaluation"], "patient-caused") is None


def test_the_service_itself_registers_what_an_answer_causes(sandbox: Sandbox) -> None:
    def registered(name: str) -> set[tuple[str, int]]:
        focus = f"EpisodeOfCare/{sandbox.pathway(name)['id']}"
        events = sandbox.all("Observation", focus=focus)
        codes = ((e["code"]["coding"][0]["code"], e.get("valueCodeableConcept"), e["effectiveDateTime"]) for e in events)
        return {(code + (value["coding"][0]["code"] if value else ""), sandbox.day(name, on)) for code, value, on in codes}

    def said(walk: Walk) -> set[tuple[str, int]]:
        return {(step.code, step.day) for step in walk.steps if isinstance(step, Registers)}

    assert registered("adult-2025") - said(BY_NAME["adult-2025"]) == {("A", 6)}  # right granted on day 6: the start
    assert registered("adult-refused") - said(BY_NAME["adult-refused"]) == {("XR", 5)}
    assert registered("adult-2019") == said(BY_NAME["adult-2019"])


def test_the_referrer_hears_of_each_assessment_over_the_hub(sandbox: Sandbox) -> None:
    sent = [m for m in sandbox.hub.get("/sandbox/messages").json()["messages"] if m["type"] == "DIALOG_STATUS_HENVISNING"]
    documents = {m["id"]: sandbox.hub.get(f"/sandbox/messages/{m['id']}/document").content for m in sent}
    mentioned = {walk.name: [d for d in documents.values() if message(walk).encode() in d] for walk in WALKS}

    assert {name: len(found) for name, found in mentioned.items()} == dict.fromkeys(BY_NAME, 1)
    assert b"Tilstanden kan behandles i kommunen." in mentioned["adult-refused"][0]


def test_the_pages_show_them_with_what_is_overdue_first(sandbox: Sandbox) -> None:
    opened, _, closed = sandbox.fhir.get("/pathways").text.partition("Closed pathways")
    ended = {name for name in BY_NAME if BY_NAME[name].status in ("finished", "cancelled")}
    ids = {name: sandbox.pathway(name)["id"] for name in BY_NAME}

    # the municipality has not answered for adult-waiting: stuck; then what is due first
    assert re.findall(r"/pathways/([0-9a-f-]{36})", opened)[:2] == [ids["adult-waiting"], ids["child-overdue"]]
    assert {name for name, id in ids.items() if f"/pathways/{id}" in closed} == ended
    assert not {ids[name] for name in ended} & set(re.findall(r"/pathways/([0-9a-f-]{36})", opened))
    told = html.unescape(sandbox.fhir.get(f"/pathways/{ids['adult-2025']}").text)  # by the rules of 2025: no length is known
    assert "? Ukjent frist" in told
    assert "Clinical decision: no deadline, since the time limit from first attendance (M) is unknown." in told
    for name, id in ids.items():
        assert f"/pathways/{id}" in sandbox.screen, name
        picture = etree.fromstring(sandbox.fhir.get(f"/pathways/{id}/timeline.svg").content)
        flags = [g for g in picture.iter("{http://www.w3.org/2000/svg}g") if g.get("class") == "event"]
        assert len(flags) >= sum(isinstance(step, Registers) for step in BY_NAME[name].steps)


def assigned(server: httpx.Client, pathway: str) -> list[dict[str, Any]]:
    """The assignments of a pathway at a server, in the order that they were asked."""
    codes = "assign-coordinator", "handover-coordinator"
    asked = {
        "group-identifier": f"urn:ietf:rfc:3986|urn:uuid:{pathway}",
        "code": ",".join(f"https://stafett.invalid/fhir/CodeSystem/coordination-task|{code}" for code in codes),
    }
    bundle = server.get("/fhir/Task", params=asked).raise_for_status().json()
    found = [entry["resource"] for entry in bundle.get("entry", [])]
    return sorted(found, key=lambda task: str(task["authoredOn"]))


def told(task: dict[str, Any]) -> tuple[str, str, str]:
    number = task["owner"]["identifier"]["value"]
    return task["code"]["coding"][0]["code"], "Vågå" if number == NUMBERS["municipality"] else "hospital", task["status"]


def test_an_assignment_goes_across_two_servers_with_a_no_a_yes_a_name_and_a_hand_over(sandbox: Sandbox) -> None:
    id = sandbox.pathway("child-handed-over")["id"]
    mirror = assigned(sandbox.fhir, id)
    theirs = {side: assigned(server, id) for side, server in sandbox.others.items()}

    # Vågå's own page: under 16 the health station; it said no, so the coordinating unit
    assert sorted(map(told, mirror)) == [
        ("assign-coordinator", "Vågå", "completed"),
        ("assign-coordinator", "Vågå", "rejected"),
        ("assign-coordinator", "hospital", "completed"),
        ("handover-coordinator", "Vågå", "completed"),
    ]
    assert sorted(map(told, theirs["specialist"])) == sorted(map(told, mirror))
    assert sorted(map(told, theirs["municipality"])) == sorted(told(task) for task in mirror if told(task)[1] == "Vågå")
    keys = [{task["identifier"][0]["value"] for task in tasks} for tasks in (mirror, *theirs.values())]
    assert keys[0] == keys[1] > keys[2]
    ids = [task["id"] for tasks in (mirror, *theirs.values()) for task in tasks]
    assert len(ids) == len(set(ids))  # each server gives its own


def test_the_team_is_the_same_at_both_servers_and_the_periods_meet(sandbox: Sandbox) -> None:
    episode = sandbox.pathway("child-handed-over")
    (team,) = sandbox.all("CareTeam", _id=episode["team"][0]["reference"].split("/")[1])
    key = {"identifier": f"urn:ietf:rfc:3986|{team['identifier'][0]['value']}"}

    def who(found: dict[str, Any]) -> list[tuple[str, str, int, int | None]]:
        people = {f"#{one['id']}": one["practitioner"]["display"] for one in found["contained"] if "practitioner" in one}
        return [
            (
                one["role"][0]["coding"][0]["code"].partition("-")[0],
                people[one["member"]["reference"]],
                sandbox.day("child-handed-over", one["period"]["start"]),
                sandbox.day("child-handed-over", one["period"]["end"]) if "end" in one["period"] else None,
            )
            for one in found["participant"]
        ]

    # since the day that each said yes; the old period ends where the new begins
    assert sorted(who(team)) == [
        ("municipal", "Prøve Kommuneli", 12, 61),
        ("municipal", "Prøve Overtaksen", 61, None),
        ("specialist", "Prøve Forløpsvik", 7, None),
    ]
    for server in sandbox.others.values():
        (entry,) = server.get("/fhir/CareTeam", params=key).json()["entry"]
        assert sorted(who(entry["resource"])) == sorted(who(team))
    assert episode["careManager"]["display"] == "Prøve Forløpsvik"


def test_nothing_clinical_and_no_name_of_the_patient_came_to_the_municipality(sandbox: Sandbox) -> None:
    server = sandbox.others["municipality"]
    everything = "".join(server.get(f"/fhir/{type}?_count=200").text for type in ("Task", "CareTeam"))

    assert [walk.person.family for walk in WALKS if walk.person.family in everything] == []
    for type in ("Patient", "Observation", "ServiceRequest", "Condition", "CarePlan", "EpisodeOfCare"):
        assert server.get(f"/fhir/{type}").json()["total"] == 0, type


def test_a_municipality_that_is_down_is_caught_up_with_when_it_is_back(sandbox: Sandbox) -> None:
    server = sandbox.others["municipality"]
    id = sandbox.pathway("adult-waiting")["id"]
    (asked,) = (task for task in assigned(server, id) if told(task)[1] == "Vågå")
    server.post("/sandbox/faults", json={"mode": "down"}).raise_for_status()
    answer = {"task": asked["id"], "move": "accept"}  # its people work on, behind the line that is down
    assert server.post("/sandbox/answers", json=answer).status_code == 303
    time.sleep(1.5)
    silent = [told(task)[2] for task in assigned(sandbox.fhir, id) if told(task)[1] == "Vågå"]
    server.post("/sandbox/faults", json={"mode": "well"}).raise_for_status()
    patience = time.monotonic() + 60
    while ("assign-coordinator", "Vågå", "accepted") not in map(told, assigned(sandbox.others["specialist"], id)):
        assert time.monotonic() < patience
        time.sleep(0.2)

    assert silent == ["requested"]
    page = html.unescape(sandbox.fhir.get(f"/pathways/{id}").text)
    assert "has said yes" in page


def timeline(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    return command(sandbox, "timeline", *words)


def command(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    """As in another terminal, with the configuration that the screen names."""
    (settings,) = re.findall(r"export STAFETT_CONFIG=(\S+)", sandbox.screen)
    environment = clean_environment(STAFETT_CONFIG=settings, NO_COLOR="1")
    return subprocess.run([STAFETT, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_shows_a_pathway_by_the_beginning_of_its_id(sandbox: Sandbox, tmp_path: Path) -> None:
    id = sandbox.pathway("child-overdue")["id"]
    shown, picture = timeline(sandbox, id[:13]), tmp_path / "timeline.svg"
    drawn = timeline(sandbox, id, "--svg", str(picture))
    due = sandbox.today - timedelta(days=125 - 112)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[0] == "D12 Utredning og behandling i psykisk helsevern, barn og unge · regelsett 2019"
    assert re.search(rf"Første evaluering .*▲ Frist brutt\n +\S+ – {due} .*13 dager over\n", shown.stdout)
    assert (drawn.returncode, drawn.stdout, drawn.stderr) == (0, "", "")
    assert etree.fromstring(picture.read_bytes()).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_command_line_finds_the_sandbox_by_the_configuration_that_the_screen_names(sandbox: Sandbox) -> None:
    refold, doctor, figures = command(sandbox, "refold", "--check"), command(sandbox, "doctor"), command(sandbox, "indicators")

    assert (refold.returncode, refold.stdout, refold.stderr) == (0, "", "0 differ / avviker\n")
    assert (doctor.returncode, re.findall(r"(?m)^(?:WARNING|ERROR).*", doctor.stdout)) == (0, [])
    assert (figures.returncode, figures.stderr) == (0, "")


def test_the_command_line_says_when_the_id_is_none_or_not_enough(sandbox: Sandbox, tmp_path: Path) -> None:
    none, several = timeline(sandbox, "nothing"), timeline(sandbox, "")
    nowhere = timeline(sandbox, sandbox.pathway("adult-2019")["id"], "--svg", str(tmp_path / "no" / "such.svg"))

    assert (none.returncode, none.stderr) == (1, "There is no such pathway.\n  Forløpet finnes ikke.\n")
    assert (several.returncode, several.stderr.splitlines()[0]) == (1, "Several pathways begin so: give more of the id.")
    assert (nowhere.returncode, nowhere.stderr.splitlines()[0].endswith(": check its name and rights")) == (1, True)


@xsd.needs_standards
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.name)
def test_the_walks_referrals_are_valid_and_of_nobody(walk: Walk) -> None:
    assert xsd.faults("henvisning-2.0", referral(walk, date(2026, 5, 11))) == []
    assert persons.synthetic(walk.person.number)
    assert f"{persons.birth(walk.person.number)}" == walk.person.born
    assert int(walk.person.number[8]) % 2 == int(walk.person.sex) % 2  # odd for men


def test_a_step_that_is_refused_is_told_with_its_reason(sandbox: Sandbox, tmp_path: Path) -> None:
    walk = Walk("stumbling", "D11", "2025", "8000101", BY_NAME["adult-2025"].person, 0, "", (Registers(0, "CP", "planning"),))

    with pytest.raises(Stumbled, match=r"stumbling: Registers.* was answered 422: .*C") as told:
        for _ in play([walk], sandbox.fhir, sandbox.hub, tmp_path / "clock", sandbox.today):
            pass
    assert "208" in str(told.value) or "first attendance" in str(told.value).lower()
