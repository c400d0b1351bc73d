"""S13: the configuration is changed while messages wait. Each keeps the route that it came with; what is new goes by what is new.

The fault that this guards against: an engine that ran messages which waited through destinations added after they came. Where
what waits has lost its way, since its hub, partner, service or organisation is gone, it is not sent elsewhere: a person is told.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapter.doctor import examine
from adapter.domain.referral import Service
from adapter.ports import NOBODY, Outgoing, State
from adapter.settings import HubSettings, Organisation, Partner, Receiver, Settings, StoreSettings
from adapter.usecases.deliver import deliver
from adapter.wiring import Services, build
from tests.national_numbers import make
from tests.usecases.house import ADULTS, FOLDER, GP, HOSPITAL, MSG_IDS, OTHER, House, PaperHub, message, uuid


def types(house: House, tenant: str = HOSPITAL) -> list[tuple[str, str]]:
    """(9321 type, rule version) of each pathway that was opened."""
    return [
        (episode["type"][0]["coding"][0]["code"], next(e["valueString"] for e in episode["extension"] if "rule" in e["url"]))
        for episode in house.bodies("EpisodeOfCare", tenant)
    ]


def put_off(house: House) -> str:
    """A referral that a fault of ours has stopped, and that is to be tried again by itself; its id."""
    house.services[ADULTS] = Service(ADULTS, HOSPITAL, "D11", "2019")
    house.translator.faulty = {MSG_IDS["N"]}
    kept = house.receive(message()).message
    house.translator.faulty = set()
    assert kept.state is State.RECEIVED
    house.clock.pass_(minutes=5)
    return kept.id


@pytest.mark.parametrize(
    "now", [Service(ADULTS, HOSPITAL, "D01"), Service(ADULTS, HOSPITAL, "D11", "2025"), Service(ADULTS, HOSPITAL)]
)
def test_s13_what_is_tried_again_by_itself_opens_what_it_would_have_opened_when_it_came(house: House, now: Service) -> None:
    kept = put_off(house)
    house.services[ADULTS] = now

    house.reception.work_due()
    assert (house.message(kept).state, types(house)) == (State.PROCESSED, [("D11", "2019")])


def test_s13_what_a_person_tries_again_goes_by_what_is_configured_then(house: House) -> None:
    kept = put_off(house)
    house.services[ADULTS] = Service(ADULTS, HOSPITAL, "D11", "2025")

    house.reception.retry([HOSPITAL], kept)
    assert types(house) == [("D11", "2025")]


@pytest.mark.parametrize("moved", [True, False], ids=["another organisation's", "gone"])
def test_s13_what_was_sent_to_a_service_that_is_no_longer_ours_is_given_to_nobody_else(house: House, moved: bool) -> None:
    kept = put_off(house)
    del house.services[ADULTS]
    if moved:
        house.services[ADULTS] = Service(ADULTS, OTHER, "D11")

    house.reception.work_due()
    after = house.message(kept)
    assert (after.state, after.tenant) == (State.QUARANTINED, NOBODY)
    assert ADULTS in after.reason
    assert house.bodies("ServiceRequest", OTHER) == house.bodies("ServiceRequest") == []


def test_s13_what_is_parked_is_linked_to_its_referral_which_goes_by_what_is_configured_when_it_comes(house: House) -> None:
    change = house.receive(message("M"), "1").message
    house.services[ADULTS] = Service(ADULTS, HOSPITAL, "D01", "2025")
    house.receive(message(), "2")

    assert house.message(change.id).state is State.PROCESSED
    assert types(house) == [("D01", "2025")]


def test_s13_what_is_parked_for_a_service_that_is_gone_is_told_when_its_time_is_out(house: House) -> None:
    change = house.receive(message("M"), "1").message
    del house.services[ADULTS]
    house.clock.pass_(hours=97)
    house.reception.work_due()
    after = house.message(change.id)
    assert (after.state, after.tenant) == (State.QUARANTINED, HOSPITAL)


def test_s13_what_came_by_a_hub_that_is_gone_is_answered_by_no_other_and_a_person_is_told(house: House) -> None:
    kept = put_off(house)
    house.reception.hubs = {FOLDER: "xml"}

    house.reception.work_due()
    (row,) = house.answers(kept)
    assert (row.hub, row.state, row.error) == ("edi2", "dead", "The hub edi2 is no longer configured.")


# the whole installation, begun anew with another configuration


def settings(folder: Path, **changed: object) -> Settings:
    given = {
        "store": StoreSettings(url=f"sqlite:///{folder}/stafett.db"),
        "organisation": (Organisation(number=HOSPITAL, name="Fjordheim sykehus HF"),),
        "receiver": (Receiver(her_id=ADULTS, organisation=HOSPITAL, pathway="D11", rule_set="2019"),),
        "hub": (HubSettings(kind="folder", path=folder / "hub"),),
    }
    return Settings(**(given | changed))  # type: ignore[arg-type]


def begun(of: Settings) -> Services:
    services = build(of)
    for hub in services.hubs:
        services.worker.serve(hub)
    return services


def everything(services: Services) -> dict[str, list[tuple[object, ...]]]:
    """All that is stored of messages, resources and what leaves, as rows; but for definitions, which are the program's own."""
    with services.store._engines.reading.connect() as connection:  # type: ignore[attr-defined]
        return {
            name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name} WHERE {which} ORDER BY {order}")]
            for name, which, order in (
                ("message", "1=1", "id"),
                ("message_xml", "1=1", "message_id"),
                ("outbox", "1=1", "id"),
                ("resource_version", "type NOT IN ('PlanDefinition', 'ActivityDefinition')", "tenant, type, id, version"),
            )
        }


def drop(folder: Path, name: str, data: bytes) -> None:
    (folder / "hub" / "in").mkdir(parents=True, exist_ok=True)
    (folder / "hub" / "in" / f"{name}.xml").write_bytes(data)


def test_s13_what_is_done_stays_as_it_was_done(tmp_path: Path) -> None:
    drop(tmp_path, "a", message())
    services = begun(settings(tmp_path))
    before = everything(services)
    services.close()
    assert [len(rows) > 0 for rows in before.values()] == [True] * 4

    other = Receiver(her_id=ADULTS, organisation=HOSPITAL, pathway="D01", rule_set="2025", care_level="dognenhet", gate="warn")
    services = begun(settings(tmp_path, receiver=(other,), working_days="mon-sat"))
    services.reception.work_due()
    after = everything(services)
    services.close()
    assert after == before


def warnings(of: Settings) -> list[str]:
    """Of what waits, and for whom."""
    return [one.en for one in examine(of) if one.severity == "warning" and one.where in ("outbox", "messages")]


def test_s13_what_waits_for_a_hub_that_is_gone_is_told_and_leaves_when_it_is_back(tmp_path: Path) -> None:
    services = build(settings(tmp_path))
    drop(tmp_path, "a", message())
    services.worker.reception.receive(services.hubs[0].fetch(1)[0])  # and nobody has sent its AppRec yet
    services.close()

    renamed = settings(tmp_path, hub=(HubSettings(kind="folder", name="post", path=tmp_path / "post"),))
    begun(renamed).close()
    assert warnings(renamed) == [
        "1 wait for folder, which is no [[hub]] or [[partner]] any more: add it again until they are sent",
    ]
    assert not (tmp_path / "post" / "out").exists()

    services = begun(settings(tmp_path))
    [row] = everything(services)["outbox"]
    services.close()
    (left,) = (tmp_path / "hub" / "out").iterdir()
    assert left.read_bytes() in row
    assert warnings(settings(tmp_path)) == []


def test_s13_what_waits_for_a_partner_or_an_organisation_that_is_gone_is_told(tmp_path: Path) -> None:
    partner = Partner(name="municipality", base_url="http://127.0.0.1:9/fhir", organisation="319900306", mode="push")
    two = (*settings(tmp_path).organisation, Organisation(number=OTHER, name="Fjordheim DPS"))
    with_all = settings(tmp_path, partner=(partner,), organisation=two)
    services = build(with_all)
    row = Outgoing(
        id="", tenant=HOSPITAL, key="k", hub="municipality", kind="share", message_id="", hub_id=None, sender="", receiver="",
        body=b"{}", content_type="application/fhir+json", created=services.worker.clock.now(),
    )  # fmt: skip
    theirs = Service("8000103", OTHER, "D01")
    services.reception.services["8000103"] = theirs  # type: ignore[index]
    swaps = (("21889240366", make(21, 8, 1992, "male")),)
    parked = message("M", *swaps, (f"<Id>{ADULTS}<", "<Id>8000103<"))
    with services.store.write() as unit:
        for number in range(3):
            unit.enqueue(replace(row, id=f"{number}", key=f"{number}"))
    (tmp_path / "hub" / "in").mkdir(parents=True)
    drop(tmp_path, "b", parked)
    kept = services.reception.receive(services.hubs[0].fetch(1)[0]).message
    services.close()
    assert (kept.state, kept.tenant) == (State.PARKED, OTHER)

    told = warnings(settings(tmp_path))
    assert "3 wait for municipality, which is no [[hub]] or [[partner]] any more: add it again until they are sent" in told
    assert "1 wait whose organisation is no [[organisation]] any more: add it again until they are dealt with" in told


def test_s13_what_waits_to_leave_leaves_with_its_own_bytes_and_by_its_own_hub(house: House) -> None:
    kept = house.receive(message()).message
    (before,) = house.answers(kept.id)
    house.services[ADULTS] = Service(ADULTS, HOSPITAL, "D01", "2025")
    house.reception.hubs = {"edi2": "xml", FOLDER: "edi2"}  # each hub has come to want the other form

    other, own = PaperHub(FOLDER), PaperHub("edi2")
    assert deliver(house.store, other, house.clock) == []
    deliver(house.store, own, house.clock)
    assert [(row.body, row.content_type, row.receiver) for row in own.delivered] == [(before.body, before.content_type, GP)]
    assert house.receive(message("N", msg_id=uuid(9)), "2").message.state is State.PROCESSED
