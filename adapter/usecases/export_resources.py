"""All of an organisation's resources, in files: https://hl7.org/fhir/uv/bulkdata/export.html.

    export = ask(unit, wanted, tenant="974633574", mark=caller.mark, id=id, now=now)     # the request
    make_some(store, clock, hand)                                                      # a worker, a file at a time
    lines(unit, file)                                                                  # whoever fetches a file

An export gives what stood when it was asked for, as the caller sees it. Its files list ids and versions; what these say stays
where it is, so that no second copy of a patient's record is kept, and what is closed, corrected or taken away in the meantime is so
in the files too.

A worker has an export in hand while it makes one file of it, and keeps with each file how far it has come: another goes on from
there when that one dies. Should two be at the same, the database lets one of them keep its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Clock, Export, ExportFile, Stood, Store, Stored, Unit
from adapter.usecases.at_work import MOST as DEATHS
from adapter.usecases.at_work import Hand

log = structlog.get_logger(__name__)

HAND: Final = "(export)"
"""Stands for a hub where the names are exports: who has one in hand makes it."""
AT_ONCE: Final = 2
"""Exports of an organisation that are made at once."""
MOST: Final = 20
"""Exports of an organisation that are kept."""
KEPT: Final = timedelta(hours=24)
"""How long files can be fetched, from when all are there."""
SETTLED: Final = timedelta(seconds=2)
"""A version's time is taken just before it can be seen: so long is waited for what was underway when an export was asked for."""
FILE_BYTES: Final = 10 * 1024 * 1024
FILE_RESOURCES: Final = 10_000
PAGE: Final = 1000  # versions in one question
DEADLY: Final = f"{DEATHS} processes ended while they were making it"


class Wanted(msgspec.Struct, frozen=True):
    """What is exported, and as whom it is looked for (`Store.seen_by`). `request` is the address that it was asked for at."""

    request: str
    types: tuple[str, ...]
    tenants: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    since: datetime | None = None
    of_patients: bool = False


class Progress(msgspec.Struct, frozen=True):
    """How far it is: so many of its types are done, and of the next all up to `after`."""

    types: int = 0
    after: Stood | None = None
    files: int = 0
    resources: int = 0


def ask(unit: Unit, wanted: Wanted, *, tenant: str, mark: str, id: str, now: datetime) -> Export:
    """Note an export that a worker is to make. THROTTLED where the organisation has as many as it may."""
    others = [one for one in unit.exports(tenant) if not _is_over(one, now)]
    if sum(one.state == "asked" for one in others) >= AT_ONCE:
        raise _too_many(
            f"{AT_ONCE} exports of the organisation are being made: ask again when one is, or DELETE one.",
            f"{AT_ONCE} eksporter for virksomheten er under arbeid: prøv igjen når én er ferdig, eller slett én med DELETE.",
        )
    if len(others) >= MOST:
        raise _too_many(
            f"{MOST} exports of the organisation are kept: DELETE one that has been fetched.",
            f"{MOST} eksporter for virksomheten er lagret: slett én som er hentet, med DELETE.",
        )
    export = Export(id, tenant, mark, "asked", msgspec.json.encode(wanted), now, progress=_said(Progress()))
    unit.ask_export(export)
    return export


def find(unit: Unit, id: str, *, tenant: str, mark: str, now: datetime) -> Export | None:
    """An export for who asked for it, as long as it is kept."""
    export = unit.export(id)
    theirs = export is not None and (export.tenant, export.mark) == (tenant, mark)
    return export if export and theirs and not _is_over(export, now) else None


def wanted_of(export: Export) -> Wanted:
    return msgspec.json.decode(export.asked, type=Wanted)


def progress_of(export: Export) -> Progress:
    return msgspec.json.decode(export.progress, type=Progress)


def lines(unit: Unit, file: ExportFile) -> list[Stored]:
    """What a file lists, in its order, as the unit sees it. Of what has lost the version that stood, the newest is given."""
    found = [
        unit.read(file.tenant, file.type, id, version) or unit.read(file.tenant, file.type, id)
        for id, version in msgspec.json.decode(file.body, type=list[tuple[str, int]])
    ]
    return [one for one in found if one is not None]


def line(body: bytes) -> bytes:
    """A resource as one line: its very bytes, but for line breaks that its sender put between its elements.

    >>> line(b'{"a": 1.50}'), line(b'{\\n  "a": 1.50\\n}')
    (b'{"a": 1.50}', b'{"a":1.50}')
    """
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body


def make_some(store: Store, clock: Clock, hand: Hand) -> int:
    """Make a file of each export that no other process has in hand; how many there were."""
    now = clock.now()
    with store.read() as unit:
        waiting = [one for one in unit.exports() if one.requested + SETTLED <= now]
    ours = hand.take([one.id for one in waiting]).ours
    try:
        for export in waiting:
            if export.id in ours:
                _go_on(store, export, now, deadly=hand.deadly)
    finally:
        hand.put_down()
    return len(ours)


def _go_on(store: Store, export: Export, now: datetime, *, deadly: bool) -> None:
    """Make the next file, or say that there is none left or that none can be made."""
    try:
        next, file = (_failed(export, now, DEADLY), None) if deadly else _next(store, export, now)
    except Problem:
        raise  # the database's: another time
    except Exception as error:  # it would come again and again, and hold up the organisation's others
        next, file = _failed(export, now, type(error).__name__), None
    if store.run(lambda unit: unit.go_on_with_export(next, export, file)):
        _tell(next)


def _next(store: Store, export: Export, now: datetime) -> tuple[Export, ExportFile | None]:
    """The export one file further on, and the file; or at its end, without one."""
    wanted, progress = wanted_of(export), progress_of(export)
    seen = store.seen_by(wanted.tenants, wanted.who) if wanted.who else store
    after = progress.after
    for done in range(progress.types, len(wanted.types)):
        type = wanted.types[done]
        listed, ended = _listed(seen, export, wanted, type, after)
        if listed:
            names = msgspec.json.encode([(one.id, one.version) for one in listed])
            file = ExportFile(export.id, progress.files + 1, export.tenant, type, len(listed), names)
            far = Progress(done + ended, None if ended else listed[-1], file.number, progress.resources + file.resources)
            return replace(export, progress=_said(far)), file
        after = None
    whole = Progress(len(wanted.types), None, progress.files, progress.resources)
    return replace(export, state="made", ended=now, progress=_said(whole)), None


def _listed(store: Store, export: Export, wanted: Wanted, type: str, after: Stood | None) -> tuple[Sequence[Stood], bool]:
    """The versions of a file, and whether they are the last of the type. Each page is a snapshot of its own, and a short one."""
    listed: list[Stood] = []
    size = 0
    while True:
        with store.read() as unit:
            page = unit.stood(
                export.tenant,
                type,
                export.requested,
                since=wanted.since,
                of_patients=wanted.of_patients,
                after=listed[-1] if listed else after,
                limit=PAGE,
            )
        for one in page:
            size += one.size + 1
            if listed and (size > FILE_BYTES or len(listed) == FILE_RESOURCES):
                return listed, False
            listed.append(one)
        if len(page) < PAGE:
            return listed, True


def _failed(export: Export, now: datetime, why: str) -> Export:
    return replace(export, state="failed", ended=now, error=why)


def _tell(export: Export) -> None:
    progress = progress_of(export)
    if export.state == "made":
        log.info("export.made", export=export.id, files=progress.files, resources=progress.resources)
    if export.state == "failed":
        log.error("export.failed", export=export.id, why=export.error)


def _is_over(export: Export, now: datetime) -> bool:
    return export.ended is not None and now - export.ended > KEPT


def _said(progress: Progress) -> str:
    return msgspec.json.encode(progress).decode()


def _too_many(en: str, nb: str) -> Problem:
    found = problem(Kind.THROTTLED, en, nb)
    return Problem(*found.findings, retry_after=10)
