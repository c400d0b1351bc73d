"""The pathway itself: EpisodeOfCare (https://hl7.org/fhir/R4/episodeofcare.html, profile pathway).

`statusHistory` is kept by the service. An entry that stands is never written anew: what events say adds to it; where they say
now that something else was (one was retracted, or the rules were corrected), the new status counts from now, with the reason.
An end is exclusive: the next status begins there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from adapter.domain.pathway import State
from mappings import times
from mappings.resources import elements, event
from mappings.resources.writer import EXTENSION

Body = dict[str, Any]

_ANEW: Final = "Beregnet på nytt. (Worked out anew.)"


def skeleton(
    id: str,
    *,
    pathway_type: str,
    version: str,
    patient: Body,
    organisation: Body,
    identifiers: Sequence[Body] = (),
    referral: Body | None = None,
    care_level: str = "",
    seniority: date | None = None,
) -> Body:
    """A new pathway before its state is known. `patient`, `organisation` and `referral` are References.

    `care_level` is the receiving service's: an event's own says otherwise from its date on, and is read from the event.
    """
    extensions = [{"url": EXTENSION + "rule-version", "valueString": version}]
    extensions += [{"url": EXTENSION + "care-level", "valueCode": care_level}] if care_level else []
    extensions += [{"url": EXTENSION + "seniority-date", "valueDate": seniority.isoformat()}] if seniority else []
    body: Body = {
        "resourceType": "EpisodeOfCare",
        "id": id,
        "extension": extensions,
        "identifier": [{"system": elements.URI, "value": f"urn:uuid:{id}"}, *identifiers],
        "type": [event.concept("9321", pathway_type)],
        "patient": patient,
        "managingOrganization": organisation,
    }
    return body | ({"referralRequest": [referral]} if referral else {})


def of(episode: Body, state: State, now: datetime, reason: str = "") -> Body:
    """What the state says of it; None of what it is to be without."""
    started = state.start is not None and (state.end is None or state.start <= state.end)
    period = {"start": state.start.isoformat()} if state.start and started else {}
    if state.end and (started or state.status == "finished"):
        period["end"] = state.end.isoformat()
    ended = {"valueCodeableConcept": event.concept("9326", state.end_reason)} if state.end_reason else None
    return {
        "extension": {"pathway-phase": {"valueCode": state.phase}, "pathway-end-reason": ended},
        "status": state.status,
        "statusHistory": _history(episode.get("statusHistory", []), state, now, reason or _ANEW),
        "period": period,
    }


def _history(stored: list[Body], state: State, now: datetime, reason: str) -> list[Body]:
    wanted = [step for n, step in enumerate(state.steps) if n == 0 or step.status != state.steps[n - 1].status]
    if wanted and [entry["status"] for entry in stored] == [step.status for step in wanted[: len(stored)]]:
        history = list(stored)
        for step in wanted[len(stored) :]:
            history = _begun(history, step.status, step.on.isoformat())
        return history
    if stored and stored[-1]["status"] == state.status:
        return stored
    why = {"extension": [{"url": EXTENSION + "status-reason", "valueString": reason}]}
    return _begun(stored, state.status, now.astimezone(times.OSLO).isoformat(timespec="seconds"), why)


def _begun(history: list[Body], status: str, when: str, more: Body | None = None) -> list[Body]:
    """The history with a new status from `when`, where the one until then ends; but not before that one began."""
    before = history[-1]["period"]["start"] if history else ""
    latest, day = times.norwegian_day(before), times.norwegian_day(when)
    when = before if latest and day and latest > day else when
    closed = [entry if "end" in entry["period"] else {**entry, "period": {**entry["period"], "end": when}} for entry in history]
    return [*closed, {**(more or {}), "status": status, "period": {"start": when}}]
