"""What clients write of a patient whose address is confidential: kept without it, wherever and however it is written."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.address_protection import LEVELS
from adapter.ports import Unit
from adapter.r4.bundle import Step
from adapter.r4.checker import check
from adapter.usecases.carry_out_bundle import carry_out, prepare
from adapter.usecases.create_resource import create
from adapter.usecases.pathways import Body, plain
from adapter.usecases.update_resource import patch_resource, update
from adapter.usecases.writing import Written
from mappings.resources import protected
from mappings.resources.protected import LABELS, MASKED
from tests.national_numbers import make
from tests.secrecy.messages import CANARIES
from tests.secrecy.scan import rows
from tests.usecases.handover import FNR, HOSPITAL, MUNICIPALITY, World, coordinator

NUMBER = make(1, 2, 1985, "female")
ADDRESS = {"line": ["Kanarifuglvegen 1234"], "postalCode": "8765", "city": "Kanarivik", "district": "Kanaribydelen"}
LABEL = {"system": LABELS, "code": "strictly-confidential"}
"""As a client writes it, without a display."""


def patient(**more: Any) -> Body:
    return {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Kanarifuglvegen 1234</div>'},
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": {"city": "Kanarivik"}}],
        "identifier": [{"system": FNR, "value": NUMBER}],
        "name": [{"family": "Vindstille"}],
        "telecom": [{"system": "phone", "value": "+47 55 09 87 65"}, {"system": "phone", "value": "+47 900 12 345"}],
        "address": [ADDRESS],
        "contact": [{"name": {"family": "Nær"}, "address": ADDRESS, "telecom": [{"system": "phone", "value": "55098765"}]}],
        "generalPractitioner": [{"display": "Kanarivik legesenter"}],
        **more,
    }


def relative(id: str) -> Body:
    return {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{id}"}, "address": [ADDRESS]}


def found(store: Any) -> list[str]:
    text = rows(store).decode("utf-8", "replace")
    return [canary for canary in (*CANARIES, "55098765", "55 09 87 65") if canary in text]


class Client:
    def __init__(self, world: World) -> None:
        self.world = world

    def _run(self, job: Callable[[Unit], Written]) -> tuple[Body, list[str]]:
        written = self.world.store.run(job)
        return {**plain(written.stored), "id": written.stored.id}, [one.en for one in written.findings if one.severity == "warning"]

    def creates(self, resource: Body) -> tuple[Body, list[str]]:
        w, id = self.world, self.world.rules.new_id()
        return self._run(lambda unit: create(unit, w.rules, HOSPITAL, resource, w.clock.now(), id=id))

    def puts(self, resource: Body) -> tuple[Body, list[str]]:
        w = self.world
        return self._run(lambda unit: update(unit, w.rules, HOSPITAL, resource, w.clock.now(), id=resource["id"]))

    def patches(self, id: str, *operations: Body) -> tuple[Body, list[str]]:
        w = self.world
        return self._run(
            lambda unit: patch_resource(unit, w.rules, HOSPITAL, [*operations], w.clock.now(), type="Patient", which=id)
        )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    url = request.getfixturevalue("emptied_on_postgresql") if request.param == "postgresql" else ""
    world = World(tmp_path, url=url, modes={"municipality": "wait"}, hospital_has_server=False)
    yield Client(world)
    world.store.close()


def test_a_labelled_patient_is_kept_without_the_place_and_the_answer_says_so(client: Client) -> None:
    kept, told = client.creates(patient(meta={"security": [LABEL]}))

    assert kept["address"] == [MASKED]
    assert [one["value"] for one in kept["telecom"]] == ["+47 900 12 345"]
    assert kept["contact"] == [{"name": {"family": "Nær"}}]
    assert kept["meta"]["security"] == [LABEL]
    assert "text" not in kept
    assert len(told) == 1
    assert "confidential" in told[0]
    assert [one for one in check(kept) if one.severity in ("error", "fatal")] == []
    assert found(client.world.store) == []


def test_words_in_the_address_label_the_patient(client: Client) -> None:
    kept, _ = client.creates(patient(address=[{"text": "SPERRET ADRESSE"}, ADDRESS]))

    assert protected.level_of(kept) == "strictly-confidential"
    assert found(client.world.store) == []


def test_a_patient_who_becomes_protected_leaves_no_version_with_the_place(client: Client) -> None:
    first, told = client.creates(patient())
    second, _ = client.creates(relative(first["id"]))
    client.creates({**relative(first["id"]), "address": [{**ADDRESS, "line": ["Nabokanarivegen 4321"]}]})
    note = {"resourceType": "Flag", "status": "active", "code": {"text": "Ring på i Kanarifuglvegen 1234"}}
    client.creates({**note, "subject": {"reference": f"Patient/{first['id']}"}})
    client.puts({**patient(birthDate="1985-02-01"), "id": first["id"]})
    assert told == []
    assert found(client.world.store) != []

    client.puts({**patient(meta={"security": [LABEL]}), "id": first["id"]})

    assert found(client.world.store) == []
    with client.world.store.read() as unit:
        versions = [json.loads(one.body) for one in unit.history(HOSPITAL, "Patient", first["id"], 10).found]
        relatives = [plain(one) for one in unit.read_all(HOSPITAL, [("RelatedPerson", second["id"])])]
    assert [one["meta"]["versionId"] for one in versions] == ["3", "2", "1"]
    assert {json.dumps(one["address"]) for one in [*versions, *relatives]} == {json.dumps([MASKED])}


@pytest.mark.parametrize("way", ["puts", "patches", "relative"])
def test_what_comes_later_is_kept_without_it_too(client: Client, way: str) -> None:
    kept, _ = client.creates(patient(meta={"security": [LABEL]}))

    if way == "puts":  # without the label: it stays
        after, told = client.puts({**patient(), "id": kept["id"]})
    elif way == "patches":
        after, told = client.patches(kept["id"], {"op": "add", "path": "/address/-", "value": ADDRESS})
    else:
        after, told = client.creates(relative(kept["id"]))

    assert after["address"] == [MASKED]
    assert len(told) == 1
    assert found(client.world.store) == []


def test_a_transaction_with_the_patient_and_a_relative_keeps_neither_address(client: Client) -> None:
    world = client.world
    urn = "urn:uuid:00000000-0000-4000-8000-000000000001"
    relation = {**relative("x"), "patient": {"reference": urn}}
    steps = [
        Step(0, "POST", ("Patient",), resource=patient(meta={"security": [LABEL]}), full_url=urn),
        Step(1, "POST", ("RelatedPerson",), resource=relation),
    ]
    ready = prepare(steps, world.rules)
    world.store.run(lambda unit: carry_out(unit, world.rules, HOSPITAL, ready, world.clock.now(), lambda unit, step: None))

    assert found(world.store) == []


def test_a_label_is_taken_off_by_saying_that_the_protection_is_lifted(client: Client) -> None:
    kept, _ = client.creates(patient(meta={"security": [LABEL]}))

    after, told = client.puts({**patient(meta={"security": [{"system": LABELS, "code": "lifted"}]}), "id": kept["id"]})

    assert after["meta"].get("security", []) == []
    assert after["address"] == [ADDRESS]
    assert told == []


def test_an_assignment_of_a_protected_patient_names_the_legal_entities_and_who_coordinates(client: Client) -> None:
    """Also after acceptance, whoever of the two writes it."""
    world = client.world
    client.creates(patient(meta={"security": [LABEL]}))
    unit = {"resourceType": "Location", "id": "there", "name": "Kanariklubben"}
    key = world.hospital_asks(
        contained=[unit],
        location={"reference": "#there"},
        note=[{"text": "Kanari"}],
    )
    theirs = world.mirror(key, MUNICIPALITY)
    world.writes({**theirs, "status": "accepted", "note": [{"text": "Kanari"}]}, MUNICIPALITY)
    named = coordinator()
    named["contained"][0] |= {"location": [{"display": "Kanariklubben"}]}
    world.writes({**world.mirror(key, MUNICIPALITY), "status": "completed", **named}, MUNICIPALITY)

    assert b"Kanari" not in rows(world.store)
    assert "Kari Koordinator" in json.dumps(world.team())


def test_assignments_that_stood_before_lose_what_is_not_for_others_in_both_spaces(client: Client) -> None:
    world = client.world
    first, _ = client.creates(patient())
    key = world.hospital_asks(note=[{"text": "Kanarinotat"}])
    named = coordinator()
    named["contained"][0] |= {"location": [{"display": "Kanariklubben"}]}
    world.writes({**world.mirror(key, MUNICIPALITY), "status": "accepted"}, MUNICIPALITY)
    world.writes({**world.mirror(key, MUNICIPALITY), "status": "completed", **named}, MUNICIPALITY)
    with world.store.read() as unit:
        assert any(b"Kanariklubben" in one.body for one in unit.history(MUNICIPALITY, "Task", None, 10).found)

    client.puts({**patient(meta={"security": [LABEL]}), "id": first["id"]})

    with world.store.read() as unit:
        versions = [one for space in (HOSPITAL, MUNICIPALITY) for one in unit.history(space, "Task", None, 20).found]
    assert len(versions) == 6
    assert [one.body for one in versions if b"Kanari" in one.body] == []
    assert all("Kari Koordinator" in json.dumps(world.mirror(key, space)) for space in (HOSPITAL, MUNICIPALITY))


# --- laws

names = ["address", "telecom", "value", "text", "div", "contact", "extension", "url", "valueAddress", "display", "line"]
texts = st.sampled_from(["Kanarifuglvegen 1234", "KODE 6", "", "8765", "55098765", "+4790012345"])
values = st.recursive(
    texts | st.booleans() | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["address", "telecom", "value", "text", "div", "contact", "extension", "url", "valueAddress", "display", "line"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    resource=st.fixed_dictionaries(
        {"resourceType": st.sampled_from(["Patient", "RelatedPerson"])},
        optional=dict.fromkeys(("address", "telecom", "contact", "extension", "text", "contained", "meta"), values),
    ),
    level=st.sampled_from(LEVELS),
)
def test_withholding_twice_is_withholding_once_and_no_address_is_left_anywhere(resource: Body, level: str) -> None:
    """Whatever a resource is made of: the functions are total."""
    made = protected.withheld(resource, level)

    assert protected.withheld(made, level) == made
    assert all(one == [MASKED] for one in _addresses(made))
    if made["resourceType"] == "Patient":
        assert protected.level_of(made) == level


def _addresses(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _addresses(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "address":
                yield inner
            else:
                yield from _addresses(inner)


# --- however the patient is named, whatever the resource is

PERSON = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:a", "value": "1"}, {"system": FNR, "value": NUMBER}]}
WAYS: dict[str, Callable[[str], Body]] = {
    "a link to a version": lambda id: {"reference": f"Patient/{id}/_history/1"},
    "our whole address": lambda id: {"reference": f"https://service.example/fhir/Patient/{id}"},
    "the number": lambda id: {"identifier": {"system": FNR, "value": NUMBER}},
    "the number with the bare OID": lambda id: {"identifier": {"system": FNR.removeprefix("urn:oid:"), "value": NUMBER}},
    "the number without its system": lambda id: {"identifier": {"value": NUMBER}},
    "a contained Patient, by another number first": lambda id: {"reference": "#p"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_relative_is_kept_without_the_place_however_the_patient_is_named(client: Client, way: str) -> None:
    client.world.rules = replace(client.world.rules, base="https://service.example/fhir")
    kept, _ = client.creates(patient(meta={"security": [LABEL]}))
    said = {"resourceType": "RelatedPerson", "patient": WAYS[way](kept["id"]), "address": [ADDRESS]}
    if "contained" in way:
        said["contained"] = [{**PERSON, "address": [ADDRESS]}]

    after, told = client.creates(said)

    assert after["address"] == [MASKED]
    assert len(told) == 1
    assert found(client.world.store) == []


def test_a_contained_patient_of_any_resource_is_kept_without_the_place_and_so_is_the_text_beside_it(client: Client) -> None:
    client.creates(patient(meta={"security": [LABEL]}))
    data = b64encode(b"Bor i kanarifuglvegen 1234.").decode()
    code = {"text": "Ring på i KANARIFUGLVEGEN 1234"}
    flag = {"resourceType": "Flag", "status": "active", "code": code, "subject": {"reference": "#p"}}
    letter = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": "#p"},
        "content": [{"attachment": {"contentType": "text/plain", "data": data, "size": 27}}],
    }

    for said in (flag, letter):
        after, told = client.creates({**said, "contained": [{**PERSON, "address": [ADDRESS]}]})
        assert after["contained"] == [{**PERSON, "address": [MASKED]}]  # without a label: R4 has none within (dom-5)
        assert [one for one in check({**after, "meta": {"versionId": "1"}}) if one.severity in ("error", "fatal")] == []
        assert len(told) == 1
    assert after["content"] == [{"attachment": {"contentType": "text/plain", "data": b64encode(b"Bor i [utelatt].").decode()}}]
    assert found(client.world.store) == []
    assert b"anarifuglvegen" not in rows(client.world.store).lower()


def test_another_persons_contained_patient_keeps_the_address(client: Client) -> None:
    client.creates(patient(meta={"security": [LABEL]}))
    other = {**PERSON, "identifier": [{"system": FNR, "value": make(1, 2, 1986, "female")}], "address": [ADDRESS]}

    after, told = client.creates({**relative("x"), "patient": {"reference": "#p"}, "contained": [other]})

    assert (after["address"], after["contained"], told) == ([ADDRESS], [other], [])


def test_a_patient_who_is_protected_from_the_first_is_cleansed_for_as_well(client: Client) -> None:
    """What speaks of them by number may be older than the Patient."""
    by_number = {"identifier": {"system": FNR, "value": NUMBER}}
    said, _ = client.creates({**relative("x"), "patient": by_number})
    client.creates({"resourceType": "Flag", "status": "active", "code": {"text": "Kanarifuglvegen 1234"}, "subject": by_number})

    client.creates(patient(meta={"security": [LABEL]}))

    assert found(client.world.store) == []
    with client.world.store.read() as unit:
        (stored,) = unit.read_all(HOSPITAL, [("RelatedPerson", said["id"])])
    assert plain(stored)["address"] == [MASKED]


def test_the_street_is_found_in_any_case_and_in_text_that_is_attached(client: Client) -> None:
    first, _ = client.creates(patient())
    of = {"reference": f"Patient/{first['id']}"}
    client.creates({"resourceType": "Flag", "status": "active", "code": {"text": "i kanarifuglVEGEN 1234"}, "subject": of})
    for said in ("Bor i Kanarifuglvegen 1234, blåmalt".encode(), "Bor i Kanarifuglvegen 1234, blåmalt".encode("latin-1")):
        data = b64encode(said).decode()
        binary, _ = client.creates({"resourceType": "Binary", "contentType": "text/plain", "securityContext": of, "data": data})

    client.puts({**patient(meta={"security": [LABEL]}), "id": first["id"]})

    assert b"kanarifugl" not in rows(client.world.store).lower()
    with client.world.store.read() as unit:
        (stored,) = unit.read_all(HOSPITAL, [("Binary", binary["id"])])
    assert b64decode(plain(stored)["data"]).decode() == "Bor i [utelatt], blåmalt"
