"""What a piece of work came of: the id of the message or of the request that began it, in log lines and on calls to others.

with caused_by(message.id):
    …                       # log lines have it as `correlation`, calls as X-Request-Id, what is to be sent as its `cause`
cause()                     # the id; empty where nothing is known
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from structlog.contextvars import bound_contextvars

T = TypeVar("T")
_CAUSE: Final[ContextVar[str]] = ContextVar("cause", default="")


def cause() -> str:
    """What is being done now came of this."""
    return _CAUSE.get()


@contextmanager
def caused_by(id: str, name: str = "correlation") -> Iterator[None]:
    """All that is done within came of `id`, which log lines have under `name`; an empty one leaves it at what is known."""
    if not id:
        yield
        return
    before = _CAUSE.set(id)
    try:
        with bound_contextvars(**{name: id}):
            yield
    finally:
        _CAUSE.reset(before)


def because_of(id: str, job: Callable[..., T]) -> Callable[..., T]:
    """The job as one that came of `id`, whoever runs it and when."""

    def run(*given: Any) -> T:
        with caused_by(id):
            return job(*given)

    return run
