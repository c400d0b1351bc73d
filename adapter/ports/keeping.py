"""What is not to be kept any longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

Copy = Literal["inbox", "outbox", "binary", "history", "explanation"]
"""What is kept of a patient's data beside the newest version of each resource; each is kept for as long as `[retention]` says."""


class Keeping(Protocol):
    """What is taken away. A part of `Unit`."""

    def remove(self, tenant: str, type: str, id: str) -> bool:
        """Take a resource away with its history, as if it had never been in that space; whether it was there."""
        ...

    def rewrite(self, tenant: str, type: str, id: str, change: Callable[[bytes], bytes]) -> int:
        """Change the kept bodies of a resource's versions in place; how many differed. Versions and search stay as they are."""
        ...

    def resources_of(self, tenant: str, patient: str, type: str = "") -> list[tuple[str, str]]:
        """Type and id of all that is in a patient's record (`Stored.patient`), or of one type."""
        ...

    def messages_of(self, tenant: str, patient: str) -> list[str]: ...  # ids of the messages that made some of these
    def rewrite_message(self, id: str, change: Callable[[bytes], bytes]) -> None: ...  # the kept XML, in place

    def old_copies(
        self, copy: Copy, before: datetime, after: Sequence[Any] = (), until: Sequence[Any] = (), limit: int = 200
    ) -> list[tuple[Any, ...]]:
        """Keys of the copies that are older and that nothing needs any longer, in order, from behind `after` up to `until`.

        Needed is what waits for somebody or for an answer, and all of a patient with a pathway or a Task that is not ended.
        """
        ...

    def take_away(self, copy: Copy, keys: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Remove these copies, and nothing of what tells that there were such; the keys of those that there were."""
        ...
