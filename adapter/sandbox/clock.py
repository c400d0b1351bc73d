"""The sandbox's clock: the machine's, moved by as much as a file says, so that months pass in seconds.

    clock = MovedClock(Path("clock"))
    move(Path("clock"), datetime(2026, 1, 15, 9, tzinfo=OSLO))      # from now on it is that morning, and time goes on

Only `python -m adapter.sandboxed` has it; the service itself goes by the machine's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path


class MovedClock:
    """Reads the file each time. Without the file, or with nothing in it, it is the machine's time."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def now(self) -> datetime:
        try:
            seconds = float(self.file.read_text("ascii") or 0)
        except FileNotFoundError:
            seconds = 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)


def move(file: Path, to: datetime | None) -> None:
    """Let it be that moment now; None is the machine's own time. Whoever reads sees the old or the new, never half."""
    seconds = (to - datetime.now(UTC)).total_seconds() if to else 0.0
    new = file.with_name(f"{file.name}.new")
    new.write_text(f"{seconds}", "ascii")
    new.replace(file)
