"""Who a request acts for, and what that lets it do. What finds out is an `Admit`; faces take the `Caller` and ask no further.

With `auth = "off"` (loopback only) the header `X-Stafett-Organisation` chooses the organisation; without it the caller
is the installation's own operator: FHIR shows the first organisation configured, messages show everybody's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.domain.problem import Kind, problem
from adapter.ports import NOBODY
from adapter.security.scopes import EVERYTHING, LETTERS, Access

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from adapter.security.admission import Proof, Token, Tokens

ORGANISATION: Final = "X-Stafett-Organisation"
PURPOSE: Final = "X-Stafett-Purpose"
TREATMENT, EMERGENCY = "TREAT", "ETREAT"
"""Purposes of use (v3-PurposeOfUse, 2.16.840.1.113883.1.11.20448): care; and emergency care, which no block stands against."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who sits at the screen, where the token tells. The national number is for audit and blocks, and never logged."""

    pid: str = ""
    hpr: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose space /fhir is (`tenant`), and whose messages and pathways may be seen (`NOBODY` among them for an operator).

    `numbers` are the organisation numbers that the caller is known by, parent before child; `attest` is what the national trust
    framework's attest says of the care that this is for, `scheme` how its token was shown.
    """

    tenant: str
    tenants: tuple[str, ...]
    client: str = ""
    numbers: tuple[str, ...] = ()
    supplier: str = ""
    person: Person | None = None
    access: Access = EVERYTHING
    purpose: str = TREATMENT
    attest: Mapping[str, Any] = field(default_factory=dict)
    scheme: str = "DPoP"

    @property
    def scope(self) -> str:
        """What the scopes came to, in SMART's words and ours: the right by which the caller asks."""
        types = sorted({type for type, _ in self.access.granted})
        letters = ("".join(letter for letter in LETTERS if (type, letter) in self.access.granted) for type in types)
        smart = (f"system/{type}.{given}" for type, given in zip(types, letters, strict=True))
        return " ".join((*smart, *sorted(self.access.others)))

    @property
    def blocked_as(self) -> tuple[str, ...]:
        """By what a patient's block may name the caller; by nothing where a life is at stake."""
        if self.purpose == EMERGENCY:
            return ()
        person = (self.person.pid, self.person.hpr) if self.person else ()
        return tuple(filter(None, dict.fromkeys((*self.numbers, *person))))

    @property
    def mark(self) -> str:
        """What a page's link is bound to: another client, or the same with other rights, cannot follow it."""
        said = "\n".join((self.tenant, self.client, *self.blocked_as, self.purpose, self.scope))
        return sha256(said.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller, and the proof of possession that is spent by letting it in."""

    caller: Caller
    proof: Proof | None = None


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
        token = tokens.read(method, path, headers, wait=wait)
        tenant = next((number for number in reversed(token.numbers) if number in spaces), None)
        if tenant is None:
            raise problem(Kind.FORBIDDEN, *NOT_OURS)
        purpose = _emergency(token) if EMERGENCY in (_purpose(headers), token.purpose) else token.purpose
        caller = Caller(
            tenant=tenant,
            tenants=(tenant,),
            client=token.client,
            numbers=token.numbers,
            supplier=token.supplier,
            person=token.person,
            access=token.access,
            purpose=purpose,
            attest=token.attest,
            scheme=token.scheme,
        )
        return Admitted(caller, token.proof)

    return admit


NOT_OURS: Final = (
    "The token's organisation has no space in this service: ask its operator to add it, or use another client.",
    "Organisasjonen i tokenet har ingen plass i denne tjenesten: be driften legge den til, eller bruk en annen klient.",
)


def _purpose(headers: Headers) -> str:
    said = headers.get(PURPOSE, TREATMENT)
    if said in (TREATMENT, EMERGENCY):
        return said
    raise problem(
        Kind.INVALID,
        f"{PURPOSE} is {TREATMENT} or {EMERGENCY}: correct it, or leave it out.",
        f"{PURPOSE} er {TREATMENT} eller {EMERGENCY}: rett den, eller utelat den.",
        where=f"http.{PURPOSE}",
    )


def _emergency(token: Token) -> str:
    """Emergency access is a person's own decision, which they are asked about afterwards: so it takes one who is known."""
    if token.person is None or not (token.person.hpr or token.person.pid):
        raise problem(
            Kind.FORBIDDEN,
            f"{PURPOSE}: {EMERGENCY} takes a person: use a token that names who is asking.",
            f"{PURPOSE}: {EMERGENCY} krever en person: bruk et token som sier hvem som spør.",
            where=f"http.{PURPOSE}",
        )
    if not token.access.other("emergency"):
        raise problem(
            Kind.FORBIDDEN,
            "The token's scopes give no emergency access: ask for it, or leave the header out.",
            "Tokenets scope gir ikke nødrett-tilgang: be om det, eller utelat headeren.",
            where=f"http.{PURPOSE}",
        )
    return EMERGENCY
