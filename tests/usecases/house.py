"""A small installation for the use cases: real mappings, a real SQLite store, a clock that is set, and hubs without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from adapter.domain.gate import GateRules
from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.problem import Problem
from adapter.domain.referral import Decision, Receipt, Service
from adapter.ports import Delivery, Message, Outgoing, Query, Take, take_all
from adapter.storage import DatabaseStore, open_store
from adapter.usecases.receive_message import Received, Reception
from mappings.translation import Limits, Reading, Translation, Translator
from tests.stores import with_tables

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "openapi" / "examples"
NOW = datetime(2026, 8, 3, 8, 0, tzinfo=UTC)
HOSPITAL, OTHER = "319900101", "319900102"
ADULTS, CHILDREN, ELSEWHERE = "8000101", "8000102", "8000999"
GP = "8000201"
EDI, FOLDER = "edi2", "folder"

SERIES = {"N": "series-1-new.xml", "M": "series-2-change.xml", "C": "series-3-cancel.xml"}
MSG_IDS = {
    "N": "133dffe3-5f25-4928-8201-ac997016abbf",
    "M": "0f5de5f0-8d45-462e-abcb-862cea0a60d1",
    "C": "4771c549-1ef9-4a7f-98a9-26915aef2a75",
}


@cache
def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


def message(kind: str = "N", *swaps: tuple[str, str], msg_id: str | None = None) -> bytes:
    """A new referral, its change or its cancellation, with texts swapped (each must be there)."""
    text = example(SERIES[kind]).decode()
    for old, new in (*swaps, (f"<MsgId>{MSG_IDS[kind]}<", f"<MsgId>{MSG_IDS[kind] if msg_id is None else msg_id}<")):
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def apprec(
    answered: str, status: Literal["1", "2"] = "1", sender: str = "8000301", receiver: str = ADULTS, number: int = 900
) -> bytes:
    """An AppRec 1.1 for a message of ours."""

    def party(her_id: str) -> str:
        return f'<HCP><Inst><Name>Enhet</Name><Id>{her_id}</Id><TypeId V="HER"/></Inst></HCP>'

    error = '<Error V="E36" S="2.16.578.1.12.4.1.1.8221" DN="x" OT="mangler navn"/>' if status == "2" else ""
    return (
        '<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"><MsgType V="APPREC"/><MIGversion>v1.1 2012-02-15</MIGversion>'
        f"<GenDate>2026-08-03T10:00:00</GenDate><Id>{uuid(number)}</Id>"
        f'<Sender><Role V="PRIM"/>{party(sender)}</Sender><Receiver><Role V="AVS"/>{party(receiver)}</Receiver>'
        f'<Status V="{status}"/>{error}<OriginalMsgId><MsgType V="DIALOG_STATUS_HENVISNING"/>'
        f"<IssueDate>2026-08-03T09:00:00</IssueDate><Id>{answered}</Id></OriginalMsgId></AppRec>"
    ).encode()


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)


class Faulty(Translator):
    """The real translator, with a fault of ours for some messages."""

    def __init__(self) -> None:
        super().__init__(Limits(), keyed(DEMONSTRATION_KEY))
        self.faulty: set[str] = set()

    def render(self, reading: Reading, receipt: Receipt, decision: Decision) -> Translation:
        if reading.envelope.msg_id in self.faulty:
            raise ZeroDivisionError("a fault of ours")
        return super().render(reading, receipt, decision)


class PaperHub:
    """A hub that keeps what it is told; `faults` are raised by the next deliveries."""

    def __init__(self, name: str = FOLDER, apprec_format: Literal["xml", "edi2"] = "xml") -> None:
        self.name = name
        self.apprec_format: Literal["xml", "edi2"] = apprec_format
        self.waiting: list[Delivery] = []
        self.confirmed: list[tuple[str, str]] = []
        self.delivered: list[Outgoing] = []
        self.faults: list[Problem | Exception] = []

    def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
        return self.waiting[:limit]

    def confirm(self, hub_id: str, receiver: str) -> None:
        self.confirmed.append((hub_id, receiver))
        self.waiting = [d for d in self.waiting if (d.hub_id, d.receiver or "") != (hub_id, receiver)]

    def deliver(self, row: Outgoing) -> str:
        if self.faults:
            raise self.faults.pop(0)
        self.delivered.append(row)
        return f"sent-{row.id}"

    def status(self, hub_id: str) -> list[dict[str, object]]:
        return []

    def close(self) -> None:
        pass


@dataclass
class House:
    """One hospital with two services, and another hospital that shares the installation."""

    path: Path
    rules: GateRules = field(default_factory=GateRules)
    clock: SetClock = field(default_factory=SetClock)
    translator: Faulty = field(default_factory=Faulty)
    url: str = ""

    def __post_init__(self) -> None:
        self.store: DatabaseStore = open_store(self.url or with_tables(self.path / "house.db"))
        if self.url:
            self.store.migrate()
        self.services = {
            ADULTS: Service(ADULTS, HOSPITAL, "D11"),
            CHILDREN: Service(CHILDREN, HOSPITAL, "D12"),
            "8000103": Service("8000103", OTHER, "D01"),
        }
        self.reception = Reception(self.store, self.translator, self.services, self.rules, {EDI: "edi2", FOLDER: "xml"}, self.clock)

    def delivery(self, data: bytes, hub_id: str | None = "1", **metadata: str | bool | None) -> Delivery:
        """As the REST hub gives it, with what the message says as its metadata."""
        found = re.search(rb"<MsgId>(.*?)</MsgId>", data)
        said: dict[str, Any] = {"receiver": ADULTS, "sender": GP, "msg_id": found[1].decode() if found else None}
        return Delivery(data, self.clock.now(), EDI, hub_id, **(said | metadata))

    def receive(self, data: bytes, hub_id: str | None = "1", **metadata: str | bool | None) -> Received:
        return self.reception.receive(self.delivery(data, hub_id, **metadata))

    def receive_file(self, data: bytes, hub_id: str = "a.xml") -> Received:
        """As from a folder: nobody says who sent it."""
        return self.reception.receive(Delivery(data, self.clock.now(), FOLDER, hub_id))

    def message(self, id: str) -> Message:
        with self.store.read() as unit:
            found = unit.message(id)
        assert found
        return found

    def kept(self, id: str) -> bytes | None:
        with self.store.read() as unit:
            return unit.message_xml(id)

    def answers(self, id: str) -> list[Outgoing]:
        with self.store.read() as unit:
            return unit.outgoing_for(id)

    def statuses(self, id: str) -> list[str]:
        """What each AppRec of a message says: `Ok`, or its error codes."""
        found = []
        for row in self.answers(id):
            codes = re.findall(rb'"errorCode":"(\w+)"|<Error V="(\w+)"', row.body)
            found.append(",".join((a or b).decode() for a, b in codes) or "Ok")
        return found

    def made(self, id: str) -> list[tuple[str, int]]:
        """(type, version) of what the message made or left as it was."""
        with self.store.read() as unit:
            message = unit.message(id)
            assert message
            return [(s.type, s.version) for s in unit.message_resources(message.tenant, id)]

    def bodies(self, type: str, tenant: str = HOSPITAL) -> list[dict[str, Any]]:
        """The newest versions of a type."""
        with self.store.read() as unit:
            return [msgspec.json.decode(s.body) for s in unit.search(tenant, Query(type, limit=1000)).found]

    def the(self, type: str) -> dict[str, Any]:
        (body,) = self.bodies(type)
        return body

    def tasks(self) -> list[tuple[str, str]]:
        """(code, status) of every Task, sorted."""
        return sorted((t["code"]["coding"][0]["code"], t["status"]) for t in self.bodies("Task"))

    def counts(self, tenants: Sequence[str] = (HOSPITAL, OTHER, "")) -> dict[str, int]:
        """How many messages are in each state, those in none left out."""
        with self.store.read() as unit:
            return {str(state): number for state, number in unit.count_messages(tenants).items() if number}
