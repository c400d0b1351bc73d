"""A request that has been let in: who asks, the store as they see it, and what they are seen to do.

    visit = visit_of(request)
    with visit.store.read() as unit:
        visit.trail.saw("R", [stored])

The door makes it (`adapter.door`); routes take caller and store from nowhere else, so that none can forget the one or the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from adapter.domain.problem import Finding, Kind
from adapter.ports import Store
from adapter.security.admission import Unadmitted
from adapter.security.caller import Caller
from adapter.security.trail import Trail

_KEY: Final = "visit"


@dataclass(frozen=True, slots=True)
class Visit:
    caller: Caller
    store: Store
    trail: Trail

    def require(self, what: str) -> None:
        """Raises `Unadmitted` (403) unless the caller may do this: `messages`, `operate`."""
        if not self.caller.access.other(what):
            raise lacking(self.caller, what)


def lacking(caller: Caller, needed: str) -> Unadmitted:
    """That the caller's scopes lack a SMART scope, or a word of ours, and what to ask the issuer for (RFC 6750 3.1).

    `scope` names what the issuer has, where the settings tell its name: asked for another's words it would give nothing.
    """
    name = caller.access.name_for(needed)
    wanted = name or (needed if "/" in needed else "")
    more = (f", which {name} gives", f", som {name} gir") if name else ("", "")
    return Unadmitted(
        403,
        f'{caller.scheme} error="insufficient_scope"' + (f', scope="{wanted}"' if wanted else ""),
        Finding(
            "error",
            Kind.FORBIDDEN,
            f"The token's scopes do not give this: it takes {needed}{more[0]}. Ask the issuer for a token with it.",
            f"Tokenets scope gir ikke dette: det krever {needed}{more[1]}. Be utstederen om et token med det.",
            rule="RFC 6750 3.1",
        ),
    )


def visit_of(request: HTTPConnection | Scope) -> Visit:
    """The visit of a request, or of its scope, that came through the door."""
    scope = request.scope if isinstance(request, HTTPConnection) else request
    visit: Visit = scope["state"][_KEY]
    return visit


def let_in(scope: Scope, visit: Visit) -> None:
    """Leave the visit for the routes."""
    scope.setdefault("state", {})[_KEY] = visit
