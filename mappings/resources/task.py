"""Tasks of a pathway: its time limits and duties, and how each stands (https://hl7.org/fhir/R4/task.html).

Due is `restriction.period.end`, which runs from the day the limit began; `status` is the Task's life, `businessStatus` how it
stands against its limit. Whoever does it answers with status, statusReason, owner, executionPeriod, note and output: these are
theirs, and stay, unless the pathway itself says otherwise. An event meets the limit that awaits it, and a retracted one no longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any, Final

from adapter.domain.deadlines import standing
from adapter.domain.identity import named, series
from adapter.domain.pathway import Deadline, Owed
from adapter.domain.ruleset import Limit, RuleSet, Source
from mappings import times
from mappings.resources import elements, event
from mappings.resources.writer import EXTENSION, SYSTEM, own, reference

Body = dict[str, Any]

FELL_AWAY: Final = {"text": "Gjelder ikke lenger i forløpet. (It no longer applies in the pathway.)"}
"""Why the service cancels a Task of its own accord. Any other reason is a person's, or the sender's, and stays."""

ASSESS: Final = "assess-referral"
_OF_REFERRAL: Final = frozenset({ASSESS, "emergency-decision"})
FOLLOWS: Final = {"text": "Følger av det som er registrert. (It follows from what is registered.)"}
"""Why the service completes a Task that a person might have answered: what was asked is told by an event or the assessment."""

_CLOSED: Final = frozenset({"completed", "cancelled", "rejected", "failed", "entered-in-error"})
_SOURCE: Final = EXTENSION + "limit-source"
_KIND: Final = SYSTEM + "pathway-task"
_MOST: Final = 99  # of one kind in one pathway

_TEXTS: Final = {
    "assess-referral": (
        "Vurder henvisningen: rett til helsehjelp, utfall og frist.",
        "Assess the referral: right to care, outcome and date limit.",
    ),
    "date-limit": ("Helsehjelpen skal begynne innen pasientens frist.", "Care is to begin within the patient's own date limit."),
    "guarantee-under-23": (
        "Helsehjelpen skal begynne innen {time} etter vurderingen: pasienten er under 23 år.",
        "Care is to begin within {time} of the assessment: the patient is younger than 23.",
    ),
    "first-attendance": (
        "Første fremmøte innen {time} etter at henvisningen ble mottatt.",
        "First attendance within {time} of the referral's receipt.",
    ),
    "emergency-decision": (
        "Avgjør innen {time} etter øyeblikkelig hjelp om pasienten skal inn i forløp.",
        "Decide within {time} of the emergency whether the patient is to enter a pathway.",
    ),
    "decision": (
        "Klinisk beslutning innen {time} etter første fremmøte.",
        "Clinical decision within {time} of the first attendance.",
    ),
    "extended-decision": (
        "Klinisk beslutning innen {time} etter at utvidet utredning ble besluttet.",
        "Clinical decision within {time} of the decision on extended assessment.",
    ),
    "first-evaluation": (
        "Første evaluering innen {time} etter klinisk beslutning.",
        "First evaluation within {time} of the clinical decision.",
    ),
    "next-evaluation": ("Ny evaluering innen {time} etter forrige.", "Next evaluation within {time} of the last."),
    "detox-to-treatment": (
        "Videre behandling innen {time} etter avsluttet avrusning.",
        "Further treatment within {time} of the end of detoxification.",
    ),
}
_LOCAL: Final = (" Virksomhetens egen frist.", " The organisation's own limit.")


def id_of(pathway: str, key: str) -> str:
    kind, _, ordinal = key.rpartition("-")
    return named(pathway, kind, ordinal)


def key_of(pathway: str, task: Mapping[str, Any]) -> str:
    """The key of a Task of this pathway (`decision-1`): its kind and ordinal, of which its id is made. Of any other nothing."""
    if "start" not in task.get("restriction", {}).get("period", {}):
        return ""  # a Task that a message gave a person to do, or another's
    rule = next((e for e in task.get("extension", []) if e["url"] == _SOURCE), None)
    said = next((p.get("valueString", "") for p in rule["extension"] if p["url"] == "rule"), "") if rule else ""
    kind = said.rpartition("/")[2] or kind_of(task)
    return _key(pathway, kind, task["id"])


@lru_cache(maxsize=4096)  # asked of each Task several times in one write
def _key(pathway: str, kind: str, id: str) -> str:
    made = series(pathway, kind)
    return next((f"{kind}-{n}" for n in range(1, _MOST + 1) if made(n) == id), "")


def kind_of(task: Mapping[str, Any]) -> str:
    """Its code of pathway-task; a time limit that awaits an event is a `deadline`."""
    return next((c["code"] for c in task.get("code", {}).get("coding", []) if c.get("system") == _KIND), "")


def by_person(task: Mapping[str, Any]) -> bool:
    """Whether it is done by who completes it. The others are done by an event, or, of an assessment, by what it answers."""
    return kind_of(task) not in ("deadline", ASSESS) and task.get("statusReason") != FOLLOWS


def fell_away(task: Mapping[str, Any]) -> bool:
    return task.get("statusReason") == FELL_AWAY


def ended(task: Mapping[str, Any]) -> date | None:
    """The date in Norway on which it was done or called off: the end of its executionPeriod, else when it was last changed."""
    told = (task.get("executionPeriod", {}).get("end", ""), task.get("lastModified", ""), task.get("authoredOn", ""))
    return next(filter(None, map(times.norwegian_day, told)), None)


def deadline(episode: Body, rules: RuleSet, running: Deadline, old: Body, today: date) -> Body:
    """What the pathway says of the Task of a time limit; None of what it is to be without."""
    limit = running.limit
    why: Body = {}
    if limit.id != ASSESS and not limit.awaits:
        if old.get("status") == "completed" and by_person(old):
            running = replace(
                running, met=running.met or ended(old)
            )  # who completes it answers it, whether or not anything follows
        elif running.met:
            why = {"statusReason": FOLLOWS}
    rule: list[Body] = [{"url": "rule", "valueString": f"{rules.pathway}-{rules.version}/{limit.id}"}]
    local = [{"url": "local", "valueBoolean": True}] if limit.source.local else []
    caused = {"valueReference": reference("Observation", running.patient_caused)} if running.patient_caused else None
    code = own("pathway-task", "deadline" if limit.awaits else limit.id)
    if limit.awaits:
        code["coding"] += event.concept("9322", limit.awaits)["coding"]
    extension = {"limit-source": {"extension": rule + local}, "patient-caused": caused}
    return {"extension": extension} | _said(episode, running, old, today, code, _text(running)) | why


def duty(episode: Body, owed: Owed, old: Body, today: date) -> Body:
    """What the pathway says of the Task of a duty; None of what it is to be without."""
    running = replace(_plain(owed.since, owed.due), met=owed.done, over=owed.over)
    return _said(episode, running, old, today, own("pathway-task", owed.duty.kind), f"{owed.duty.nb} ({owed.duty.en})")


def unanswered(running: Deadline) -> Deadline:
    """An assessment that an event has told of and no one has answered: the Task has no answer to be completed with."""
    return replace(running, met=None, over=running.met) if running.met else running


def fallen(old: Body, today: date) -> Body:
    """What is said of a Task that no longer follows from the pathway: it is cancelled, unless a person has done it or ended it."""
    if old["status"] in _CLOSED and (old["status"] != "completed" or by_person(old)):
        return {}
    said: Body = {"status": "cancelled", "statusReason": FELL_AWAY, "executionPeriod": None}
    start, end = (times.norwegian_day(old["restriction"]["period"].get(edge, "")) for edge in ("start", "end"))
    if start and end:
        said["businessStatus"] = own("business-status", standing(_plain(start, end), today))
    return said


def _plain(since: date, due: date | None) -> Deadline:
    """A time limit of which only the dates matter."""
    return Deadline(Limit("", "received", "", None, "calendar", Source("C")), 1, since, due)


def _said(episode: Body, running: Deadline, old: Body, today: date, code: Body, text: str) -> Body:
    """What a limit and a duty have in common. An owner within the organisation may have been named; it stays."""
    life = _life(old, running.met, None if running.met else running.over)
    called_off = ended(old) if life["status"] == "cancelled" and not running.over else None
    stands = own("business-status", standing(running, min(today, called_off or today))) if running.due else None
    about = next(iter(episode.get("referralRequest", [])), None) if running.limit.id in _OF_REFERRAL else None
    return {
        "groupIdentifier": {"system": elements.URI, "value": f"urn:uuid:{episode['id']}"},
        **life,
        "businessStatus": stands,
        "intent": "order",
        "code": code,
        "description": text,
        "focus": about or reference("EpisodeOfCare", episode["id"]),
        "for": episode["patient"],
        "owner": old.get("owner") or episode["managingOrganization"],
        "restriction": {"period": _period(running.anchor, running.due)},
    }


def _period(start: date, end: date | None) -> Body:
    """From the day it runs until it is due; a date limit may have been given that is past already."""
    return {"start": min(start, end).isoformat(), "end": end.isoformat()} if end else {"start": start.isoformat()}


def _life(old: Body, met: date | None, over: date | None) -> Body:
    """Status, why, and when it ended. What a person answered stays, where the pathway does not say otherwise."""
    status, why, when = old.get("status", "requested"), old.get("statusReason"), old.get("executionPeriod")
    if met:
        return {"status": "completed", "statusReason": None if fell_away(old) else why, "executionPeriod": _until(when, met)}
    if over and status not in _CLOSED - {"completed"}:
        return {"status": "cancelled", "statusReason": FELL_AWAY, "executionPeriod": None if status == "completed" else when}
    if status == "completed" or (fell_away(old) and not over):
        return {"status": "requested", "statusReason": None, "executionPeriod": None}
    if status == "cancelled" and not fell_away(old):
        when = _until(when, ended(old))
    return {"status": status, "statusReason": why, "executionPeriod": when}


def _until(period: Body | None, end: date | None) -> Body | None:
    """The period that ends on that date: as it is told where it does."""
    if end is None or (period and times.norwegian_day(period.get("end", "")) == end):
        return period
    start = (period or {}).get("start", "")
    begun = times.norwegian_day(start)
    return {**({"start": start} if begun and begun < end else {}), "end": end.isoformat()}


def _text(deadline: Deadline) -> str:
    """What is to be done, in Norwegian and English; that a limit is the organisation's own, and what Saturdays would make of it."""
    limit = deadline.limit
    nb, en = _TEXTS.get(limit.id, (f"Frist: {limit.id}.", f"Time limit: {limit.id}."))
    number = f"{limit.earliest}–{limit.days}" if limit.earliest is not None else str(limit.days)
    nb = nb.format(time=f"{number} {'virkedager' if limit.unit == 'working' else 'dager'}")
    en = en.format(time=f"{number} {'working days' if limit.unit == 'working' else 'days'}")
    if limit.source.local:
        nb, en = nb + _LOCAL[0], en + _LOCAL[1]
    if deadline.strict:
        nb += f" Regnes lørdag som virkedag: {deadline.strict.isoformat()}."
        en += f" With Saturday as a working day: {deadline.strict.isoformat()}."
    return f"{nb} ({en})"
