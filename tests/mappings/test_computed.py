"""What a pathway's state is as FHIR. Dates are counted by hand from the tables of the rules of 2019; the rest is the contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from adapter.domain.identity import named
from adapter.domain.ruleset import Limit, Source
from mappings.course import course_of
from mappings.resources import task
from mappings.rules import national
from tests.mappings.pathways import EXTENSION, OID, OURS, PATHWAY, Walk

FELL_AWAY = "Gjelder ikke lenger i forløpet. (It no longer applies in the pathway.)"


def begun() -> Walk:
    """D11, rules of 2019: referral received Monday 3 August 2026, right granted on the 10th, first attendance 7 September."""
    walk = Walk()
    walk.register("A", "2026-08-03", care_level="poliklinikk")
    walk.turn("2026-08-03T09:00:00+02:00")
    walk.assess("2026-08-10", limit="2026-10-01")
    walk.turn("2026-08-10T12:00:00+02:00")
    walk.register("M", "2026-09-07")
    walk.turn("2026-09-07T15:00:00+02:00")
    return walk


def extension(body: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((e for e in body.get("extension", []) if e["url"] == EXTENSION + name), None)


def stands(body: dict[str, Any]) -> tuple[str, str, str, str]:
    """Status, business status, from, until."""
    period = body["restriction"]["period"]
    return body["status"], body["businessStatus"]["coding"][0]["code"], period["start"], period["end"]


def test_a_pathway_says_where_it_is_and_was() -> None:
    episode = begun().episode

    assert episode["status"] == "active"
    assert extension(episode, "pathway-phase") == {"url": EXTENSION + "pathway-phase", "valueCode": "basic-assessment"}
    assert episode["statusHistory"] == [
        {"status": "planned", "period": {"start": "2026-08-03", "end": "2026-08-10"}},
        {"status": "waitlist", "period": {"start": "2026-08-10", "end": "2026-09-07"}},
        {"status": "active", "period": {"start": "2026-09-07"}},
    ]
    assert episode["period"] == {"start": "2026-08-03"}
    assert episode["type"][0]["coding"][0] == {
        "system": OID + "9321",
        "code": "D11",
        "display": "Utredning og behandling i psykisk helsevern, voksne",
    }


def test_each_time_limit_is_a_task_with_its_due_date() -> None:
    walk = begun()

    # ten working days from Monday 3 August; the date limit as it was given; 42 days from 7 September (vector V5)
    assert stands(walk.task("assess-referral")) == ("completed", "met", "2026-08-03", "2026-08-17")
    assert stands(walk.task("date-limit")) == ("completed", "met", "2026-08-10", "2026-10-01")
    assert stands(walk.task("decision")) == ("requested", "on-time", "2026-09-07", "2026-10-19")
    assert walk.task("date-limit")["executionPeriod"] == {"end": "2026-09-07"}
    assert [(c["system"], c["code"]) for c in walk.task("decision")["code"]["coding"]] == [
        (OURS + "pathway-task", "deadline"),
        (OID + "9322", "C"),
    ]
    rule = extension(walk.task("decision"), "limit-source")
    assert rule == {
        "url": EXTENSION + "limit-source",
        "extension": [{"url": "rule", "valueString": "D11-2019/decision"}],
    }


def test_a_date_that_saturdays_would_change_is_told() -> None:
    # Tuesday 4 to Saturday 8 and Monday 10 to Friday 14 August are ten days
    assert "2026-08-14" in begun().task("assess-referral")["description"]


def test_time_alone_moves_a_limit_and_nothing_else() -> None:
    walk = begun()

    assert walk.turn("2026-10-10T12:00:00+02:00") == []  # 80 % of 42 days are 33.6: near from 11 October
    (near,) = walk.turn("2026-10-11T00:30:00+02:00")
    assert (stands(near)[1], near["lastModified"]) == ("due-soon", "2026-10-10T22:30:00Z")
    (late,) = walk.turn("2026-10-20T00:00:01+02:00")
    assert stands(late)[1] == "overdue"


def test_a_retracted_event_opens_its_limit_anew_and_the_history_stays() -> None:
    walk = begun()
    decided = walk.register("C", "2026-10-12", "P")
    walk.turn("2026-10-12T12:00:00+02:00")
    assert stands(walk.task("decision")) == ("completed", "met", "2026-09-07", "2026-10-19")
    assert stands(walk.task("first-evaluation")) == ("requested", "on-time", "2026-10-12", "2026-11-23")

    del walk.events[decided]
    walk.turn("2026-10-14T09:30:00+02:00", "En hendelse er trukket tilbake.")

    assert stands(walk.task("decision"))[:2] == ("requested", "due-soon")
    assert "executionPeriod" not in walk.task("decision")
    assert (walk.task("first-evaluation")["status"], walk.task("first-evaluation")["statusReason"]) == (
        "cancelled",
        {"text": FELL_AWAY},
    )


def test_a_status_that_no_longer_holds_is_followed_by_one_with_a_reason() -> None:
    walk = begun()
    attended = next(id for id, body in walk.events.items() if body["code"]["coding"][0]["code"] == "M")
    del walk.events[attended]
    walk.turn("2026-09-09T08:00:00+02:00", "Hendelsen ble trukket tilbake.")

    assert walk.episode["statusHistory"][2:] == [
        {"status": "active", "period": {"start": "2026-09-07", "end": "2026-09-09T08:00:00+02:00"}},
        {
            "extension": [{"url": EXTENSION + "status-reason", "valueString": "Hendelsen ble trukket tilbake."}],
            "status": "waitlist",
            "period": {"start": "2026-09-09T08:00:00+02:00"},
        },
    ]
    assert stands(walk.task("date-limit")) == ("requested", "on-time", "2026-08-10", "2026-10-01")
    assert stands(walk.task("decision"))[:2] == ("cancelled", "on-time")


def test_an_end_says_why_and_takes_what_is_left_away() -> None:
    walk = begun()
    closed = walk.register("X", "2026-09-20", "P")
    walk.turn("2026-09-20T12:00:00+02:00")

    reason = extension(walk.episode, "pathway-end-reason")
    assert (walk.episode["status"], walk.episode["period"]) == ("finished", {"start": "2026-08-03", "end": "2026-09-20"})
    assert reason is not None
    assert reason["valueCodeableConcept"]["coding"][0]["code"] == "P"
    assert (walk.plan["status"], walk.plan["period"]["end"]) == ("completed", "2026-09-20")
    assert stands(walk.task("decision"))[:2] == ("cancelled", "on-time")

    del walk.events[closed]
    walk.turn("2026-09-21T12:00:00+02:00")
    assert extension(walk.episode, "pathway-end-reason") is None
    assert "end" not in walk.plan["period"]
    assert walk.task("decision")["status"] == "requested"
    assert "statusReason" not in walk.task("decision")


def test_what_people_answer_stays() -> None:
    walk = begun()
    unit, note = {"reference": "Organization/poliklinikk"}, [{"text": "Venter på tolk."}]
    walk.answer("decision", owner=unit, note=note)
    walk.answer("suicide-risk", status="in-progress", owner=unit, executionPeriod={"start": "2026-09-08T09:00:00+02:00"})
    walk.answer("interpreter", status="cancelled", statusReason={"text": "Snakker norsk."}, lastModified="2026-09-09T22:30:00Z")
    walk.turn("2026-10-12T09:00:00+02:00")
    walk.register("X", "2026-10-13", "G")
    walk.turn("2026-10-13T09:00:00+02:00")

    assert (walk.task("decision")["owner"], walk.task("decision")["note"]) == (unit, note)
    assert (walk.task("suicide-risk")["status"], walk.task("suicide-risk")["owner"]) == ("cancelled", unit)
    interpreter = walk.task("interpreter")
    assert (interpreter["status"], interpreter["statusReason"]) == ("cancelled", {"text": "Snakker norsk."})
    assert interpreter["executionPeriod"] == {"end": "2026-09-10"}  # 00:30 in Oslo


def test_a_duty_is_done_on_the_day_that_its_answer_says() -> None:
    walk = begun()
    walk.answer("suicide-risk", status="completed", executionPeriod={"start": "2026-09-08", "end": "2026-09-09T14:00:00+02:00"})
    walk.answer("somatic-health", status="completed", lastModified="2026-09-12T12:00:00Z")
    walk.turn("2026-09-13T09:00:00+02:00")

    assert walk.state is not None
    done = {owed.key: owed.done for owed in walk.state.duties if owed.done}
    assert done == {"suicide-risk-1": date(2026, 9, 9), "somatic-health-1": date(2026, 9, 12)}
    assert walk.task("suicide-risk")["executionPeriod"] == {"start": "2026-09-08", "end": "2026-09-09T14:00:00+02:00"}
    assert walk.task("somatic-health")["executionPeriod"] == {"end": "2026-09-12"}
    assert "businessStatus" not in walk.task("somatic-health")  # no time limit, so it stands in none


def test_what_only_an_event_meets_is_not_done_by_saying_so() -> None:
    walk = begun()
    walk.answer("decision", status="completed", executionPeriod={"end": "2026-09-10"})
    walk.turn("2026-09-11T09:00:00+02:00")

    assert stands(walk.task("decision"))[:2] == ("requested", "on-time")


def test_what_matters_to_the_patient_becomes_goals() -> None:
    walk = begun()
    kind = {"coding": [{"system": OURS + "task-output", "code": "goal"}]}
    outputs = [{"type": kind, "valueString": text} for text in ("Sove om natta.", "Tilbake på skolen.")]
    walk.answer("what-matters-to-you", status="completed", output=outputs, lastModified="2026-09-10T10:00:00Z")
    walk.turn("2026-09-10T12:00:00+02:00")

    goals = [body for (type, _), body in walk.stored.items() if type == "Goal"]
    assert [(goal["lifecycleStatus"], goal["description"]) for goal in goals] == [
        ("active", {"text": "Sove om natta."}),
        ("active", {"text": "Tilbake på skolen."}),
    ]
    assert walk.plan["goal"] == [{"reference": f"Goal/{goal['id']}"} for goal in goals]

    walk.answer("what-matters-to-you", output=outputs[:1])
    walk.turn("2026-09-11T12:00:00+02:00")
    assert [body["lifecycleStatus"] for (type, _), body in walk.stored.items() if type == "Goal"] == ["active", "entered-in-error"]
    assert walk.plan["goal"] == [{"reference": f"Goal/{goals[0]['id']}"}]


def test_the_plan_names_all_that_was_and_is_to_be_done_in_the_order_it_arose() -> None:
    walk = begun()
    days = [
        walk.stored["Task", a["reference"]["reference"].removeprefix("Task/")]["restriction"]["period"]["start"]
        for a in walk.plan["activity"]
    ]

    assert len(days) == len(walk.tasks())
    assert days == sorted(days)
    assert (walk.plan["status"], walk.plan["intent"], walk.plan["period"]) == ("active", "plan", {"start": "2026-08-03"})
    assert walk.plan["instantiatesCanonical"] == ["https://stafett.invalid/fhir/PlanDefinition/D11-2019"]
    assert walk.plan["title"] == "Pasientforløp: Utredning og behandling i psykisk helsevern, voksne"


def test_what_a_message_gave_a_person_to_do_is_left_alone() -> None:
    walk = begun()
    id = named("message", "review-change", 1)
    asked = {**walk.task("interpreter"), "id": id, "code": {"coding": [{"system": OURS + "pathway-task", "code": "review-change"}]}}
    del asked["restriction"]
    walk.stored["Task", id] = asked
    walk.register("X", "2026-09-20", "P")
    walk.turn("2026-09-20T12:00:00+02:00")

    assert walk.stored["Task", id] is asked
    assert f"Task/{id}" not in [activity["reference"]["reference"] for activity in walk.plan["activity"]]


def test_a_limit_of_the_organisations_own_says_so() -> None:
    walk = Walk()
    rules = national().get("D11", "2019")
    own = Limit("decision", "M", "C", 30, "calendar", Source("C", "Fjordheim", local=True), care_level="poliklinikk")
    walk.rules = replace(rules, limits=(*(limit for limit in rules.limits if limit.id != "decision"), own))
    walk.register("A", "2026-08-03")
    walk.register("M", "2026-09-07")
    walk.turn("2026-09-07T12:00:00+02:00")

    body = walk.task("decision")
    assert stands(body)[2:] == ("2026-09-07", "2026-10-07")
    assert body["description"] == (
        "Klinisk beslutning innen 30 dager etter første fremmøte. Virksomhetens egen frist. "
        "(Clinical decision within 30 days of the first attendance. The organisation's own limit.)"
    )
    assert {"url": "local", "valueBoolean": True} in body["extension"][0]["extension"]


def test_an_unknown_limit_is_no_task() -> None:
    walk = Walk(care_level="dognenhet")  # what an inpatient unit has for the decision was not found (deadlines.csv)
    walk.register("A", "2026-08-03")
    walk.register("M", "2026-09-07")
    walk.turn("2026-09-07T12:00:00+02:00")

    assert [body for body in walk.tasks() if body["code"]["coding"][0]["code"] == "deadline"] == []


def test_a_postponement_by_the_patient_is_named_at_the_limit() -> None:
    walk = begun()
    put_off = walk.register("L", "2026-09-20")
    walk.turn("2026-09-20T12:00:00+02:00")
    caused = extension(walk.task("decision"), "patient-caused")

    assert caused == {"url": EXTENSION + "patient-caused", "valueReference": {"reference": f"Observation/{put_off}"}}
    del walk.events[put_off]
    walk.turn("2026-09-21T12:00:00+02:00")
    assert extension(walk.task("decision"), "patient-caused") is None


def test_an_emergency_is_decided_upon_within_two_weeks() -> None:
    walk = Walk(version="2025", emergency=True)
    walk.turn("2026-08-03T09:00:00+02:00")
    assert stands(walk.task("emergency-decision")) == ("requested", "on-time", "2026-08-03", "2026-08-17")

    walk.answer("emergency-decision", status="completed", executionPeriod={"end": "2026-08-05"})
    walk.turn("2026-08-30T09:00:00+02:00")
    assert stands(walk.task("emergency-decision"))[:2] == ("completed", "met")


def test_an_emergency_that_an_event_decided_is_undecided_when_that_is_retracted() -> None:
    walk = Walk(version="2025", emergency=True)
    walk.turn("2026-08-03T09:00:00+02:00")
    start = walk.register("A", "2026-08-05")
    walk.turn("2026-08-05T09:00:00+02:00")
    assert stands(walk.task("emergency-decision"))[:2] == ("completed", "met")
    assert course_of(walk.episode, (), walk.tasks(), None).done == {}  # nobody has answered it

    del walk.events[start]
    walk.turn("2026-08-06T09:00:00+02:00")
    assert stands(walk.task("emergency-decision"))[:2] == ("requested", "on-time")
    assert "statusReason" not in walk.task("emergency-decision")


def test_an_assessment_that_only_an_event_tells_of_has_no_answer_and_is_cancelled() -> None:
    walk = Walk(version="2025")
    walk.turn("2026-08-03T09:00:00+02:00")
    walk.register("A", "2026-08-06")
    walk.turn("2026-08-06T09:00:00+02:00")

    assert walk.episode["status"] == "waitlist"
    assert (walk.task("assess-referral")["status"], walk.task("assess-referral")["statusReason"]) == (
        "cancelled",
        {"text": FELL_AWAY},
    )
    assert course_of(walk.episode, (), walk.tasks(), None).withdrawn is None


def test_a_refusal_ends_it_and_one_who_calls_it_off_too() -> None:
    refused = Walk(version="2025")
    refused.turn("2026-08-03T09:00:00+02:00")
    refused.assess("2026-08-06", granted=False)
    refused.turn("2026-08-06T12:00:00+02:00")
    assert (refused.episode["status"], extension(refused.episode, "pathway-phase")) == (
        "cancelled",
        {"url": EXTENSION + "pathway-phase", "valueCode": "refused"},
    )
    assert refused.plan["status"] == "revoked"
    assert "period" not in refused.episode  # by these rules it never started

    off = Walk(version="2025")
    off.turn("2026-08-03T09:00:00+02:00")
    off.answer("assess-referral", status="cancelled", statusReason={"text": "Trukket."}, lastModified="2026-08-05T09:00:00Z")
    off.turn("2026-08-05T11:00:00+02:00")
    assert (off.episode["status"], off.task("assess-referral")["statusReason"]) == ("cancelled", {"text": "Trukket."})
    assert course_of(off.episode, (), off.tasks(), None).withdrawn == date(2026, 8, 5)


def test_the_birth_date_is_as_told_or_as_the_number_has_it() -> None:
    walk = begun()
    number = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13916910082"}  # month + 80
    of = [course_of(walk.episode, (), (), patient).born for patient in (
        {"birthDate": "1990-05-01", "identifier": [number]}, {"birthDate": "1969", "identifier": [number]}, {}, None
    )]  # fmt: skip

    assert of == [date(1990, 5, 1), date(1969, 11, 13), None, None]


def test_a_task_is_known_by_its_id_and_kind() -> None:
    walk = begun()

    assert task.key_of(PATHWAY, walk.task("date-limit")) == "date-limit-1"
    assert task.key_of(PATHWAY, walk.task("interpreter")) == "interpreter-1"
    assert task.key_of(PATHWAY, {"resourceType": "Task", "id": walk.task("interpreter")["id"]}) == ""
    assert task.key_of("another", walk.task("date-limit")) == ""
