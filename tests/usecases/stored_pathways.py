"""Pathways as the store holds them, from a line of events each: `put(store, tenant, pathway(...))`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from adapter.domain.course import Event
from adapter.domain.identity import BASE, named
from adapter.ports import Store
from adapter.usecases.writing import draft
from mappings.resources import event
from mappings.resources.writer import EXTENSION, SYSTEM, own, reference

Body = dict[str, Any]
COMPUTED = {"tag": [{"system": SYSTEM + "tag", "code": "computed"}]}


def put(store: Store, tenant: str, bodies: Iterable[Body]) -> None:
    with store.write() as unit:
        unit.put(tenant, [draft(one["resourceType"], one["id"], one) for one in bodies], datetime(2023, 7, 1, tzinfo=UTC))


def organization(id: str, name: str, part_of: str = "") -> Body:
    above = {"partOf": reference("Organization", part_of)} if part_of else {}
    return {"resourceType": "Organization", "id": id, "name": name, **above}


def pathway(
    id: str,
    *events: str,
    unit: str = "Organization/poli",
    type: str = "D11",
    version: str = "2019",
    care_level: str = "poliklinikk",
) -> list[Body]:
    """An EpisodeOfCare, its referral to a unit, and events such as `2023-05-15 C P`."""
    patient, us = reference("Patient", f"p-{id}"), {"reference": "Organization/hospital"}
    parts = [said.split() for said in events]
    coded = [Event("", kind, date.fromisoformat(on), tuple(more)) for on, kind, *more in parts]
    episode: Body = {
        "resourceType": "EpisodeOfCare",
        "id": id,
        "meta": COMPUTED,
        "extension": [
            {"url": f"{EXTENSION}rule-version", "valueString": version},
            {"url": f"{EXTENSION}care-level", "valueCode": care_level},
        ],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id}"}],
        "status": "active",
        "type": [event.concept("9321", "D11")],
        "patient": patient,
        "managingOrganization": us,
    }
    if unit:
        episode["referralRequest"] = [reference("ServiceRequest", f"r-{id}")]
    referral = {
        "resourceType": "ServiceRequest",
        "id": f"r-{id}",
        "status": "active",
        "intent": "order",
        "subject": patient,
        "performer": [{"reference": unit}],
    }
    observations = [event.write(one, pathway_type="D11", pathway_id=id, patient=patient, performer=us) for one in coded]
    return [episode, *([referral] if unit else []), *observations]


def assessed(id: str, received: str, due: str, on: str, granted: bool) -> Body:
    """The answered Task of a referral."""
    outputs = {"right-to-care": {"valueBoolean": granted}, "assessed-on": {"valueDate": on}}
    return {
        "resourceType": "Task",
        "id": named(id, "assess-referral", 1),
        "meta": COMPUTED,
        "groupIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id}"},
        "status": "completed",
        "intent": "order",
        "code": own("pathway-task", "assess-referral"),
        "executionPeriod": {"end": on},
        "restriction": {"period": {"start": received, "end": due}},
        "output": [
            {"type": {"coding": [{"system": f"{BASE}/CodeSystem/task-output", "code": name}]}, **value}
            for name, value in outputs.items()
        ],
    }


def hospital() -> list[Body]:
    """Eighteen pathways of 2023 in two units, whose figures are told by hand in the tests that use them.

    Outpatients (8), all first seen on Monday 3 April: six decided on the 42nd day, 15 May, and evaluated on the 42nd after
    that, 26 June, with the patient involved in the plan; two decided a day late and never evaluated, one of them postponed by
    the patient. Inpatients (10): five decided within days, for whom no source gives a limit; five refused, whose referrals
    of Monday 6 March were due on 20 March and assessed on the 27th.
    """
    made = [organization("hospital", "Fjordheim HF"), organization("poli", "Poliklinikken", "hospital")]
    made += [organization("ward", "Døgnenheten", "hospital")]
    made.append({"resourceType": "PractitionerRole", "id": "doctor", "organization": reference("Organization", "ward")})
    seen = ("2023-03-13 A", "2023-04-03 M")
    for n in range(6):
        made += pathway(f"in-time-{n}", *seen, "2023-05-15 C P", "2023-06-26 E", "2023-06-26 U U")
    made += pathway("late-1", *seen, "2023-05-16 C P")
    made += pathway("late-2", *seen, "2023-04-20 L", "2023-05-16 C P")
    for n in range(5):
        made += pathway(f"ward-{n}", *seen, "2023-04-10 C P", unit="PractitionerRole/doctor", care_level="dognenhet")
        made += pathway(f"no-{n}", "2023-03-06 A", "2023-03-27 X R", unit="Organization/ward")
        made.append(assessed(f"no-{n}", "2023-03-06", "2023-03-20", "2023-03-27", False))
    return made
