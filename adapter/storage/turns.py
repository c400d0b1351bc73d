"""One commit for many small units: SQLite's way to keep up, since it has one writer and each commit waits for the disk.

    turns = Turns(engine)
    turns.run(lambda unit: unit.put(…))        # from any number of threads
    turns.run_each([…])                        # many at once

Whoever finds nobody at it takes the lead: runs the jobs that wait, each within a savepoint of its own, and commits them
together; those who come meanwhile are the next turn's. A job that raises is undone alone. Nobody is answered before the
commit, and all are told when it fails.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from threading import Event, Lock
from typing import Any

from sqlalchemy import Connection, Engine

from adapter.domain.problem import Kind, Problem, problem
from adapter.storage.engines import begin
from adapter.storage.rows import Part

MOST = 64  # jobs of one turn
SECONDS = 0.1  # after which no further job is begun in a turn: those who are done wait for the commit


class Job:
    """What one thread wants done. It is run in that thread's context, by whichever thread leads."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.context: Context = copy_context()
        self.ready = Event()  # it is done, or its turn to lead
        self.leads = False
        self.result: Any = None
        self.error: BaseException | None = None


class Turns:
    """The queue for an engine of one connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._waiting: deque[Job] = deque()
        self._led = False

    def run(self, work: Callable[[Connection], Any]) -> Any:
        """What `work` returns, once it is committed; or what it, or the commit, raised."""
        (done,) = self.run_each([work])
        if isinstance(done, Exception):
            raise done
        return done

    def run_each(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        """What each of them returns, or raised, once all are committed; those that fall into one turn in one commit."""
        jobs = [Job(work) for work in works]
        with self._lock:
            self._waiting.extend(jobs)
            if jobs:
                jobs[0].leads, self._led = not self._led, True
        try:
            for job in jobs:
                if not job.leads:
                    job.ready.wait()
                if job.leads:
                    self._lead(job)
        except BaseException:  # an interrupt: the others go on without this thread
            self._leave(jobs)
            raise
        return [job.result if job.error is None else job.error for job in jobs]

    def _leave(self, jobs: Sequence[Job]) -> None:
        with self._lock:
            left = [job for job in jobs if job in self._waiting]
            for job in left:
                self._waiting.remove(job)
            if any(job.leads for job in left):
                self._hand_on()

    def _lead(self, own: Job) -> None:
        """One turn; the leader's own job is the first of those that wait."""
        done: list[Job] = []
        try:
            with begin(self._engine) as connection:
                turn = Part(connection)
                until = time.monotonic() + SECONDS
                while (not done or (len(done) < MOST and time.monotonic() < until)) and (job := self._next()):
                    done.append(job)  # the first in any case: it is the leader's own, who does not come again
                    _run(turn, job)
        except Exception as error:
            done = done or [self._next() or own]  # no connection: the others try for themselves
            for job in done:
                job.error = job.error or _copy(error)
        except BaseException:  # an interrupt
            for job in done or [self._next() or own]:
                job.error = _lost()
            raise
        finally:
            with self._lock:
                self._hand_on()
            for job in done:
                job.ready.set()

    def _next(self) -> Job | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _hand_on(self) -> None:
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].ready.set()
        else:
            self._led = False


def _run(turn: Part, job: Job) -> None:
    """Do a job; raises where that ended the whole transaction, as SQLite does by itself when the disk is full."""
    turn.ask("SAVEPOINT job", ())
    try:
        job.result = job.context.run(job.work, turn.connection)
    except Exception as error:
        job.error = error
        if not turn.in_transaction:
            raise _lost() from error
        turn.ask("ROLLBACK TO job", ())
    turn.ask("RELEASE job", ())


def _copy(error: Exception) -> Exception:
    """The error for one of several threads: an exception that is raised twice mixes up where it came from."""
    return Problem(*error.findings, retry_after=error.retry_after) if isinstance(error, Problem) else error


def _lost() -> Problem:
    return problem(
        Kind.TRANSIENT,
        "The database stopped before this was stored. Send it again.",
        "Databasen stoppet før dette var lagret. Send det på nytt.",
    )
