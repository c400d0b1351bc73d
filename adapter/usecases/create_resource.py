"""A client creates a resource (https://hl7.org/fhir/R4/http.html#create, #ccreate)."""

from __future__ import annotations

from datetime import datetime

from adapter.ports import Draft, Query, Unit
from adapter.usecases.resource_rules import faults_of_new
from adapter.usecases.writing import Body, Rules, Written, draft, raise_for, the_one


def create(
    unit: Unit, rules: Rules, tenant: str, resource: Body, now: datetime, *, id: str, unless: Query | None = None
) -> Written:
    """Keep a checked resource as a new one, under `id`; the sender's own id and version are left out.

    Where one resource matches `unless`, it is the answer and nothing is written. Raises `Problem` where several match, or
    where a client may not write this.
    """
    if unless is not None and (found := the_one(unit, tenant, unless)):
        return Written(found)
    (stored,) = unit.put(tenant, [to_create(rules, resource, id)], now)
    return Written(stored, created=True)


def to_create(rules: Rules, resource: Body, id: str) -> Draft:
    """The first version of a resource, where a client may write it."""
    raise_for(faults_of_new(resource, rules))
    return draft(resource["resourceType"], id, resource, rules.base)
