"""An AppRec arrives: what a receiver says of a message of ours. It is never answered itself. Or none arrives.

Who says so: HIS 80415:2012 (one per receiver, final, never an AppRec to an AppRec; without one in 96 hours the message counts
as rejected, and its sender is to be told), HITS 1171:2017 section 5.2.1.11.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from adapter.domain.problem import Finding, Kind
from adapter.ports import Outgoing, State, Unit
from adapter.usecases.arrival import Arrival
from adapter.usecases.situation import Situation
from adapter.usecases.verdict import Verdict

REJECTED: Final = "2"
PATIENCE: Final = timedelta(hours=96)


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
    codes = ", ".join(code for code, _ in apprec.errors)
    return _answered(ours, "rejected" if apprec.status == REJECTED else "ok", codes)


def silent(unit: Unit, now: datetime, limit: int) -> list[Outgoing]:
    """Messages of ours that were not answered in time."""
    return [row for row in unit.unanswered(limit) if row.created + PATIENCE <= now]


def give_up(unit: Unit, now: datetime, limit: int) -> list[Outgoing]:
    """Let a person look after what was not answered in time, and return it. An AppRec may still come, and counts."""
    error = "No AppRec came within 96 hours: make sure by telephone that the receiver has it."
    late = [replace(row, state="dead", error=error) for row in silent(unit, now, limit)]
    for row in late:
        unit.change_outgoing(row)
    return late


def _answered(ours: Outgoing, answer: str, codes: str) -> Verdict:
    if ours.answer not in (None, answer):
        return Verdict(
            State.QUARANTINED,
            f"The receiver {ours.receiver} has both accepted and rejected our message {ours.msg_id}.",
            "Ask the receiver by telephone whether they have the message; then dismiss this.",
            (Finding("error", Kind.CONFLICT, "The AppRecs contradict each other.", "Kvitteringene motsier hverandre."),),
            answered=_known(ours, "conflict"),
        )
    if ours.answer == answer:
        return Verdict(State.PROCESSED, f"The same AppRec for {ours.msg_id} once more; without effect.")
    if answer == "ok":
        return Verdict(State.PROCESSED, f"Our message {ours.msg_id}: ok.", answered=_known(ours, answer))
    return Verdict(
        State.QUARANTINED,
        f"The receiver {ours.receiver} has rejected our message {ours.msg_id} (8221: {codes or 'no code'}).",
        "Tell the receiver by telephone what it says; then dismiss this. An answer that is changed is sent anew.",
        (Finding("error", Kind.BUSINESS_RULE, "The receiver rejected our message.", "Mottakeren har avvist meldingen vår."),),
        answered=_known(ours, answer),
    )


def _known(ours: Outgoing, answer: str) -> Outgoing:
    """Our message as it stands with its answer, however late: nobody waits for it any more, and it need not be sent again."""
    return replace(ours, state="sent", next_attempt=None, error="", answer=answer)
