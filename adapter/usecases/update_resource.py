"""A client changes a resource, whole or by a JSON Patch (https://hl7.org/fhir/R4/http.html#update, #cond-update, #patch)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from adapter.domain.problem import Kind, problem
from adapter.ports import Query, Stored, Unit
from adapter.r4 import patch
from adapter.usecases.create_resource import create
from adapter.usecases.keep_changes import keep_changes
from adapter.usecases.resource_rules import computed, faults_of_change, kept_meta, removed_labels
from adapter.usecases.writing import (
    ALWAYS,
    VERSIONED,
    Body,
    Change,
    Rules,
    When,
    Written,
    body_of,
    checked,
    no_such,
    raise_for,
    require_none,
    require_version,
    the_one,
)


def update(unit: Unit, rules: Rules, tenant: str, resource: Body, now: datetime, *, id: str, when: When = ALWAYS) -> Written:
    """Keep a checked resource as the next version of the one with that id. One that says the same makes no version.

    Raises `Problem`: no such resource, another version than `when` says, or what a client may not change.
    """
    old = unit.read(tenant, resource["resourceType"], id)
    if old is None:
        raise no_such()
    (written,) = keep_changes(unit, rules, tenant, [to_update(unit, rules, tenant, old, resource, when)], now)
    return written


def update_matching(
    unit: Unit, rules: Rules, tenant: str, resource: Body, now: datetime, *, query: Query, new_id: str, when: When = ALWAYS
) -> Written:
    """As `update`, of the one resource that matches; where none does, it is created (without an id of its own)."""
    found = the_one(unit, tenant, query)
    require_same_id(resource, found)
    if found is None:
        require_none(when)
        return create(unit, rules, tenant, resource, now, id=new_id)
    return update(unit, rules, tenant, resource, now, id=found.id, when=when)


def patch_resource(
    unit: Unit, rules: Rules, tenant: str, operations: Any, now: datetime, *, type: str, which: str | Query, when: When = ALWAYS
) -> Written:
    """Carry out a JSON Patch on the version that stands, check what comes of it, and keep that as the next version.

    `which` is the resource's id, or a query that it alone matches.
    """
    old = unit.read(tenant, type, which) if isinstance(which, str) else the_one(unit, tenant, which)
    if old is None:
        raise nothing_to_patch()
    (written,) = keep_changes(unit, rules, tenant, [to_patch(unit, rules, tenant, old, operations, when)], now)
    return written


def to_update(unit: Unit, rules: Rules, tenant: str, old: Stored, resource: Body, when: When) -> Change:
    """The next version of a stored resource, where the caller knows the one that stands and may change it."""
    before = body_of(old)
    require_version(old, when, needed=old.type in VERSIONED or computed(before))
    raise_for(faults_of_change(unit, tenant, before, resource, rules))
    return Change(old.type, old.id, kept_meta(before, resource), before)


def to_patch(unit: Unit, rules: Rules, tenant: str, old: Stored, operations: Any, when: When) -> Change:
    """The next version that a JSON Patch makes of a stored one, with what the check tells of it."""
    require_version(old, when, needed=old.type in VERSIONED)
    before = body_of(old)
    after = patch.apply(before, operations)
    if not isinstance(after, dict) or (after.get("resourceType"), after.get("id")) != (old.type, old.id):
        raise problem(
            Kind.BUSINESS_RULE,
            "A patch does not change resourceType or id: remove that operation.",
            "En patch endrer ikke resourceType eller id: fjern den operasjonen.",
            where=f"{old.type}.id",
        )
    raise_for(removed_labels(before, after))
    told = checked(rules, after)
    return replace(to_update(unit, rules, tenant, old, after, when), told=told)


def require_same_id(resource: Body, found: Stored | None) -> None:
    """A conditional update's own id is that of what it matches, or is not there (#cond-update)."""
    said = resource.get("id")
    if said is None:
        return
    if found is None:
        raise no_such()
    if said != found.id:
        raise problem(
            Kind.INVALID,
            "The resource that matches has another id: leave id out, or correct the criteria.",
            "Ressursen som passer, har en annen id: utelat id, eller rett kriteriene.",
            where=f"{found.type}.id",
            rule="https://hl7.org/fhir/R4/http.html#cond-update",
        )


def nothing_to_patch() -> Exception:
    return problem(
        Kind.NOT_FOUND,
        "There is no such resource to patch: check type and id.",
        "Det finnes ingen slik ressurs å endre: kontroller type og id.",
    )
