"""What a hub's delivery is, before anything is decided: read, addressed, and one for each of our services that it is for.

With the hub's metadata a delivery is for one service. Without it (a folder, HTTP) the message itself says for which, and
each of ours that it names gets its own (HIS 80415: one AppRec per receiver).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from adapter.domain.problem import Kind, Problem
from adapter.domain.referral import Party, Service
from adapter.ports import NOBODY, Delivery
from mappings.messages import apprec
from mappings.messages.apprec import ReceivedAppRec
from mappings.translation import Reading, Translator


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message for one of our services (or for none: `service` is None), as far as it could be read.

    `receiver`, `sender` and `msg_id` are its key: what the hub says where it says something, else what the message says.
    `error` is the name of an unexpected exception: a fault of ours, not of the message.
    """

    delivery: Delivery
    digest: str
    receiver: str
    sender: str
    msg_id: str
    service: Service | None
    reading: Reading | None = None
    apprec: ReceivedAppRec | None = None
    fault: Problem | None = None
    error: str = ""
    patient: str = ""  # the Patient's id at the service's organisation, where anything identifies the person
    number: str = ""  # `system|value` of the patient's national number, where the message has a valid one

    @property
    def tenant(self) -> str:
        return self.service.organisation if self.service else NOBODY

    @property
    def copy(self) -> bool:
        """Whether the service is a copy receiver only."""
        said = self.reading.envelope if self.reading else None
        return said is not None and self.receiver in said.copies and self.receiver != said.receiver

    @property
    def whole_key(self) -> bool:
        return bool(self.receiver and self.sender and self.msg_id)


def arrivals(delivery: Delivery, translator: Translator, services: Mapping[str, Service]) -> list[Arrival]:
    """Read a delivery. Never raises; never empty; the message's primary receiver comes first."""
    receiver, sender, msg_id = delivery.receiver or "", delivery.sender or "", delivery.msg_id or ""
    arrival = Arrival(
        delivery, delivery.digest or sha256(delivery.data).hexdigest(), receiver, sender, msg_id, services.get(receiver)
    )
    try:
        if delivery.fault:
            return [replace(arrival, fault=Problem(delivery.fault))]
        if delivery.is_apprec:
            return [_answer(arrival, apprec.read(delivery.data), services)]
        return _referrals(arrival, translator, services)
    except Problem as fault:
        return [_unread(arrival, fault, services)]
    except Exception as error:  # a fault of ours must not stop the others: the message is set aside and tried again
        return [replace(arrival, error=type(error).__name__)]


def _referrals(arrival: Arrival, translator: Translator, services: Mapping[str, Service]) -> list[Arrival]:
    arrival = read_as(arrival, translator)
    reading = arrival.reading
    assert reading  # noqa: S101 - tells the type checker
    said = reading.envelope
    agreed = arrival.sender in her_ids(reading.referral.sender) or not arrival.sender
    sender = said.sender if agreed else arrival.sender
    arrival = replace(arrival, sender=sender, msg_id=said.msg_id or arrival.msg_id)
    if arrival.receiver:
        service = arrival.service if _addressed(arrival) else None
        return [_for(arrival, translator, service)]
    named = list(dict.fromkeys((said.receiver, *said.copies)))
    ours = [receiver for receiver in named if receiver in services] or [said.receiver]
    return [_for(replace(arrival, receiver=receiver), translator, services.get(receiver)) for receiver in ours]


def read_as(arrival: Arrival, translator: Translator, protection: str = "") -> Arrival:
    """The arrival with its message read. Where the patient's address is confidential, nothing that gives it away goes on from here:
    not even the bytes. May raise `Problem`: no message that we read.
    """
    reading = translator.read(arrival.delivery.data, protection)
    delivery = replace(arrival.delivery, data=reading.kept) if reading.protection else arrival.delivery
    return replace(arrival, reading=reading, delivery=delivery)


def her_ids(party: Party) -> set[str]:
    """All HER-ids of a party in a message. The hub may name its enterprise or its person, where the key is its service."""
    idents = [ident for unit in party.units for ident in unit.idents] + (party.person.idents if party.person else [])
    return {ident.id.value for ident in idents if ident.type == "HER"}


def _for(arrival: Arrival, translator: Translator, service: Service | None) -> Arrival:
    patient = translator.patient_id(arrival.reading, service.organisation) if service and arrival.reading else ""
    number = translator.patient_number(arrival.reading) if arrival.reading else ""
    return replace(arrival, service=service, patient=patient, number=number)


def _addressed(arrival: Arrival) -> bool:
    """Whether message and hub agree on the receiver. A receiver without HER-id in the message is whom the hub says."""
    assert arrival.reading  # noqa: S101 - tells the type checker
    said = arrival.reading.envelope
    return arrival.receiver in (said.receiver, *said.copies) or not said.receiver.isdecimal()


def _answer(arrival: Arrival, answer: ReceivedAppRec, services: Mapping[str, Service]) -> Arrival:
    receiver = arrival.receiver or answer.receiver
    return replace(
        arrival,
        apprec=answer,
        receiver=receiver,
        sender=arrival.sender or answer.sender,
        msg_id=arrival.msg_id or answer.id,
        service=services.get(receiver),
    )


def _unread(arrival: Arrival, fault: Problem, services: Mapping[str, Service]) -> Arrival:
    """What no mapping reads. It may be an AppRec that its channel does not tell apart; that must not be answered."""
    if fault.kind is Kind.UNSUPPORTED and not arrival.delivery.is_apprec:
        try:
            return _answer(arrival, apprec.read(arrival.delivery.data), services)
        except Problem:
            pass
    return replace(arrival, fault=fault)
