"""What all sides have alike of an assignment: its elements in one form, what differs between two, and how it is laid over a Task.

    changed(view(ours), view(theirs))     # the elements that differ: none, where both sides agree
    laid(ours, view(theirs))              # ours as theirs stands

The form is that of what is sent, so that a Task and what was sent of it look the same (`assignment.outward`). See `normal` for what
servers change without meaning anything by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from mappings.resources import normal
from mappings.resources.normal import Body, Holder, items, obj, text
from mappings.resources.writer import SYSTEM

ELEMENTS: Final = (
    *("status", "statusReason", "businessStatus", "priority", "executionPeriod", "owner", "location", "note", "relevantHistory"),
    *("restriction", "input", "output"),
)
"""What all sides must have alike. All else of a Task never changes, or is a side's own."""

_UNDECIDED: Final = frozenset({"draft", "requested", "received", "rejected"})
_OURS: Final = frozenset({"overdue", "delivery-failed"})  # our own view of an assignment, never an owner's
_INPUTS: Final = {"own-coordinator": "Reference", "previous-assignment": "Reference", "further-information": "String"}
_OUTPUTS: Final = {"assigned-coordinator": "Reference"}


def view(task: Mapping[str, Any]) -> Body:
    """The elements that are to be equal on all sides, in their normal form (`normal`): absent is the same as empty.

    It is that of what is sent: `view(outward(task)) == view(task)`. So the owner's unit and place are in it from acceptance on;
    `overdue` and `delivery-failed` never are; of inputs and outputs those that an assignment has, by our own codes; of a note its
    words and time. The name beside the assigned coordinator's identifier is kept: it may be the only one. Others are not, as a
    server may add them.
    """
    contained = normal.contained_in(task)
    decided = text(task.get("status")) not in _UNDECIDED
    owner = normal.reference(task.get("owner"), contained if decided else {})
    return normal.tidy(  # type: ignore[no-any-return]
        {
            "status": text(task.get("status")),
            "statusReason": normal.concept(task.get("statusReason")),
            "businessStatus": _progress(task.get("businessStatus")),
            "priority": text(task.get("priority")),
            "executionPeriod": normal.period(task.get("executionPeriod")),
            "owner": {key: value for key, value in owner.items() if key in ("identifier", "resource")},
            "location": normal.reference(task.get("location"), contained) if decided else {},
            "note": [_note(one) for one in items(task.get("note"))],
            "relevantHistory": [_provenance(one) for one in items(task.get("relevantHistory"))],
            "restriction": {"period": normal.period(obj(task.get("restriction")).get("period"))},
            "input": sorted(filter(None, (_input(one) for one in items(task.get("input")))), key=normal.order),
            "output": sorted(filter(None, (_output(one, contained) for one in items(task.get("output")))), key=normal.order),
        }
    )


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """The elements in which two views differ."""
    return frozenset(name for name in ELEMENTS if before.get(name) != after.get(name))


def laid(task: Body, said: Mapping[str, Any], only: Collection[str] | None = None) -> Body:
    """The Task with the elements of a view laid over it, or with some of them; what the view lacks is taken away.

    What is the same already stays as it is written, and so does what is not shared: other outputs, a note's author.
    """
    own = view(task)
    if only is None or "status" in only:
        own = {**view({**task, "status": said.get("status")}), "status": own.get("status")}  # what shows then is to be as is said
    names = [name for name in ELEMENTS if own.get(name) != said.get(name) and (only is None or name in only)]
    if not names:
        return task
    holder, body = Holder(items(task.get("contained"))), dict(task)
    for name in names:
        made = _laid(task, name, said.get(name), holder)
        if made:
            body[name] = made
        else:
            body.pop(name, None)
    contained = holder.swept(body)
    return {**{k: v for k, v in body.items() if k != "contained"}, **({"contained": contained} if contained else {})}


def _laid(task: Body, name: str, said: Any, holder: Holder) -> Any:
    """One element as it should stand: what the view says, and what was there and is not shared."""
    old = task.get(name)
    if name in ("note", "relevantHistory", "input", "output"):
        there = [(view({name: [one], "contained": task.get("contained")}).get(name), one) for one in items(old)]
        made = [next((one for shown, one in there if shown == [new]), None) or holder.place(new) for new in said or []]
        return [*(one for shown, one in there if not shown), *made]
    if name == "restriction":
        return {key: value for key, value in obj(old).items() if key != "period"} | (said or {})
    if name == "owner" and said and normal.identifier(obj(old).get("identifier")) == said.get("identifier"):
        return {key: value for key, value in obj(old).items() if not text(value).startswith("#")} | holder.place(said)
    return holder.place(said) if said else None


def _progress(value: Any) -> Body:
    """What the owner says of an assignment under way, without what only we would say."""
    told = items(obj(value).get("coding"))
    kept = [c for c in told if c.get("system") != f"{SYSTEM}business-status" or text(c.get("code")) not in _OURS]
    return normal.concept({**obj(value), "coding": kept}) if kept or not told else {}


def _note(value: Body) -> Body:
    return {key: text(value.get(key)) for key in ("time", "text")}


def _provenance(value: Body) -> Body:
    return {key: said for key, said in normal.reference(value, {}).items() if key != "type"}


def _input(value: Body) -> Body:
    """The requester's coordinator is told by number alone: whom it is, and how to be reached, is in the team, after acceptance."""
    code, said = _known(value, _INPUTS, "task-input")
    if _INPUTS.get(code) == "String":
        return _said("task-input", code, {"valueString": text(said)})
    return _said("task-input", code, {"valueReference": normal.reference(said, {})})


def _output(value: Body, contained: normal.Contained) -> Body:
    code, said = _known(value, _OUTPUTS, "task-output")
    return _said("task-output", code, {"valueReference": normal.reference(said, contained, named=True)})


def _known(value: Body, types: Mapping[str, str], system: str) -> tuple[str, Any]:
    """The code of an input or output, and its value; both empty where it is none of those that an assignment has."""
    for coding in items(obj(value.get("type")).get("coding")):
        code = text(coding.get("code"))
        if coding.get("system") == SYSTEM + system and code in types:
            return code, value.get(f"value{types[code]}")
    return "", None


def _said(system: str, code: str, value: Body) -> Body:
    """What says nothing is not there."""
    return {"type": {"coding": [{"system": SYSTEM + system, "code": code}]}, **value} if code and any(value.values()) else {}
