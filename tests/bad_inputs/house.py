"""A small installation for bad inputs: one hospital, a real SQLite store, a clock that stands, and a hub that tells who sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from lxml import etree

from adapter.domain.gate import GateRules
from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Service
from adapter.ports import Delivery, Message, Outgoing, Stored
from adapter.storage import DatabaseStore, open_store
from adapter.usecases.receive_message import Received, Reception
from mappings.translation import Limits, Translator
from tests.bad_inputs.message import MSG_ID, ORGANISATION, RECEIVER, SENDER
from tests.stores import with_tables
from tests.xsd import STANDARDS, faults, schema_of

NOW = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
HUB, FOLDER = "hub", "folder"  # one that tells who sent what to whom, and one that does not


class StandingClock:
    def now(self) -> datetime:
        return NOW


@cache
def translator() -> Translator:
    return Translator(Limits(), keyed(DEMONSTRATION_KEY))


@dataclass
class House:
    folder: Path
    rules: GateRules = field(default_factory=GateRules)

    def __post_init__(self) -> None:
        self.store: DatabaseStore = open_store(with_tables(self.folder / "house.db"))
        services = {RECEIVER: Service(RECEIVER, ORGANISATION, "D11")}
        self.reception = Reception(self.store, translator(), services, self.rules, {HUB: "xml", FOLDER: "xml"}, StandingClock())

    def receive(self, data: bytes, *, hub_id: str = "1", msg_id: str | None = MSG_ID) -> Received:
        """As from the hub, with its metadata."""
        return self.reception.receive(Delivery(data, NOW, HUB, hub_id, RECEIVER, SENDER, msg_id))

    def receive_unannounced(self, data: bytes) -> Received:
        """As from a folder: nobody says who sent it."""
        return self.reception.receive(Delivery(data, NOW, FOLDER, "1"))

    def message(self, received: Received) -> Message:
        with self.store.read() as unit:
            found = unit.message(received.message.id)
        assert found
        return found

    def kept(self, received: Received) -> bytes:
        with self.store.read() as unit:
            return unit.message_xml(received.message.id) or b""

    def answers(self, received: Received) -> list[Outgoing]:
        with self.store.read() as unit:
            return unit.outgoing_for(received.message.id)

    def resources(self, received: Received) -> list[Stored]:
        with self.store.read() as unit:
            return unit.message_resources(received.message.tenant, received.message.id)

    def codes(self, received: Received) -> list[list[str]]:
        """For each AppRec that the message got, its error codes; `["OK"]` for a positive one. Each is valid by its schema."""
        return [_codes(row.body) for row in self.answers(received)]

    def close(self) -> None:
        self.store.close()


def _codes(body: bytes) -> list[str]:
    if (STANDARDS / "xsd").is_dir():
        assert faults(schema_of(body), body) == []
    root = etree.fromstring(body)
    status = root.xpath("string(*[local-name()='Status']/@V)")
    errors = [str(node.get("V")) for node in root.iter("{*}Error")]
    assert (status == "1") == (not errors)
    return errors or ["OK"]
