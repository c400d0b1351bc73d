"""Messages from before it was kept whom each speaks of: found out once, from the XML of those that made nothing.

    name_patients(store, translator, services, [*organisations, NOBODY])

Of what a message made the tables themselves tell whose it is (`adapter.storage.reindex`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from adapter.domain.referral import Service
from adapter.ports import Message, MessageQuery, State, Store, Unit
from adapter.usecases import context
from adapter.usecases.arrival import arrivals
from mappings.translation import Translator

DONE: Final = "messages-named"  # the setting that says so
PAGE: Final = 100


def name_patients(store: Store, translator: Translator, services: Mapping[str, Service], tenants: Sequence[str]) -> None:
    """Keep of each message that made nothing whom it names. Repeating it does nothing."""
    with store.read() as unit:
        if unit.setting(DONE):
            return
    for message in _unnamed(store, tenants):
        with store.read() as unit:
            xml = unit.message_xml(message.id) or b""
        found = arrivals(context.redelivery(message, xml), translator, services)
        arrival = next((one for one in found if one.receiver == message.receiver), found[0])
        if patient := arrival.number or arrival.patient:
            store.run(partial(_name, message.id, patient))
    store.run(lambda unit: unit.set_setting(DONE, b"1"))


def _unnamed(store: Store, tenants: Sequence[str]) -> Iterator[Message]:
    for state in (State.RECEIVED, State.PARKED, State.QUARANTINED, State.REFUSED):
        after = None
        while True:
            with store.read() as unit:
                found = unit.messages(tenants, MessageQuery(state=state, after=after, limit=PAGE))
            yield from (message for message in found if not message.patient)
            if len(found) < PAGE:
                break
            after = (found[-1].received, found[-1].id)


def _name(id: str, patient: str, unit: Unit) -> None:
    """Nothing where something was made of it meanwhile."""
    message = unit.message(id)
    if message and not message.patient:
        unit.change_message(replace(message, patient=patient))
