"""What waits for a person beside the pathways that are shown: troubles that none of them claims.

    elsewhere(unit, others, tenants, shown)      # oldest first, no more than `MOST` and one, which tells that there are more

An assignment that began at a partner and was refused is kept nowhere, others belong to no pathway here, and a server that is
silent while nobody there is asked anything holds up none. Nothing here names a patient, and no partner's own words are the
headline: what was told stands beside, for whoever looks into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapter.domain.baton_words import KINDS, LOOK, TO_DO, TROUBLES
from adapter.domain.coordination import NOTHING, Text
from adapter.ports import Trouble, Unit
from adapter.usecases.pathways import is_pathway, plain
from adapter.usecases.see_batons import Others
from adapter.usecases.see_pathways import MOST, Seen, pathways_of
from mappings import times
from mappings.resources import assignment

SERVER: Final = "Partner"
"""What a trouble is about that concerns a partner's whole server (`Partner/name`)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a person. `partner` is the configured name, empty where it is about no server that we know;
    `organisation` the number of whose server it is, or of who is asked. `told` is what was recorded of it, `assigned` what was
    asked for, and `pathway` the id of its pathway where that is one here, else empty.
    """

    what: Text
    to_do: Text
    since: date
    partner: str
    organisation: str
    told: Text
    assigned: Text = NOTHING
    pathway: str = ""


def elsewhere(unit: Unit, others: Others, tenants: Sequence[str], shown: Sequence[Seen]) -> list[Waiting]:
    """The open troubles of these organisations that none of the shown pathways claims, the oldest first."""
    claimed = {_same(trouble) for one in shown for trouble in one.troubles}
    # A silent server is told of to each organisation: so many rows hold at least so many troubles that are not claimed.
    rows = unit.troubles(tenants, limit=len(tenants) * (len(claimed) + MOST + 1))
    left = {_same(trouble): trouble for trouble in reversed(rows) if _same(trouble) not in claimed}
    chosen = sorted(left.values(), key=lambda trouble: trouble.since)[: MOST + 1]
    found = [one for tenant in tenants for one in _of(unit, others, tenant, [t for t in chosen if t.tenant == tenant])]
    return sorted(found, key=lambda one: one.since)


def _same(trouble: Trouble) -> tuple[str, str, str, str]:
    """What makes it this trouble. A server is the same for all of our organisations."""
    tenant = "" if trouble.about.startswith(f"{SERVER}/") else trouble.tenant
    return tenant, trouble.partner, trouble.about, trouble.kind


def _of(unit: Unit, others: Others, tenant: str, troubles: Sequence[Trouble]) -> Iterator[Waiting]:
    about = [trouble.about for trouble in troubles]
    named = [(type, id) for type, _, id in (name.partition("/") for name in about) if type == "Task"]
    tasks = {f"Task/{one.id}": plain(one) for one in unit.read_all(tenant, named)}
    pathways = pathways_of(unit, tenant, about)
    episodes = unit.read_all(tenant, [("EpisodeOfCare", id) for id in dict.fromkeys(pathways.values())])
    here = {one.id for one in episodes if is_pathway(plain(one))}
    for trouble in troubles:
        pathway = pathways.get(trouble.about, "")
        yield _waiting(others, trouble, tasks.get(trouble.about, {}), pathway if pathway in here else "")


def _waiting(others: Others, trouble: Trouble, task: dict[str, Any], pathway: str) -> Waiting:
    server = f"{SERVER} " if trouble.about.startswith(f"{SERVER}/") else ""
    owner = assignment.party(task, "owner") if task else ""
    partner = next((one for one in others.partners if one.name == trouble.partner), None) or next(
        (one for one in others.partners if owner and not trouble.partner and one.organisation == owner), None
    )
    return Waiting(
        TROUBLES.get(server + trouble.kind) or TROUBLES.get(trouble.kind, LOOK),
        TO_DO.get(server + trouble.kind) or TO_DO.get(trouble.kind, LOOK),
        times.local_day(trouble.since),
        partner.name if partner else trouble.partner,
        partner.organisation if partner else owner,
        Text(trouble.nb, trouble.en),
        KINDS.get(assignment.code_of(task), NOTHING) if task else NOTHING,
        pathway,
    )
