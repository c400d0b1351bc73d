"""When a children's coordinator (*barnekoordinator*) is to be considered: hol § 7-2 a, pbrl § 2-5 c, in force from 1 August 2022.

A right of families with a child who has a serious illness and a long-lasting need for complex services. The municipality's
coordinating unit assesses it, and only where the guardian wishes it: nothing comes of what is not known, but it is told.
"""

from __future__ import annotations

from adapter.domain.coordination import CoordinationRules, Decision, Situation
from adapter.domain.deadlines import age


def assess(rules: CoordinationRules, situation: Situation) -> Decision | None:
    """Whether the coordinating unit is to assess a children's coordinator, which it is where all is known to hold; else None.

    A child below the age with long-lasting complex needs, and a guardian who wishes it. See `unknown` for what
    was not known; that gives nothing. Age is as of the day.
    """
    child = rules.child_coordinator
    if child is None or unknown(rules, situation):
        return None
    old = situation.born is None or age(situation.born, situation.on) >= child.below_age
    if old or not situation.complex_needs or not situation.guardian_wishes:
        return None
    unit = rules.rules[-1].name
    return Decision("child-coordinator", "coordinating-unit", unit.nb, unit.en, child.reason.nb, child.reason.en)


def unknown(rules: CoordinationRules, situation: Situation) -> tuple[str, ...]:
    """What is not known and might call for one (keys of `UNKNOWN`); nothing once something known rules it out."""
    child = rules.child_coordinator
    grown = child is None or (situation.born is not None and age(situation.born, situation.on) >= child.below_age)
    if grown or situation.complex_needs is False or situation.guardian_wishes is False:
        return ()
    asked = {"age": situation.born, "needs": situation.complex_needs, "guardian": situation.guardian_wishes}
    return tuple(key for key, value in asked.items() if value is None)
