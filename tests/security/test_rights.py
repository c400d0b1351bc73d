"""Who may not is told what to ask their issuer for: the header `scope` (RFC 6750 3, what the access takes) and words for a person.

The issuer's names are those of `[helseid] scopes`, as an installation has them unless it says otherwise.
"""

from __future__ import annotations

from typing import Any

import pytest

from adapter.domain.problem import Problem
from adapter.failures import refusal_response
from adapter.fhir import rights
from adapter.security.caller import Caller
from adapter.security.scopes import access_of
from adapter.security.visit import Visit, lacking
from adapter.settings import HelseID

NAMES = HelseID().scopes
READ, WRITE = "nhn:pakkeforlop/fhir.read", "nhn:pakkeforlop/fhir.write"


def caller(*scopes: str, names: Any = NAMES, **more: Any) -> Caller:
    return Caller("999977774", ("999977774",), access=access_of(scopes, names), **more)


def visit(who: Caller) -> Visit:
    unasked: Any = None
    return Visit(who, store=unasked, trail=unasked)


def test_a_write_with_a_token_for_reading_is_told_the_name_that_gives_it() -> None:
    with pytest.raises(Problem) as refused:
        rights.require(caller(READ), "Task", "c")

    answer = refusal_response(refused.value)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, f'DPoP error="insufficient_scope", scope="{WRITE}"')
    (finding,) = refused.value.findings
    assert finding.en == (
        "The token's scopes do not give this: it takes system/Task.c, which nhn:pakkeforlop/fhir.write gives. "
        "Ask the issuer for a token with it."
    )
    assert "system/Task.c" in finding.nb
    assert WRITE in finding.nb


@pytest.mark.parametrize(("letters", "name"), [("r", READ), ("s", READ), ("us", WRITE), ("u", WRITE)])
def test_the_name_is_the_one_that_gives_the_least_beside(letters: str, name: str) -> None:
    assert caller().access.name_for(f"system/Task.{letters}") == name
    assert lacking(caller(), f"system/Task.{letters}").challenge.endswith(f'scope="{name}"')


def test_an_issuer_without_names_of_its_own_is_asked_in_smarts() -> None:
    with pytest.raises(Problem) as refused:
        rights.require(caller("system/Task.r", names={}, scheme="Bearer"), "Task", "us")

    challenge = refusal_response(refused.value).headers["www-authenticate"]
    assert challenge == 'Bearer error="insufficient_scope", scope="system/Task.us"'
    assert "it takes system/Task.us. Ask" in refused.value.findings[0].en


@pytest.mark.parametrize("what", ["messages", "operate"])
def test_what_is_not_fhir_is_told_by_its_name_too(what: str) -> None:
    with pytest.raises(Problem) as refused:
        visit(caller(READ, WRITE)).require(what)

    answer = refusal_response(refused.value)
    name = f"nhn:pakkeforlop/{what}"
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, f'DPoP error="insufficient_scope", scope="{name}"')
    assert name in refused.value.findings[0].en
    visit(caller(name)).require(what)


def test_no_scope_is_told_where_the_settings_name_none() -> None:
    """`operate` alone is no scope of the issuer's: who asked for it would get nothing that counts here."""
    with pytest.raises(Problem) as refused:
        visit(caller("system/*.rs", names={})).require("operate")

    assert refusal_response(refused.value).headers["www-authenticate"] == 'DPoP error="insufficient_scope"'


def test_what_the_names_are_has_no_say_in_what_is_given() -> None:
    assert access_of([READ], NAMES) == access_of(["system/*.rs"], {})
    assert not access_of([], NAMES)
