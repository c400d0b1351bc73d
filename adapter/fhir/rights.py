"""What a caller's scopes let it do with which type (https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#fhir-resource-scopes-syntax).

A letter an interaction: `c`reate, `r`ead (vread, history of one), `u`pdate (patch), `s`earch (history of a type). What is asked
for by criteria takes `s` of the type that they are of, wherever they stand, since their answer tells what there is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from adapter.domain.problem import Kind, problem
from adapter.failures import Refused
from adapter.ports import Query
from adapter.r4.bundle import Step
from adapter.security.caller import EMERGENCY, Caller
from adapter.security.visit import lacking
from adapter.usecases.writing import Rules, Subscriber

WRITING: Final = frozenset("cud")
FOR_GOOD: Final = ("Consent", "Subscription")
"""Types whose writing would outlast the emergency."""
METHODS: Final = {"POST": "c", "PUT": "u", "PATCH": "u"}


def require(caller: Caller, type: str, letters: str) -> None:
    """Raises `Problem` (403) where the caller's scopes lack one of the letters for the type, or an emergency gives none."""
    if not all(caller.access.allows(type, letter) for letter in letters):
        lacks = lacking(caller, f"system/{type}.{letters}")
        raise Refused(lacks.status, *lacks.findings, headers={"WWW-Authenticate": lacks.challenge})
    if type in FOR_GOOD and caller.purpose == EMERGENCY and not WRITING.isdisjoint(letters):
        raise problem(
            Kind.FORBIDDEN,
            f"No {type} is written by emergency access ({EMERGENCY}), which is for care: it would lift a block for good.",
            f"Ingen {type} skrives med nødrett ({EMERGENCY}), som er for helsehjelp: den ville oppheve en sperring for godt.",
            where="http.X-Stafett-Purpose",
        )


def require_step(caller: Caller, step: Step) -> None:
    """The same of an entry of a Bundle."""
    if step.faults or not step.type:
        return  # answered as what it is: nothing that can be done
    if step.writes:
        require(caller, step.type, METHODS[step.method] + ("s" if step.if_none_exist or (step.criteria and not step.id) else ""))
    else:
        require(caller, step.type, "r" if step.name else "s")


def of_caller(rules: Rules, caller: Caller) -> Rules:
    """The rules as they hold for what this caller writes."""
    return replace(rules, subscriber=Subscriber(caller.blocked_as, caller.access.allows))


def lawful(rules: Rules, caller: Caller) -> Rules:
    """The rules with criteria that the caller may search by: of references, of If-None-Exist, of conditional updates."""

    def query_of(type: str, criteria: str) -> Query:
        require(caller, type, "s")
        return rules.query_of(type, criteria)

    return replace(rules, query_of=query_of)
