"""The gate: what a registration is refused for.

The fold takes any set of events; whether one may be *added* is decided here, apart from it. A registration is refused only for
errors that the pathway did not have before: an old fault of others stops nobody's correct event, and care is never blocked for it.
Retracting is never refused, and asks nothing here.
"""

from __future__ import annotations

from adapter.domain.state import Noted, State


def refusals(before: State | None, after: State) -> tuple[Noted, ...]:
    """The errors that a pathway has after a registration and had not before, told apart by number and event.

    `before` is None where the registration opens the pathway.
    """
    had = {(noted.number, noted.event) for noted in before.notes if noted.finding.severity == "error"} if before else set()
    return tuple(n for n in after.notes if n.finding.severity == "error" and (n.number, n.event) not in had)
