"""Each organisation's definitions of pathways: a PlanDefinition for each rule set, with the organisation's own limits in it.

They are put at each start, and make a new version only where the rules have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from adapter.domain.ruleset import Rulebook
from adapter.ports import Store, Unit
from adapter.usecases.writing import draft
from mappings.resources.plan_definition import plan_definition


def define(store: Store, tenants: Iterable[str], rulebook: Rulebook, now: datetime, base: str = "") -> None:
    """Keep the definitions of every organisation as its rules are now."""
    for tenant in tenants:
        bodies = [plan_definition(rulebook.get(rules.pathway, rules.version, tenant)) for rules in rulebook.all()]

        def job(unit: Unit, tenant: str = tenant, bodies: list[dict[str, object]] = bodies) -> None:
            unit.put(tenant, [draft("PlanDefinition", str(body["id"]), body, base) for body in bodies], now)

        store.run(job)
