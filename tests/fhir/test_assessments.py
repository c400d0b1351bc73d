"""A referral is assessed over HTTP, by the rules of 2025 (D11 here) and of 2019 (D12), and other Tasks of a pathway are answered.

The example referrals are received on 2026-06-01, a Monday; ten working days later is 15 June (no holiday in between).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.ports import MessageQuery
from tests.fhir.epj import BASE, FNR, GRANTED, OID, REFUSED, Epj, codes, component, concept, output, rules
from tests.fhir.made import issues
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service

pytestmark = pytest.mark.slow  # a whole installation for each

ADULT, CHILD, EMERGENCY = "adult-depression-anxiety", "child-neurodevelopment-interpreter", "psychosis-emergency"
EXAMPLES = Path(__file__).resolve().parents[2] / "openapi" / "examples"
XML = {"Content-Type": "application/xml"}


class Referred(Epj):
    """The EPJ of a hospital that a referral has come to."""

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.mine = service, ""
        message = service.http.post("/messages", content=(EXAMPLES / f"{name}.xml").read_bytes(), headers=XML)
        assert message.status_code == 201, message.text
        (episode,) = self._found("EpisodeOfCare")
        self.mine = str(episode["id"])
        self.patient = episode["patient"]["reference"].removeprefix("Patient/")
        identifiers = self._read(f"Patient/{self.patient}").get("identifier", [])
        self.number = str(next((one["value"] for one in identifiers if one.get("system") == FNR), ""))

    @property
    def referral(self) -> dict[str, Any]:
        (task,) = self.tasks(self.mine, "assess-referral")
        return task

    def assess(self, *outputs: dict[str, Any], **more: Any) -> Any:
        said = {"output": list(outputs)} if outputs else {}
        return self.answer(self.referral, status="completed", **said, **more)

    def grant(self, on: str, **more: Any) -> Any:
        limit = output("date-limit", valueDate="2026-09-01")
        return self.assess(*GRANTED, output("assessed-on", valueDate=on), limit, **more)

    def refuse(self, on: str) -> Any:
        return self.assess(*REFUSED, output("assessed-on", valueDate=on))

    def kinds(self, *statuses: str) -> list[str]:
        """Events with their outcomes, as `XR`."""
        found = []
        for event in self.events(*statuses):
            outcome = event.get("valueCodeableConcept", {}).get("coding", [{"code": ""}])[0]["code"]
            found.append(codes(event)[0] + outcome)
        return sorted(found)

    def statuses_sent(self) -> list[str]:
        """What the referrer was told, as the XML has it, oldest first."""
        with self.service.store.read() as unit:
            rows = [row for message in unit.messages([HOSPITAL], MessageQuery()) for row in unit.outgoing_for(message.id)]
        return [row.body.decode() for row in rows if row.kind == "message"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with real_service(tmp_path, services={"D12": {"rule_set": "2019"}}) as service:
        yield service


@pytest.fixture
def adult(running: Service) -> Referred:
    referred = Referred(running, ADULT)
    running.clock.moment += timedelta(days=7)  # Monday 8 June
    return referred


@pytest.fixture
def child(running: Service) -> Referred:
    referred = Referred(running, CHILD)
    running.clock.moment += timedelta(days=7)
    return referred


def test_by_the_rules_of_2025_a_right_granted_is_the_start(adult: Referred) -> None:
    assert (adult.kinds(), adult.phase(adult.mine)) == ([], "referred")

    answer = adult.grant("2026-06-05")

    assert answer.status_code == 200, answer.text
    (start,) = adult.events()
    assert (codes(start), start["effectiveDateTime"]) == (["A"], "2026-06-05")
    episode = adult.episode(adult.mine)
    assert (episode["status"], adult.phase(adult.mine), episode["period"]) == ("waitlist", "waiting", {"start": "2026-06-05"})
    assert [entry["status"] for entry in episode["statusHistory"]] == ["planned", "waitlist"]
    assert adult.referral["businessStatus"]["coding"][0]["code"] == "met"
    (limit,) = adult.tasks(adult.mine, "M")
    assert limit["restriction"]["period"]["end"] == "2026-09-01"


def test_by_the_rules_of_2019_a_right_granted_changes_the_phase_alone(child: Referred) -> None:
    """The pathway began when the referral was received, by an A that the service registered itself."""
    assert (child.kinds(), child.events()[0]["effectiveDateTime"]) == (["A"], "2026-06-01")

    assert child.grant("2026-06-05").status_code == 200

    assert (child.kinds(), child.phase(child.mine)) == (["A"], "waiting")


def test_by_the_rules_of_2019_a_refusal_closes_the_pathway(child: Referred) -> None:
    assert child.refuse("2026-06-05").status_code == 200

    assert child.kinds() == ["A", "XR"]
    assert (child.episode(child.mine)["status"], child.phase(child.mine)) == ("cancelled", "refused")
    assert child.episode(child.mine)["period"] == {"start": "2026-06-01", "end": "2026-06-05"}


def test_by_the_rules_of_2025_a_refused_pathway_never_starts(adult: Referred) -> None:
    assert adult.refuse("2026-06-05").status_code == 200

    assert (adult.kinds(), adult.episode(adult.mine)["status"], adult.phase(adult.mine)) == ([], "cancelled", "refused")


@pytest.mark.parametrize("who", ["adult", "child"])
def test_the_referrer_is_told_once_for_each_answer(request: pytest.FixtureRequest, who: str) -> None:
    referred: Referred = request.getfixturevalue(who)
    assert referred.statuses_sent() == []

    referred.refuse("2026-06-05").raise_for_status()
    referred.answer(referred.referral, note=[{"text": "Ringt pasienten."}]).raise_for_status()

    (status,) = referred.statuses_sent()
    assert "DIALOG_STATUS_HENVISNING" in status
    assert "Kan hjelpes av fastlegen." in status
    assert 'V="4"' in status  # 9148: the referral is refused


def test_the_same_answer_again_changes_nothing(adult: Referred) -> None:
    adult.grant("2026-06-05")
    before = adult.counted()

    again = adult.answer(adult.referral)

    assert (again.status_code, adult.counted()) == (200, before)


def test_an_answer_makes_one_new_version_of_its_task(adult: Referred) -> None:
    answer = adult.grant("2026-06-05")

    assert (answer.headers["ETag"], answer.json()["meta"]["versionId"]) == ('W/"2"', "2")
    assert answer.json() == adult.referral


def test_an_answer_may_be_corrected_and_its_event_follows(adult: Referred) -> None:
    adult.grant("2026-06-05")
    adult.grant("2026-06-04").raise_for_status()

    assert [event["effectiveDateTime"] for event in adult.events("final")] == ["2026-06-04"]
    assert adult.kinds("entered-in-error") == ["A"]

    adult.refuse("2026-06-05").raise_for_status()
    assert (adult.kinds("final"), adult.phase(adult.mine)) == ([], "refused")

    adult.grant("2026-06-05").raise_for_status()
    assert (adult.kinds("final"), adult.episode(adult.mine)["status"]) == (["A"], "waitlist")
    history = adult.episode(adult.mine)["statusHistory"]
    assert [entry["status"] for entry in history] == ["planned", "waitlist", "cancelled", "waitlist"]
    assert all("endret" in entry["extension"][0]["valueString"] for entry in history[2:])


def test_a_refusal_may_be_taken_back(child: Referred) -> None:
    child.refuse("2026-06-05")
    child.grant("2026-06-08").raise_for_status()

    assert (child.kinds("final"), child.kinds("entered-in-error")) == (["A"], ["XR"])
    assert child.phase(child.mine) == "waiting"


@pytest.mark.parametrize("who", ["adult", "child"])
def test_an_answer_may_be_taken_back_altogether(request: pytest.FixtureRequest, who: str) -> None:
    """It was meant for another referral, say."""
    referred: Referred = request.getfixturevalue(who)
    before = referred.kinds("final")
    referred.grant("2026-06-05").raise_for_status()

    bare = {k: v for k, v in referred.referral.items() if k not in ("output", "executionPeriod")}
    answer = referred.answer(bare, status="requested")

    assert answer.status_code == 200, answer.text
    assert (referred.kinds("final"), referred.phase(referred.mine)) == (before, "referred")
    assert (referred.referral["status"], "executionPeriod" in referred.referral) == ("requested", False)
    assert referred.referral["businessStatus"]["coding"][0]["code"] == "on-time"
    assert [task["status"] for task in referred.tasks(referred.mine, "M")] == ["cancelled"] * len(
        referred.tasks(referred.mine, "M")
    )
    assert referred.grant("2026-06-05").status_code == 200


def test_a_time_limit_that_a_person_met_may_be_open_again(running: Service) -> None:
    epj = Epj(running)
    pathway = epj.register(("D01A", "2024-03-01"), ("D01M", "2024-03-05"), ("D01D", "2024-03-28"))
    ward = epj.tasks(pathway, "detox-to-treatment")
    assert ward == []  # 3 days for an outpatient, none for an inpatient: which is not known
    level = component("care-level", f"{BASE}/CodeSystem/care-level", "poliklinikk")
    ended = next(event for event in epj.events() if codes(event) == ["D"])
    epj.put(ended | {"component": [*ended["component"], level]}).raise_for_status()
    (limit,) = epj.tasks(pathway, "detox-to-treatment")
    epj.answer(limit, status="completed", executionPeriod={"end": "2024-04-05"}).raise_for_status()
    (met,) = epj.tasks(pathway, "detox-to-treatment")

    answer = epj.answer({k: v for k, v in met.items() if k != "executionPeriod"}, status="requested")

    assert (limit["restriction"]["period"], met["businessStatus"]["coding"][0]["code"]) == (
        {"start": "2024-03-28", "end": "2024-03-31"},
        "met-late",
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "requested"), answer.text
    assert answer.json()["businessStatus"]["coding"][0]["code"] == "overdue"


def test_an_answer_that_what_happened_since_does_not_allow_is_refused(adult: Referred) -> None:
    adult.grant("2026-06-04")
    adult.register(("D11M", "2026-06-05"))
    before = adult.counted()

    answer = adult.grant("2026-06-06")  # the start would be after the first attendance

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Task.output")])
    assert rules(answer) == ["Volven 9329:106"]
    assert adult.counted() == before


def test_the_start_that_the_epj_sends_is_the_one_that_the_assessment_causes(adult: Referred) -> None:
    adult.grant("2026-06-05")
    before = adult.counted()

    answer = adult.send(adult.event("D11A", "2026-06-05"))

    assert (answer.status_code, adult.counted()) == (200, before)


def test_an_assessment_after_the_start_that_the_epj_sent_adds_none(adult: Referred) -> None:
    adult.send(adult.event("D11A", "2026-06-05")).raise_for_status()

    adult.grant("2026-06-05").raise_for_status()

    assert adult.kinds() == ["A"]
    assert len(adult.pathways()) == 1


@pytest.mark.parametrize("list", ["http://helsedir.no/fhir/CodeSystem/no-kodeverk-", "2.16.578.1.12.4.1.1."])
def test_an_assessment_may_call_8485_by_any_of_its_names(adult: Referred, list: str) -> None:
    outcome = output("assessment-outcome", valueCodeableConcept=concept(f"{list}8485", "2"))
    limit = output("date-limit", valueDate="2026-09-01")

    answer = adult.assess(GRANTED[0], outcome, output("assessed-on", valueDate="2026-06-05"), limit)

    assert answer.status_code == 200, answer.text
    assert adult.referral["output"][1]["valueCodeableConcept"] == concept(f"{OID}8485", "2")


def test_rejected_means_only_that_this_unit_will_not_assess_it(adult: Referred) -> None:
    answer = adult.answer(adult.referral, status="rejected", statusReason={"text": "Hører til en annen enhet."})

    assert answer.status_code == 200, answer.text
    assert (adult.episode(adult.mine)["status"], adult.phase(adult.mine)) == ("planned", "referred")
    assert adult.referral["status"] == "rejected"
    assert adult.referral["restriction"]["period"]["end"] == "2026-06-15"
    assert adult.grant("2026-06-05").status_code == 200


ON = output("assessed-on", valueDate="2026-06-05")
LIMIT = output("date-limit", valueDate="2026-09-01")


@pytest.mark.parametrize(("outputs", "expected"), [
    ([], [("invariant", "Task")]),
    ([*GRANTED, LIMIT], [("invariant", "Task")]),
    ([*GRANTED, ON], [("invariant", "Task")]),
    ([GRANTED[0], ON, LIMIT], [("invariant", "Task")]),
    ([*GRANTED, REFUSED[1], ON, LIMIT], [("invariant", "Task")]),
    ([REFUSED[0], ON], [("invariant", "Task")]),
    ([*GRANTED, LIMIT, output("assessed-on", valueDate="2026-06-09")], [("business-rule", "Task.output[3].value")]),
    ([*GRANTED, LIMIT, output("assessed-on", valueDate="2026-05-31")], [("business-rule", "Task.output[3].value")]),
    ([*GRANTED, LIMIT, output("assessed-on", valueString="fredag")], [("invariant", "Task.output[3].value")]),
], ids=["nothing", "no date", "no limit", "no outcome", "a reason too", "no reason", "ahead", "too early", "words"])  # fmt: skip
def test_what_an_answer_lacks_is_named_and_nothing_is_written(adult: Referred, outputs: Any, expected: Any) -> None:
    before = adult.counted()

    answer = adult.assess(*outputs)

    assert (answer.status_code, issues(answer)) == (422, expected), answer.text
    assert (adult.counted(), adult.statuses_sent()) == (before, [])


def test_a_time_limit_is_met_by_its_event_alone(adult: Referred) -> None:
    adult.grant("2026-06-05")
    (limit,) = adult.tasks(adult.mine, "M")

    answer = adult.answer(limit, status="completed")

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Task.status")])
    assert "register M" in answer.json()["issue"][0]["details"]["text"]
    assert adult.answer(limit, note=[{"text": "Time er sendt."}]).status_code == 200


def test_a_duty_is_done_by_who_completes_it(adult: Referred) -> None:
    adult.grant("2026-06-05")
    (duty,) = adult.tasks(adult.mine, "informed-in-writing")

    ahead = adult.answer(duty, status="completed", executionPeriod={"end": "2026-06-09"})
    early = adult.answer(duty, status="completed", executionPeriod={"end": "2026-06-04"})
    done = adult.answer(duty, status="completed")

    assert [(one.status_code, issues(one)) for one in (ahead, early)] == [
        (422, [("business-rule", "Task.executionPeriod.end")])
    ] * 2
    assert (done.status_code, done.json()["executionPeriod"]["end"]) == (200, "2026-06-08")
    (duty,) = adult.tasks(adult.mine, "informed-in-writing")
    assert duty["status"] == "completed"


def test_the_plan_agreed_begins_the_treatment(child: Referred) -> None:
    """T9: the duty to agree the plan, which arises with planning."""
    child.grant("2026-06-02")
    child.register(("D12M", "2026-06-03"), ("D12CP", "2026-06-04"))
    (agree,) = child.tasks(child.mine, "agree-plan")
    assert child.phase(child.mine) == "planning"

    child.answer(agree, status="completed", executionPeriod={"end": "2026-06-05"}).raise_for_status()

    assert child.phase(child.mine) == "treatment"


def test_after_an_emergency_the_decision_is_the_start(running: Service) -> None:
    """T5. The patient came on 1 June; the decision is due within 14 days."""
    referred = Referred(running, EMERGENCY)
    running.clock.moment += timedelta(days=7)
    (decision,) = referred.tasks(referred.mine, "emergency-decision")
    assert decision["restriction"]["period"] == {"start": "2026-06-01", "end": "2026-06-15"}

    answer = referred.answer(decision, status="completed", executionPeriod={"end": "2026-06-04"})

    assert answer.status_code == 200, answer.text
    assert [(codes(event), event["effectiveDateTime"]) for event in referred.events()] == [(["A"], "2026-06-04")]
    assert referred.phase(referred.mine) == "waiting"
    assert referred.tasks(referred.mine, "emergency-decision")[0]["businessStatus"]["coding"][0]["code"] == "met"
    assert referred.statuses_sent() == []  # never for emergencies


@pytest.fixture(params=["2019", "2025"])
def urgent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Referred]:
    """An emergency of 1 June, by either rules; today is 8 June."""
    with real_service(tmp_path, services={"D11": {"rule_set": request.param}}) as service:
        referred = Referred(service, EMERGENCY)
        service.clock.moment += timedelta(days=7)
        yield referred


def test_an_emergency_starts_with_the_right_granted_and_goes_on(urgent: Referred) -> None:
    """Decision 10: no A at the receipt, by either rules; without one M would be refused (105)."""
    assert (urgent.kinds(), "start" in urgent.episode(urgent.mine).get("period", {})) == ([], False)

    assert urgent.grant("2026-06-05").status_code == 200

    assert [(codes(event), event["effectiveDateTime"]) for event in urgent.events()] == [(["A"], "2026-06-05")]
    assert (urgent.phase(urgent.mine), urgent.episode(urgent.mine)["period"]) == ("waiting", {"start": "2026-06-05"})
    assert urgent.register(("D11M", "2026-06-05")) == urgent.mine
    assert urgent.phase(urgent.mine) == "basic-assessment"


def test_an_emergency_refused_ends_without_codes_and_may_be_granted_after_all(urgent: Referred) -> None:
    """Nothing has begun that X/R could close."""
    assert urgent.refuse("2026-06-05").status_code == 200
    assert (urgent.kinds(), urgent.phase(urgent.mine), urgent.episode(urgent.mine)["status"]) == ([], "refused", "cancelled")
    assert [issue["severity"] for issue in urgent.findings(urgent.mine)] == ["information"]

    urgent.grant("2026-06-05").raise_for_status()
    assert (urgent.kinds("final"), urgent.phase(urgent.mine)) == (["A"], "waiting")

    urgent.refuse("2026-06-05").raise_for_status()
    assert (urgent.kinds("final"), urgent.kinds("entered-in-error")) == ([], ["A"])
    assert urgent.phase(urgent.mine) == "refused"


def test_what_an_emergency_had_begun_a_refusal_closes(urgent: Referred) -> None:
    """By the rules of 2019 with X/R; those of 2025 have no code for it."""
    (decision,) = urgent.tasks(urgent.mine, "emergency-decision")
    urgent.answer(decision, status="completed", executionPeriod={"end": "2026-06-04"}).raise_for_status()

    assert urgent.refuse("2026-06-05").status_code == 200

    rules_of = next(e["valueString"] for e in urgent.episode(urgent.mine)["extension"] if e["url"].endswith("rule-version"))
    assert urgent.kinds("final") == {"2019": ["A", "XR"], "2025": ["A"]}[rules_of]
    assert urgent.episode(urgent.mine)["period"] == {"start": "2026-06-04", "end": "2026-06-05"}
    assert (urgent.phase(urgent.mine), urgent.findings(urgent.mine)[0]["severity"]) == ("refused", "information")


def test_an_emergency_that_was_decided_stays_begun_when_the_right_is_granted_later(urgent: Referred) -> None:
    """The patient is in care already: an M between the two decisions stays after the start."""
    (decision,) = urgent.tasks(urgent.mine, "emergency-decision")
    urgent.answer(decision, status="completed", executionPeriod={"end": "2026-06-03"}).raise_for_status()
    urgent.register(("D11M", "2026-06-04"))

    assert urgent.grant("2026-06-05").status_code == 200

    assert (urgent.kinds("final"), urgent.kinds("entered-in-error")) == (["A", "M"], [])
    assert urgent.episode(urgent.mine)["period"] == {"start": "2026-06-03"}


# the gate that warns


def test_where_every_service_warns_a_breach_is_let_in_and_given_to_a_person(tmp_path: Path) -> None:
    with real_service(tmp_path, services={"D01": {"gate": "warn"}}) as service:
        epj = Epj(service)
        pathway = epj.register(("D01A", "2024-03-01"))
        answer = epj.send(epj.event("D01CP", "2024-04-01"), Prefer="return=OperationOutcome")

        assert answer.status_code == 201
        assert "warning" in [issue["severity"] for issue in answer.json()["issue"]]
        (review,) = epj.tasks(pathway, "review-event")
        event = next(event for event in epj.events() if codes(event) == ["C"])
        assert (review["status"], review["focus"]) == ("requested", {"reference": f"Observation/{event['id']}"})
        assert "Volven 9329:208" in review["description"]
        assert any(i["severity"] == "error" and event["id"] in i["expression"][0] for i in epj.findings(pathway))
        profile = f"{BASE}/StructureDefinition/duty-task"
        judged = service.http.post("/fhir/Task/$validate", params={"profile": profile}, json=review).json()
        assert [issue["severity"] for issue in judged["issue"]] == ["information"]

        assert epj.send(epj.event("D01CP", "2024-04-01")).status_code == 200  # and no second Task
        epj.answer(review, status="completed").raise_for_status()
        epj.register(("D01M", "2024-04-01"))  # what was lacking: the Task stays done
        assert [task["status"] for task in epj.tasks(pathway, "review-event")] == ["completed"]
        assert epj.phase(pathway) == "closing"  # D01: P is a transfer to mental health care


def test_a_rule_set_of_the_receiver_goes_before_the_date(running: Service) -> None:
    epj = Epj(running)
    pathway = epj.register(("D12A", "2026-05-01"))

    versions = [e["valueString"] for e in epj.episode(pathway)["extension"] if e["url"].endswith("rule-version")]
    assert versions == ["2019"]


def test_a_patient_whose_birth_date_is_corrected_is_judged_by_it(running: Service) -> None:
    """216: over 18 at the start of D12."""
    epj = Epj(running)
    pathway = epj.register(("D12A", "2026-05-01"))
    assert [i.get("diagnostics") for i in epj.findings(pathway)] == ["Rule: Volven 9329:216"]
    patient = running.http.get(f"/fhir/Patient/{epj.patient}").json()

    epj.put(patient | {"birthDate": "2012-03-01"}).raise_for_status()

    assert "Rule: Volven 9329:216" not in [i.get("diagnostics") for i in epj.findings(pathway)]


def test_a_cancelled_referral_ends_the_pathway_as_a_refold_would(running: Service) -> None:
    for name in ("series-1-new", "series-3-cancel"):
        running.http.post("/messages", content=(EXAMPLES / f"{name}.xml").read_bytes(), headers=XML).raise_for_status()
    (episode,) = running.http.get("/fhir/EpisodeOfCare").json()["entry"]

    assert episode["resource"]["status"] == "cancelled"
