"""What a disk may hold after a cut, of logs written by hand: the promises at the top of `replay.py`, one by one."""

from __future__ import annotations

import random
from pathlib import Path

from tests.power.replay import SECTOR, Disk, Kind, Record

FOLDER, FILE = 1, 2
MADE = Record(Kind.CREATE, "/d/f", "", b"", FILE, 0, 1)
KNOWN = Record(Kind.FOLDER, "/d", "", b"", FOLDER, 0, 1)
OLD, NEW = b"o" * 2 * SECTOR, b"n" * 2 * SECTOR
MIXED = b"o" * SECTOR + b"n" * SECTOR


def written(data: bytes) -> Record:
    return Record(Kind.WRITE, "", "", data, FILE, 0, 1)


def synced(file: int, number: int) -> list[Record]:
    return [Record(kind, "", "", b"", file, number, 1) for kind in (Kind.SYNC, Kind.SYNCED)]


def renamed(path: str, other: str) -> Record:
    return Record(Kind.RENAME, path, other, b"", 0, 0, 1)


def left(*records: Record) -> set[tuple[tuple[str, bytes], ...]]:
    """All disks that a thousand cuts after these records leave."""
    disk = Disk(Path("/d"), list(records), [])
    disk.play(len(records))
    chance = random.Random(1)
    found = (disk.after(chance, chance.choice((0.0, 0.5, 1.0))) for _ in range(1000))
    return {tuple((name, bytes(content or b"")) for name, content in sorted(one.items())) for one in found}


def test_a_synced_file_in_a_synced_folder_is_there() -> None:
    assert left(KNOWN, MADE, written(OLD), *synced(FILE, 1), *synced(FOLDER, 2)) == {(("f", OLD),)}


def test_a_file_that_is_synced_may_be_without_its_name() -> None:
    assert left(KNOWN, MADE, written(OLD), *synced(FILE, 1)) == {(), (("f", OLD),)}


def test_a_name_that_is_synced_may_be_without_its_content() -> None:
    assert (("f", b""),) in left(KNOWN, MADE, written(OLD), *synced(FOLDER, 1))


def test_what_was_written_after_the_sync_is_there_or_not_or_torn_between_sectors() -> None:
    found = left(KNOWN, MADE, written(OLD), *synced(FILE, 1), *synced(FOLDER, 2), written(NEW))

    assert found == {(("f", content),) for content in (OLD, NEW, MIXED, MIXED[::-1])}


def test_what_was_written_while_a_sync_went_on_is_not_of_it() -> None:
    begun, ended = synced(FILE, 1)

    assert (("f", b""),) in left(KNOWN, MADE, *synced(FOLDER, 2), begun, written(OLD), ended)


def test_a_sync_that_has_not_returned_promises_nothing() -> None:
    assert (("f", b""),) in left(KNOWN, MADE, *synced(FOLDER, 2), written(OLD), synced(FILE, 1)[0])


def test_a_renaming_is_whole_and_certain_with_its_folder() -> None:
    before = (KNOWN, MADE, written(OLD), *synced(FILE, 1), *synced(FOLDER, 2), renamed("/d/f", "/d/g"))

    assert left(*before) == {(("f", OLD),), (("g", OLD),)}
    assert left(*before, *synced(FOLDER, 3)) == {(("g", OLD),)}


def test_what_is_in_a_folder_goes_with_its_name() -> None:
    inner = [
        Record(Kind.MKDIR, "/d/e", "", b"", 0, 0, 1),
        Record(Kind.FOLDER, "/d/e", "", b"", 3, 0, 1),
        Record(Kind.CREATE, "/d/e/f", "", b"", FILE, 0, 1),
    ]

    assert left(KNOWN, *inner, *synced(3, 1)) == {(), (("e", b""), ("e/f", b""))}
