"""Who a request acts for, and what that lets it do. Faces take it and ask no further; `adapter.security.admitting` finds it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from adapter.security.scopes import EVERYTHING, LETTERS, Access

TREATMENT: Final = "TREAT"
EMERGENCY: Final = "ETREAT"
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
    purpose: str = ""
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
        """By what a patient's block may name the caller: all that the token does. By nothing where a life is at stake."""
        if self.purpose == EMERGENCY:
            return ()
        person = (self.person.pid, self.person.hpr) if self.person else ()
        return tuple(filter(None, dict.fromkeys((*self.numbers, *person, *_places(self.attest)))))

    @property
    def mark(self) -> str:
        """What a page's link is bound to: another client, or the same with other rights, cannot follow it."""
        said = "\n".join((self.tenant, self.client, *self.blocked_as, self.purpose, self.scope))
        return sha256(said.encode()).hexdigest()


def _places(attest: Mapping[str, Any]) -> Iterator[str]:
    """The numbers of where the attested person works, who may have asked for the token by the enterprise alone."""
    practitioner = attest.get("practitioner")
    if not isinstance(practitioner, Mapping):
        return
    for name in ("legal_entity", "department", "point_of_care"):
        part = practitioner.get(name)
        number = part.get("id") if isinstance(part, Mapping) else None
        if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) == 9:
            yield number
