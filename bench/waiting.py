"""Fills an installation with work that waits, as a long night without the hub would leave it.

    fill("sqlite:///full.db", 1_000_000)

Half are messages that a fault of ours stopped, whose next try is due; of the other half the AppRec waits for the hub. The rows are
those that receiving makes, from the same functions; they are written in bulk.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from rich.progress import Progress
from sqlalchemy import Table

from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Service
from adapter.ports import Delivery, Message, Outgoing, State
from adapter.storage import open_store
from adapter.storage.rows import Columns, values
from adapter.storage.tables import key, message, message_xml, micros, outbox
from adapter.usecases import rows
from adapter.usecases.arrival import Arrival, arrivals
from adapter.usecases.name_patients import DONE
from adapter.usecases.situation import Situation
from adapter.usecases.translate_message import receipt_of
from adapter.usecases.verdict import Verdict, set_aside
from bench.loading import batched, filling, insert
from bench.receiving import ORGANISATION, RECEIVER
from mappings.messages import apprec
from mappings.translation import Limits, Translator
from tests.kill.messages import Letters

CAME: Final = datetime(2026, 11, 1, 2, tzinfo=UTC)
SERVICE: Final = Service(RECEIVER, ORGANISATION, "D11")
SENDER: Final = "8000201"
TABLES: Final = (message, message_xml, outbox)
SEED: Final = 5


def fill(url: str, number: int) -> None:
    """`number` things that wait, of as many messages."""
    letters, store = Letters(SEED), open_store(url)
    store.migrate()
    store.run(lambda unit: unit.set_setting(DONE, b"1"))  # an installation that has been started before
    arrival = _read(letters)
    assert arrival.reading
    answer = apprec.answer(arrival.reading, receipt_of(CAME, SERVICE), ())  # to the hub it says Ok, and not of what
    try:
        with filling(store, TABLES), Progress(disable=not sys.stderr.isatty()) as progress:
            loading = progress.add_task("Messages", total=number)
            for numbers in batched(range(number)):
                made = [_stopped(letters, n) if n % 2 else _answered(letters, n) for n in numbers]
                done = [(n, one) for n, (one, _) in zip(numbers, made, strict=True) if one.state is State.PROCESSED]
                with store.write() as unit:
                    insert(unit, message, (_message(one) for one, _ in made))
                    insert(unit, message_xml, ((one.id, data) for one, data in made if data))
                    insert(unit, outbox, (_outgoing(n + 1, rows.answer(one, answer, "edi2", CAME)) for n, one in done))
                progress.advance(loading, len(numbers))
        with store.write() as unit:
            if unit.postgresql:  # the next row takes the place after these
                unit.ask("SELECT setval(pg_get_serial_sequence('outbox', 'position'), ?)", (number + 1,))
    finally:
        store.close()


def _stopped(letters: Letters, n: int) -> tuple[Message, bytes]:
    """A message that is to be tried again, and its XML."""
    delivery = _delivery(letters, n)
    arrival = Arrival(delivery, f"{n:064x}", RECEIVER, SENDER, delivery.msg_id or "", SERVICE, error="MemoryError")
    return rows.message(arrival, Situation(), set_aside(arrival, 1, CAME), None), delivery.data


def _answered(letters: Letters, n: int) -> tuple[Message, bytes]:
    """A message whose effect is done, and whose XML has been taken away since."""
    delivery = _delivery(letters, n)
    arrival = Arrival(delivery, f"{n:064x}", RECEIVER, SENDER, delivery.msg_id or "", SERVICE)
    return rows.message(arrival, Situation(), Verdict(State.PROCESSED, "Received and translated.", ""), None), b""


def _delivery(letters: Letters, n: int) -> Delivery:
    one = letters.make(n)
    return Delivery(one.data, CAME, "edi2", str(uuid5(NAMESPACE_OID, f"on the hub {n}")), RECEIVER, SENDER, one.msg_id)


def _read(letters: Letters) -> Arrival:
    translator = Translator(Limits(), keyed(DEMONSTRATION_KEY))
    return arrivals(_delivery(letters, 0), translator, {RECEIVER: SERVICE})[0]


def _message(one: Message) -> Columns:
    return _columns(message, values(one) | {"sighting": 0, "hub_sighting": 0})


def _outgoing(position: int, row: Outgoing) -> Columns:
    return _columns(outbox, values(row) | {"position": position})


def _columns(table: Table, named: dict[str, Any]) -> Columns:
    return tuple(_kept(named[name]) for name in table.c.keys())  # noqa: SIM118 - the names of a collection of columns


def _kept(value: Any) -> Any:
    """As the tables' types keep it."""
    if isinstance(value, datetime):
        return micros(value)
    return key(str(value)) if isinstance(value, str) else value


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]))
