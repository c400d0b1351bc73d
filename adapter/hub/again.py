"""What a hub has given before, given once more: for an installation that was restored from an older copy.

EDI 2.0 lists what is unread alone, yet gives any message by its id for as long as it keeps it; a folder has all of it in `done`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from adapter.domain.problem import Kind, problem
from adapter.hub.edi2 import Edi2Hub
from adapter.hub.folder import FolderHub, _hub_id, _told
from adapter.ports import Delivery, Hub, Outgoing
from adapter.security.acting import acting_for


@dataclass(frozen=True, slots=True)
class Given:
    """A message that a hub gave us, and when. `receiver` is the hub's own metadata, empty where it has none."""

    hub: str
    hub_id: str
    receiver: str
    received: datetime


def given(hub: Hub, since: datetime) -> Iterator[Given]:
    """What a hub itself can tell that it gave since then, the oldest first: the files in `done`. EDI 2.0 tells nothing."""
    if isinstance(hub, FolderHub):
        with _told("read"):
            for moment, path in sorted((_came(path), path) for path in _files(hub)):
                if moment >= since:
                    yield Given(hub.name, _id_of(hub, path), "", moment)


def again(hub: Hub, told: Given) -> Delivery:
    """The message, as received when it was first. Raises `Problem`: NOT_FOUND where the hub keeps it no longer."""
    if isinstance(hub, Edi2Hub):
        with acting_for(hub._organisation(told.receiver)):
            listed = hub._api.one(told.hub_id)
            return replace(hub._delivery(replace(listed, receiver=told.receiver or listed.receiver)), received=told.received)
    if isinstance(hub, FolderHub):
        digest = told.hub_id.rpartition("~")[2]
        with _told("read"):
            for path in _files(hub):
                if path.stem.endswith(f".{digest}") and _id_of(hub, path) == told.hub_id:
                    return Delivery(path.read_bytes(), told.received, hub.name, told.hub_id)
    raise problem(
        Kind.NOT_FOUND,
        "The hub keeps this message no longer: ask its sender to send it anew.",
        "Meldingstjeneren har ikke lenger meldingen: be avsender sende den på nytt.",
    )


def is_there(hub: Hub, row: Outgoing) -> bool:
    """Whether what was sent can be seen to be there already, without asking anybody."""
    return isinstance(hub, FolderHub) and (hub._out / f"{row.id}.xml").exists()


def _files(hub: FolderHub) -> Iterator[Path]:
    return iter(()) if not hub._done.is_dir() else (path for path in hub._done.iterdir() if path.suffix == ".xml")


def _came(path: Path) -> datetime:
    """When whoever sent it had written it: being moved to `done` does not change that."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _id_of(hub: FolderHub, path: Path) -> str:
    """The id that it had in `in`, of its name there and its content."""
    name = os.fsdecode(os.fsencode(path.stem.rpartition(".")[0]) + b".xml")
    return _hub_id(name, path.read_bytes()[: hub._max_bytes + 1])
