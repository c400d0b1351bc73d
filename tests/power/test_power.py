"""The power is cut, at hundreds of moments of one recording: what was acknowledged is there, and whole.

`STAFETT_SEED` repeats a run as far as the machine lets it: the cuts and the disks that they leave, not what the threads did.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.house.processes import STAFETT
from tests.kill.messages import Made, make_messages
from tests.power.installation import WEAKENED, Clients, Process, at_once, drop, files, lay, post, write
from tests.power.judge import effects, faults, lay_out
from tests.power.recorder import Recorder
from tests.power.replay import Disk, Record, read

SEED = int(os.environ.get("STAFETT_SEED") or random.SystemRandom().randrange(10**6))
KEPT = (0.0, 0.0, 0.1, 0.5, 0.9, 1.0)  # share of what was not certain that a cut leaves


@dataclass(frozen=True)
class Recording:
    """What a service did to its folder, and what its clients saw."""

    folder: Path
    records: list[Record]
    clients: Clients
    files: list[Made]
    posts: list[Made]

    def disk(self, unsynced: Collection[str] = ()) -> Disk:
        there = [(0, str(path), path.read_bytes()) for path in (self.folder / "stafett.toml",)]
        return Disk(self.folder, self.records, [*there, *self.clients.dropped], unsynced)


def record(folder: Path, library: Path, command: tuple[str | Path, ...] = (STAFETT,), size: int = 12) -> Recording:
    """Two lives of a service that has `size` files, as many messages by HTTP and half as many organisations to keep:
    it is killed in the middle of them, and asked to end when all is done.
    """
    print(f"STAFETT_SEED={SEED}")  # noqa: T201 - repeats this run
    installed = folder / "installed"
    installed.mkdir()
    lay(installed)
    recorder, clients = Recorder(library, folder / "outside"), Clients()
    process, made = Process(installed, recorder, command), make_messages(SEED, 2 * size)
    by_file, by_post = made[:size], made[size:]
    jobs = [partial(post, made=one, clients=clients) for one in by_post]
    jobs += [partial(write, number=number, clients=clients) for number in range(size // 2)]
    random.Random(SEED).shuffle(jobs)
    try:
        process.start()
        threads = at_once(process, jobs)
        for number, one in enumerate(by_file):
            drop(installed, f"{number:04d}", one.data, clients)
            if number == size // 2:
                process.wait(lambda: len(clients.told) > size // 2, 60)
                process.kill()
                process.start()
        for thread in threads:
            thread.join(90)
            assert not thread.is_alive()
        process.wait(lambda: files(installed, "out") == files(installed, "done") == size, 90)
        process.stop()
    finally:
        process.kill()
    return Recording(installed, read(recorder.log), clients, by_file, by_post)


def cuts(recording: Recording, count: int) -> list[int]:
    """Numbers of the records before which the power is cut: half of them anywhere, half right after an answer."""
    chance = random.Random(SEED)
    found = [chance.randrange(len(recording.records) + 1) for _ in range(count - count // 2)]
    times = [record.time for record in recording.records]
    for one in chance.choices(recording.clients.told, k=count // 2):
        found.append(next((number for number, moment in enumerate(times) if moment > one.time), len(times)))
    return sorted(found)


def left(recording: Recording, count: int, folder: Path, unsynced: Collection[str] = ()) -> Iterator[list[str]]:
    """Cut the power so many times: what is wrong with each disk that is left, laid out in `folder`."""
    disk, before = recording.disk(unsynced), dict[str, bytearray | None]()
    for number, cut in enumerate(cuts(recording, count)):
        chance = random.Random(f"{SEED} {number}")
        disk.play(cut)
        contents = disk.after(chance, chance.choice(KEPT))
        lay_out(folder, contents, before)
        told = recording.clients.at(disk.time)
        dropped = {path: data for time, path, data in recording.clients.dropped if time < disk.time}
        yield faults(folder, contents, told, dropped)
        before = contents


@pytest.fixture(scope="module")
def recording(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("power"), library)


@pytest.mark.slow
def test_the_recorder_misses_nothing(recording: Recording) -> None:
    disk = recording.disk()
    disk.play(len(recording.records))
    everything = {path: content for path, content in disk.after(random.Random(0), 1.0).items() if content is not None}
    there = {str(path.relative_to(recording.folder)): path.read_bytes() for path in recording.folder.rglob("*") if path.is_file()}

    assert everything == there


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_power_is_cut(recording: Recording, memory: Path) -> None:
    started = time.monotonic()
    found = Counter(fault for faults in left(recording, 150, memory) for fault in faults)
    print(f"{len(recording.records)} records, {len(recording.clients.told)} answers, {time.monotonic() - started:.1f} s")  # noqa: T201
    assert not found


@pytest.mark.slow
@pytest.mark.parametrize("unsynced", ["hub", "hub/out", "hub/out/.*.tmp", "stafett.db-wal"])
def test_a_sync_that_is_left_out_is_noticed(recording: Recording, memory: Path, unsynced: str) -> None:
    assert any(left(recording, 60, memory, [unsynced]))


@pytest.mark.slow
def test_what_is_left_is_taken_up_and_each_message_has_its_effect_once(recording: Recording, tmp_path: Path) -> None:
    resume(recording, tmp_path / "left", random.Random(SEED))


def resume(recording: Recording, folder: Path, chance: random.Random) -> None:
    """Cut the power while messages come in, start the service on what is left, and send again what was not acknowledged."""
    answers = sorted(one.time for one in recording.clients.told)
    disk, moment = recording.disk(), chance.choice(answers[len(answers) // 4 : -len(answers) // 4])
    disk.play(next(number for number, record in enumerate(recording.records) if record.time > moment))
    lay(folder)
    lay_out(folder, disk.after(chance, chance.choice(KEPT)) | {"stafett.toml": bytearray((folder / "stafett.toml").read_bytes())})
    process, again = Process(folder, None), Clients()
    for name, one in enumerate(recording.files):
        drop(folder, f"{name:04d}", one.data, again)  # those that are done came twice: another hub would give them again too
    try:
        process.start()
        for thread in at_once(process, [partial(post, made=one, clients=again) for one in recording.posts]):
            thread.join(90)
        process.wait(lambda: not files(folder, "in") and files(folder, "out") == len(recording.files), 60)
        process.stop()
    finally:
        process.kill()
    left = {str(path.relative_to(folder)): bytearray(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}

    assert list(effects(folder, [one.msg_id for one in (*recording.files, *recording.posts)])) == []
    assert faults(folder, left, recording.clients.at(moment), {}) == []


@pytest.mark.slow
def test_with_synchronous_normal_something_acknowledged_is_lost(library: Path, tmp_path: Path, memory: Path) -> None:
    weak = record(tmp_path, library, WEAKENED)

    assert any(fault.startswith("lost: ") for faults in left(weak, 60, memory) for fault in faults)


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_ten_thousand_cuts_lose_nothing(library: Path, tmp_path: Path, memory: Path) -> None:
    found = Counter[str]()
    for number, size in enumerate((40, 12, 12, 12, 12)):  # the first is long enough for checkpoints while it works
        folder = tmp_path / str(number)
        folder.mkdir()
        recording = record(folder, library, size=size)
        started = time.monotonic()
        found.update(fault for faults in left(recording, 2000, memory) for fault in faults)
        print(f"2000 cuts of {len(recording.records)} records, {time.monotonic() - started:.0f} s: {dict(found)}")  # noqa: T201
        resume(recording, folder / "left", random.Random(SEED + number))

    assert not found
