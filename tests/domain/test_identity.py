"""Ids: uuid5 of RFC 9562 for what is no secret, a keyed hash for persons, and what counts as a UUID."""

from __future__ import annotations

import hashlib
import hmac
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.identity import BASE, DEMONSTRATION_KEY, NAMESPACE, is_uuid, keyed, message_id, named, series

words = st.text(max_size=20).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)


def test_the_namespace_is_made_of_the_canonical_base() -> None:
    assert uuid.uuid5(uuid.NAMESPACE_URL, BASE) == NAMESPACE


@given(st.lists(words | st.integers(), min_size=1, max_size=4))
def test_a_name_is_the_uuid5_of_its_parts(parts: list[object]) -> None:
    assert named(*parts) == str(uuid.uuid5(NAMESPACE, "|".join(map(str, parts))))


@given(st.lists(words, min_size=1, max_size=3), words)
def test_a_series_gives_the_names_that_begin_alike(parts: list[str], last: str) -> None:
    begun = series(*parts)

    assert (begun(last), begun(last)) == (named(*parts, last),) * 2


@given(words, words, words)
def test_a_persons_id_is_a_keyed_hash_shaped_as_a_uuid(organisation: str, system: str, value: str) -> None:
    given_id = uuid.UUID(keyed(DEMONSTRATION_KEY)(organisation, system, value))
    mac = hmac.digest(DEMONSTRATION_KEY, f"{organisation}|{system}|{value}".encode(), "sha256")

    assert given_id.version == 8
    assert given_id == uuid.UUID(int=_shaped(mac[:16]))


def _shaped(octets: bytes) -> int:
    """Version 8 and RFC 9562's variant set in 128 bits."""
    bits = int.from_bytes(octets, "big")
    return bits & ~(0xF << 76) & ~(0b11 << 62) | (8 << 76) | (0b10 << 62)


def test_another_key_organisation_system_or_value_is_another_person() -> None:
    ours = keyed(b"one")
    ids = {ours("1", "s", "v"), keyed(b"two")("1", "s", "v"), ours("2", "s", "v"), ours("1", "t", "v"), ours("1", "s", "w")}

    assert len(ids) == 5
    assert keyed(b"one")("1", "s", "v") in ids
    assert hashlib.sha256(b"1|s|v").hexdigest()[:8] not in {id[:8] for id in ids}


def test_a_message_is_known_by_receiver_sender_and_msg_id_and_by_its_content_where_another_took_the_key() -> None:
    assert message_id("8000101", "8000200", "M") == str(uuid.uuid5(NAMESPACE, "message|8000101|8000200|M"))
    assert message_id("8000101", "8000200", "M", "abc") == str(uuid.uuid5(NAMESPACE, "message|8000101|8000200|M|abc"))


@given(st.uuids())
def test_a_uuid_is_one_in_either_case(value: uuid.UUID) -> None:
    assert is_uuid(str(value))
    assert is_uuid(str(value).upper())


@pytest.mark.parametrize(
    "text",
    [
        *("", "12345", "{11111111-2222-4333-8444-555555555555}", "urn:uuid:11111111-2222-4333-8444-555555555555"),
        *("11111111222243338444555555555555", "11111111-2222-4333-8444-55555555555g", "11111111-2222-4333-8444-5555555555555"),
        *("1111111-12222-4333-8444-555555555555", " 1111111-2222-4333-8444-555555555555", "------------------------------------"),
    ],
)
def test_what_is_written_otherwise_is_none(text: str) -> None:
    assert not is_uuid(text)
