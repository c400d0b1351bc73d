"""Everything of a pathway that follows from its state: EpisodeOfCare, CarePlan, Tasks and Goals, as they should stand now.

    bodies = resources(episode, stored, rules, course, state, now)

Each is laid over what is stored, so that what others gave it stays, and one that says the same is given back as it was:
rendering again over its own output changes nothing. All carry the tag *computed*.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from adapter.domain.course import Course
from adapter.domain.pathway import Deadline, State
from adapter.domain.ruleset import RuleSet
from mappings import times
from mappings.resources import care_plan, episode_of_care, goal, task
from mappings.resources.episode_of_care import skeleton
from mappings.resources.writer import EXTENSION, SYSTEM

__all__ = ["COMPUTED", "resources", "skeleton"]

Body = dict[str, Any]
Stored = Mapping[tuple[str, str], Body]

COMPUTED: Final = {"system": SYSTEM + "tag", "code": "computed", "display": "Beregnet av tjenesten"}


def resources(
    episode: Body,
    stored: Stored,
    rules: RuleSet,
    course: Course,
    state: State,
    now: datetime,
    reason: str = "",
) -> list[Body]:
    """The pathway's resources: its EpisodeOfCare, CarePlan, Tasks and Goals. `episode` is the stored one, or a `skeleton`.

    `stored` holds what there is of the others; what is no Task or Goal of this pathway is left alone. `reason` says why the
    status differs from what it was, where no event says so. A time limit that no source knows gives no Task, nor does the
    assessment of a referral that we do not have: an event opened the pathway.
    """
    tasks = _tasks(episode, stored, rules, course, state, now)
    goals = _goals(episode, stored, tasks)
    kinds = {
        kind: place for place, kind in enumerate(dict.fromkeys([*(r.id for r in rules.limits), *(d.kind for d in rules.duties)]))
    }
    order = sorted(tasks, key=lambda key: _place(kinds, key, tasks[key]))
    aims = [id for id, body in goals.items() if body["lifecycleStatus"] == "active"]
    plan = care_plan.id_of(episode["id"])
    said = care_plan.of(episode, rules, course, state, [tasks[key]["id"] for key in order], aims)
    return [
        _laid(episode, episode_of_care.of(episode, state, now, reason)),
        _laid(stored.get(("CarePlan", plan)) or {"resourceType": "CarePlan", "id": plan}, said),
        *(tasks[key] for key in order),
        *goals.values(),
    ]


def _tasks(episode: Body, stored: Stored, rules: RuleSet, course: Course, state: State, now: datetime) -> dict[str, Body]:
    """The pathway's Tasks by key: those that the state asks for, and those that it no longer does."""
    pathway, today = episode["id"], times.local_day(now)
    old = {key: body for (type, _), body in stored.items() if type == "Task" and (key := task.key_of(pathway, body))}
    running = [
        _answered(d, course) for d in state.deadlines if d.due and (d.limit.id != task.ASSESS or "referralRequest" in episode)
    ]
    said = {d.key: task.deadline(episode, rules, d, old.get(d.key, {}), today) for d in running}
    said |= {owed.key: task.duty(episode, owed, old.get(owed.key, {}), today) for owed in state.duties}
    said |= {key: task.fallen(body, today) for key, body in old.items() if key not in said}
    return {key: _task(pathway, key, old.get(key), new, times.utc(now)) for key, new in said.items()}


def _answered(running: Deadline, course: Course) -> Deadline:
    return task.unanswered(running) if running.limit.id == task.ASSESS and not course.assessment else running


def _task(pathway: str, key: str, old: Body | None, said: Body, now: str) -> Body:
    """A Task tells when it was first written, and when it was last changed."""
    if old is None:
        return _laid({"resourceType": "Task", "id": task.id_of(pathway, key)}, said | {"authoredOn": now})
    new = _laid(old, said)
    return new if new is old else {**new, "lastModified": now}


def _goals(episode: Body, stored: Stored, tasks: Mapping[str, Body]) -> dict[str, Body]:
    """The patient's goals by id. One that is no longer said was a mistake."""
    said = dict(goal.of(episode, tasks))
    old = {id: body for (type, id), body in stored.items() if type == "Goal" and COMPUTED in body.get("meta", {}).get("tag", [])}
    said |= {id: {"lifecycleStatus": "entered-in-error"} for id in old if id not in said}
    return {id: _laid(old.get(id) or {"resourceType": "Goal", "id": id}, new) for id, new in said.items()}


def _place(kinds: Mapping[str, int], key: str, body: Body) -> tuple[str, int, int]:
    """Where a Task stands among the others: by the day it arose, then as the rules have it."""
    kind, _, ordinal = key.rpartition("-")
    return body["restriction"]["period"]["start"], kinds.get(kind, len(kinds)), int(ordinal)


def _laid(old: Body, said: Body) -> Body:
    """What is said laid over what there is: None takes away, an extension is told by its name. The same if nothing differs."""
    head = {"resourceType": old["resourceType"], "id": old["id"]}
    new = {**head, "meta": {"tag": [COMPUTED], **old.get("meta", {})}} | {k: v for k, v in old.items() if k != "meta"}
    for key, value in said.items():
        told = _extended(old.get("extension", []), value) if key == "extension" else value
        if told:
            new[key] = told
        else:
            new.pop(key, None)
    return old if new == old else new


def _extended(old: list[Body], said: Mapping[str, Body | None]) -> list[Body]:
    """The extensions with those of the names said in their places or at the end; None takes one away."""
    named = {name if name.startswith("http") else EXTENSION + name: value for name, value in said.items()}
    kept = [e if e["url"] not in named else {"url": e["url"], **(named.pop(e["url"]) or {})} for e in old]
    return [e for e in kept if len(e) > 1] + [{"url": url, **value} for url, value in named.items() if value]
