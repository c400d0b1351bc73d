"""Events of a pathway over HTTP: which are taken in and what follows, and which are refused, with nothing half-written.

The clock stands at 2026-06-01. Pathways that begin in 2024 follow the rules of 2019, whose limits are known: outpatients have 42
days from M to C and from C to E1, and 84 between evaluations. Numbers are those of Volven 9329.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fhir.epj import ENH, OID, OUTCOME, URI, Epj, codes, component, concept, rules
from tests.fhir.made import FNR, issues
from tests.http.real import real_service
from tests.http.service import Service

CODE = "Observation.code"
GOING = (("D11A", "2024-03-01"), ("D11M", "2024-03-20"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with real_service(tmp_path_factory.mktemp("pathways")) as service:
        yield service


@pytest.fixture
def epj(running: Service) -> Epj:
    return Epj(running)


# what is taken in


def test_an_a_opens_a_pathway_and_each_event_takes_it_further(epj: Epj) -> None:
    pathway = epj.register(("D11A", "2024-03-01"))
    assert (epj.episode(pathway)["status"], epj.phase(pathway)) == ("planned", "referred")

    phases = []
    for code, on in [("D11M", "2024-03-20"), ("D11CU", "2024-04-20"), ("D11CP", "2024-05-20"), ("D11HK", "2024-09-01")]:
        epj.register((code, on))
        phases.append(epj.phase(pathway))
    epj.register(("D11XG", "2024-09-02"))

    assert phases == ["basic-assessment", "extended-assessment", "planning", "closing"]
    assert (epj.episode(pathway)["status"], epj.phase(pathway)) == ("finished", "municipal-follow-up")
    assert epj.episode(pathway)["period"] == {"start": "2024-03-01", "end": "2024-09-02"}


def test_the_stored_event_has_the_addresses_of_its_pathway_and_patient(epj: Epj) -> None:
    pathway = epj.register(*GOING)

    for event in epj.events():
        assert event["focus"] == [{"reference": f"EpisodeOfCare/{pathway}"}]
        assert event["subject"] == {"identifier": {"system": FNR, "value": epj.number}, "reference": f"Patient/{epj.patient}"}


def test_a_deadline_is_a_task_that_its_event_meets(epj: Epj) -> None:
    """42 days from 20 March 2024 is 1 May: V5's rule."""
    care = component("care-level", "https://stafett.invalid/fhir/CodeSystem/care-level", "poliklinikk")
    first = epj.event("D11A", "2024-03-01")
    first["component"].append(care)
    epj.send(first).raise_for_status()
    pathway = epj.register(("D11M", "2024-03-20"))
    (task,) = epj.tasks(pathway, "C")
    assert (task["status"], task["restriction"]["period"]) == ("requested", {"start": "2024-03-20", "end": "2024-05-01"})

    epj.register(("D11CP", "2024-04-30"))

    (met,) = epj.tasks(pathway, "C")
    (evaluation,) = epj.tasks(pathway, "E")
    assert (met["id"], met["status"], met["businessStatus"]["coding"][0]["code"]) == (task["id"], "completed", "met")
    assert evaluation["restriction"]["period"] == {"start": "2024-04-30", "end": "2024-06-11"}


def test_only_what_changed_gets_a_new_version(epj: Epj) -> None:
    pathway = epj.register(*GOING)
    before = {task["id"]: task["meta"]["versionId"] for task in epj.tasks(pathway)}
    plan = epj.episode(pathway)["meta"]["versionId"]

    epj.register(("D11SM", "2024-04-02"))  # a meeting changes neither phase nor time limits

    assert {task["id"]: task["meta"]["versionId"] for task in epj.tasks(pathway)} == before
    assert epj.episode(pathway)["meta"]["versionId"] == plan


@pytest.mark.parametrize("combined", [False, True], ids=["9322", "9327"])
def test_an_event_is_the_same_whatever_form_its_code_has(epj: Epj, combined: bool) -> None:
    epj.register(*GOING, ("D11CP", "2024-04-20"))
    before = epj.counted()

    answer = epj.send(epj.event("D11CP", "2024-04-20", combined=combined))

    assert (answer.status_code, epj.counted()) == (200, before)


LISTS = ["http://helsedir.no/fhir/CodeSystem/no-kodeverk-", "https://finnkode.helsedirektoratet.no/adm/collections/", OID[8:]]


@pytest.mark.parametrize("list", LISTS, ids=["canonical", "page", "bare OID"])
def test_the_national_lists_may_go_by_any_of_their_names(epj: Epj, list: str) -> None:
    """What stands is the OID: https://github.com/HL7Norway/best-practice, codesystem.md."""
    epj.register(*GOING)
    decided = epj.event(
        "D11CP",
        "2024-04-20",
        code=concept(f"{list}9322", "C"),
        valueCodeableConcept=concept(f"{list}9323", "P"),
        component=[component("pathway-type", f"{list}9321", "D11")],
    )

    first = epj.send(decided)
    again = [
        epj.send(body) for body in (decided, epj.event("D11CP", "2024-04-20"), epj.event("D11CP", "2024-04-20", combined=True))
    ]
    amended = epj.put(first.json() | {"code": concept(f"{list}9322", "C")})

    assert (first.status_code, [one.status_code for one in again]) == (201, [200] * 3), first.text
    assert (first.json()["code"], first.json()["valueCodeableConcept"]) == (concept(f"{OID}9322", "C"), concept(f"{OID}9323", "P"))
    assert (amended.status_code, amended.json()["meta"]["versionId"]) == (200, "1")


def test_the_same_identifier_is_the_same_event_and_another_content_is_told_of(epj: Epj) -> None:
    own = [{"system": URI, "value": "urn:uuid:0F0E1C11-6f0c-4f1e-9d35-4c0b1a3c52a1"}]
    first = epj.send(epj.event("D11A", "2024-03-01", identifier=own))
    before = epj.counted()
    lower = [{"system": URI, "value": own[0]["value"].lower()}]

    for identifier in (own, lower):
        again = epj.send(epj.event("D11A", "2024-03-01", identifier=identifier), **OUTCOME)
        assert (again.status_code, [i["severity"] for i in again.json()["issue"]]) == (200, ["information"])
    other = epj.send(epj.event("D11A", "2024-03-02", identifier=own), **OUTCOME)

    assert first.status_code == 201
    assert (other.status_code, other.json()["issue"][0]["severity"]) == (200, "warning")
    assert issues(other) == [("duplicate", "Observation.identifier")]
    assert epj.counted() == before


def test_an_identifier_of_another_patients_event_is_not_taken_for_the_same(epj: Epj, running: Service) -> None:
    own = [{"system": "urn:epj", "value": epj.number}]
    epj.send(epj.event("D11A", "2024-03-01", identifier=own)).raise_for_status()
    other = Epj(running)

    answer = other.send(other.event("D11A", "2024-03-01", identifier=own))

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Observation.identifier")])


def test_several_outcomes_of_one_decision_mean_the_same_in_any_order(epj: Epj) -> None:
    epj.register(*GOING)
    further = {code: component("outcome", f"{OID}9323", code) for code in "PK"}
    first, again = epj.event("D11CP", "2024-04-20"), epj.event("D11CK", "2024-04-20")
    first["component"].append(further["K"])
    again["component"].append(further["P"])

    assert [epj.send(body).status_code for body in (first, again)] == [201, 200]


@pytest.mark.parametrize("mode", ["create", "update"])
def test_validate_judges_an_event_as_the_write_would(epj: Epj, mode: str) -> None:
    body = epj.event("D11C", "2024-04-20")  # without an outcome

    plain = epj.http.post("/fhir/Observation/$validate", json=body)
    judged = epj.http.post("/fhir/Observation/$validate", params={"mode": mode}, json=body)

    assert issues(plain) == [("informational", "")]
    assert ("invariant", "Observation") in issues(judged)


def test_an_event_that_closed_its_pathway_may_be_sent_again(epj: Epj) -> None:
    epj.register(*GOING, ("D11XP", "2024-04-20"))
    before = epj.counted()

    for code, on in [*GOING, ("D11XP", "2024-04-20")]:
        assert epj.send(epj.event(code, on)).status_code == 200

    assert epj.counted() == before


def test_parallel_pathways_of_other_types_are_told_of_and_let_in(epj: Epj) -> None:
    one = epj.register(("D11A", "2024-03-01"))

    answer = epj.send(epj.event("D01A", "2024-04-01"), **OUTCOME)

    assert (answer.status_code, rules(answer)) == (201, ["Volven 9329:224"])
    other = next(episode["id"] for episode in epj.pathways() if episode["id"] != one)
    assert any(issue["diagnostics"] == "Rule: Volven 9329:224" for issue in epj.findings(other))


def test_a_new_referral_opens_a_new_pathway_once_the_old_is_closed(epj: Epj) -> None:
    first = epj.register(*GOING, ("D11XG", "2024-04-20"))
    second = epj.register(("D11A", "2024-06-01"))

    assert first != second
    assert [epj.episode(id)["status"] for id in (first, second)] == ["finished", "planned"]


def test_the_findings_of_an_event_are_told_where_they_are_asked_for(epj: Epj) -> None:
    """No source has a limit for adult inpatients: deadlines.csv."""
    answer = epj.send(epj.event("D12A", "2024-03-01"), **OUTCOME)

    assert answer.status_code == 201
    assert rules(answer) == ["Volven 9329:216"]  # the patient was born in 1985
    assert issues(answer) == [("business-rule", CODE)]


# focus


def test_a_pathway_may_be_named_by_address_by_its_own_identifier_or_by_its_course(epj: Epj) -> None:
    course = {"system": URI, "value": "urn:uuid:7c9e6679-7425-40de-944b-e07fc1f90ae7"}
    opened = epj.send(epj.event("D11A", "2024-03-01", focus=[{"identifier": course}])).raise_for_status().json()
    pathway = opened["focus"][0]["reference"].removeprefix("EpisodeOfCare/")
    own = {"system": URI, "value": f"urn:uuid:{pathway}"}
    ways = [
        {"reference": f"EpisodeOfCare/{pathway}"},
        {"reference": f"{epj.service.base}/fhir/EpisodeOfCare/{pathway}"},
        {"identifier": own},
        {"identifier": course},
    ]

    for day, focus in enumerate(ways, 2):
        answer = epj.send(epj.event("D11SM", f"2024-04-{day:02}", typed=False, focus=[focus]))
        assert answer.status_code == 201, answer.text
        assert answer.json()["focus"][0]["reference"] == f"EpisodeOfCare/{pathway}"

    assert course in epj.episode(pathway)["identifier"]


def test_what_is_in_focus_must_be_a_pathway_of_that_patient_here(epj: Epj, running: Service) -> None:
    mine = epj.register(*GOING)
    theirs = Epj(running).register(("D11A", "2024-03-01"))
    plain = {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{epj.patient}"}}
    ordinary = epj.http.post("/fhir/EpisodeOfCare", json=plain).json()["id"]
    before = epj.counted()

    def place(**focus: Any) -> tuple[int, list[tuple[str, str]]]:
        answer = epj.send(epj.event("D11SM", "2024-04-02", focus=[focus]))
        return answer.status_code, issues(answer)

    unknown = (422, [("business-rule", "Observation.focus")])
    assert place(reference="EpisodeOfCare/none") == unknown
    assert place(reference=f"EpisodeOfCare/{ordinary}") == unknown
    assert place(reference=f"https://other.example/fhir/EpisodeOfCare/{mine}") == unknown
    assert place(identifier={"system": URI, "value": "urn:uuid:00000000-0000-4000-8000-000000000000"}) == unknown
    assert place(reference=f"EpisodeOfCare/{theirs}") == (422, [("business-rule", "Observation.subject")])
    assert epj.counted() == before


def test_without_focus_it_is_the_one_open_pathway_that_it_could_be_of(epj: Epj) -> None:
    epj.register(("D11A", "2024-03-01"), ("D01A", "2024-03-01"))

    of_either = epj.send(epj.event("D11SM", "2024-04-02", typed=False))
    of_one = epj.send(epj.event("D11SM", "2024-04-02"))
    of_none = epj.send(epj.event("D12SM", "2024-04-02"))

    assert (of_either.status_code, issues(of_either)) == (422, [("business-rule", "Observation.focus")])
    assert of_one.status_code == 201
    assert (of_none.status_code, issues(of_none)) == (422, [("business-rule", "Observation.focus")])


def test_the_patient_must_be_one_that_we_know(epj: Epj) -> None:
    nobody = {"identifier": {"system": FNR, "value": "21858999992"}}
    answers = [epj.send(epj.event("D11A", "2024-03-01", subject=one)) for one in (nobody, {"reference": "Patient/none"})]

    assert [(answer.status_code, issues(answer)) for answer in answers] == [(422, [("business-rule", "Observation.subject")])] * 2


# what is refused


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


BAD: dict[str, tuple[Any, list[tuple[str, str]], str]] = {
    "an event that 9322 has not": (
        lambda epj: epj.event("D11M", "2024-04-02", code=concept(f"{OID}9322", "Q")),
        [("code-invalid", "Observation.code"), ("code-invalid", "Observation.code.coding[0].code")],
        "pathway-event",
    ),
    "a combination that 9327 has not": (
        lambda epj: epj.event("D11UE", "2024-04-02", combined=True),
        [("code-invalid", "Observation.code"), ("code-invalid", "Observation.code.coding[0].code")],
        "pathway-event",
    ),
    "a code of another pathway": (
        lambda epj: epj.event("D06P", "2024-04-02", combined=True, focus=[{"reference": f"EpisodeOfCare/{epj.mine}"}]),
        [("business-rule", CODE)],
        "Volven 9321",
    ),
    "an event that the pathway has not": (
        lambda epj: epj.event("D11D", "2024-04-02"),
        [("business-rule", CODE)],
        "Volven 9329:201",
    ),
    "an outcome that the pathway has not": (
        lambda epj: epj.event("D11UE", "2024-04-02"),
        [("business-rule", CODE)],
        "Volven 9329:201",
    ),
    "before the start": (lambda epj: epj.event("D11SM", "2024-02-28"), [("business-rule", CODE)], "Volven 9329:106"),
    "in the future": (
        lambda epj: epj.event("D11SM", "2026-06-02"),
        [("business-rule", "Observation.effective")],
        "pathway-event",
    ),
    "known to the month": (lambda epj: epj.event("D11SM", "2024-04"), [("invariant", "Observation")], "event-7"),
    "without a date": (
        lambda epj: _without(epj.event("D11SM", "2024-04-02"), "effectiveDateTime"),
        [("required", "Observation.effective")],
        "pathway-event",
    ),
    "without an outcome": (lambda epj: epj.event("D11C", "2024-04-02"), [("invariant", "Observation")], "event-2"),
    "with an outcome that none is to be with": (
        lambda epj: epj.event("D11SM", "2024-04-02", code=concept(f"{OID}9322", "E")),
        [("invariant", "Observation")],
        "event-2",
    ),
    "an outcome of another event's list": (
        lambda epj: epj.event("D11SM", "2024-04-02", valueCodeableConcept=concept(f"{OID}9326", "M")),
        [("invariant", "Observation")],
        "event-3",
    ),
    "a second pathway of the type": (lambda epj: epj.event("D11A", "2024-04-02"), [("business-rule", CODE)], "I11"),
    "a decision before the first attendance": (
        lambda epj: epj.event("D11CP", "2024-03-10"),
        [("business-rule", CODE)],
        "Volven 9329:208",
    ),
    "an evaluation before a decision": (lambda epj: epj.event("D11E", "2024-04-02"), [("business-rule", CODE)], "Volven 9329:221"),
    "feedback before a decision": (lambda epj: epj.event("D11F", "2024-04-02"), [("business-rule", CODE)], "Volven 9329:222"),
    "an A of no type": (
        lambda epj: epj.event("D11A", "2024-04-02", typed=False),
        [("business-rule", "Observation.component")],
        "9321",
    ),
    "without who registers": (
        lambda epj: _without(epj.event("D11SM", "2024-04-02"), "performer"),
        [("required", "Observation.performer")],
        "pathway-event",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_it_is_refused_by_name_and_nothing_is_written(epj: Epj, what: str) -> None:
    make, expected, rule = BAD[what]
    epj.mine = epj.register(*GOING)
    before = epj.counted()

    answer = epj.send(make(epj))
    alone = epj.http.post("/fhir", json=_bundle("batch", make(epj)))
    together = epj.together([make(epj), epj.event("D11SM", "2024-04-03")])

    assert (answer.status_code, sorted(set(issues(answer)))) == (422, expected)
    assert any(rule in said for said in rules(answer)), rules(answer)
    assert alone.json()["entry"][0]["response"]["status"].startswith(str(answer.status_code))
    assert together.status_code == answer.status_code
    entry = "Bundle.entry[0].resource"
    assert sorted(set(issues(together))) == [(code, where.replace("Observation", entry)) for code, where in expected]
    assert epj.counted() == before


def test_nothing_comes_after_the_closing(epj: Epj) -> None:
    pathway = epj.register(*GOING, ("D11XP", "2024-04-20"))
    before = epj.counted()

    answer = epj.send(epj.event("D11SM", "2024-04-21", focus=[{"reference": f"EpisodeOfCare/{pathway}"}]))
    late = epj.send(epj.event("D11SM", "2024-04-10", focus=[{"reference": f"EpisodeOfCare/{pathway}"}]))

    assert (answer.status_code, issues(answer), rules(answer)) == (422, [("business-rule", CODE)], ["Volven 9329:225, 114"])
    assert late.status_code == 201  # it happened before, and is only told late
    assert before != epj.counted()


def test_a_third_decision_is_refused(epj: Epj) -> None:
    """V7: A, M, C(U), C(P), C(K)."""
    epj.register(*GOING, ("D11CU", "2024-04-01"), ("D11CP", "2024-05-01"))

    answer = epj.send(epj.event("D11CK", "2024-06-01"))

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", CODE)])
    assert "I6" in rules(answer)[0]


def test_a_type_that_the_rules_of_the_date_lack_names_the_override(epj: Epj) -> None:
    answer = epj.send(epj.event("D06A", "2026-03-01"))

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", CODE)])
    assert 'rule_set = "2019"' in answer.json()["issue"][0]["details"]["text"]
    assert epj.pathways() == []


# together


def test_an_a_opens_the_pathway_that_an_m_beside_it_means(epj: Epj) -> None:
    answer = epj.together([epj.event("D11CP", "2024-03-20"), epj.event("D11M", "2024-03-20"), epj.event("D11A", "2024-03-20")])

    assert answer.status_code == 200, answer.text
    (pathway,) = epj.pathways()
    assert {event["focus"][0]["reference"] for event in epj.events()} == {f"EpisodeOfCare/{pathway['id']}"}
    assert epj.phase(pathway["id"]) == "planning"
    assert pathway["meta"]["versionId"] == "1"  # folded once, for all of them


def test_a_transaction_brings_its_own_patient(running: Service, epj: Epj) -> None:
    urn = "urn:uuid:5e0f8a52-9d5b-4c57-8a3e-0c1c2f6d7e10"
    number = "28838540041"
    patient = {"resourceType": "Patient", "identifier": [{"system": FNR, "value": number}], "birthDate": "1985-03-28"}
    by_link = epj.event("D11A", "2024-03-01", subject={"reference": urn})
    by_number = epj.event("D11M", "2024-03-20", subject={"identifier": {"system": FNR, "value": number}})
    entries = [
        {"resource": by_number, "request": {"method": "POST", "url": "Observation"}},
        {"fullUrl": urn, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
        {"resource": by_link, "request": {"method": "POST", "url": "Observation"}},
    ]

    answer = running.http.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})

    assert answer.status_code == 200, answer.text
    whose = answer.json()["entry"][1]["response"]["location"].partition("/_history")[0]
    found = running.http.get("/fhir/EpisodeOfCare", params={"patient": whose}).json()
    assert [entry["resource"]["status"] for entry in found["entry"]] == ["active"]


@pytest.mark.parametrize("on", ["2024-05-01", "2024-05-02"], ids=["the same day", "the day after"])
def test_what_closes_one_pathway_and_opens_the_next_may_come_together(epj: Epj, on: str) -> None:
    first = epj.register(*GOING)

    answer = epj.together([epj.event("D11A", on), epj.event("D11XP", "2024-05-01")])

    assert answer.status_code == 200, answer.text
    assert sorted(one["status"] for one in epj.pathways()) == ["finished", "planned"]
    assert epj.episode(first)["status"] == "finished"


def test_the_same_event_twice_in_a_transaction_is_one(epj: Epj) -> None:
    epj.register(*GOING)
    meeting = epj.event("D11SM", "2024-04-02")

    answer = epj.together([meeting, {**meeting, "code": concept(f"{OID}9327", "D11SM")} | {"valueCodeableConcept": None}])
    assert answer.status_code == 400  # null is no FHIR
    answer = epj.together([meeting, epj.event("D11SM", "2024-04-02", combined=True)])

    first, second = (entry["response"] for entry in answer.json()["entry"])
    assert (first["status"][:3], second["status"][:3], first["location"]) == ("201", "200", second["location"])
    assert len(epj.events()) == 3


def test_what_refers_to_an_event_that_is_there_already_refers_to_that(epj: Epj) -> None:
    epj.register(*GOING)
    standing = next(event["id"] for event in epj.events() if codes(event) == ["M"])
    urn = "urn:uuid:5e0f8a52-9d5b-4c57-8a3e-0c1c2f6d7e11"
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": urn}],
        "recorded": "2024-03-20T10:00:00Z",
        "agent": [{"who": {"identifier": {"system": ENH, "value": "999977774"}}}],
    }
    entries = [
        {"fullUrl": urn, "resource": epj.event("D11M", "2024-03-20"), "request": {"method": "POST", "url": "Observation"}},
        {"resource": provenance, "request": {"method": "POST", "url": "Provenance"}},
    ]

    answer = epj.http.post(
        "/fhir",
        json={"resourceType": "Bundle", "type": "transaction", "entry": entries},
        headers={"Prefer": "return=representation"},
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["entry"][1]["resource"]["target"] == [{"reference": f"Observation/{standing}"}]


def test_the_answer_to_a_transaction_tells_the_findings_of_each_event(epj: Epj) -> None:
    body = _bundle("transaction", epj.event("D12A", "2024-03-01"))

    answer = epj.http.post("/fhir", json=body, headers=OUTCOME)

    (issue,) = answer.json()["entry"][0]["response"]["outcome"]["issue"]
    assert (issue["severity"], issue["expression"]) == ("warning", ["Bundle.entry[0].resource.code"])


def test_every_entry_of_a_batch_is_by_itself(epj: Epj) -> None:
    events = [epj.event("D11M", "2024-03-20"), epj.event("D11A", "2024-03-01"), epj.event("D11CP", "2024-04-20")]

    answer = epj.http.post("/fhir", json=_bundle("batch", *events))

    assert [entry["response"]["status"][:3] for entry in answer.json()["entry"]] == ["422", "201", "422"]


# amending and retracting


def _registered(epj: Epj, kind: str) -> dict[str, Any]:
    return next(event for event in epj.events() if codes(event) == [kind])


def test_a_retracted_event_is_as_if_it_had_not_been_and_the_history_says_why(epj: Epj) -> None:
    pathway = epj.register(*GOING, ("D11CP", "2024-04-20"))
    assert epj.phase(pathway) == "planning"

    answer = epj.put(_registered(epj, "M") | {"status": "entered-in-error"})

    assert answer.status_code == 200  # never refused, though C now lacks its M
    assert [issue["diagnostics"] for issue in epj.findings(pathway) if issue["severity"] == "error"] == ["Rule: Volven 9329:208"]
    epj.put(_registered(epj, "C") | {"status": "entered-in-error"})
    episode = epj.episode(pathway)
    assert (episode["status"], epj.phase(pathway)) == ("planned", "referred")
    assert [entry["status"] for entry in episode["statusHistory"]] == ["planned", "active", "planned"]
    assert "trukket tilbake" in episode["statusHistory"][-1]["extension"][0]["valueString"]


def test_an_event_is_retracted_by_patch_too_and_may_be_registered_again(epj: Epj) -> None:
    pathway = epj.register(*GOING)
    attended = _registered(epj, "M")

    patched = epj.http.patch(
        f"/fhir/Observation/{attended['id']}",
        json=[{"op": "replace", "path": "/status", "value": "entered-in-error"}],
        headers={"Content-Type": "application/json-patch+json"},
    )

    assert (patched.status_code, epj.phase(pathway)) == (200, "referred")
    assert epj.send(epj.event("D11M", "2024-03-20")).status_code == 201
    assert epj.phase(pathway) == "basic-assessment"
    assert len(epj.events("final")) == 2


def test_a_pathway_whose_only_event_was_a_mistake_was_one_itself(epj: Epj) -> None:
    pathway = epj.register(("D11A", "2024-03-01"))

    epj.put(_registered(epj, "A") | {"status": "entered-in-error"})

    assert epj.episode(pathway)["status"] == "entered-in-error"
    assert epj.register(("D11A", "2024-03-01")) == pathway
    assert epj.episode(pathway)["status"] == "planned"


def test_an_amended_event_is_judged_as_a_new_one_is(epj: Epj) -> None:
    pathway = epj.register(*GOING, ("D11CP", "2024-04-20"))
    before = epj.counted()

    late = epj.put(_registered(epj, "M") | {"effectiveDateTime": "2024-04-21"})
    ahead = epj.put(_registered(epj, "M") | {"effectiveDateTime": "2026-06-02"})
    assert (late.status_code, issues(late)) == (422, [("business-rule", CODE)] * 2)
    assert rules(late) == ["Volven 9329:208", "Volven 9329:211"]  # C lacks its M, and M comes after C
    assert (ahead.status_code, issues(ahead)) == (422, [("business-rule", "Observation.effective")])
    assert epj.counted() == before

    assert epj.put(_registered(epj, "C") | {"valueCodeableConcept": concept(f"{OID}9323", "K")}).status_code == 200
    assert epj.phase(pathway) == "closing"


def test_a_stored_event_is_not_moved_nor_made_something_else(epj: Epj, running: Service) -> None:
    other, another = Epj(running), epj.register(("D01A", "2024-03-01"))
    theirs = other.register(("D11A", "2024-03-01"))
    epj.register(*GOING)
    event = _registered(epj, "M")
    before = epj.counted()

    answers = [
        epj.put(event | {"focus": [{"reference": f"EpisodeOfCare/{theirs}"}]}),
        epj.put(event | {"focus": [{"reference": f"EpisodeOfCare/{another}"}]}),
        epj.put(event | {"subject": {"reference": f"Patient/{other.patient}"}}),
        epj.put(event | {"code": {"text": "samtale"}}),
    ]

    places = ["Observation.focus", "Observation.focus", "Observation.subject", "Observation.code"]
    assert [(one.status_code, issues(one)) for one in answers] == [(422, [("business-rule", place)]) for place in places]
    assert epj.counted() == before
    kept = epj.put(_without(event, "focus") | {"note": [{"text": "x"}]})
    assert (kept.status_code, kept.json()["focus"]) == (200, event["focus"])


def test_an_observation_that_is_no_event_is_an_ordinary_resource(epj: Epj) -> None:
    body = {
        "resourceType": "Observation",
        "status": "preliminary",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "valueQuantity": {"value": 60, "unit": "/min"},
    }

    answer = epj.send(body)

    assert answer.status_code == 201
    assert epj.put(answer.json() | {"status": "final"}).status_code == 200


def test_what_the_engine_made_is_not_for_clients_to_change(epj: Epj) -> None:
    pathway = epj.register(*GOING)
    episode = epj.episode(pathway)

    answer = epj.http.put(f"/fhir/EpisodeOfCare/{pathway}", json={**episode, "status": "finished"}, headers={"If-Match": 'W/"2"'})

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "EpisodeOfCare.status")])


def _bundle(kind: str, *bodies: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": body, "request": {"method": "POST", "url": body["resourceType"]}} for body in bodies]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}
