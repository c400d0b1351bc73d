"""The law of the seal: two records have one seal only where they are one, however their parts are cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from adapter.domain.chain import START, seal

# Few letters, so that parts often run together to the same text.
TEXT = st.text("ab|\x00", max_size=3)
RECORD = st.tuples(
    st.sampled_from([START, b"\x01" * 32]),
    st.integers(1, 3),
    TEXT,
    st.integers(0, 2).map(lambda n: datetime(2026, 5, 11, tzinfo=UTC) + timedelta(microseconds=n)),
    TEXT,
    st.lists(TEXT, max_size=3),
    st.binary(max_size=6) | TEXT.map(str.encode),
)


def meant(record: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a record says: patients in any order, each once."""
    previous, position, id, moment, tenant, about, body = record
    return previous, position, id, moment, tenant, frozenset(about), body


SAID = (START, 1, "a", datetime(2026, 5, 11, tzinfo=UTC), "b")


@example((*SAID, ["a"], b""), (*SAID, ["b"], b""))
@given(RECORD, RECORD)
def test_records_are_sealed_alike_exactly_where_they_say_the_same(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert (seal(*one) == seal(*other)) == (meant(one) == meant(other))


@given(RECORD, st.text("ab", min_size=1, max_size=3))
def test_what_is_moved_from_one_part_to_its_neighbour_shows(record: tuple[Any, ...], more: str) -> None:
    previous, position, id, moment, tenant, about, body = record
    left = (previous, position, id + more, moment, tenant, about, body)
    right = (previous, position, id, moment, more + tenant, about, body)
    inside = (previous, position, id, moment, tenant, about, more.encode() + body)
    last = (previous, position, id, moment, tenant + more, about, body)

    several = (left, right, inside, last)
    assert len({seal(*one) for one in several}) == len({meant(one) for one in several}) > 2
