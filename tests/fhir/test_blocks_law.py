"""That nothing of a patient shows to whom they have blocked is a law, asked in many ways by chance.

Every search (chains, includes, totals, pages) of a caller who is blocked is, byte for byte, the search of a database in which the
patient never was.
"""

from __future__ import annotations

import json
import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapter.fhir.links import unseal
from adapter.storage import DatabaseStore, open_store
from tests.fhir import world
from tests.fhir.test_blocks import ENH, UNIT, Json, block
from tests.fhir.world import FNR, HOSPITAL, NUMBER, found
from tests.stores import with_tables

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))


def graph(seed: int) -> list[tuple[str, str, str, Json]]:
    """Resources of three patients and of nobody that refer to each other: whose, type, id, body."""
    chance = random.Random(seed)
    numbers = {"p1": NUMBER, "p2": "07868399999", "p3": "15878999994"}
    orgs: list[tuple[str, str, str, Json]] = [
        ("", "Organization", f"o{n}", {"name": f"Sykehus {n}", "partOf": {"reference": f"Organization/o{n - 1}"}})
        for n in (1, 2, 3)
    ]
    made: list[tuple[str, str, str, Json]] = list(orgs)
    for whose, number in numbers.items():
        identifier = [{"system": FNR, "value": number}]
        body: Json = {
            "identifier": identifier,
            "name": [{"family": f"Navn {whose}"}],
            "managingOrganization": {"reference": "Organization/o1"},
        }
        made.append((whose, "Patient", whose, body))
        subject = {"reference": f"Patient/{whose}"}
        made.append((whose, "CarePlan", f"{whose}-plan", {"status": "active", "intent": "plan", "subject": subject}))
        made.append((whose, "EpisodeOfCare", f"{whose}-e", {"status": "active", "patient": subject}))
        for n in range(9):
            person = chance.choice([subject, {"identifier": identifier[0]}])
            before = f"{whose}-t{max(n - 1, 0)}"
            task: Json = {"status": chance.choice(["draft", "requested"]), "intent": "order", "for": person}
            task["owner"] = {"reference": f"Organization/o{chance.randrange(1, 4)}"}
            task["focus"] = {"reference": chance.choice([f"CarePlan/{whose}-plan", f"Task/{before}"])}
            task["partOf"] = [{"reference": f"Task/{before}"}]
            task["authoredOn"] = f"2026-05-{chance.randrange(1, 29):02}"
            made.append((whose, "Task", f"{whose}-t{n}", task))
            targets: list[Json] = [{"reference": f"Task/{whose}-t{n}"}, subject]
            made.append((whose, "Provenance", f"{whose}-w{n}", {"target": targets, "recorded": "2026-05-01T08:00:00Z"}))
    made.append(("p1", "Consent", "c1", block("p1", (ENH, UNIT))))
    made.append(("p2", "Consent", "c2", block("p2", (ENH, "319900102"))))
    made.append(("p3", "Consent", "c3", block("p3", (ENH, UNIT), status="entered-in-error")))
    return made


def filled(folder: Path, name: str, without: str = "") -> DatabaseStore:
    store = open_store(with_tables(folder / f"{name}.db"))
    with store.write() as unit:
        for number, (whose, type, id, body) in enumerate(graph(SEED)):
            if not whose or whose != without:
                said = {key: value for key, value in body.items() if key != "resourceType"}
                unit.put(HOSPITAL, [world.draft(type, id, said)], world.BEGAN + timedelta(minutes=number // 3))
    return store


QUESTIONS: dict[str, list[tuple[str, str]]] = {
    "Task": [
        ("patient", "Patient/p1"),
        ("patient", "p2"),
        ("patient.family", "navn"),
        ("patient.identifier", f"{FNR}|{NUMBER}"),
        ("patient:identifier", f"{FNR}|{NUMBER}"),
        ("subject:Patient.organization.name", "sykehus"),
        ("owner.name", "sykehus 2"),
        ("owner:Organization.partof.name", "sykehus"),
        ("focus:CarePlan.subject:Patient.family", "navn"),
        ("part-of:Task.status", "draft"),
        ("_has:Task:part-of:status", "draft"),
        ("_has:Provenance:target:recorded", "ge2026"),
        ("patient._has:CarePlan:patient:status", "active"),
        ("status", "draft,requested"),
        ("status:not", "draft"),
        ("patient:missing", "false"),
        ("authored-on", "ge2026-05-10"),
    ],
    "Patient": [
        ("family", "navn"),
        ("organization.name", "sykehus 1"),
        ("identifier", f"{FNR}|"),
        ("_id", "p1,p2"),
        ("_has:Task:patient:status", "draft"),
        ("_has:Task:patient:owner.name", "sykehus 2"),
        ("_has:CarePlan:patient:_has:Task:focus:status", "requested"),
        ("_has:Consent:patient:status", "active"),
    ],
    "Organization": [
        ("name", "sykehus"),
        ("_id", "o1,o2"),
        ("partof.name", "sykehus"),
        ("_has:Patient:organization:family", "navn p1"),
        ("_has:Task:owner:patient.family", "navn p1"),
    ],
    "Consent": [("status", "active"), ("actor:identifier", f"{ENH}|{UNIT}"), ("patient.family", "navn"), ("patient", "p1")],
    "CarePlan": [("subject:Patient.family", "navn"), ("status", "active"), ("_has:Task:focus:status", "draft")],
}
RESULTS: dict[str, list[tuple[str, str]]] = {
    "Task": [
        ("_include", "Task:patient"),
        ("_include", "Task:focus"),
        ("_include:iterate", "Task:part-of"),
        ("_include:iterate", "CarePlan:subject"),
        ("_include:iterate", "Patient:organization"),
        ("_revinclude", "Provenance:target"),
        ("_revinclude:iterate", "Task:part-of"),
    ],
    "Patient": [("_revinclude", "Task:patient"), ("_revinclude", "Consent:patient"), ("_revinclude", "EpisodeOfCare:patient")],
    "Organization": [
        ("_revinclude", "Task:owner"),
        ("_revinclude", "Patient:organization"),
        ("_revinclude:iterate", "Task:patient"),
    ],
    "Consent": [("_include", "Consent:patient"), ("_include:iterate", "Patient:organization")],
    "CarePlan": [("_include", "CarePlan:subject"), ("_revinclude", "Task:focus"), ("_revinclude:iterate", "Provenance:target")],
}
GIVEN = [
    ("_total", "accurate"),
    ("_total", "none"),
    ("_summary", "count"),
    ("_count", "3"),
    ("_count", "1"),
    ("_sort", "-authored-on"),
]


def asked(chance: random.Random) -> tuple[str, list[tuple[str, str]]]:
    type = chance.choice([*QUESTIONS])
    given = dict(chance.sample([one for one in GIVEN if one[0] != "_sort" or type == "Task"], 2))
    pairs = chance.sample(QUESTIONS[type], chance.choice([0, 1, 1, 2])) + chance.sample(RESULTS[type], chance.choice([0, 1, 2]))
    return type, pairs + [one for one in given.items() if chance.random() < 0.5]


def test_every_search_of_who_is_blocked_is_that_of_a_database_in_which_the_patient_never_was(tmp_path: Path) -> None:
    """All pages, as they would be sent, links and totals with them."""
    whole, never = filled(tmp_path, "whole"), filled(tmp_path, "never", without="p1")
    seen, chance, differed = whole.seen_by([HOSPITAL], [UNIT]), random.Random(SEED), 0
    for _ in range(250):
        type, pairs = asked(chance)
        first = pages(seen, type, pairs)
        assert first == pages(never, type, pairs), (SEED, type, pairs)
        differed += first != pages(whole, type, pairs)
    whole.close()
    never.close()
    assert differed > 60


def pages(store: Any, type: str, pairs: list[tuple[str, str]]) -> list[str]:
    bundles = []
    while True:
        said = json.dumps(bundle := found(store, type, pairs, private=True))
        after = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), "")
        for sealed in {value for one in (pairs, parse_qsl(urlsplit(after).query)) for name, value in one if name == "_page"}:
            place = unseal(world.KEY, world.visit(store).caller.mark, sealed, world.BEGAN)
            said = said.replace(sealed, f"{len(sealed)} {place}")  # no two are alike, as they are encrypted
        bundles.append(said)
        if not after:
            return bundles
        pairs = parse_qsl(urlsplit(after).query, keep_blank_values=True)


def test_the_law_would_notice(tmp_path: Path) -> None:
    """Whoever is not blocked sees the patient: in the very same questions the answers differ."""
    whole, never = filled(tmp_path, "whole"), filled(tmp_path, "never", without="p1")
    other = whole.seen_by([HOSPITAL], ["319900102"])

    assert pages(other, "Task", [("patient", "p1")]) != pages(never, "Task", [("patient", "p1")])
    assert pages(other, "Task", [("patient", "p2")]) != pages(never, "Task", [("patient", "p2")])  # p2 has blocked that one
    whole.close()
    never.close()
