"""The recorder around a process: where its log goes, and the disk that it shows."""

from __future__ import annotations

import struct
from pathlib import Path

SOUND, FULL, READ_ONLY, FAILING = range(4)  # as in recorder.c


class Recorder:
    """The loaded library, the log it writes, and the disk it shows. `around(folder)` are the variables of a process."""

    def __init__(self, library: Path, outside: Path) -> None:
        outside.mkdir()
        self.library, self.log, self._disk = library, outside / "changes", outside / "disk"
        self.be(SOUND)

    def around(self, folder: Path) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "POWER_FOLDER": str(folder),
            "POWER_LOG": str(self.log),
            "POWER_DISK": str(self._disk),
        }

    def be(self, disk: int, room: int = 0) -> None:
        """The disk from now on; a full one has so many bytes left by which files may grow."""
        with self._disk.open("r+b" if self._disk.exists() else "wb") as file:  # the same file: the process has it in memory
            file.write(struct.pack("<qq", disk, room))
