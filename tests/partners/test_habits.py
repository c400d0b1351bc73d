"""The habits of servers, read into one form: laws that hold for whatever a server may answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.partners import habits

BASE = "https://fhir.example/r4"
leaf = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
keys = st.sampled_from(
    [
        "resourceType",
        "entry",
        "resource",
        "response",
        "status",
        "search",
        "mode",
        "link",
        "relation",
        "url",
        "meta",
        "versionId",
        "lastUpdated",
        "identifier",
        "code",
        "coding",
        "system",
        "value",
        "total",
        "id",
        "rest",
        "type",
        "interaction",
    ]
)
words = st.sampled_from(["Bundle", "Task", "next", "match", "201 Created", "CapabilityStatement", "W/1", "2026-05-11", "//["])
anything = st.recursive(
    leaf | words, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=25
)


@given(anything)
def test_whatever_a_server_answers_is_read_without_a_fault(body: Any) -> None:
    habits.entries(body, "Task")
    list(habits.answered(body))
    habits.mode(body)
    habits.system_interactions(body)
    habits.place(body, "Task")
    habits.sane(body)
    if isinstance(body, dict):
        habits.following(body, BASE, f"{BASE}/Task?x=1")
        habits.complete(body, 3)
        habits.wanted(body, datetime(2026, 5, 11, tzinfo=UTC))
        habits.has_identifier(body, "a", "b")


@given(st.lists(st.dictionaries(st.sampled_from(["system", "code", "value"]), anything, max_size=3), max_size=3))
def test_codes_and_identifiers_of_any_shape_are_no_fault(rows: list[dict[str, Any]]) -> None:
    assert not habits.wanted({"code": {"coding": rows}}, None)
    assert not habits.has_identifier({"identifier": rows}, "urn:ietf:rfc:3986", "urn:uuid:x")


@given(st.text(max_size=40) | st.tuples(words, st.text(max_size=20)).map("".join))
def test_what_is_followed_is_on_the_same_server_under_the_same_base(url: str) -> None:
    bundle = {"link": [{"relation": "self", "url": "x"}, {"relation": "next", "url": url}]}
    followed = habits.following(bundle, BASE, f"{BASE}/Task?x=1")

    if followed:
        to = urlsplit(followed)
        assert (to.scheme, to.hostname, to.port or 443) == ("https", "fhir.example", 443)
        assert to.path == "/r4" or to.path.startswith("/r4/")


@given(st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), max_size=6))
def test_moments_are_in_order_where_sorting_changes_nothing(moments: list[datetime | None]) -> None:
    known = [m for m in moments if m]

    assert habits.in_order(moments) == (len(known) == len(moments) and sorted(known) == known)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_never_said_later_than_it_is(at: datetime) -> None:
    said = datetime.fromisoformat(habits.moment(at))

    assert said <= at
    assert (at - said).total_seconds() < 0.001


def test_each_search_is_another_and_the_last_asks_for_nothing_in_particular() -> None:
    asked = [{name for name, _ in query} for query in habits.searches(datetime(2026, 5, 11, tzinfo=UTC))]

    assert asked[-1] == {"_count"}
    assert len({frozenset(names) for names in asked}) == len(asked)


@pytest.mark.parametrize(
    ("meta", "header", "etag"),
    [
        ({"versionId": "3"}, None, 'W/"3"'),
        ({"versionId": "3"}, '"other"', '"other"'),  # the header is what If-Match is held against
        ({"versionId": "3"}, "", 'W/"3"'),
        ({"versionId": "a b"}, None, ""),
        ({}, None, ""),
        (None, "1", "1"),
    ],
)
def test_the_version_is_the_headers_else_made_of_the_body(meta: Any, header: object, etag: str) -> None:
    assert habits.remote({"resourceType": "Task", "id": "7", "meta": meta}, header).etag == etag
