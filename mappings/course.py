"""What the stored resources of a pathway say of it: the Course that its state is folded from.

There is no second copy: the Observations (events), the answered Tasks and the EpisodeOfCare are the truth. A Task of the
pathway is known by its id, which is made of pathway, kind and ordinal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from adapter.domain import persons
from adapter.domain.course import Assessment, Course, Event
from adapter.domain.problem import Problem
from mappings import times
from mappings.resources import event, task
from mappings.resources.elements import NUMBERS
from mappings.resources.writer import EXTENSION, SYSTEM

Body = Mapping[str, Any]

_OUTPUT: Final = SYSTEM + "task-output"


def course_of(
    episode: Body, observations: Iterable[Body], tasks: Iterable[Body], patient: Body | None, parallel: Iterable[str] = ()
) -> Course:
    """The course of a pathway. Among `tasks` may be others than its own, and among `observations` others than events.

    An event that was a mistake is left out, and so is one without a date: none can be registered, but a server that follows no
    pathways may have kept it before it began to.
    """
    ours = {key: one for one in tasks if (key := task.key_of(episode["id"], one))}
    assess, emergency = ours.get("assess-referral-1"), ours.get("emergency-decision-1")
    called_off = assess is not None and assess["status"] == "cancelled" and not task.fell_away(assess)
    return Course(
        received=_start(assess),
        assessment=_assessment(assess),
        withdrawn=task.ended(assess) if assess and called_off else None,
        emergency=_start(emergency),
        born=born_of(patient or {}),
        care_level=next((e["valueCode"] for e in episode.get("extension", []) if e["url"] == EXTENSION + "care-level"), ""),
        events=tuple(events_of(observations)),
        done=dict(_done(ours)),
        parallel=tuple(parallel),
    )


def events_of(observations: Iterable[Body]) -> Iterator[Event]:
    """Those of the Observations that are events and stand."""
    for observation in observations:
        if observation.get("status") != "entered-in-error" and event.is_event(observation):
            try:
                yield event.read(observation)[1]
            except Problem:
                continue


def _done(tasks: Mapping[str, Body]) -> Iterator[tuple[str, date]]:
    """What people have done by completing its Task, and when."""
    for key, one in tasks.items():
        if one["status"] == "completed" and task.by_person(one) and (on := task.ended(one)):
            yield key, on


def _start(task: Body | None) -> date | None:
    return times.norwegian_day((task or {}).get("restriction", {}).get("period", {}).get("start", ""))


def _assessment(task: Body | None) -> Assessment | None:
    """The answer in the Task's outputs (profile assessment-task); nothing while it is not answered in full."""
    if task is None or task["status"] != "completed":
        return None
    granted, on = _said(task, "right-to-care", "Boolean"), _said(task, "assessed-on", "Date")
    if granted is None or on is None:
        return None
    return Assessment(
        granted=granted,
        on=date.fromisoformat(on),
        outcome=event.code_in("8485", _said(task, "assessment-outcome", "CodeableConcept")),
        date_limit=times.norwegian_day(_said(task, "date-limit", "Date") or ""),
        reason=_said(task, "refusal-reason", "String") or "",
        settled=_said(task, "settled-condition", "Boolean") or False,
    )


def _said(task: Body, name: str, type: str) -> Any:
    """The value of the Task's output of that name, or None."""
    for output in task.get("output", []):
        if any((c.get("system"), c.get("code")) == (_OUTPUT, name) for c in output["type"].get("coding", [])):
            return output.get(f"value{type}")
    return None


def born_of(patient: Body) -> date | None:
    """The birth date as it is told, else as a national number has it."""
    numbers = (i.get("value", "") for i in patient.get("identifier", []) if i.get("system") in NUMBERS.values())
    return times.norwegian_day(patient.get("birthDate", "")) or next(filter(None, map(persons.birth, numbers)), None)
