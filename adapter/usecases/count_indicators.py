"""The quality indicators of an installation: its pathways are gathered one by one, folded by the national rules, and added up.

    counted = count(store, pathways, owners, today)

National limits alone: an organisation's own, which may be stricter or wider, would make figures that cannot be compared.
Memory goes with the number of units, not of pathways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple, Protocol

from adapter.domain.course import Course
from adapter.domain.indicators import Spot, Tally, judged
from adapter.domain.problem import Kind, Problem
from adapter.domain.state import State
from adapter.ports import Query, Store, Stored, Unit
from adapter.usecases.resource_rules import computed
from adapter.usecases.writing import body_of

PAGE: Final = 500
ABOVE: Final = {"PractitionerRole": "organization", "HealthcareService": "providedBy"}

DATABASE: Final = (Kind.TRANSIENT, Kind.TOO_COSTLY)
"""What is wrong where the database does not answer, or not in time."""

Body = dict[str, Any]


class Owner(NamedTuple):
    """An organisation of the installation. `region` may be empty."""

    number: str
    name: str
    region: str = ""


class Gathered(Protocol):
    """What is known of a pathway."""

    @property
    def episode(self) -> Body: ...
    @property
    def observations(self) -> Mapping[str, Body]: ...
    @property
    def course(self) -> Course: ...
    @property
    def state(self) -> State | None: ...


class Gathering(Protocol):
    def gather(self, unit: Unit, tenant: str, id: str) -> Gathered | None:
        """A pathway with its state; None where there is none. Raises `Problem` where its rule set is not known here."""
        ...


@dataclass(slots=True)
class Counted:
    """The figures, and how many pathways could not be read."""

    tally: Tally
    unread: int = 0


def total(store: Store, owners: Sequence[Owner]) -> int:
    """How many pathways there are to look at, for a bar that fills."""
    with store.read() as unit:
        return sum(unit.count(owner.number, Query("EpisodeOfCare")) for owner in owners)


def count(
    store: Store,
    pathways: Gathering,
    owners: Sequence[Owner],
    today: date,
    *,
    since: date | None = None,
    until: date | None = None,
    looked: Callable[[int], object] = lambda _: None,
) -> Counted:
    """The figures of a period (both its days in it) as they stand today. `looked` is told how many more were looked at.

    Raises `Problem` where the database does not answer.
    """
    found = Counted(Tally(since, until))
    for owner in owners:
        units: dict[str, tuple[str, str]] = {}
        for unit, page in _pages(store, owner.number):
            for stored in page:
                try:
                    _add(found.tally, unit, pathways, owner, stored, today, units)
                except Problem as fault:
                    if fault.findings[0].kind in DATABASE:
                        raise  # figures that lacked a few pathways would look like any others
                    found.unread += 1  # a rule set that this program does not know
            looked(len(page))
    return found


def _pages(store: Store, tenant: str) -> Iterator[tuple[Unit, Sequence[Stored]]]:
    """By id, so that a pathway that changes meanwhile is neither missed nor met twice; a page is one moment."""
    after: Sequence[Any] | None = None
    while True:
        with store.read() as unit:
            page = unit.search(tenant, Query("EpisodeOfCare", sort=[("_id", False)], after=after, limit=PAGE))
            yield unit, page.found
        after = page.next
        if after is None:
            return


def _add(
    tally: Tally, unit: Unit, pathways: Gathering, owner: Owner, stored: Stored, today: date, units: dict[str, tuple[str, str]]
) -> None:
    episode = body_of(stored)
    if episode["status"] == "entered-in-error" or not computed(episode):
        return
    gathered = pathways.gather(unit, owner.number, stored.id)
    if gathered is None or gathered.state is None:
        return
    id, name = _unit(unit, owner, gathered, units)
    tally.add(Spot(owner.region, owner.number, id, owner.name, name), judged(gathered.course, gathered.state, today))


def _unit(unit: Unit, owner: Owner, gathered: Gathered, units: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Where the pathway is: the innermost unit that its referral was for, else who registered its start, else the organisation.

    Returns its id and name.
    """
    performers: list[Body] = []
    for request in gathered.episode.get("referralRequest", []):
        type, _, id = str(request.get("reference", "")).partition("/")
        if type == "ServiceRequest" and (referral := unit.read(owner.number, type, id)):
            performers += body_of(referral).get("performer", [])
    performers += [
        performer
        for event in gathered.course.events
        if event.kind == "A"
        for performer in gathered.observations.get(event.id, {}).get("performer", [])
    ]
    for performer in performers:
        said = str(performer.get("reference", ""))
        if said not in units and (found := _named(unit, owner.number, performer)):
            units[said] = found
        if said in units:
            return units[said]
    return owner.number, owner.name


def _named(unit: Unit, tenant: str, reference: Body) -> tuple[str, str] | None:
    """The id and name of the Organization that a reference leads to, by a person's role where it must."""
    type, _, id = str(reference.get("reference", "")).partition("/")
    stored = unit.read(tenant, type, id) if type in ("Organization", *ABOVE) and id else None
    if stored is None:
        return None
    body = body_of(stored)
    if type == "Organization":
        return id, str(body.get("name") or id)
    return _named(unit, tenant, body.get(ABOVE[type], {}))
