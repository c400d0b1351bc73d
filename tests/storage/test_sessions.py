"""Sessions of people at a browser, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from adapter.ports import Session, Store

NOON = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
KARI = Session("a" * 64, "kari", NOON, NOON, b'{"sub":"kari"}')


def all_of(store: Store, *digests: str) -> list[Session | None]:
    with store.read() as unit:
        return [unit.session(digest) for digest in digests]


def test_a_session_is_found_by_its_digest_as_it_was_begun_until_it_is_ended(store: Store) -> None:
    other = replace(KARI, digest="b" * 64, claims=b"\x00\xff")
    with store.write() as unit:
        unit.begin_session(KARI)
        unit.begin_session(other)
    assert all_of(store, KARI.digest, other.digest, "c" * 64) == [KARI, other, None]

    with store.write() as unit:
        unit.end_session(KARI.digest)
        unit.end_session("c" * 64)
    assert all_of(store, KARI.digest, other.digest) == [None, other]


def test_its_last_use_alone_is_written_down(store: Store) -> None:
    later = NOON + timedelta(minutes=5)
    with store.write() as unit:
        unit.begin_session(KARI)
        unit.use_session(KARI.digest, later)
        unit.use_session("c" * 64, later)

    assert all_of(store, KARI.digest, "c" * 64) == [replace(KARI, used=later), None]


def test_all_of_a_persons_sessions_end_at_once_and_nobody_elses(store: Store) -> None:
    second, other = replace(KARI, digest="b" * 64), replace(KARI, digest="c" * 64, subject="kar")
    with store.write() as unit:
        for one in (KARI, second, other):
            unit.begin_session(one)

    with store.write() as unit:
        assert unit.end_sessions("kari") == 2
    assert all_of(store, KARI.digest, second.digest, other.digest) == [None, None, other]


def test_those_begun_or_last_used_too_long_ago_are_swept_out(store: Store) -> None:
    hour = timedelta(hours=1)
    old = replace(KARI, digest="b" * 64, begun=NOON - 9 * hour)
    idle = replace(KARI, digest="c" * 64, begun=NOON - 2 * hour, used=NOON - hour)
    at_the_limits = replace(KARI, digest="d" * 64, begun=NOON - 8 * hour, used=NOON - hour / 2)
    with store.write() as unit:
        for one in (KARI, old, idle, at_the_limits):
            unit.begin_session(one)

    with store.write() as unit:
        assert unit.end_old_sessions(NOON - 8 * hour, NOON - hour / 2) == 2
    assert all_of(store, KARI.digest, old.digest, idle.digest, at_the_limits.digest) == [KARI, None, None, at_the_limits]
