"""A process of ours that ends (SIGKILL) at one of its steps, so that every point between two steps can be tried.

    life = live(receives, configuration, end=7)      # a real process, which ends at its seventh step
    life.killed, life.steps                          # True, [… "confirm"]

A step is a call to the store, to a hub or to a partner's server that is about to be made; they are counted, not listed, so a new
one is tried as well. Who ends there has done all calls before it, and nothing else that anybody sees; one in the midst of a unit
of the store has done none of it. What only reads is no step: before and after it all is the same.

What a process does is a function of `Parts`, which a process begun afresh finds by its name. Processes are forked from one that
has nothing open and has loaded everything: each costs a tenth of what `stafett serve` does to start.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from adapter.sandbox.clock import MovedClock
from adapter.settings import load
from adapter.usecases.push_assignment import Courier
from adapter.usecases.receive_message import Reception
from adapter.wiring import Services, build
from adapter.worker import Line, Worker

CLOCK: Final = "clock"
"""The file, beside the configuration, by which a test moves the processes' time (`adapter.sandbox.clock`)."""
PATIENCE: Final = 60.0
READING: Final = ("read", "newest", "check", "status")

FRESH: Final = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["tests.kill.warm"])


class Steps:
    """Counts steps in a file, and ends the process at one of them: by number, or the first that is called so."""

    def __init__(self, file: Path, end: int | str) -> None:
        self.end, self.taken = end, 0
        self.file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def step(self, name: str) -> None:
        self.taken += 1
        os.write(self.file, f"{name}\n".encode())
        if self.end in (self.taken, name):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, what: Any) -> Any:
        """The same thing, with a step before each call."""
        return _Stepped(what, self)


class _Stepped:
    def __init__(self, what: Any, steps: Steps) -> None:
        self._what, self._steps = what, steps

    def __getattr__(self, name: str) -> Any:
        said = getattr(self._what, name)
        if not callable(said) or name.startswith("_"):
            return said

        def called(*args: Any, **named: Any) -> Any:
            if name not in READING:
                self._steps.step(name)
            return said(*args, **named)

        return called


@dataclass(frozen=True)
class Parts:
    """What a process has at hand: the parts of an installation, each call of which is a step."""

    worker: Worker
    reception: Reception
    hubs: list[Any]
    lines: list[Line]
    services: Services


Work = Callable[[Parts], object]


@dataclass(frozen=True)
class Life:
    """How a process lived: whether it was killed, and what it did."""

    killed: bool
    steps: list[str]


def live(work: Work, configuration: Path, end: int | str = 0) -> Life:
    """A process that does this work and ends with it, or at a step. Raises AssertionError where it ends any other way."""
    process, file = begin(work, configuration, end)
    return ended(process, file)


def ended(process: BaseProcess, file: Path) -> Life:
    """How it lived, once it has ended."""
    process.join(PATIENCE)
    assert process.exitcode in (0, -signal.SIGKILL), f"ended with {process.exitcode}; its last steps: {told(file)[-5:]}"
    return Life(process.exitcode != 0, told(file))


def begin(work: Work, configuration: Path, end: int | str = 0) -> tuple[BaseProcess, Path]:
    """A process at this work, and the file of its steps. Whoever begins it ends it."""
    file = configuration.parent / f"steps-{os.urandom(6).hex()}"
    file.touch()
    process = FRESH.Process(target=_live, args=(work, configuration, end, file), daemon=True)
    process.start()
    return process, file


def told(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


def _live(work: Work, configuration: Path, end: int | str, file: Path) -> None:
    os.chdir(configuration.parent)
    steps, services = Steps(file, end), build(load(configuration), MovedClock(configuration.parent / CLOCK))
    worker, store = services.worker, steps.around(services.store)
    worker.store = services.reception.store = store
    lines = [_stepped(line, steps, store) for line in services.lines]
    work(Parts(worker, services.reception, [steps.around(hub) for hub in services.hubs], lines, services))
    services.close()


def _stepped(line: Any, steps: Steps, store: Any) -> Line:
    courier: Courier = line.courier
    line.courier = replace(courier, store=store, server=steps.around(courier.server))
    line.store, line.server = store, line.courier.server
    made: Line = line
    return made
