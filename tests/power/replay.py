"""What a disk may hold after the power was cut: the log of `recorder.c`, played up to a moment.

What is promised (POSIX.1-2017, fsync and rename; ext4, XFS and Btrfs promise no less), and so what is counted on here:

- A file's content and size as they were when a sync of it began are on the disk when that sync has returned. Of what
  was written since, each piece may be there or not, whatever came before or after it, and a piece may be torn between two
  sectors of 512 bytes. What was not written in between reads as zeros.
- That a file, or a folder, exists under a name is certain once the folder of that name was synced; syncing the file itself
  does not count. Until then each making, renaming and removing may have happened or not.
- A renaming is whole: the new name there and the old one gone, or neither. It is certain with its new folder's sync.

A disk that lies about its syncs is not simulated: nothing helps there but another disk.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import NamedTuple

HEAD = struct.Struct("<IIIIQqq")
SECTOR = 512
NEVER = 1 << 62


class Kind(IntEnum):
    """What a process did; `recorder.c` has the same list."""

    CREATE = 1
    FOLDER = 2
    WRITE = 3
    TRUNCATE = 4
    SYNC = 5
    SYNCED = 6
    RENAME = 7
    UNLINK = 8
    MKDIR = 9


class Record(NamedTuple):
    """A line of the log. `at` is an offset, a size, or the number of a sync; `time` is of the monotonic clock, in ns."""

    kind: int
    path: str
    other: str
    data: bytes
    file: int
    at: int
    time: int


def read(log: Path) -> list[Record]:
    """The whole lines of a log: the last may be cut, where the process was killed."""
    data, found, at = memoryview(log.read_bytes()), [], 0
    while at + HEAD.size <= len(data):
        kind, path, other, length, file, offset, time = HEAD.unpack_from(data, at)
        start, at = at + HEAD.size, at + HEAD.size + path + other + length
        if at > len(data):
            break
        names = bytes(data[start : start + path + other]).decode(errors="surrogateescape")
        found.append(Record(kind, names[:path], names[path:], bytes(data[start + path + other : at]), file, offset, time))
    return found


@dataclass(eq=False)
class File:
    """What is certain of a file, and the changes since: `(number in the log, offset, data)`, a new size where data is None."""

    sure: bytearray = field(default_factory=bytearray)
    open: list[tuple[int, int, bytes | None]] = field(default_factory=list)

    def settle(self, before: int) -> None:
        count = sum(number < before for number, _, _ in self.open)
        for _, at, data in self.open[:count]:
            change(self.sure, at, data)
        del self.open[:count]

    def after(self, chance: random.Random, kept: float) -> bytearray:
        """One of its contents after a cut: of what is not certain about the share `kept`."""
        found = bytearray(self.sure)
        for _, at, data in self.open:
            drawn = chance.random()
            if drawn < kept:
                change(found, at, data)
            elif data and drawn < kept + (1 - kept) * kept:  # none is torn where none is kept
                for start, piece in sectors(at, data):
                    if chance.random() < 0.5:
                        change(found, start, piece)
        return found


class Naming(NamedTuple):
    """A change of names that is not certain yet."""

    number: int
    kind: Kind
    path: str
    other: str
    file: File | None

    @property
    def folder(self) -> str:
        return parent(self.other or self.path)


class Disk:
    """The disk of a recording, moment by moment.

    `sound` are files that others put there, certain from their time on: (time, path, content). Syncs of `unsynced` (patterns) are
    passed over, as if the program did not make them.
    """

    def __init__(
        self, folder: Path, records: list[Record], sound: list[tuple[int, str, bytes]], unsynced: Collection[str] = ()
    ) -> None:
        self.folder = str(folder)
        self.records = records
        self.unsynced = [f"{folder}/{name}" for name in unsynced]
        self._sound = sorted(sound, reverse=True)
        self._files: dict[int, File] = {}  # by inode: which is used again when a file is gone
        self._folders: dict[int, str] = {}
        self._syncs: dict[int, int] = {}  # number of a sync -> where in the log it began
        self._now: dict[str, File] = {}  # names as the program saw them
        self._names: dict[str, File] = {}  # names that are certain
        self._made = {self.folder}  # folders that are certain
        self._namings: list[Naming] = []
        self._played = 0

    def play(self, until: int) -> None:
        """Go on to before the record of that number."""
        for number in range(self._played, until):
            record = self.records[number]
            self._arrive(record.time)
            self._do(number, record)
        self._played = max(self._played, until)
        self._arrive(self.time)

    @property
    def time(self) -> int:
        """Until then the disk is as it is now: the next change has not begun, the next sync has not returned."""
        return self.records[self._played].time if self._played < len(self.records) else NEVER

    def after(self, chance: random.Random, kept: float) -> dict[str, bytearray | None]:
        """One of the disks that are left when the power is cut now: path below the folder -> content, None for a folder."""
        names, folders = dict(self._names), set(self._made)
        for naming in self._namings:
            if chance.random() < kept and naming.folder in folders:
                rename(names, folders, naming)
        found: dict[str, bytearray | None] = {
            path: file.after(chance, kept) for path, file in names.items() if parent(path) in folders
        }
        inner = {path: None for path in folders if path != self.folder}
        return {path[len(self.folder) + 1 :]: content for path, content in {**inner, **found}.items()}

    def _arrive(self, time: int) -> None:
        while self._sound and self._sound[-1][0] < time:
            _, path, content = self._sound.pop()
            file = File(bytearray(content))
            self._now[path] = self._names[path] = file
            self._made |= {str(above) for above in PurePosixPath(path).parents if str(above).startswith(self.folder)}

    def _do(self, number: int, record: Record) -> None:
        match record.kind:
            case Kind.CREATE:
                self._files[record.file] = self._now[record.path] = file = File()
                self._namings.append(Naming(number, Kind.CREATE, record.path, "", file))
            case Kind.FOLDER:
                self._folders[record.file] = record.path
            case Kind.WRITE | Kind.TRUNCATE:
                data = record.data if record.kind == Kind.WRITE else None
                self._files[record.file].open.append((number, record.at, data))
            case Kind.SYNC:
                self._syncs[record.at] = number
            case Kind.SYNCED:
                self._synced(record.file, self._syncs.pop(record.at))
            case Kind.RENAME:
                self._now[record.other] = file = self._now.pop(record.path)
                self._namings.append(Naming(number, Kind.RENAME, record.path, record.other, file))
            case Kind.UNLINK | Kind.MKDIR:
                self._now.pop(record.path, None)
                self._namings.append(Naming(number, Kind(record.kind), record.path, "", None))

    def _synced(self, inode: int, before: int) -> None:
        """A sync that began at `before` has returned."""
        folder = self._folders.get(inode)
        path = folder or next((path for path, file in self._now.items() if file is self._files[inode]), "")
        if any(fnmatch(path, pattern) for pattern in self.unsynced):
            return
        if folder is None:
            self._files[inode].settle(before)
        for naming in [n for n in self._namings if n.folder == folder and n.number < before]:
            self._namings.remove(naming)
            rename(self._names, self._made, naming)


def rename(names: dict[str, File], folders: set[str], naming: Naming) -> None:
    """Make a change of names."""
    if naming.kind is Kind.MKDIR:
        folders.add(naming.path)
    elif naming.kind is Kind.UNLINK:
        names.pop(naming.path, None)
    elif naming.file is not None:
        names[naming.other or naming.path] = naming.file
        if naming.kind is Kind.RENAME and names.get(naming.path) is naming.file:
            del names[naming.path]


def change(content: bytearray, at: int, data: bytes | None) -> None:
    """Write `data` at an offset, or give the content that size."""
    end = at + len(data or b"")
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if data is None:
        del content[at:]
    else:
        content[at:end] = data


def sectors(at: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The pieces of a write that a disk writes each by itself."""
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR - (at + start) % SECTOR)
        yield at + start, data[start:end]
        start = end


def parent(path: str) -> str:
    return path.rpartition("/")[0]
