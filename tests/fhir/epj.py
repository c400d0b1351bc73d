"""An EPJ that registers events and answers Tasks over HTTP, as short as a test can say it.

epj.event("D11CP", "2026-04-20")          # type, event and outcome; sent as 9322 with its list, or combined=True as 9327
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from adapter.domain.identity import BASE
from tests.fhir.made import FNR
from tests.http.real import HOSPITAL
from tests.http.service import Service
from tests.national_numbers import make

Body = dict[str, Any]

OID = "urn:oid:2.16.578.1.12.4.1.1."
LISTS = {"C": "9323", "S": "9324", "U": "9325", "X": "9326", "H": "9328"}
URI = "urn:ietf:rfc:3986"
ENH = "urn:oid:2.16.578.1.12.4.1.4.101"
OUTCOME = {"Prefer": "return=OperationOutcome"}

_persons = count()


def _number(which: int) -> str:
    return make(1 + which % 27, 1 + which // 27 % 12, 1985, "female", skip=which // 324)


def concept(system: str, code: str) -> Body:
    return {"coding": [{"system": system, "code": code}]}


def component(name: str, system: str, code: str) -> Body:
    return {"code": concept(f"{BASE}/CodeSystem/event-component", name), "valueCodeableConcept": concept(system, code)}


def output(name: str, **value: Any) -> Body:
    return {"type": concept(f"{BASE}/CodeSystem/task-output", name), **value}


GRANTED = [
    output("right-to-care", valueBoolean=True),
    output("assessment-outcome", valueCodeableConcept=concept(f"{OID}8485", "1")),
]
REFUSED = [output("right-to-care", valueBoolean=False), output("refusal-reason", valueString="Kan hjelpes av fastlegen.")]


@dataclass
class Epj:
    """A patient's own: everything that it sends is about one person, whom it has created."""

    service: Service
    mine: str = ""
    number: str = field(default_factory=lambda: _number(next(_persons)))

    def __post_init__(self) -> None:
        person = {"resourceType": "Patient", "identifier": [{"system": FNR, "value": self.number}], "birthDate": "1985-03-01"}
        self.patient = str(self.http.post("/fhir/Patient", json=person).raise_for_status().json()["id"])

    @property
    def http(self) -> httpx.Client:
        return self.service.http

    def event(self, code: str, on: str, /, *, combined: bool = False, typed: bool = True, **more: Any) -> Body:
        """An Observation of `D11A`, `D11CP`: with its type said, unless it is not to be."""
        type, kind, outcome = code[:3], code[3], code[4:]
        body: Body = {
            "resourceType": "Observation",
            "status": "final",
            "code": concept(f"{OID}9327", code) if combined else concept(f"{OID}9322", kind),
            "subject": {"identifier": {"system": FNR, "value": self.number}},
            "performer": [{"identifier": {"system": ENH, "value": HOSPITAL}}],
            "effectiveDateTime": on,
        }
        if outcome and not combined:
            body["valueCodeableConcept"] = concept(OID + LISTS.get(kind, "9323"), outcome)
        if typed and not combined:
            body["component"] = [component("pathway-type", f"{OID}9321", type)]
        return {**body, **more}

    def send(self, body: Body, **headers: str) -> httpx.Response:
        return self.http.post("/fhir/Observation", json=body, headers=headers)

    def register(self, *events: tuple[str, str]) -> str:
        """Events one after the other, each taken in; the id of the pathway."""
        for code, on in events:
            answer = self.send(self.event(code, on))
            assert answer.status_code == 201, answer.text
        return str(answer.json()["focus"][0]["reference"]).removeprefix("EpisodeOfCare/")

    def together(self, bodies: Sequence[Body]) -> httpx.Response:
        entries = [{"resource": body, "request": {"method": "POST", "url": body["resourceType"]}} for body in bodies]
        return self.http.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})

    def episode(self, id: str) -> Body:
        return self._read(f"EpisodeOfCare/{id}")

    def phase(self, id: str) -> str:
        said = self.episode(id)["extension"]
        return str(next(e["valueCode"] for e in said if e["url"].endswith("pathway-phase")))

    def pathways(self) -> list[Body]:
        return self._found("EpisodeOfCare", patient=self.patient)

    def events(self, *statuses: str) -> list[Body]:
        more = {"status": ",".join(statuses)} if statuses else {}
        found = self._found("Observation", patient=self.patient, **more)
        return [one for one in found if one.get("focus", [{}])[0].get("reference", "").startswith("EpisodeOfCare/")]

    def tasks(self, pathway: str, kind: str = "") -> list[Body]:
        found = self._found("Task", **{"group-identifier": f"{URI}|urn:uuid:{pathway}", "_count": "200"})
        return [task for task in found if not kind or kind in codes(task)]

    def answer(self, task: Body, **changes: Any) -> httpx.Response:
        tag = f'W/"{self._read("Task/" + task["id"])["meta"]["versionId"]}"'
        return self.http.put(f"/fhir/Task/{task['id']}", json={**task, **changes}, headers={"If-Match": tag})

    def put(self, body: Body) -> httpx.Response:
        return self.http.put(f"/fhir/{body['resourceType']}/{body['id']}", json=body)

    def findings(self, pathway: str) -> list[Body]:
        found: list[Body] = self._read(f"EpisodeOfCare/{pathway}/$findings")["issue"]
        return found

    def counted(self) -> dict[str, int]:
        """How many versions there are of all that a pathway is made of: what writes nothing, half or whole, leaves them so."""
        types = ("Patient", "Observation", "EpisodeOfCare", "CarePlan", "Task", "Goal")
        return {type: self._versions(type) for type in types}

    def _versions(self, type: str) -> int:
        found, address = 0, f"/fhir/{type}/_history?_count=200"
        while address:
            page = self.http.get(address).raise_for_status().json()
            found += len(page.get("entry", []))
            address = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        return found

    def _read(self, name: str) -> Body:
        body: Body = self.http.get(f"/fhir/{name}").raise_for_status().json()
        return body

    def _found(self, type: str, **pairs: str) -> list[Body]:
        bundle = self.http.get(f"/fhir/{type}", params=pairs).raise_for_status().json()
        return [entry["resource"] for entry in bundle.get("entry", [])]


def codes(task: Body) -> list[str]:
    return [coding["code"] for coding in task["code"]["coding"]]


def rules(answer: httpx.Response) -> list[str]:
    """The rule that each issue of an OperationOutcome names."""
    return [issue.get("diagnostics", "").removeprefix("Rule: ") for issue in answer.json()["issue"]]
