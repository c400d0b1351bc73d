"""Scopes give what SMART App Launch 2 says that they give, and nothing else does.

The expectations are from https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html, read by hand.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.security.scopes import EVERYTHING, LETTERS, OTHERS, Access, access_of
from adapter.settings import HelseID

NAMES = HelseID().scopes


def told(*scopes: str) -> set[str]:
    access = access_of(scopes, NAMES)
    return {f"{type}.{letter}" for type, letter in access.granted} | access.others


@pytest.mark.parametrize(
    ("scope", "gives"),
    [
        ("system/Task.r", {"Task.r"}),
        ("system/Task.rs", {"Task.r", "Task.s"}),
        ("system/Task.cruds", {"Task.c", "Task.r", "Task.u", "Task.d", "Task.s"}),
        ("system/*.rs", {"*.r", "*.s"}),
        ("user/Patient.r", {"Patient.r"}),
        ("nhn:pakkeforlop/fhir.read", {"*.r", "*.s"}),
        ("nhn:pakkeforlop/fhir.write", {"*.c", "*.r", "*.u", "*.d", "*.s"}),
        ("nhn:pakkeforlop/messages", {"messages"}),
        ("nhn:pakkeforlop/operate", {"operate"}),
        ("nhn:pakkeforlop/emergency", {"emergency"}),
    ],
)
def test_a_scope_gives_what_it_says(scope: str, gives: set[str]) -> None:
    assert told(scope) == gives


@pytest.mark.parametrize(
    "scope",
    [
        "",
        " ",
        "patient/*.rs",
        "system/Task.read",
        "system/Task.write",
        "system/Task.*",
        "system/Task.",
        "system/Task",
        "system/.rs",
        "system/*",
        "system/Task.sr",
        "system/Task.rr",
        "system/Task.rsx",
        "system/task.rs",
        "system/T_sk.rs",
        "system/Task.RS",
        "system/Task.rs?owner=Organization/1",
        "system/Task.rs\n",
        "System/Task.rs",
        "xsystem/Task.rs",
        "system/Tåsk.rs",
        "launch",
        "openid",
        "nhn:pakkeforlop",
        "nhn:pakkeforlop/fhir.read.all",
        "NHN:pakkeforlop/fhir.read",
        "messages",
        "operate",
        "emergency",
        "*",
    ],
)
def test_what_is_no_scope_of_ours_gives_nothing(scope: str) -> None:
    assert told(scope) == set()
    assert not access_of([scope], NAMES)


@given(st.lists(st.text(max_size=40)))
def test_nothing_that_is_made_up_gives_more_than_the_good_scope_beside_it(made_up: list[str]) -> None:
    assert access_of([*made_up, "system/Task.r"], {}) == Access(frozenset({("Task", "r")}))


@given(st.lists(st.sampled_from([*NAMES, "system/Task.cu", "system/Patient.rs", "user/*.r"])))
def test_scopes_add_up_in_any_order(scopes: list[str]) -> None:
    together = access_of(scopes, NAMES)
    one_by_one = [access_of([scope], NAMES) for scope in reversed(scopes)]

    assert together.granted == frozenset().union(*(access.granted for access in one_by_one))
    assert together.others == frozenset().union(*(access.others for access in one_by_one))


def test_a_letter_for_every_type_counts_for_each_and_not_the_other_way_round() -> None:
    assert access_of(["system/*.r"], {}).allows("Task", "r")
    assert not access_of(["system/*.r"], {}).allows("Task", "s")
    assert not access_of(["system/Task.r"], {}).allows("Patient", "r")
    assert not access_of(["system/Task.r"], {}).allows("*", "r")


def test_everything_is_every_letter_of_every_type_and_every_word() -> None:
    assert all(EVERYTHING.allows("Task", letter) for letter in LETTERS)
    assert all(EVERYTHING.other(word) for word in OTHERS)
    assert {word for given in NAMES.values() for word in given if "/" not in word} == OTHERS
