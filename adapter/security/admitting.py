"""Finds out who a request is from: by a header alone, or by a token and its proof.

With `auth = "off"` (loopback only) the header `X-Stafett-Organisation` chooses the organisation; without it the caller
is the installation's own operator: FHIR shows the first organisation configured, messages show everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import NOBODY
from adapter.security.admission import Proof, Token, Tokens, Unadmitted
from adapter.security.caller import EMERGENCY, TREATMENT, Caller

if TYPE_CHECKING:
    from starlette.datastructures import Headers

ORGANISATION: Final = "X-Stafett-Organisation"
PURPOSE: Final = "X-Stafett-Purpose"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller, and the proof of possession that is spent by letting it in; `spent` is what is raised where it was before."""

    caller: Caller
    proof: Proof | None = None
    spent: Callable[[], Problem] | None = None


class Admit(Protocol):
    """From a request's method, path (as it was sent) and headers to its caller. Raises `Problem` where there is none.

    With `wait=False` it does not wait for anybody, and raises `KeysNeeded` where it would have to.
    """

    def __call__(self, method: str, path: str, headers: Headers, *, wait: bool = True) -> Admitted: ...


def by_header(organisations: Sequence[str], guests: Sequence[str] = ()) -> Admit:
    """The callers of `auth = "off"`. `organisations` are the configured numbers, `guests` those of partners, who see what they
    were asked; a header that names another is INVALID.
    """

    def admit(method: str, path: str, headers: Headers, *, wait: bool = True) -> Admitted:  # noqa: ARG001 - as others are asked
        chosen = headers.get(ORGANISATION)
        if chosen is None:
            first = organisations[0]
            return Admitted(Caller(first, (*organisations, NOBODY), numbers=(first,), purpose=_purpose(headers)))
        if chosen not in (*organisations, *guests):
            raise problem(
                Kind.INVALID,
                f"{ORGANISATION} names no organisation of this service: use one that is configured, or leave it out.",
                f"{ORGANISATION} er ingen av tjenestens organisasjoner: bruk en som er satt opp, eller utelat den.",
                where=f"http.{ORGANISATION}",
            )
        return Admitted(Caller(chosen, (chosen,), numbers=(chosen,), purpose=_purpose(headers)))

    return admit


def by_token(tokens: Tokens, organisations: Collection[str], guests: Collection[str] = ()) -> Admit:
    """The callers of `auth = "helseid"`. The innermost of the token's organisations that has a space here decides whose it is."""
    spaces = {*organisations, *guests}

    def admit(method: str, path: str, headers: Headers, *, wait: bool = True) -> Admitted:
        try:
            token = tokens.read(method, path, headers, wait=wait)
        except Unadmitted as refusal:
            raise Denied(refusal, caller_of(refusal.token, spaces)) if refusal.token else refusal from None
        caller = caller_of(token, spaces)
        try:
            if not caller.tenant:
                raise problem(Kind.FORBIDDEN, *NOT_OURS)
            if EMERGENCY in (_purpose(headers), token.purpose):
                caller = replace(caller, purpose=EMERGENCY)
                _require_emergency(caller)
        except Problem as refusal:
            raise Denied(refusal, caller) from None
        return Admitted(caller, token.proof, tokens.spent)

    return admit


def caller_of(token: Token, spaces: Collection[str]) -> Caller:
    """Who a token is of: in the innermost of its organisations that has a space here, in none where none has."""
    tenant = next((number for number in reversed(token.numbers) if number in spaces), NOBODY)
    return Caller(
        tenant=tenant,
        tenants=(tenant,),
        client=token.client,
        numbers=token.numbers,
        supplier=token.supplier,
        person=token.person,
        access=token.access,
        purpose=token.purpose,
        attest=token.attest,
        scheme=token.scheme,
    )


class Denied(Exception):
    """A refusal of somebody who is known, and whose attempt is written down as theirs."""

    def __init__(self, refusal: Problem, caller: Caller) -> None:
        super().__init__()
        self.refusal, self.caller = refusal, caller


NOT_OURS: Final = (
    "The token's organisation has no space in this service: ask its operator to add it, or use another client.",
    "Organisasjonen i tokenet har ingen plass i denne tjenesten: be driften legge den til, eller bruk en annen klient.",
)


def _purpose(headers: Headers) -> str:
    said = headers.get(PURPOSE, "")
    if said in ("", TREATMENT, EMERGENCY):
        return said
    raise problem(
        Kind.INVALID,
        f"{PURPOSE} is {TREATMENT} or {EMERGENCY}: correct it, or leave it out.",
        f"{PURPOSE} er {TREATMENT} eller {EMERGENCY}: rett den, eller utelat den.",
        where=f"http.{PURPOSE}",
    )


def _require_emergency(caller: Caller) -> None:
    """Emergency access is a person's own decision, which they are asked about afterwards: so it takes one who is known."""
    if caller.person is None or not (caller.person.hpr or caller.person.pid):
        raise problem(
            Kind.FORBIDDEN,
            f"{PURPOSE}: {EMERGENCY} takes a person: use a token that names who is asking.",
            f"{PURPOSE}: {EMERGENCY} krever en person: bruk et token som sier hvem som spør.",
            where=f"http.{PURPOSE}",
        )
    if not caller.access.other("emergency"):
        raise problem(
            Kind.FORBIDDEN,
            "The token's scopes give no emergency access: ask for it, or leave the header out.",
            "Tokenets scope gir ikke nødrett-tilgang: be om det, eller utelat headeren.",
            where=f"http.{PURPOSE}",
        )
