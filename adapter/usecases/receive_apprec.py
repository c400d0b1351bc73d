"""An AppRec arrives: what a receiver says of a message of ours. It is never answered itself.

Who says so: HIS 80415:2012 (one per receiver, final, never an AppRec to an AppRec), HITS 1171:2017 section 5.2.1.11.
"""

from __future__ import annotations

from dataclasses import replace

from adapter.domain.problem import Finding, Kind
from adapter.ports import Outgoing, State
from adapter.usecases.arrival import Arrival
from adapter.usecases.situation import Situation
from adapter.usecases.verdict import Verdict

REJECTED = "2"


def weigh(arrival: Arrival, situation: Situation) -> Verdict:
    """What an AppRec means for the message that it answers; its own state, and that message's new answer."""
    apprec = arrival.apprec
    assert apprec  # noqa: S101 - tells the type checker
    if not situation.sent:
        return Verdict(State.PROCESSED, f"Orphan: an AppRec for {apprec.original_msg_id}, which we have not sent. Without effect.")
    ours = next((row for row in situation.sent if row.receiver == apprec.sender), None)
    if ours is None or arrival.sender != apprec.sender:
        return Verdict(
            State.REFUSED,
            f"An AppRec for {apprec.original_msg_id} from {arrival.sender}, to which we did not send it. Without effect.",
            "Possible spoofing: find out who sent it before any AppRec of this sender is relied on.",
            (Finding("error", Kind.MISADDRESSED, "The AppRec is not from the receiver.", "Kvitteringen er ikke fra mottakeren."),),
        )
    return _answered(ours, "rejected" if apprec.status == REJECTED else "ok")


def _answered(ours: Outgoing, answer: str) -> Verdict:
    if ours.answer not in (None, answer):
        return Verdict(
            State.QUARANTINED,
            f"The receiver {ours.receiver} has both accepted and rejected our message {ours.msg_id}.",
            "Ask the receiver by telephone whether they have the message; then dismiss this.",
            (Finding("error", Kind.CONFLICT, "The AppRecs contradict each other.", "Kvitteringene motsier hverandre."),),
            answered=replace(ours, answer="conflict"),
        )
    if ours.answer == answer:
        return Verdict(State.PROCESSED, f"The same AppRec for {ours.msg_id} once more; without effect.")
    action = "" if answer == "ok" else "Correct the message as its AppRec says and send it again, or call the receiver."
    return Verdict(State.PROCESSED, f"Our message {ours.msg_id}: {answer}.", action, answered=replace(ours, answer=answer))
