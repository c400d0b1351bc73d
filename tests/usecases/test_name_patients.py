"""Whom the messages speak of that were here before it was kept."""

from __future__ import annotations

from dataclasses import replace

from adapter.ports import NOBODY
from adapter.usecases.name_patients import name_patients
from tests.usecases.house import ELSEWHERE, HOSPITAL, House, message, uuid

OF_EXAMPLE = "urn:oid:2.16.578.1.12.4.1.4.1|21889240366"  # FNR of the example's patient


def named(house: House) -> None:
    name_patients(house.store, house.translator, house.services, [HOSPITAL, NOBODY])


def forgotten(house: House, *ids: str) -> None:
    with house.store.write() as unit:
        for id in ids:
            unit.change_message(replace(house.message(id), patient=""))


def test_each_message_that_made_nothing_is_named_once_and_the_others_are_let_be(house_on: House) -> None:
    house = house_on
    made = house.receive(message()).message.id
    kept = [
        house.receive(message(msg_id="17"), hub_id="2", msg_id="17").message.id,
        house.receive(message(msg_id=uuid(1)), hub_id="3", receiver=ELSEWHERE).message.id,
    ]
    unread = house.receive(b"<Epikrise/>", hub_id="4", msg_id=uuid(5)).message.id
    before = house.message(made)
    forgotten(house, *kept)

    named(house)
    assert [house.message(id).patient for id in (*kept, unread)] == [OF_EXAMPLE, OF_EXAMPLE, ""]
    assert house.message(made) == before

    forgotten(house, *kept)
    named(house)
    assert [house.message(id).patient for id in kept] == ["", ""]
