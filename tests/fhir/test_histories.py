"""Whatever an EPJ sends, in whatever order and form: no answer is a fault of ours, what is refused leaves nothing behind, and
what stands is what a refold would make of it.

The histories are random, by hypothesis; each is of one patient, with the rules and the way in that its first draw says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapter.domain.referral import Service as Receiving
from adapter.usecases.pathways import Pathways
from adapter.usecases.refold import refold
from mappings.rules import national
from tests.fhir.epj import BASE, GRANTED, REFUSED, Epj, codes, component, output
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service

KINDS = ("A", "L", "M", "CU", "CP", "CT", "CK", "E", "F", "SM", "SI", "UB", "UU", "HK", "HP", "XG", "XP", "XN", "XR", "D", "T", "P")
BEGAN = {"2019": date(2024, 3, 1), "2025": date(2026, 2, 2)}
LEVELS = [component("care-level", f"{BASE}/CodeSystem/care-level", level) for level in ("poliklinikk", "dognenhet")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with real_service(tmp_path_factory.mktemp("histories")) as service:
        yield service


class History:
    """One patient's, as an EPJ of any manners would write it."""

    def __init__(self, service: Service, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.epj, self.draw = Epj(service), draw
        rules = draw(st.sampled_from(national().all()))
        self.type, self.began = rules.pathway, BEGAN[rules.version]

    def made(self) -> dict[str, Any]:
        draw = self.draw
        on = self.began + timedelta(days=draw(st.integers(0, 90)))
        time = draw(st.sampled_from(["", "T00:30:00+01:00", "T22:30:00Z"]))
        code, combined = self.type + draw(st.sampled_from(KINDS)), draw(st.booleans())
        event = self.epj.event(code, on.isoformat() + time, combined=combined and not code.endswith("L"))
        if draw(st.integers(0, 4)) == 0:
            event.setdefault("component", []).append(draw(st.sampled_from(LEVELS)))
        if (pathways := self.epj.pathways()) and draw(st.booleans()):
            event["focus"] = [{"reference": f"EpisodeOfCare/{draw(st.sampled_from(sorted(one['id'] for one in pathways)))}"}]
        return event

    def start(self) -> httpx.Response:
        return self.epj.send(self.epj.event(f"{self.type}A", self.began.isoformat()))

    def register(self) -> httpx.Response:
        return self.epj.send(self.made())

    def together(self) -> httpx.Response:
        return self.epj.together([self.made() for _ in range(self.draw(st.integers(2, 3)))])

    def amend(self) -> httpx.Response:
        if not (events := sorted(self.epj.events(), key=lambda one: one["id"])):
            return self.start()
        event = self.draw(st.sampled_from(events))
        match self.draw(st.sampled_from(["retract", "patch", "reinstate", "move"])):
            case "patch":
                return self.epj.http.patch(
                    f"/fhir/Observation/{event['id']}",
                    json=[{"op": "replace", "path": "/status", "value": "entered-in-error"}],
                    headers={"Content-Type": "application/json-patch+json"},
                )
            case "move":
                on = self.began + timedelta(days=self.draw(st.integers(0, 90)))
                return self.epj.put(event | {"effectiveDateTime": on.isoformat()})
            case how:
                return self.epj.put(event | {"status": "final" if how == "reinstate" else "entered-in-error"})

    def answer(self) -> httpx.Response:
        tasks = sorted((task for one in self.epj.pathways() for task in self.epj.tasks(one["id"])), key=lambda one: one["id"])
        if not tasks:
            return self.start()
        task = self.draw(st.sampled_from(tasks))
        on = (self.began + timedelta(days=self.draw(st.integers(0, 90)))).isoformat()
        said: dict[str, Any] = {"status": self.draw(st.sampled_from(["completed", "requested", "cancelled", "rejected"]))}
        if said["status"] == "completed":
            said["executionPeriod"] = {"end": on}
        if said["status"] in ("cancelled", "rejected"):
            said["statusReason"] = {"text": "Etter avtale."}
        if "assess-referral" in codes(task):
            granted = [*GRANTED, output("date-limit", valueDate=on)]
            said["output"] = [*self.draw(st.sampled_from([granted, REFUSED])), output("assessed-on", valueDate=on)]
        return self.epj.answer(task, **said)

    def born(self) -> httpx.Response:
        patient = self.epj.http.get(f"/fhir/Patient/{self.epj.patient}").json()
        return self.epj.put(patient | {"birthDate": self.draw(st.sampled_from(["1985-03-01", "2007-03-15", "2012-01-01"]))})


STEPS = (History.register, History.register, History.together, History.amend, History.answer, History.born)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_whatever_is_sent_what_stands_is_what_a_refold_makes_of_it(running: Service, data: st.DataObject) -> None:
    history = History(running, data.draw)
    assert history.start().status_code == 201
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=12)):
        before = history.epj.counted()

        answer = step(history)

        assert answer.status_code in (200, 201, 422), answer.text
        if answer.status_code == 422:
            assert all(issue["details"]["text"] for issue in answer.json()["issue"])
            assert history.epj.counted() == before
    assert differences(running) == []


def differences(service: Service) -> list[Any]:
    pathways = Pathways(
        national(),
        services={type: Receiving(type, HOSPITAL, type) for type in ("D11", "D12", "D01")},
        base=f"{service.base}/fhir",
    )
    return list(refold(service.store, [HOSPITAL], pathways, service.clock.now(), check=True))
