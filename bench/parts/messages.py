"""Receiving, from bytes in hand to durable effect and AppRec: `stafett serve --roles worker` as processes, the audit on.

- *as many as it can*: thousands of files lie in the folder hub; AppRecs in `out` a second, the median of eight windows. Beside it
  the bare parts of the same: translated, kept in one durable transaction of the same bytes, an answer on the disk, one by one.
- *from the EDI hub*: the simulated one, a process of its own; what share of the time some request to it was on its way.
- *20 a second*: from the moment that a file was to be put in until its AppRec stands in `out`. Files come when they are due,
  however late the service is (an open loop), so that a pause counts for all who wait through it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text

from adapter.ports import State
from adapter.settings import load
from adapter.storage import open_store
from adapter.usecases.translate_message import translate
from adapter.wiring import make_gate, make_pathways, make_translator
from bench.receiving import HUB, Receiving, calls, configured, from_hub, receiving, states, steady
from bench.row import Row
from bench.shared import database, engines, folder
from tests.kill.messages import Made, make_messages

MANY, SECONDS = 5_000, 20.0
FROM_HUB: Final = 1_500
EACH_SECOND, FOR = 20, 20
BARE: Final = 400
RECEIVED: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
WORKERS: Final = {"SQLite": 1, "PostgreSQL": 2}


def rows() -> Iterator[Row]:
    for engine in engines():
        workers = WORKERS[engine]
        who = f"{engine}, {workers} worker{'s' if workers > 1 else ''}"
        with receiving(folder(), store=database(engine), workers=workers) as one:
            rate, done, spent = _rate(one)
            yield Row(f"messages from files, {who}", rate, "messages/s", 200, done)
            yield Row(f"processor time of a message, with the database's, {who}", 1000 * spent, "ms", 5 * workers, done)
            if engine == "SQLite":
                bare = _bare(one.folder)
                yield Row(f"messages from files, {who} (bare parts {bare:.0f}/s)", rate / bare, "x the bare parts/s", 0.5)
            late = _latencies(one)
            yield Row(f"file to AppRec at {EACH_SECOND}/s, p99, {who} (median {late[len(late) // 2]:.2f} s)", p99(late), "s", 0.5)
        yield _from_hub(engine, who, workers)


def _rate(one: Receiving) -> tuple[float, int, float]:
    """AppRecs a second, how many there were in the time, and the seconds of a processor that each took."""
    made = make_messages(1, MANY)
    before, began = one.spent(), one.drop(made)
    moments = one.answered(MANY, began, SECONDS)
    spent = one.spent() - before
    one.begin()
    assert set(one.states()) == {State.PROCESSED}, one.states()
    return steady(moments, began, began + SECONDS), len(moments), spent / len(moments)


def _latencies(one: Receiving, each_second: int = EACH_SECOND, seconds: float = FOR) -> list[float]:
    """Seconds from when each file was due to come until its AppRec stood there; in order."""
    made = make_messages(2, round(each_second * seconds))
    came = come(one, made, each_second)
    one.answered(len(made), time.time(), 30)
    told, now = one.told(), time.time()
    return sorted(told.get(id, now) - moment for id, moment in came.items())  # what is not answered by now took so long at least


def come(one: Receiving, made: Sequence[Made], each_second: float) -> dict[str, float]:
    """Files that come steadily; when each was due."""
    began, came = time.time() + 0.1, {}
    for n, message in enumerate(made):
        file = one.folder / f"{message.msg_id}.xml"
        file.write_bytes(message.data)
        came[message.msg_id] = due = began + n / each_second
        time.sleep(max(0.0, due - time.time()))
        one.put(file)
    return came


def p99(ordered: Sequence[float]) -> float:
    return ordered[len(ordered) * 99 // 100]


def _from_hub(engine: str, who: str, workers: int) -> Row:
    store = database(engine)
    with from_hub(folder(), make_messages(3, FROM_HUB), store=store, workers=workers) as hub:
        moments = hub.answered(FROM_HUB, SECONDS)
    assert set(states(store)) <= {State.PROCESSED}, states(store)
    made = calls(hub.timed)
    began = min(begun for begun, _, path in made if path.endswith("business-document"))
    ended = min(began + SECONDS, moments[-1])
    share = 100 * _covered([(begun, last) for begun, last, _ in made], began, ended) / (ended - began)
    name = f"messages from the simulated EDI hub, {who} ({share:.0f} % of the time in HTTP)"
    return Row(name, steady(moments, began, ended), "messages/s", 60, sum(moment <= ended for moment in moments))


def _covered(spells: Sequence[tuple[float, float]], since: float, until: float) -> float:
    """Seconds in which at least one of the spells goes on. They are in the order of their beginnings."""
    total, reached = 0.0, since
    for begun, ended in spells:
        start, end = max(begun, reached), min(ended, until)
        if end > start:
            total, reached = total + end - start, end
    return total


def _bare(its: Path) -> float:
    """The parts alone, a second: a message translated, its bytes and all that it becomes in one commit, its answer on the disk."""
    settings = load(configured(its, f"sqlite:///{its}/bare.db", HUB.format(folder=its)))
    translator, rules = make_translator(settings, b"0" * 32), make_gate(settings)
    services = make_pathways(settings, {}, translator).services
    made, store = make_messages(4, BARE), open_store(settings.store.url)
    with store.write() as unit:
        unit.connection.execute(text("CREATE TABLE bare (id TEXT PRIMARY KEY, message BLOB, bundle BLOB, apprec BLOB)"))
    began = time.perf_counter()
    for one in made:
        done = translate(translator, services, rules, one.data, received=RECEIVED)
        with store.write() as unit:
            unit.tell("INSERT INTO bare VALUES (?, ?, ?, ?)", [(one.msg_id, one.data, done.bundle, done.apprec)])
        _written(its / "bare.xml", done.apprec)
    store.close()
    return len(made) / (time.perf_counter() - began)


def _written(file: Path, data: bytes) -> None:
    with file.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
