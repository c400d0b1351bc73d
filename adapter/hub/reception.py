"""What the message interface needs of the use cases behind it (`adapter.usecases.receive_message`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from adapter.ports import Delivery, Message


class Received(Protocol):
    """What became of a delivery: the message that now stands for it, and whether it was new."""

    @property
    def message(self) -> Message: ...
    @property
    def outcome(self) -> Literal["new", "duplicate", "conflict"]: ...


class Translated(Protocol):
    """A translation that nothing was kept of; `bundle` is None where the message was refused."""

    @property
    def bundle(self) -> bytes | None: ...
    @property
    def apprec(self) -> bytes: ...
    @property
    def explanation(self) -> dict[str, Any]: ...


class Reception(Protocol):
    """The use cases. `tenants` are those whose messages the caller may see."""

    def receive(self, delivery: Delivery) -> Received: ...
    def translate(self, data: bytes, pathway: str | None, received: datetime | None) -> Translated: ...
    def retry(self, tenants: Sequence[str], id: str) -> Message: ...
    def dismiss(self, tenants: Sequence[str], id: str) -> Message: ...
    def bundle(self, tenants: Sequence[str], id: str) -> bytes | None: ...
    def apprec(self, tenants: Sequence[str], id: str) -> tuple[bytes, str] | None: ...
    def explanation(self, tenants: Sequence[str], id: str) -> dict[str, Any]: ...
