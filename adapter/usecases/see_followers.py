"""Who is told of what, for an operator: how each Subscription stands, what is wrong with it, and what to do about that.

`tenants` are the organisations whose Subscriptions the caller may see; one of any other is *not found*. What may hold a secret
(path and query of the endpoint, headers) is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Final

from adapter.domain.coordination import Text
from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import NO_EVENTS, Follower, FollowerState, Outgoing, Unit
from adapter.usecases.follow_changes import QueryOf
from adapter.usecases.followers import Wanted, greet, key_of, set_status, topic_named, wanted_of
from adapter.usecases.journal import masked
from adapter.usecases.writing import Body, Follow, body_of
from mappings.topics import Topic

LOOKED_BACK: Final = 50  # versions of a Subscription in which the beginning of its status is looked for
ORDER: Final = ("error", "failing", "requested", "active", "off")
"""How a subscription stands, the most pressing first. *failing*: it is active, and the last try was in vain."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that keeps it from being told, and what to do."""

    why: Text
    to_do: Text


@dataclass(frozen=True, slots=True)
class Standing:
    """A Subscription as an operator sees it. `since` is when its status began, as far back as was looked; `reason` is its client's
    own words, as `masked`; `waiting` is what is in the outbox for it, `untold` are the events that it is yet to be told of, or was
    not told of where it is off. (A restored backup leaves numbers without events.)
    """

    follower: Follower
    state: FollowerState
    wanted: Wanted
    topic: Topic | None
    since: datetime | None
    reason: str
    waiting: Outgoing | None
    untold: int
    faults: tuple[Fault, ...]

    @property
    def stands(self) -> str:
        status = self.follower.status
        return "failing" if status == "active" and self.state.failures else status

    @property
    def can_ask_again(self) -> bool:
        """Whether the endpoint can be asked now: what is off is its client's to begin, what answers needs no asking."""
        asked_just_now = self.stands == "requested" and not self.state.failures and self.state.underway
        return self.stands in ("error", "failing", "requested") and not asked_just_now


def followers(unit: Unit, tenants: Sequence[str], query_of: QueryOf, follow: Follow | None) -> list[Standing]:
    """All of these organisations, the most pressing first."""
    untold = unit.count_untold(tenants)
    found = [_standing(unit, one, query_of, follow, untold.get(one.id, 0)) for one in unit.followers(tenants)]
    return sorted(found, key=lambda one: (one.stands == "off", not one.faults, ORDER.index(one.stands), one.state.begun))


def find(unit: Unit, tenants: Sequence[str], id: str) -> Follower:
    """Raises `Problem(NOT_FOUND)` for all that there is not and all of others alike."""
    found = next((one for tenant in tenants if (one := unit.follower(tenant, id))), None)
    if found is None:
        raise problem(Kind.NOT_FOUND, "There is no such subscription.", "Abonnementet finnes ikke.")
    return found


def seen(unit: Unit, tenants: Sequence[str], id: str, query_of: QueryOf, follow: Follow | None) -> Standing:
    """One of them. Raises `Problem(NOT_FOUND)`."""
    found = find(unit, tenants, id)
    return _standing(unit, found, query_of, follow, unit.count_untold([found.tenant]).get(id, 0))


def ask_again(unit: Unit, follower: Follower, now: datetime, base: str) -> None:
    """Ask the endpoint whether it is there, as a client does with the status *requested*.

    Raises `Problem(BUSINESS_RULE)` where that makes no sense.
    """
    state = state_of(unit, follower)
    one = Standing(follower, state, wanted_of(follower), None, None, "", None, 0, ())
    if not one.can_ask_again:
        why = {
            "off": ("it is off, and its client's to begin again", "det er slått av, og klienten må be om det på nytt"),
            "requested": ("the endpoint is being asked already", "endepunktet blir spurt allerede"),
            "active": ("the endpoint answers", "endepunktet svarer"),
        }[one.stands]
        raise problem(Kind.BUSINESS_RULE, f"Nothing to ask: {why[0]}.", f"Ingenting å spørre om: {why[1]}.")
    asked = set_status(unit, follower, "requested", "", now, base)
    greet(unit, asked, replace(state, failures=0, error=""), now, base)


def turn_off(unit: Unit, follower: Follower, now: datetime, base: str) -> None:
    """End it, as its client does with the status *off*. Raises `Problem(BUSINESS_RULE)` where it has ended."""
    if follower.status == "off":
        raise problem(Kind.BUSINESS_RULE, "The subscription is off already.", "Abonnementet er allerede slått av.")
    set_status(unit, follower, "off", "", now, base)
    unit.drop_outgoing(key_of(follower.tenant, follower.id))
    unit.keep_follower_state(replace(state_of(unit, follower), underway=0, due=None))


def state_of(unit: Unit, follower: Follower) -> FollowerState:
    found = unit.follower_state(follower.tenant, follower.id)
    assert found  # noqa: S101 - tells the type checker: both are kept together
    return found


def _life(unit: Unit, follower: Follower) -> list[tuple[datetime, Body]]:
    """Its last versions, newest first."""
    found = unit.history(follower.tenant, "Subscription", follower.id, LOOKED_BACK).found
    return [(stored.updated, body_of(stored)) for stored in found]


def _since(life: Sequence[tuple[datetime, Body]], status: str) -> datetime | None:
    """From when it has its status."""
    began = [updated for updated, _ in takewhile(lambda one: one[1]["status"] == status, life)]
    return began[-1] if began else None


def _standing(unit: Unit, follower: Follower, query_of: QueryOf, follow: Follow | None, untold: int) -> Standing:
    wanted, state, life = wanted_of(follower), state_of(unit, follower), _life(unit, follower)
    faults = tuple(_faults(follower, wanted, state, query_of, follow) if follower.status != "off" else _ended(state, life))
    waiting, reason = unit.notification(follower.tenant, follower.id), masked(life[0][1].get("reason", "")) if life else ""
    since = _since(life, follower.status)
    return Standing(follower, state, wanted, topic_named(wanted.topic), since, reason, waiting, untold, faults)


def _faults(follower: Follower, wanted: Wanted, state: FollowerState, query_of: QueryOf, follow: Follow | None) -> Iterator[Fault]:
    """What is wrong by the configuration, before anything is tried; then what the tries have met."""
    if follow and (finding := follow.fault(wanted.endpoint)):
        to_do = Text("Abonnenten må bruke et annet endepunkt, eller verten føres opp.", "Use another endpoint, or list its host.")
        yield Fault(Text(finding.nb, finding.en), to_do)
    if unreadable(follower.type, wanted.filters, query_of):
        yield Fault(
            Text("Et filter kan ikke lenger leses, så ingenting passer.", "A filter can no longer be read, so nothing passes it."),
            Text("Klienten må sende filteret på nytt.", "The client sends the filter anew."),
        )
    if follower.status == "error":
        yield Fault(
            Text("Endepunktet tar ikke imot det som sendes (svaret står over).", f"The endpoint does not take it: {state.error}"),
            Text(
                "Ring dem som driver det. Det spørres igjen etter et kvarter, så stadig sjeldnere; alt som skjer imens, "
                "varsles når det svarer.",
                "Call whoever runs it. It is asked after a quarter of an hour, then ever more seldom; all that happens meanwhile "
                "is told when it answers.",
            ),
        )
    elif state.failures:
        said = Text(f"Forsøk forgjeves på rad: {state.failures}.", f"Tries in vain in a row: {state.failures}. {state.error}")
        yield Fault(
            said,
            Text(
                "Ingenting ennå: det prøves igjen av seg selv. Varer det, se etter mottakeren og nettet dit.",
                "Nothing yet: it is tried again by itself. If this lasts, see to the receiver, and the network there.",
            ),
        )


def _ended(state: FollowerState, life: Sequence[tuple[datetime, Body]]) -> Iterator[Fault]:
    if state.error:
        before = next((body["status"] for _, body in life if body["status"] != "off"), "")
        if before == "error":
            why = Text("Det tok slutt mens det var i feil.", f"It ended while it was in error: {state.error}")
        else:
            why = Text("Det tok slutt etter et forgjeves forsøk.", f"It ended with the last try in vain: {state.error}")
        yield Fault(
            why,
            Text(
                "Klienten kan be om det på nytt med status requested.", "Its client may begin it again with the status requested."
            ),
        )


def unreadable(type: str, filters: Sequence[str], query_of: QueryOf) -> bool:
    """Whether one of the filters is no search any longer: nobody is told by it."""
    try:
        return any(query_of(type, text) is None for text in filters)
    except Problem:
        return True


def due(one: Standing) -> tuple[datetime, Text] | None:
    """What comes next of itself, and when. None: nothing but an event."""
    if one.waiting:
        when = one.waiting.next_attempt or one.waiting.created
        if one.waiting.attempts:
            return when, Text("neste forsøk", "next try")
        return when, Text("på vei nå", "on its way now")
    if one.state.due is None or one.state.underway == NO_EVENTS:
        return None
    if one.follower.status == "error":
        return one.state.due, Text("endepunktet spørres igjen", "the endpoint is asked again")
    if one.wanted.heartbeat:
        return one.state.due, Text("livstegn", "heartbeat")
    return one.state.due, Text("abonnementet slutter", "the subscription ends")
