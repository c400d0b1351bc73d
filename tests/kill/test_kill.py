"""Processes of the service are killed (SIGKILL) at random while messages arrive and assignments go out: 0 lost, 0 doubled.

`STAFETT_SEED` repeats a run; the seed is printed. In the ordinary suite: 3,000 messages by folder and hub and 20 kills, on each
engine. In `make torture` as many as `STAFETT_MESSAGES` and `STAFETT_KILLS` say, and there PostgreSQL's server crashes too.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import pytest
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.kill.feeding import Folder, Plan, Worked, feed
from tests.kill.installation import House, Process, answers, installation
from tests.kill.judging import Judge
from tests.kill.messages import Letters
from tests.kill.people import Journal, Municipality
from tests.postgres import Server, server

SEED: Final = int(os.environ.get("STAFETT_SEED") or random.SystemRandom().randrange(10**6))
MESSAGES: Final = int(os.environ.get("STAFETT_MESSAGES") or 20_000)
KILLS: Final = int(os.environ.get("STAFETT_KILLS") or 60)
ENGINES: Final = ("sqlite", "postgresql")
HURRIED: Final = 0.15  # of the lives end while they begin
LOOKS: Final = 60  # at what must be so at every moment
GIVEN_UP: Final = 90.0
"""Seconds that may pass without a file being done or a request being answered."""


@pytest.mark.slow
@pytest.mark.timeout(1200)  # it takes two minutes where nothing else runs
@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_service_loses_nothing_and_doubles_nothing(engine: str, tmp_path: Path) -> None:
    with database(engine) as postgresql:
        run(tmp_path, Plan(), postgresql)


@pytest.mark.torture
@pytest.mark.timeout(0)
@pytest.mark.parametrize("engine", ENGINES)
def test_many_messages_survive_many_kills(engine: str, tmp_path: Path) -> None:
    by_hub, posts = min(MESSAGES // 10, 10_000), min(MESSAGES // 100, 1_000)
    plan = Plan(MESSAGES - by_hub, by_hub, posts, granted=min(MESSAGES // 20, 5_000), kills=KILLS, crashes=KILLS // 12)
    with database(engine) as postgresql:
        run(tmp_path, plan, postgresql)


def database(engine: str) -> AbstractContextManager[Server | None]:
    """PostgreSQL's server; none for SQLite."""
    return server() if engine == "postgresql" else nullcontext()


def run(folder: Path, plan: Plan, postgresql: Server | None) -> None:
    print(f"STAFETT_SEED={SEED}")  # noqa: T201 - repeats this run
    started, letters = time.monotonic(), Letters(SEED)
    url = postgresql.url if postgresql else f"sqlite:///{folder}/stafett.db"
    with installation(folder, url) as house:
        taken, journal, municipality = Folder(house, plan), Journal(house, plan, letters), Municipality(house)
        judge = Judge(house, plan, letters, taken, journal)
        house.start()
        house.until(lambda: answers(f"{house.service}/health/live"), 60)
        working = [Worked(taken.watch), Worked(lambda: feed(house, plan, letters, taken)), Worked(journal.work)]
        working.append(Worked(municipality.work))
        for thread in working:
            thread.start()
        try:
            lives = live_and_die(house, judge, working, plan, postgresql)
            wait_for_the_rest(house, judge, working)
        finally:
            municipality.stopped.set()
            taken.stopped.set()
        for thread in working:
            thread.join(30)
            thread.check()
        assert [process.stop() for process in house.fleet] == [0] * len(house.fleet)
        took = time.monotonic() - started
        judge.judge()
        again = f"{taken.again} files left twice"
        print(f"{plan.all} messages, {sum(lives.values())} kills in {took:.0f} s, {again}: {lives}")  # noqa: T201
        judge.close()


def live_and_die(house: House, judge: Judge, working: list[Worked], plan: Plan, postgresql: Server | None) -> dict[str, int]:
    """Kill the processes at random, and start them again; how often each was killed. The last kill comes before all is done."""
    chance, lives = random.Random(SEED), dict.fromkeys((one.name for one in house.fleet), 0)
    crashes = {(n + 1) * plan.kills // (plan.crashes + 1) for n in range(plan.crashes)}
    hurried: Process | None = None
    with progress(plan) as told:
        for kill in range(plan.kills):
            if hurried:
                time.sleep(chance.uniform(0.05, 1.5))
            else:
                at = (kill + chance.random()) * plan.files / (plan.kills + 2)
                wait(house, judge, working, lambda at=at: told(judge.folder.done) >= at)  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.05))
            victim = hurried or chance.choice(house.fleet)
            house.must_live()
            victim.kill()
            lives[victim.name] += 1
            if kill % max(plan.kills // LOOKS, 1) == 0:
                judge.look()
            if postgresql and kill in crashes:
                postgresql.stop("immediate")
                postgresql.start()
            victim.start()
            hurried = victim if chance.random() < HURRIED else None
    assert judge.folder.done < plan.files, "the last kill came when the work was done"
    return lives


def wait_for_the_rest(house: House, judge: Judge, working: list[Worked]) -> None:
    wait(house, judge, working, lambda: not working[1].is_alive() and not working[2].is_alive(), why="not all was fed")
    wait(house, judge, working, judge.is_done, every=0.5, why="something is left")


def wait(
    house: House, judge: Judge, working: list[Worked], what: Callable[[], bool], *, every: float = 0.01, why: str = ""
) -> None:
    """Until it is true; fails where something has ended, or where nothing has happened for long."""
    done, since = judge.pulse, time.monotonic()
    while not what():
        house.must_live()
        for thread in working:
            thread.check()
        if judge.pulse > done:
            done, since = judge.pulse, time.monotonic()
        if time.monotonic() - since > GIVEN_UP:
            words = "\n".join(process.words() for process in house.fleet)
            raise AssertionError(f"nothing happened for {GIVEN_UP:g} s ({why}): {judge.stands()}\n{words}")
        time.sleep(every)


@contextmanager
def progress(plan: Plan) -> Iterator[Callable[[int], int]]:
    """Shows how many files are done; returns what it is told."""
    columns = (TextColumn("files done"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, refresh_per_second=2) as bar:
        task = bar.add_task("", total=plan.files)

        def told(done: int) -> int:
            bar.update(task, completed=done)
            return done

        yield told
