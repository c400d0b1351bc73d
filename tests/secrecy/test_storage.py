"""What the store does with what is not to be kept, alike on both engines."""

from __future__ import annotations

import json

from adapter.ports import Clause, Match, Query
from adapter.usecases.writing import draft
from tests.secrecy.scan import rows
from tests.usecases.house import HOSPITAL, NOW, OTHER, House

FLAG = {"resourceType": "Flag", "id": "a", "status": "active", "code": {"text": "Kanari"}, "subject": {"reference": "Patient/p"}}


def put(house: House, tenant: str = HOSPITAL, **more: object) -> int:
    with house.store.write() as unit:
        return unit.put(tenant, [draft("Flag", "a", {**FLAG, **more})], NOW)[0].version


def test_what_is_removed_was_never_in_that_space_and_is_untouched_in_another(house_on: House) -> None:
    put(house_on)
    put(house_on, status="inactive")
    put(house_on, OTHER)

    with house_on.store.write() as unit:
        assert unit.remove(HOSPITAL, "Flag", "a")
        assert not unit.remove(HOSPITAL, "Flag", "a")
        assert not unit.remove(HOSPITAL, "Task", "a")

    with house_on.store.read() as unit:
        assert unit.read(HOSPITAL, "Flag", "a") is None
        assert unit.read(HOSPITAL, "Flag", "a", 1) is None
        assert unit.history(HOSPITAL, "Flag", None, 10).found == []
        assert unit.search(HOSPITAL, Query("Flag", [Clause("patient", [Match("Patient", "p")])])).found == []
        assert unit.read(OTHER, "Flag", "a") is not None
    assert put(house_on) == 1


def test_a_body_is_changed_in_place_and_its_versions_stay(house_on: House) -> None:
    put(house_on)
    put(house_on, status="inactive")

    with house_on.store.write() as unit:
        assert unit.resources_of(HOSPITAL, "p") == [("Flag", "a")]
        assert unit.resources_of(OTHER, "p") == []
        assert unit.rewrite(HOSPITAL, "Flag", "a", lambda body: body.replace(b"Kanari", b"")) == 2
        assert unit.rewrite(HOSPITAL, "Flag", "a", lambda body: body.replace(b"Kanari", b"")) == 0

    with house_on.store.read() as unit:
        found = unit.history(HOSPITAL, "Flag", "a", 10).found
    assert [(one.version, json.loads(one.body)["status"]) for one in found] == [(2, "inactive"), (1, "active")]
    assert b"Kanari" not in rows(house_on.store)
