"""What the requester wants of an assignment is held against how the assignment stands now, where it is answered.

    judge(json.parse(row.body), task)      # the Task as it is to be; Problem(CONFLICT) where that may no longer be

A proposal says how the elements were and how they are to be (`assignments.propose`). Time passes before it comes there: what the
owner has done meanwhile stays, and a move that can no longer be made is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapter.domain import assignment as life
from adapter.domain.problem import Kind, Problem
from adapter.usecases.assignment_rules import foreign
from adapter.usecases.follow_assignment import BY_US, both_changed
from adapter.usecases.pathways import Body
from mappings.resources import assignment
from mappings.resources.three_way import merged


def judge(said: Mapping[str, Any], task: Body, seen: Mapping[str, Any] | None = None) -> Body:
    """The Task with what was wanted of it. `seen` is the same Task with its links as whole addresses, where it has others."""
    now = assignment.view(seen or task)
    wanted, against = merged(said["was"], said["set"], now, said["was"].keys() | said["set"].keys())
    made = assignment.laid(task, wanted, only=assignment.changed(now, wanted))
    refused = life.refusal(assignment.code_of(task), task["status"], made["status"], BY_US)
    faults = [*map(both_changed, sorted(against)), *([refused] if refused else [])]
    faults += foreign(task, made, assignment.changed(now, wanted), BY_US)
    if faults:
        raise Problem(*(replace(fault, kind=Kind.CONFLICT) for fault in faults))
    return made
