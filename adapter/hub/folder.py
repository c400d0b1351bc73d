"""A hub of files: messages come as `in/*.xml`, answers and messages leave as `out/<id>.xml`.

For message handlers that exchange files with a journal system, and for trying things out. Whoever writes to `in`
writes under another name (`.tmp`, `.part`, or a leading dot) and renames when the file is whole.

A message's `hub_id` is its file name and a digest of name and content: the same name with other content, later,
is another message, and the same file moved back is the same one. Long numbers in a name are masked in it,
since file names may hold a person's number and ids are logged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import structlog

from adapter.domain.problem import Finding, Kind, problem
from adapter.ports import Clock, Delivery, Outgoing, Take, take_all

log = structlog.get_logger(__name__)

ROOM = 64 * 1024 * 1024  # bytes of a round: many large files must not be in memory at once


class FolderHub:
    """A channel of files under `path`, which gets the folders `in`, `done` and `out`."""

    apprec_format: Literal["xml", "edi2"] = "xml"

    def __init__(self, path: Path, *, clock: Clock, name: str = "folder", max_bytes: int = 35 * 1024 * 1024) -> None:
        self.name = name
        self._in, self._done, self._out = (path / part for part in ("in", "done", "out"))
        self._clock = clock
        self._max_bytes = max_bytes
        self._waiting: deque[str] = deque()  # one listing, dealt out before the next is made: thousands of files are listed once
        self._names: dict[str, str] = {}
        self._sure: set[Path] = set()

    def fetch(self, limit: int, take: Take = take_all) -> list[Delivery]:
        """Whole files, oldest first. A file that goes away or cannot be read is passed over."""
        with _told("read"):
            deliveries = self._deal(limit, take)
            if not deliveries:
                self._names.clear()
                self._waiting = deque(self._listing())
                deliveries = self._deal(limit, take)
            return deliveries

    def confirm(self, hub_id: str, receiver: str) -> None:  # noqa: ARG002 - the port's; a folder has one reader
        """Move the file to `done`; a power cut may undo that, and then it is the same message again."""
        with _told("move"):
            self._make(self._done)
            for name in self._named(hub_id):
                with contextlib.suppress(FileNotFoundError):
                    if self._read(name)[1] == hub_id:
                        (self._in / name).replace(self._done / _done_name(name, hub_id))
            self._names.pop(hub_id, None)

    def deliver(self, row: Outgoing) -> str:
        """Write the row's bytes whole or not at all. Repeating it writes the same file."""
        target = self._out / f"{row.id}.xml"
        partial = self._out / f".{row.id}.tmp"
        with _told("write"):
            self._make(self._out)
            with partial.open("wb") as file:
                file.write(row.body)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            _sync(self._out)  # the outbox will say "sent", so the name must outlive a power cut
        return target.name

    def status(self, hub_id: str) -> list[dict[str, object]]:  # noqa: ARG002 - the port's
        """Nothing: whoever takes the file tells no one."""
        return []

    def close(self) -> None:
        """Nothing is held."""

    def _make(self, folder: Path) -> None:
        """Have a folder whose own name outlives a power cut too: what is put in it would go with it. Once in this process's
        life, since one that was killed may have made it without that.
        """
        if folder not in self._sure or not folder.is_dir():
            new = [folder, *(above for above in folder.parents if not above.is_dir())]
            folder.mkdir(parents=True, exist_ok=True)
            for one in new:
                _sync(one.parent)
            self._sure.add(folder)

    def _listing(self) -> list[str]:
        """Names of the files that wait, oldest first."""
        found = []
        self._make(self._in)
        with os.scandir(self._in) as entries:
            for entry in entries:
                if entry.name.lower().endswith(".xml") and not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False):
                            found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)]

    def _deal(self, limit: int, take: Take) -> list[Delivery]:
        deliveries: list[Delivery] = []
        while self._waiting and not deliveries:
            names = {hashlib.sha256(os.fsencode(name)).hexdigest(): name for name in self._next(limit)}
            taken = take([*names])
            self._waiting.extendleft(reversed([name for digest, name in names.items() if digest in taken.left]))
            deliveries = list(self._read_all([name for digest, name in names.items() if digest in taken.ours]))
        return deliveries

    def _next(self, limit: int) -> list[str]:
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def _read_all(self, names: Sequence[str]) -> Iterator[Delivery]:
        """What there is no room for now is listed again."""
        room = ROOM
        for name in names:
            if room <= 0:
                return
            try:
                delivery = self._delivery(name)
            except FileNotFoundError:
                continue
            except OSError as fault:
                log.warning("hub.file_not_read", hub=self.name, file=_printable(name), reason=fault.strerror)
                continue
            room -= len(delivery.data)
            yield delivery

    def _delivery(self, name: str) -> Delivery:
        data, hub_id = self._read(name)
        self._names[hub_id] = name
        return Delivery(data or b"", self._clock.now(), self.name, hub_id, fault=self._too_large() if data is None else None)

    def _read(self, name: str) -> tuple[bytes | None, str]:
        """A file's bytes, or None where there are more than we read, and its id."""
        with (self._in / name).open("rb") as file:
            data = file.read(self._max_bytes + 1)
            if len(data) <= self._max_bytes:
                return data, _hub_id(name, data)
            stat = os.fstat(file.fileno())
            return None, _hub_id(name, f"{stat.st_size} {stat.st_mtime_ns}".encode())

    def _named(self, hub_id: str) -> Iterator[str]:
        """Files that may be this message: the one it was fetched from, or after a restart those with such a name."""
        if hub_id in self._names:
            yield self._names[hub_id]
        elif self._in.is_dir():
            printable = hub_id.rpartition("~")[0]
            yield from (path.name for path in self._in.iterdir() if _printable(path.name) == printable)

    def _too_large(self) -> Finding:
        return Finding(
            "fatal",
            Kind.TOO_LARGE,
            f"The file is over the limit of {self._max_bytes} bytes. It is kept in the folder `done`: ask its sender for less.",
            f"Filen er over grensen på {self._max_bytes} byte. Den ligger i mappen `done`: be avsender sende mindre.",
        )


def _sync(folder: Path) -> None:
    """Make sure of the names in a folder (POSIX: a file's own fsync does not)."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _hub_id(name: str, content: bytes) -> str:
    digest = hashlib.sha256(os.fsencode(name) + b"\0" + content).hexdigest()
    return f"{_printable(name)}~{digest[:16]}"


def _printable(name: str) -> str:
    """A file name that can be logged: no control characters, no broken encoding, nothing like a national number."""
    clean = "".join(c if c.isprintable() else "_" for c in os.fsencode(name).decode(errors="replace"))
    return re.sub(r"\d{6}\W?\d{5}", "***", clean)[:100]


def _done_name(name: str, hub_id: str) -> str:
    """The name with the digest, so that no file of `done` is ever overwritten by another; within 255 bytes."""
    stem = os.fsencode(name[: -len(".xml")])[:200].decode(errors="ignore")
    return f"{stem}.{hub_id.rpartition('~')[2]}.xml"


@contextlib.contextmanager
def _told(verb: str) -> Iterator[None]:
    """A full disk or a missing right, said so that the one who can mend it understands; it is tried again."""
    try:
        yield
    except OSError as fault:
        why = fault.strerror or type(fault).__name__
        raise problem(
            Kind.TRANSIENT,
            f"The hub cannot {verb} a file in its folder: {why}. Check disk and rights; it will be tried again.",
            f"Meldingsmappen svikter ({verb}): {why}. Kontroller disk og rettigheter; det prøves igjen.",
        ) from fault
