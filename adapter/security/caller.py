"""Who a request acts for. Faces take an `Identify` and know nothing of how it finds out.

With `auth = "off"` (loopback only) the header `X-Stafett-Organisation` chooses the organisation; without it the caller
is the installation's own operator: FHIR shows the first organisation configured, messages show everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adapter.domain.problem import Kind, problem
from adapter.ports import NOBODY

ORGANISATION = "X-Stafett-Organisation"


@dataclass(frozen=True, slots=True)
class Caller:
    """The organisation acted for (FHIR), and those whose messages may be seen (`NOBODY` among them for an operator)."""

    tenant: str
    tenants: tuple[str, ...]


Identify = Callable[[Mapping[str, str]], Caller]
"""From a request's headers to its caller; raises `Problem` where there is none."""


def by_header(organisations: Sequence[str], guests: Sequence[str] = ()) -> Identify:
    """The callers of `auth = "off"`. `organisations` are the configured numbers, `guests` those of partners, who see what they
    were asked; a header that names another is INVALID.
    """

    def identify(headers: Mapping[str, str]) -> Caller:
        chosen = headers.get(ORGANISATION)
        if chosen is None:
            return Caller(organisations[0], (*organisations, NOBODY))
        if chosen not in (*organisations, *guests):
            raise problem(
                Kind.INVALID,
                f"{ORGANISATION} names no organisation of this service: use one that is configured, or leave it out.",
                f"{ORGANISATION} er ingen av tjenestens organisasjoner: bruk en som er satt opp, eller utelat den.",
                where=f"http.{ORGANISATION}",
            )
        return Caller(chosen, (chosen,))

    return identify
