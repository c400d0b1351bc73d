"""A listener on loopback that counts who comes: a parser that fetches anything is found out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class Canary:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port: int = listener.getsockname()[1]

    def visits(self) -> int:
        """Connections since the last call. They stand in the listener's queue, so none can be missed."""
        count = 0
        while True:
            try:
                self._listener.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


@contextmanager
def canary() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        listener.setblocking(False)
        yield Canary(listener)
