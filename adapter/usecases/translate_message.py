"""Translate a message and keep nothing: the Bundle, the AppRec that would be sent, and where every value came from.

The same message with the same receipt time gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any

from adapter.domain import gate
from adapter.domain.gate import GateRules
from adapter.domain.opening import decide
from adapter.domain.referral import Decision, Facts, Receipt, Service
from mappings import times
from mappings.messages import apprec
from mappings.translation import Translator


@dataclass(frozen=True, slots=True)
class Translated:
    """A translation that nothing was kept of; `bundle` is None where the message is refused."""

    bundle: bytes | None
    apprec: bytes
    explanation: dict[str, Any]


def translate(
    translator: Translator,
    services: Mapping[str, Service],
    rules: GateRules,
    data: bytes,
    *,
    received: datetime,
    by_hand: str = "",
) -> Translated:
    """What the message becomes, as received at `received` (aware).

    Where its receiver is none of our services, it belongs to the first one's organisation. Raises `Problem` where it is no
    message that we read, or where the pathway chosen `by_hand` is not in the rule set of the date.
    """
    reading = translator.read(data)
    said = reading.envelope
    known = (services[her_id] for her_id in (said.receiver, *said.copies) if her_id in services)
    first = next(iter(services.values()), None)
    service = next(known, None) or Service(said.receiver, first.organisation if first else "")
    receipt = receipt_of(received, service)
    copy = service.her_id != said.receiver
    reasons = gate.judge(reading.case, rules)
    decision = Decision() if reasons else decide(reading.case, service, Facts(copy=copy), receipt.day, translator.rulebook, by_hand)
    translation = translator.render(reading, receipt, decision)
    answer = apprec.to_xml(apprec.answer(reading, receipt, reasons))
    return Translated(None if reasons else translation.bundle(), answer, translation.explanation())


def taken_as_received(asked: datetime | None, generated: datetime | None, now: datetime) -> datetime:
    """When a message that is only translated counts as received: as asked, else when it says it was made, else now.

    A GenDate in the calendar's first or last year says nothing: no time limit can be counted from it.
    """
    said = generated if generated and MINYEAR < generated.year < MAXYEAR else None
    return asked or said or now


def receipt_of(received: datetime, service: Service, sender: str = "") -> Receipt:
    """The receipt, with the date that counts: Europe/Oslo's."""
    return Receipt(received, service.her_id, service.organisation, times.local_day(received), sender)
