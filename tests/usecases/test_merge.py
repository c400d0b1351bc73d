"""A person met again: FHIR's own semantics of names, addresses, identifiers and telecoms, and two laws over all inputs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mappings.resources.merge import merge, overlay

Body = dict[str, Any]


def test_an_absent_element_removes_nothing() -> None:
    old = {"resourceType": "Patient", "gender": "female", "birthDate": "1985-03-12", "address": [{"city": "Bodø"}]}
    assert merge(old, {"resourceType": "Patient"}) == old


def test_identifiers_are_united_and_the_newer_detail_wins() -> None:
    old = {"identifier": [{"system": "a", "value": "1", "use": "temp"}, {"system": "a", "value": "2"}]}
    new = {"identifier": [{"system": "a", "value": "1", "use": "official"}, {"system": "b", "value": "1"}]}
    assert merge(old, new) == {
        "identifier": [
            {"system": "a", "value": "1", "use": "official"},
            {"system": "a", "value": "2"},
            {"system": "b", "value": "1"},
        ]
    }


def test_another_name_of_the_same_use_makes_the_stored_one_old() -> None:
    old = {"name": [{"use": "official", "family": "Elveland", "given": ["Sol"]}, {"use": "nickname", "given": ["Lille"]}]}
    new = {"name": [{"use": "official", "family": "Fjellheim", "given": ["Sol"]}]}
    assert merge(old, new) == {
        "name": [
            {"use": "official", "family": "Fjellheim", "given": ["Sol"]},
            {"use": "old", "family": "Elveland", "given": ["Sol"]},
            {"use": "nickname", "given": ["Lille"]},
        ]
    }


def test_a_name_taken_back_is_current_once_and_old_no_more() -> None:
    maiden, married = {"family": "Elveland"}, {"family": "Fjellheim"}
    known = merge({"name": [maiden]}, {"name": [married]})
    assert merge(known, {"name": [maiden]}) == {"name": [maiden, {"family": "Fjellheim", "use": "old"}]}


def test_a_move_keeps_the_former_address_as_old() -> None:
    old = {"address": [{"use": "home", "city": "Bodø"}, {"use": "temp", "city": "Tromsø"}]}
    assert merge(old, {"address": [{"use": "home", "city": "Vågå"}]}) == {
        "address": [{"use": "home", "city": "Vågå"}, {"use": "old", "city": "Bodø"}, {"use": "temp", "city": "Tromsø"}]
    }


def test_a_choice_element_is_one_of_its_types() -> None:
    assert merge({"deceasedBoolean": True}, {"deceasedDateTime": "2026-01-02"}) == {"deceasedDateTime": "2026-01-02"}


def test_a_primitives_extension_goes_with_the_value_that_it_was_of() -> None:
    absent = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
    assert merge({"_birthDate": absent}, {"birthDate": "1985-03-12"}) == {"birthDate": "1985-03-12"}


def test_an_organisations_name_is_replaced() -> None:
    assert merge({"name": "Gammelt sykehus"}, {"name": "Nytt sykehus"}) == {"name": "Nytt sykehus"}


def test_the_newer_message_is_the_source_and_tags_are_united() -> None:
    old = {"meta": {"source": "urn:uuid:1", "versionId": "3", "tag": [{"code": "a"}]}}
    assert merge(old, {"meta": {"source": "urn:uuid:2", "tag": [{"code": "b"}]}}) == {
        "meta": {"source": "urn:uuid:2", "versionId": "3", "tag": [{"code": "a"}, {"code": "b"}]}
    }


def test_an_extension_replaces_those_of_its_url_only() -> None:
    old = {"extension": [{"url": "a", "valueCode": "1"}, {"url": "b", "valueCode": "1"}]}
    assert merge(old, {"extension": [{"url": "a", "valueCode": "2"}]}) == {
        "extension": [{"url": "b", "valueCode": "1"}, {"url": "a", "valueCode": "2"}]
    }


def test_a_cancellation_keeps_what_it_leaves_out() -> None:
    old = {"status": "active", "reasonCode": [{"text": "søvn"}], "extension": [{"url": "a", "valueCode": "1"}]}
    new = {"status": "revoked", "extension": [{"url": "b", "valueCode": "2"}]}
    assert overlay(old, new) == {
        "status": "revoked",
        "reasonCode": [{"text": "søvn"}],
        "extension": [{"url": "a", "valueCode": "1"}, {"url": "b", "valueCode": "2"}],
    }


WORD = st.sampled_from(["a", "b", "c"])
USE = st.sampled_from(["official", "home", "temp", "old"])


def _some(**fields: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, str]]]:
    """A few members with some of these fields, no two alike."""
    member = st.fixed_dictionaries({}, optional=fields).filter(bool)
    return st.lists(member, min_size=1, max_size=3, unique_by=lambda m: repr(sorted(m.items())))


def _unique(members: list[dict[str, str]]) -> bool:
    keys = [(m.get("system"), m.get("value")) for m in members]
    return len(keys) == len(set(keys))


PERSONS = st.fixed_dictionaries(
    {},
    optional={
        "gender": WORD,
        "birthDate": WORD,
        "_birthDate": st.just({"id": "x"}),
        "deceasedBoolean": st.booleans(),
        "deceasedDateTime": WORD,
        "name": _some(use=USE, family=WORD),
        "address": _some(use=USE, city=WORD),
        "identifier": _some(system=WORD, value=WORD, use=USE).filter(_unique),
        "telecom": _some(system=WORD, value=WORD, use=USE).filter(_unique),
        "extension": _some(url=WORD, valueCode=WORD),
        "meta": st.fixed_dictionaries({"source": WORD}),
    },
)


@given(PERSONS, PERSONS)
def test_merging_twice_is_merging_once(old: Body, new: Body) -> None:
    once = merge(old, new)
    assert merge(once, new) == once


@given(PERSONS, PERSONS)
def test_nothing_that_was_known_disappears(old: Body, new: Body) -> None:
    merged = merge(old, new)
    for key in ("identifier", "telecom"):
        assert _keys(old.get(key, [])) <= _keys(merged.get(key, []))
    for key, content in (("name", "family"), ("address", "city")):
        assert {m.get(content) for m in old.get(key, [])} <= {m.get(content) for m in merged.get(key, [])}
    bare = {key.removeprefix("_") for key in merged}
    assert {key.removeprefix("_") for key in old if not key.startswith("deceased")} <= bare


@given(PERSONS, PERSONS)
def test_everything_that_is_said_now_stands(old: Body, new: Body) -> None:
    merged = merge(old, new)
    for key in ("gender", "birthDate", "deceasedBoolean", "deceasedDateTime"):
        assert merged.get(key) == new[key] if key in new else True
    assert all(member in merged["name"] for member in new.get("name", []))


def _keys(members: list[dict[str, str]]) -> set[tuple[str | None, str | None]]:
    return {(m.get("system"), m.get("value")) for m in members}
