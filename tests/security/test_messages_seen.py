"""Messages, pathways and deliveries with tokens: who may put one where, who is shown one, and what is written down of either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from adapter.ports import AuditRecord, MessageQuery, State
from tests.bad_inputs.message import GOOD, MSG_ID, fresh, spoil
from tests.fhir.test_blocks import HPR, block
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service
from tests.http.waiting_deliveries import changed
from tests.security.issuer import Client, Issuer
from tests.storage.things import a_message

XML = {"Content-Type": "application/xml"}
OTHER, DOCTOR = "319900403", "9144897"
ALL = ["system/*.cruds", "nhn:pakkeforlop/messages", "nhn:pakkeforlop/operate"]
TOLD = ("<TextResultValue>", "<TextResultValue>HEMMELIG ")


@dataclass(frozen=True)
class House:
    """The hospital with a referral that was taken in, one that was not, one that nobody can read; and the blocked."""

    service: Service
    own: Client
    other: Client
    doctor: Client
    made: str
    quarantined: str
    unreadable: str
    patient: str

    def get(self, path: str, who: Client) -> httpx.Response:
        return self.service.http.get(path, auth=who)

    def last(self) -> tuple[AuditRecord, dict[str, Any]]:
        """The record of the latest request, of the hospital's space."""
        with self.service.store.read() as unit:
            record = [link.record for link in unit.audit_links(limit=10_000) if b'"route"' in link.record.body][-1]
        return record, msgspec.json.decode(record.body)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with issuer.served():
        yield issuer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[House]:
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else ""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with real_service(folder, url, others=[OTHER], issuer=issuer) as service:
        own, other = (issuer.client(parent=number, scopes=ALL) for number in (HOSPITAL, OTHER))
        made = send(service, own, GOOD)
        quarantined = send(service, own, spoil(TOLD))
        unreadable = a_message(str(uuid4()), tenant=HOSPITAL, received=service.clock.now(), state=State.QUARANTINED)
        with service.store.write() as unit:  # as a hub brought it, which says whom it is for
            unit.add_message(unreadable, b"<unknown/>")
        (patient,) = (one["resource"]["id"] for one in service.http.get("/fhir/Patient", auth=own).json()["entry"])
        assert service.http.post("/fhir/Consent", json=block(patient, (HPR, DOCTOR)), auth=own).status_code == 201
        doctor = issuer.client(parent=HOSPITAL, hpr=DOCTOR, scopes=ALL)
        yield House(service, own, other, doctor, made, quarantined, unreadable.id, patient)


def send(service: Service, who: Client, content: str) -> str:
    answer = service.http.post("/messages", content=content.encode(), headers=XML, auth=who)
    assert answer.status_code in (201, 409), answer.text
    return str(answer.json()["id"])


# --- whom a patient has blocked


@pytest.mark.parametrize("path", ["/messages/{}", "/messages/{}/xml", "/messages/{}/explanation", "/console/messages/{}"])
def test_who_is_blocked_does_not_see_a_message_that_made_nothing_and_the_patient_sees_that_they_tried(
    house: House, path: str
) -> None:
    answer = house.get(path.format(house.quarantined), house.doctor)
    record, said = house.last()

    assert answer.status_code == 404
    assert "HEMMELIG" not in answer.text
    assert said["asked"] == [f"Message/{house.quarantined}"]
    assert record.about == ("urn:oid:2.16.578.1.12.4.1.4.1|" + number(),)
    assert house.get(path.format(house.quarantined), house.own).status_code == 200


def number() -> str:
    """The national number of the example's patient, as the message itself has it."""
    before = GOOD[: GOOD.index('V="FNR"')]
    return before[before.rindex("<Id>") + 4 :].partition("<")[0]


def test_who_is_blocked_finds_and_counts_no_message_of_that_patient(house: House) -> None:
    seen = [one["id"] for one in house.get("/messages", house.doctor).json()["items"]]
    page = house.get("/", house.doctor).text

    assert house.unreadable in seen
    assert not {house.made, house.quarantined} & {*seen}
    assert house.quarantined not in page


def test_what_cannot_be_read_is_shown_to_those_whom_nobody_blocks(house: House) -> None:
    path = f"/messages/{house.unreadable}/xml"

    assert (house.get(path, house.own).status_code, house.get(path, house.doctor).status_code) == (200, 404)
    assert house.get(f"/messages/{house.unreadable}", house.doctor).status_code == 200


# --- whose services


def answer_of(house: House, who: Client, content: str) -> tuple[int, Any]:
    answer = house.service.http.post("/messages", content=content.encode(), headers=XML, auth=who)
    return answer.status_code, answer.json()


def test_a_message_to_anothers_service_is_as_one_to_nobodys(house: House) -> None:
    """Whether it is new, the same again, or has a MsgId that is taken: and nothing is put anywhere."""
    with house.service.store.read() as unit:
        before = unit.messages([HOSPITAL, OTHER, ""], MessageQuery(limit=100))
    new = spoil((MSG_ID, fresh("new")))
    nobodys = answer_of(house, house.other, new.replace("8000101", "8000777"))
    answers = [
        answer_of(house, house.other, content) for content in (GOOD, spoil(("<TextResultValue>", "<TextResultValue>x ")), new)
    ]
    with house.service.store.read() as unit:
        after = unit.messages([HOSPITAL, OTHER, ""], MessageQuery(limit=100))

    assert nobodys[0] == 422
    assert answers == [nobodys] * 3
    assert after == before


# --- what is written down


def test_a_message_that_is_sent_is_told_with_its_id_and_patient(house: House) -> None:
    id = send(house.service, house.own, spoil((MSG_ID, fresh("told"))))
    record, said = house.last()

    assert (record.tenant, record.about) == (HOSPITAL, (house.patient,))
    assert said["seen"] == [["C", "Message", id, 1, 0]]


def test_a_look_at_a_message_that_made_nothing_is_told_with_its_id_and_patient(house: House) -> None:
    house.get(f"/messages/{house.quarantined}/xml", house.own)
    record, said = house.last()

    assert record.about == ("urn:oid:2.16.578.1.12.4.1.4.1|" + number(),)
    assert said["seen"] == [["R", "Message", house.quarantined, 1, 0]]


@pytest.mark.parametrize("path", ["/messages", "/"])
def test_a_list_tells_which_messages_it_showed(house: House, path: str) -> None:
    house.get(path, house.own)
    record, said = house.last()

    assert {house.made, house.quarantined, house.unreadable} <= {one[2] for one in said["seen"]}
    assert house.patient in record.about


def episode_of(house: House) -> str:
    """The pathway that the first referral opened."""
    found = house.get(f"/messages/{house.made}/bundle", house.own).json()["entry"]
    return str(next(one["resource"]["id"] for one in found if one["resource"]["resourceType"] == "EpisodeOfCare"))


def test_pathways_that_are_shown_or_asked_for_are_told(house: House) -> None:
    episode = episode_of(house)
    house.get("/pathways", house.own)
    listed, shown = house.last()
    refused = house.get(f"/pathways/{episode}", house.doctor).status_code
    tried, asked = house.last()

    assert listed.about == (house.patient,)
    assert episode in {one[2] for one in shown["seen"]}
    assert (refused, tried.about, asked["asked"]) == (404, (house.patient,), [f"EpisodeOfCare/{episode}"])


def test_deliveries_that_are_shown_asked_for_or_decided_on_are_told(house: House) -> None:
    id, about = str(uuid4()), f"EpisodeOfCare/{episode_of(house)}"
    with house.service.store.write() as unit:
        unit.enqueue(changed(id, about=about, state="dead"))

    house.get("/deliveries", house.own)
    listed, shown = house.last()
    refused = house.get(f"/deliveries/{id}", house.doctor).status_code
    tried, asked = house.last()
    house.get(f"/deliveries/{id}", house.own)
    read = house.last()[1]
    house.service.http.post(f"/deliveries/{id}/dismiss", auth=house.own)
    decided = house.last()[1]

    assert (listed.about, shown["seen"]) == ((house.patient,), [["R", "Delivery", id, 1, 0]])
    assert (refused, tried.about, asked["asked"]) == (404, (house.patient,), [f"Delivery/{id}"])
    assert ["R", "Delivery", id, 1, 0] in read["seen"]
    assert decided["seen"] == [["U", "Delivery", id, 1, 0]]


def test_a_refused_decision_on_a_message_is_told_to_its_patient(house: House, issuer: Issuer) -> None:
    clerk = issuer.client(parent=HOSPITAL, scopes=["nhn:pakkeforlop/messages"])
    refused = house.service.http.post(f"/messages/{house.made}/dismiss", auth=clerk).status_code
    tried, asked = house.last()

    assert (refused, tried.about, asked["asked"]) == (403, (house.patient,), [f"Message/{house.made}"])
