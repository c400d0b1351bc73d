"""A client creates a resource (https://hl7.org/fhir/R4/http.html#create, #ccreate)."""

from __future__ import annotations

from datetime import datetime

from adapter.ports import Query, Unit
from adapter.usecases.keep_changes import keep_changes
from adapter.usecases.resource_rules import faults_of_new
from adapter.usecases.writing import Body, Change, Rules, Written, raise_for, the_one


def create(
    unit: Unit, rules: Rules, tenant: str, resource: Body, now: datetime, *, id: str, unless: Query | None = None
) -> Written:
    """Keep a checked resource as a new one, under `id`; the sender's own id and version are left out.

    Where one resource matches `unless`, or is the same event of a pathway, it is the answer and nothing is written. Raises
    `Problem` where several match, or where a client may not write this.
    """
    if unless is not None and (found := the_one(unit, tenant, unless)):
        return Written(found)
    (written,) = keep_changes(unit, rules, tenant, [to_create(rules, resource, id)], now)
    return written


def to_create(rules: Rules, resource: Body, id: str) -> Change:
    """The first version of a resource, where a client may write it."""
    raise_for(faults_of_new(resource, rules))
    return Change(resource["resourceType"], id, resource)
