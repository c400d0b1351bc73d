"""Which of two programs works out anew what is found by search: the newer one, once, and never the older."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.storage import open_store, reindex
from adapter.storage.presence import Presence

OF_FORM = {4: "4df272c79c491c9f463f33f75f6618c38537757000e4c34de79bcbddbf7d445c"}
"""A type that was not served before has nothing kept, so that its parameters alone are no other form."""


def test_other_parameters_are_another_form() -> None:
    """By their form alone programs know which of them is the newer. Whoever changes what is found by raises `FORM`, and gives the
    digest here beside it.
    """
    assert {reindex.FORM: reindex.digest()} == OF_FORM


def kept(url: str) -> bytes | None:
    with closing(open_store(url)) as store, store.read() as unit:
        return unit.setting(reindex.SETTING)


def test_an_older_program_does_not_start_on_what_a_newer_one_has_worked_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would else end the other for ever, as two of one deployment that is rolled out."""
    with closing(open_store(url)) as store, monkeypatch.context() as newer:
        newer.setattr(reindex, "FORM", 99)
        store.migrate()
    before = kept(url)
    working = Presence(url)
    working.enter()

    with closing(open_store(url)) as store, pytest.raises(Problem) as refused:
        store.migrate()

    assert (refused.value.kind, "newer program than this one" in refused.value.findings[0].en) == (Kind.UNSUPPORTED, True)
    assert not working.asked_to_go()
    working.leave()
    assert kept(url) == before


@pytest.mark.slow
def test_one_who_was_cut_off_meanwhile_is_to_go(postgresql: Callable[[], str]) -> None:
    """PostgreSQL's locks go with the connection, so a newer program may have been there without asking."""
    url = postgresql()
    with closing(open_store(url)) as store:
        store.migrate()
        working = Presence(url)
        working.enter()
        before = working.asked_to_go()
        with store.write() as unit:
            unit.set_setting(reindex.SETTING, b"99:of others")
    after = working.asked_to_go()
    working.leave()

    assert (before, after) == (False, True)
