"""The life of an assignment: who may move it where, what each move asks for, and which elements are whose to change.

    refusal("assign-coordinator", "requested", "completed", {"owner"})    # a Finding: accept it first
    reachable("assign-coordinator", "requested", "completed", {"owner"})  # True: seen from outside, steps may have been missed

An assignment is a Task from one organisation (requester) to another (owner): to name a coordinator, to take over, to release one,
to call another Task off; and a coordinator's follow-up tasks. All have one life. A party that is both may do what either may.
The pattern is HL7's Clinical Order Workflow and R4's Task state machine, https://hl7.org/fhir/R4/task.html#statemachine. `ready`
is not used: a Task here is asked for, or not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

from adapter.domain.problem import Finding, Kind

Actor = Literal["requester", "owner", "service"]

CODES: Final = ("assign-coordinator", "handover-coordinator", "release-coordinator", "abort")
"""Those of the coordination-task code system. A follow-up (`koord1` to `koord8`) has the same life."""

NAMING: Final = frozenset({"assign-coordinator", "handover-coordinator"})
"""Completed by naming a person."""

STATUSES: Final = (
    *("draft", "requested", "received", "accepted", "in-progress", "on-hold"),
    *("completed", "rejected", "failed", "cancelled", "entered-in-error"),
)
OPEN: Final = frozenset(STATUSES[:6])
TERMINAL: Final = frozenset(STATUSES[6:])

_R, _O, _S = frozenset[Actor]({"requester"}), frozenset[Actor]({"owner"}), frozenset[Actor]({"service"})
MOVES: Final[Mapping[str, Mapping[str, frozenset[Actor]]]] = {
    "": {"draft": _R, "requested": _R},
    "draft": {"requested": _R, "cancelled": _R, "entered-in-error": _R},
    "requested": {"received": _O, "accepted": _O, "rejected": _O, "cancelled": _R | _S, "entered-in-error": _R},
    "received": {"accepted": _O, "rejected": _O, "cancelled": _R | _S, "entered-in-error": _R},
    "accepted": {"in-progress": _O, "on-hold": _O, "completed": _O, "failed": _O, "cancelled": _R | _O, "entered-in-error": _R},
    "in-progress": {"on-hold": _O, "completed": _O, "failed": _O, "entered-in-error": _R},
    "on-hold": {"in-progress": _O, "completed": _O, "failed": _O, "entered-in-error": _R},
    "completed": {"entered-in-error": _R},
}
"""From each status (empty: it is new) to which, and by whom. The service itself only cancels what nobody has answered."""

BY_OWNER: Final = frozenset(
    {
        *("status", "statusReason", "businessStatus", "executionPeriod", "lastModified", "owner", "location", "note", "output"),
        "relevantHistory",
    }
)
"""What the owner may change; `owner` only inside its own legal entity."""
BY_REQUESTER: Final = frozenset({"status", "statusReason", "lastModified", "input", "note", "priority"})
"""What the requester may change; `input` only while `businessStatus` is awaiting-information."""
IMMUTABLE: Final = frozenset(
    {
        *("identifier", "groupIdentifier", "intent", "code", "focus", "for", "requester", "authoredOn", "basedOn", "partOf"),
        "restriction.recipient",
    }
)
DRAFTED: Final = frozenset({"owner", "performerType", "restriction", "input", "description", "reasonCode", "reasonReference"})
"""What the requester may change besides, in a draft, which nobody else has seen."""
AFTERWARDS: Final = frozenset({"status", "statusReason", "lastModified", "note"})
"""All that may change once it has ended: a note is added, or it is said to have been a mistake."""

NEW: Final = ("identifier", "for", "requester", "owner", "authoredOn", "restriction.period.end")
_REASON: Final = frozenset({"rejected", "failed", "cancelled", "on-hold", "entered-in-error"})

_RULE: Final = "https://hl7.org/fhir/R4/task.html#statemachine"
_WHO: Final[Mapping[Actor, tuple[str, str]]] = {
    "requester": ("the requester", "den som ber (requester)"),
    "owner": ("the owner", "eieren (owner)"),
    "service": ("this service", "tjenesten selv"),
}


def refusal(code: str, before: str, after: str, by: Collection[Actor]) -> Finding | None:
    """Why one step of `Task.status` is not allowed, with the steps that are; None where it is, or where nothing moves.

    `before` is empty for a new Task. What the step asks for besides is `needs`.
    """
    if before == after or _may(before, after, by):
        return None
    advice = _advice(code, before, after, by)
    en = f"{_by(by, 0).capitalize()} cannot take Task.status from {_name(before, 0)} to {_name(after, 0)}. {_open(before, by, 0)}"
    nb = (
        f"{_by(by, 1).capitalize()} kan ikke sette Task.status fra {_name(before, 1)} til {_name(after, 1)}. {_open(before, by, 1)}"
    )
    return Finding(
        "error", Kind.BUSINESS_RULE, f"{en} {advice[0]}".rstrip(), f"{nb} {advice[1]}".rstrip(), "Task.status", rule=_RULE
    )


def reachable(code: str, before: str, after: str, by: Collection[Actor]) -> bool:  # noqa: ARG001  one life for all codes
    """Whether some legal steps lead from one status to the other; a status reaches itself."""
    seen, ahead = {before}, [before]
    while ahead:
        status = ahead.pop()
        for following in MOVES.get(status, {}):
            if following not in seen and _may(status, following, by):
                seen.add(following)
                ahead.append(following)
    return after in seen


def needs(code: str, status: str, before: str) -> tuple[str, ...]:
    """The elements that a status asks for, `before` being the status it came from (empty: it is new).

    >>> needs("assign-coordinator", "completed", "accepted"), needs("release-coordinator", "completed", "accepted")
    (('output[assigned-coordinator]',), ())
    """
    if before == status and status in TERMINAL:
        return ()  # it was asked for on the way there, and a draft is cancelled without a reason
    asked: list[str] = []
    if before == "":
        asked += NEW
    if status in _REASON and not (status == "cancelled" and before == "draft"):
        asked.append("statusReason")
    if status == "completed" and code in NAMING:
        asked.append("output[assigned-coordinator]")
    return tuple(asked)


def changeable(by: Collection[Actor], status: str, business_status: str = "") -> frozenset[str]:
    """The elements that these may change of a Task that stands so; what is in no list is nobody's to change."""
    found = frozenset[str]()
    if "owner" in by:
        found |= BY_OWNER
    if "requester" in by:
        found |= BY_REQUESTER if business_status == "awaiting-information" else BY_REQUESTER - {"input"}
        if status == "draft":
            found |= DRAFTED
    return found & AFTERWARDS if status in TERMINAL else found


def _may(before: str, after: str, by: Collection[Actor]) -> bool:
    return not MOVES.get(before, {}).get(after, frozenset()).isdisjoint(by)


# --- words


def _name(status: str, language: int) -> str:
    """A status as it is written; what is none is not echoed, since it may come from anywhere."""
    if status == "":
        return ("nothing", "ingenting")[language]
    return status if status in (*STATUSES, "ready") else ("an unknown status", "en ukjent status")[language]


def _by(by: Collection[Actor], language: int) -> str:
    named = [words[language] for actor, words in _WHO.items() if actor in by]
    return (" and ", " og ")[language].join(named) or ("others than requester and owner", "andre enn requester og owner")[language]


def _open(before: str, by: Collection[Actor], language: int) -> str:
    """The moves that these have from there."""
    moves = [after for after in MOVES.get(before, {}) if _may(before, after, by)]
    if not moves:
        return ("There is no move for them from there.", "Derfra har de ingen overgang.")[language]
    listed = "".join((*(f"{move}, " for move in moves[:-2]), (" or ", " eller ")[language].join(moves[-2:])))
    return (f"From there they may take it to {listed}.", f"Derfra kan de sette den til {listed}.")[language]


def _advice(code: str, before: str, after: str, by: Collection[Actor]) -> tuple[str, str]:
    """What to do instead, where that is not plain from the moves."""
    if after not in STATUSES:
        return ("A Task of this kind has no such status.", "En slik Task har ingen slik status.")
    if before in TERMINAL:
        return (
            "It has ended: make a new Task for what is to be done now.",
            "Den er avsluttet: lag en ny Task for det som skal gjøres nå.",
        )
    if before == "":
        return ("A new one begins as draft or requested.", "En ny begynner som draft eller requested.")
    if after == "cancelled" and before in ("in-progress", "on-hold"):
        if "owner" in by:
            return ("Use failed, with a statusReason.", "Bruk failed, med statusReason.")
        if code != "abort":
            return (
                "Send a Task with code abort whose focus is this one: the owner then ends it.",
                "Send en Task med code abort som har denne som focus: owner avslutter den da.",
            )
    if after == "rejected" and before in ("accepted", "in-progress", "on-hold") and "owner" in by:
        instead = "failed or cancelled" if before == "accepted" else "failed"
        return (
            f"It has been accepted: use {instead}, with a statusReason.",
            f"Den er tatt på: bruk {instead.replace('or', 'eller')}, med statusReason.",
        )
    if before in ("requested", "received") and after in ("in-progress", "on-hold", "completed", "failed") and "owner" in by:
        return ("Accept it first (accepted).", "Ta den på først (accepted).")
    if before == "draft" and after != "requested":
        return ("The requester sends it first (requested).", "Den som ber, sender den først (requested).")
    if others := MOVES.get(before, {}).get(after):
        return (f"That move belongs to {_by(others, 0)}.", f"Den overgangen hører til {_by(others, 1)}.")
    return ("", "")
