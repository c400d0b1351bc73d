"""What `stafett doctor` tells of a database that many processes may share: who works on it, and whether it has room."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from adapter.domain.problem import Finding, Kind
from adapter.ports import Process
from adapter.settings import Settings
from adapter.storage.engines import POSTGRESQL_ON
from adapter.storage.store import DatabaseUnit

LIVING: Final = timedelta(minutes=1)  # since a process last told that it lives; it does so every few seconds
CONNECTIONS: Final = 22  # a process' at most: 20 that it shares among its threads, one that is woken, one that holds its presence
MEGABYTE: Final = 2**20
LONGEST_WAL: Final = 256 * MEGABYTE  # eight times what it is written back at


def of_many(unit: DatabaseUnit, settings: Settings, now: datetime) -> Iterator[Finding]:
    living = [one for one in unit.processes() if now - one.seen <= LIVING]
    yield _processes(living)
    if unit.postgresql:
        yield _clock(unit, settings.messages.lease_seconds, now)
        yield from _postgresql(unit, len(living))
    else:
        yield from _disk(Path(settings.store.url.partition(":///")[2]), unit.size())


def _processes(living: Sequence[Process]) -> Finding:
    roles = Counter(role for one in living for role in one.roles.split(","))
    told = ", ".join(f"{count} {role}" for role, count in sorted(roles.items()))
    if not roles["worker"]:
        en = "no worker was seen within a minute, so nothing is fetched or sent: start one (stafett serve --roles worker)"
        nb = "ingen worker er sett siste minutt, så ingenting hentes eller sendes: start en (stafett serve --roles worker)"
        return say("warning", "processes", en, nb)
    return say("information", "processes", f"seen within a minute: {told}", f"sett siste minutt: {told}")


def _clock(unit: DatabaseUnit, lease: float, now: datetime) -> Finding:
    """This machine's clock against the database's, by which those of all machines can be compared: what one of them claims to
    send stays its own for `lease` seconds of each one's own clock.
    """
    [(theirs,)] = unit.ask("SELECT extract(epoch FROM now())", ())
    apart = round(now.timestamp() - float(theirs), 1)
    if abs(apart) > lease / 4:
        en = f"{apart} s from PostgreSQL's, over a quarter of lease_seconds: set it, or two processes may send the same"
        nb = f"{apart} s fra PostgreSQLs, over en firedel av lease_seconds: still den, ellers kan to prosesser sende det samme"
        return say("warning", "clock", en, nb)
    return say("information", "clock", "agrees with PostgreSQL's", "går likt med PostgreSQLs")


def _postgresql(unit: DatabaseUnit, processes: int) -> Iterator[Finding]:
    [row] = unit.ask(
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,"
        f" {', '.join(f'current_setting({name!r})' for name in POSTGRESQL_ON)}",
        (),
    )
    told = ", ".join(f"{name} {value}" for name, value in zip(POSTGRESQL_ON, row[1:], strict=True))
    yield say("information", "postgresql", f"keeps what is committed: {told}", f"beholder det som er lagret: {told}")
    allowed, wanted = int(row[0]), CONNECTIONS * max(processes, 1)
    en, nb = f"{allowed} connections; its processes take {wanted} at most", f"{allowed} tilkoblinger; prosessene tar høyst {wanted}"
    if wanted > allowed:
        en, nb = f"{en}: raise max_connections, or run fewer processes", f"{nb}: øk max_connections, eller kjør færre prosesser"
    yield say("warning" if wanted > allowed else "information", "postgresql", en, nb)


def _disk(file: Path, size: int) -> Iterator[Finding]:
    free, wal = shutil.disk_usage(file.parent).free, file.with_name(f"{file.name}-wal")
    en = f"{size // MEGABYTE} MB, with {free // MEGABYTE} MB free beside it"
    nb = f"{size // MEGABYTE} MB, med {free // MEGABYTE} MB ledig ved siden av"
    if free < max(size, 1024 * MEGABYTE):
        en, nb = f"{en}: an upgrade may need as much again, make room", f"{nb}: en oppgradering kan trenge like mye til, lag plass"
        yield say("warning", "disk", en, nb)
    else:
        yield say("information", "disk", en, nb)
    if wal.exists() and (length := wal.stat().st_size) > LONGEST_WAL:
        en = f"{wal.name} has {length // MEGABYTE} MB: something reads and never ends, so nothing is written back; find and end it"
        nb = f"{wal.name} er {length // MEGABYTE} MB: noe leser uten å bli ferdig, så ingenting skrives tilbake; avslutt det"
        yield say("warning", "disk", en, nb)


def say(severity: Literal["information", "warning", "error"], place: str, en: str, nb: str) -> Finding:
    return Finding(severity, Kind.INTERNAL, en, nb, place)
