"""A server that answers on a real socket, and breaks off in the one way that a test wants."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\n"


def _silent(line: socket.socket, stop: threading.Event) -> None:
    stop.wait(5)


def _reset(line: socket.socket, stop: threading.Event) -> None:
    """In the middle of the body, with a RST."""
    line.sendall(HEAD + b'content-length: 500\r\n\r\n{"resourceType":')
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _cut(line: socket.socket, stop: threading.Event) -> None:
    """In the middle of the body, as if it were over."""
    line.sendall(HEAD + b'content-length: 500\r\n\r\n{"resourceType":')


def _endless(line: socket.socket, stop: threading.Event) -> None:
    """As fast as it is read, for more than anybody wants."""
    line.sendall(HEAD + b"\r\n")
    with contextlib.suppress(OSError):
        for _ in range(400):
            line.sendall(b" " * 64 * 1024)


def _dripping(line: socket.socket, stop: threading.Event) -> None:
    """A byte now and then: every read is in time, the whole never."""
    line.sendall(HEAD + b"content-length: 500\r\n\r\n")
    end = time.monotonic() + 4
    with contextlib.suppress(OSError):
        while time.monotonic() < end and not stop.wait(0.1):
            line.sendall(b" ")


def _closed(line: socket.socket, stop: threading.Event) -> None:
    pass


WAYS: dict[str, Callable[[socket.socket, threading.Event], None]] = {
    "silent": _silent,
    "reset": _reset,
    "cut": _cut,
    "endless": _endless,
    "dripping": _dripping,
    "closed": _closed,
}


@contextlib.contextmanager
def broken_server(way: str) -> Iterator[str]:
    """The base of a server that reads a request and then breaks in that way."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(5)

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = door.accept()
                with line:
                    line.recv(65536)
                    WAYS[way](line, stop)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/fhir"
        stop.set()
        thread.join()
