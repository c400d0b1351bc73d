"""What is asked for in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Export:
    """Something asked for in bulk, by a caller (`Caller.mark`) of an organisation. `asked` is JSON of what, and as whom it is
    looked for; `progress` JSON of how far that has come. It is given as of `requested`.

    `asked`: it is made, or waits for that; `made`: until a day after `ended`; `failed`: `error` says why.
    """

    id: str
    tenant: str
    mark: str
    state: Literal["asked", "made", "failed"]
    asked: bytes
    requested: datetime
    ended: datetime | None = None
    progress: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file of an export, numbered from 1: of one type, with how many resources. `body` is JSON of their ids and versions: what
    they say stays where it is kept, and is looked up, as the caller then sees it, for whoever fetches the file.
    """

    export: str
    number: int
    tenant: str
    type: str
    resources: int
    body: bytes = b""


class Stood(NamedTuple):
    """The version of a resource that stood at a moment, and how many bytes it has."""

    updated: datetime
    id: str
    version: int
    size: int


class Exports(Protocol):
    """What is asked for in bulk, and what stood when it was. A part of `Unit`."""

    def stood(
        self,
        tenant: str,
        type: str,
        at: datetime,
        *,
        since: datetime | None = None,
        of_patients: bool = False,
        after: Stood | None = None,
        limit: int = 1000,
    ) -> list[Stood]:
        """Which version of each resource of a type stood at a moment, in the order of their time, from behind `after` on: those
        from `since` on, or those in some patient's record. What happens later changes nothing of it.
        """
        ...

    def ask_export(self, asked: Export) -> None: ...
    def export(self, id: str) -> Export | None: ...
    def exports(self, tenant: str | None = None) -> list[Export]: ...  # an organisation's, or all that are to be made; oldest first
    def go_on_with_export(self, now: Export, was: Export, file: ExportFile | None = None) -> bool:
        """Keep what has become of it, with a file that is ready; False, and nothing, where it no longer is what it `was`."""
        ...

    def export_files(self, id: str) -> list[ExportFile]: ...  # in order, without their bodies
    def export_file(self, id: str, number: int) -> ExportFile | None: ...
    def drop_export(self, id: str) -> None: ...
    def drop_old_exports(self, before: datetime) -> int: ...  # those that ended before then; how many
