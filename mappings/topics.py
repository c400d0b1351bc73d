"""What can be followed: topics of the R5 subscriptions in R4 (https://hl7.org/fhir/uv/subscriptions-backport/components.html#subscription-topics).

A topic is about one resource type. A change is a resource as it was (None: it is new) and as it is; the topic says whether that is
an event of it.

>>> topic = topic_of(f"{BASE}/SubscriptionTopic/task-change")
>>> topic.type, topic.happened(None, {"resourceType": "Task"})
('Task', True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapter.domain.identity import BASE
from mappings.resources.event import is_event
from mappings.resources.writer import SYSTEM

Body = Mapping[str, Any]
PHASE: Final = f"{BASE}/StructureDefinition/pathway-phase"
STANDING: Final = SYSTEM + "business-status"


@dataclass(frozen=True, slots=True)
class Topic:
    """`happened` gets a resource as it was and as it is. `filters` are the search parameters that it may be narrowed by."""

    name: str
    type: str
    en: str
    nb: str
    filters: tuple[str, ...]
    happened: Callable[[Body | None, Body], bool]

    @property
    def url(self) -> str:
        """Its canonical."""
        return f"{BASE}/SubscriptionTopic/{self.name}"


def _any(before: Body | None, after: Body) -> bool:  # noqa: ARG001 - a topic's signature
    return True


def _event(before: Body | None, after: Body) -> bool:
    """An Observation that is an event of a pathway, or was one."""
    return is_event(after) or (before is not None and is_event(before))


def _overdue(before: Body | None, after: Body) -> bool:
    """A time limit that has passed, and had not before."""
    return _stands(after, "overdue") and not (before is not None and _stands(before, "overdue"))


def _stands(task: Body, code: str) -> bool:
    codings = task.get("businessStatus", {}).get("coding", ())
    return any((coding.get("system"), coding.get("code")) == (STANDING, code) for coding in codings)


def _moved(before: Body | None, after: Body) -> bool:
    """A pathway that has begun, or has another status or phase than before."""
    return before is None or _where(before) != _where(after)


def _where(pathway: Body) -> tuple[Any, Any]:
    phase = next((one.get("valueCode") for one in pathway.get("extension", ()) if one.get("url") == PHASE), None)
    return pathway.get("status"), phase


_OF_TASKS: Final = (
    *("_id", "business-status", "code", "focus", "group-identifier", "identifier", "intent", "owner", "part-of", "patient"),
    *("priority", "requester", "status", "subject"),
)

TOPICS: Final = (
    Topic(
        "pathway-event",
        "Observation",
        "An event of a pathway is registered, corrected or retracted.",
        "En hendelse i et forløp er registrert, rettet eller trukket tilbake.",
        ("_id", "code", "focus", "identifier", "patient", "performer", "status", "subject", "value-concept"),
        _event,
    ),
    Topic(
        "pathway-change",
        "EpisodeOfCare",
        "A pathway begins, comes to another status or phase, or ends.",
        "Et forløp begynner, får ny status eller fase, eller avsluttes.",
        ("_id", "care-manager", "identifier", "organization", "patient", "phase", "status", "team", "type"),
        _moved,
    ),
    Topic(
        "task-change",
        "Task",
        "A Task is made or changed: a duty, a time limit or an assignment.",
        "En oppgave er opprettet eller endret: en plikt, en frist eller et oppdrag.",
        _OF_TASKS,
        _any,
    ),
    Topic(
        "deadline-passed",
        "Task",
        "A time limit has passed and what it is for is not done.",
        "En frist er overskredet uten at det den gjelder, er gjort.",
        _OF_TASKS,
        _overdue,
    ),
)

TYPES: Final = frozenset(topic.type for topic in TOPICS)
_BY_URL: Final = {topic.url: topic for topic in TOPICS}


def topic_of(canonical: str) -> Topic | None:
    """The topic of a canonical; None where it is none of ours."""
    return _BY_URL.get(canonical)
