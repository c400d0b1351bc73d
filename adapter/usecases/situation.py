"""What the store knows that the fate of an arriving message depends on. Read before the mapping, and again when it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from adapter.domain.identity import message_id
from adapter.domain.referral import Facts
from adapter.ports import Clause, Match, Message, Outgoing, Query, State, Unit
from adapter.usecases import context
from adapter.usecases.arrival import Arrival
from mappings.resources.cancel import OPEN as OPEN_TASKS
from mappings.resources.event import is_event

PATHWAY_TYPE: Final = "urn:oid:2.16.578.1.12.4.1.1.9321"
OPEN_EPISODES: Final = ("planned", "waitlist", "active", "onhold")
PATHWAY: Final = frozenset({"EpisodeOfCare", "CarePlan", "Task"})
PARTIES: Final = frozenset({"Patient", "Practitioner", "PractitionerRole", "Organization", "Endpoint"})

Key = tuple[str, str]
Body = dict[str, Any]

decode: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class Situation:
    """`known` is the same message kept before; `taken` says which part of its identity `first`, another message, has."""

    known: Message | None = None
    taken: Literal["", "key", "hub-id"] = ""
    first: Message | None = None
    facts: Facts = field(default_factory=Facts)
    earlier: tuple[str, ...] = ()  # ids of the processed messages of this referral, oldest first
    waiting: tuple[str, ...] = ()  # ids of its changes and cancellations that came before it, the cancellations last
    cancelled: bool = False  # one of them was a cancellation
    own: Mapping[Key, Body] = field(default_factory=dict)  # the referral's own resources as they are now
    pathway: Mapping[Key, Body] = field(default_factory=dict)  # what the referral opened, as it is now, events apart
    sent: tuple[Outgoing, ...] = ()  # our messages that an AppRec may answer

    @property
    def episode(self) -> Body | None:
        """The pathway's EpisodeOfCare that this referral opened."""
        return next((body for (kind, _), body in self.pathway.items() if kind == "EpisodeOfCare"), None)


def identity(arrival: Arrival, *, other_content: bool = False) -> str:
    """Our id for the message: by its key; by its content too where the key is not whole, or taken by another content."""
    digest = arrival.digest if other_content or not arrival.whole_key else ""
    return message_id(arrival.receiver, arrival.sender, arrival.msg_id, digest)


def look(unit: Unit, arrival: Arrival, again: Message | None = None) -> Situation:
    """The situation of an arrival; `again` is its own message, where it was kept before and is tried anew."""
    situation = _identified(unit, arrival, again)
    if situation.known or situation.taken or arrival.service is None or arrival.error or arrival.fault:
        return situation
    if arrival.apprec:
        return replace(situation, sent=tuple(unit.sent_with(arrival.apprec.original_msg_id)))
    return _of_referral(unit, arrival, situation, again)


def _identified(unit: Unit, arrival: Arrival, again: Message | None) -> Situation:
    own, delivery = again.id if again else "", arrival.delivery
    from_hub: Message | None = None
    if delivery.hub_id:
        from_hub = unit.message_from_hub(delivery.hub, delivery.hub_id, arrival.receiver)
        unread = None if delivery.receiver else unit.message_from_hub(delivery.hub, delivery.hub_id, "")
        for redelivered in (from_hub, unread):
            if redelivered and redelivered.id != own and redelivered.digest == arrival.digest:
                return Situation(known=redelivered)
    if not arrival.whole_key:
        twin = unit.message(identity(arrival))
        return Situation(known=twin if twin and twin.id != own else None)
    same = _before(own, unit.messages_with_key(arrival.receiver, arrival.sender, arrival.msg_id))
    for message in same:
        if message.digest == arrival.digest:
            return Situation(known=message)
    if same:
        return Situation(taken="key", first=same[0])
    if from_hub and from_hub.id != own:
        return Situation(taken="hub-id", first=from_hub)
    return Situation()


def _before(own: str, messages: list[Message]) -> list[Message]:
    ids = [message.id for message in messages]
    return messages[: ids.index(own)] if own in ids else messages


def _of_referral(unit: Unit, arrival: Arrival, situation: Situation, again: Message | None) -> Situation:
    reading, tenant = arrival.reading, arrival.tenant
    assert reading  # noqa: S101 - tells the type checker: neither fault, error nor AppRec
    patient = arrival.patient
    facts = Facts(copy=arrival.copy, open_pathways=_open_pathways(unit, tenant, patient))
    document = reading.envelope.document_id
    messages = unit.referral_messages(tenant, arrival.sender, document) if document else []
    earlier = [m for m in messages if m.state is State.PROCESSED and not (again and m.id == again.id)]
    made = dict.fromkeys((s.type, s.id) for m in earlier for s in unit.message_resources(tenant, m.id))
    pathway = _bodies(unit, tenant, [key for key in made if key[0] in PATHWAY])
    own = _bodies(unit, tenant, [key for key in made if key[0] not in PATHWAY | PARTIES])
    if patient and any(kind == "EpisodeOfCare" for kind, _ in pathway):
        pathway |= _open_tasks(unit, tenant, patient, pathway)
    return replace(
        situation,
        facts=facts,
        earlier=tuple(m.id for m in earlier),
        waiting=tuple(m.id for m in sorted(filter(_waits, messages), key=lambda m: context.load(m).serv_type == "C")),
        cancelled=any(context.load(m).serv_type == "C" for m in earlier),
        own={key: body for key, body in own.items() if not of_pathway(body)},
        pathway=pathway,
    )


def of_pathway(body: Mapping[str, Any]) -> bool:
    """Whether a resource is a pathway's, not the referral's own: also the start that the service itself registers."""
    return body["resourceType"] in PATHWAY or (body["resourceType"] == "Observation" and is_event(body))


def _waits(message: Message) -> bool:
    """Whether a change or cancellation waits for its referral, also where a person has been asked already."""
    return message.state in (State.PARKED, State.QUARANTINED) and not message.dismissed and context.load(message).parked


def _bodies(unit: Unit, tenant: str, keys: Sequence[Key]) -> dict[Key, Body]:
    return {(stored.type, stored.id): decode(stored.body) for stored in unit.read_all(tenant, keys)} if keys else {}


def _open_pathways(unit: Unit, tenant: str, patient: str) -> tuple[tuple[str, str], ...]:
    if not patient:
        return ()
    episodes = unit.read_all(tenant, unit.resources_of(tenant, patient, "EpisodeOfCare"))
    bodies = [decode(stored.body) for stored in episodes]
    found = [(code, body["id"]) for body in bodies if body["status"] in OPEN_EPISODES for code in _types(body)]
    return tuple(sorted(found))


def _types(episode: Body) -> list[str]:
    codings = [coding for concept in episode.get("type", []) for coding in concept.get("coding", [])]
    return [coding["code"] for coding in codings if coding.get("system") == PATHWAY_TYPE]


def _open_tasks(unit: Unit, tenant: str, patient: str, pathway: Mapping[Key, Body]) -> dict[Key, Body]:
    """Open Tasks of the pathway, also those that other than messages made."""
    targets = {f"urn:uuid:{id}" for kind, id in pathway if kind == "EpisodeOfCare"}
    found: dict[Key, Body] = {}
    query = Query("Task", _of_patient(patient, sorted(OPEN_TASKS)), limit=100)
    while True:
        page = unit.search(tenant, query)
        bodies = {(row.type, row.id): decode(row.body) for row in page.found}
        found |= {key: body for key, body in bodies.items() if body.get("groupIdentifier", {}).get("value") in targets}
        if page.next is None:
            return found
        query = replace(query, after=page.next)


def _of_patient(patient: str, statuses: Sequence[str]) -> tuple[Clause, Clause]:
    return Clause("patient", [Match("Patient", patient)]), Clause("status", [Match(value=status) for status in statuses])
