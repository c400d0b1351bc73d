"""What comes in and what is taken out: messages are fed as they are taken, and what leaves the folder is looked at and removed.

So no more files lie in it than `AHEAD`, however many messages there are; and an AppRec that is delivered again is a new file, which
must have the bytes of the first (I3).
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.kill.installation import House, client
from tests.kill.messages import Letters

AHEAD: Final = 500
PAUSE: Final = 0.05


@dataclass(frozen=True)
class Plan:
    """How many messages come by the folder, by the hub and by POST; how many referrals are answered; and what is killed."""

    files: int = 2_700
    by_hub: int = 300
    posts: int = 30
    granted: int = 90
    kills: int = 20
    crashes: int = 0  # of the database's server

    @property
    def all(self) -> int:
        return self.files + self.by_hub + self.posts

    @property
    def hubs(self) -> range:
        """Numbers of the messages that come by the hub."""
        return range(self.files, self.files + self.by_hub)

    @property
    def posted(self) -> range:
        return range(self.files + self.by_hub, self.all)

    def answered(self) -> list[int]:
        """Numbers of the referrals that get a right to care: spread over all channels."""
        return [n * self.all // self.granted for n in range(self.granted)]


class Worked(threading.Thread):
    """A thread whose fault is the test's: `check` raises it."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work, self._fault = work, list[BaseException]()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as fault:
            self._fault.append(fault)

    def check(self) -> None:
        for fault in self._fault:
            raise fault


class Folder:
    """What came out of the folder hub: numbers of the files done, and of each file in `out` the digest of its bytes."""

    def __init__(self, house: House, plan: Plan) -> None:
        self.house, self.seen = house, bytearray(plan.files)
        self.done = self.again = 0
        self.answers: dict[str, bytes] = {}
        self.other: list[str] = []  # files that came again with other bytes
        self.stopped = threading.Event()

    def watch(self) -> None:
        while not self.stopped.is_set():
            self.look()
            self.stopped.wait(PAUSE)
        self.look()

    def look(self) -> None:
        """Take away all that is there."""
        for entry in _whole(self.house.out):
            with open(entry.path, "rb") as file:  # noqa: PTH123 - a Path for each of a million files costs more than the reading
                digest = hashlib.sha256(file.read()).digest()
            known = self.answers.setdefault(entry.name, digest)
            os.unlink(entry.path)  # noqa: PTH108 - as above
            if known is not digest:
                self.again += 1
                self.other += [entry.name] if known != digest else []
        for entry in _whole(self.house.done):
            number = int(entry.name.partition(".")[0])
            self.done += not self.seen[number]
            self.seen[number] = 1
            os.unlink(entry.path)  # noqa: PTH108 - as above


def _whole(folder: os.PathLike[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name.endswith(".xml") and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []


def feed(house: House, plan: Plan, letters: Letters, folder: Folder) -> None:
    """Put the messages in while the service works: the hub's spread among the files."""
    with client(house.hub) as hub:
        for number in range(plan.files):
            while number - folder.done >= AHEAD and not folder.stopped.is_set():
                time.sleep(PAUSE)
            house.drop(f"{number:07d}", letters.make(number).data)
            for post in plan.hubs[plan.by_hub * number // plan.files : plan.by_hub * (number + 1) // plan.files]:
                hub.post("/sandbox/messages", content=letters.make(post).data).raise_for_status()
