"""What an operator asks of partners and of what goes to them: how each stands, what is stuck and why, and to send it again.

`tenants` are the organisations whose deliveries the caller may see; one of any other is *not found*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapter.domain.identity import named
from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Outgoing, PartnerState, Unit
from adapter.usecases.sharing import Partner, Sharing

KINDS = ("share", "change", "notice")

Remake = Callable[[Unit, Outgoing], bytes]
"""The bytes of a row as they would be made today."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A partner, what is remembered of it, and how many deliveries to it wait and are dead, and troubles are open."""

    partner: Partner
    state: PartnerState
    waiting: int
    dead: int
    troubles: int


def partners(unit: Unit, sharing: Sharing, tenants: Sequence[str]) -> list[Standing]:
    """The partners as they are configured: all of them to an organisation of ours, to a guest its own."""
    ours = any(number in sharing.organisations for number in tenants)
    counted, troubles = unit.count_deliveries(tenants), unit.count_troubles(tenants)
    return [
        Standing(
            one,
            unit.partner_state(one.name),
            counted.get((one.name, "waiting"), 0),
            counted.get((one.name, "dead"), 0),
            troubles.get(one.name, 0),
        )
        for one in sharing.partners
        if ours or one.organisation in tenants
    ]


def find(unit: Unit, tenants: Sequence[str], id: str) -> Outgoing:
    """The delivery, if it is one of these organisations' to a partner. Raises `Problem(NOT_FOUND)` for all others alike."""
    row = unit.outgoing(id)
    if row is None or row.tenant not in tenants or row.kind not in KINDS:
        raise problem(Kind.NOT_FOUND, "There is no such delivery.", "Leveransen finnes ikke.")
    return row


def again(unit: Unit, row: Outgoing) -> Outgoing | None:
    """The row that a person sent this one again as, if somebody did."""
    return unit.outgoing(_again(row))


def resend(unit: Unit, tenants: Sequence[str], id: str, remake: Remake, now: datetime) -> Outgoing:
    """Send a dead or dismissed delivery again, made anew, as the last of its patient; returns the new row.

    The first is kept as it was, put aside, and the new one names it. Raises `Problem(NOT_FOUND)`, or `Problem(BUSINESS_RULE)` in
    another state, and where it was sent again already: then that row is the one to look at.
    """
    row = find(unit, tenants, id)
    if later := again(unit, row):
        raise problem(
            Kind.BUSINESS_RULE,
            f"This was sent again already, as {later.id}: look at that delivery.",
            f"Dette er allerede sendt på nytt, som {later.id}: se på den leveransen.",
        )
    if row.state not in ("dead", "dismissed"):
        raise _not_in_this_state(row, "sent again", "sendes på nytt")
    new = replace(
        row,
        id=_again(row),
        body=remake(unit, row),
        created=now,
        state="waiting",
        attempts=0,
        next_attempt=None,
        error="",
        hub_id=None,
        earlier=row.id,
        outcome=b"",
    )
    unit.enqueue(new)
    unit.change_outgoing(replace(row, state="dismissed"))
    return new


def dismiss(unit: Unit, tenants: Sequence[str], id: str, now: datetime) -> Outgoing:
    """Put a dead delivery aside: it is kept, and no longer waits for a person. With the last one about a resource that the
    partner refused, that trouble is settled.

    Raises `Problem(NOT_FOUND)`, or `Problem(BUSINESS_RULE)` in another state.
    """
    row = find(unit, tenants, id)
    if row.state != "dead":
        raise _not_in_this_state(row, "put aside", "legges til side")
    aside = replace(row, state="dismissed")
    unit.change_outgoing(aside)
    if not unit.deliveries([row.tenant], hub=row.hub, state="dead", about=row.about, limit=1):
        unit.settle(row.tenant, row.about, now, kinds=["refused"], partner=row.hub)
    return aside


def _again(row: Outgoing) -> str:
    """The id of the row that follows this one: each has at most one, whoever presses the button at the same time."""
    return named("sent-again", row.id)


def _not_in_this_state(row: Outgoing, en: str, nb: str) -> Problem:
    return problem(
        Kind.BUSINESS_RULE,
        f"The delivery is {row.state}, and cannot be {en}.",
        f"Leveransen er i tilstanden {row.state} og kan ikke {nb}.",
    )
