"""What becomes of an arriving message, and what an operator is told about it. Pure.

Who says so: HIS 80415:2012 and HITS 1168 (when an AppRec is sent, and which), HIS 80415 on duplicates, HISD 1154 on changes
and cancellations. A verdict is a state with its reason and the next step for a person; texts hold no personal data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from adapter.domain import gate
from adapter.domain.gate import GateRules
from adapter.domain.problem import Finding, Kind
from adapter.domain.referral import Decision, RefusalReason
from adapter.ports import Outgoing, State
from adapter.usecases.arrival import Arrival, her_ids
from adapter.usecases.situation import Situation
from mappings.messages.apprec import AppRec
from mappings.resources.protected import level_of_texts
from mappings.translation import Translation

UNREADABLE: Final = {
    Kind.MALFORMED: "T01",
    Kind.TOO_LARGE: "T01",
    Kind.INCOMPLETE: "T01",  # without MsgId or sender nothing in it can be answered to
    Kind.UNSUPPORTED: "T10",
    Kind.INVALID: "T02",
}
"""Codes of 8221 for a message that is none that we read; any other kind is T99, another fault of format."""

NOT_KEPT: Final = frozenset({Kind.MALFORMED, Kind.TOO_LARGE})
"""Kinds of unreadable message of which only the envelope and the digest are kept."""

CLOCK_AHEAD: Final = timedelta(days=1)
CLOCK_BEHIND: Final = timedelta(days=365)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)  # before it the reading itself says so


@dataclass(frozen=True, slots=True)
class Verdict:
    """`apprec` is the answer, where there is one; `translation` what follows; `answered` our message that this one answers."""

    state: State
    reason: str
    action: str = ""
    findings: tuple[Finding, ...] = ()
    apprec: AppRec | None = None
    decision: Decision | None = None
    translation: Translation | None = None
    answered: Outgoing | None = None
    due: datetime | None = None
    attempts: int = 0


def keeps_bytes(arrival: Arrival, rules: GateRules) -> bool:
    """Whether the message's bytes are kept. Not those of a bomb, of what is no XML, nor of a real person in a test environment;
    nor of what cannot be read, so that nothing can be taken out of it, where it speaks of an address that is confidential.
    """
    if arrival.fault and arrival.fault.kind in NOT_KEPT:
        return False
    if arrival.delivery.fault and arrival.delivery.fault.kind is not Kind.INTERNAL:
        return False
    if arrival.fault and level_of_texts([arrival.delivery.data.decode("latin-1")]):
        return False
    return not (arrival.reading and rules.test_environment and gate.not_synthetic(arrival.reading.case, rules.allowed_persons))


def taken(situation: Situation) -> Verdict | None:
    """A message whose identity another has. Neither is answered: the first was, and an AppRec is final."""
    first = situation.first
    if first and situation.taken == "key":
        return Verdict(
            State.QUARANTINED,
            f"Same sender and MsgId as message {first.id}, but other content. The first one stands; this one was not answered.",
            "Ask the sender which of the two is right, and to send it again with a new MsgId if it is this one. Then dismiss it.",
            (_finding(Kind.CONFLICT, "The MsgId was used before, with other content.", "MsgId er brukt før, med annet innhold."),),
        )
    if first:
        return Verdict(
            State.REFUSED,
            f"Protocol error: the hub gave this message the id of message {first.id}, which has another MsgId. Not answered.",
            "Tell the hub's operator that a message id was used twice, and ask the sender to send the message again.",
            (_finding(Kind.CONFLICT, "The hub's id was used before.", "Meldingstjenerens id er brukt før."),),
        )
    return None


def not_accepted(arrival: Arrival, *, has_metadata: bool) -> Verdict | None:
    """A message that goes no further and gets no answer: the channel is at fault, or the message is not for us."""
    fault = arrival.delivery.fault
    if fault and fault.kind is Kind.INTERNAL:  # ours: it was set aside unread, and its hub does not give it again
        action = "Report the fault, and retry when it is mended; until then tell the sender by telephone if it is urgent."
        return Verdict(State.QUARANTINED, fault.en, action, (fault,))
    if fault:
        return Verdict(
            State.QUARANTINED,
            f"The hub has the message, but its document cannot be had: {fault.en}",
            "Ask the sender to send it again; dismiss this one.",
            (fault,),
        )
    if has_metadata and (missing := _missing(arrival.delivery.receiver, arrival.delivery.sender)):
        return Verdict(
            State.QUARANTINED,
            f"The hub's metadata lack: {', '.join(missing)}. The message was not answered.",
            "Tell the hub's operator, and ask the sender to send the message again; dismiss this one.",
            (_finding(Kind.INCOMPLETE, f"Missing: {', '.join(missing)}.", f"Mangler: {', '.join(missing)}."),),
        )
    if arrival.service is None and arrival.receiver:
        return Verdict(
            State.QUARANTINED,
            f"Addressed to {arrival.receiver}, which is not one of our services, or not so in the message. It was not answered.",
            "If the service is ours, add it as a [[receiver]] and retry. Else tell the sender, and dismiss it.",
            (_finding(Kind.MISADDRESSED, "The receiver is not one of our services.", "Mottakeren er ingen av våre tjenester."),),
        )
    return None


def unreadable(arrival: Arrival) -> tuple[Verdict, RefusalReason]:
    """A message that is none that we read. The caller adds the AppRec where the verdict is a refusal."""
    fault = arrival.fault
    assert fault  # noqa: S101 - tells the type checker
    told = fault.findings[0]
    reason = RefusalReason(UNREADABLE.get(fault.kind, "T99"), told.nb)
    missing = _missing(arrival.receiver, arrival.sender, arrival.msg_id)
    if arrival.delivery.is_apprec:
        text = f"An AppRec that cannot be read: {told.en} An AppRec is never answered."
        return Verdict(State.QUARANTINED, text, "Ask its sender by telephone what it said; dismiss it.", fault.findings), reason
    if missing:
        text = f"Cannot be read: {told.en} It cannot be answered either, since these are not known: {', '.join(missing)}."
        action = "Find out who sent it, and ask for it again; dismiss this one."
        return Verdict(State.QUARANTINED, text, action, fault.findings), reason
    return Verdict(State.REFUSED, f"Cannot be read: {told.en}", "", fault.findings), reason


def spoofed(arrival: Arrival) -> RefusalReason | None:
    """Whether the hub authenticated another sender than the message names (both as HER-ids)."""
    said = her_ids(arrival.reading.referral.sender) if arrival.reading else set()
    if not said or not arrival.delivery.sender or arrival.delivery.sender in said:
        return None
    return RefusalReason("X99", "Avsenderen i meldingen er en annen enn den meldingstjeneren har autentisert.")


def refused(arrival: Arrival, reasons: tuple[RefusalReason, ...], answer: AppRec) -> Verdict:
    """A message that was read and is not accepted, with its negative AppRec."""
    assert arrival.reading  # noqa: S101 - tells the type checker
    codes = ", ".join(dict.fromkeys(reason.code for reason in reasons))
    findings = (*map(_told_to_sender, reasons), *arrival.reading.findings)
    if spoofed(arrival):
        text = f"The hub says that {arrival.delivery.sender} sent this message; the message itself says another. Refused ({codes})."
        action = "Possible spoofing: find out who sent it before anything else is taken from this sender."
        en, nb = "The sender is not the one that the hub names.", "Avsenderen er ikke den meldingstjeneren oppgir."
        return Verdict(State.REFUSED, text, action, (*findings, _finding(Kind.MISADDRESSED, en, nb)), answer)
    details = " ".join(f"{reason.code}: {reason.detail}" for reason in reasons)
    return Verdict(State.REFUSED, f"Refused; the sender has been told why. {details}", "", findings, answer)


def deadly(attempts: int) -> tuple[str, str]:
    """Reason and action, for a message that the service has ended with as often as it is tried."""
    return (
        f"The service ended while it was dealing with this message, after {attempts} tries. It was not answered.",
        "Report the fault, and retry when it is mended; until then tell the sender by telephone if it is urgent.",
    )


def set_aside(arrival: Arrival, attempts: int, due: datetime | None) -> Verdict:
    """A message that a fault of ours stops: tried again when it is `due`; without that it waits for a person."""
    finding = _finding(Kind.INTERNAL, f"Unexpected fault: {arrival.error}.", f"Uventet feil: {arrival.error}.")
    if due is None:
        return Verdict(
            State.QUARANTINED,
            f"The translation failed {attempts} times with an unexpected fault ({arrival.error}). The message was not answered.",
            "Report the fault. Retry when it is mended; until then tell the sender by telephone if it is urgent.",
            (finding,),
            attempts=attempts,
        )
    return Verdict(
        State.RECEIVED,
        f"The translation failed with an unexpected fault ({arrival.error}); it will be tried again.",
        "",
        (finding,),
        attempts=attempts,
        due=due,
    )


def parked(arrival: Arrival, answer: AppRec, now: datetime, patience: timedelta) -> Verdict:
    """A change or cancellation that came before its referral: answered, since it could be read, and kept until that comes."""
    assert arrival.reading  # noqa: S101 - tells the type checker
    finding = _finding(Kind.OUT_OF_ORDER, "Its referral has not come yet.", "Henvisningen den gjelder, har ikke kommet ennå.")
    return Verdict(
        State.PARKED,
        "A change or cancellation of a referral that has not come. It waits for it.",
        "",
        (*arrival.reading.findings, finding),
        answer,
        due=now + patience,
    )


def given_up(verdict_of: str = "") -> tuple[str, str]:
    """Reason and action for a parked message whose time is out."""
    return (
        f"A change or cancellation of a referral that never came{verdict_of}.",
        "Ask the sender for the referral: when it comes, this message is linked to it. Dismiss it if it is settled otherwise.",
    )


def clock_warning(arrival: Arrival) -> tuple[Finding, ...]:
    """A warning where the message's own time cannot be right. Deadlines count from our receipt in any case."""
    generated = arrival.reading.envelope.generated if arrival.reading else None
    received = arrival.delivery.received
    if generated is None or generated < EARLIEST or received - CLOCK_BEHIND <= generated <= received + CLOCK_AHEAD:
        return ()
    en = "The message's GenDate is far from the time it was received. Time limits count from the receipt."
    nb = "Meldingens GenDate er langt fra mottakstidspunktet. Frister regnes fra mottaket."
    return (replace(_finding(Kind.INVALID, en, nb), severity="warning"),)


def _missing(receiver: str | None, sender: str | None, msg_id: str | None = "-") -> list[str]:
    named = {"receiver HER-id": receiver, "sender HER-id": sender, "MsgId": msg_id}
    return [name for name, value in named.items() if not value]


def _told_to_sender(reason: RefusalReason) -> Finding:
    return _finding(Kind.BUSINESS_RULE, f"Refused with {reason.code} (8221). The receipt says why, in Norwegian.", reason.detail)


def _finding(kind: Kind, en: str, nb: str) -> Finding:
    return Finding("error", kind, en, nb)
